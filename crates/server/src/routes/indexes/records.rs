//! Our own routes of records: upsert, update, list, fetch, find, delete, count.

use axum::body::Body;
use axum::http::Response;
use index::{MAX_BATCH_RECORDS, Namespace, PageRequest};
use wire::indexes::{
    CountRecords, DeleteRecords, Fetch, Find, Ids, NamespaceStats, Records, Stats, UpdateRecord,
    Upsert, Written,
};

use super::{Opened, SemblaErrors, open, texts};
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects::indexes as dialect;
use crate::error::HttpError;
use crate::offload::Effort;
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond;

/// Ids of one page that does not say how many.
const DEFAULT_PAGE: usize = 100;

/// Writes records, in the place of those with the same ids.
///
/// A record has a vector or a text. Texts are embedded with the index's model, are kept in the
/// metadata field that the index says, and in a hybrid index are found by their words too.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/records", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = Upsert,
    responses((status = 200, description = "All are written and durable", body = Written), SemblaErrors)
)]
pub(crate) async fn upsert(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<Upsert>,
) -> Result<Response<Body>, HttpError> {
    let Opened { store, name, description } = open(&call, name).await?;
    let records = texts::records(&call, &description.spec, request.records).await?;
    let namespace = Namespace::new(request.namespace);
    Ok(written(store.upsert(&name, &namespace, records).await?))
}

/// Changes one record.
///
/// The text that a vector was made of changes with the vector only: write the record anew with its
/// `text`.
#[utoipa::path(
    patch, path = "/v1/indexes/{name}/records", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = UpdateRecord,
    responses((status = 200, description = "`num_records` is 0 if there is none of this id", body = Written), SemblaErrors)
)]
pub(crate) async fn update(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<UpdateRecord>,
) -> Result<Response<Body>, HttpError> {
    let Opened { store, name, description } = open(&call, name).await?;
    let namespace = Namespace::new(request.namespace.clone());
    let update = dialect::update(request)?;
    texts::check_change(&description.spec, &update)?;
    Ok(written(store.update(&name, &namespace, update).await?))
}

/// Lists ids, a page at a time.
#[utoipa::path(
    get, path = "/v1/indexes/{name}/records", tag = "Indexes",
    params(
        ("name" = String, Path, description = "The index"),
        ("namespace" = Option<String>, Query, description = "The default one where this is absent"),
        ("prefix" = Option<String>, Query, description = "Only ids that begin with this"),
        ("limit" = Option<usize>, Query, description = "The most ids; 100 where this is absent"),
        ("after" = Option<String>, Query, description = "`next` of the page before")
    ),
    responses((status = 200, description = "The ids in the order of their bytes", body = Ids), SemblaErrors)
)]
pub(crate) async fn list(
    call: Call,
    Names(name): Names<String>,
    parameters: Parameters,
) -> Result<Response<Body>, HttpError> {
    parameters.only(&["namespace", "prefix", "limit", "after"])?;
    let limit = parameters.count("limit", DEFAULT_PAGE)?;
    if !(1..=MAX_BATCH_RECORDS).contains(&limit) {
        let message = format!("a page has 1 to {MAX_BATCH_RECORDS} ids, not {limit}");
        return Err(dialect::bad_field("limit", &message));
    }
    let page = PageRequest {
        prefix: parameters.get("prefix").unwrap_or_default().to_owned(),
        limit,
        after: parameters.get("after").map(str::to_owned),
    };
    let namespace = Namespace::new(parameters.get("namespace").unwrap_or_default());
    let name = dialect::index_name(name)?;
    let page = call.app.indexes()?.list(&name, &namespace, &page).await?;
    Ok(respond::json(&Ids { ids: page.ids, next: page.next }))
}

/// Returns records by their ids, at most 1,000 of them.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/fetch", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = Fetch,
    responses((status = 200, description = "Those that are there, each once, in the order asked", body = Records), SemblaErrors)
)]
pub(crate) async fn fetch(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<Fetch>,
) -> Result<Response<Body>, HttpError> {
    let (name, namespace) = (dialect::index_name(name)?, Namespace::new(request.namespace));
    let ids = dialect::ids_to_fetch(request.ids)?;
    let records = call.app.indexes()?.fetch(&name, &namespace, &ids).await?;
    let num_floats = records.iter().map(|record| record.values.len() + 1).sum();
    let write = || {
        let records = records.into_iter().map(dialect::record).collect();
        respond::json(&Records { records })
    };
    Ok(call.app.offload().run_if(Effort::of_writing(num_floats), write).await)
}

/// Returns the ids of records whose metadata passes a filter.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/find", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = Find,
    responses((status = 200, description = "Their ids, in any order", body = Ids), SemblaErrors)
)]
pub(crate) async fn find(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<Find>,
) -> Result<Response<Body>, HttpError> {
    let (name, namespace) = (dialect::index_name(name)?, Namespace::new(request.namespace));
    let filter = dialect::filter(&request.filter)?;
    let ids = call.app.indexes()?.find(&name, &namespace, &filter, request.limit).await?;
    Ok(respond::json(&Ids { ids, next: None }))
}

/// Deletes records: these ids, those that pass a filter, or all of a namespace.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/delete", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = DeleteRecords,
    responses((status = 200, description = "How many there were", body = Written), SemblaErrors)
)]
pub(crate) async fn delete(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<DeleteRecords>,
) -> Result<Response<Body>, HttpError> {
    let (name, namespace) = (dialect::index_name(name)?, Namespace::new(&request.namespace));
    let selection = dialect::selection(request)?;
    Ok(written(call.app.indexes()?.delete(&name, &namespace, &selection).await?))
}

/// Counts records by namespace, all or those that pass a filter.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/stats", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = CountRecords,
    responses((status = 200, description = "How many there are", body = Stats), SemblaErrors)
)]
pub(crate) async fn stats(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<CountRecords>,
) -> Result<Response<Body>, HttpError> {
    let filter = request.filter.as_ref().map(dialect::filter).transpose()?;
    let name = dialect::index_name(name)?;
    let stats = call.app.indexes()?.stats(&name, filter.as_ref()).await?;
    let num_records = stats.num_records();
    let namespace = |there: index::NamespaceStats| NamespaceStats {
        namespace: there.namespace.as_str().to_owned(),
        num_records: there.num_records,
    };
    let namespaces = stats.namespaces.into_iter().map(namespace).collect();
    Ok(respond::json(&Stats { num_records, namespaces, lsn: stats.lsn }))
}

fn written(done: index::Written) -> Response<Body> {
    respond::json(&Written { num_records: done.num_records, lsn: done.lsn })
}
