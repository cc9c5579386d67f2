//! Vectors and queries of the data plane.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use index::{Filter, Namespace, PageRequest, QueryResult, Record, Selection, StoreError, Update};
use serde_json::json;
use tokio::task::JoinSet;
use wire::pinecone::{
    DeleteRequest, FetchByMetadataRequest, FetchResponse, ListResponse, Pagination, QueryRequest,
    QueryResponse, StatsRequest, StatsResponse, UpdateRequest, UpdateResponse, UpsertRequest,
    UpsertResponse,
};

use super::on_index::{Era, OnIndex, with_seen_lsn, with_written_lsn};
use crate::body::JsonBody;
use crate::dialects::pinecone::control;
use crate::dialects::pinecone::data::{self, Near, READ_UNITS};
use crate::error::{ErrorKind, HttpError};
use crate::offload::Effort;
use crate::query_string::{Parameters, at_least_one};
use crate::respond::pieces::Matches;
use crate::respond::{self, Pieces};
use crate::routes::errors::PineconeDataErrors;

/// Ids or records of a page where the request does not say.
const PAGE: usize = 100;
/// Changes of single records under way at the same time, which the store may make durable together.
const UPDATES_AT_ONCE: usize = 64;

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

/// Finds the records nearest to a vector or to a record. A record that is not there is near to none.
#[utoipa::path(
    post, path = "/query", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = QueryRequest,
    responses((status = 200, description = "Best first", body = QueryResponse), PineconeDataErrors)
)]
pub(crate) async fn query(
    index: OnIndex,
    JsonBody(mut request): JsonBody<QueryRequest>,
) -> Result<Response<Body>, HttpError> {
    let (namespace, called) = data::namespace(request.namespace.take());
    let near = data::near(&mut request)?;
    let Some(vector) = vector_of(&index, &namespace, near).await? else {
        return answer_query(&index, QueryResult::default(), called).await;
    };
    let query = data::query(vector, &request)?;
    let found = index.store.query(&index.name, &namespace, &query).await?;
    answer_query(&index, found, called).await
}

/// Returns what a query is near to, or `None` if that is a record that is not there.
pub(super) async fn vector_of(
    index: &OnIndex,
    namespace: &Namespace,
    near: Near,
) -> Result<Option<(Vec<f32>, Option<index::SparseVector>)>, HttpError> {
    let id = match near {
        Near::Vector(vector, sparse) => return Ok(Some((vector, sparse))),
        Near::Id(id) => id,
    };
    let records = index.store.fetch(&index.name, namespace, &[id]).await?;
    Ok(records.into_iter().next().map(|record| (record.values, record.sparse)))
}

async fn answer_query(
    index: &OnIndex,
    found: QueryResult,
    namespace: String,
) -> Result<Response<Body>, HttpError> {
    data::check_scores(&found.matches)?;
    let num_floats = found.matches.iter().map(|found| found.values.len() + 1).sum();
    let lsn = found.lsn;
    let pieces = Box::new(Matches::new(found.matches, namespace)) as Box<dyn Pieces>;
    let offload = index.call.app.offload();
    let response = respond::write(pieces, Effort::of_writing(num_floats), offload).await?;
    Ok(with_seen_lsn(response, lsn))
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
        let message = "`ids`: name at least one record, as in `?ids=a&ids=b`";
        return Err(HttpError::new(ErrorKind::BadField, message).param("ids"));
    }
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
    let filter = data::selecting_filter(&request.filter)?;
    let mut ids = index.store.find(&index.name, &namespace, &filter, usize::MAX).await?;
    ids.sort_unstable();
    if let Some(after) = request.pagination_token {
        ids.retain(|id| *id > after);
    }
    let limit = at_least_one(request.limit.unwrap_or(PAGE))?;
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
        limit: parameters.limit(PAGE)?,
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

/// Changes one record by its id, or the metadata of all that pass a filter.
#[utoipa::path(
    post, path = "/vectors/update", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = UpdateRequest,
    responses((status = 200, description = "What was changed", body = UpdateResponse), PineconeDataErrors)
)]
pub(crate) async fn update(
    index: OnIndex,
    JsonBody(mut request): JsonBody<UpdateRequest>,
) -> Result<Response<Body>, HttpError> {
    let (namespace, _) = data::namespace(request.namespace.take());
    match (request.id.take(), request.filter.take()) {
        (Some(id), None) => {
            let update = data::update(request, id)?;
            let written = index.store.update(&index.name, &namespace, update).await?;
            let response = respond::json(&UpdateResponse::default());
            Ok(with_written_lsn(response, written.lsn))
        }
        (None, Some(filter)) => {
            let filter = data::selecting_filter(&filter)?;
            update_matching(&index, &namespace, &filter, request).await
        }
        (_, _) => {
            let message = "send one of `id` and `filter`";
            Err(HttpError::new(ErrorKind::BadField, message))
        }
    }
}

async fn update_matching(
    index: &OnIndex,
    namespace: &Namespace,
    filter: &Filter,
    request: UpdateRequest,
) -> Result<Response<Body>, HttpError> {
    if request.values.is_some() || request.sparse_values.is_some() {
        let message =
            "`values`: all records that pass a filter would have one vector; give an `id`";
        return Err(HttpError::new(ErrorKind::BadField, message).param("values"));
    }
    let place = || "setMetadata".to_owned();
    let set_metadata = data::metadata(request.set_metadata.as_ref(), place)?;
    let ids = index.store.find(&index.name, namespace, filter, usize::MAX).await?;
    let response = UpdateResponse { matched_records: Some(ids.len() as u64) };
    if request.dry_run == Some(true) {
        return Ok(respond::json(&response));
    }
    let change = Update { set_metadata, ..Update::default() };
    let lsn = update_each(index, namespace, ids, &change).await?;
    Ok(with_written_lsn(respond::json(&response), lsn))
}

// One by one, so that nothing else that is written to a record meanwhile gets lost.
async fn update_each(
    index: &OnIndex,
    namespace: &Namespace,
    ids: Vec<String>,
    change: &Update,
) -> Result<u64, StoreError> {
    let mut ids = ids.into_iter();
    let mut running = JoinSet::new();
    let mut lsn = 0;
    loop {
        while running.len() < UPDATES_AT_ONCE
            && let Some(id) = ids.next()
        {
            let (store, name, namespace) =
                (index.store.clone(), index.name.clone(), namespace.clone());
            let update = Update { id, ..change.clone() };
            running.spawn(async move { store.update(&name, &namespace, update).await });
        }
        let Some(done) = running.join_next().await else { return Ok(lsn) };
        lsn = lsn.max(done.expect("updating does not panic")?.lsn);
    }
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
    let vector_type = control::wire_kind(spec.kind);
    let response = respond::json(&StatsResponse {
        namespaces: data::namespaces(&stats, index.era.default_namespace()),
        dimension: (spec.kind == index::VectorKind::Dense).then_some(spec.dimensions),
        index_fullness: 0,
        total_vector_count: stats.num_records(),
        metric: control::wire_metric(spec.metric),
        vector_type,
    });
    Ok(with_seen_lsn(response, stats.lsn))
}
