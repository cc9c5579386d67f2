//! Keeps so many replicas of one generation alive.

use std::cmp::Reverse;

use super::notes::Failure;
use super::room::{Fit, LOOK_EVERY};
use super::{Draft, Step, StopReason};
use crate::clock::Moment;
use crate::replica::{EndpointId, Generation, Phase, Replica, ReplicaKey};

/// How an attempt to have enough replicas went.
pub(super) enum Tended {
    /// There are enough, or they are on their way, or they come later.
    Well,
    /// There will be none, and this is why.
    Hopeless(Failure),
}

impl<'a> Draft<'a> {
    /// Stops what is stuck or too much, starts what is missing.
    pub(super) fn tend(&mut self, generation: Generation, target: u32) -> Tended {
        self.stop_stuck(generation);
        let mut live: Vec<&Replica> = self.live(generation).collect();
        let target = usize::try_from(target).expect("a target is at most MAX_REPLICAS");
        // The least useful first: what does not answer, what does not answer yet, what came last.
        live.sort_by_key(|replica| (usefulness(replica), Reverse(replica.key.ordinal)));
        let surplus = live.len().saturating_sub(target);
        for replica in &live[..surplus] {
            self.stop(replica, StopReason::Surplus);
        }
        self.start_missing(generation, target.saturating_sub(live.len()))
    }

    fn stop_stuck(&mut self, generation: Generation) {
        let now = self.now();
        let live: Vec<&'a Replica> = self.live(generation).collect();
        for replica in live {
            let Some((due, how)) = self.time_out(replica) else {
                continue;
            };
            if now < due {
                self.look_at(due);
                continue;
            }
            self.stop(replica, StopReason::Stuck);
            self.notes.count_stuck(replica, how, now);
        }
    }

    /// Returns until when a replica may stay as it is, and what to say when that is over.
    fn time_out(&self, replica: &Replica) -> Option<(Moment, String)> {
        let since = self.notes.since(replica.key, self.now());
        let limits = self.case.limits;
        match &replica.phase {
            Phase::Starting { doing } => {
                let limit = limits.start;
                let how = format!("not ready after {} s; it was {doing}", limit.as_secs());
                Some((since.after(limit), how))
            }
            Phase::Unhealthy { reason } => {
                let limit = limits.unhealthy;
                let how = format!("no healthy answer for {} s: {reason}", limit.as_secs());
                Some((since.after(limit), how))
            }
            Phase::Ready | Phase::Stopping | Phase::Exited(_) => None,
        }
    }

    fn start_missing(&mut self, generation: Generation, missing: usize) -> Tended {
        let history = self.notes.history(generation);
        if missing == 0 {
            if self.case.record.body.candidate().is_none() {
                self.notes.waits_since = None;
            }
            return Tended::Well;
        }
        if history.is_given_up() && self.first_ready(generation).is_none() {
            let is_over = self.live(generation).next().is_none();
            return if is_over { Tended::Hopeless(self.gave_up(generation)) } else { Tended::Well };
        }
        if history.next_try > self.now() {
            self.look_at(history.next_try);
            let (crashes, last) = (times(history.quick_crashes), &history.last);
            self.waits = Some(format!("crashed {crashes}, to be started again: {last}"));
            return Tended::Well;
        }
        for _ in 0..missing {
            match self.case.room.fit(self.memory_of(generation), self.reserved) {
                Fit::Fits => self.start(generation),
                Fit::Unload(endpoints) => return self.make_room(generation, endpoints),
                Fit::Wait(why) => return self.wait_for_room(why),
                Fit::Never(why) => return Tended::Hopeless(does_not_fit(why)),
            }
        }
        self.notes.waits_since = None;
        Tended::Well
    }

    fn start(&mut self, generation: Generation) {
        let key = self.free_key(generation);
        self.reserved = self.reserved.saturating_add(self.memory_of(generation).unwrap_or(0));
        self.steps.push(Step::Start(key));
    }

    /// What a replica takes: what is reported of its like, else what was reckoned.
    fn memory_of(&self, generation: Generation) -> Option<u64> {
        let reported = self.live(generation).filter_map(|replica| replica.memory_bytes).max();
        reported.max(self.case.record.body.memory_of(generation))
    }

    /// Returns the key of the lowest ordinal that no replica has which is live or stopping.
    fn free_key(&self, generation: Generation) -> ReplicaKey {
        let is_taken = |key: ReplicaKey| {
            let is_there = |r: &Replica| r.key == key && !matches!(r.phase, Phase::Exited(_));
            self.case.replicas.iter().any(is_there) || self.steps.contains(&Step::Start(key))
        };
        let endpoint = self.case.record.id;
        let mut keys = (0..).map(|ordinal| ReplicaKey { endpoint, generation, ordinal });
        keys.find(|key| !is_taken(*key)).expect("there are fewer replicas than numbers")
    }

    fn make_room(&mut self, generation: Generation, endpoints: Vec<EndpointId>) -> Tended {
        // Others are unloaded so that there is a replica at all, not so that there are more.
        if self.live(generation).next().is_none() {
            self.steps.extend(endpoints.into_iter().map(Step::Unload));
        }
        self.wait_for_room("waits for an endpoint that is not in use to be unloaded".to_owned())
    }

    fn wait_for_room(&mut self, why: String) -> Tended {
        let now = self.now();
        let limit = self.case.limits.pending;
        let due = self.notes.waits_since.get_or_insert(now).after(limit);
        let has_any = self.case.replicas.iter().any(Replica::is_live)
            || self.steps.iter().any(|step| matches!(step, Step::Start(_)));
        if now >= due && !has_any {
            return Tended::Hopeless(Failure {
                reason: format!("no memory came free within {} s; it {why}", limit.as_secs()),
                remedy: "pause another endpoint or raise the memory budget, then resume".to_owned(),
            });
        }
        self.look_at(now.after(LOOK_EVERY));
        self.waits = Some(why);
        Tended::Well
    }

    fn gave_up(&self, generation: Generation) -> Failure {
        let history = self.notes.history(generation);
        let reason = match history.quick_crashes {
            0 | 1 => history.last,
            crashes => format!("crashed {crashes} times in a row; the last time: {}", history.last),
        };
        let remedy = "read the logs, mend the cause, then update or resume".to_owned();
        Failure { reason, remedy }
    }
}

fn does_not_fit(reason: String) -> Failure {
    let remedy = "choose a smaller model or raise the memory budget".to_owned();
    Failure { reason, remedy }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn usefulness(replica: &Replica) -> u8 {
    match replica.phase {
        Phase::Exited(_) | Phase::Stopping => 0,
        Phase::Unhealthy { .. } => 1,
        Phase::Starting { .. } => 2,
        Phase::Ready => 3,
    }
}
