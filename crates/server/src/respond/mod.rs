//! Answers: headers, small bodies in one go, large ones piece by piece.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use bytes::{Bytes, BytesMut};
use engine::Timing;
use http_body::Frame;
use serde::Serialize;
use wire::floats::NotFinite;

use crate::call::{Answer, Totals};
use crate::error::{ErrorKind, HttpError};
use crate::offload::{Effort, Offload};

pub(crate) mod pieces;

/// A body that is written piece by piece, so that a large answer is never in memory as text.
pub(crate) trait Pieces: Send + 'static {
    /// Appends the next piece; breaks when there is none after it.
    ///
    /// # Errors
    ///
    /// [`NotFinite`] if a value is a NaN or an infinity, which the engine does not let through.
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite>;
}

// How much is written at once: about a millisecond's work, and what is held for each client.
const CHUNK_BYTES: usize = 256 * 1024;

/// Answers with embeddings and the headers that say what they took.
///
/// # Errors
///
/// If a value is not finite and nothing was sent yet.
pub(crate) async fn embeddings<T>(
    answer: Answer<T>,
    offload: &Offload,
    pieces: impl FnOnce(Vec<T>) -> Box<dyn Pieces>,
) -> Result<Response<Body>, HttpError> {
    let Answer { results, totals, timing } = answer;
    // One small piece per result counts as well as its floats.
    let effort = Effort::of_writing(totals.num_floats + results.len());
    let mut response = write(pieces(results), effort, offload).await?;
    insert_compute_headers(response.headers_mut(), &totals, &timing);
    Ok(response)
}

