//! What the runtime knows of its replicas. Keepers write it; whoever asks reads it and waits for nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use endpoints::{Address, EndpointId, Exit, LaunchId, LogLine, Phase, Replica, ReplicaKey};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::keeper::{Launch, Reins};
use super::log_book::LogBook;

/// What all parts of the runtime share.
#[derive(Debug, Default)]
pub(super) struct Inner {
    table: Mutex<Table>,
    logs: Mutex<LogBook>,
    pub(super) changed: Notify,
}

/// All replicas that were not forgotten yet.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: BTreeMap<ReplicaKey, Entry>,
    launches: u64,
    /// By when all must have ended, once that is said.
    ends_by: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    replica: Replica,
    /// The model, for messages.
    model: String,
    process: Option<u32>,
    started: Instant,
    stop: watch::Sender<Option<Instant>>,
    gone: watch::Receiver<()>,
}

impl Table {
    /// Returns whether the replica is there and has not ended.
    pub(super) fn has(&self, key: ReplicaKey) -> bool {
        let entry = self.entries.get(&key);
        entry.is_some_and(|entry| !matches!(entry.replica.phase, Phase::Exited(_)))
    }

    /// Returns the number of a launch that is about to begin.
    pub(super) fn next_launch(&mut self) -> LaunchId {
        self.launches += 1;
        LaunchId(self.launches)
    }

    /// Adds a replica that was just started, in the place of one that ended.
    pub(super) fn add(&mut self, launch: Launch, model: String, process: Option<u32>) -> Reins {
        let Launch { key, id } = launch;
        let (stop, stopping) = watch::channel(None);
        let (gone, going) = watch::channel(());
        let phase = Phase::Starting { doing: String::new() };
        let replica = Replica { key, launch: id, phase, address: None, memory_bytes: None };
        let started = Instant::now();
        self.entries.insert(key, Entry { replica, model, process, started, stop, gone: going });
        Reins { stop: stopping, gone }
    }

    fn entry(&mut self, launch: Launch) -> Option<&mut Entry> {
        self.entries.get_mut(&launch.key).filter(|entry| entry.replica.launch == launch.id)
    }
}

impl Entry {
    fn is_starting(&self) -> bool {
        matches!(self.replica.phase, Phase::Starting { .. })
    }

    /// Says what a replica is at that is not ready.
    fn doing(&self, last_line: Option<&str>) -> String {
        let doing = match &self.replica.address {
            Some(_) => format!("loading the model {} and listening", self.model),
            None => format!("starting a process for the model {}", self.model),
        };
        match last_line {
            Some(line) => format!("{doing}; its last line: {line}"),
            None => doing,
        }
    }
}

impl Inner {
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> MutexGuard<'_, LogBook> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns every replica.
    pub(super) fn list(&self) -> Vec<Replica> {
        let (table, logs) = (self.table(), self.logs());
        let shown = |entry: &Entry| {
            let mut replica = entry.replica.clone();
            if let Phase::Starting { doing } = &mut replica.phase {
                *doing = entry.doing(logs.last(replica.key.endpoint, replica.launch));
            }
            replica
        };
        table.entries.values().map(shown).collect()
    }

    /// Returns where a replica answers, if that is known.
    pub(super) fn address(&self, key: ReplicaKey) -> Option<Option<PathBuf>> {
        let table = self.table();
        let replica = &table.entries.get(&key)?.replica;
        Some(match (&replica.phase, &replica.address) {
            (Phase::Exited(_), _) | (_, Some(Address::Tcp(_)) | None) => None,
            (_, Some(Address::Socket(path))) => Some(path.clone()),
        })
    }

    /// Lets a replica stop within `drain`, and returns what closes when it is gone; `None` if it is gone
    /// already. One that has ended is forgotten.
    pub(super) fn stop(&self, key: ReplicaKey, drain: Duration) -> Option<watch::Receiver<()>> {
        let mut table = self.table();
        if !table.has(key) {
            table.entries.remove(&key);
            return None;
        }
        let by = Instant::now() + drain;
        let by = table.ends_by.map_or(by, |ends_by| ends_by.min(by));
        let entry = table.entries.get_mut(&key)?;
        entry.replica.phase = Phase::Stopping;
        // Who asks twice gets the sooner of both.
        entry.stop.send_modify(|deadline| {
            *deadline = Some(deadline.map_or(by, |sooner| sooner.min(by)));
        });
        Some(entry.gone.clone())
    }

    /// Bounds every stop, those under way too.
    pub(super) fn end_by(&self, deadline: Instant) {
        let mut table = self.table();
        table.ends_by = Some(deadline);
        for entry in table.entries.values() {
            entry.stop.send_if_modified(|stop| {
                let is_later = stop.is_some_and(|stop| stop > deadline);
                if is_later {
                    *stop = Some(deadline);
                }
                is_later
            });
        }
    }

    /// Takes note of where a replica listens. Returns whether it is still starting.
    pub(super) fn note_address(&self, launch: Launch, socket: PathBuf) -> bool {
        let mut table = self.table();
        let Some(entry) = table.entry(launch) else { return false };
        entry.replica.address = Some(Address::Socket(socket));
        let is_starting = entry.is_starting();
        drop(table);
        self.changed.notify_one();
        is_starting
    }

    pub(super) fn is_starting(&self, launch: Launch) -> bool {
        self.table().entry(launch).is_some_and(|entry| entry.is_starting())
    }

    /// Takes note of a replica that answers its health check, unless it was told to stop meanwhile.
    pub(super) fn note_ready(&self, launch: Launch) {
        let mut table = self.table();
        let Some(entry) = table.entry(launch).filter(|entry| entry.is_starting()) else { return };
        entry.replica.phase = Phase::Ready;
        entry.replica.memory_bytes = entry.process.and_then(memory_of);
        let waited = entry.started.elapsed();
        drop(table);
        tracing::info!(replica = %launch.key, ?waited, "a replica is ready");
        self.changed.notify_one();
    }

    /// Looks what a replica takes now.
    pub(super) fn weigh(&self, key: ReplicaKey) {
        let process = self.table().entries.get(&key).and_then(|entry| entry.process);
        let Some(bytes) = process.and_then(memory_of) else { return };
        if let Some(entry) = self.table().entries.get_mut(&key) {
            entry.replica.memory_bytes = Some(bytes);
        }
    }

    /// Takes note of the end of a replica. One that was told to stop is gone; another is kept until somebody
    /// has seen it.
    pub(super) fn note_end(&self, launch: Launch, reason: String) {
        let log_tail = self.logs().tail(launch.key.endpoint, launch.id);
        let mut table = self.table();
        let Some(entry) = table.entry(launch) else { return };
        if entry.replica.phase == Phase::Stopping {
            tracing::info!(replica = %launch.key, reason, "a replica is stopped");
            table.entries.remove(&launch.key);
        } else {
            tracing::warn!(replica = %launch.key, reason, "a replica ended by itself");
            entry.replica.phase = Phase::Exited(Exit { reason, log_tail });
            entry.replica.address = None;
            entry.replica.memory_bytes = None;
            entry.process = None;
        }
        drop(table);
        self.changed.notify_one();
    }

    pub(super) fn log(&self, launch: Launch, line: String) {
        self.logs().push(launch.key, launch.id, line);
    }

    pub(super) fn logs_of(&self, endpoint: EndpointId, limit: usize) -> Vec<LogLine> {
        self.logs().of_endpoint(endpoint, limit)
    }
}

/// Returns what a process holds in memory of its own. The program itself is shared by all.
fn memory_of(process: u32) -> Option<u64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
