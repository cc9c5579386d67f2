//! The last lines that replicas wrote, by endpoint: what explains a replica outlives it.

use std::collections::{BTreeMap, VecDeque};

use endpoints::{EndpointId, LaunchId, LogLine, ReplicaKey};

/// Lines that are kept of one endpoint.
const MAX_LINES: usize = 200;
/// Endpoints of which lines are kept. The one that wrote longest ago goes first.
const MAX_ENDPOINTS: usize = 256;
/// Lines that explain an end.
const TAIL: usize = 10;
/// Bytes that are kept of a line.
pub(super) const MAX_LINE_BYTES: usize = 1024;

/// The last lines of all endpoints.
#[derive(Debug, Default)]
pub(super) struct LogBook {
    by_endpoint: BTreeMap<EndpointId, Lines>,
    num_written: u64,
}

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<(LaunchId, LogLine)>,
    /// Which line of all was the last of these.
    written: u64,
}

impl LogBook {
    /// Adds a line of a replica.
    pub(super) fn push(&mut self, key: ReplicaKey, launch: LaunchId, text: String) {
        self.num_written += 1;
        let of_endpoint = self.by_endpoint.entry(key.endpoint).or_default();
        of_endpoint.written = self.num_written;
        if of_endpoint.lines.len() == MAX_LINES {
            of_endpoint.lines.pop_front();
        }
        let line = LogLine { generation: key.generation, ordinal: key.ordinal, text };
        of_endpoint.lines.push_back((launch, line));
        if self.by_endpoint.len() > MAX_ENDPOINTS {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.by_endpoint.iter().min_by_key(|(_, lines)| lines.written);
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.by_endpoint.remove(&id);
        }
    }

    /// Returns the last lines of an endpoint, oldest first.
    pub(super) fn of_endpoint(&self, endpoint: EndpointId, limit: usize) -> Vec<LogLine> {
        let Some(Lines { lines, .. }) = self.by_endpoint.get(&endpoint) else {
            return Vec::new();
        };
        let skipped = lines.len().saturating_sub(limit);
        lines.iter().skip(skipped).map(|(_, line)| line.clone()).collect()
    }

    /// Returns the last lines of one launch, oldest first.
    pub(super) fn tail(&self, endpoint: EndpointId, launch: LaunchId) -> Vec<String> {
        let mut tail: Vec<String> =
            self.newest(endpoint, launch).take(TAIL).map(str::to_owned).collect();
        tail.reverse();
        tail
    }

    /// Returns the last line of one launch.
    pub(super) fn last(&self, endpoint: EndpointId, launch: LaunchId) -> Option<&str> {
        self.newest(endpoint, launch).next()
    }

    fn newest(&self, endpoint: EndpointId, launch: LaunchId) -> impl Iterator<Item = &str> {
        let lines =
            self.by_endpoint.get(&endpoint).into_iter().flat_map(|lines| lines.lines.iter());
        let of_launch = lines.rev().filter(move |(by, _)| *by == launch);
        of_launch.map(|(_, line)| line.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use endpoints::Generation;

    use super::*;

    fn push(book: &mut LogBook, endpoint: i64, launch: u64, text: &str) {
        let endpoint = EndpointId(endpoint);
        let key = ReplicaKey { endpoint, generation: Generation::FIRST, ordinal: 0 };
        book.push(key, LaunchId(launch), text.to_owned());
    }

    fn texts(book: &LogBook, endpoint: i64, limit: usize) -> Vec<String> {
        let lines = book.of_endpoint(EndpointId(endpoint), limit);
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn the_newest_lines_stay_in_order() {
        let mut book = LogBook::default();
        for number in 0..MAX_LINES + 7 {
            push(&mut book, 1, 1, &number.to_string());
        }
        assert_eq!(texts(&book, 1, 2), ["205", "206"]);
        let all = texts(&book, 1, usize::MAX);
        assert_eq!((all.len(), all[0].as_str()), (MAX_LINES, "7"));
        assert_eq!(texts(&book, 2, 5), Vec::<String>::new());
    }

    #[test]
    fn a_tail_has_the_lines_of_one_launch() {
        let mut book = LogBook::default();
        for number in 0..15 {
            push(&mut book, 1, 1, &format!("old {number}"));
        }
        push(&mut book, 1, 2, "new");
        let (endpoint, old, new) = (EndpointId(1), LaunchId(1), LaunchId(2));
        assert_eq!(book.tail(endpoint, new), ["new"]);
        assert_eq!(book.tail(endpoint, old).first().map(String::as_str), Some("old 5"));
        assert_eq!(book.last(endpoint, old), Some("old 14"));
        assert_eq!(book.last(EndpointId(2), old), None);
    }

    #[test]
    fn many_endpoints_do_not_fill_the_memory() {
        let mut book = LogBook::default();
        for endpoint in 0..1000 {
            push(&mut book, endpoint, 1, "a line");
            push(&mut book, 0, 1, "still alive");
        }
        assert_eq!(book.by_endpoint.len(), MAX_ENDPOINTS);
        assert!(!texts(&book, 0, 1).is_empty() && texts(&book, 1, 1).is_empty());
    }
}
