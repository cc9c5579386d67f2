//! Trying again what may succeed later: exponential backoff with jitter.

use std::time::{Duration, Instant};

use crate::error::StoreError;

/// How a request that failed in passing is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, unless the store asks for a longer one.
    pub longest_pause: Duration,
    /// No try begins later than this after the first one.
    pub give_up_after: Duration,
}

impl Retry {
    /// What a server uses: long enough for a standby to be promoted.
    pub const fn patient() -> Self {
        Self {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            give_up_after: Duration::from_secs(60),
        }
    }

    /// Fails within a second.
    pub const fn for_tests() -> Self {
        Self {
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(50),
            give_up_after: Duration::from_millis(500),
        }
    }

    /// Runs something until it succeeds, fails for good, or the time is over.
    pub(super) async fn run<T, Attempt>(
        &self,
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<T, StoreError>
    where
        Attempt: Future<Output = Result<T, Failure>>,
    {
        let start = Instant::now();
        let mut pause = self.first_pause;
        loop {
            let failure = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let wait = failure.asked_pause.unwrap_or_else(|| jittered(pause));
            let is_over = start.elapsed() + wait > self.give_up_after;
            if failure.is_final || !failure.error.is_retryable() || is_over {
                return Err(failure.error);
            }
            tokio::time::sleep(wait).await;
            pause = (2 * pause).min(self.longest_pause);
        }
    }
}

/// Why one try failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// How long the store wants to be left alone.
    pub(super) asked_pause: Option<Duration>,
    /// The request may have been carried out, and twice would be wrong.
    pub(super) is_final: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, asked_pause: None, is_final: false }
    }
}

/// Half of a pause and a random part of the other half, so that clients that failed together do not
/// come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn busy() -> StoreError {
        StoreError::Refused { store: "test", status: 503, message: "busy".to_owned() }
    }

    async fn tries(retry: Retry, failures: usize, failure: impl Fn() -> Failure) -> (bool, usize) {
        let num_tries = Cell::new(0);
        let result = retry
            .run(async || {
                num_tries.set(num_tries.get() + 1);
                if num_tries.get() <= failures { Err(failure()) } else { Ok(()) }
            })
            .await;
        (result.is_ok(), num_tries.get())
    }

    #[tokio::test]
    async fn what_fails_in_passing_is_tried_until_it_succeeds() {
        assert_eq!(tries(Retry::for_tests(), 3, || busy().into()).await, (true, 4));
    }

    #[tokio::test]
    async fn what_fails_for_good_is_not_tried_again() {
        let refused = || StoreError::Refused { store: "test", status: 400, message: String::new() };
        assert_eq!(tries(Retry::for_tests(), 3, || refused().into()).await, (false, 1));
        let uncertain = || Failure { is_final: true, ..busy().into() };
        assert_eq!(tries(Retry::for_tests(), 3, uncertain).await, (false, 1));
    }

    #[tokio::test]
    async fn a_store_that_asks_for_more_time_than_there_is_is_given_up_at_once() {
        let long = || Failure { asked_pause: Some(Duration::from_secs(60)), ..busy().into() };
        assert_eq!(tries(Retry::for_tests(), 9, long).await, (false, 1));
    }

    #[tokio::test]
    async fn it_ends() {
        let retry = Retry { give_up_after: Duration::from_millis(40), ..Retry::for_tests() };
        let (is_ok, num_tries) = tries(retry, usize::MAX, || busy().into()).await;
        assert!(!is_ok && (2..=20).contains(&num_tries), "{num_tries}");
    }
}
