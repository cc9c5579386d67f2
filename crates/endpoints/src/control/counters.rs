//! What clients ask of an endpoint now, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;
use crate::planner::{Alarm, Load};

/// What an answer says of how long answers take holds for so long.
const RECENT: Duration = Duration::from_secs(10);

/// What clients ask of an endpoint now. Read and written for each request, so without a lock.
pub(super) struct Counters {
    outstanding_tokens: AtomicU64,
    outstanding_requests: AtomicU64,
    held_requests: AtomicU64,
    /// In microseconds; an average in which newer answers weigh more.
    latency: AtomicU64,
    /// When the last answer came, as `last_used`.
    latency_at: AtomicU64,
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
            latency_at: AtomicU64::new(0),
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
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let requests = get(&self.outstanding_requests).saturating_add(get(&self.held_requests));
        let is_loud = |alarm: &AtomicU64, value: u64| {
            value >= alarm.load(Ordering::Relaxed)
                && alarm.swap(u64::MAX, Ordering::Relaxed) != u64::MAX
        };
        let by_tokens = is_loud(&self.alarm_tokens, get(&self.outstanding_tokens));
        let by_requests = is_loud(&self.alarm_requests, requests);
        by_tokens || by_requests
    }

    pub(super) fn load(&self, now: Moment) -> Load {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let answered = get(&self.latency_at).checked_sub(1).map(Duration::from_micros);
        let answered = answered.map(Moment::from_start);
        let is_recent = answered.is_some_and(|at| now.since(at) < RECENT);
        Load {
            outstanding_tokens: get(&self.outstanding_tokens),
            outstanding_requests: get(&self.outstanding_requests),
            held_requests: get(&self.held_requests),
            latency: is_recent.then(|| Duration::from_micros(get(&self.latency))),
            last_used: self.last_used(),
        }
    }

    /// Returns when a request last came or ended.
    pub(super) fn last_used(&self) -> Option<Moment> {
        let used = self.last_used.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Moment::from_start(Duration::from_micros(used)))
    }

    fn touch(&self, now: Moment) {
        self.last_used.fetch_max(stamp(now), Ordering::Relaxed);
    }

    /// Takes note of how long an answer took that began now.
    pub(super) fn note_latency(&self, latency: Duration, now: Moment) {
        let new = micros(latency);
        let mixed = match self.load(now).latency {
            Some(old) => micros(old) / 8 * 7 + new / 8,
            None => new,
        };
        // Two at once may lose one of them, which an average survives.
        self.latency.store(mixed, Ordering::Relaxed);
        self.latency_at.store(stamp(now), Ordering::Relaxed);
    }
}

/// Writes a moment so that 0 means none.
fn stamp(moment: Moment) -> u64 {
    micros(moment.from_beginning()).saturating_add(1)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latency_is_that_of_recent_answers_and_the_newer_weigh_more() {
        let at = |seconds| Moment::from_start(Duration::from_secs(seconds));
        let counters = Counters::default();
        assert_eq!(counters.load(at(0)).latency, None);
        counters.note_latency(Duration::from_millis(80), at(0));
        assert_eq!(counters.load(at(9)).latency, Some(Duration::from_millis(80)));
        counters.note_latency(Duration::from_millis(160), at(9));
        assert_eq!(counters.load(at(9)).latency, Some(Duration::from_millis(90)));
        assert_eq!(counters.load(at(19)).latency, None, "an old answer says nothing about now");
        counters.note_latency(Duration::from_millis(8), at(30));
        assert_eq!(counters.load(at(30)).latency, Some(Duration::from_millis(8)));
    }
}
