//! A request under way, as its caller sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::queue::{Queue, TaskId};
use crate::{EmbedError, Response};

/// A request under way: a future for servers, [`Pending::wait`] for jobs.
///
/// Dropping it cancels the inputs that no batch has taken yet.
#[derive(Debug)]
pub struct Pending {
    result: oneshot::Receiver<Response>,
    task: TaskId,
    queue: Arc<Queue>,
}

impl Pending {
    pub(crate) fn new(
        result: oneshot::Receiver<Response>,
        task: TaskId,
        queue: Arc<Queue>,
    ) -> Self {
        Self { result, task, queue }
    }

    /// Blocks until the request is done. Not for async code.
    ///
    /// # Errors
    ///
    /// [`EmbedError::ShuttingDown`] if the engine stopped before.
    pub fn wait(mut self) -> Result<Response, EmbedError> {
        let (_closed, empty) = oneshot::channel();
        let result = std::mem::replace(&mut self.result, empty);
        result.blocking_recv().map_err(|_| EmbedError::ShuttingDown)
    }
}

impl Future for Pending {
    type Output = Result<Response, EmbedError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(context).map_err(|_| EmbedError::ShuttingDown)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.queue.cancel(self.task);
    }
}
