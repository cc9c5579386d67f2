//! Calls of AWS's clients: which requests are some, and who sent them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Request, Uri, header};
use sigv4::{RequestHead, SignatureError, Signed, authenticate, body_sha256};

use crate::App;
use crate::asker::Asker;
use crate::error::{ErrorKind, HttpError};
use crate::serve::Local;

/// Where calls of the control plane are routed, which their clients send to `/`.
pub(crate) const PATH: &str = "/aws";

/// Which call it is, in JSON 1.1.
pub(crate) const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Where clients look for what an error is called.
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The host that a client meant, where a proxy has taken its request.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The services that are answered.
const SERVICES: [&str; 3] = ["sagemaker", "sts", "iam"];

/// What stands in ARNs where the client names no region.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// An access key with which AWS's clients sign their requests.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its public half.
    pub id: String,
    secret: String,
}

impl AccessKey {
    /// Makes a key of its two halves.
    pub fn new(id: String, secret: String) -> Self {
        Self { id, secret }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The address that a client sent its request to, where it was routed elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct SentTo(pub(crate) Uri);

/// Returns whether a request is a call of AWS's control planes, all of which are sent to `/`.
pub(crate) fn is_call<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let is_to_root = request.method() == Method::POST && request.uri().path() == "/";
    is_to_root && (headers.contains_key(TARGET) || is_signed(headers))
}

fn is_signed(headers: &HeaderMap) -> bool {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    authorization.is_some_and(|value| value.starts_with(b"AWS4-HMAC-SHA256"))
}

/// Returns whether the body of a request counts for who sent it.
pub(crate) fn is_about_body(app: &App, parts: &Parts) -> bool {
    let is_presigned = parts.uri.query().is_some_and(|query| query.contains("X-Amz-Signature="));
    !app.config().aws_access_keys.is_empty() && (is_signed(&parts.headers) || is_presigned)
}

/// Finds out who sent a request, by its signature or by a key as everywhere else. As long as no access key is
/// configured and no other key either, any signature is accepted.
///
/// # Errors
///
/// If the signature is not that of a key which is known, or a key is needed and none was sent.
pub(crate) fn identify(app: &App, parts: &Parts, body: &[u8]) -> Result<Asker, HttpError> {
    if !app.needs_key() || parts.extensions.get::<Local>().is_some() {
        return Ok(Asker::Operator);
    }
    let keys = &app.config().aws_access_keys;
    if keys.is_empty() && is_signed(&parts.headers) {
        let message = "this server has keys, but no access keys to check a signature with; start it with \
                       --aws-access-key ID:SECRET, or send `Authorization: Bearer KEY`";
        return Err(HttpError::new(ErrorKind::Unauthorized, message));
    }
    if !is_about_body(app, parts) {
        return Asker::identify(app, &parts.extensions, &parts.headers);
    }
    let sent_to = sent_to(parts);
    let secret_of = |id: &str| keys.iter().find(|key| key.id == id).map(|key| key.secret.as_str());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let check = |headers: &HeaderMap| {
        let head = RequestHead::new(&parts.method, &sent_to, headers);
        authenticate(head, &body_sha256(body), &SERVICES, now, secret_of).map(drop)
    };
    let checked = match parts.headers.get(FORWARDED_HOST) {
        None => check(&parts.headers),
        // The signature is for the host that the client meant.
        Some(host) => {
            let mut headers = parts.headers.clone();
            headers.insert(header::HOST, host.clone());
            check(&headers)
        }
    };
    checked.map(|()| Asker::Operator).map_err(refused)
}

fn refused(err: SignatureError) -> HttpError {
    let is_unknown =
        matches!(err, SignatureError::Missing | SignatureError::UnknownAccessKey { .. });
    let kind = if is_unknown { ErrorKind::Unauthorized } else { ErrorKind::BadSignature };
    HttpError::new(kind, err.to_string())
}

/// Returns the address that a client sent its request to, which is the one that it has signed.
fn sent_to(parts: &Parts) -> Uri {
    // A proxy has routed it here.
    if parts.headers.contains_key(FORWARDED_HOST) && parts.uri.path() == PATH {
        return Uri::from_static("/");
    }
    parts.extensions.get::<SentTo>().map_or(&parts.uri, |SentTo(uri)| uri).clone()
}

/// Returns the region that a client thinks it is in.
pub(crate) fn region(parts: &Parts) -> String {
    let sent_to = sent_to(parts);
    let signed = Signed::parse(RequestHead::new(&parts.method, &sent_to, &parts.headers));
    let region = signed.ok().flatten().map(|signed| signed.region().to_owned());
    let is_plain = |region: &String| region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    region.filter(is_plain).unwrap_or_else(|| DEFAULT_REGION.to_owned())
}
