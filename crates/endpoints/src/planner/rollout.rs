//! What an endpoint that should run does next: its limits, its sleep, its versions.

use super::drift::{Check, judge};
use super::picture::Picture;
use super::tend::Tended;
use super::{Draft, Step, StopReason};
use crate::clock::Moment;
use crate::replica::{Generation, Phase, Replica};
use crate::status::{PausedBy, Slept};

impl Draft<'_> {
    pub(super) fn run(&mut self) -> Picture {
        if self.notes.failure.is_none() {
            self.target = self.case.record.body.spec.scaling.min().max(1);
            if let Some(step) = self.ends_now() {
                self.steps.push(step);
                return self.as_it_is();
            }
            self.advance();
        }
        if let Some(failure) = self.notes.failure.clone() {
            self.target = 0;
            self.alarm = super::Alarm::NEVER;
            self.steps.retain(|step| !matches!(step, Step::Start(_)));
            self.stop_where(StopReason::Resting, |_| true);
            self.notes.ready_since = None;
            return Picture::failed(&failure);
        }
        self.as_it_is()
    }

    /// Returns the step that ends the running, if it is time for one.
    fn ends_now(&mut self) -> Option<Step> {
        let body = &self.case.record.body;
        if body.spec.budget.is_some_and(|budget| self.case.record.spent >= budget) {
            return Some(Step::Pause(PausedBy::Budget));
        }
        if let Some(left) = body.spec.time_to_live.map(|ttl| ttl.saturating_sub(self.case.alive)) {
            if left.is_zero() {
                return Some(Step::Pause(PausedBy::TimeToLive));
            }
            self.look_at(self.now().after(left));
        }
        let due = self.sleeps_at()?;
        if self.now() >= due {
            return Some(Step::Sleep(Slept::Idle));
        }
        self.look_at(due);
        None
    }

    /// Returns when the endpoint falls asleep if nothing comes. The idle time counts from when it was
    /// ready, or from its last use.
    fn sleeps_at(&mut self) -> Option<Moment> {
        let idle = self.case.record.body.spec.scaling.idle()?;
        if self.case.record.body.candidate().is_some() {
            return None;
        }
        let ready_since = self.notes.ready_since?;
        let load = &self.case.load;
        if load.requests() > 0 {
            return Some(self.now().after(idle));
        }
        Some(load.last_used.map_or(ready_since, |used| used.max(ready_since)).after(idle))
    }

    fn advance(&mut self) {
        let body = &self.case.record.body;
        let (lead, candidate) = (body.lead(), body.candidate());
        self.stop_where(StopReason::Replaced, |replica| {
            let generation = replica.key.generation;
            generation != lead && Some(generation) != candidate
        });
        self.target = self.scale();
        match candidate {
            None => {
                if let Tended::Hopeless(failure) = self.tend(lead, self.target) {
                    self.notes.failure = Some(failure);
                } else if body.serving.is_none() && self.first_ready(lead).is_some() {
                    self.steps.push(Step::Promote(lead));
                }
            }
            Some(next) => self.roll_out(lead, next),
        }
    }

    /// Brings a new version up beside the one that serves.
    fn roll_out(&mut self, lead: Generation, next: Generation) {
        // A version that was asleep or paused when it was updated is not started for the comparison:
        // there may be no memory for two, and nobody waits for the old one.
        if self.notes.lead_was_up {
            // If the old one cannot live, the new one may be the remedy: its failure is not the end.
            let _: Tended = self.tend(lead, self.target);
        }
        // From here on it is the new version that waits, if anything does.
        self.waits = None;
        if let Tended::Hopeless(failure) = self.tend(next, 1) {
            return self.roll_back(next, failure.reason);
        }
        let ready = self.first_ready(next);
        match (ready, self.first_ready(lead)) {
            (None, _) => self.limit_wait(next),
            (Some(_), None) => self.steps.push(Step::Promote(next)),
            (Some(ready), Some(live)) => self.weigh(live, ready),
        }
    }

    /// Gives a new version up that waits for memory which the old one keeps.
    fn limit_wait(&mut self, next: Generation) {
        let (now, limit) = (self.now(), self.case.limits.pending);
        let Some(why) = self.waits.clone() else { return };
        if self.notes.waits_since.is_some_and(|since| now >= since.after(limit)) {
            self.roll_back(next, format!(
                "no memory came free beside the version that serves; it {why}; to go without both at once, pause, update and resume"
            ));
        }
    }

    fn weigh(&mut self, live: &Replica, ready: &Replica) {
        let next = ready.key.generation;
        let due = self.notes.since(ready.key, self.now()).after(self.case.limits.compare);
        let compare = Step::Compare { live: live.key, next: ready.key };
        match self.case.check {
            Check::Done(drift) => {
                self.notes.drift = Some(*drift);
                match self.judged(live.key.generation, next, drift) {
                    Ok(()) => self.steps.push(Step::Promote(next)),
                    Err(why) => self.roll_back(next, why),
                }
                return;
            }
            Check::Broken(why) if self.now() >= due => {
                let why = format!("it could not be compared with the version that serves: {why}");
                return self.roll_back(next, why);
            }
            Check::Open | Check::Running if self.now() >= due => {
                let limit = self.case.limits.compare.as_secs();
                let why = format!("its comparison with what serves did not end within {limit} s");
                return self.roll_back(next, why);
            }
            Check::Open | Check::Broken(_) => self.steps.push(compare),
            Check::Running => {}
        }
        self.look_at(due);
    }

    fn judged(
        &self,
        lead: Generation,
        next: Generation,
        drift: &super::Drift,
    ) -> Result<(), String> {
        let body = &self.case.record.body;
        let (Some(old), Some(new)) = (body.spec_of(lead), body.spec_of(next)) else {
            return Ok(());
        };
        judge(drift, old, new, self.case.limits.least_cosine)
    }

    fn roll_back(&mut self, generation: Generation, why: String) {
        self.steps.retain(|step| !matches!(step, Step::Start(key) if key.generation == generation));
        self.stop_where(StopReason::Replaced, |replica| replica.key.generation == generation);
        self.notes.waits_since = None;
        self.steps.push(Step::RollBack { generation, why });
    }

    /// Returns what is said of the replica that is furthest on its way.
    pub(super) fn starting(&self) -> Option<(&Replica, &str)> {
        self.case.replicas.iter().find_map(|replica| match &replica.phase {
            Phase::Starting { doing } if !self.is_stopped_by_plan(replica.key) => {
                Some((replica, doing.as_str()))
            }
            Phase::Starting { .. }
            | Phase::Ready
            | Phase::Unhealthy { .. }
            | Phase::Stopping
            | Phase::Exited(_) => None,
        })
    }
}
