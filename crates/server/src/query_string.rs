//! The parameters after a path's `?`, of which one may come several times.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::{ErrorKind, HttpError};

/// The parameters of a request, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Parameters {
    fn read(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Returns the last value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Returns all values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let given = self.0.iter().filter(|(given, _)| given == name);
        given.map(|(_, value)| value.clone()).collect()
    }

    /// Returns how many a page may hold at most, or `default` if no `limit` is given.
    ///
    /// # Errors
    ///
    /// If it is no whole number from 1.
    pub(crate) fn limit(&self, default: usize) -> Result<usize, HttpError> {
        at_least_one(self.count("limit", default)?)
    }

    /// Returns a parameter that is a count, or `default` if it is absent.
    ///
    /// # Errors
    ///
    /// If it is no whole number from 0.
    pub(crate) fn count(&self, name: &'static str, default: usize) -> Result<usize, HttpError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.parse().map_err(|_| {
            let message = format!("`{name}`: must be a whole number, not `{value}`");
            HttpError::new(ErrorKind::BadField, message).param(name)
        })
    }
}

/// Returns the limit of a page.
///
/// # Errors
///
/// If it is 0.
pub(crate) fn at_least_one(limit: usize) -> Result<usize, HttpError> {
    if limit > 0 {
        return Ok(limit);
    }
    let message = "`limit`: a page holds at least 1";
    Err(HttpError::new(ErrorKind::BadField, message).param("limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_may_come_several_times_and_is_decoded() {
        let parameters = Parameters::read("ids=a%20b&ids=c&limit=7&namespace=");
        assert_eq!(parameters.all("ids"), ["a b", "c"]);
        assert_eq!(parameters.count("limit", 100).unwrap(), 7);
        assert_eq!(parameters.count("other", 100).unwrap(), 100);
        assert_eq!(parameters.get("namespace"), Some(""));
        assert_eq!(parameters.get("prefix"), None);
    }

    #[test]
    fn a_count_that_is_none_names_the_parameter() {
        let err = Parameters::read("limit=-1").count("limit", 100).unwrap_err();
        assert_eq!(err.message, "`limit`: must be a whole number, not `-1`");
        let err = Parameters::read("limit=0").limit(100).unwrap_err();
        assert_eq!(err.message, "`limit`: a page holds at least 1");
        assert_eq!(Parameters::read("").limit(100).unwrap(), 100);
    }
}