/// Answers with JSON that is written piece by piece.
///
/// # Errors
///
/// If a value is not finite and nothing was sent yet.
pub(crate) async fn write(
    pieces: Box<dyn Pieces>,
    effort: Effort,
    offload: &Offload,
) -> Result<Response<Body>, HttpError> {
    let body = match effort {
        Effort::Short => Body::from(write_all(pieces).map_err(not_finite)?),
        // The first chunk is written before the status is sent, so that it can still be an error.
        Effort::Long => match offload.run(|| write_chunk(pieces)).await.map_err(not_finite)? {
            Chunk::Last(bytes) => Body::from(bytes),
            Chunk::More(bytes, rest) => Body::new(Stream::new(bytes, rest, offload.clone())),
        },
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// Answers with a small JSON body.
pub(crate) fn json(body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(body).expect("an answer has string keys only");
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn not_finite(err: NotFinite) -> HttpError {
    HttpError::new(ErrorKind::ModelFailed, err.to_string())
}

/// The response headers of inference routes, which CORS lets a page read.
pub(crate) const COMPUTE_HEADERS: [HeaderName; 9] = [
    HeaderName::from_static("x-compute-type"),
    HeaderName::from_static("x-compute-time"),
    HeaderName::from_static("x-compute-characters"),
    HeaderName::from_static("x-compute-tokens"),
    HeaderName::from_static("x-total-time"),
    HeaderName::from_static("x-tokenization-time"),
    HeaderName::from_static("x-queue-time"),
    HeaderName::from_static("x-inference-time"),
    HeaderName::from_static("x-truncated-inputs"),
];

/// Says in headers what embedding took. Times are whole milliseconds, as text-embeddings-inference
/// has them.
pub(crate) fn insert_compute_headers(headers: &mut HeaderMap, totals: &Totals, timing: &Timing) {
    let values: [&dyn Display; 9] = [
        &"cpu",
        &timing.total.as_millis(),
        &totals.num_chars,
        &totals.num_tokens,
        &timing.total.as_millis(),
        &timing.tokenization.as_millis(),
        &timing.queue.as_millis(),
        &timing.inference.as_millis(),
        &totals.num_truncated,
    ];
    for (name, value) in COMPUTE_HEADERS.into_iter().zip(values) {
        let value = HeaderValue::try_from(value.to_string());
        headers.insert(name, value.expect("a number is a valid header value"));
    }
}

fn write_all(mut pieces: Box<dyn Pieces>) -> Result<Bytes, NotFinite> {
    let mut out = BytesMut::new();
    while pieces.write_next(&mut out)?.is_continue() {}
    Ok(out.freeze())
}

enum Chunk {
    More(Bytes, Box<dyn Pieces>),
    Last(Bytes),
}

fn write_chunk(mut pieces: Box<dyn Pieces>) -> Result<Chunk, NotFinite> {
    let mut out = BytesMut::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
    while out.len() < CHUNK_BYTES {
        if pieces.write_next(&mut out)?.is_break() {
            return Ok(Chunk::Last(out.freeze()));
        }
    }
    Ok(Chunk::More(out.freeze(), pieces))
}

// A body whose chunks are written on blocking threads when the client takes them. A client that
// takes nothing holds no thread.
struct Stream {
    ready: Option<Bytes>,
    writing: Option<Writing>,
    offload: Offload,
}

type Writing = Pin<Box<dyn Future<Output = Result<Chunk, NotFinite>> + Send>>;

impl Stream {
    fn new(first: Bytes, rest: Box<dyn Pieces>, offload: Offload) -> Self {
        let mut stream = Self { ready: Some(first), writing: None, offload };
        stream.write(rest);
        stream
    }

    fn write(&mut self, pieces: Box<dyn Pieces>) {
        let offload = self.offload.clone();
        self.writing = Some(Box::pin(async move { offload.run(|| write_chunk(pieces)).await }));
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = NotFinite;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotFinite>>> {
        if let Some(bytes) = self.ready.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let Some(writing) = &mut self.writing else { return Poll::Ready(None) };
        let chunk = ready!(writing.as_mut().poll(context));
        self.writing = None;
        Poll::Ready(Some(chunk.map(|chunk| match chunk {
            Chunk::Last(bytes) => Frame::data(bytes),
            Chunk::More(bytes, rest) => {
                self.write(rest);
                Frame::data(bytes)
            }
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_none() && self.writing.is_none()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::pieces::{Brackets, Rows};
    use super::*;

    fn answer(num_rows: usize, value: f32) -> Answer<engine::Embedded> {
        let row = engine::Embedded {
            values: vec![value; 384],
            dimensions: 384,
            num_tokens: 1,
            num_chars: 1,
            truncated_from: None,
        };
        let totals = Totals { num_floats: 384 * num_rows, ..Totals::default() };
        Answer { results: vec![row; num_rows], totals, timing: Timing::default() }
    }

    async fn respond(num_rows: usize, value: f32) -> Result<Response<Body>, HttpError> {
        let rows = |results| Box::new(Rows::new(results, Brackets::Nested)) as Box<dyn Pieces>;
        embeddings(answer(num_rows, value), &Offload::new(1), rows).await
    }

    #[tokio::test]
    async fn a_small_answer_has_a_known_length_and_a_large_one_comes_in_chunks() {
        use http_body::Body as _;

        let small = respond(2, 0.5).await.unwrap().into_body();
        assert!(small.size_hint().exact().is_some());

        let large = respond(2_000, 0.5).await.unwrap().into_body();
        assert_eq!(large.size_hint().exact(), None);
        let mut body = large;
        let mut text = Vec::new();
        let mut num_chunks = 0;
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            assert!(data.len() < 2 * CHUNK_BYTES, "a chunk of {} bytes", data.len());
            text.extend_from_slice(&data);
            num_chunks += 1;
        }
        assert!(num_chunks > 3, "{num_chunks} chunks");
        let rows: Vec<Vec<f32>> = serde_json::from_slice(&text).unwrap();
        assert_eq!(rows, vec![vec![0.5; 384]; 2_000]);
    }

    #[tokio::test]
    async fn a_value_that_is_not_finite_is_an_error_and_never_null() {
        for num_rows in [1, 2_000] {
            let err = respond(num_rows, f32::NAN).await.unwrap_err();
            assert_eq!(err.kind, ErrorKind::ModelFailed);
        }
    }
}
