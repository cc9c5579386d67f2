//! The body of a request: bounded in bytes and in time, read as JSON whatever its Content-Type.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::App;
use crate::error::{ErrorKind, HttpError};
use crate::offload::Effort;

/// A body that was read as JSON, whatever it is said to be: inference changes nothing, so it does no harm
/// that a web page can post to it without a JSON content type, and `middleware::guard` stands before the
/// routes where it would.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for JsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let limits = app.body_limits();
        // Held until the body is JSON no longer.
        let _room = limits.admit(&parts.headers).await?;
        let bytes = limits.read(&parts.headers, body).await?;
        let effort = Effort::of_reading(bytes.len());
        app.offload().run_if(effort, move || parse(&bytes)).await.map(Self)
    }
}

mod lines;
mod raw;

pub(crate) use lines::JsonLines;
pub(crate) use raw::RawBody;

/// Bounds of a body.
#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    payload_limit: usize,
    read_timeout: Duration,
    // Bytes, in units of `SMALL_BODY`, that the bodies of all requests together may take.
    room: Arc<Semaphore>,
}

// A body that is no larger needs no room: as many as there are connections fit into memory.
const SMALL_BODY: usize = 64 * 1024;

// How many bodies of the largest size are held at once. Further large ones wait unread.
const LARGE_BODIES_AT_ONCE: usize = 8;

// What even a slow line carries. A body that comes slower than this runs out of time.
const MIN_BYTES_PER_SECOND: usize = 16 * 1024;

// How many times the payload limit is read of a body that nobody wants.
const DISCARDED_BODIES: usize = 8;

impl BodyLimits {
    pub(crate) fn new(payload_limit: usize, read_timeout: Duration) -> Self {
        let room = payload_limit.div_ceil(SMALL_BODY).max(1) * LARGE_BODIES_AT_ONCE;
        Self { payload_limit, read_timeout, room: Arc::new(Semaphore::new(room)) }
    }

