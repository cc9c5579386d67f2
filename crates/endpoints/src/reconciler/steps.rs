//! Carries out one step: through the runtime, or into the store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::flights::{Flight, Outcome};
use super::{Reconciler, Subject, TRY_AGAIN};
use crate::clock::Now;
use crate::control::ControlError;
use crate::planner::{Check, Step};
use crate::record::Wish;
use crate::replica::ReplicaKey;
use crate::runtime::{RuntimeError, Start};
use crate::status::Slept;

/// What a stop may take beyond its drain before it counts as failed.
const STOP_SLACK: Duration = Duration::from_secs(10);

impl Reconciler {
    pub(super) async fn take_step(&mut self, subject: &Subject, step: Step, now: Now) {
        match step {
            Step::Start(key) => self.start(subject, key, now),
            Step::Stop { replica, why: _ } => self.stop(replica, now),
            Step::Compare { live, next } => self.compare(subject, live, next, now),
            Step::Promote(_)
            | Step::RollBack { .. }
            | Step::Pause(_)
            | Step::Sleep(_)
            | Step::Unload(_) => self.store(subject, step, now).await,
        }
    }

    fn start(&mut self, subject: &Subject, key: ReplicaKey, now: Now) {
        let Some(spec) = subject.record.body.spec_of(key.generation) else {
            return;
        };
        let start = Start { key, spec: Arc::new(spec.clone()) };
        let runtime = Arc::clone(&self.shared.runtime);
        self.flights.take_off(Flight::Start(key), now.moment, async move {
            runtime.start(start).await.map(|()| Outcome::Done)
        });
    }

    pub(super) fn stop(&mut self, key: ReplicaKey, now: Now) {
        let (runtime, drain) = (Arc::clone(&self.shared.runtime), self.shared.config.limits.drain);
        let limit = drain.saturating_add(STOP_SLACK);
        self.flights.take_off(Flight::Stop(key), now.moment, async move {
            let stopped = timeout(limit, runtime.stop(key, drain)).await;
            stopped.unwrap_or(Err(RuntimeError::TimedOut { what: "the stop", limit }))?;
            Ok(Outcome::Done)
        });
    }

    fn compare(&mut self, subject: &Subject, live: ReplicaKey, next: ReplicaKey, now: Now) {
        let launch = subject.replicas.iter().find(|replica| replica.key == next).map(|r| r.launch);
        let Some(launch) = launch else { return };
        let runtime = Arc::clone(&self.shared.runtime);
        let has_begun =
            self.flights.take_off(Flight::Compare(next, launch), now.moment, async move {
                runtime.compare(live, next).await.map(Outcome::Compared)
            });
        if has_begun {
            self.checks.insert(launch, Check::Running);
        }
    }

    /// Stores a step that is a change of a record, unless somebody changed it since the plan was made.
    async fn store(&mut self, subject: &Subject, step: Step, now: Now) {
        let id = subject.live.id;
        let edition = subject.record.body.edition;
        let target = match step {
            Step::Unload(other) => self.shared.by_id(other),
            Step::Start(_)
            | Step::Stop { .. }
            | Step::Compare { .. }
            | Step::Promote(_)
            | Step::RollBack { .. }
            | Step::Pause(_)
            | Step::Sleep(_) => Some(Arc::clone(&subject.live)),
        };
        let Some(target) = target else { return };
        let amended = self.shared.amend(target, move |body, _, live| {
            let is_as_planned = live.id != id || body.edition == edition;
            let is_idle = live.load(now.moment).requests() == 0 && body.wish == Wish::Run;
            match step {
                Step::Promote(generation) if is_as_planned => body.promote(generation),
                Step::RollBack { generation, why } if is_as_planned => {
                    body.roll_back(generation, why);
                }
                Step::Pause(by) if is_as_planned => body.pause(by, now.wall),
                Step::Sleep(why) if is_as_planned && is_idle => body.sleep(why, now.wall),
                Step::Unload(_) if is_idle => body.sleep(Slept::Memory, now.wall),
                Step::Start(_)
                | Step::Stop { .. }
                | Step::Compare { .. }
                | Step::Promote(_)
                | Step::RollBack { .. }
                | Step::Pause(_)
                | Step::Sleep(_)
                | Step::Unload(_) => return Ok(false),
            }
            Ok(true)
        });
        match amended.await {
            Ok(Some(_)) => {
                self.unstored.remove(&id);
            }
            // Something else has changed meanwhile, or its owner deleted it: the next pass sees that.
            Ok(None) | Err(ControlError::NotFound { .. }) => self.look_after(TRY_AGAIN),
            Err(error) => {
                self.unstored.insert(id, format!("its state cannot be stored: {}", chain(&error)));
                self.look_after(TRY_AGAIN);
            }
        }
    }
}

/// Joins an error and its causes: a status is an edge, where a chain is shown as one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
