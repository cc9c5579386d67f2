//! Compressed copies of a namespace's vectors, in memory, that say which rows are worth reading.
//!
//! Every row is kept as signed bytes (a quarter of its floats) and as one bit a dimension, the latter
//! in lists of rows that are near each other. [`Codes::candidates`] reads the smaller form of many rows
//! and the larger of few; the caller scores what is left in full precision. All of it is derived from
//! the vectors, so it is never stored, and what it costs is about a third of their memory.
//!
//! Rows are appended, and which of them count is said with each query; whole chunks of those that
//! never count again can be forgotten. Centroids are learned from the rows in the background ([`Codes::relearn`]) while appends and queries go on.

mod byte_rows;
mod centroids;
mod lists;
mod nearest;
mod plan;
mod space;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use kernels::{ByteQuery, Isa};
use roaring::RoaringBitmap;

use self::byte_rows::{ByteRows, CHUNK_ROWS};
use self::lists::{Encoder, Lists};
use self::nearest::Nearest;
pub use self::plan::{Budget, Plan, Size, plan};
use self::space::Space;
use crate::query::Stage;
use crate::spec::Metric;

/// Which rows a search looks at first, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All rows as bytes.
    Int8,
    /// All rows as bits, the best of them as bytes.
    OneBit,
    /// As [`Self::OneBit`], of this many lists nearest to the query.
    Lists(usize),
}

/// How much a search looks at before it names its candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Which rows come first.
    pub way: Way,
    /// How many rows are looked at as bytes after [`Way::OneBit`] or [`Way::Lists`].
    pub num_int8: usize,
    /// How many rows are named.
    pub num_candidates: usize,
}

impl Effort {
    /// Returns what a search for the `want` nearest rows needs.
    pub fn new(way: Way, want: usize) -> Self {
        // Twice as many as asked lose nothing in bytes; the error of a bit is some ten times that.
        let num_candidates = (2 * want).max(MIN_CANDIDATES);
        Self { way, num_int8: (10 * num_candidates).max(MIN_INT8), num_candidates }
    }
}

const MIN_CANDIDATES: usize = 20;
/// With more rows as bytes hardly anything more is found: of the nearest ten of 1,000,000 × 384, 0.998
/// with 300, and all from 500 to 2,000, when at least half of the lists are read.
const MIN_INT8: usize = 500;
/// Lists get so many rows when they are learned, as far as [`MAX_LISTS`] allows. Smaller ones say better
/// where a query's neighbours are: of 1,000,000 × 384, 0.99 of the nearest ten are in 260,000 rows of 1,024
/// lists, in 200,000 of 2,048 and in 125,000 of 4,096; but each doubling doubles the time to learn them.
const ROWS_IN_A_LIST: usize = 250;
const MAX_LISTS: usize = 4_096;
/// New rows this much further from their centroids than those that they were learned from mean that
/// the data has moved.
const DRIFT: f64 = 1.2;
/// Lists that hold this many times the rows that are not forgotten are sorted anew.
const STALE: usize = 2;
/// From which share of the rows on new ones say anything about that.
const DRIFT_SHARE: usize = 16;

/// The compressed rows of one namespace.
pub struct Codes {
    isa: Isa,
    space: Space,
    state: RwLock<State>,
    /// Held by whoever adds rows or replaces the lists.
    writer: Mutex<()>,
}

struct State {
    bytes: ByteRows,
    encoder: Arc<Encoder>,
    lists: Lists,
    /// Rows when the lists were learned.
    num_learned: usize,
    /// Rows that were skipped or forgotten.
    forgotten: RoaringBitmap,
}

