//! What the planner remembers from one plan to the next: since when, how often, how it ended.
//!
//! A value that goes in and comes out, and may be lost: everything is learned again from what is there.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use super::Case;
use super::drift::Drift;
use crate::clock::{Moment, Timestamp};
use crate::replica::{Generation, LaunchId, Phase, Replica, ReplicaKey};
use crate::status::State;

/// A replica that was ready for so long has shown that it can live: what came before is forgotten.
pub(super) const STEADY: Duration = Duration::from_secs(60);
/// So many crashes, none of them after a steady time, and a version is given up.
pub(super) const MAX_QUICK_CRASHES: u32 = 5;
/// The wait after the first crash; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the planner remembers of one endpoint. Begin with the default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notes {
    attempt: u64,
    seen: BTreeMap<ReplicaKey, Seen>,
    histories: BTreeMap<Generation, History>,
    pub(super) failure: Option<Failure>,
    /// Whether the serving version had a live replica in this attempt, so that it is kept alive while
    /// a new one starts beside it.
    pub(super) lead_was_up: bool,
    pub(super) waits_since: Option<Moment>,
    pub(super) ready_since: Option<Moment>,
    pub(super) crowded_since: Option<Moment>,
    pub(super) slack_since: Option<Moment>,
    pub(super) target: u32,
    pub(super) drift: Option<Drift>,
    state: Option<(State, Timestamp)>,
    start_took: Option<Duration>,
}

/// What was seen of one launch of a replica.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    launch: LaunchId,
    phase: Discriminant<Phase>,
    since: Moment,
    born: Moment,
    ready_at: Option<Moment>,
    /// Whether its end is already accounted for: counted, or our own doing.
    is_settled: bool,
}

/// How the replicas of one generation have ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct History {
    pub(super) quick_crashes: u32,
    pub(super) next_try: Moment,
    pub(super) last: String,
    /// Something that trying again will not change.
    is_hopeless: bool,
}

/// Why an endpoint was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl History {
    pub(super) fn is_given_up(&self) -> bool {
        self.is_hopeless || self.quick_crashes >= MAX_QUICK_CRASHES
    }

    fn crash(&mut self, how: String, ready_for: Option<Duration>, now: Moment) {
        if ready_for.is_some_and(|time| time >= STEADY) {
            self.quick_crashes = 0;
            self.next_try = now;
        } else {
            self.quick_crashes += 1;
            self.next_try = now.after(wait_after(self.quick_crashes, ready_for.is_some()));
        }
        self.last = how;
    }
}

/// How long to wait after so many quick crashes. One that was ready is missed by clients, so the first
/// time it is replaced at once.
fn wait_after(crashes: u32, was_ready: bool) -> Duration {
    let doublings = match (crashes, was_ready) {
        (0 | 1, true) => return Duration::ZERO,
        (crashes, true) => crashes - 2,
        (crashes, false) => crashes.saturating_sub(1),
    };
    FIRST_WAIT.saturating_mul(1 << doublings.min(16)).min(LONGEST_WAIT)
}

impl Notes {
    /// Counts a replica that could not even be started as one that crashed at once.
    pub fn note_failed_start(&mut self, generation: Generation, why: String, now: Moment) {
        self.histories.entry(generation).or_default().crash(why, None, now);
    }

    /// Returns how long the last start took until the replica was ready.
    pub fn start_took(&self) -> Option<Duration> {
        self.start_took
    }

    /// Returns since when requests have had somewhere to go, if they have.
    pub fn ready_since(&self) -> Option<Moment> {
        self.ready_since
    }

    /// Brings the notes up to what is there now.
    pub(super) fn observe(&mut self, case: &Case<'_>) {
        let now = case.now.moment;
        let body = &case.record.body;
        if self.attempt != body.attempt {
            self.begin_attempt(body.attempt);
        }
        self.seen.retain(|key, seen| {
            case.replicas.iter().any(|r| r.key == *key && r.launch == seen.launch)
        });
        for replica in case.replicas {
            self.see(replica, now);
        }
        let is_known = |generation: &Generation| body.spec_of(*generation).is_some();
        self.histories.retain(|generation, _| is_known(generation));
        let is_lead_live = |r: &Replica| r.is_live() && r.key.generation == body.lead();
        self.lead_was_up |= case.replicas.iter().any(is_lead_live);
    }

