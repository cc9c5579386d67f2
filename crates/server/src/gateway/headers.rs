//! Which headers pass.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use endpoints::View;

use crate::hop_by_hop::strip_hop_by_hop;
use crate::routes::root_answers::{self, ANSWERS};

/// How long a client waits for a replica, in seconds.
pub(super) const SCALE_UP_TIMEOUT: HeaderName = HeaderName::from_static("x-scale-up-timeout");

/// What is for the gateway alone. A replica has no keys, and must not learn any; the length is that of the
/// body that is sent.
const OF_GATEWAY: [HeaderName; 6] = [
    header::AUTHORIZATION,
    HeaderName::from_static("api-key"),
    header::COOKIE,
    header::EXPECT,
    header::CONTENT_LENGTH,
    SCALE_UP_TIMEOUT,
];

/// What the gateway says itself of web pages that may read the answer.
const OF_PAGES: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// Makes the headers of a client's request those of one to a replica.
pub(super) fn prepare(headers: &mut HeaderMap, view: &View) {
    strip_hop_by_hop(headers);
    for name in OF_GATEWAY {
        headers.remove(name);
    }
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    headers.insert(ANSWERS, answers(view));
}

/// Removes from an answer what is about the connection to the replica.
pub(super) fn strip_answer(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in OF_PAGES {
        headers.remove(name);
    }
}

// Of the version that serves: that of another which is not ready yet, or was given up, does not count.
fn answers(view: &View) -> HeaderValue {
    let body = &view.record.body;
    let serving = body.spec_of(body.lead()).unwrap_or(&body.spec);
    root_answers::header(&serving.answers())
}
