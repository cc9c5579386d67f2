//! The query string of a request.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::dialects::opensearch::plan::Overrides;
use crate::dialects::opensearch::source::Chosen;
use crate::error::{ErrorKind, HttpError};
use crate::query_string;

/// Names that change nothing here: there is one shard, every write is seen by every later read, and
/// answers have one form.
const WITHOUT_EFFECT: [&str; 13] = [
    "allow_no_indices",
    "cluster_manager_timeout",
    "error_trace",
    "expand_wildcards",
    "human",
    "ignore_unavailable",
    "master_timeout",
    "preference",
    "pretty",
    "refresh",
    "routing",
    "timeout",
    "wait_for_active_shards",
];

/// The query string of a request, before it is known which names its route takes.
pub(crate) struct Parameters {
    path: String,
    pairs: Option<Vec<(String, String)>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let pairs = query_string::pairs(parts.uri.query().unwrap_or_default()).ok();
        Ok(Self { path: parts.uri.path().to_owned(), pairs })
    }
}

impl Parameters {
    /// Returns the values of `names`.
    ///
    /// # Errors
    ///
    /// If there is another name: what it asks for would not be done.
    pub(super) fn take<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[Option<&str>; N], HttpError> {
        let Some(pairs) = &self.pairs else {
            return Err(HttpError::new(ErrorKind::BadField, "the query string cannot be decoded"));
        };
        let mut values = [None; N];
        for (name, value) in pairs {
            match names.iter().position(|known| known == name) {
                Some(index) => values[index] = Some(value.as_str()),
                None if WITHOUT_EFFECT.contains(&name.as_str()) => {}
                None => {
                    let message = format!(
                        "request [{}] contains unrecognized parameter: [{name}]",
                        self.path
                    );
                    return Err(HttpError::new(ErrorKind::BadField, message).param(name.clone()));
                }
            }
        }
        Ok(values)
    }

    /// Checks that there is no name with an effect.
    ///
    /// # Errors
    ///
    /// If there is one.
    pub(super) fn none(&self) -> Result<(), HttpError> {
        self.take([]).map(|[]| ())
    }

    /// Returns what a search is told beside its body.
    ///
    /// # Errors
    ///
    /// If there is another name, or a number is none.
    pub(super) fn overrides(&self) -> Result<Overrides, HttpError> {
        let [size, from, source, includes, excludes] =
            self.take(["size", "from", "_source", "_source_includes", "_source_excludes"])?;
        let source = Chosen::from_parameters(source, includes, excludes);
        Ok(Overrides { size: number("size", size)?, from: number("from", from)?, source })
    }
}

fn number(name: &'static str, value: Option<&str>) -> Result<Option<usize>, HttpError> {
    let Some(value) = value else { return Ok(None) };
    value.parse().map(Some).map_err(|_| {
        let message = format!("`{name}`: `{value}` is no number of hits");
        HttpError::new(ErrorKind::BadField, message).param(name)
    })
}
