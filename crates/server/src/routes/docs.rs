//! `/docs`: the OpenAPI document, and a page that shows it. Nothing is loaded from elsewhere.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, header};
use axum::response::Html;

use crate::App;
use crate::respond::JSON;

/// A page that shows the routes.
#[utoipa::path(
    get, path = "/docs", tag = "Documentation",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn page() -> Html<&'static str> {
    Html(include_str!("docs.html"))
}

/// The OpenAPI document.
#[utoipa::path(
    get, path = "/api-doc/openapi.json", tag = "Documentation",
    responses((status = 200, description = "OpenAPI", body = Object))
)]
pub(crate) async fn document(State(app): State<App>) -> Response<Body> {
    let mut response = Response::new(Body::from(app.openapi()));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}