    // Waits until a large body fits beside the others that are being read.
    async fn admit(&self, headers: &HeaderMap) -> Result<Option<OwnedSemaphorePermit>, HttpError> {
        // A body of unknown length is taken for one of the largest.
        let num_bytes = content_length(headers).unwrap_or(self.payload_limit);
        if num_bytes <= SMALL_BODY || num_bytes > self.payload_limit {
            return Ok(None);
        }
        let units = u32::try_from(num_bytes.div_ceil(SMALL_BODY)).unwrap_or(u32::MAX);
        let deadline = Instant::now() + self.read_timeout;
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        match timeout_at(deadline, room).await {
            Ok(permit) => Ok(Some(permit.expect("the semaphore is never closed"))),
            Err(_) => Err(HttpError::new(
                ErrorKind::Overloaded,
                "too many large bodies are being read; try again in 1 s",
            )
            .retry_after(Duration::from_secs(1))),
        }
    }

    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, HttpError> {
        if content_length(headers).is_some_and(|length| length > self.payload_limit) {
            return Err(self.too_large());
        }
        let mut reader = Reader::new(body, self.read_timeout);
        let mut bytes = BytesMut::with_capacity(reader.size_hint(self.payload_limit));
        while let Some(data) = reader.next().await? {
            if bytes.len() + data.len() > self.payload_limit {
                return Err(self.too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }

    /// Reads what is left of a body, as far as it comes at a reasonable pace and ends.
    pub(crate) async fn discard(&self, body: Body) {
        let mut left = self.payload_limit.saturating_mul(DISCARDED_BODIES);
        let mut reader = Reader::new(body, self.read_timeout);
        while let Ok(Some(data)) = reader.next().await {
            if data.len() > left {
                return;
            }
            left -= data.len();
        }
    }

    fn too_large(&self) -> HttpError {
        let message = format!(
            "the body is larger than {} bytes, which is the payload limit; send fewer inputs per \
             request, or start the server with a larger --payload-limit",
            self.payload_limit
        );
        HttpError::new(ErrorKind::TooLarge, message)
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

// Takes data as long as it comes at a reasonable pace.
struct Reader {
    body: Body,
    began: Instant,
    patience: Duration,
    num_bytes: usize,
}

impl Reader {
    fn new(body: Body, patience: Duration) -> Self {
        Self { body, began: Instant::now(), patience, num_bytes: 0 }
    }

    fn size_hint(&self, limit: usize) -> usize {
        // What a client announces is not yet sent: room is made as data comes, but for small bodies.
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(limit);
        announced.min(limit).min(SMALL_BODY)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let earned = Duration::from_secs((self.num_bytes / MIN_BYTES_PER_SECOND) as u64);
            let deadline = self.began + self.patience + earned;
            let Ok(frame) = timeout_at(deadline, self.body.frame()).await else {
                return Err(too_slow(self.num_bytes, self.began.elapsed()));
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|err| {
                HttpError::new(ErrorKind::BadJson, format!("the body ended early: {err}"))
            })?;
            // Trailers are not data.
            if let Ok(data) = frame.into_data() {
                self.num_bytes += data.len();
                return Ok(Some(data));
            }
        }
    }
}

fn too_slow(num_bytes: usize, elapsed: Duration) -> HttpError {
    let message = format!(
        "the body came too slowly: {num_bytes} bytes in {} s; at least {MIN_BYTES_PER_SECOND} bytes \
         per second are expected",
        elapsed.as_secs()
    );
    HttpError::new(ErrorKind::TooSlow, message)
}

/// Reads a body that is one JSON object.
///
/// # Errors
///
/// If it is none, naming the field at fault.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    // A list would be read as the fields of a struct by their position.
    if first_byte(bytes) == Some(b'[') {
        return Err(no_object());
    }
    serde_json::from_slice(bytes).map_err(|err| explain::<T>(bytes, err))
}

// Reads the body once more to find the field at fault, which a plain error does not know.
fn explain<T: DeserializeOwned>(bytes: &[u8], err: serde_json::Error) -> HttpError {
    if err.is_data() && first_byte(bytes) != Some(b'{') {
        return no_object();
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Err(err) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return HttpError::new(ErrorKind::BadJson, format!("the body is not valid JSON: {err}"));
    };
    let path = err.path().clone();
    let err = err.into_inner();
    if err.is_data() {
        return at(path.to_string(), &err.to_string());
    }
    if let Some(name) = word_for_a_number(bytes, &err) {
        let problem = format!("{name} is not a number that JSON has; all numbers must be finite");
        return at(path.to_string(), &problem);
    }
    let words = err.to_string();
    if words.starts_with("number out of range") {
        return at(path.to_string(), "the number is out of range; all numbers must be finite");
    }
    if words.starts_with("recursion limit exceeded") {
        let field = path.iter().next().map_or_else(|| ".".to_owned(), ToString::to_string);
        return at(field, "nested more than 127 deep");
    }
    HttpError::new(ErrorKind::BadJson, format!("the body is not valid JSON: {words}"))
}

fn at(path: String, problem: &str) -> HttpError {
    if path == "." {
        return HttpError::new(ErrorKind::BadField, problem);
    }
    HttpError::new(ErrorKind::BadField, format!("`{path}`: {problem}")).param(path)
}

// What Python's `json` and JavaScript's habits write for numbers that are none, if parsing failed there.
fn word_for_a_number(bytes: &[u8], err: &serde_json::Error) -> Option<&'static str> {
    let line = bytes.split(|byte| *byte == b'\n').nth(err.line().checked_sub(1)?)?;
    let rest = line.get(err.column().checked_sub(1)?..)?;
    ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()))
}

fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.trim_ascii_start().first().copied()
}

