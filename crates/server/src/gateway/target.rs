//! Which endpoint a path names, and the path that its replicas know.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use endpoints::View;

use crate::echo::shorten;
use crate::error::{ErrorKind, HttpError};

const PREFIX: &str = "/serve/";

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Whose endpoint. As it was sent: no namespace needs percent-encoding.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// What stands behind it, with its `/`.
    pub(crate) rest: &'a str,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Takes a path of the gateway apart.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub(super) fn of(uri: &'a Uri) -> Result<Self, HttpError> {
        let parts = uri.path().strip_prefix(PREFIX).and_then(|path| path.split_once('/'));
        let Some((namespace, behind)) = parts else {
            let message = "an endpoint is asked at /serve/NAMESPACE/NAME";
            return Err(HttpError::new(ErrorKind::UnknownRoute, message));
        };
        let (name, rest) = match behind.find('/') {
            Some(slash) => behind.split_at(slash),
            None => (behind, "/"),
        };
        Ok(Self { namespace, name, rest, query: uri.query() })
    }

    /// Returns the path for a replica. An image may promise health elsewhere than replicas have it, which
    /// a `probe` need not know.
    ///
    /// # Errors
    ///
    /// If it is no path, as a variable of the endpoint may say.
    pub(super) fn at_replica(&self, view: &View, is_probe: bool) -> Result<Uri, HttpError> {
        let promised = view.record.body.spec.image.health_route.as_deref();
        let path = match promised {
            Some(route) if is_probe && route == self.rest && route != "/" => "/health",
            Some(_) | None => self.rest,
        };
        let path = match self.query {
            Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
            None => PathAndQuery::try_from(path),
        };
        path.map(Uri::from).map_err(|_| {
            let message = format!("`{}` is no route of a replica", shorten(self.rest.to_owned()));
            HttpError::new(ErrorKind::BadField, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: [&str; 3]) {
        let uri: Uri = uri.parse().unwrap();
        let Target { namespace, name, rest, .. } = Target::of(&uri).unwrap();
        assert_eq!([namespace, name, rest], expected);
    }

    #[test]
    fn a_path_names_an_endpoint_and_a_route_of_its_replicas() {
        check("/serve/me/boru", ["me", "boru", "/"]);
        check("/serve/me/boru/", ["me", "boru", "/"]);
        check("/serve/me/boru/v1/embeddings?a=b", ["me", "boru", "/v1/embeddings"]);
        check("/serve/me/boru//embed", ["me", "boru", "//embed"]);
        check("/serve/me/boru/a%2Fb", ["me", "boru", "/a%2Fb"]);
        check("/serve/a%2Fb/boru", ["a%2Fb", "boru", "/"]);
    }

    #[test]
    fn a_path_without_a_name_is_none() {
        assert!(Target::of(&"/serve/me".parse().unwrap()).is_err());
        assert!(Target::of(&"/other/me/boru".parse().unwrap()).is_err());
    }
}
