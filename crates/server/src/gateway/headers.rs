//! Which headers pass.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use endpoints::{Answers, View};

use crate::routes::root_answers::{ANSWERS, LISTS, TOOLKIT};

/// How long a client waits for a replica, in seconds.
pub(super) const SCALE_UP_TIMEOUT: HeaderName = HeaderName::from_static("x-scale-up-timeout");

/// Headers that are about one connection (RFC 9110, section 7.6.1), and those of its predecessors.
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

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
    strip(headers);
    for name in OF_GATEWAY {
        headers.remove(name);
    }
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    headers.insert(ANSWERS, answers(view));
}

/// Removes from an answer what is about the connection to the replica.
pub(super) fn strip_answer(headers: &mut HeaderMap) {
    strip(headers);
    for name in OF_PAGES {
        headers.remove(name);
    }
}

// Of the version that serves: that of another which is not ready yet, or was given up, does not count.
fn answers(view: &View) -> HeaderValue {
    let body = &view.record.body;
    let serving = body.spec_of(body.lead()).unwrap_or(&body.spec);
    match serving.answers() {
        Answers::Lists => LISTS,
        Answers::Toolkit => TOOLKIT,
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}

// Nearly always `keep-alive` or `close`, which are in the list or no header.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim);
    let others = names.filter(|name| !["keep-alive", "close", ""].contains(name));
    others.filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_a_connection_does_not_pass_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "hush"),
            ("x-compute-tokens", "7"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-compute-tokens"]);
    }
}
