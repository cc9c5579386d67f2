//! What time it is, in the two ways that matter.
//!
//! A [`Moment`] only goes forward, so time-outs and meters count in moments; it means nothing after a
//! restart. A [`Timestamp`] is the time on the wall, which people read and which survives, but which may
//! jump: nothing subtracts two timestamps without expecting that.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A point in time since the clock began, which never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

/// Milliseconds since the beginning of 1970, by the clock on the wall.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// For time-outs and meters.
    pub moment: Moment,
    /// For people, and for what is stored.
    pub wall: Timestamp,
}

/// Tells the time. A fake lets tests make the wall clock jump.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

/// The clocks of the machine. Its moments follow tokio's clock, which tests may pause.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl Moment {
    /// Makes the moment that is `duration` after the clock began.
    pub const fn from_start(duration: Duration) -> Self {
        Self(duration)
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment that is `duration` later, or the last that there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// Returns the time since the clock began.
    pub fn from_beginning(self) -> Duration {
        self.0
    }
}

impl Timestamp {
    /// Makes a timestamp from milliseconds since 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the minutes since 1970.
    pub const fn minute(self) -> u64 {
        self.0 / 60_000
    }

    /// Returns the time since `earlier` by the wall, or zero if the clock went back meanwhile.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl SystemClock {
    /// Begins to count.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { moment: Moment(self.start.elapsed()), wall: Timestamp(millis) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Moment, Timestamp};

    #[test]
    fn no_difference_is_negative() {
        let early = Moment::from_start(Duration::from_secs(1));
        let late = early.after(Duration::from_secs(2));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
        assert_eq!(late.after(Duration::MAX), Moment::from_start(Duration::MAX));
    }
}
