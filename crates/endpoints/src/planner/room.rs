//! Whether another replica fits into memory, and who would have to make room.

use std::time::Duration;

use crate::clock::Moment;
use crate::replica::EndpointId;

/// What the machine has left for one endpoint, as of now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// What all replicas together may take; `None` if that is not bounded.
    pub budget_bytes: Option<u64>,
    /// What the replicas take that exist, those that stop included.
    pub used_bytes: u64,
    /// The part of it that comes free by itself: what stops.
    pub releasing_bytes: u64,
    /// The other endpoints that could be unloaded: ready, and asked nothing at the moment.
    pub unloadable: Vec<Unloadable>,
}

/// Another endpoint that could be unloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unloadable {
    /// Which one.
    pub endpoint: EndpointId,
    /// What that would free.
    pub bytes: u64,
    /// Whether its spec lets it sleep.
    pub needs: Needs,
    /// When it was last used, or ready first.
    pub last_used: Moment,
}

/// How much an endpoint minds being unloaded. The order is that in which they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Its minimum is zero replicas.
    Nothing,
    /// Its minimum is above zero; it wakes at the next request all the same.
    Replicas,
}

/// How often to look again for memory that came free without a word.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether another replica fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    /// It will, once these are unloaded.
    Unload(Vec<EndpointId>),
    /// It may, later.
    Wait(String),
    /// It does not fit into an empty machine.
    Never(String),
}

impl Room {
    /// Decides whether a replica that takes `needs` fits beside what is used and `reserved`.
    ///
    /// A replica whose size nobody knows fits: refusing it would be worse than finding out.
    pub(super) fn fit(&self, needs: Option<u64>, reserved: u64) -> Fit {
        let (Some(budget), Some(needs)) = (self.budget_bytes, needs) else {
            return Fit::Fits;
        };
        if needs > budget {
            return Fit::Never(format!(
                "a replica takes {}, and the memory budget is {}",
                shown(needs),
                shown(budget)
            ));
        }
        let wanted = self.used_bytes.saturating_add(reserved).saturating_add(needs);
        let missing = wanted.saturating_sub(budget);
        if missing == 0 {
            return Fit::Fits;
        }
        if missing <= self.releasing_bytes {
            return Fit::Wait("waits for replicas that are stopping to free memory".to_owned());
        }
        match self.unload(missing - self.releasing_bytes) {
            Some(endpoints) => Fit::Unload(endpoints),
            None => Fit::Wait(format!(
                "waits for {} of memory: {} of {} are taken by endpoints that are in use",
                shown(needs),
                shown(self.used_bytes.saturating_add(reserved)),
                shown(budget)
            )),
        }
    }

    /// Returns the endpoints to unload for so many bytes, the least recently used first.
    fn unload(&self, bytes: u64) -> Option<Vec<EndpointId>> {
        let mut others = self.unloadable.clone();
        others.sort_by_key(|other| (other.needs, other.last_used, other.endpoint));
        let (mut freed, mut chosen) = (0u64, Vec::new());
        for other in others {
            if freed >= bytes {
                break;
            }
            freed = freed.saturating_add(other.bytes);
            chosen.push(other.endpoint);
        }
        (freed >= bytes).then_some(chosen)
    }
}

/// Writes bytes for a person.
pub(crate) fn shown(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        0..MIB => format!("{bytes} bytes"),
        MIB..=0x3fff_ffff => format!("{} MiB", bytes / MIB),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fit, Needs, Room, Unloadable, shown};
    use crate::clock::Moment;
    use crate::replica::EndpointId;

    fn other(endpoint: i64, bytes: u64, used: u64, needs: Needs) -> Unloadable {
        let last_used = Moment::from_start(Duration::from_secs(used));
        Unloadable { endpoint: EndpointId(endpoint), bytes, needs, last_used }
    }

    fn room(used_bytes: u64, releasing_bytes: u64, unloadable: Vec<Unloadable>) -> Room {
        Room { budget_bytes: Some(100), used_bytes, releasing_bytes, unloadable }
    }

    #[test]
    fn a_replica_fits_up_to_the_budget_and_one_of_unknown_size_always() {
        assert_eq!(room(60, 0, vec![]).fit(Some(40), 0), Fit::Fits);
        assert!(matches!(room(60, 0, vec![]).fit(Some(41), 0), Fit::Wait(_)));
        assert!(matches!(room(60, 0, vec![]).fit(Some(40), 1), Fit::Wait(_)));
        assert!(matches!(room(0, 0, vec![]).fit(Some(101), 0), Fit::Never(_)));
        assert_eq!(room(100, 0, vec![]).fit(None, 0), Fit::Fits);
        assert_eq!(Room::default().fit(Some(u64::MAX), 0), Fit::Fits);
    }

    #[test]
    fn the_least_recently_used_goes_first_and_no_more_than_needed() {
        let others = vec![
            other(1, 30, 9, Needs::Nothing),
            other(2, 30, 5, Needs::Nothing),
            other(3, 30, 1, Needs::Replicas),
        ];
        let unloaded = |needs| match room(95, 0, others.clone()).fit(Some(needs), 0) {
            Fit::Unload(endpoints) => endpoints.iter().map(|id| id.0).collect(),
            Fit::Fits | Fit::Wait(_) | Fit::Never(_) => Vec::new(),
        };
        assert_eq!(unloaded(20), [2]);
        assert_eq!(unloaded(50), [2, 1]);
        assert_eq!(unloaded(80), [2, 1, 3]);
        assert_eq!(unloaded(100), Vec::<i64>::new(), "all of them would not be enough");
    }

    #[test]
    fn what_stops_already_is_waited_for_before_anybody_is_unloaded() {
        let others = vec![other(1, 50, 0, Needs::Nothing)];
        assert!(matches!(room(100, 50, others.clone()).fit(Some(40), 0), Fit::Wait(_)));
        assert!(matches!(room(100, 50, others).fit(Some(60), 0), Fit::Unload(_)));
    }

    #[test]
    fn bytes_are_shown_for_people() {
        assert_eq!(shown(5), "5 bytes");
        assert_eq!(shown(90 << 20), "90 MiB");
        assert_eq!(shown((5 << 30) + (1 << 29)), "5.5 GiB");
    }
}
