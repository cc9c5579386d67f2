//! Which replicas are asked for their health, and what they said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Moment;
use crate::replica::{LaunchId, Phase, Replica, ReplicaKey};
use crate::runtime::RuntimeError;

/// How often a replica that answers is asked.
const EVERY: Duration = Duration::from_secs(5);
/// How soon one that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an answer may take. Health never waits behind a batch, so this is long.
pub(super) const LIMIT: Duration = Duration::from_secs(3);
/// One late answer is a busy machine; two are a replica that hangs.
const FAILURES: u32 = 2;

/// What replicas said of their health.
#[derive(Default)]
pub(super) struct Probes {
    by_launch: BTreeMap<LaunchId, Probe>,
}

struct Probe {
    next: Moment,
    failures: u32,
    last: String,
}

impl Probes {
    /// Returns the replicas with those as unhealthy that were ready and do not answer.
    pub(super) fn applied(&self, mut replicas: Vec<Replica>) -> Vec<Replica> {
        for replica in replicas.iter_mut().filter(|replica| replica.is_ready()) {
            let probe = self.by_launch.get(&replica.launch);
            if let Some(probe) = probe.filter(|probe| probe.failures >= FAILURES) {
                replica.phase = Phase::Unhealthy { reason: probe.last.clone() };
            }
        }
        replicas
    }

    /// Returns whom to ask now.
    pub(super) fn due(&mut self, replicas: &[Replica], now: Moment) -> Vec<(ReplicaKey, LaunchId)> {
        let mut due = Vec::new();
        for replica in replicas.iter().filter(|replica| is_asked(replica)) {
            // Becoming ready was an answer.
            let first = Probe { next: now.after(EVERY), failures: 0, last: String::new() };
            let probe = self.by_launch.entry(replica.launch).or_insert(first);
            if probe.next <= now {
                // Whatever comes of it, nobody is asked twice at a time.
                probe.next = now.after(EVERY);
                due.push((replica.key, replica.launch));
            }
        }
        due
    }

    /// Returns when somebody is to be asked next.
    pub(super) fn next_due(&self, replicas: &[Replica]) -> Option<Moment> {
        let asked = replicas.iter().filter(|replica| is_asked(replica));
        asked.filter_map(|replica| Some(self.by_launch.get(&replica.launch)?.next)).min()
    }

    /// Takes note of an answer.
    pub(super) fn note(&mut self, launch: LaunchId, answer: Result<(), RuntimeError>, now: Moment) {
        let Some(probe) = self.by_launch.get_mut(&launch) else {
            return;
        };
        match answer {
            Ok(()) => probe.failures = 0,
            Err(error) => {
                probe.failures += 1;
                probe.last = error.to_string();
                probe.next = now.after(AGAIN);
            }
        }
    }

    pub(super) fn retain(&mut self, launches: &BTreeSet<LaunchId>) {
        self.by_launch.retain(|launch, _| launches.contains(launch));
    }
}

fn is_asked(replica: &Replica) -> bool {
    match replica.phase {
        Phase::Ready | Phase::Unhealthy { .. } => true,
        Phase::Starting { .. } | Phase::Stopping | Phase::Exited(_) => false,
    }
}
