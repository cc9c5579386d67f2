//! Batches as tables, and what holds for all of them.

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Plans one batch for requests of the given lengths. The one place that knows the API.
#[track_caller]
fn check(max_tokens: usize, requests: &[(Priority, &[usize])], expected: Expect) {
    let lengths: Vec<VecDeque<usize>> =
        requests.iter().map(|(_, lengths)| lengths.iter().copied().collect()).collect();
    let waiting: Vec<Waiting<'_>> = requests
        .iter()
        .zip(&lengths)
        .map(|((priority, _), lengths)| Waiting { priority: *priority, lengths })
        .collect();
    let picks = plan(&waiting, Budget { max_tokens, max_sequences: usize::MAX });
    let names = ["a", "b", "c", "d"];
    let shown: Vec<String> = picks
        .iter()
        .map(|pick| {
            let length = lengths[pick.request][pick.position];
            format!("{}{}:{length}", names[pick.request], pick.position)
        })
        .collect();
    expected.assert_eq(&shown.join(" "));
}

use Priority::{Job, Serving};

#[test]
fn one_request_goes_in_its_own_order() {
    check(10, &[(Serving, &[4, 5, 3])], expect!["a0:4 a1:5"]);
}

#[test]
fn requests_take_turns() {
    check(9, &[(Serving, &[2, 2, 2, 2]), (Serving, &[1, 1])], expect!["a0:2 b0:1 a1:2 b1:1 a2:2"]);
}

#[test]
fn an_input_over_the_budget_runs_alone() {
    check(8, &[(Serving, &[12, 4])], expect!["a0:12"]);
}

#[test]
fn what_does_not_fit_is_passed_over_not_waited_for() {
    check(8, &[(Serving, &[3, 12, 4]), (Serving, &[9])], expect!["a0:3 a2:4"]);
}

#[test]
fn jobs_get_the_room_that_serving_leaves() {
    check(10, &[(Job, &[3, 3, 3]), (Serving, &[4])], expect!["b0:4 a0:3 a1:3"]);
}

#[test]
fn nothing_waits_and_nothing_is_planned() {
    check(10, &[(Serving, &[])], expect![""]);
}

proptest! {
    #[test]
    fn keeps_the_budget_and_never_starves_the_first(
        requests in vec((any::<bool>(), vec(1usize..600, 0..40)), 1..6),
        max_tokens in 1usize..2048,
        max_sequences in 1usize..50,
    ) {
        let lengths: Vec<VecDeque<usize>> =
            requests.iter().map(|(_, lengths)| lengths.iter().copied().collect()).collect();
        let waiting: Vec<Waiting<'_>> = requests
            .iter()
            .zip(&lengths)
            .map(|((job, _), lengths)| Waiting {
                priority: if *job { Job } else { Serving },
                lengths,
            })
            .collect();
        let picks = plan(&waiting, Budget { max_tokens, max_sequences });
        let tokens: usize = picks.iter().map(|pick| lengths[pick.request][pick.position]).sum();
        prop_assert!(tokens <= max_tokens || picks.len() == 1);
        prop_assert!(picks.len() <= max_sequences);
        let mut distinct: Vec<(usize, usize)> =
            picks.iter().map(|pick| (pick.request, pick.position)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), picks.len());
        let by_priority = |priority| {
            waiting.iter().position(|w| w.priority == priority && !w.lengths.is_empty())
        };
        if let Some(first) = by_priority(Serving).or(by_priority(Job)) {
            prop_assert_eq!(picks[0], Pick { request: first, position: 0 });
        }
    }
}
