//! Steps that are being carried out: each once at a time, and after a failure not at once again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock::Moment;
use crate::planner::Drift;
use crate::replica::{EndpointId, LaunchId, Replica, ReplicaKey};
use crate::runtime::RuntimeError;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Something that is being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flight {
    Start(ReplicaKey),
    Stop(ReplicaKey),
    Compare(ReplicaKey, LaunchId),
    Probe(ReplicaKey, LaunchId),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    Compared(Drift),
    Probed(Result<(), RuntimeError>),
}

/// Something that was carried out, or failed.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) flight: Flight,
    pub(super) result: Result<Outcome, RuntimeError>,
}

/// All that is being carried out.
#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<Landed>,
    in_air: BTreeSet<Flight>,
    troubles: BTreeMap<Flight, Trouble>,
}

struct Trouble {
    text: String,
    failures: u32,
    /// Counted from when somebody next asks, since a failure lands without a clock.
    next_try: Option<Moment>,
}

impl Flight {
    fn key(self) -> ReplicaKey {
        match self {
            Self::Start(key) | Self::Stop(key) | Self::Compare(key, _) | Self::Probe(key, _) => key,
        }
    }
}

impl Flights {
    /// Begins something, unless it is in the air or failed only just now. Returns whether it began.
    pub(super) fn take_off(
        &mut self,
        flight: Flight,
        now: Moment,
        work: impl Future<Output = Result<Outcome, RuntimeError>> + Send + 'static,
    ) -> bool {
        if self.in_air.contains(&flight) || self.waits(flight, now) {
            return false;
        }
        self.in_air.insert(flight);
        self.tasks.spawn(async move { Landed { flight, result: work.await } });
        true
    }

    /// Returns whether something failed too short a time ago to be tried again.
    fn waits(&mut self, flight: Flight, now: Moment) -> bool {
        let Some(trouble) = self.troubles.get_mut(&flight) else {
            return false;
        };
        let doublings = (trouble.failures - 1).min(16);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        if now < *trouble.next_try.get_or_insert(now.after(wait)) {
            return true;
        }
        trouble.next_try = None;
        false
    }

    /// Waits for something to end; `None` if nothing is in the air.
    pub(super) async fn next(&mut self) -> Option<Landed> {
        let landed = self.tasks.join_next().await?;
        Some(self.note(landed))
    }

    /// Returns something that has ended, if there is any.
    pub(super) fn try_next(&mut self) -> Option<Landed> {
        let landed = self.tasks.try_join_next()?;
        Some(self.note(landed))
    }

    fn note(&mut self, joined: Result<Landed, tokio::task::JoinError>) -> Landed {
        let landed = match joined {
            Ok(landed) => landed,
            // A runtime that panics is broken beyond what trying again mends.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.in_air.remove(&landed.flight);
        match &landed.result {
            Ok(_) => drop(self.troubles.remove(&landed.flight)),
            // A start that fails is the planner's to count.
            Err(_) if matches!(landed.flight, Flight::Start(_)) => {}
            Err(error) => {
                let failures = self.troubles.get(&landed.flight).map_or(0, |t| t.failures) + 1;
                let text = format!("replica {}: {error}", landed.flight.key());
                self.troubles.insert(landed.flight, Trouble { text, failures, next_try: None });
            }
        }
        landed
    }

    /// Returns what went wrong with an endpoint's replicas and is to be tried again.
    pub(super) fn troubles(&self, endpoint: EndpointId) -> impl Iterator<Item = &str> {
        let of_endpoint = self.troubles.iter().filter(move |(f, _)| f.key().endpoint == endpoint);
        of_endpoint.map(|(_, trouble)| trouble.text.as_str())
    }

    /// Returns when something that failed may be tried again.
    pub(super) fn next_try(&self) -> Option<Moment> {
        self.troubles.values().filter_map(|trouble| trouble.next_try).min()
    }

    /// Forgets what went wrong with replicas that do not exist any more.
    pub(super) fn retain_troubles(&mut self, replicas: &[Replica]) {
        let exists = |key: ReplicaKey| replicas.iter().any(|replica| replica.key == key);
        self.troubles.retain(|flight, _| exists(flight.key()));
    }

    /// Lets everything be tried again at once.
    pub(super) fn forget_troubles(&mut self) {
        self.troubles.clear();
    }

    /// Waits until nothing of a kind is in the air.
    pub(super) async fn finish(&mut self, is_kind: impl Fn(&Flight) -> bool) {
        while self.in_air.iter().any(&is_kind) && self.next().await.is_some() {}
    }
}
