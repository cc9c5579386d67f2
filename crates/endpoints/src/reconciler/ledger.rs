//! Who takes how much memory, as a pass goes on: what one plan starts, the next one reckons with.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::clock::Moment;
use crate::planner::{Needs, Notes, Room, Step, Unloadable};
use crate::record::Wish;
use crate::replica::{EndpointId, Phase, Replica};

/// The memory of the machine in one pass.
pub(super) struct Ledger {
    budget_bytes: Option<u64>,
    used_bytes: u64,
    releasing_bytes: u64,
    unloadable: BTreeMap<EndpointId, Unloadable>,
}

impl Ledger {
    pub(super) fn new(
        budget_bytes: Option<u64>,
        subjects: &[Subject],
        notes: &BTreeMap<EndpointId, Notes>,
    ) -> Self {
        let unloadable = BTreeMap::new();
        let mut ledger = Self { budget_bytes, used_bytes: 0, releasing_bytes: 0, unloadable };
        if budget_bytes.is_none() {
            return ledger;
        }
        for subject in subjects {
            for replica in &subject.replicas {
                ledger.add(subject, replica);
            }
            let ready_since = notes.get(&subject.live.id).and_then(Notes::ready_since);
            if let Some(unloadable) = unloadable_of(subject, ready_since) {
                ledger.unloadable.insert(subject.live.id, unloadable);
            }
        }
        ledger
    }

    fn add(&mut self, subject: &Subject, replica: &Replica) {
        let bytes = bytes_of(subject, replica);
        match replica.phase {
            Phase::Exited(_) => {}
            Phase::Stopping => {
                self.used_bytes += bytes;
                self.releasing_bytes += bytes;
            }
            Phase::Starting { .. } | Phase::Ready | Phase::Unhealthy { .. } => {
                self.used_bytes += bytes;
            }
        }
    }

    pub(super) fn room_for(&self, endpoint: EndpointId) -> Room {
        let others = self.unloadable.values().filter(|other| other.endpoint != endpoint);
        Room {
            budget_bytes: self.budget_bytes,
            used_bytes: self.used_bytes,
            releasing_bytes: self.releasing_bytes,
            unloadable: others.copied().collect(),
        }
    }

    /// Takes a plan's steps into account.
    pub(super) fn account(&mut self, subject: &Subject, steps: &[Step]) {
        let mut freed = BTreeSet::new();
        for step in steps {
            match step {
                Step::Start(key) => {
                    let memory = subject.record.body.memory_of(key.generation);
                    self.used_bytes += memory.unwrap_or(0);
                }
                Step::Stop { replica, .. } => {
                    freed.extend(subject.replicas.iter().position(|r| r.key == *replica));
                }
                Step::Unload(other) => {
                    let unloaded = self.unloadable.remove(other);
                    self.releasing_bytes += unloaded.map_or(0, |other| other.bytes);
                }
                Step::Compare { .. }
                | Step::Promote(_)
                | Step::RollBack { .. }
                | Step::Pause(_)
                | Step::Sleep(_) => {}
            }
        }
        let freed = freed.into_iter().map(|index| &subject.replicas[index]);
        let live = freed.filter(|replica| replica.is_live());
        self.releasing_bytes += live.map(|replica| bytes_of(subject, replica)).sum::<u64>();
    }
}

/// An endpoint can be unloaded if all its replicas are ready and nobody asks it anything.
fn unloadable_of(subject: &Subject, ready_since: Option<Moment>) -> Option<Unloadable> {
    let is_idle = subject.load.requests() == 0 && subject.record.body.wish == Wish::Run;
    let is_settled = subject.replicas.iter().all(Replica::is_ready);
    if !is_idle || !is_settled || subject.replicas.is_empty() {
        return None;
    }
    let needs_replicas = subject.record.body.spec.scaling.min() > 0;
    Some(Unloadable {
        endpoint: subject.live.id,
        bytes: subject.replicas.iter().map(|replica| bytes_of(subject, replica)).sum(),
        needs: if needs_replicas { Needs::Replicas } else { Needs::Nothing },
        last_used: subject.load.last_used.max(ready_since).unwrap_or_default(),
    })
}

/// What a replica takes: what it reports or what was reckoned, whichever is more, since one that is
/// still loading reports little.
fn bytes_of(subject: &Subject, replica: &Replica) -> u64 {
    let reckoned = subject.record.body.memory_of(replica.key.generation);
    replica.memory_bytes.max(reckoned).unwrap_or(0)
}
