//! Who asks, as far as keys tell, and what they may do.

use std::borrow::Cow;

use axum::http::{Extensions, HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endpoints::{AuthError, Caller, KeyId, Moment, Namespace, Scope};

use crate::error::HttpError;
use crate::serve::Local;
use crate::{App, Secret};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// Whoever has a key of the operator's or the socket of the data directory, and anybody as long as
    /// there is no key at all.
    Operator,
    /// The owner of a key of the control plane.
    Keyed(Caller),
}

impl Asker {
    /// Finds out who sent a request. Through the server's own socket that is its owner. As long as there are
    /// no keys, whatever was sent is accepted; once there is one, all must be known.
    ///
    /// # Errors
    ///
    /// If a key is needed, and none was sent or an unknown one.
    pub(crate) fn identify(
        app: &App,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<Self, HttpError> {
        if extensions.get::<Local>().is_some() || !app.needs_key() {
            return Ok(Self::Operator);
        }
        let sent = sent_key(headers).ok_or(AuthError::Missing)?;
        if matches_any(&app.config().api_keys, &sent) {
            return Ok(Self::Operator);
        }
        let keyed = app.control_plane().map(|plane| plane.control()).filter(|it| it.has_keys());
        let text = std::str::from_utf8(&sent).ok();
        match keyed {
            Some(control) => Ok(Self::Keyed(control.identify(Some(text.unwrap_or_default()))?)),
            None => Err(AuthError::Unknown.into()),
        }
    }

    /// Checks that this one may do what needs `scope` in `namespace`, or everywhere with `None`.
    ///
    /// # Errors
    ///
    /// If not.
    pub(crate) fn may(&self, scope: Scope, namespace: Option<&Namespace>) -> Result<(), HttpError> {
        match self {
            Self::Operator => Ok(()),
            Self::Keyed(caller) => Ok(caller.may(scope, namespace)?),
        }
    }

    /// Returns the only namespace in which this one may do anything, if there is only one.
    pub(crate) fn bound_to(&self) -> Option<&Namespace> {
        match self {
            Self::Operator => None,
            Self::Keyed(caller) => caller.bound_to(),
        }
    }

    /// Returns the number of the key, for usage.
    pub(crate) fn key(&self) -> Option<KeyId> {
        match self {
            Self::Operator => None,
            Self::Keyed(caller) => caller.key(),
        }
    }

    /// Returns the name of the key, if it is one that has a name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Operator => None,
            Self::Keyed(caller) => caller.name(),
        }
    }

    /// Takes tokens from what the key may send in a minute.
    ///
    /// # Errors
    ///
    /// If there are not so many left; nothing was taken then.
    pub(crate) fn take(&self, tokens: u64, now: Moment) -> Result<(), HttpError> {
        match self {
            Self::Operator => Ok(()),
            Self::Keyed(caller) => Ok(caller.take(tokens, now)?),
        }
    }
}

// All keys are compared, so that the time does not tell which one was near.
fn matches_any(keys: &[Secret], sent: &[u8]) -> bool {
    keys.iter().fold(false, |known, key| known | key.matches(sent))
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
    use axum::http::HeaderValue;

    use super::*;

    fn is_let_in(header: &'static str, value: &'static str) -> bool {
        let keys = ["first", "second"].map(|key| Secret::from(key.to_owned()));
        let mut headers = HeaderMap::new();
        headers.insert(header, HeaderValue::from_static(value));
        sent_key(&headers).is_some_and(|sent| matches_any(&keys, &sent))
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
}
