//! Keeps what embeds busy: reads ahead, submits pieces, takes results in the order of submission.
//!
//! **Bound.** In memory are at most [`MAX_WINDOWS`] batches of the source (each 2,048 rows, or as many
//! as make 4 MiB, or one longer row), their embeddings, and [`MAX_BYTES_IN_FLIGHT`] of copied texts, or
//! one longer text; beside them the sink's open row group.

use std::collections::VecDeque;

use super::window::{Filled, Piece, Window};
use super::{JobError, Sink};
use crate::embed::Embed;
use crate::source::{Batch, SourceError};

/// The batches in memory: one being written, one being embedded, two to read ahead.
const MAX_WINDOWS: usize = 4;

/// Text under way, about 64,000 tokens: on a machine that embeds 250,000 a second, a quarter of a
/// second in which a window can be written.
const MAX_BYTES_IN_FLIGHT: usize = 256 << 10;

/// Windows between being read and being written.
pub(super) struct Pipeline<'a, E: Embed> {
    embed: &'a E,
    column: &'a str,
    windows: VecDeque<Window>,
    /// How many windows came before the first in `windows`.
    num_popped: usize,
    waiting: VecDeque<(usize, Piece)>,
    in_flight: VecDeque<InFlight<E::Pending>>,
    bytes_in_flight: usize,
}

struct InFlight<P> {
    /// Counted from the first of the job.
    window: usize,
    piece: Piece,
    pending: P,
}

impl<'a, E: Embed> Pipeline<'a, E> {
    pub(super) fn new(embed: &'a E, column: &'a str) -> Self {
        Self {
            embed,
            column,
            windows: VecDeque::new(),
            num_popped: 0,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            bytes_in_flight: 0,
        }
    }

    /// Submits one more piece, if the bounds and the source allow it.
    pub(super) fn submit_one(
        &mut self,
        batches: &mut impl Iterator<Item = Result<Batch, SourceError>>,
        sink: &mut dyn Sink,
    ) -> Result<bool, JobError> {
        if self.waiting.is_empty()
            && self.windows.len() < MAX_WINDOWS
            && let Some(batch) = batches.next()
        {
            self.take_in(batch?, sink)?;
        }
        let Some((_, piece)) = self.waiting.front() else { return Ok(false) };
        let fits = self.bytes_in_flight + piece.num_bytes <= MAX_BYTES_IN_FLIGHT;
        if !fits && !self.in_flight.is_empty() {
            return Ok(false);
        }
        let (window, piece) = self.waiting.pop_front().expect("it was there just now");
        let texts = self.windows[window - self.num_popped].texts_of(&piece);
        let pending = self.embed.submit(texts).map_err(JobError::Embed)?;
        self.bytes_in_flight += piece.num_bytes;
        self.in_flight.push_back(InFlight { window, piece, pending });
        Ok(true)
    }

    fn take_in(&mut self, batch: Batch, sink: &mut dyn Sink) -> Result<(), JobError> {
        let is_there = sink.plan(&batch.rows)?;
        let window = Window::new(batch, self.column, self.embed.spec().dimensions, is_there)?;
        let number = self.num_popped + self.windows.len();
        self.waiting.extend(window.pieces().into_iter().map(|piece| (number, piece)));
        self.windows.push_back(window);
        Ok(())
    }

    /// Waits for the piece that was submitted first, or returns `None` if there is none.
    pub(super) fn wait_for_one(&mut self) -> Result<Option<(usize, Filled)>, JobError> {
        let Some(InFlight { window, piece, pending }) = self.in_flight.pop_front() else {
            return Ok(None);
        };
        self.bytes_in_flight -= piece.num_bytes;
        let results = self.embed.wait(pending).map_err(JobError::Embed)?;
        let filled = self.windows[window - self.num_popped].fill(&piece, results)?;
        Ok(Some((piece.rows.len(), filled)))
    }

    /// Returns whether nothing is between being read and being written.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Takes out the first window if it is complete.
    pub(super) fn pop_complete(&mut self) -> Option<Window> {
        let window = self.windows.pop_front_if(|window| window.is_complete())?;
        self.num_popped += 1;
        Some(window)
    }
}
