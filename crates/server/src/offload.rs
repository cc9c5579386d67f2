//! Work that takes longer than an async thread may be held (500 µs).

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task;

/// Runs long work on blocking threads, a bounded number at once: reading and writing JSON must not
/// take more cores than the machine has from the forward pass.
#[derive(Debug, Clone)]
pub(crate) struct Offload {
    slots: Arc<Semaphore>,
}

impl Offload {
    /// Allows `num_threads` at once, and at least two, so that one long answer does not hold up
    /// all others.
    pub(crate) fn new(num_threads: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(num_threads.max(2))) }
    }

    /// Runs `work` on a blocking thread. If the caller goes away, work that has begun is finished
    /// and its result dropped.
    ///
    /// # Panics
    ///
    /// If `work` does, with its panic.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let running = task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        });
        match running.await {
            Ok(result) => result,
            Err(err) => std::panic::resume_unwind(err.into_panic()),
        }
    }

    /// Runs `work` here if it is short, else as [`run`](Self::run) does.
    pub(crate) async fn run_if<T: Send + 'static>(
        &self,
        effort: Effort,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match effort {
            Effort::Short => work(),
            Effort::Long => self.run(work).await,
        }
    }
}

/// Whether work may hold an async thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Under 500 µs.
    Short,
    /// Longer, or unknown.
    Long,
}

impl Effort {
    /// Of reading `num_bytes` of JSON, which goes at some 300 MB/s.
    pub(crate) fn of_reading(num_bytes: usize) -> Self {
        Self::long_above(num_bytes, 64 * 1024)
    }

    /// Of writing `num_floats` as JSON, at some 20 ns each.
    pub(crate) fn of_writing(num_floats: usize) -> Self {
        Self::long_above(num_floats, 16 * 1024)
    }

    /// Of tokenizing `num_bytes` of text, at some 20 MB/s.
    pub(crate) fn of_tokenizing(num_bytes: usize) -> Self {
        Self::long_above(num_bytes, 4 * 1024)
    }

    /// Of a few steps for each of `num_inputs`.
    pub(crate) fn of_walking(num_inputs: usize) -> Self {
        Self::long_above(num_inputs, 2 * 1024)
    }

    fn long_above(size: usize, limit: usize) -> Self {
        if size > limit { Self::Long } else { Self::Short }
    }
}
