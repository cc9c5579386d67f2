//! The routes of Pinecone: the control plane and inference under `/pinecone`, the data plane of an index
//! under `/pinecone/i/{index}`, and both as 2.x calls them under `/pinecone/legacy/{index}`.

mod control;
mod inference;
mod legacy;
mod namespaces;
mod on_index;
mod query;
mod records;
mod update;
mod vectors;

use utoipa::openapi::OpenApiBuilder;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Where the data plane of an index is, after the address of the server.
const DATA_PLANE: &str = "/pinecone/i/{index}";
/// Where 2.x finds both planes, after the address of the server.
const LEGACY: &str = "/pinecone/legacy/{index}";

/// Returns the routes that read and change what is kept, or tell of what is served.
pub(crate) fn routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(control::create_index, control::list_indexes))
        .routes(routes!(control::create_index_for_model))
        .routes(routes!(control::describe_index, control::configure_index, control::delete_index))
        .routes(routes!(inference::list_models))
        .routes(routes!(inference::describe_model))
        .nest(DATA_PLANE, vector_routes().merge(namespace_routes()))
        .nest(LEGACY, vector_routes().merge(legacy_routes()))
}

/// Returns the routes that run a model.
pub(crate) fn text_routes() -> OpenApiRouter<App> {
    new_router().routes(routes!(inference::embed)).routes(routes!(inference::rerank)).nest(
        DATA_PLANE,
        new_router()
            .routes(routes!(records::upsert_records))
            .routes(routes!(records::search_records)),
    )
}

fn vector_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(vectors::upsert))
        .routes(routes!(query::query))
        .routes(routes!(vectors::fetch))
        .routes(routes!(vectors::fetch_by_metadata))
        .routes(routes!(vectors::list))
        .routes(routes!(update::update))
        .routes(routes!(vectors::delete))
        .routes(routes!(vectors::describe_stats, vectors::describe_all_stats))
}

fn namespace_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(namespaces::list_namespaces, namespaces::create_namespace))
        .routes(routes!(namespaces::describe_namespace, namespaces::delete_namespace))
}

fn legacy_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(legacy::who_am_i))
        .routes(routes!(legacy::list_databases, legacy::create_database))
        .routes(routes!(legacy::describe_database, legacy::delete_database))
}

fn new_router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(OpenApiBuilder::new().build())
}
