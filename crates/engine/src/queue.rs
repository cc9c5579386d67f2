//! The bounded queue: admission, pieces to tokenize, sequences that wait, results that come back.
//!
//! All state is behind one lock, which is held for bookkeeping only: tokenizing and computing happen
//! outside it, on what [`Queue::next`] hands out.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::Sequence;
use tokio::sync::oneshot;

use crate::batcher::{Budget, Priority, Waiting, plan};
use crate::{
    EmbedError, Embedded, EngineConfig, Input, InputError, Output, Response, Timing, Truncation,
};

/// Inputs that one worker tokenizes before it looks at the queue again: about a millisecond.
const PIECE_INPUTS: usize = 32;
/// As much for long inputs, in bytes.
const PIECE_BYTES: usize = 16 << 10;
/// No batch is planned below this while more could be tokenized.
const MIN_PASS_TOKENS: usize = 128;
/// The tokens of a pass on one core: larger ones fall out of its cache, smaller ones read the weights
/// too often. Measured: 256, 512 and 1,024 differ by
/// less than the noise.
pub(crate) const PASS_TOKENS: usize = 512;

/// Names one admitted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId(u64);

/// How full an engine is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Tokens that wait or are being computed; estimated for inputs not yet tokenized, and one request
    /// counted for at most half of `max_queue_tokens`.
    pub queued_tokens: usize,
    /// Requests in the engine.
    pub num_requests: usize,
    /// Tokens per second of late, all workers together; 0 before the first batch.
    pub tokens_per_second: f64,
}

/// The queue of one engine.
#[derive(Debug)]
pub(crate) struct Queue {
    config: EngineConfig,
    num_workers: usize,
    /// The most tokens of one sequence, for estimates.
    max_tokens: usize,
    state: Mutex<State>,
    /// Signalled when load falls.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of their turns.
    tasks: Vec<Task>,
    next_id: u64,
    closed: bool,
    /// Tokens per second of one worker, smoothed.
    worker_rate: f64,
}

/// An admitted request and what has become of its inputs.
#[derive(Debug)]
struct Task {
    id: u64,
    priority: Priority,
    asked: Asked,
    /// Not yet tokenized.
    inputs: VecDeque<Raw>,
    ready: VecDeque<Ready>,
    /// The lengths of `ready`, in the same order, for the batcher.
    lengths: VecDeque<usize>,
    ready_tokens: usize,
    /// Estimated tokens of all inputs that have no result.
    open_tokens: usize,
    results: Vec<Option<Result<Embedded, InputError>>>,
    num_open: usize,
    result: oneshot::Sender<Response>,
    started: Instant,
    spent: Timing,
}

/// What is the same for all inputs of a request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) prompt: String,
    pub(crate) truncation: Truncation,
    pub(crate) output: Output,
}

/// A tokenized input.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) index: usize,
    pub(crate) sequence: Sequence,
    pub(crate) num_chars: usize,
    estimate: usize,
    since: Instant,
}

/// What a worker does next.
#[derive(Debug)]
pub(crate) enum Work {
    Tokenize(Piece),
    Compute(Batch),
}

/// Some inputs of one request.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) task: TaskId,
    pub(crate) asked: Asked,
    pub(crate) inputs: Vec<Raw>,
}

/// An input before the tokenizer.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) index: usize,
    pub(crate) estimate: usize,
    pub(crate) input: Input,
}

/// An input after the tokenizer: its sequence and number of characters, or why there is none.
#[derive(Debug)]
pub(crate) struct Tokenized {
    pub(crate) index: usize,
    pub(crate) estimate: usize,
    pub(crate) outcome: Result<(Sequence, usize), InputError>,
}

/// Sequences of several requests.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) num_tokens: usize,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) task: TaskId,
    pub(crate) output: Output,
    pub(crate) ready: Ready,
}

/// How a caller wants to be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// At once or not at all, before jobs.
    Try,
    /// When there is room, after serving.
    Wait,
}

impl Queue {
    pub(crate) fn new(config: EngineConfig, num_workers: usize, max_tokens: usize) -> Self {
        Self { config, num_workers, max_tokens, state: Mutex::default(), room: Condvar::new() }
    }

