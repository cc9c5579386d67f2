//! Who used what: requests and tokens by key, and minutes that replicas were up.
//!
//! A replica is up from when it is first ready until it is stopped or ends. A minute begun counts
//! whole. A replica that takes the place of one that died within a minute that is paid for already
//! does not pay for that minute again. Minutes are counted by the clock that never jumps; the clock on
//! the wall only says under which minute they are written.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{Moment, Timestamp};
use crate::keys::KeyId;
use crate::price::Amount;
use crate::replica::ReplicaKey;

const MINUTE: Duration = Duration::from_secs(60);

/// What one key asked of one endpoint in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Whose requests; `None` without a key.
    pub key: Option<KeyId>,
    /// The beginning of the minute.
    pub minute: Timestamp,
    /// How many requests ended.
    pub requests: u64,
    /// How many tokens they had.
    pub tokens: u64,
}

/// What an endpoint used over a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotal {
    /// How many requests ended.
    pub requests: u64,
    /// How many tokens they had.
    pub tokens: u64,
    /// Minutes begun, over all replicas.
    pub replica_minutes: u64,
    /// What they cost, at the price of the time.
    pub cost: Amount,
}

/// Counts the minutes that replicas are up.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    paid_until: BTreeMap<ReplicaKey, Moment>,
}

impl Meter {
    /// Returns the minutes that began since the last call, by replica, given which are up now.
    ///
    /// A replica that was up at the last call and is up now counts as up in between.
    pub fn observe(&mut self, up: &[ReplicaKey], now: Moment) -> Vec<(ReplicaKey, u64)> {
        let mut begun = Vec::new();
        for key in up {
            let paid_until = self.paid_until.get(key).copied();
            let from = paid_until.unwrap_or(now);
            if from > now {
                continue;
            }
            let minutes = now.since(from).as_secs() / MINUTE.as_secs() + 1;
            let paid = MINUTE.saturating_mul(u32::try_from(minutes).unwrap_or(u32::MAX));
            self.paid_until.insert(*key, from.after(paid));
            begun.push((*key, minutes));
        }
        // What is down and has used up its minute is forgotten: it pays from when it comes again.
        self.paid_until.retain(|key, until| up.contains(key) || *until > now);
        begun
    }

    /// Returns when the next minute of a replica that is up begins.
    pub fn next_due(&self, up: &[ReplicaKey]) -> Option<Moment> {
        up.iter().filter_map(|key| self.paid_until.get(key)).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Meter;
    use crate::clock::Moment;
    use crate::replica::{EndpointId, Generation, ReplicaKey};

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn key(ordinal: u32) -> ReplicaKey {
        ReplicaKey { endpoint: EndpointId(1), generation: Generation(1), ordinal }
    }

    fn total(meter: &mut Meter, up: &[ReplicaKey], seconds: u64) -> u64 {
        meter.observe(up, at(seconds)).iter().map(|(_, minutes)| minutes).sum()
    }

    #[test]
    fn a_minute_begun_counts_once() {
        let mut meter = Meter::default();
        let up = [key(0)];
        let rows = [(5, 1), (6, 0), (64, 0), (65, 1), (124, 0), (125, 1)];
        for (second, minutes) in rows {
            assert_eq!(total(&mut meter, &up, second), minutes, "at {second} s");
        }
        assert_eq!(meter.next_due(&up), Some(at(185)));
    }

    #[test]
    fn a_late_look_counts_every_minute_between() {
        let mut meter = Meter::default();
        assert_eq!(total(&mut meter, &[key(0), key(1)], 0), 2);
        assert_eq!(total(&mut meter, &[key(0), key(1)], 600), 20);
    }

    #[test]
    fn a_replica_that_comes_again_pays_no_minute_twice_and_none_of_the_gap() {
        let mut meter = Meter::default();
        assert_eq!(total(&mut meter, &[key(0)], 0), 1);
        assert_eq!(total(&mut meter, &[], 10), 0);
        assert_eq!(total(&mut meter, &[key(0)], 20), 0, "the minute is paid for");
        assert_eq!(total(&mut meter, &[], 30), 0);
        assert_eq!(total(&mut meter, &[], 500), 0);
        assert_eq!(total(&mut meter, &[key(0)], 9_000), 1, "the gap is free");
    }
}
