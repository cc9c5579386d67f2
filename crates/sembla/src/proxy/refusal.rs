//! What the proxy answers by itself: that it does not pass something on, why, and what to do.

use std::time::Duration;

use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use tokio::time;

use super::routes::{self, ErrorShape};
use super::server_address::ServerAddress;

/// The body of an answer: the server's, or the proxy's own.
pub(super) type AnswerBody = Either<Incoming, Full<Bytes>>;

/// A request that is not passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "sembla proxy does not serve {host}; it serves {}; to reach other hosts, unset HTTPS_PROXY or name \
         them in NO_PROXY",
        routes::names()
    )]
    UnknownHost { host: String },

    #[error("sembla proxy serves {host} on port {expected} only, not on {port}")]
    UnknownPort { host: String, port: u16, expected: u16 },

    #[error("sembla proxy has nothing for this path of {host}; docs/proxy.md lists what it has")]
    UnknownPath { host: String },

    #[error(
        "this is sembla proxy, which takes CONNECT and requests with a whole URL; set HTTPS_PROXY to its \
         address, or call the server itself at {server}"
    )]
    NotForProxy { server: ServerAddress },

    #[error(
        "no server answers at {server}; start one with `sembla serve --model ORG/NAME`, or name another \
         with `sembla proxy --server URL`"
    )]
    NoServer { server: ServerAddress },

    #[error(
        "sembla proxy passes {host} on to a store that speaks S3, and none is named; name one with \
         `sembla proxy --s3-endpoint http://HOST:PORT`"
    )]
    NoS3Endpoint { host: String },

    #[error(
        "no store answers at {server}; start one that speaks S3, or name another with \
         `sembla proxy --s3-endpoint URL`"
    )]
    NoS3Server { server: ServerAddress },

    #[error("the server at {server} ended the connection without an answer; its log may say why")]
    NoAnswer { server: ServerAddress },
}

// A word for programs, where a dialect has a place for one.
const KIND: &str = "sembla_proxy";

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotForProxy { .. } => StatusCode::BAD_REQUEST,
            // AWS's clients repeat what is answered with 502.
            Self::NoS3Endpoint { .. } => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownHost { .. }
            | Self::UnknownPort { .. }
            | Self::UnknownPath { .. }
            | Self::NoServer { .. }
            | Self::NoS3Server { .. }
            | Self::NoAnswer { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    /// Returns the answer, in the words of the host that was asked.
    ///
    /// Of a refused CONNECT most clients show nothing but the reason behind the status, so the reason is there
    /// too.
    pub(super) fn answer(&self, shape: ErrorShape) -> Response<AnswerBody> {
        let text = self.to_string();
        let body = match shape {
            ErrorShape::Text => json!({ "error": text }).to_string(),
            ErrorShape::Object => {
                let error = json!({ "message": text, "type": KIND, "code": KIND });
                json!({ "error": error, "status": self.status().as_u16() }).to_string()
            }
            ErrorShape::TopLevel => json!({ "message": text, "__type": KIND }).to_string(),
            ErrorShape::Xml => xml(&text),
        };
        let mut answer = Response::new(Either::Right(Full::new(Bytes::from(body))));
        *answer.status_mut() = self.status();
        let content_type = match shape {
            ErrorShape::Text | ErrorShape::Object | ErrorShape::TopLevel => "application/json",
            ErrorShape::Xml => "text/xml",
        };
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(reason) = ReasonPhrase::try_from(self.reason().into_bytes()) {
            answer.extensions_mut().insert(reason);
        }
        answer
    }

    fn reason(&self) -> String {
        match self {
            Self::UnknownHost { host } => format!("sembla proxy does not serve {host}"),
            Self::UnknownPort { host, port, .. } => {
                format!("sembla proxy does not serve port {port} of {host}")
            }
            Self::UnknownPath { host } => {
                format!("sembla proxy has nothing for this path of {host}")
            }
            Self::NotForProxy { .. } => "this is sembla proxy".to_owned(),
            Self::NoServer { server } => format!("no sembla server answers at {server}"),
            Self::NoS3Endpoint { host } => {
                format!("sembla proxy has no --s3-endpoint to pass {host} on to")
            }
            Self::NoS3Server { server } => format!("no store answers at {server}"),
            Self::NoAnswer { server } => format!("the server at {server} gave no answer"),
        }
    }
}

fn xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<ErrorResponse><Error><Code>{KIND}</Code><Message>{text}</Message></Error></ErrorResponse>"
    )
}

// What clients have already sent when they are refused is small next to the first, and arrives soon.
const MAX_DISCARDED_BYTES: usize = 64 << 20;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(10);

/// Reads what is left of a request that is refused, within bounds.
///
/// Most clients read no answer before they have sent everything: were the connection closed on them, they would
/// see a reset and not the reason. One that asks first has sent nothing and must not be told to go on.
pub(super) async fn discard(request: Request<Incoming>) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut body = request.into_body();
    let taken = async {
        let mut num_bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            num_bytes += frame.data_ref().map_or(0, Bytes::len);
            if num_bytes > MAX_DISCARDED_BYTES {
                return;
            }
        }
    };
    // A client that is too slow may miss the reason.
    let _ = time::timeout(MAX_DISCARD_TIME, taken).await;
}
