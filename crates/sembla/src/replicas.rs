//! Replicas as child processes of this one: the same program, on a socket of its user each, with a model and
//! nothing else.
//!
//! A child ends when the pipe to its owner closes, so that a killed owner leaves none behind; and each has
//! a keeper (`replicas/keeper.rs`) that reads what it writes, stops it and notices its end.
//!
//! Absent on purpose: how many replicas there should be, and when to try again. See `endpoints`.

mod drift;
mod examine;
mod http;
mod keeper;
mod launch;
mod lines;
mod log_book;
mod model_folders;
mod owner_pipe;
mod sockets;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use endpoints::{
    Drift, EndpointId, ExamineError, Examined, LogLine, Replica, ReplicaKey, Runtime, RuntimeError,
    Spec, Start,
};
use tokio::time::Instant;

use self::keeper::{Launch, Process};
pub(crate) use self::launch::{LaunchConfig, Program};
pub(crate) use self::model_folders::ModelFolders;
pub(crate) use self::owner_pipe::exit_with_owner;
pub(crate) use self::sockets::Sockets;
use self::state::Inner;

/// Starts replicas on this machine. Cheap to clone; all clones are one. Used within a tokio runtime, whose
/// end is that of all replicas.
#[derive(Debug, Clone)]
pub(crate) struct LocalRuntime {
    inner: Arc<Inner>,
    config: Arc<LaunchConfig>,
    sockets: Arc<Sockets>,
}

const START_FAILED: &str = "failed to start a process";
const PROBE_FAILED: &str = "the health check failed";

impl LocalRuntime {
    /// Makes a runtime without replicas.
    pub(crate) fn new(config: LaunchConfig, sockets: Sockets) -> Self {
        Self { inner: Arc::default(), config: Arc::new(config), sockets: Arc::new(sockets) }
    }

    /// Says by when every replica must have ended that is stopped, however long it was given before.
    pub(crate) fn end_by(&self, deadline: Instant) {
        self.inner.end_by(deadline);
    }

    fn address(&self, replica: ReplicaKey) -> Result<PathBuf, RuntimeError> {
        let address = self.inner.address(replica).ok_or(RuntimeError::NoReplica { replica })?;
        address.ok_or_else(|| RuntimeError::Refused {
            what: PROBE_FAILED,
            reason: "it does not listen".to_owned(),
        })
    }
}

#[async_trait]
impl Runtime for LocalRuntime {
    async fn examine(&self, spec: &Spec) -> Result<Examined, ExamineError> {
        let (spec, config) = (spec.clone(), Arc::clone(&self.config));
        let examined = tokio::task::spawn_blocking(move || examine::examine(&spec, &config));
        examined.await.expect("looking at a model does not panic")
    }

    async fn list(&self) -> Result<Vec<Replica>, RuntimeError> {
        Ok(self.inner.list())
    }

    async fn start(&self, start: Start) -> Result<(), RuntimeError> {
        let refused = |reason| RuntimeError::Refused { what: START_FAILED, reason };
        let launch = Launch { key: start.key, id: self.inner.table().next_launch() };
        let socket = self.sockets.of(launch.id);
        // This looks at the file system, which may take its time.
        let command = self.config.command(&start.spec, &socket.path);
        // Held while the process is made, some milliseconds, so that nobody starts or stops it meanwhile.
        let mut table = self.inner.table();
        if table.has(start.key) {
            return Ok(());
        }
        let command = command.map_err(|error| refused(examine::chain(&error)))?;
        let child = keeper::spawn(command).map_err(|error| refused(error.to_string()))?;
        let process = child.id();
        let reins = table.add(launch, start.spec.source().to_owned(), process);
        drop(table);
        let path = socket.path.display();
        tracing::info!(replica = %start.key, process, socket = %path, "a replica is started");
        let process = Process { child, socket };
        tokio::spawn(keeper::keep(Arc::clone(&self.inner), launch, process, reins));
        self.inner.changed.notify_one();
        Ok(())
    }

    async fn stop(&self, replica: ReplicaKey, drain: Duration) -> Result<(), RuntimeError> {
        let gone = self.inner.stop(replica, drain);
        self.inner.changed.notify_one();
        if let Some(mut gone) = gone {
            // Nothing is ever sent: it closes.
            let _ = gone.changed().await;
        }
        Ok(())
    }

    async fn probe(&self, replica: ReplicaKey) -> Result<(), RuntimeError> {
        let probed = http::health(&self.address(replica)?).await;
        self.inner.weigh(replica);
        probed.map_err(|error| RuntimeError::Refused {
            what: PROBE_FAILED,
            reason: error.to_string(),
        })
    }

    async fn compare(&self, live: ReplicaKey, next: ReplicaKey) -> Result<Drift, RuntimeError> {
        drift::compare(&self.address(live)?, &self.address(next)?).await
    }

    async fn logs(&self, endpoint: EndpointId, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        Ok(self.inner.logs_of(endpoint, limit))
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }
}
