//! Keys. Once the operator has set one, every route but the open ones needs it.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{ErrorKind, HttpError};
use crate::serve::Local;
use crate::{App, Secret};

/// Lets a request through if it has a key, or if there is none to have.
pub(crate) async fn require_key(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response<axum::body::Body> {
    // Only the user of the server can open its socket.
    if request.extensions().get::<Local>().is_some() {
        return next.run(request).await;
    }
    match check(&app.config().api_keys, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(err) => {
            let mut response = err.into_response();
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
    }
}

fn check(keys: &[Secret], headers: &HeaderMap) -> Result<(), HttpError> {
    if keys.is_empty() {
        return Ok(());
    }
    let Some(sent) = sent_key(headers) else {
        let message = "an API key is needed; send it as `Authorization: Bearer KEY`";
        return Err(HttpError::new(ErrorKind::Unauthorized, message));
    };
    // All keys are compared, so that the time does not tell which one was near.
    let is_known = keys.iter().fold(false, |known, key| known | key.matches(&sent));
    if is_known {
        return Ok(());
    }
    Err(HttpError::new(ErrorKind::Unauthorized, "the API key is not known"))
}

// `Authorization: Bearer KEY`, `Authorization: Api-Key KEY`, `Api-Key: KEY`, or the key as the password
// of `Authorization: Basic`, which is all that clients of OpenSearch have.
fn sent_key(headers: &HeaderMap) -> Option<Cow<'_, [u8]>> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return headers.get("api-key").map(|key| Cow::Borrowed(key.as_bytes()));
    };
    let authorization = authorization.as_bytes();
    let space = authorization.iter().position(|byte| *byte == b' ')?;
    let (scheme, key) = authorization.split_at(space);
    let is_known =
        scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"api-key");
    if scheme.eq_ignore_ascii_case(b"basic") {
        return password(key.trim_ascii()).map(Cow::Owned);
    }
    is_known.then(|| Cow::Borrowed(key.trim_ascii_start()))
}

// What stands behind the first colon; the name of the user is anything.
fn password(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded.split_off(colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(header: &'static str, value: &'static str) -> bool {
        let keys = ["first", "second"].map(|key| Secret::from(key.to_owned()));
        let mut headers = HeaderMap::new();
        headers.insert(header, HeaderValue::from_static(value));
        check(&keys, &headers).is_ok()
    }

    #[test]
    fn a_key_comes_in_any_of_four_ways() {
        assert!(is_let_in("authorization", "Bearer first"));
        assert!(is_let_in("authorization", "bearer  second"));
        assert!(is_let_in("authorization", "Api-Key second"));
        assert!(is_let_in("api-key", "first"));
        // `user:first`, and `:second`.
        assert!(is_let_in("authorization", "Basic dXNlcjpmaXJzdA=="));
        assert!(is_let_in("authorization", "basic OnNlY29uZA=="));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(!is_let_in("authorization", "Bearer third"));
        assert!(!is_let_in("authorization", "Bearer "));
        assert!(!is_let_in("authorization", "Basic first"));
        // `first`, `first:x` and `x:first:`.
        assert!(!is_let_in("authorization", "Basic Zmlyc3Q="));
        assert!(!is_let_in("authorization", "Basic Zmlyc3Q6eA=="));
        assert!(!is_let_in("authorization", "Basic eDpmaXJzdDo="));
        assert!(!is_let_in("authorization", "first"));
        assert!(!is_let_in("api-key", "firs"));
        assert!(!is_let_in("x-other", "first"));
    }

    #[test]
    fn without_keys_everyone_is_let_in() {
        assert!(check(&[], &HeaderMap::new()).is_ok());
    }
}
