//! Which of the waiting sequences go into the next forward pass. Pure.
//!
//! There is no padding, so a batch costs what its tokens cost and lengths need not match. What is
//! left to decide is fairness: requests take turns, one sequence each, so that a giant never stands
//! before a newcomer; a sequence that does not fit into what is left of the budget is passed over,
//! not waited for. The request whose turn is first always gets one in, so none starves.

use std::collections::VecDeque;

/// What one forward pass may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) max_tokens: usize,
    pub(crate) max_sequences: usize,
}

/// One request's waiting sequences, by their number of tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) priority: Priority,
    pub(crate) lengths: &'a VecDeque<usize>,
}

/// Serving goes before jobs; a job gets the room that serving leaves in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Serving,
    Job,
}

/// A sequence that was chosen: the request's place in the list, and its own place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) request: usize,
    pub(crate) position: usize,
}

/// How many sequences of one request are looked at beyond one that does not fit. Bounds the time
/// under the queue's lock where very many wait.
const LOOK_AHEAD: usize = 64;

/// Chooses a batch from requests in the order of their turns. The first sequence is taken whatever its
/// length; after it, only what fits.
pub(crate) fn plan(requests: &[Waiting<'_>], budget: Budget) -> Vec<Pick> {
    let mut picks = Vec::new();
    let mut room = budget.max_tokens;
    for priority in [Priority::Serving, Priority::Job] {
        let mut cursors: Vec<Cursor> = requests
            .iter()
            .enumerate()
            .filter(|(_, waiting)| waiting.priority == priority)
            .map(|(request, _)| Cursor { request, next: 0, passed_over: 0 })
            .collect();
        while !cursors.is_empty() && picks.len() < budget.max_sequences {
            cursors.retain_mut(|cursor| {
                if picks.len() >= budget.max_sequences {
                    return false;
                }
                let lengths = requests[cursor.request].lengths;
                let Some(position) = cursor.advance(lengths, room, picks.is_empty()) else {
                    return false;
                };
                room = room.saturating_sub(lengths[position]);
                picks.push(Pick { request: cursor.request, position });
                true
            });
        }
    }
    picks
}

struct Cursor {
    request: usize,
    next: usize,
    passed_over: usize,
}

impl Cursor {
    /// Finds this request's next sequence that fits, or the very first one of the batch.
    fn advance(&mut self, lengths: &VecDeque<usize>, room: usize, is_first: bool) -> Option<usize> {
        while self.passed_over < LOOK_AHEAD {
            let length = *lengths.get(self.next)?;
            self.next += 1;
            if length <= room || is_first {
                return Some(self.next - 1);
            }
            self.passed_over += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests;
