//! The control plane of a server, from its start to its end: the database in the data directory, the
//! reconciler as a task, and the processes that are its replicas.

use std::fs::{DirBuilder, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use endpoints::{Control, ControlConfig, ControlError, Limits, Reconciler, SystemClock};
use server::{ControlPlane, ControlPlaneSettings, ModelRule};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::artifacts::{LocalArtifacts, S3Config};
use crate::cli::start::Started;
use crate::config::{Config, Env, ReplicaMemory};
use crate::machine;
use crate::replicas::{LaunchConfig, LocalRuntime, ModelFolders, Program, Sockets};

/// Below the data directory.
const DATABASE: &str = "endpoints.db";
/// Locked by the one server that has the database. The system lets it go with the process.
const LOCK: &str = "endpoints.lock";

/// How long a replica may fail its health check before it is replaced.
const UNHEALTHY_LIMIT: Duration = Duration::from_secs(10);
/// How long a replica may wait for memory before its endpoint is given up.
const PENDING_LIMIT: Duration = Duration::from_secs(600);
/// How long comparing two versions may take.
const COMPARE_LIMIT: Duration = Duration::from_secs(60);
/// Two seconds of work for a small model on two cores, as for `max_batch_tokens`.
const TOKENS_PER_REPLICA: u64 = 16_384;
/// The same weights give the same vectors; other number formats differ in the third digit after the nines.
const LEAST_COSINE: f32 = 0.99;
/// A replica without requests ends in a few milliseconds, however little time is left for it.
const LEAST_DRAIN: Duration = Duration::from_secs(1);

/// The control plane that runs, if there is one.
#[derive(Default)]
pub(super) struct Running {
    task: Option<Task>,
}

struct Task {
    reconciling: JoinHandle<Result<(), ControlError>>,
    stop: oneshot::Sender<()>,
    runtime: LocalRuntime,
    _lock: fs_err::File,
}

/// Opens the control plane in the data directory and starts what its endpoints ask for. A server without
/// one says why and goes on.
///
/// # Errors
///
/// If the database cannot be used.
pub(super) async fn open(
    started: &Started,
    env: &Env,
) -> anyhow::Result<(Option<ControlPlane>, Running)> {
    let config = &started.config;
    let Some(dir) = &config.data_dir else {
        return Ok(none("HOME is not set and no data directory was given with --data-dir"));
    };
    let Some(lock) = lock(dir)? else {
        return Ok(none("another process has the endpoints of the data directory"));
    };
    let folders = ModelFolders::new(&config.endpoints.model_dirs)?;
    let bucket = &config.endpoints.s3_bucket;
    let s3 = config.endpoints.s3_endpoint.as_deref();
    let s3 = s3.map(|endpoint| S3Config::new(endpoint, bucket, env));
    let artifacts = LocalArtifacts::open(dir, folders.clone(), s3);
    let artifacts = artifacts.context("archives of models have nowhere to be unpacked")?;
    let sockets = Sockets::make(dir).context("replicas have nowhere to listen")?;
    let runtime = LocalRuntime::new(launch_config(started, env)?, sockets);
    let (control, reconciler) = open_database(config, dir, &runtime).await?;
    artifacts.remove_unused(&models_of(&control)).context("archives cannot be removed")?;
    let num_endpoints = control.list_all().len();
    tracing::info!(dir = %dir.display(), num_endpoints, "endpoints are kept in the data directory");
    let settings = ControlPlaneSettings {
        default_namespace: config.endpoints.default_namespace.clone(),
        hold_limit: config.endpoints.scale_up_timeout,
        models: ModelRule::new(move |source| folders.check(source).map_err(|err| err.to_string())),
    };
    let running = Running { task: Some(Task::start(reconciler, runtime, lock)) };
    let plane = ControlPlane::new(control, settings).with_artifacts(Arc::new(artifacts));
    Ok((Some(plane), running))
}

/// Goes on without a control plane, and says why.
pub(super) fn none(why: &str) -> (Option<ControlPlane>, Running) {
    tracing::info!(why, "there are no endpoints here");
    (None, Running::default())
}

/// Takes the lock of the database; `None` if another process has it.
fn lock(dir: &Path) -> anyhow::Result<Option<fs_err::File>> {
    let failed = || {
        format!(
            "{} cannot be the data directory; give a folder that can be written with --data-dir, or \
             serve models alone with --inference-only",
            dir.display()
        )
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(failed)?;
    let file = fs_err::OpenOptions::new().create(true).append(true).open(dir.join(LOCK));
    let file = file.with_context(failed)?;
    match file.file().try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(failed),
    }
}

/// Returns where the models of all endpoints lie, of the version that serves, too.
fn models_of(control: &Control) -> Vec<PathBuf> {
    let endpoints = control.list_all();
    let specs = endpoints.iter().flat_map(|endpoint| {
        let body = &endpoint.record.body;
        std::iter::once(&body.spec).chain(body.serving.as_ref().map(|version| &version.spec))
    });
    specs.map(|spec| PathBuf::from(spec.source())).collect()
}

async fn open_database(
    config: &Config,
    dir: &Path,
    runtime: &LocalRuntime,
) -> anyhow::Result<(Control, Reconciler)> {
    let path = dir.join(DATABASE);
    let shown = path.display().to_string();
    let control_config = ControlConfig {
        path,
        limits: limits(config),
        prices: config.endpoints.prices.clone(),
        memory_budget_bytes: memory_budget(config.endpoints.memory),
    };
    let runtime = Arc::new(runtime.clone());
    let open = move || Control::open(control_config, runtime, Arc::new(SystemClock::start()));
    let opened =
        tokio::task::spawn_blocking(open).await.expect("opening a database does not panic");
    opened.with_context(|| format!("failed to open the endpoints in {shown}"))
}

fn limits(config: &Config) -> Limits {
    Limits {
        start: config.endpoints.start_timeout,
        unhealthy: UNHEALTHY_LIMIT,
        pending: PENDING_LIMIT,
        compare: COMPARE_LIMIT,
        drain: config.serve.drain_limit,
        tokens_per_replica: TOKENS_PER_REPLICA,
        latency: config.endpoints.scale_up_latency,
        least_cosine: LEAST_COSINE,
    }
}

fn memory_budget(asked: ReplicaMemory) -> Option<u64> {
    match asked {
        ReplicaMemory::Unbounded => None,
        ReplicaMemory::Bytes(bytes) => Some(bytes),
        ReplicaMemory::Auto => {
            let memory = machine::detect_memory();
            let limit = memory.limit.map_or(u64::MAX, |limit| limit.value);
            // Nobody knows the memory of a machine that does not say.
            let total = Some(memory.total_bytes.min(limit)).filter(|bytes| *bytes > 0)?;
            Some(total / 4 * 3)
        }
    }
}

fn launch_config(started: &Started, env: &Env) -> io::Result<LaunchConfig> {
    let config = &started.config;
    Ok(LaunchConfig {
        program: Program::this()?,
        env: env.clone(),
        hub: config.hub.clone(),
        threads: started.threads.count,
        engine: config.engine.clone(),
        payload_limit_bytes: config.serve.payload_limit_bytes,
        body_read_timeout: config.serve.body_read_timeout,
        write_timeout: config.serve.write_timeout,
        drain_limit: config.serve.drain_limit,
    })
}

impl Task {
    fn start(reconciler: Reconciler, runtime: LocalRuntime, lock: fs_err::File) -> Self {
        let (stop, stopping) = oneshot::channel();
        let reconciling = tokio::spawn(reconciler.run(async {
            // Dropping the sender asks for the same.
            let _ = stopping.await;
        }));
        Self { reconciling, stop, runtime, _lock: lock }
    }
}

impl Running {
    /// Waits for an end that nobody asked for. Endless if all is well.
    pub(super) async fn broken(&mut self) -> anyhow::Error {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let failed = "the control plane failed";
        match (&mut task.reconciling).await {
            Ok(Ok(())) => anyhow::anyhow!("the control plane ended by itself"),
            Ok(Err(error)) => anyhow::Error::new(error).context(failed),
            Err(error) => anyhow::Error::new(error).context(failed),
        }
    }

    /// Stops all replicas, at the latest at `deadline`, and closes the database.
    pub(super) async fn close(self, deadline: Instant) {
        let Some(task) = self.task else { return };
        if task.reconciling.is_finished() {
            return;
        }
        task.runtime.end_by(deadline.max(Instant::now() + LEAST_DRAIN));
        let _ = task.stop.send(());
        match task.reconciling.await {
            Ok(Ok(())) => tracing::info!("all replicas are stopped"),
            Ok(Err(error)) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(error, "the last usage of endpoints is lost");
            }
            Err(error) => tracing::error!(%error, "the control plane failed"),
        }
    }
}
