//! What clients ask of an endpoint now, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;
use crate::planner::{Alarm, Load};

/// What clients ask of an endpoint now. Read and written for each request, so without a lock.
pub(super) struct Counters {
    outstanding_tokens: AtomicU64,
    outstanding_requests: AtomicU64,
    held_requests: AtomicU64,
    /// In microseconds; an average in which newer answers weigh more.
    latency: AtomicU64,
    /// In microseconds since the clock began, plus one; 0 if it never was used.
    last_used: AtomicU64,
    alarm_tokens: AtomicU64,
    alarm_requests: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            outstanding_tokens: AtomicU64::new(0),
            outstanding_requests: AtomicU64::new(0),
            held_requests: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            last_used: AtomicU64::new(0),
            alarm_tokens: AtomicU64::new(u64::MAX),
            alarm_requests: AtomicU64::new(u64::MAX),
        }
    }
}

impl Counters {
    pub(super) fn begin(&self, tokens: u64, now: Moment) {
        self.outstanding_tokens.fetch_add(tokens, Ordering::Relaxed);
        self.outstanding_requests.fetch_add(1, Ordering::Relaxed);
        self.touch(now);
    }

    pub(super) fn end(&self, tokens: u64, now: Moment) {
        self.outstanding_tokens.fetch_sub(tokens, Ordering::Relaxed);
        self.outstanding_requests.fetch_sub(1, Ordering::Relaxed);
        self.touch(now);
    }

    pub(super) fn hold(&self, now: Moment) {
        self.held_requests.fetch_add(1, Ordering::Relaxed);
        self.touch(now);
    }

    pub(super) fn release(&self) {
        self.held_requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn set_alarm(&self, alarm: Alarm) {
        self.alarm_tokens.store(alarm.tokens, Ordering::Relaxed);
        self.alarm_requests.store(alarm.requests, Ordering::Relaxed);
    }

    /// Returns whether there is as much load as the alarm was set to. Says so once: the next plan sets
    /// it anew.
    pub(super) fn is_alarming(&self) -> bool {
        let load = self.load();
        let is_loud = |alarm: &AtomicU64, value: u64| {
            value >= alarm.load(Ordering::Relaxed)
                && alarm.swap(u64::MAX, Ordering::Relaxed) != u64::MAX
        };
        let by_tokens = is_loud(&self.alarm_tokens, load.outstanding_tokens);
        let by_requests = is_loud(&self.alarm_requests, load.requests());
        by_tokens || by_requests
    }

    pub(super) fn load(&self) -> Load {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let outstanding_requests = get(&self.outstanding_requests);
        // An answer of an hour ago says nothing about now.
        let is_used = outstanding_requests > 0 && get(&self.latency) > 0;
        let last_used = get(&self.last_used).checked_sub(1).map(Duration::from_micros);
        Load {
            outstanding_tokens: get(&self.outstanding_tokens),
            outstanding_requests,
            held_requests: get(&self.held_requests),
            latency: is_used.then(|| Duration::from_micros(get(&self.latency))),
            last_used: last_used.map(Moment::from_start),
        }
    }

    fn touch(&self, now: Moment) {
        self.last_used.fetch_max(micros(now.from_beginning()).saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn note_latency(&self, latency: Duration) {
        let new = micros(latency).max(1);
        let old = self.latency.load(Ordering::Relaxed);
        let mixed = if old == 0 { new } else { old - old / 8 + new / 8 };
        // Two at once may lose one of them, which an average survives.
        self.latency.store(mixed.max(1), Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
