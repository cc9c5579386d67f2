//! Decides the next steps that bring an endpoint's replicas toward its spec.
//!
//! Pure: no clock, no network, no randomness, so that every case is a row in a test. The caller carries
//! the steps out and calls again with what is there then: after every change, and at
//! [`Plan::look_again`]. Steps are idempotent; one that was lost is planned again.
//!
//! What holds after any plan:
//!
//! - At most `max_replica` replicas of the serving version are live, and at most one of a new version
//!   beside them. A replica that drains takes nothing new and is not counted.
//! - Routes lead to ready replicas of one version only, so that nobody gets vectors of two versions at
//!   one time. A new version takes over with its first replica and grows from there.
//! - Whatever is not ready has a time-out, and its status says what it waits for.

mod drift;
mod notes;
mod picture;
mod rollout;
mod room;
mod scale;
mod tend;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::drift::{Check, Drift};
pub use self::notes::Notes;
use self::picture::Picture;
pub(crate) use self::room::shown;
pub use self::room::{Needs, Room, Unloadable};
pub use self::scale::{Alarm, Load};
use crate::clock::{Moment, Now};
use crate::record::{Record, Wish};
use crate::replica::{EndpointId, Generation, Phase, Replica, ReplicaKey};
use crate::status::{PausedBy, Slept, State, Status};

/// Everything that a plan depends on, but for the [`Notes`] of the plan before.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is asked for.
    pub record: &'a Record,
    /// The endpoint's replicas, as the runtime has them.
    pub replicas: &'a [Replica],
    /// What clients ask of it now.
    pub load: Load,
    /// How long it has lived since it was created or resumed.
    pub alive: Duration,
    /// How far the comparison of the new version with the old one is.
    pub check: &'a Check,
    /// What the machine has left.
    pub room: &'a Room,
    /// How long anything may take.
    pub limits: &'a Limits,
    /// The time.
    pub now: Now,
}

/// How long anything may take, and how much is too much. The caller decides; the numbers named here
/// are what the planner was thought out with.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// How long a replica may start before it is given up, download included: 10 minutes.
    pub start: Duration,
    /// How long a replica may fail its health check before it is replaced: 10 seconds.
    pub unhealthy: Duration,
    /// How long a replica may wait for memory before the endpoint is given up: 10 minutes.
    pub pending: Duration,
    /// How long a comparison of two versions may take: 1 minute.
    pub compare: Duration,
    /// How long a replica may finish what it has: 30 seconds.
    pub drain: Duration,
    /// How many tokens may be outstanding for each replica before another one is started: 16,384.
    pub tokens_per_replica: u64,
    /// The latency over which another replica is started, if latency counts at all.
    pub latency: Option<Duration>,
    /// The smallest cosine between versions that should agree: 0.99.
    pub least_cosine: f32,
}

/// One action. Those on replicas go to the runtime, the others to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Start a replica with the spec of its generation.
    Start(ReplicaKey),
    /// Stop a replica, or forget one that ended.
    Stop {
        /// Which one.
        replica: ReplicaKey,
        /// Why.
        why: StopReason,
    },
    /// Compare what two ready replicas answer.
    Compare {
        /// One that serves.
        live: ReplicaKey,
        /// One of the new version.
        next: ReplicaKey,
    },
    /// Let a version serve.
    Promote(Generation),
    /// Give a new version up.
    RollBack {
        /// Which one.
        generation: Generation,
        /// Why.
        why: String,
    },
    /// Pause the endpoint.
    Pause(PausedBy),
    /// Let it sleep.
    Sleep(Slept),
    /// Let another endpoint sleep, because its memory is needed.
    Unload(EndpointId),
}

/// Why a replica is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The endpoint rests, or was given up, or is gone.
    Resting,
    /// There are more than are needed.
    Surplus,
    /// Another version serves.
    Replaced,
    /// It took too long over something.
    Stuck,
    /// It ended already, and is only to be forgotten.
    Ended,
}

