//! One endpoint in memory: what everybody sees of it, and what clients ask of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::counters::Counters;
use super::view::{Route, View};
use super::{ControlError, Endpoint};
use crate::clock::{Moment, Now, Timestamp};
use crate::keys::KeyId;
use crate::name::{EndpointName, Namespace};
use crate::planner::{Alarm, Load};
use crate::price::Amount;
use crate::record::{Record, Wish};
use crate::replica::EndpointId;
use crate::status::{State, Status};
use crate::store::Used;

/// One endpoint in memory.
pub(crate) struct Live {
    pub(crate) id: EndpointId,
    pub(crate) namespace: Namespace,
    pub(crate) name: EndpointName,
    sender: watch::Sender<Arc<View>>,
    pub(super) counters: Counters,
    usage: Mutex<HashMap<Option<KeyId>, Counted>>,
    life: Mutex<Life>,
    /// When this began to be in memory.
    began: Now,
    signal: Arc<Notify>,
}

#[derive(Default)]
struct Counted {
    requests: u64,
    tokens: u64,
}

/// Its time to live counts by the clock that does not jump: how old it was at a moment.
struct Life {
    age: Duration,
    at: Moment,
}

impl Live {
    pub(super) fn new(record: Record, now: Now, age: Duration, signal: Arc<Notify>) -> Self {
        let (id, namespace, name) = (record.id, record.namespace.clone(), record.name.clone());
        let status = status_of(&record, None, now.wall);
        let view = View { record: Arc::new(record), status, routes: Vec::new(), is_deleted: false };
        Self {
            id,
            namespace,
            name,
            sender: watch::Sender::new(Arc::new(view)),
            counters: Counters::default(),
            usage: Mutex::default(),
            life: Mutex::new(Life { age, at: now.moment }),
            began: now,
            signal,
        }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.sender.borrow())
    }

    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.sender.borrow().record)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let view = self.view();
        self.shown(Arc::clone(&view.record), view.status.clone())
    }

    fn shown(&self, record: Arc<Record>, status: Status) -> Endpoint {
        // Counted by the clock that does not jump, and so as the one on the wall was in the beginning.
        let last_used = self.counters.last_used().map(|used| {
            let later = used.since(self.began.moment).as_millis();
            let later = u64::try_from(later).unwrap_or(u64::MAX);
            Timestamp::from_millis(self.began.wall.millis().saturating_add(later))
        });
        Endpoint { record, status, last_used }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<View>> {
        self.sender.subscribe()
    }

    pub(crate) fn not_found(&self) -> ControlError {
        ControlError::NotFound { name: format!("{}/{}", self.namespace, self.name) }
    }

    /// Shows what a plan found, unless somebody changed the record since the plan was made.
    pub(crate) fn show_plan(&self, edition: u64, status: Status, routes: Vec<Route>) {
        self.sender.send_if_modified(|view| {
            let is_stale = view.record.body.edition != edition || view.is_deleted;
            if is_stale || (view.status == status && view.routes == routes) {
                return false;
            }
            *view = Arc::new(View { status, routes, ..(**view).clone() });
            true
        });
    }

    /// Shows a record that was just stored, and what follows from it at once. Returns what it shows,
    /// whatever a plan may show right after.
    pub(super) fn show_record(&self, record: Record, now: Timestamp) -> Endpoint {
        let record = Arc::new(record);
        let before = self.view();
        let status = status_of(&record, Some(&before.status), now);
        let endpoint = self.shown(Arc::clone(&record), status.clone());
        self.sender.send_modify(|view| {
            let rests = record.body.wish != Wish::Run;
            let routes = if rests { Vec::new() } else { view.routes.clone() };
            *view = Arc::new(View { record, status, routes, is_deleted: false });
        });
        endpoint
    }

    pub(super) fn show_spent(&self, cost: Amount) {
        self.sender.send_modify(|view| {
            let mut record = (*view.record).clone();
            record.spent = record.spent + cost;
            *view = Arc::new(View { record: Arc::new(record), ..(**view).clone() });
        });
    }

    pub(super) fn show_deleted(&self) {
        self.sender.send_modify(|view| {
            *view = Arc::new(View { routes: Vec::new(), is_deleted: true, ..(**view).clone() });
        });
    }

    /// Returns how long it has lived since it was created or resumed.
    pub(crate) fn alive(&self, now: Moment) -> Duration {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.age.saturating_add(now.since(life.at))
    }

    pub(super) fn restart_life(&self, now: Moment) {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        *life = Life { age: Duration::ZERO, at: now };
    }

    pub(crate) fn load(&self, now: Moment) -> Load {
        self.counters.load(now)
    }

    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        self.counters.set_alarm(alarm);
    }

    pub(super) fn begin(&self, tokens: u64, now: Moment) {
        self.counters.begin(tokens, now);
        self.ring();
    }

    pub(super) fn end(&self, tokens: u64, now: Moment) {
        self.counters.end(tokens, now);
    }

    pub(super) fn hold(&self, now: Moment) {
        self.counters.hold(now);
        self.ring();
    }

    pub(super) fn release(&self) {
        self.counters.release();
    }

    /// Brings the next plan forward if there is more load than the last one reckoned with.
    fn ring(&self) {
        if self.counters.is_alarming() {
            self.signal.notify_one();
        }
    }

    pub(super) fn count(&self, key: Option<KeyId>, tokens: u64) {
        self.add_usage(key, Counted { requests: 1, tokens });
    }

    pub(super) fn give_back(&self, used: &Used) {
        self.add_usage(used.key, Counted { requests: used.requests, tokens: used.tokens });
    }

    fn add_usage(&self, key: Option<KeyId>, more: Counted) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = usage.entry(key).or_default();
        counted.requests += more.requests;
        counted.tokens += more.tokens;
    }

    /// Takes what was counted, to be written under a minute.
    pub(super) fn take_usage(&self, minute: u64) -> Vec<Used> {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let used = |(key, counted): (Option<KeyId>, Counted)| Used {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            key,
            minute,
            requests: counted.requests,
            tokens: counted.tokens,
        };
        usage.drain().map(used).collect()
    }
}

/// Returns what can be said of a record before any plan was made for it.
fn status_of(record: &Record, before: Option<&Status>, now: Timestamp) -> Status {
    let running = |status: &&Status| match status.state {
        State::Paused | State::ScaledToZero | State::Failed => false,
        State::Pending
        | State::Initializing
        | State::Running
        | State::Updating
        | State::UpdateFailed => true,
    };
    let body = &record.body;
    let rest = |state, reason: String| Status::at_rest(state, reason, now);
    match &body.wish {
        Wish::Paused(paused) => Status {
            paused: Some(paused.clone()),
            remedy: Some("resume it".to_owned()),
            ..rest(State::Paused, format!("paused by {}", paused.by))
        },
        Wish::ScaledToZero(why) => Status {
            remedy: Some("send a request; it wakes".to_owned()),
            ..rest(State::ScaledToZero, why.to_string())
        },
        Wish::Run => match before.filter(running) {
            Some(status) if body.candidate().is_some() && status.state != State::Updating => {
                // What was said of the version before says nothing of this one.
                let reason = String::new();
                Status {
                    state: State::Updating,
                    since: now,
                    reason,
                    remedy: None,
                    ..status.clone()
                }
            }
            Some(status) => status.clone(),
            None => Status {
                target_replicas: body.spec.scaling.min().max(1),
                // Whoever wakes it is told at once how long that took the last time.
                eta: before.and_then(|status| status.eta),
                ..rest(State::Pending, String::new())
            },
        },
    }
}
