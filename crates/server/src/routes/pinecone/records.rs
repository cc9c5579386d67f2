//! Records: text in, hits out, with the model that the index was created for.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use index::{Fusion, Include, Namespace, Precision, Query, SparseVector};
use wire::pinecone::{SearchRequest, SearchResponse, SearchResult, SearchUsage};

use super::on_index::{OnIndex, with_seen_lsn, with_written_lsn};
use super::query::vector_of;
use crate::body::{JsonBody, JsonLines};
use crate::dialects::Place;
use crate::dialects::pinecone::data::{self, Near};
use crate::dialects::pinecone::{bad_field, control, records};
use crate::error::{ErrorKind, HttpError};
use crate::index_model::{IndexModel, Role, fill};
use crate::path::Names;
use crate::respond;
use crate::routes::errors::PineconeDataErrors;

/// Embeds the texts of records and writes them, replacing those with the same ids. The body has one JSON
/// object a line.
#[utoipa::path(
    post, path = "/records/namespaces/{namespace}/upsert", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("namespace" = String, Path, description = "Name of a namespace")
    ),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 201, description = "All were written"), PineconeDataErrors)
)]
pub(crate) async fn upsert_records(
    index: OnIndex,
    Names((_, namespace)): Names<(String, String)>,
    JsonLines(lines): JsonLines,
) -> Result<Response<Body>, HttpError> {
    let spec = index.store.describe_index(&index.name).await?.spec;
    let model = IndexModel::find(&index.call, &spec)?;
    let text_field = control::text_field(&spec);
    let (mut written, mut texts) = (Vec::with_capacity(lines.len()), Vec::new());
    for (line, fields) in lines {
        let taken = records::text_record(fields, line, text_field)?;
        written.push(taken.record);
        texts.push(taken.text);
    }
    let place = Place::list("records");
    let answer = model.embed(&index.call, texts.clone(), Role::Document, place).await?;
    for ((record, text), embedded) in written.iter_mut().zip(&texts).zip(answer.results) {
        fill(record, &spec, text, embedded.values);
    }
    let written = index.store.upsert(&index.name, &Namespace::new(namespace), written).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    respond::insert_compute_headers(response.headers_mut(), &answer.totals, &answer.timing);
    Ok(with_written_lsn(response, written.lsn))
}

/// Finds the records nearest to a text, which is embedded first, to a vector or to a record.
#[utoipa::path(
    post, path = "/records/namespaces/{namespace}/search", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("namespace" = String, Path, description = "Name of a namespace")
    ),
    request_body = SearchRequest,
    responses((status = 200, description = "Best first", body = SearchResponse), PineconeDataErrors)
)]
pub(crate) async fn search_records(
    index: OnIndex,
    Names((_, namespace)): Names<(String, String)>,
    JsonBody(request): JsonBody<SearchRequest>,
) -> Result<Response<Body>, HttpError> {
    let SearchRequest { query, fields, rerank } = request;
    if rerank.is_some() {
        let message = "`rerank`: no reranker is loaded; leave it out, since the hits are in the order \
                       of their scores";
        return Err(HttpError::new(ErrorKind::WrongTask, message).param("rerank"));
    }
    if query.match_terms.is_some() {
        let problem = "no sparse model is loaded that knows terms; use a filter";
        return Err(bad_field("query.match_terms", problem));
    }
    data::check_top_k("query.top_k", query.top_k)?;
    let namespace = Namespace::new(namespace);
    let sources = (query.inputs, query.vector, query.id);
    let filter = query.filter.as_ref().map(data::filter).transpose()?;
    let Some(Sought { vector, sparse, num_tokens }) = sought(&index, &namespace, sources).await?
    else {
        return Ok(respond::json(&response_of(Vec::new(), None)));
    };
    let query = Query {
        vector,
        sparse,
        fusion: Fusion::Sum,
        top_k: query.top_k,
        filter,
        include: Include { values: false, metadata: true },
        precision: Precision::Auto,
    };
    let found = index.store.query(&index.name, &namespace, &query).await;
    let found = found.map_err(|err| data::query_error(err, "query.vector.values"))?;
    data::check_scores(&found.matches)?;
    let hits = found.matches.into_iter().map(|found| records::hit(found, fields.as_deref()));
    let response = respond::json(&response_of(hits.collect(), num_tokens));
    Ok(with_seen_lsn(response, found.lsn))
}

/// What is searched for, as vectors.
struct Sought {
    vector: Vec<f32>,
    sparse: Option<SparseVector>,
    /// Tokens of the text, if it was one.
    num_tokens: Option<usize>,
}

type Sources =
    (Option<wire::pinecone::SearchInputs>, Option<wire::pinecone::SearchVector>, Option<String>);

// `None` if it is a record that is not there.
async fn sought(
    index: &OnIndex,
    namespace: &Namespace,
    sources: Sources,
) -> Result<Option<Sought>, HttpError> {
    let near = match sources {
        (Some(inputs), None, None) => return embed(index, inputs.text).await.map(Some),
        (None, Some(vector), None) => {
            let (vector, sparse) = records::vector(vector)?;
            Near::Vector(vector, sparse)
        }
        (None, None, Some(id)) => Near::Id(id),
        _ => {
            return Err(bad_field("query", "send one of `inputs`, `vector` and `id`"));
        }
    };
    let found = vector_of(index, namespace, near).await?;
    Ok(found.map(|(vector, sparse)| Sought { vector, sparse, num_tokens: None }))
}

async fn embed(index: &OnIndex, text: String) -> Result<Sought, HttpError> {
    let spec = index.store.describe_index(&index.name).await?.spec;
    let model = IndexModel::find(&index.call, &spec)?;
    let answer =
        model.embed(&index.call, vec![text], Role::Query, Place::one("query.inputs.text")).await?;
    let num_tokens = Some(answer.totals.num_tokens);
    let embedded = answer.results.into_iter().next().expect("one text gives one embedding");
    Ok(Sought { vector: embedded.values, sparse: None, num_tokens })
}

fn response_of(
    hits: Vec<wire::pinecone::Hit>,
    embed_total_tokens: Option<usize>,
) -> SearchResponse {
    let usage = SearchUsage { read_units: 1, embed_total_tokens };
    SearchResponse { result: SearchResult { hits }, usage }
}
