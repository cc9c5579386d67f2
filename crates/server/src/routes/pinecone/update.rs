//! Changing records of the data plane.

use axum::body::Body;
use axum::http::Response;
use index::{Filter, Namespace, StoreError, Update};
use tokio::task::JoinSet;
use wire::pinecone::{UpdateRequest, UpdateResponse};

use super::on_index::{OnIndex, with_written_lsn};
use crate::body::JsonBody;
use crate::dialects::pinecone::{bad_field, data};
use crate::error::{ErrorKind, HttpError};
use crate::respond;
use crate::routes::errors::PineconeDataErrors;

/// Changes of single records under way at the same time, which the store may make durable together.
const UPDATES_AT_ONCE: usize = 64;

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
            let filter = data::selecting_filter(&filter, "say which are to be changed")?;
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
        let problem = "all records that pass a filter would have one vector; give an `id`";
        return Err(bad_field("values", problem));
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