    pub(crate) fn config(&self) -> &EngineConfig {
        &self.config
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug in this file; what it left is still the best we have.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a request whose prompt and output were checked.
    pub(crate) fn admit(
        &self,
        inputs: Vec<Input>,
        asked: Asked,
        admission: Admission,
    ) -> Result<(TaskId, oneshot::Receiver<Response>), EmbedError> {
        let mut state = self.lock();
        match admission {
            Admission::Try => self.refuse_if_full(&state)?,
            Admission::Wait => {
                // Half of the bound: jobs never fill the queue up for servers.
                while !state.closed
                    && self.queued_tokens(&state) >= self.config.max_queue_tokens / 2
                {
                    state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        if state.closed {
            return Err(EmbedError::ShuttingDown);
        }
        let (sender, receiver) = oneshot::channel();
        let id = state.next_id;
        state.next_id += 1;
        let num_inputs = inputs.len();
        let inputs: VecDeque<Raw> = inputs
            .into_iter()
            .enumerate()
            .map(|(index, input)| Raw { index, estimate: self.estimate(&input), input })
            .collect();
        state.tasks.push(Task {
            id,
            priority: if admission == Admission::Try { Priority::Serving } else { Priority::Job },
            asked,
            open_tokens: inputs.iter().map(|raw| raw.estimate).sum(),
            inputs,
            ready: VecDeque::new(),
            lengths: VecDeque::new(),
            ready_tokens: 0,
            results: (0..num_inputs).map(|_| None).collect(),
            num_open: num_inputs,
            result: sender,
            started: Instant::now(),
            spent: Timing::default(),
        });
        Ok((TaskId(id), receiver))
    }

    fn refuse_if_full(&self, state: &State) -> Result<(), EmbedError> {
        let queued_tokens = self.queued_tokens(state);
        let EngineConfig { max_queue_tokens, max_concurrent_requests, .. } = self.config;
        if queued_tokens >= max_queue_tokens {
            let retry_after = self.time_to_drain(state, queued_tokens - max_queue_tokens / 2);
            return Err(EmbedError::QueueFull { queued_tokens, max_queue_tokens, retry_after });
        }
        if state.tasks.len() >= max_concurrent_requests {
            let retry_after = self.time_to_drain(state, queued_tokens / 2);
            return Err(EmbedError::TooManyRequests { max_concurrent_requests, retry_after });
        }
        Ok(())
    }

    /// A byte or four to a token, for texts that no tokenizer has seen.
    fn estimate(&self, input: &Input) -> usize {
        let tokens = match input {
            Input::Text(text) => text.len() / 4 + 2,
            Input::Ids(ids) => ids.len(),
        };
        tokens.min(self.max_tokens)
    }

    fn queued_tokens(&self, state: &State) -> usize {
        let most = self.config.max_queue_tokens / 2;
        state.tasks.iter().map(|task| task.open_tokens.min(most)).sum()
    }

    /// Whole seconds, from 1 to 60.
    fn time_to_drain(&self, state: &State, tokens: usize) -> Duration {
        let rate = state.worker_rate * self.num_workers as f64;
        let seconds = if rate > 0.0 { (tokens as f64 / rate).ceil() } else { 1.0 };
        Duration::from_secs(seconds.clamp(1.0, 60.0) as u64)
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            queued_tokens: self.queued_tokens(&state),
            num_requests: state.tasks.len(),
            tokens_per_second: state.worker_rate * self.num_workers as f64,
        }
    }

    /// Refuses requests from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
    }

    /// Lets go of all requests; their callers learn that the engine is shutting down.
    pub(crate) fn abandon(&self) {
        self.close();
        self.lock().tasks.clear();
    }

    /// Forgets a request whose caller is gone. What workers hold of it is dropped when they are done.
    pub(crate) fn cancel(&self, task: TaskId) {
        self.lock().tasks.retain(|other| other.id != task.0);
        self.room.notify_all();
    }

    /// Hands out the next work, or `None` if there is none.
    pub(crate) fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        let ready_tokens: usize = state.tasks.iter().map(|task| task.ready_tokens).sum();
        let enough = PASS_TOKENS.min(self.config.max_batch_tokens);
        if ready_tokens < enough
            && let Some(piece) = state.take_piece()
        {
            return Some(Work::Tokenize(piece));
        }
        if ready_tokens == 0 {
            return None;
        }
        // What there is, in even shares: two workers on half each beat two that share every product.
        let share = ready_tokens.div_ceil(self.num_workers).max(MIN_PASS_TOKENS);
        let max_sequences = self.config.max_batch_requests.unwrap_or(usize::MAX).max(1);
        let batch = state.take_batch(Budget { max_tokens: share.min(enough), max_sequences });
        Some(Work::Compute(batch))
    }

    /// Takes back a piece, tokenized.
    pub(crate) fn tokenized(&self, task: TaskId, outcomes: Vec<Tokenized>, took: Duration) {
        let mut state = self.lock();
        let Some(task) = state.task(task) else { return };
        task.spent.tokenization += took;
        for Tokenized { index, estimate, outcome } in outcomes {
            match outcome {
                Ok((sequence, num_chars)) => {
                    let length = sequence.ids.len();
                    let since = Instant::now();
                    task.lengths.push_back(length);
                    task.ready_tokens += length;
                    task.ready.push_back(Ready { index, sequence, num_chars, estimate, since });
                }
                Err(error) => task.set_result(index, estimate, Err(error)),
            }
        }
        state.finish_done();
        drop(state);
        self.room.notify_all();
    }

    /// Takes back a batch with a result for each item.
    pub(crate) fn computed(
        &self,
        items: Vec<(Item, Result<Embedded, InputError>)>,
        began: Instant,
        num_tokens: usize,
    ) {
        let took = began.elapsed();
        let mut state = self.lock();
        let rate = num_tokens as f64 / took.as_secs_f64().max(1e-6);
        // A tenth of each batch: a second of them is remembered.
        state.worker_rate +=
            (rate - state.worker_rate) * if state.worker_rate == 0.0 { 1.0 } else { 0.1 };
        for (item, result) in items {
            let Some(task) = state.task(item.task) else { continue };
            task.spent.queue += began.saturating_duration_since(item.ready.since);
            task.spent.inference += took;
            task.set_result(item.ready.index, item.ready.estimate, result);
        }
        state.finish_done();
        drop(state);
        self.room.notify_all();
    }
}

impl State {
    fn task(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id.0)
    }

