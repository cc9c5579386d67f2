//! Money, in whole millionths of a dollar: what an hour of a replica costs, and what a spec would.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spec::{Labels, Spec};

const MILLIONTHS: u64 = 1_000_000;
const SECONDS_OF_HOUR: u128 = 3_600;
const MINUTES_OF_HOUR: u64 = 60;

/// An amount of money in millionths of a dollar. Never negative, and never a float: sums are exact.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Amount(u64);

/// What an hour of one replica costs, by instance type. The caller fills it in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceTable {
    by_type: BTreeMap<String, Amount>,
    otherwise: Amount,
}

/// What an endpoint would cost over a time: from its fewest replicas to its most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// An hour of one replica.
    pub replica_hour: Amount,
    /// With `min_replica` up all the time. An endpoint that sleeps costs nothing, so this may be zero.
    pub least: Amount,
    /// With `max_replica` up all the time.
    pub most: Amount,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Makes an amount from millionths of a dollar.
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// Makes an amount from whole cents.
    pub const fn from_cents(cents: u64) -> Self {
        Self(cents.saturating_mul(MILLIONTHS / 100))
    }

    /// Returns the millionths of a dollar.
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// Returns this price of an hour for so many minutes, rounded to the nearest millionth.
    #[must_use]
    pub fn for_minutes(self, minutes: u64) -> Self {
        let exact = u128::from(self.0) * u128::from(minutes);
        Self::rounded(exact, u128::from(MINUTES_OF_HOUR))
    }

    fn rounded(product: u128, divisor: u128) -> Self {
        Self(u64::try_from((product + divisor / 2) / divisor).unwrap_or(u64::MAX))
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    /// Writes dollars and cents, and as many further digits as it takes to be exact.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / MILLIONTHS, self.0 % MILLIONTHS);
        let digits = format!("{rest:06}");
        let beyond_cents = digits[2..].trim_end_matches('0');
        write!(formatter, "${dollars}.{}{beyond_cents}", &digits[..2])
    }
}

impl PriceTable {
    /// Makes a table. A type that it does not list costs `otherwise` an hour.
    ///
    /// A row is `instance type` or, where the size decides, `instance type/instance size`.
    pub fn new(by_type: BTreeMap<String, Amount>, otherwise: Amount) -> Self {
        Self { by_type, otherwise }
    }

    /// Returns the rows by name: `instance type`, or `instance type/instance size`.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.by_type.iter().map(|(row, hour)| (row.as_str(), *hour))
    }

    /// Returns what an hour costs of a type that has no row.
    pub fn otherwise(&self) -> Amount {
        self.otherwise
    }

    /// Returns what an hour of one replica costs: the row of type and size before that of the type.
    pub fn hour(&self, labels: &Labels) -> Amount {
        let sized = format!("{}/{}", labels.instance_type, labels.instance_size);
        let row = self.by_type.get(&sized).or_else(|| self.by_type.get(&labels.instance_type));
        row.copied().unwrap_or(self.otherwise)
    }

    /// Returns what a spec would cost if it lived for `duration`.
    pub fn estimate(&self, spec: &Spec, duration: Duration) -> Estimate {
        let replica_hour = self.hour(&spec.labels);
        let of = |replicas: u32| {
            let seconds = u128::from(duration.as_secs()) * u128::from(replicas);
            Amount::rounded(u128::from(replica_hour.0).saturating_mul(seconds), SECONDS_OF_HOUR)
        };
        Estimate { replica_hour, least: of(spec.scaling.min()), most: of(spec.scaling.max()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Amount, PriceTable};
    use crate::spec::{Labels, Scaling, Spec};

    #[test]
    fn amounts_show_cents_and_what_is_beyond_them() {
        let rows = [(0, "$0.00"), (40_000, "$0.04"), (1_300_000, "$1.30"), (21_667, "$0.021667")];
        for (millionths, shown) in rows {
            assert_eq!(Amount::from_millionths(millionths).to_string(), shown);
        }
    }

    #[test]
    fn sixty_minutes_cost_an_hour() {
        let hour = Amount::from_cents(130);
        assert_eq!(hour.for_minutes(60), hour);
        assert_eq!(hour.for_minutes(2), Amount::from_millionths(43_333));
        assert_eq!(Amount::from_millionths(u64::MAX).for_minutes(u64::MAX).millionths(), u64::MAX);
    }

    #[test]
    fn a_row_with_a_size_goes_before_one_without() {
        let rows = [("t4", 50), ("t4/x4", 300)];
        let rows = rows.map(|(row, cents)| (row.to_owned(), Amount::from_cents(cents)));
        let table = PriceTable::new(BTreeMap::from(rows), Amount::ZERO);
        let hour = |instance_type: &str, size: &str| {
            table.hour(&Labels {
                instance_type: instance_type.to_owned(),
                instance_size: size.to_owned(),
                ..Labels::default()
            })
        };
        assert_eq!(hour("t4", "x4"), Amount::from_cents(300));
        assert_eq!(hour("t4", "x1"), Amount::from_cents(50));
        assert_eq!(hour("local", "x1"), Amount::ZERO);
    }

    #[test]
    fn an_estimate_goes_from_the_fewest_replicas_to_the_most() {
        let mut spec = Spec::for_tests("a/b");
        spec.scaling = Scaling::new(1, 3, None).unwrap();
        let table = PriceTable::new(BTreeMap::new(), Amount::from_cents(60));
        let estimate = table.estimate(&spec, Duration::from_secs(90 * 60));
        assert_eq!(
            (estimate.least, estimate.most),
            (Amount::from_cents(90), Amount::from_cents(270))
        );
    }
}
