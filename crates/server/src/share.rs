//! One of several by their shares of the traffic.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

/// Returns the item at a place from 0 to 1 of all shares, laid one after another; none if no share is over 0.
pub(crate) fn at<T>(items: &[T], share: impl Fn(&T) -> f64, place: f64) -> Option<&T> {
    let mut rest = place * items.iter().map(&share).sum::<f64>();
    let mut with_share = items.iter().filter(|item| share(item) > 0.0);
    let found = with_share.find(|item| {
        rest -= share(item);
        rest < 0.0
    });
    // Sums of floats may end a little before 1 does.
    found.or_else(|| items.iter().rfind(|item| share(item) > 0.0))
}

/// Returns a number from 0 to below 1.
pub(crate) fn chance() -> f64 {
    // Each state has keys of its own.
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_one_after_another_and_a_share_of_zero_gets_nothing() {
        let shares = [1.0, 0.0, 3.0];
        for (place, index) in [(0.0, 0), (0.24, 0), (0.25, 2), (0.999, 2), (1.0, 2)] {
            let found = at(&[0, 1, 2], |index| shares[*index], place);
            assert_eq!(found, Some(&index), "{place}");
        }
        assert_eq!(at(&[0.0, 0.0], |share| *share, 0.5), None);
    }

    #[test]
    fn chance_keeps_to_the_shares() {
        let num = (0..4_000).filter(|_| at(&[1.0, 3.0], |share| *share, chance()) == Some(&1.0));
        let num = num.count();
        assert!((800..1_200).contains(&num), "{num} of 4000 instead of 1000");
    }
}
