//! The body of a request on its way to a replica: kept, so that it can be sent again, or streamed.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::Begun;

/// The body of a request.
pub(super) struct Upload {
    chunks: Vec<Bytes>,
    /// What has not come yet. It can be sent once.
    rest: Option<Mutex<Option<Body>>>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A body that is being sent.
pub(super) struct Sending {
    chunks: VecDeque<Bytes>,
    rest: Option<Body>,
}

impl Upload {
    pub(super) fn new(begun: Begun) -> Self {
        let Begun { chunks, rest, room } = begun;
        Self { chunks, rest: rest.map(|rest| Mutex::new(Some(rest))), _room: room }
    }

    /// Returns how many bytes have come.
    pub(super) fn num_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Returns whether it can be sent again.
    pub(super) fn is_kept(&self) -> bool {
        self.rest.is_none()
    }

    /// Returns the body to send. What was not kept is in the first of them alone.
    pub(super) fn send(&self) -> Sending {
        let rest = self.rest.as_ref();
        let rest = rest.and_then(|rest| rest.lock().unwrap_or_else(PoisonError::into_inner).take());
        // The chunks themselves are shared.
        Sending { chunks: self.chunks.iter().cloned().collect(), rest }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let come = self.chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let Some(rest) = &self.rest else { return SizeHint::with_exact(come) };
        let rest = http_body::Body::size_hint(rest);
        let mut hint = SizeHint::new();
        hint.set_lower(come + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(come + upper);
        }
        hint
    }
}
