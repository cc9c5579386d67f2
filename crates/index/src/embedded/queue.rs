//! Queries that wait, and the passes that answer several of them at once.
//!
//! A query that finds a free place becomes a leader: it takes all that wait for the same namespace,
//! answers them in one pass, and goes on until nothing waits. While all places are taken, queries
//! gather, so that memory is read once for many. A query that codes may answer goes alone: what it
//! reads is small, and arithmetic is what it waits for.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::opened::Index;
use super::search;
use crate::error::StoreError;
use crate::query::{Precision, Query, QueryResult};
use crate::record::Namespace;

/// Queries of one pass, at most: from here on a pass is bound by arithmetic, not by memory.
const MAX_PASS_QUERIES: usize = 64;

/// The queries of all indexes of a store.
#[derive(Debug)]
pub(super) struct QueryQueue {
    max_passes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// No longer than there are requests, which the server bounds.
    waiting: VecDeque<Waiting>,
    num_passes: usize,
}

#[derive(Debug)]
struct Waiting {
    index: Arc<Index>,
    namespace: Namespace,
    query: Query,
    /// It reads little, and shares no pass.
    is_alone: bool,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<QueryResult, StoreError>>;

impl Waiting {
    fn may_share(&self, other: &Self) -> bool {
        let is_same = Arc::ptr_eq(&self.index, &other.index) && self.namespace == other.namespace;
        is_same && !self.is_alone && !other.is_alone
    }
}

impl QueryQueue {
    pub(super) fn new(max_passes: NonZeroUsize) -> Self {
        Self { max_passes: max_passes.get(), state: Mutex::default() }
    }

    /// Answers a query.
    pub(super) async fn query(
        self: &Arc<Self>,
        index: Arc<Index>,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let (answer, answered) = oneshot::channel();
        let (namespace, query) = (namespace.clone(), query.clone());
        let is_alone = query.precision == Precision::Auto && index.core.coded.has(&namespace);
        if self.push(Waiting { index, namespace, query, is_alone, answer }) {
            let queue = Arc::clone(self);
            tokio::task::spawn_blocking(move || queue.lead());
        }
        // A pass answers everything that it takes, unless it panics.
        answered.await.map_err(|_| StoreError::Crashed)?
    }

    /// Adds a query; returns whether the caller must start a leader.
    fn push(&self, waiting: Waiting) -> bool {
        let mut state = self.lock();
        state.waiting.push_back(waiting);
        let is_leader = state.num_passes < self.max_passes;
        state.num_passes += usize::from(is_leader);
        is_leader
    }

    /// Runs passes until nothing waits.
    fn lead(&self) {
        while let Some(group) = self.next_group() {
            // A panic drops the answers of this pass, which its callers see, and of no other.
            let _ = catch_unwind(AssertUnwindSafe(|| answer_all(group)));
        }
    }

    /// Takes the oldest query and all that can share its pass. Gives the place back if none waits, in
    /// the same breath, so that no query is left without a leader.
    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        // Whoever does not wait any more needs no answer.
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        let Some(first) = state.waiting.pop_front() else {
            state.num_passes -= 1;
            return None;
        };
        let mut group = vec![first];
        for waiting in std::mem::take(&mut state.waiting) {
            if group.len() < MAX_PASS_QUERIES && waiting.may_share(&group[0]) {
                group.push(waiting);
            } else {
                state.waiting.push_back(waiting);
            }
        }
        Some(group)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_all(group: Vec<Waiting>) {
    if group.len() > 1 {
        let (core, namespace) = (&group[0].index.core, &group[0].namespace);
        let queries: Vec<&Query> = group.iter().map(|waiting| &waiting.query).collect();
        if let Ok(results) = search::answer(core, namespace, &queries) {
            // Without the index: whoever has an answer may close the store and open it again.
            let answers: Vec<Answer> = group.into_iter().map(|waiting| waiting.answer).collect();
            for (answer, result) in answers.into_iter().zip(results) {
                // Whoever went away in the meantime needs no answer.
                let _ = answer.send(Ok(result));
            }
            return;
        }
    }
    // Alone, so that each gets its own error.
    for Waiting { index, namespace, query, answer, .. } in group {
        let results = search::answer(&index.core, &namespace, &[&query]);
        // Whoever has an answer may close the store and open it again.
        drop(index);
        let _ = answer.send(results.map(|mut results| results.remove(0)));
    }
}
