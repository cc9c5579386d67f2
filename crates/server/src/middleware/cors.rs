//! Which web pages may read the answers.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::AllowedOrigins;
use crate::respond::COMPUTE_HEADERS;

/// Lets pages of `origins` call every route, with their key, and read our headers.
///
/// All request headers are allowed: a page needs `Authorization` and `Content-Type`, and OpenAI's
/// library sends a dozen of its own. The routes under this layer change nothing; those that do will
/// check Origin and Host themselves, since a server on loopback must not obey any page.
pub(crate) fn layer(origins: &AllowedOrigins) -> CorsLayer {
    let origins = match origins {
        AllowedOrigins::Any => AllowOrigin::any(),
        AllowedOrigins::List(list) => AllowOrigin::list(list.iter().cloned()),
    };
    let ours = [header::RETRY_AFTER, HeaderName::from_static("x-request-id")];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(COMPUTE_HEADERS.into_iter().chain(ours).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3600))
}
