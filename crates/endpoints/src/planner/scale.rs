//! How many replicas the load asks for.

use std::time::Duration;

use super::Draft;
use crate::clock::Moment;

/// How long there must be too much before a replica is added. Shorter, and every burst adds one.
const UP_AFTER: Duration = Duration::from_secs(2);
/// How long there must be too little before one is taken away. Starting one costs more than a minute
/// of keeping it.
const DOWN_AFTER: Duration = Duration::from_secs(60);
/// How often to look whether an endpoint with more replicas than its least still needs them.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often to look how long answers take, as long as there are requests.
const LOOK_AT_LATENCY: Duration = Duration::from_secs(1);

/// What clients ask of an endpoint now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Tokens of requests that replicas have and have not answered.
    pub outstanding_tokens: u64,
    /// How many such requests there are.
    pub outstanding_requests: u64,
    /// Requests that wait for a replica to be ready.
    pub held_requests: u64,
    /// How long answers took lately, if there were any.
    pub latency: Option<Duration>,
    /// When a request last came or ended.
    pub last_used: Option<Moment>,
}

/// How much load should bring the next plan forward. Nothing else tells the planner that load grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// So many outstanding tokens, or more.
    pub tokens: u64,
    /// So many requests, outstanding or held, or more.
    pub requests: u64,
}

impl Alarm {
    /// No load does.
    pub const NEVER: Self = Self { tokens: u64::MAX, requests: u64::MAX };
}

impl Load {
    /// Returns all requests that are not answered.
    pub fn requests(&self) -> u64 {
        self.outstanding_requests.saturating_add(self.held_requests)
    }
}

impl Draft<'_> {
    /// Decides how many replicas of the serving version there should be: at least one, since whatever
    /// should have none is asleep.
    pub(super) fn scale(&mut self) -> u32 {
        let scaling = &self.case.record.body.spec.scaling;
        let (least, most) = (scaling.min().max(1), scaling.max());
        let current = self.notes.target.clamp(least, most);
        let wanted = self.wanted(current).clamp(least, most);
        let target = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => self.grow(current, wanted),
            std::cmp::Ordering::Less => self.shrink(current),
            std::cmp::Ordering::Equal => self.keep(current),
        };
        if target < most {
            self.alarm = self.alarm_above(target);
            // Only looking tells that answers become slow.
            if self.latency_limit().is_some() && self.case.load.requests() > 0 {
                self.look_at(self.now().after(LOOK_AT_LATENCY));
            }
        }
        if target > least {
            self.look_at(self.now().after(LOOK_EVERY));
        }
        self.notes.target = target;
        target
    }

    fn wanted(&self, current: u32) -> u32 {
        let (load, limits) = (&self.case.load, self.case.limits);
        let by_queue = match self.case.record.body.spec.scaling.pending_requests() {
            Some(requests) => load.requests().div_ceil(u64::from(requests)),
            None => load.outstanding_tokens.div_ceil(limits.tokens_per_replica.max(1)),
        };
        let by_queue = u32::try_from(by_queue).unwrap_or(u32::MAX);
        match self.latency_limit().zip(load.latency) {
            // Those that still start will help first, and a lone slow answer in the past asks for nothing.
            Some((limit, latency))
                if latency > limit && self.all_ready(current) && load.requests() > 0 =>
            {
                by_queue.max(current + 1)
            }
            // With one replica less it would soon be over the limit again.
            Some((limit, latency)) if latency > limit / 2 => by_queue.max(current),
            Some(_) | None => by_queue,
        }
    }

    fn all_ready(&self, current: u32) -> bool {
        let ready = self.live(self.case.record.body.lead()).filter(|replica| replica.is_ready());
        ready.count() >= current as usize
    }

    fn latency_limit(&self) -> Option<Duration> {
        self.case.record.body.spec.scaling.latency().or(self.case.limits.latency)
    }

    fn grow(&mut self, current: u32, wanted: u32) -> u32 {
        let now = self.now();
        self.notes.slack_since = None;
        let due = self.notes.crowded_since.get_or_insert(now).after(UP_AFTER);
        if now < due {
            self.look_at(due);
            return current;
        }
        self.notes.crowded_since = None;
        wanted
    }

    fn shrink(&mut self, current: u32) -> u32 {
        let now = self.now();
        self.notes.crowded_since = None;
        let due = self.notes.slack_since.get_or_insert(now).after(DOWN_AFTER);
        if now < due {
            self.look_at(due);
            return current;
        }
        // One at a time: the next one has a minute of its own.
        self.notes.slack_since = Some(now);
        current - 1
    }

    fn keep(&mut self, current: u32) -> u32 {
        self.notes.crowded_since = None;
        self.notes.slack_since = None;
        current
    }

    fn alarm_above(&self, target: u32) -> Alarm {
        let above = |each: u64| u64::from(target).saturating_mul(each).saturating_add(1);
        let alarm = match self.case.record.body.spec.scaling.pending_requests() {
            Some(requests) => Alarm { tokens: u64::MAX, requests: above(u64::from(requests)) },
            None => Alarm {
                tokens: above(self.case.limits.tokens_per_replica.max(1)),
                requests: u64::MAX,
            },
        };
        let begins = self.latency_limit().is_some() && self.case.load.requests() == 0;
        if begins { Alarm { requests: 1, ..alarm } } else { alarm }
    }
}
