//! Which path is which route, what stands around it, and the OpenAPI document of all of them.

use std::collections::BTreeSet;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use utoipa::OpenApi as _;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::gateway;
use crate::middleware::{auth, cors, count, guard, host, leftover, observe, shape};
use crate::routes::{
    baseten, control, docs, errors, health, huggingface, huggingface_endpoints, indexes, openai,
    opensearch, pinecone, sagemaker, tei, tokens,
};

/// Builds the router of all routes.
pub(crate) fn build(app: &App) -> Router {
    // A layer stands around all that was added before it.
    let key = from_fn_with_state(app.clone(), auth::require_invoke);
    let admin = from_fn_with_state(app.clone(), auth::require_admin);
    let count = from_fn_with_state(app.clone(), count::count_inference);
    let pages = from_fn_with_state(app.clone(), guard::refuse_foreign_pages);
    let indexes = index_routes().route_layer(pages.clone()).route_layer(admin);
    let endpoints = endpoint_routes().route_layer(pages.clone());
    let texts = pinecone::text_routes().route_layer(pages);
    let inference = inference_routes().merge(texts).route_layer(key.clone()).route_layer(count);
    let keyed = keyed_routes().route_layer(key);
    let (router, _) = inference
        .merge(indexes)
        .merge(endpoints)
        .merge(gateway_routes())
        .merge(keyed)
        .merge(open_routes())
        .split_for_parts();
    router
        .fallback(errors::unknown_route)
        .method_not_allowed_fallback(errors::wrong_method)
        .layer(CatchPanicLayer::custom(shape::panicked))
        .layer(from_fn(host::refuse_several_hosts))
        .layer(from_fn(shape::shape_errors))
        .layer(from_fn_with_state(app.clone(), leftover::take_leftover))
        .layer(cors::layer(&app.config().cors_allow_origin))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(observe::RequestIds::default()))
        .with_state(app.clone())
}

/// Builds the OpenAPI document of all routes.
pub(crate) fn document() -> OpenApi {
    let routes = OpenApiRouter::with_openapi(errors::ErrorShapes::openapi())
        .merge(inference_routes())
        .merge(pinecone::text_routes())
        .merge(index_routes())
        .merge(endpoint_routes())
        .merge(gateway_routes())
        .merge(keyed_routes())
        .merge(open_routes());
    let (_, mut document) = routes.split_for_parts();
    document.info = InfoBuilder::new()
        .title("Sembla")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Text to embeddings, in the dialects of the clients that people have."))
        .build();
    document
}

/// Returns the first parts of all paths, which no model can be called.
pub(crate) fn reserved_names(document: &OpenApi) -> BTreeSet<String> {
    let paths = document.paths.paths.keys();
    let first_parts = paths.filter_map(|path| path.split('/').nth(1));
    first_parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

// Routes that run the model: with a key if there is one, and counted.
fn inference_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(tei::embed))
        .routes(routes!(tei::embed_all))
        .routes(routes!(tei::similarity))
        .routes(routes!(tei::root))
        .routes(routes!(tei::invocations))
        .routes(routes!(tei::rerank))
        .routes(routes!(tei::predict))
        .routes(routes!(tei::embed_sparse))
        .routes(routes!(tei::vertex))
        .routes(routes!(openai::create_embeddings))
        .routes(routes!(openai::create_embeddings_at_root))
        .routes(routes!(huggingface::feature_extraction))
        .routes(routes!(huggingface::feature_extraction_of_org))
        .routes(routes!(huggingface::sentence_similarity))
        .routes(routes!(huggingface::sentence_similarity_of_org))
        .routes(routes!(huggingface::run_model))
        .routes(routes!(huggingface::run_model_of_org))
}

// Routes that read and change what is kept: with a key if there is one, and not for foreign pages.
fn index_routes() -> OpenApiRouter<App> {
    opensearch::add_to(indexes::add_to(pinecone::routes()))
}

// Routes that read and change endpoints and keys: not for foreign pages. Each asks for a key itself, since
// the scope and the namespace depend on the route.
fn endpoint_routes() -> OpenApiRouter<App> {
    let vendors = baseten::add_to(sagemaker::add_to(new_router()));
    control::add_to(huggingface_endpoints::add_to(vendors))
}

// Routes to replicas. Who may take them depends on the endpoint.
fn gateway_routes() -> OpenApiRouter<App> {
    baseten::add_models_to(sagemaker::add_runtime_to(new_router()))
        .routes(routes!(gateway::serve_root))
        .routes(routes!(gateway::serve_rest))
        // The same as the first: a client may have joined an empty path to the URL.
        .route("/serve/{namespace}/{endpoint}/", any(gateway::serve_root))
}

// Further routes that need a key if there is one.
fn keyed_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(tokens::tokenize))
        .routes(routes!(tokens::decode))
        .routes(routes!(tokens::info))
        .routes(routes!(openai::list_models))
        .routes(routes!(openai::retrieve_model))
        .routes(routes!(openai::retrieve_model_of_org))
}

// Routes that probes and people read without a key.
fn open_routes() -> OpenApiRouter<App> {
    new_router()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::health))
        .routes(routes!(health::ping))
        .routes(routes!(health::probe_root))
        .routes(routes!(health::metrics))
        .routes(routes!(docs::page))
        .routes(routes!(docs::document))
}

fn new_router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(OpenApiBuilder::new().build())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_first_part_of_every_path_is_reserved() {
        let names: Vec<String> = reserved_names(&document()).into_iter().collect();
        expect!["api api-doc aws b10 decode docs embed embed_all embed_sparse embeddings endpoints graphql health info invocations live metrics models os pinecone ping pipeline predict ready rerank serve similarity tokenize v1 v2 vertex"].assert_eq(&names.join(" "));
    }

    #[test]
    fn every_route_is_described() {
        let document = document();
        for (path, item) in &document.paths.paths {
            let operations = [&item.get, &item.post];
            for operation in operations.into_iter().flatten() {
                assert!(operation.summary.is_some(), "{path} has no summary");
                assert!(!operation.responses.responses.is_empty(), "{path} has no responses");
            }
        }
    }

    #[test]
    fn errors_are_described_in_the_shape_of_their_dialect() {
        let document = serde_json::to_value(document()).unwrap();
        let error_of = |path: &str| {
            let answers = &document["paths"][path]["post"]["responses"];
            answers["413"]["content"]["application/json"]["schema"]["$ref"].to_string()
        };
        assert!(error_of("/embed").ends_with("/TeiError\""), "{}", error_of("/embed"));
        assert!(error_of("/v1/embeddings").ends_with("/OpenAiError\""));
        assert!(error_of("/models/{model}").ends_with("/HuggingFaceError\""));
    }

    #[test]
    fn every_shape_that_is_referred_to_is_there() {
        let document = serde_json::to_value(document()).unwrap();
        let text = document.to_string();
        let mut num_refs = 0;
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "no schema {name}");
            num_refs += 1;
        }
        assert!(num_refs > 20, "{num_refs} references");
    }
}
