//! How many tokens a key may still send, as of a moment.

use std::time::Duration;

use crate::clock::Moment;

/// Units of [`TokenBucket::level`] to a token.
const UNIT: i128 = 60_000_000;

/// A bucket that fills at a rate and holds a minute's worth. Pure: the time is an argument.
///
/// A request larger than the bucket passes when the bucket is full and leaves it in debt, so that a
/// request of any size passes some time and the rate holds all the same.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    per_minute: u64,
    /// In tokens a minute times a microsecond, so that nothing is lost to rounding.
    level: i128,
    filled_at: Moment,
}

impl TokenBucket {
    /// Makes a full bucket.
    pub fn new(per_minute: u64, now: Moment) -> Self {
        Self { per_minute, level: i128::from(per_minute) * UNIT, filled_at: now }
    }

    /// Takes tokens out.
    ///
    /// # Errors
    ///
    /// The time after which the same call would succeed, if nothing else is taken meanwhile. Nothing
    /// was taken.
    pub fn take(&mut self, tokens: u64, now: Moment) -> Result<(), Duration> {
        self.fill(now);
        let needed = i128::from(tokens.min(self.per_minute)) * UNIT;
        if self.level < needed {
            let missing = (needed - self.level).unsigned_abs();
            let micros = missing.div_ceil(u128::from(self.per_minute.max(1)));
            return Err(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)));
        }
        self.level -= i128::from(tokens) * UNIT;
        Ok(())
    }

    fn fill(&mut self, now: Moment) {
        let elapsed = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        let rate = i128::from(self.per_minute);
        let filled = i128::from(elapsed).saturating_mul(rate).saturating_add(self.level);
        self.level = filled.min(rate * UNIT);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::TokenBucket;
    use crate::clock::Moment;

    fn at(millis: u64) -> Moment {
        Moment::from_start(Duration::from_millis(millis))
    }

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_the_rate() {
        let mut bucket = TokenBucket::new(600, at(0));
        assert_eq!(bucket.take(600, at(0)), Ok(()));
        assert_eq!(bucket.take(10, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(10, at(999)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(10, at(1_000)), Ok(()));
    }

    #[test]
    fn a_request_larger_than_the_bucket_passes_when_it_is_full_and_leaves_a_debt() {
        let mut bucket = TokenBucket::new(60, at(0));
        assert_eq!(bucket.take(180, at(0)), Ok(()));
        assert_eq!(bucket.take(1, at(0)), Err(Duration::from_secs(121)));
        assert_eq!(bucket.take(1, at(121_000)), Ok(()));
    }

    proptest! {
        // However requests come, what passes is at most the rate, one bucket and one request.
        #[test]
        fn what_passes_stays_within_the_rate(
            requests in proptest::collection::vec((0u64..5_000, 0u64..200), 1..200),
            rate in 1u64..1_000,
        ) {
            let mut bucket = TokenBucket::new(rate, at(0));
            let (mut now, mut passed) = (0, 0);
            for (pause, tokens) in requests {
                now += pause;
                if bucket.take(tokens, at(now)).is_ok() {
                    passed += tokens;
                }
            }
            prop_assert!(passed * 60_000 <= rate * now + (rate + 200) * 60_000);
        }

        // The time that is named is enough.
        #[test]
        fn the_named_time_is_enough(
            rate in 1u64..1_000_000,
            first in 0u64..9_999_999,
            tokens in 0u64..999,
        ) {
            let mut bucket = TokenBucket::new(rate, at(0));
            bucket.take(first, at(0)).ok();
            if let Err(wait) = bucket.take(tokens, at(0)) {
                prop_assert_eq!(bucket.take(tokens, at(0).after(wait)), Ok(()));
            }
        }
    }
}
