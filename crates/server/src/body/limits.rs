//! Takes a body as it came, bounded in bytes and in time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::RawBody;
use crate::error::{ErrorKind, HttpError};

/// Bounds of a body.
#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    payload_limit: usize,
    read_timeout: Duration,
    // Bytes, in units of `SMALL_BODY`, that the bodies of all requests together may take.
    room: Arc<Semaphore>,
}

/// A body, or its beginning.
pub(crate) struct Begun {
    /// What has come, as it came.
    pub(crate) chunks: Vec<Bytes>,
    /// What has not.
    pub(crate) rest: Option<Body>,
    /// Of what is held in memory.
    pub(crate) room: Option<OwnedSemaphorePermit>,
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

    /// Takes the body of a request as it came.
    ///
    /// # Errors
    ///
    /// If it is compressed, too large, too slow or ends early, or there is no room for it.
    pub(crate) async fn take(&self, request: Request) -> Result<RawBody, HttpError> {
        let (parts, body) = request.into_parts();
        check_is_plain(&parts.headers)?;
        // A body of unknown length is taken for one of the largest.
        let num_bytes = content_length(&parts.headers).unwrap_or(self.payload_limit);
        let room = self.admit(num_bytes).await?;
        let bytes = self.read(&parts.headers, body).await?;
        Ok(RawBody { bytes, room })
    }

    /// Takes a body of at most `most` bytes whole, as it came; of a larger one no more than its beginning.
    ///
    /// # Errors
    ///
    /// If it is too large by its own word, too slow or ends early, or there is no room for it.
    pub(crate) async fn begin(
        &self,
        headers: &HeaderMap,
        body: Body,
        most: usize,
    ) -> Result<Begun, HttpError> {
        if self.says_too_large(headers) {
            return Err(self.too_large());
        }
        let announced = content_length(headers);
        if announced.is_some_and(|length| length > most) {
            return Ok(Begun { chunks: Vec::new(), rest: Some(body), room: None });
        }
        let room = self.admit(announced.unwrap_or(most.min(self.payload_limit))).await?;
        let mut reader = Reader::new(body, self.read_timeout);
        let mut chunks = Vec::new();
        while reader.num_bytes <= most {
            match reader.next().await? {
                Some(chunk) => chunks.push(chunk),
                None => return Ok(Begun { chunks, rest: None, room }),
            }
        }
        Ok(Begun { chunks, rest: Some(reader.body), room })
    }

    // Waits until a large body fits beside the others that are being read.
    async fn admit(&self, num_bytes: usize) -> Result<Option<OwnedSemaphorePermit>, HttpError> {
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
        if self.says_too_large(headers) {
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

    /// Returns whether a body is larger than the limit by its own word.
    pub(crate) fn says_too_large(&self, headers: &HeaderMap) -> bool {
        content_length(headers).is_some_and(|length| length > self.payload_limit)
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

// A compressed body would be limited in what is sent and not in what it becomes.
fn check_is_plain(headers: &HeaderMap) -> Result<(), HttpError> {
    for given in headers.get_all(header::CONTENT_ENCODING) {
        let mut encodings = given.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if !encodings.all(|it| it.is_empty() || it.eq_ignore_ascii_case(b"identity")) {
            let message = format!(
                "Content-Encoding is `{}`; send the body uncompressed and without this header",
                String::from_utf8_lossy(given.as_bytes())
            );
            return Err(HttpError::new(ErrorKind::ContentEncoding, message));
        }
    }
    Ok(())
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