fn no_object() -> HttpError {
    HttpError::new(ErrorKind::BadField, "the body must be a JSON object")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use wire::huggingface::PipelineRequest;
    use wire::tei::EmbedRequest;

    use super::*;

    #[track_caller]
    fn check(body: &[u8], expected: Expect) {
        match parse::<EmbedRequest>(body) {
            Ok(request) => expected.assert_eq(&format!("{:?}", request.inputs)),
            Err(err) => expected.assert_eq(&format!("{:?}: {}", err.kind, err.message)),
        }
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        check(
            br#"{"inputs":["a",5]}"#,
            expect![[
                r#"BadField: `inputs[1]`: invalid type: integer `5`, expected a string or a list of token ids at line 1 column 16"#
            ]],
        );
        check(
            br#"{"inputs":"a","normalize":"yes"}"#,
            expect![[
                r#"BadField: `normalize`: invalid type: string "yes", expected a boolean at line 1 column 31"#
            ]],
        );
        check(
            br#"{"inputs":"a","dimensions":-1}"#,
            expect![[
                r#"BadField: `dimensions`: invalid value: integer `-1`, expected usize at line 1 column 29"#
            ]],
        );
        check(
            br#"{"inputs":"a","truncation_direction":"up"}"#,
            expect![[
                r#"BadField: `truncation_direction`: unknown variant `up`, expected one of `Left`, `left`, `Right`, `right` at line 1 column 41"#
            ]],
        );
        check(
            br#"{"input":"a"}"#,
            expect![[r#"BadField: missing field `inputs` at line 1 column 13"#]],
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        check(br#"["a"]"#, expect![[r#"BadField: the body must be a JSON object"#]]);
        check(br#""a""#, expect![[r#"BadField: the body must be a JSON object"#]]);
        check(b"5", expect!["BadField: the body must be a JSON object"]);
        check(
            b"",
            expect![[
                r#"BadJson: the body is not valid JSON: EOF while parsing a value at line 1 column 0"#
            ]],
        );
    }

    #[test]
    fn a_body_that_is_not_json_is_refused() {
        check(
            b"{\"inputs\":\"\xff\"}",
            expect![[
                r#"BadJson: the body is not valid JSON: invalid unicode code point at line 1 column 12"#
            ]],
        );
        check(
            br#"{"inputs":"\ud800"}"#,
            expect![[
                r#"BadJson: the body is not valid JSON: unexpected end of hex escape at line 1 column 18"#
            ]],
        );
        check(
            br#"{"inputs":"a""#,
            expect![[
                r#"BadJson: the body is not valid JSON: EOF while parsing an object at line 1 column 13"#
            ]],
        );
        check(
            b"inputs=a",
            expect![[r#"BadJson: the body is not valid JSON: expected value at line 1 column 1"#]],
        );
    }

    #[test]
    fn a_number_that_is_none_names_its_place() {
        check(
            br#"{"inputs":[NaN]}"#,
            expect![[
                r#"BadField: `inputs[0]`: NaN is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            b"{\"inputs\":\n[[1, -Infinity]]}",
            expect![[
                r#"BadField: `inputs[0][1]`: Infinity is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            br#"{"inputs":"NaN","dimensions":Infinity}"#,
            expect![[
                r#"BadField: `dimensions`: Infinity is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            br#"{"inputs":nan}"#,
            expect![[r#"BadJson: the body is not valid JSON: expected ident at line 1 column 12"#]],
        );
    }

    #[test]
    fn a_value_that_is_nested_too_deep_names_its_field() {
        let filter = format!("{}{}", r#"{"$and":["#.repeat(1_000), "]}".repeat(1_000));
        let body = format!(r#"{{"topK":1,"filter":{filter}}}"#);
        let err = parse::<wire::pinecone::QueryRequest>(body.as_bytes()).unwrap_err();
        assert_eq!(err.kind, ErrorKind::BadField);
        expect![[r#"`filter`: nested more than 127 deep"#]].assert_eq(&err.message);
    }

    #[test]
    fn nul_bytes_are_text() {
        check(br#"{"inputs":"a\u0000b"}"#, expect![[r#"Text("a\0b")"#]]);
    }

    #[test]
    fn no_depth_of_nesting_overflows_the_stack() {
        let bomb = |before: &str, after: &str| {
            format!("{before}{}{}{after}", "[".repeat(500_000), "]".repeat(500_000))
        };
        check(
            bomb(r#"{"inputs":"#, "}").as_bytes(),
            expect![
                "BadField: `inputs[0][0]`: invalid type: sequence, expected a token id of 32 bits at line 1 column 13"
            ],
        );
        check(bomb(r#"{"inputs":"a","options":"#, "}").as_bytes(), expect![[r#"Text("a")"#]]);
        check(bomb("", "").as_bytes(), expect![[r#"BadField: the body must be a JSON object"#]]);
        let objects = r#"{"inputs":"#.repeat(100_000);
        let err = parse::<PipelineRequest>(objects.as_bytes()).unwrap_err();
        expect![[
            r#"the body is not valid JSON: EOF while parsing a value at line 1 column 1000000"#
        ]]
        .assert_eq(&err.message);
    }
}
