//! Which headers were signed, and which have to be.

use http::{HeaderMap, HeaderName, header};

use crate::{Incomplete, SignatureError};

/// The names that a signature lists, in its order.
pub(crate) struct SignedHeaders(Vec<HeaderName>);

impl SignedHeaders {
    /// Reads `host;x-amz-date`, the value of `part`.
    pub(crate) fn parse(part: &'static str, text: &str) -> Result<Self, Incomplete> {
        let name = |name: &str| {
            let expected = "lower-case names of headers with semicolons between them";
            HeaderName::from_lowercase(name.as_bytes()).map_err(|_| Incomplete::Malformed {
                part,
                got: name.to_owned(),
                expected,
            })
        };
        text.split(';').map(name).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// Returns the list as it was sent.
    pub(crate) fn joined(&self) -> String {
        self.0.iter().map(HeaderName::as_str).collect::<Vec<&str>>().join(";")
    }

    /// Checks that each signed header is there, that `host` is signed, and that every `x-amz-*` header is:
    /// those change what AWS's services do, so that one that is not signed could be somebody else's.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        if let Some(name) = self.0.iter().find(|name| !headers.contains_key(*name)) {
            return Err(SignatureError::AbsentHeader { name: name.to_string() });
        }
        let must_be_signed = |name: &&HeaderName| name.as_str().starts_with("x-amz-");
        let mut names = headers.keys().filter(must_be_signed).chain([&header::HOST]);
        match names.find(|name| !self.0.contains(name)) {
            Some(name) => Err(SignatureError::UnsignedHeader { name: name.to_string() }),
            None => Ok(()),
        }
    }
}
