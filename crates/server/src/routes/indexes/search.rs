//! Our own routes that look for records: by text, by vector, and how well that works.

use axum::body::Body;
use axum::http::Response;
use index::{IndexDescription, Namespace, QueryResult};
use jobs::Trust;
use wire::indexes::{Recall, Search, SearchAnswer};

use super::{Opened, SemblaErrors, open};
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects::Place;
use crate::dialects::indexes as dialect;
use crate::error::HttpError;
use crate::index_model::{IndexModel, Role};
use crate::offload::Effort;
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond;

/// Finds the records that are nearest to a text or a vector.
///
/// A text is embedded with the model and the prompt that the index was built with. In a hybrid index
/// its words count beside its meaning. `explain` shows each step with the records that it looked at,
/// whether it could miss, and its time.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/search", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = Search,
    responses((status = 200, description = "The hits, best first", body = SearchAnswer), SemblaErrors)
)]
pub(crate) async fn search(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<Search>,
) -> Result<Response<Body>, HttpError> {
    let Opened { store, name, description } = open(&call, name).await?;
    let namespace = Namespace::new(&request.namespace);
    let explain = request.explain;
    let query = query(&call, &description, request).await?;
    let result = store.query(&name, &namespace, &query).await?;
    let effort = Effort::of_writing(num_values(&result));
    let write = move || dialect::answer(result, explain).map(|answer| respond::json(&answer));
    call.app.offload().run_if(effort, write).await
}

async fn query(
    call: &Call,
    there: &IndexDescription,
    mut request: Search,
) -> Result<index::Query, HttpError> {
    let Some(text) = request.text.take() else {
        if request.model.is_some() {
            return Err(dialect::bad_field("model", "there is no text for it to embed"));
        }
        if request.vector.is_none() && request.sparse.is_none() {
            return Err(dialect::bad_field("text", "say what to look for with text or vector"));
        }
        return dialect::vector_search(request);
    };
    if request.vector.is_some() || request.sparse.is_some() {
        return Err(dialect::bad_field("text", "vector is given too; send one of the two"));
    }
    let wanted = dialect::text_search(&request)?;
    let model = match &request.model {
        None if request.force => {
            return Err(dialect::bad_field(
                "force",
                "say with which model: send its name as model",
            ));
        }
        None => IndexModel::find(call, &there.spec)?,
        Some(name) => {
            let trust = if request.force { Trust::Force } else { Trust::Check };
            IndexModel::asked(call, &there.spec, name, trust)?
        }
    };
    let mut answer = model.embed(call, vec![text.clone()], Role::Query, Place::one("text")).await?;
    let vector = answer.results.pop().map(|embedded| embedded.values).unwrap_or_default();
    let query = jobs::text_query(&there.spec, &text, vector, wanted);
    let query = query.map_err(|err| dialect::bad_field("hybrid", &err.to_string()))?;
    Ok(index::Query { include: dialect::include(&request), ..query })
}

fn num_values(result: &QueryResult) -> usize {
    let values = |hit: &index::Match| hit.values.len() + 8 * hit.metadata.len() + 1;
    result.matches.iter().map(values).sum()
}

/// Measures how many of the nearest records the live index finds, on stored vectors.
///
/// Each sampled vector is looked for twice: as any query is, and exactly.
#[utoipa::path(
    get, path = "/v1/indexes/{name}/recall", tag = "Indexes",
    params(
        ("name" = String, Path, description = "The index"),
        ("namespace" = Option<String>, Query, description = "The default one where this is absent"),
        ("top_k" = Option<usize>, Query, description = "Matches of each query; 10 where this is absent"),
        ("samples" = Option<usize>, Query, description = "Queries, 1 to 1,000; 100 where this is absent")
    ),
    responses((status = 200, description = "What was found", body = Recall), SemblaErrors)
)]
pub(crate) async fn recall(
    call: Call,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.only(&["namespace", "top_k", "samples"])?;
    let Opened { store, name, .. } = open(&call, name).await?;
    let (top_k, samples) = (parameters.count("top_k", 10)?, parameters.count("samples", 100)?);
    if !(1..=jobs::MAX_SAMPLES).contains(&samples) {
        let message =
            format!("a measurement takes 1 to {} queries, not {samples}", jobs::MAX_SAMPLES);
        return Err(dialect::bad_field("samples", &message));
    }
    let namespace = Namespace::new(parameters.get("namespace").unwrap_or_default());
    let measured = jobs::recall(&store, &name, &namespace, top_k, samples).await?;
    Ok(respond::json(&Recall {
        num_queries: measured.num_queries,
        top_k,
        recall: measured.recall,
        p50_ms: measured.p50.as_secs_f64() * 1e3,
        exact_p50_ms: measured.exact_p50.as_secs_f64() * 1e3,
    }))
}