impl State {
    /// Returns whether all rows are living ones.
    fn all_count(&self, live: &RoaringBitmap) -> bool {
        let num_rows = self.bytes.num_rows() as u64;
        self.forgotten.is_empty() && live.range_cardinality(..num_rows as u32) == num_rows
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// The rows that are worth scoring in full precision, the most promising first.
    pub rows: Vec<u32>,
    /// How they were found: `one-bit` and `int8`, or the latter alone.
    pub stages: Vec<Stage>,
}

impl Codes {
    /// Begins without rows. `sample` is some rows of those to come, end to end: their mean is what
    /// every row is coded relative to. With none, the origin is.
    ///
    /// # Panics
    ///
    /// If `sample` is not whole rows.
    pub fn new(metric: Metric, dimensions: usize, sample: &[f32]) -> Self {
        let isa = Isa::best();
        let space = Space::new(metric, dimensions, sample);
        let encoder = Encoder::unlearned(isa, &space);
        let state = State {
            bytes: ByteRows::new(dimensions),
            lists: Lists::of(&encoder),
            encoder: Arc::new(encoder),
            num_learned: 0,
            forgotten: RoaringBitmap::new(),
        };
        Self { isa, space, state: RwLock::new(state), writer: Mutex::new(()) }
    }

    /// Returns the number after the last row's.
    pub fn num_rows(&self) -> usize {
        self.read().bytes.num_rows()
    }

    /// Returns how many rows there are, counting those that no longer count, without those that were
    /// skipped or forgotten.
    pub fn num_held(&self) -> usize {
        self.read().bytes.num_held()
    }

    /// Returns the rows that were skipped or forgotten, which grow and never shrink.
    pub fn forgotten(&self) -> RoaringBitmap {
        self.read().forgotten.clone()
    }

    /// Frees the memory of rows that never count again: of their bytes at once, as far as they fill
    /// whole chunks of 1,024, and of their bits when the lists are learned again.
    pub fn forget(&self, rows: Range<u32>) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let end = (rows.end as usize).min(state.bytes.num_rows()) / CHUNK_ROWS;
        for chunk in (rows.start as usize).div_ceil(CHUNK_ROWS)..end {
            state.bytes.forget(chunk);
            let first_row = (chunk * CHUNK_ROWS) as u32;
            state.forgotten.insert_range(first_row..first_row + CHUNK_ROWS as u32);
        }
    }

    /// Returns into how many lists they are sorted.
    pub fn num_lists(&self) -> usize {
        self.read().encoder.num_lists()
    }

    /// Returns the memory in use.
    pub fn num_bytes(&self) -> usize {
        let state = self.read();
        state.bytes.num_bytes() + state.lists.num_bytes()
    }

