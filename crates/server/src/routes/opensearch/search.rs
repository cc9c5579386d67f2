//! `_search` and `_count`.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use index::Record;
use wire::opensearch::search::{CountRequest, Hit, Hits, SearchRequest, SearchResponse, Total};
use wire::opensearch::{CountResponse, Shards};

use super::documents::damaged;
use super::parameters::Parameters;
use super::{OpenSearchErrors, find, lookup, namespace, read_or_default};
use crate::App;
use crate::body::RawBody;
use crate::dialects::opensearch::mapping::Mapped;
use crate::dialects::opensearch::source::Chosen;
use crate::dialects::opensearch::{document, filter, plan};
use crate::error::HttpError;
use crate::offload::Effort;
use crate::path::Names;
use crate::respond;

/// Finds documents: the nearest to a vector, those that pass a filter, or both.
#[utoipa::path(
    method(get, post), path = "/os/{index}/_search", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    request_body = serde_json::Value,
    responses((status = 200, description = "Hits, best first", body = serde_json::Value), OpenSearchErrors)
)]
pub(crate) async fn search(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    let began = Instant::now();
    let overrides = parameters.overrides()?;
    let store = app.indexes()?;
    let mapped = lookup(store, &name).await?;
    let effort = Effort::of_reading(body.bytes.len());
    let request: SearchRequest =
        app.offload().run_if(effort, move || read_or_default(&body)).await?;
    let plan = plan::plan(&mapped, request, overrides)?;
    let (page, total) = find::page(&app, store, &mapped, &plan).await?;
    let total = plan.is_counted.then_some(total);
    let answer = move || write_hits(&mapped, page, &plan.source, total, began);
    app.offload().run(answer).await
}

fn write_hits(
    mapped: &Mapped,
    page: Vec<(Record, f32)>,
    chosen: &Chosen,
    total: Option<Total>,
    began: Instant,
) -> Result<Response<Body>, HttpError> {
    let mut hits = Vec::with_capacity(page.len());
    for (record, score) in page {
        let source = match chosen {
            Chosen::None => None,
            Chosen::All | Chosen::Some { .. } => {
                chosen.of(document::source(mapped, &record).map_err(damaged)?)
            }
        };
        hits.push(Hit { index: mapped.name.clone(), id: record.id, score, source });
    }
    let max_score = hits.first().map(|hit| hit.score);
    Ok(respond::json(&SearchResponse {
        took: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        timed_out: false,
        shards: Shards::SEARCHED,
        hits: Hits { total, max_score, hits },
    }))
}

/// Counts documents.
#[utoipa::path(
    method(get, post), path = "/os/{index}/_count", tag = "OpenSearch",
    params(("index" = String, Path, description = "Name of the index")),
    request_body = serde_json::Value,
    responses((status = 200, description = "How many the query finds", body = CountResponse), OpenSearchErrors)
)]
pub(crate) async fn count(
    State(app): State<App>,
    Names(name): Names<String>,
    parameters: Parameters,
    body: RawBody,
) -> Result<Response<Body>, HttpError> {
    parameters.none()?;
    let store = app.indexes()?;
    let mapped = lookup(store, &name).await?;
    let request: CountRequest = read_or_default(&body)?;
    let query = request.query.as_ref();
    let filter = query.map(|query| filter::filter(&mapped, query, "query")).transpose()?;
    let stats = store.stats(&mapped.spec.name, filter.as_ref()).await?;
    let count = find::in_namespace(&stats, &namespace());
    Ok(respond::json(&CountResponse { count, shards: Shards::SEARCHED }))
}