    fn begin_attempt(&mut self, attempt: u64) {
        self.attempt = attempt;
        self.histories.clear();
        self.failure = None;
        self.lead_was_up = false;
        self.waits_since = None;
        self.drift = None;
    }

    fn see(&mut self, replica: &Replica, now: Moment) {
        let phase = discriminant(&replica.phase);
        let new = Seen {
            launch: replica.launch,
            phase,
            since: now,
            born: now,
            ready_at: None,
            is_settled: false,
        };
        let seen = self.seen.entry(replica.key).or_insert(new);
        if seen.phase != phase {
            seen.phase = phase;
            seen.since = now;
        }
        if replica.is_ready() && seen.ready_at.is_none() {
            seen.ready_at = Some(now);
            self.start_took = Some(now.since(seen.born));
        }
        let ready_for = seen.ready_at.map(|at| now.since(at));
        let history = self.histories.entry(replica.key.generation).or_default();
        match &replica.phase {
            Phase::Exited(exit) if !seen.is_settled => {
                seen.is_settled = true;
                history.crash(exit.to_string(), ready_for, now);
            }
            Phase::Ready if ready_for.is_some_and(|time| time >= STEADY) => {
                history.quick_crashes = 0;
                history.is_hopeless = false;
            }
            Phase::Ready
            | Phase::Starting { .. }
            | Phase::Unhealthy { .. }
            | Phase::Stopping
            | Phase::Exited(_) => {}
        }
    }

    /// Keeps the end of a replica that the planner stops from being counted as a crash.
    pub(super) fn settle(&mut self, key: ReplicaKey) {
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.is_settled = true;
        }
    }

    /// Counts a replica that took too long over something as one that crashed.
    pub(super) fn count_stuck(&mut self, replica: &Replica, how: String, now: Moment) {
        let ready_at = self.seen.get(&replica.key).and_then(|seen| seen.ready_at);
        let history = self.histories.entry(replica.key.generation).or_default();
        history.crash(how, ready_at.map(|at| now.since(at)), now);
        // What did not start in all that time will not start in the same time again.
        history.is_hopeless |= matches!(replica.phase, Phase::Starting { .. });
    }

    pub(super) fn history(&self, generation: Generation) -> History {
        self.histories.get(&generation).cloned().unwrap_or_default()
    }

    /// Returns since when a replica has been in its phase.
    pub(super) fn since(&self, key: ReplicaKey, now: Moment) -> Moment {
        self.seen.get(&key).map_or(now, |seen| seen.since)
    }

    /// Returns how long until a replica is ready, if one started now or did so at `since`.
    pub(super) fn eta(&self, started: Option<Moment>, now: Moment) -> Option<Duration> {
        let elapsed = started.map_or(Duration::ZERO, |started| now.since(started));
        Some(self.start_took?.saturating_sub(elapsed))
    }

    /// Returns since when the endpoint has been in this state, by the wall.
    pub(super) fn enter(&mut self, state: State, now: Timestamp) -> Timestamp {
        match self.state {
            Some((same, since)) if same == state => since,
            Some(_) | None => {
                self.state = Some((state, now));
                now
            }
        }
    }

    /// Forgets what has a meaning only while the endpoint runs.
    pub(super) fn rest(&mut self) {
        self.ready_since = None;
        self.waits_since = None;
        self.crowded_since = None;
        self.slack_since = None;
        self.target = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait_after;

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let seconds = |crashes, was_ready| wait_after(crashes, was_ready).as_secs();
        assert_eq!([1, 2, 3, 4, 5].map(|n| seconds(n, false)), [1, 2, 4, 8, 16]);
        assert_eq!([1, 2, 3, 4, 5].map(|n| seconds(n, true)), [0, 1, 2, 4, 8]);
        assert_eq!(wait_after(u32::MAX, false), Duration::from_secs(60));
    }
}
