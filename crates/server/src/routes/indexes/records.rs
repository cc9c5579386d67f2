//! Our own routes of records: upsert, update, list, fetch, find, delete, count.

use axum::body::Body;
use axum::extract::Query;
use axum::http::Response;
use index::{IndexDescription, Namespace, PageRequest, Record};
use wire::indexes::{
    CountRecords, DeleteRecords, Fetch, Find, Ids, ListRecords, NamespaceStats, Records, Stats,
    UpdateRecord, Upsert, Written,
};

use super::{Opened, SemblaErrors, open};
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects::Place;
use crate::dialects::indexes as dialect;
use crate::error::HttpError;
use crate::index_model::{IndexModel, Role};
use crate::offload::Effort;
use crate::path::Names;
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
    let records = records(&call, &description, request.records).await?;
    let namespace = Namespace::new(request.namespace);
    Ok(written(store.upsert(&name, &namespace, records).await?))
}

/// Takes records as sent, and embeds the texts among them.
async fn records(
    call: &Call,
    there: &IndexDescription,
    sent: Vec<wire::indexes::Record>,
) -> Result<Vec<Record>, HttpError> {
    let mut records = Vec::with_capacity(sent.len());
    let (mut texts, mut places) = (Vec::new(), Vec::new());
    for (place, mut record) in sent.into_iter().enumerate() {
        if let Some(text) = record.text.take() {
            if !record.values.is_empty() {
                let message = format!("record `{}` has values too; send one of the two", record.id);
                return Err(dialect::bad_field("text", &message));
            }
            texts.push(text);
            places.push(place);
        }
        let record = dialect::record_from(record)?;
        check_free(&record, there, places.last() == Some(&place))?;
        records.push(record);
    }
    if texts.is_empty() {
        return Ok(records);
    }
    let model = IndexModel::find(call, &there.spec)?;
    let vectors =
        model.embed(call, texts.clone(), Role::Document, Place::list("records")).await?.results;
    let vectors = vectors.into_iter().map(|embedded| embedded.values);
    for ((place, text), vector) in places.into_iter().zip(texts).zip(vectors) {
        fill(&mut records[place], there, text, vector);
    }
    Ok(records)
}

/// Checks that a record with a text has no metadata where the text is kept.
fn check_free(record: &Record, there: &IndexDescription, has_text: bool) -> Result<(), HttpError> {
    let field = text_field(there);
    if has_text && record.metadata.contains_key(field) {
        let message = format!(
            "record `{}` has a field `{field}`, and that is where its text is kept",
            record.id
        );
        return Err(dialect::bad_field("metadata", &message));
    }
    Ok(())
}

fn text_field(there: &IndexDescription) -> &str {
    jobs::text_field(&there.spec).unwrap_or("text")
}

fn fill(record: &mut Record, there: &IndexDescription, text: String, vector: Vec<f32>) {
    record.values = vector;
    if jobs::is_hybrid(&there.spec) && record.sparse.is_none() {
        record.sparse = Some(jobs::document_terms(&text));
    }
    record.metadata.insert(text_field(there).to_owned(), index::Value::String(text));
}

/// Changes one record.
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
    let namespace = Namespace::new(request.namespace.clone());
    let update = dialect::update(request)?;
    let name = dialect::index_name(name)?;
    Ok(written(call.app.indexes()?.update(&name, &namespace, update).await?))
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
    query: Result<Query<ListRecords>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, HttpError> {
    let request = super::search::query_of(query)?;
    let page = PageRequest {
        prefix: request.prefix,
        limit: request.limit.unwrap_or(DEFAULT_PAGE),
        after: request.after,
    };
    let (name, namespace) = (dialect::index_name(name)?, Namespace::new(request.namespace));
    let page = call.app.indexes()?.list(&name, &namespace, &page).await?;
    Ok(respond::json(&Ids { ids: page.ids, next: page.next }))
}

/// Returns records by their ids.
#[utoipa::path(
    post, path = "/v1/indexes/{name}/fetch", tag = "Indexes",
    params(("name" = String, Path, description = "The index")),
    request_body = Fetch,
    responses((status = 200, description = "Those that are there, in the order asked", body = Records), SemblaErrors)
)]
pub(crate) async fn fetch(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<Fetch>,
) -> Result<Response<Body>, HttpError> {
    let (name, namespace) = (dialect::index_name(name)?, Namespace::new(request.namespace));
    let records = call.app.indexes()?.fetch(&name, &namespace, &request.ids).await?;
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
