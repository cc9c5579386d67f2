//! A data directory with endpoints that somebody asked for before the server runs, and a look at the
//! processes of a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use endpoints::{
    Control, ControlConfig, Drift, EndpointId, ExamineError, Examined, ImageKind, Limits, LogLine,
    Model, PriceTable, Replica, ReplicaKey, Runtime, RuntimeError, Spec, Start, SystemClock,
};

use crate::command::{Sembla, folder};

/// The data directory of a home.
pub(super) struct Prepared {
    control: Control,
    tokio: tokio::runtime::Runtime,
}

impl Prepared {
    pub(super) fn new(sembla: &Sembla) -> Self {
        Self::at(sembla.data_dir())
    }

    pub(super) fn at(dir: PathBuf) -> Self {
        fs_err::create_dir_all(&dir).unwrap();
        let config = ControlConfig {
            path: dir.join("endpoints.db"),
            limits: limits(),
            prices: PriceTable::default(),
            memory_budget_bytes: None,
        };
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = tokio.block_on(async { Arc::new(SystemClock::start()) });
        let (control, _) = Control::open(config, Arc::new(NoRuntime), clock).unwrap();
        Self { control, tokio }
    }

    /// Asks for an endpoint of a fixture model.
    pub(super) fn endpoint(self, name: &str, model: &str) -> Self {
        let source = folder(model);
        let (namespace, name) = ("me".to_owned(), name.to_owned());
        let created = self.control.create(
            namespace.try_into().unwrap(),
            name.try_into().unwrap(),
            Spec::of_model(Model::new(source).unwrap(), ImageKind::Tei),
        );
        self.tokio.block_on(created).unwrap();
        self
    }
}

fn limits() -> Limits {
    let second = Duration::from_secs(1);
    Limits {
        start: second,
        unhealthy: second,
        pending: second,
        compare: second,
        drain: second,
        tokens_per_replica: 1,
        latency: None,
        least_cosine: 0.0,
    }
}

/// Starts nothing: only what is asked for is stored.
struct NoRuntime;

#[async_trait]
impl Runtime for NoRuntime {
    async fn examine(&self, _: &Spec) -> Result<Examined, ExamineError> {
        Ok(Examined::default())
    }

    async fn list(&self) -> Result<Vec<Replica>, RuntimeError> {
        Ok(Vec::new())
    }

    async fn start(&self, _: Start) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn stop(&self, _: ReplicaKey, _: Duration) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn probe(&self, replica: ReplicaKey) -> Result<(), RuntimeError> {
        Err(RuntimeError::NoReplica { replica })
    }

    async fn compare(&self, live: ReplicaKey, _: ReplicaKey) -> Result<Drift, RuntimeError> {
        Err(RuntimeError::NoReplica { replica: live })
    }

    async fn logs(&self, _: EndpointId, _: usize) -> Result<Vec<LogLine>, RuntimeError> {
        Ok(Vec::new())
    }

    async fn changed(&self) {
        std::future::pending().await
    }
}

/// Returns the processes that a server owns, in order.
pub(crate) fn replicas_of(owner: u32) -> Vec<u32> {
    let processes = fs_err::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut replicas: Vec<u32> = numbers.filter(|process| is_replica_of(*process, owner)).collect();
    replicas.sort_unstable();
    replicas
}

fn is_replica_of(process: u32, owner: u32) -> bool {
    // It may be gone by now.
    let read = |file: &str| fs_err::read(format!("/proc/{process}/{file}")).unwrap_or_default();
    let status = String::from_utf8_lossy(&read("status")).into_owned();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    let command = String::from_utf8_lossy(&read("cmdline")).into_owned();
    parent.and_then(|parent| parent.trim().parse().ok()) == Some(owner)
        && command.contains("--exit-with-owner")
}
