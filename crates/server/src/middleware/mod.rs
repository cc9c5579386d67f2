//! What happens to every request once, outside of the handlers. From the outside in: request ids,
//! counting answers, CORS, reading leftovers, the shape of errors, one host, and on the routes that
//! need them authentication, the rules of web pages and counting inference.

pub(crate) mod auth;
pub(crate) mod cors;
pub(crate) mod count;
pub(crate) mod guard;
pub(crate) mod host;
pub(crate) mod leftover;
pub(crate) mod observe;
pub(crate) mod prefix;
pub(crate) mod shape;
