//! Keys. Once there is one, the operator's or one of the control plane, every route but the open ones
//! needs one.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use endpoints::Scope;

use crate::App;
use crate::asker::Asker;
use crate::error::{ErrorKind, HttpError};

/// Lets a request through if it has a key that may run models, or if there is none to have.
pub(crate) async fn require_invoke(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<Body> {
    require(&app, Scope::Invoke, request, next).await
}

/// Lets a request through if it has a key that may do everything, or if there is none to have.
pub(crate) async fn require_admin(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<Body> {
    require(&app, Scope::Admin, request, next).await
}

async fn require(app: &App, scope: Scope, request: Request, next: Next) -> Response<Body> {
    let asker = Asker::identify(app, request.extensions(), request.headers());
    // These routes are about no namespace, so that whoever is bound to one may not use them.
    match asker.and_then(|asker| asker.may(scope, None)) {
        Ok(()) => next.run(request).await,
        Err(err) => refuse(err),
    }
}

/// Answers with an error of [`Asker::identify`].
pub(crate) fn refuse(err: HttpError) -> Response<Body> {
    let needs_key = err.kind == ErrorKind::Unauthorized;
    let mut response = err.into_response();
    if needs_key {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}
