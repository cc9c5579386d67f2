//! A runtime of the mind: replicas that start, crash, hang and stop when a test says so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{ExamineError, Examined, LogLine, Runtime, RuntimeError, Start};
use crate::planner::Drift;
use crate::replica::{Address, EndpointId, Exit, LaunchId, Phase, Replica, ReplicaKey};
use crate::spec::Spec;

/// How long a replica starts and drains, unless told otherwise.
pub(crate) const START: Duration = Duration::from_millis(300);
pub(crate) const DRAIN: Duration = Duration::from_millis(200);

/// A runtime of the mind. Its time is tokio's.
#[derive(Clone, Default)]
pub(crate) struct FakeRuntime {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
    lists: AtomicU64,
    starts: AtomicU64,
}

struct State {
    replicas: BTreeMap<ReplicaKey, Replica>,
    hanging: Vec<ReplicaKey>,
    launches: u64,
    refused_starts: u32,
    refused_stops: u32,
    /// What a replica of a model does instead of becoming ready.
    crashing: Vec<String>,
    specs: BTreeMap<ReplicaKey, Arc<Spec>>,
    drift: Drift,
    memory_bytes: Option<u64>,
    /// The most that were live at one time.
    peak: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            replicas: BTreeMap::new(),
            hanging: Vec::new(),
            launches: 0,
            refused_starts: 0,
            refused_stops: 0,
            crashing: Vec::new(),
            specs: BTreeMap::new(),
            drift: Drift { cosine: Some(1.0), live_dimensions: 4, next_dimensions: 4 },
            memory_bytes: None,
            peak: 0,
        }
    }
}

impl FakeRuntime {
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.inner.changed.notify_one();
    }

    pub(crate) fn keys(&self) -> Vec<ReplicaKey> {
        self.state().replicas.keys().copied().collect()
    }

    pub(crate) fn lists(&self) -> u64 {
        self.inner.lists.load(Ordering::Relaxed)
    }

    pub(crate) fn starts(&self) -> u64 {
        self.inner.starts.load(Ordering::Relaxed)
    }

    pub(crate) fn peak(&self) -> usize {
        self.state().peak
    }

    /// Ends a replica as a signal would.
    pub(crate) fn kill(&self, key: ReplicaKey) {
        let exit = Exit { reason: "killed by signal 9".to_owned(), log_tail: Vec::new() };
        self.change(|state| set(state, key, Phase::Exited(exit)));
    }

    /// Keeps a replica from answering, without a word.
    pub(crate) fn hang(&self, key: ReplicaKey) {
        self.state().hanging.push(key);
    }

    /// Lets every replica of a model crash as it starts.
    pub(crate) fn crash_model(&self, repository: &str) {
        self.state().crashing.push(repository.to_owned());
    }

    pub(crate) fn refuse_starts(&self, times: u32) {
        self.state().refused_starts = times;
    }

    pub(crate) fn refuse_stops(&self, times: u32) {
        self.state().refused_stops = times;
    }

    pub(crate) fn set_drift(&self, drift: Drift) {
        self.state().drift = drift;
    }

    pub(crate) fn set_memory(&self, bytes: u64) {
        self.state().memory_bytes = Some(bytes);
    }

    async fn become_ready(self, key: ReplicaKey, launch: LaunchId) {
        sleep(START).await;
        self.change(|state| {
            let crashes = state.crashing.contains(&state.specs[&key].source().to_owned());
            let is_same = state
                .replicas
                .get(&key)
                .is_some_and(|r| r.launch == launch && matches!(r.phase, Phase::Starting { .. }));
            let log_tail = vec!["no such file: config.json".to_owned()];
            let exit = Exit { reason: "exit status 1".to_owned(), log_tail };
            match (is_same, crashes) {
                (true, false) => set(state, key, Phase::Ready),
                (true, true) => set(state, key, Phase::Exited(exit)),
                (false, _) => {}
            }
        });
    }
}

fn set(state: &mut State, key: ReplicaKey, phase: Phase) {
    if let Some(replica) = state.replicas.get_mut(&key) {
        replica.phase = phase;
    }
}

fn refused(what: &'static str) -> RuntimeError {
    RuntimeError::Refused { what, reason: "the machine is tired".to_owned() }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn examine(&self, spec: &Spec) -> Result<Examined, ExamineError> {
        if spec.source().starts_with("missing/") {
            let source_name = spec.source().to_owned();
            let reason = "there is no such repository".to_owned();
            return Err(ExamineError::Model { source_name, reason });
        }
        Ok(Examined { memory_bytes: self.state().memory_bytes, note: None })
    }

    async fn list(&self) -> Result<Vec<Replica>, RuntimeError> {
        self.inner.lists.fetch_add(1, Ordering::Relaxed);
        Ok(self.state().replicas.values().cloned().collect())
    }

    async fn start(&self, start: Start) -> Result<(), RuntimeError> {
        let key = start.key;
        let mut state = self.state();
        if state.refused_starts > 0 {
            state.refused_starts -= 1;
            return Err(refused("failed to start a process"));
        }
        let has_ended = |r: &Replica| matches!(r.phase, Phase::Exited(_));
        if state.replicas.get(&key).is_some_and(|replica| !has_ended(replica)) {
            return Ok(());
        }
        state.launches += 1;
        let launch = LaunchId(state.launches);
        let port = 10_000 + u16::try_from(state.launches % 50_000).unwrap();
        let address = Some(Address::Tcp(([127, 0, 0, 1], port).into()));
        let phase = Phase::Starting { doing: "loading weights".to_owned() };
        let memory_bytes = state.memory_bytes;
        state.specs.insert(key, start.spec);
        state.replicas.insert(key, Replica { key, launch, phase, address, memory_bytes });
        let live = state.replicas.values().filter(|replica| replica.is_live()).count();
        state.peak = state.peak.max(live);
        drop(state);
        self.inner.starts.fetch_add(1, Ordering::Relaxed);
        self.inner.changed.notify_one();
        tokio::spawn(self.clone().become_ready(key, launch));
        Ok(())
    }

    async fn stop(&self, replica: ReplicaKey, drain: Duration) -> Result<(), RuntimeError> {
        let is_live = {
            let mut state = self.state();
            if state.refused_stops > 0 {
                state.refused_stops -= 1;
                return Err(refused("failed to send a signal"));
            }
            let is_live = state.replicas.get(&replica).is_some_and(Replica::is_live);
            set(&mut state, replica, Phase::Stopping);
            is_live
        };
        self.inner.changed.notify_one();
        if is_live {
            sleep(DRAIN.min(drain)).await;
        }
        self.change(|state| drop(state.replicas.remove(&replica)));
        Ok(())
    }

    async fn probe(&self, replica: ReplicaKey) -> Result<(), RuntimeError> {
        if self.state().hanging.contains(&replica) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn compare(&self, _: ReplicaKey, _: ReplicaKey) -> Result<Drift, RuntimeError> {
        sleep(Duration::from_millis(50)).await;
        Ok(self.state().drift)
    }

    async fn logs(&self, endpoint: EndpointId, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        let state = self.state();
        let of_endpoint = state.replicas.keys().filter(|key| key.endpoint == endpoint);
        let line = |key: &ReplicaKey| LogLine {
            generation: key.generation,
            ordinal: key.ordinal,
            text: "ready".to_owned(),
        };
        Ok(of_endpoint.map(line).take(limit).collect())
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }
}
