//! What a signature covers besides the body.

use std::fmt;

use http::{HeaderMap, Method, Uri};

/// The request line and the headers of a request, as they came.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> RequestHead<'a> {
    /// Borrows the parts of a request. `uri` is the one of the request line: with a prefix cut off, or
    /// decoded and encoded again, it is no longer what was signed.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        Self { method, path: uri.path(), query: uri.query().unwrap_or_default(), headers }
    }
}

/// Without the query and the headers: who has those of a signed request may send it again for a while.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, .. } = self;
        formatter
            .debug_struct("RequestHead")
            .field("method", method)
            .field("path", path)
            .finish_non_exhaustive()
    }
}
