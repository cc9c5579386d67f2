//! Vectors of the data plane: writing, fetching, listing, deleting and counting them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use index::{Filter, MAX_BATCH_RECORDS, Namespace, PageRequest, Record, Selection, StoreError};
use serde_json::json;
use wire::pinecone::{
    DeleteRequest, FetchByMetadataRequest, FetchResponse, ListResponse, Pagination, StatsRequest,
    StatsResponse, UpsertRequest, UpsertResponse,
};

use super::on_index::{Era, OnIndex, with_seen_lsn, with_written_lsn};
use crate::body::JsonBody;
use crate::dialects::pinecone::data::{self, READ_UNITS};
use crate::dialects::pinecone::{bad_field, control};
use crate::error::HttpError;
use crate::offload::Effort;
use crate::query_string::{Parameters, at_least_one};
use crate::respond;
use crate::routes::errors::PineconeDataErrors;

/// Ids or records of a page where the request does not say.
const PAGE: usize = 100;

/// Writes records, replacing those with the same ids. Only bytes limit their number.
#[utoipa::path(
    post, path = "/vectors/upsert", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = UpsertRequest,
    responses((status = 200, description = "All were written", body = UpsertResponse), PineconeDataErrors)
)]
pub(crate) async fn upsert(
    index: OnIndex,
    JsonBody(request): JsonBody<UpsertRequest>,
) -> Result<Response<Body>, HttpError> {
    let effort = Effort::of_walking(request.vectors.len());
    let (namespace, _) = data::namespace(request.namespace);
    let offload = index.call.app.offload();
    let records = offload.run_if(effort, move || data::records(request.vectors)).await?;
    let written = index.store.upsert(&index.name, &namespace, records).await?;
    let response = respond::json(&UpsertResponse { upserted_count: written.num_records });
    Ok(with_written_lsn(response, written.lsn))
}

/// Returns records by id. Ids that are not there are left out.
#[utoipa::path(
    get, path = "/vectors/fetch", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("ids" = Vec<String>, Query, description = "Which records"),
        ("namespace" = Option<String>, Query, description = "The default one where this is absent")
    ),
    responses((status = 200, description = "The records", body = FetchResponse), PineconeDataErrors)
)]
pub(crate) async fn fetch(
    index: OnIndex,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let (namespace, called) = data::namespace(parameters.get("namespace").map(str::to_owned));
    let ids = parameters.all("ids");
    if ids.is_empty() {
        return Err(bad_field("ids", "name at least one record, as in `?ids=a&ids=b`"));
    }
    data::check_number("ids", ids.len())?;
    let records = index.store.fetch(&index.name, &namespace, &ids).await?;
    answer_records(&index, records, called, None).await
}

/// Returns the records whose metadata passes a filter, in the order of their ids.
#[utoipa::path(
    post, path = "/vectors/fetch_by_metadata", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = FetchByMetadataRequest,
    responses((status = 200, description = "A page of records", body = FetchResponse), PineconeDataErrors)
)]
pub(crate) async fn fetch_by_metadata(
    index: OnIndex,
    JsonBody(request): JsonBody<FetchByMetadataRequest>,
) -> Result<Response<Body>, HttpError> {
    let (namespace, called) = data::namespace(request.namespace);
    let remedy = "say which are wanted, or list all ids with GET vectors/list";
    let filter = data::selecting_filter(&request.filter, remedy)?;
    let limit = page_limit(request.limit.unwrap_or(PAGE))?;
    let mut ids = index.store.find(&index.name, &namespace, &filter, usize::MAX).await?;
    ids.sort_unstable();
    if let Some(after) = request.pagination_token {
        ids.retain(|id| *id > after);
    }
    let pagination = (ids.len() > limit).then(|| Pagination { next: ids[limit - 1].clone() });
    ids.truncate(limit);
    let records = match &ids[..] {
        [] => Vec::new(),
        ids => index.store.fetch(&index.name, &namespace, ids).await?,
    };
    answer_records(&index, records, called, pagination).await
}

async fn answer_records(
    index: &OnIndex,
    records: Vec<Record>,
    namespace: String,
    pagination: Option<Pagination>,
) -> Result<Response<Body>, HttpError> {
    let num_floats = records.iter().map(|record| record.values.len() + 1).sum();
    let write = move || {
        let mut vectors = BTreeMap::new();
        for record in records {
            let vector = data::vector(record).map_err(respond::not_finite)?;
            vectors.insert(vector.id.clone(), vector);
        }
        Ok(respond::json(&FetchResponse { vectors, namespace, usage: READ_UNITS, pagination }))
    };
    index.call.app.offload().run_if(Effort::of_writing(num_floats), write).await
}

