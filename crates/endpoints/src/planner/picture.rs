//! What to show of an endpoint, and where its requests may go.

use super::notes::Failure;
use super::{Draft, Plan};
use crate::record::Wish;
use crate::replica::{Phase, ReplicaKey};
use crate::status::{State, Status};

/// The part of a status that depends on more than numbers.
pub(super) struct Picture {
    state: State,
    reason: String,
    remedy: Option<String>,
}

impl Picture {
    pub(super) fn new(state: State, reason: String) -> Self {
        let remedy = match state {
            State::Paused => Some("resume it"),
            State::ScaledToZero => Some("send a request; it wakes"),
            State::UpdateFailed => Some("mend the cause and update again"),
            State::Pending
            | State::Initializing
            | State::Running
            | State::Updating
            | State::Failed => None,
        };
        Self { state, reason, remedy: remedy.map(str::to_owned) }
    }

    pub(super) fn failed(failure: &Failure) -> Self {
        let remedy = Some(failure.remedy.clone());
        Self { state: State::Failed, reason: failure.reason.clone(), remedy }
    }
}

impl Draft<'_> {
    /// Shows an endpoint that should run as it is now.
    pub(super) fn as_it_is(&self) -> Picture {
        let body = &self.case.record.body;
        let has_ready = !self.routes().is_empty();
        if body.candidate().is_some() {
            return Picture::new(State::Updating, self.on_the_way().unwrap_or_default());
        }
        if let Some(rejected) = &body.rejected {
            let why = format!("the update was rolled back: {}", rejected.why);
            return Picture::new(State::UpdateFailed, why);
        }
        if has_ready {
            return Picture::new(State::Running, self.remarks().join("; "));
        }
        let is_begun = self
            .case
            .replicas
            .iter()
            .any(|replica| replica.is_live() || matches!(replica.phase, Phase::Exited(_)))
            || self.notes.history(body.lead()).quick_crashes > 0;
        let state = if is_begun { State::Initializing } else { State::Pending };
        Picture::new(state, self.on_the_way().unwrap_or_default())
    }

    /// What there is to say of an endpoint that runs.
    fn remarks(&self) -> Vec<String> {
        let drift = self.notes.drift.map(|drift| drift.to_string());
        let note = self.case.record.body.examined.note.clone();
        self.waits.iter().cloned().chain(drift).chain(note).collect()
    }

    fn on_the_way(&self) -> Option<String> {
        if let Some(waits) = &self.waits {
            return Some(waits.clone());
        }
        if let Some((replica, doing)) = self.starting() {
            return Some(format!("replica {} is {doing}", replica.key.ordinal));
        }
        let unhealthy = self.case.replicas.iter().find_map(|replica| match &replica.phase {
            Phase::Unhealthy { reason } => Some((replica.key.ordinal, reason)),
            Phase::Starting { .. } | Phase::Ready | Phase::Stopping | Phase::Exited(_) => None,
        });
        let (ordinal, reason) = unhealthy?;
        Some(format!("replica {ordinal} does not answer: {reason}"))
    }

    /// The replicas that requests may go to: ready, of the version that serves, and staying.
    fn routes(&self) -> Vec<ReplicaKey> {
        let body = &self.case.record.body;
        let (Some(serving), Wish::Run) = (&body.serving, &body.wish) else {
            return Vec::new();
        };
        let ready = self.live(serving.generation).filter(|replica| replica.is_ready());
        ready.map(|replica| replica.key).collect()
    }

    pub(super) fn finish(mut self, picture: Picture) -> Plan {
        let routes = self.routes();
        let now = self.case.now;
        if routes.is_empty() {
            self.notes.ready_since = None;
        } else if self.notes.ready_since.is_none() {
            self.notes.ready_since = Some(now.moment);
            self.look_at_sleep();
        }
        let since = self.notes.enter(picture.state, now.wall);
        let status = Status {
            state: picture.state,
            reason: picture.reason,
            remedy: picture.remedy,
            ready_replicas: u32::try_from(routes.len()).unwrap_or(u32::MAX),
            target_replicas: self.target,
            since,
            paused: self.paused(),
            drift: self.notes.drift,
            eta: if routes.is_empty() { self.eta(picture.state) } else { None },
        };
        let Self { notes, steps, look_again, alarm, .. } = self;
        Plan { steps, status, routes, notes, look_again, alarm }
    }

    /// The idle time has begun with this very plan.
    fn look_at_sleep(&mut self) {
        if let Some(idle) = self.case.record.body.spec.scaling.idle() {
            self.look_at(self.now().after(idle));
        }
    }

    fn paused(&self) -> Option<crate::status::Paused> {
        match &self.case.record.body.wish {
            Wish::Paused(paused) => Some(paused.clone()),
            Wish::Run | Wish::ScaledToZero(_) => None,
        }
    }

    fn eta(&self, state: State) -> Option<std::time::Duration> {
        match state {
            State::Paused | State::Failed => None,
            State::Pending
            | State::Initializing
            | State::Running
            | State::Updating
            | State::UpdateFailed
            | State::ScaledToZero => {
                let since = self.starting().map(|(r, _)| self.notes.since(r.key, self.now()));
                self.notes.eta(since, self.now())
            }
        }
    }
}
