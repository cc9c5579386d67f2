//! The codes of large namespaces, and which rows of them a query must read.
//!
//! Codes are derived from blocks, in memory only, and may lag behind: whoever searches compares what
//! they do not cover in full precision. So a search never misses a row because its code is still to
//! come, and nothing waits for codes. `coder.rs` is the thread that makes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use roaring::RoaringBitmap;

use super::tables::Space;
use crate::codes::{Budget, Candidates, Codes, Effort, Plan, Size, plan};
use crate::query::Stage;
use crate::record::Namespace;

/// Bytes a second that every machine reads at least: what fits the budget at this speed is read whole,
/// and nobody measures.
const SLOWEST: f64 = 0.5e9;

/// The codes of the namespaces of one index that are large enough to need them.
#[derive(Debug)]
pub(super) struct CodedSpaces {
    query_time: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    spaces: BTreeMap<Namespace, CodedSpace>,
    /// There may be rows without codes.
    is_behind: bool,
    /// The thread is at it.
    is_busy: bool,
    is_closing: bool,
}

/// One such namespace.
#[derive(Debug, Clone)]
pub(super) struct CodedSpace {
    /// [`Space::id`]: a new namespace of the same name has another.
    pub(super) id: u32,
    /// `None` until its first rows are read.
    pub(super) codes: Option<Arc<Codes>>,
    /// Its centroids are being learned.
    pub(super) is_learning: bool,
}

/// What a query asks of the codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'q> {
    pub(super) vector: &'q [f32],
    /// The rows that count.
    pub(super) counting: &'q RoaringBitmap,
    /// How many are wanted.
    pub(super) want: usize,
}

impl CodedSpaces {
    pub(super) fn new(query_time: Duration) -> Self {
        Self { query_time, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Returns the rows that a query must compare in full precision, and how they were found; `None`
    /// if that is all that count.
    ///
    /// The first query of a namespace that needs codes and has none has them made, and reads all.
    pub(super) fn promising(
        &self,
        namespace: &Namespace,
        space: Space,
        wish: Wish<'_>,
    ) -> Option<(RoaringBitmap, Vec<Stage>)> {
        let codes = self.codes(namespace, space.id);
        let num_lists = codes.as_ref().map_or(1, |codes| codes.num_lists());
        let Plan::Coded(way) = self.plan(space, wish, num_lists) else { return None };
        let Some(codes) = codes else {
            self.want(namespace, space.id);
            return None;
        };
        // Asked for in this order, both cover whatever the search saw: rows are appended, and chunks
        // forgotten, at any moment, and neither is ever taken back.
        let num_covered = codes.num_rows() as u32;
        let effort = Effort::new(way, wish.want);
        let Candidates { rows, stages } =
            codes.candidates(wish.vector, Some(wish.counting), effort);
        let forgotten = codes.forgotten();
        let mut rows: RoaringBitmap = rows.into_iter().collect();
        rows.extend(wish.counting.range(num_covered..));
        rows |= wish.counting & forgotten;
        let is_enough = rows.len() >= wish.counting.len().min(wish.want as u64);
        is_enough.then_some((rows, stages))
    }

    fn plan(&self, space: Space, wish: Wish<'_>, num_lists: usize) -> Plan {
        let size = Size {
            num_rows: space.num_held,
            num_live: wish.counting.len(),
            dimensions: wish.vector.len(),
            num_lists,
            want: wish.want,
        };
        self.plan_of(size)
    }

    fn plan_of(&self, size: Size) -> Plan {
        let num_bytes = 4.0 * size.num_rows as f64 * size.dimensions as f64;
        if num_bytes <= SLOWEST * self.query_time.as_secs_f64() {
            return Plan::Exact;
        }
        plan(size, Budget { time: self.query_time, bytes_per_second: bytes_per_second() })
    }

    /// Returns whether a query of all records of a namespace would use codes.
    pub(super) fn is_large(&self, space: Space, dimensions: usize) -> bool {
        let (num_rows, num_live) = (space.num_held, space.num_live);
        let size = Size { num_rows, num_live, dimensions, num_lists: 1, want: 1 };
        dimensions > 0 && self.plan_of(size) != Plan::Exact
    }

    /// Returns whether a namespace has codes.
    pub(super) fn has(&self, namespace: &Namespace) -> bool {
        self.lock().spaces.get(namespace).is_some_and(|space| space.codes.is_some())
    }

    fn codes(&self, namespace: &Namespace, id: u32) -> Option<Arc<Codes>> {
        let state = self.lock();
        state.spaces.get(namespace).filter(|space| space.id == id)?.codes.clone()
    }

    /// Has codes made of a namespace, from now on for as long as it is there.
    pub(super) fn want(&self, namespace: &Namespace, id: u32) {
        let mut state = self.lock();
        let space = state.spaces.get(namespace);
        if space.is_none_or(|space| space.id != id) {
            let space = CodedSpace { id, codes: None, is_learning: false };
            state.spaces.insert(namespace.clone(), space);
        }
        state.is_behind = true;
        self.changed.notify_all();
    }

    /// Says that a write was committed.
    pub(super) fn note_commit(&self) {
        let mut state = self.lock();
        if !state.spaces.is_empty() {
            state.is_behind = true;
            self.changed.notify_all();
        }
    }

    /// Waits until there is something to do; returns what, or `None` when it is time to end.
    pub(super) fn next(&self) -> Option<Vec<(Namespace, CodedSpace)>> {
        let mut state = self.lock();
        state.is_busy = false;
        self.changed.notify_all();
        while !state.is_behind && !state.is_closing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closing {
            return None;
        }
        (state.is_behind, state.is_busy) = (false, true);
        Some(state.spaces.iter().map(|(name, space)| (name.clone(), space.clone())).collect())
    }

    /// Changes what is known of a namespace, if it is still the same.
    pub(super) fn change(
        &self,
        namespace: &Namespace,
        id: u32,
        change: impl FnOnce(&mut CodedSpace),
    ) {
        let mut state = self.lock();
        if let Some(space) = state.spaces.get_mut(namespace).filter(|space| space.id == id) {
            change(space);
        }
        self.changed.notify_all();
    }

    /// Says that centroids were learned; whether rows that came meanwhile want others is to be seen.
    pub(super) fn note_learned(&self, namespace: &Namespace, id: u32) {
        let mut state = self.lock();
        if let Some(space) = state.spaces.get_mut(namespace).filter(|space| space.id == id) {
            space.is_learning = false;
        }
        state.is_behind = true;
        self.changed.notify_all();
    }

    /// Drops the codes of a namespace.
    pub(super) fn forget(&self, namespace: &Namespace, id: u32) {
        let mut state = self.lock();
        if state.spaces.get(namespace).is_some_and(|space| space.id == id) {
            state.spaces.remove(namespace);
        }
        self.changed.notify_all();
    }

    /// Waits until all rows have codes and all centroids are learned.
    pub(super) fn wait(&self) {
        let mut state = self.lock();
        let is_working = |state: &State| {
            let is_learning = state.spaces.values().any(|space| space.is_learning);
            !state.is_closing && (state.is_behind || state.is_busy || is_learning)
        };
        while is_working(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// Returns the memory in use.
    pub(super) fn num_bytes(&self) -> usize {
        let state = self.lock();
        let codes = state.spaces.values().filter_map(|space| space.codes.as_ref());
        codes.map(|codes| codes.num_bytes()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how fast this machine reads memory, measured once in a process.
fn bytes_per_second() -> f64 {
    static MEASURED: OnceLock<f64> = OnceLock::new();
    *MEASURED.get_or_init(kernels::measure_bandwidth)
}