/// Lists the ids of a namespace, page by page, in the order of their bytes.
#[utoipa::path(
    get, path = "/vectors/list", tag = "Pinecone",
    params(
        ("index" = String, Path, description = "Name of an index"),
        ("namespace" = Option<String>, Query, description = "The default one where this is absent"),
        ("prefix" = Option<String>, Query, description = "Only ids that begin with this"),
        ("limit" = Option<usize>, Query, description = "Ids of a page; 100 where this is absent"),
        ("paginationToken" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page of ids", body = ListResponse), PineconeDataErrors)
)]
pub(crate) async fn list(
    index: OnIndex,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    let (namespace, called) = data::namespace(parameters.get("namespace").map(str::to_owned));
    let page = PageRequest {
        prefix: parameters.get("prefix").unwrap_or_default().to_owned(),
        limit: page_limit(parameters.count("limit", PAGE)?)?,
        after: parameters.get("paginationToken").map(str::to_owned),
    };
    let listed = index.store.list(&index.name, &namespace, &page).await?;
    Ok(respond::json(&ListResponse {
        vectors: data::list_items(listed.ids),
        pagination: listed.next.map(|next| Pagination { next }),
        namespace: called,
        usage: READ_UNITS,
    }))
}

fn page_limit(limit: usize) -> Result<usize, HttpError> {
    let limit = at_least_one(limit)?;
    if limit > MAX_BATCH_RECORDS {
        let problem = format!("a page holds at most {MAX_BATCH_RECORDS}, not {limit}");
        return Err(bad_field("limit", &problem));
    }
    Ok(limit)
}

/// Deletes records by id, by filter, or all of a namespace.
#[utoipa::path(
    post, path = "/vectors/delete", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = DeleteRequest,
    responses((status = 200, description = "They are gone"), PineconeDataErrors)
)]
pub(crate) async fn delete(
    index: OnIndex,
    JsonBody(mut request): JsonBody<DeleteRequest>,
) -> Result<Response<Body>, HttpError> {
    let (namespace, _) = data::namespace(request.namespace.take());
    let selection = data::selection(request)?;
    // 2.x empties an empty namespace without a word; later it is not found.
    if selection == Selection::All && index.era == Era::Current {
        require_namespace(&index, &namespace).await?;
    }
    let written = index.store.delete(&index.name, &namespace, &selection).await?;
    Ok(with_written_lsn(respond::json(&json!({})), written.lsn))
}

/// Returns how many records a namespace has.
///
/// # Errors
///
/// If it has none, since then it is not there.
pub(super) async fn require_namespace(
    index: &OnIndex,
    namespace: &Namespace,
) -> Result<u64, HttpError> {
    let stats = index.store.stats(&index.name, None).await?;
    let found = stats.namespaces.iter().find(|stats| stats.namespace == *namespace);
    let Some(found) = found else {
        return Err(StoreError::NamespaceNotFound {
            index: index.name.as_str().to_owned(),
            namespace: namespace.as_str().to_owned(),
        }
        .into());
    };
    Ok(found.num_records)
}

/// Counts the records of each namespace, all or those that pass a filter.
#[utoipa::path(
    post, path = "/describe_index_stats", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = StatsRequest,
    responses((status = 200, description = "The counts", body = StatsResponse), PineconeDataErrors)
)]
pub(crate) async fn describe_stats(
    index: OnIndex,
    JsonBody(request): JsonBody<StatsRequest>,
) -> Result<Response<Body>, HttpError> {
    let filter = request.filter.as_ref().map(data::filter).transpose()?;
    answer_stats(&index, filter.as_ref()).await
}

/// Counts the records of each namespace.
#[utoipa::path(
    get, path = "/describe_index_stats", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    responses((status = 200, description = "The counts", body = StatsResponse), PineconeDataErrors)
)]
pub(crate) async fn describe_all_stats(index: OnIndex) -> Result<Response<Body>, HttpError> {
    answer_stats(&index, None).await
}

async fn answer_stats(
    index: &OnIndex,
    filter: Option<&Filter>,
) -> Result<Response<Body>, HttpError> {
    let spec = index.store.describe_index(&index.name).await?.spec;
    let stats = index.store.stats(&index.name, filter).await?;
    let vector_type = control::vector_type(spec.kind);
    let response = respond::json(&StatsResponse {
        namespaces: data::namespaces(&stats, index.era.default_namespace()),
        dimension: (spec.kind == index::VectorKind::Dense).then_some(spec.dimensions),
        index_fullness: 0,
        total_vector_count: stats.num_records(),
        metric: control::metric(spec.metric),
        vector_type,
    });
    Ok(with_seen_lsn(response, stats.lsn))
}
