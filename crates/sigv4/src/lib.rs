//! Verifies the AWS Signature Version 4 of an HTTP request, in its `Authorization` header or in a
//! presigned URL.
//!
//! Useful for: answering whether whoever knows a secret access key has signed exactly this request, lately.
//! Not useful for: what they may do, where keys are kept, or signing. Signature Version 4A (asymmetric) and
//! chunked uploads (`STREAMING-…`) are refused with a reason.
//!
//! ```
//! use http::{HeaderMap, Method, Uri};
//! use sigv4::{RequestHead, SignatureError, authenticate, body_sha256};
//!
//! let (method, uri, headers) = (Method::GET, Uri::from_static("/"), HeaderMap::new());
//! let head = RequestHead::new(&method, &uri, &headers);
//! let secret_of = |_: &str| None::<String>;
//! let now = 1_440_938_160;
//! let refused = authenticate(head, &body_sha256(b""), &["sts"], now, secret_of);
//! assert!(matches!(refused, Err(SignatureError::Missing)));
//! ```
//!
//! **What a signature does not tell apart.** Outside of S3 the path is signed without empty and dot
//! segments, so that `/a//./b` and `/x/../a/b` have the signature of `/a/b`: route by what was signed, or
//! refuse such paths. In the query, `+` is signed like `%20`, `k` like `k=`, and the order of parameters
//! does not count.
//!
//! # Source
//!
//! The "Signature Version 4" chapter of AWS's IAM user guide, and botocore 1.44.5 (`botocore/auth.py`)
//! where the guide leaves something open.

mod authorization;
mod canonical;
mod error;
mod key;
mod payload;
mod presigned;
mod query;
mod request;
mod scope;
mod signed;
mod signed_headers;
mod timestamp;

pub use error::{Incomplete, Protocol, SignatureError};
pub use payload::body_sha256;
pub use request::RequestHead;
pub use signed::{MAX_EXPIRES_SECONDS, MAX_SKEW_SECONDS, Signed, authenticate};
