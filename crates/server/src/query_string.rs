//! The parameters after a path's `?`, of which one may come several times.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::dialects::bad_field;
use crate::error::{ErrorKind, HttpError};

/// The parameters of a request, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        pairs(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Returns the names and values of a query string, in their order.
///
/// # Errors
///
/// If one is not UTF-8. It must not be read as another that is.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, HttpError> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decode(name, name)?, decode(value, name)?))
    };
    parts.map(pair).collect()
}

fn decode(text: &str, name: &str) -> Result<String, HttpError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| {
        let message = format!(
            "`{name}` in the query string is not valid UTF-8 once its percent-encoding is decoded; \
             send it as UTF-8"
        );
        HttpError::new(ErrorKind::BadField, message).param(name.to_owned())
    })
}

impl Parameters {
    /// Checks that there is no parameter but these, and each of them at most once.
    ///
    /// # Errors
    ///
    /// If there is another, or one comes again.
    pub(crate) fn only(&self, names: &[&'static str]) -> Result<(), HttpError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let problem = if !names.contains(&name.as_str()) {
                format!("there is no such parameter; there are {}", names.join(", "))
            } else if self.0[..index].iter().any(|(before, _)| before == name) {
                "it comes twice; send it once".to_owned()
            } else {
                continue;
            };
            let message = format!("`{name}`: {problem}");
            return Err(HttpError::new(ErrorKind::BadField, message).param(name.clone()));
        }
        Ok(())
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

    /// Returns a parameter that is `true` or `false`, if it is there.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub(crate) fn switch(&self, name: &'static str) -> Result<Option<bool>, HttpError> {
        match self.get(name) {
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(bad_field(name, "it must be true or false")),
            None => Ok(None),
        }
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

    fn read(query: &str) -> Parameters {
        Parameters(pairs(query).unwrap())
    }

    #[test]
    fn a_parameter_may_come_several_times_and_is_decoded() {
        let parameters = read("ids=a%20b&ids=c+d&ids=%C3%A9&&limit=7&namespace=");
        assert_eq!(parameters.all("ids"), ["a b", "c d", "é"]);
        assert_eq!(parameters.count("limit", 100).unwrap(), 7);
        assert_eq!(parameters.count("other", 100).unwrap(), 100);
        assert_eq!(parameters.get("namespace"), Some(""));
        assert_eq!(parameters.get("prefix"), None);
    }

    #[test]
    fn a_count_that_is_none_names_the_parameter() {
        let err = read("limit=-1").count("limit", 100).unwrap_err();
        assert_eq!(err.message, "`limit`: must be a whole number, not `-1`");
        let err = read("limit=0").limit(100).unwrap_err();
        assert_eq!(err.message, "`limit`: a page holds at least 1");
        assert_eq!(read("").limit(100).unwrap(), 100);
    }

    #[test]
    fn a_query_string_means_what_a_form_means() {
        for query in ["a=1&b=2", "a", "=b", "a=b=c", "%zz=%", "a+b=c%2Bd", "a=%26&%3D=1", "&&"] {
            let expected: Vec<(String, String)> =
                form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            assert_eq!(pairs(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_and_named() {
        for query in ["ids=a&ids=%FF", "ids=%C3", "ids=%ED%A0%80"] {
            let err = pairs(query).unwrap_err();
            assert_eq!(
                err.message,
                "`ids` in the query string is not valid UTF-8 once its percent-encoding is decoded; send it as UTF-8"
            );
        }
        assert!(pairs("%FF=a").is_err());
        // The sign that stands for what cannot be decoded can be sent.
        assert_eq!(read("ids=%EF%BF%BD").all("ids"), ["\u{fffd}"]);
    }

    #[test]
    fn a_parameter_that_nobody_knows_or_that_comes_twice_is_named() {
        let check = |query: &str| read(query).only(&["limit", "after"]).unwrap_err().message;
        assert_eq!(check("limt=1"), "`limt`: there is no such parameter; there are limit, after");
        assert_eq!(check("limit=1&limit=2"), "`limit`: it comes twice; send it once");
        assert!(read("after=a&limit=1").only(&["limit", "after"]).is_ok());
    }
}