    /// Adds rows, the first of them numbered `first_row`; they are found from then on. Rows before it
    /// that were not added never will be.
    ///
    /// # Panics
    ///
    /// If `rows` is not whole rows, or `first_row` is less than [`Self::num_rows`].
    pub fn append(&self, first_row: u32, rows: &[f32]) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = self.space.rows(rows);
        let encoder = Arc::clone(&self.read().encoder);
        // Coded before the state is locked, so that queries wait for the copying alone.
        let quantized = ByteRows::of(self.space.dimensions(), &rows);
        let encoded = encoder.encode(&rows.vectors, &rows.biases);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        assert!(first_row as usize >= state.bytes.num_rows(), "rows that do not follow the last");
        // Whoever sees the vectors as they were may still look for the rows that are skipped.
        let skipped = state.bytes.num_rows() as u32..first_row;
        state.forgotten.insert_range(skipped);
        state.bytes.skip_to(first_row as usize);
        state.bytes.append(&quantized);
        state.lists.append(first_row, &encoded);
    }

    /// Finds the rows that are worth scoring in full precision.
    ///
    /// With `live`, only rows in it are named. Rows that were not yet appended are not.
    ///
    /// # Panics
    ///
    /// If the query has another length than the rows.
    pub fn candidates(
        &self,
        query: &[f32],
        live: Option<&RoaringBitmap>,
        effort: Effort,
    ) -> Candidates {
        let query = self.space.query(query);
        let state = self.read();
        // Whether a row counts need not be asked where all do.
        let live = live.filter(|live| !state.all_count(live));
        let num_live = live.map_or(state.bytes.num_rows() as u64, RoaringBitmap::len);
        let num_lists = match effort.way {
            Way::Lists(num) => num,
            Way::OneBit => usize::MAX,
            Way::Int8 => 0,
        };
        let mut stages = Vec::new();
        let survivors = (num_lists > 0 && num_live > effort.num_int8 as u64).then(|| {
            let start = Instant::now();
            let mut survivors = Nearest::new(effort.num_int8, live);
            let num = state.lists.scan(&state.encoder, &query, num_lists, &mut survivors);
            let survivors = survivors.into_set();
            stages.push(stage("one-bit", num as u64, start));
            survivors
        });
        let start = Instant::now();
        let bytes = ByteQuery::new(&query);
        let mut nearest = Nearest::new(effort.num_candidates, live);
        let num_scored = match (survivors, live) {
            (Some(survivors), _) => {
                let num = survivors.len() as u64;
                state.bytes.score(self.isa, &bytes, survivors.into_iter(), &mut nearest);
                num
            }
            (None, Some(live)) if num_live * GATHER_COST < state.bytes.num_rows() as u64 => {
                state.bytes.score(self.isa, &bytes, live.iter(), &mut nearest);
                num_live
            }
            (None, _) => {
                state.bytes.scan(self.isa, &bytes, &mut nearest);
                state.bytes.num_held() as u64
            }
        };
        let rows = nearest.into_rows();
        stages.push(stage("int8", num_scored, start));
        Candidates { rows, stages }
    }

    /// Returns whether [`Self::relearn`] would make searches better: the rows have outgrown their
    /// lists, or the new ones lie elsewhere, or most of the lists is forgotten.
    pub fn wants_relearning(&self) -> bool {
        let state = self.read();
        let num_held = state.bytes.num_held();
        let num_whole = state.bytes.num_whole();
        if num_whole == 0 {
            // There is nothing to learn from, however often that is tried.
            return false;
        }
        let has_outgrown = num_lists(num_whole) >= 4 * state.encoder.num_lists();
        let num_new = state.bytes.num_rows() - state.num_learned;
        let has_drifted = num_new * DRIFT_SHARE >= num_held
            && state.encoder.num_lists() > 1
            && state.lists.mean_residual_of_new() > DRIFT * state.encoder.mean_residual();
        let has_shed = state.lists.num_rows() > STALE * num_held;
        has_outgrown || has_drifted || has_shed
    }

    /// Learns centroids from the rows and sorts all rows into new lists, on so many threads.
    ///
    /// Appends and queries go on meanwhile; only the last thousands of rows are sorted while appends
    /// wait.
    pub fn relearn(&self, num_threads: NonZeroUsize) {
        let mut chunks = self.read().bytes.whole_chunks();
        let held: Vec<_> = chunks.iter().filter(|chunk| chunk.num_rows() > 0).cloned().collect();
        if held.is_empty() {
            return;
        }
        let num = num_lists(held.len() * CHUNK_ROWS);
        let encoder = Encoder::learn(self.isa, &self.space, &held, num, num_threads);
        let mut lists = Lists::of(&encoder);
        let mut num_done = 0;
        // What comes in while this goes on is less each time round.
        while chunks.len() - num_done > num_threads.get() {
            lists.append_chunks(&encoder, num_done, &chunks[num_done..], num_threads);
            num_done = chunks.len();
            chunks = self.read().bytes.whole_chunks();
        }
        lists.settle(&encoder);
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = self.read().bytes.all_chunks();
        lists.append_chunks(&encoder, num_done, &chunks[num_done..], num_threads);
        lists.forget_new();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.num_learned = state.bytes.num_rows();
        state.encoder = Arc::new(encoder);
        state.lists = lists;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many rows can be read in order in the time of one that lies elsewhere.
const GATHER_COST: u64 = 4;

/// Describes what can miss.
fn stage(name: &'static str, num_candidates: u64, start: Instant) -> Stage {
    Stage { name, num_candidates, is_exact: false, took: start.elapsed() }
}

fn num_lists(num_rows: usize) -> usize {
    (num_rows / ROWS_IN_A_LIST).next_power_of_two().min(MAX_LISTS)
}

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codes of {} rows", self.num_rows())
    }
}