/// What to do, what to show, and when to look again.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In any order.
    pub steps: Vec<Step>,
    /// What to show.
    pub status: Status,
    /// The replicas that requests may go to.
    pub routes: Vec<ReplicaKey>,
    /// For the next plan of this endpoint.
    pub notes: Notes,
    /// When something may have to change though nothing happens; `None` if never.
    pub look_again: Option<Moment>,
    /// How much load should bring the next plan forward.
    pub alarm: Alarm,
}

/// Decides the next steps for one endpoint. See the module for what always holds.
pub fn plan(case: &Case<'_>, notes: &Notes) -> Plan {
    let mut draft = Draft::new(*case, notes);
    let picture = match &case.record.body.wish {
        Wish::Run => draft.run(),
        Wish::Paused(paused) => {
            draft.rest();
            Picture::new(State::Paused, format!("paused by {}", paused.by))
        }
        Wish::ScaledToZero(why) => {
            draft.rest();
            Picture::new(State::ScaledToZero, why.to_string())
        }
    };
    draft.forget_what_ended();
    draft.finish(picture)
}

/// Returns the steps for replicas whose endpoint is not there any more.
pub(crate) fn stop_orphan(replica: &Replica) -> Option<Step> {
    let step = |why| Some(Step::Stop { replica: replica.key, why });
    match &replica.phase {
        Phase::Stopping => None,
        Phase::Exited(_) => step(StopReason::Ended),
        Phase::Starting { .. } | Phase::Ready | Phase::Unhealthy { .. } => {
            step(StopReason::Resting)
        }
    }
}

/// A plan in the making.
struct Draft<'a> {
    case: Case<'a>,
    notes: Notes,
    steps: Vec<Step>,
    look_again: Option<Moment>,
    alarm: Alarm,
    target: u32,
    /// Memory promised to replicas that this plan starts.
    reserved: u64,
    /// Why a replica that should be started is not.
    waits: Option<String>,
}

impl<'a> Draft<'a> {
    fn new(case: Case<'a>, notes: &Notes) -> Self {
        let mut notes = notes.clone();
        notes.observe(&case);
        Self {
            case,
            notes,
            steps: Vec::new(),
            look_again: None,
            alarm: Alarm::NEVER,
            target: 0,
            reserved: 0,
            waits: None,
        }
    }

    fn now(&self) -> Moment {
        self.case.now.moment
    }

    fn look_at(&mut self, moment: Moment) {
        self.look_again = Some(self.look_again.map_or(moment, |sooner| sooner.min(moment)));
    }

    fn is_stopped_by_plan(&self, key: ReplicaKey) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Stop { replica, .. } if *replica == key))
    }

    /// The live replicas of a generation that this plan does not stop.
    fn live(&self, generation: Generation) -> impl Iterator<Item = &'a Replica> {
        let replicas: &'a [Replica] = self.case.replicas;
        let of_generation = replicas.iter().filter(move |r| r.key.generation == generation);
        of_generation.filter(|r| r.is_live() && !self.is_stopped_by_plan(r.key))
    }

    fn first_ready(&self, generation: Generation) -> Option<&'a Replica> {
        self.live(generation).find(|replica| replica.is_ready())
    }

    fn stop(&mut self, replica: &Replica, why: StopReason) {
        self.notes.settle(replica.key);
        self.steps.push(Step::Stop { replica: replica.key, why });
    }

    fn stop_where(&mut self, why: StopReason, applies: impl Fn(&Replica) -> bool) {
        let replicas: &'a [Replica] = self.case.replicas;
        for replica in replicas {
            let is_new = replica.is_live() && !self.is_stopped_by_plan(replica.key);
            if is_new && applies(replica) {
                self.stop(replica, why);
            }
        }
    }

    fn rest(&mut self) {
        self.stop_where(StopReason::Resting, |_| true);
        self.notes.rest();
    }

    /// Lets the runtime drop what ended, unless a start takes its place anyway.
    fn forget_what_ended(&mut self) {
        let replicas: &'a [Replica] = self.case.replicas;
        for replica in replicas {
            let is_replaced = self.steps.contains(&Step::Start(replica.key));
            if matches!(replica.phase, Phase::Exited(_)) && !is_replaced {
                self.stop(replica, StopReason::Ended);
            }
        }
    }
}