    /// Takes inputs of the request that has the least ready, serving first.
    fn take_piece(&mut self) -> Option<Piece> {
        let task = self
            .tasks
            .iter_mut()
            .filter(|task| !task.inputs.is_empty())
            .min_by_key(|task| (task.priority, task.ready_tokens))?;
        let mut inputs = Vec::new();
        let mut num_bytes = 0;
        while inputs.len() < PIECE_INPUTS && num_bytes < PIECE_BYTES {
            let Some(raw) = task.inputs.pop_front() else { break };
            num_bytes += match &raw.input {
                Input::Text(text) => text.len(),
                Input::Ids(ids) => ids.len(),
            };
            inputs.push(raw);
        }
        Some(Piece { task: TaskId(task.id), asked: task.asked.clone(), inputs })
    }

    fn take_batch(&mut self, budget: Budget) -> Batch {
        let waiting: Vec<Waiting<'_>> = self
            .tasks
            .iter()
            .map(|task| Waiting { priority: task.priority, lengths: &task.lengths })
            .collect();
        let mut picks = plan(&waiting, budget);
        // From the back, so that places stay true while sequences are taken out.
        picks.sort_unstable_by_key(|pick| std::cmp::Reverse((pick.request, pick.position)));
        let mut batch = Batch { items: Vec::with_capacity(picks.len()), num_tokens: 0 };
        for pick in &picks {
            let task = &mut self.tasks[pick.request];
            let ready = task.ready.remove(pick.position).expect("the batcher picks what waits");
            let length = task.lengths.remove(pick.position).unwrap_or_default();
            task.ready_tokens -= length;
            batch.num_tokens += length;
            let output = task.asked.output;
            batch.items.push(Item { task: TaskId(task.id), output, ready });
        }
        // The first in turn goes to the end.
        if !self.tasks.is_empty() {
            self.tasks.rotate_left(1);
        }
        batch
    }

    /// Answers the requests that have all results.
    fn finish_done(&mut self) {
        let mut at = 0;
        while at < self.tasks.len() {
            if self.tasks[at].num_open == 0 {
                self.tasks.remove(at).finish();
            } else {
                at += 1;
            }
        }
    }
}

impl Task {
    fn set_result(&mut self, index: usize, estimate: usize, result: Result<Embedded, InputError>) {
        self.open_tokens = self.open_tokens.saturating_sub(estimate);
        self.num_open -= 1;
        self.results[index] = Some(result);
    }

    fn finish(self) {
        let num_inputs = u32::try_from(self.results.len().max(1)).unwrap_or(u32::MAX);
        let timing = Timing {
            total: self.started.elapsed(),
            tokenization: self.spent.tokenization / num_inputs,
            queue: self.spent.queue / num_inputs,
            inference: self.spent.inference / num_inputs,
        };
        let results =
            self.results.into_iter().map(|result| result.expect("no input is open")).collect();
        // A caller that is gone no longer wants it.
        let _ = self.result.send(Response { results, timing });
    }
}
