//! Writes down what endpoints use: minutes as they begin, requests soon after they end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Subject;
use crate::clock::{Moment, Now};
use crate::control::Shared;
use crate::price::PriceTable;
use crate::record::Wish;
use crate::replica::{Phase, ReplicaKey};
use crate::store::Charge;
use crate::usage::Meter;

/// How long requests may be counted in memory alone: what a kill may lose.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// How long to leave a disk alone that took nothing.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Minutes that began, and which of them are not written yet.
#[derive(Default)]
pub(super) struct Books {
    meter: Meter,
    up: Vec<ReplicaKey>,
    owed: Vec<Charge>,
}

impl Books {
    /// Counts the minutes that began.
    pub(super) fn observe(&mut self, subjects: &[Subject], prices: &PriceTable, now: Now) {
        self.up = subjects.iter().flat_map(up).collect();
        for (key, minutes) in self.meter.observe(&self.up, now.moment) {
            let Some(subject) = subjects.iter().find(|s| s.live.id == key.endpoint) else {
                continue;
            };
            let hour = prices.hour(&subject.record.body.spec.labels);
            self.owed.push(Charge {
                endpoint: key.endpoint,
                namespace: subject.live.namespace.clone(),
                name: subject.live.name.clone(),
                minute: now.wall.minute(),
                replica_minutes: minutes,
                cost: hour.for_minutes(minutes),
            });
        }
    }

    /// Writes the minutes; what cannot be written is kept, and the time returned after which to try
    /// again.
    pub(super) async fn write(&mut self, shared: &Arc<Shared>) -> Result<(), Duration> {
        if self.owed.is_empty() {
            return Ok(());
        }
        match shared.charge(self.owed.clone()).await {
            Ok(()) => {
                self.owed.clear();
                // What was spent may have reached a budget.
                shared.signal.notify_one();
                Ok(())
            }
            Err(_) => Err(TRY_AGAIN),
        }
    }

    pub(super) fn next_due(&self) -> Option<Moment> {
        self.meter.next_due(&self.up)
    }
}

/// The replicas of an endpoint that are up: they were ready, and nobody told them to stop.
fn up(subject: &Subject) -> impl Iterator<Item = ReplicaKey> {
    let runs = subject.record.body.wish == Wish::Run;
    let is_up = move |phase: &Phase| match phase {
        Phase::Ready | Phase::Unhealthy { .. } => runs,
        Phase::Starting { .. } | Phase::Stopping | Phase::Exited(_) => false,
    };
    subject.replicas.iter().filter(move |replica| is_up(&replica.phase)).map(|replica| replica.key)
}

/// Writes requests down soon after they end. Never returns.
pub(super) async fn keep(shared: &Arc<Shared>) {
    loop {
        shared.has_usage.notified().await;
        sleep(FLUSH_AFTER).await;
        if shared.flush_usage().await.is_err() {
            sleep(TRY_AGAIN).await;
            shared.note_usage();
        }
    }
}
