//! What replicas wrote, and the replicas.

use endpoints::{LogLine, Phase, Replica};
use wire::huggingface_endpoints as wire;

use crate::error::HttpError;
use crate::query_string::Parameters;

/// How many lines there are if the client does not say.
const DEFAULT_TAIL: usize = 1_000;
/// The most lines that are looked through for those of one replica.
const MAX_LINES: usize = 10_000;

/// Reads the query string of logs.
///
/// # Errors
///
/// If a value cannot be read.
pub(crate) fn logs_query(parameters: &Parameters) -> Result<wire::LogsQuery, HttpError> {
    let number = |name: &'static str| match parameters.get(name) {
        Some(_) => parameters.count(name, 0).map(Some),
        None => Ok(None),
    };
    Ok(wire::LogsQuery {
        replica: parameters.get("replica").map(str::to_owned),
        follow: parameters.switch("follow")?,
        tail: number("tail")?,
        line_max_length: number("line_max_length")?,
    })
}

/// Returns how many lines to ask for, so that those that are wanted are among them.
pub(crate) fn lines_to_read(query: &wire::LogsQuery) -> usize {
    match &query.replica {
        Some(_) => MAX_LINES,
        None => tail(query).min(MAX_LINES),
    }
}

/// Shows the last lines that were asked for.
pub(crate) fn logs(name: &str, lines: Vec<LogLine>, query: &wire::LogsQuery) -> wire::LogList {
    let entry = |line: LogLine| wire::LogEntry {
        timestamp: None,
        replica_id: id(name, line.generation.0, line.ordinal),
        line: cut(line.text, query.line_max_length),
        stream: "stderr".to_owned(),
        level: None,
    };
    let of_replica = |entry: &wire::LogEntry| {
        query.replica.as_ref().is_none_or(|replica| *replica == entry.replica_id)
    };
    let mut items: Vec<wire::LogEntry> = lines.into_iter().map(entry).filter(of_replica).collect();
    let surplus = items.len().saturating_sub(tail(query));
    items.drain(..surplus);
    wire::LogList { items }
}

fn tail(query: &wire::LogsQuery) -> usize {
    query.tail.unwrap_or(DEFAULT_TAIL)
}

fn cut(mut text: String, max_length: Option<usize>) -> String {
    let end = max_length.and_then(|most| text.char_indices().nth(most)).map(|(at, _)| at);
    text.truncate(end.unwrap_or(text.len()));
    text
}

/// Lists replicas.
pub(crate) fn replicas(name: &str, replicas: &[Replica]) -> wire::ReplicaList {
    let replica = |replica: &Replica| wire::Replica {
        id: id(name, replica.key.generation.0, replica.key.ordinal),
        status: wire::ReplicaStatus {
            stage: stage(&replica.phase).to_owned(),
            live: replica.is_ready(),
        },
    };
    wire::ReplicaList { items: replicas.iter().map(replica).collect() }
}

fn id(name: &str, generation: u64, ordinal: u32) -> String {
    format!("{name}-{generation}-{ordinal}")
}

fn stage(phase: &Phase) -> &'static str {
    match phase {
        Phase::Starting { .. } => "starting",
        Phase::Ready => "running",
        Phase::Unhealthy { .. } => "unhealthy",
        Phase::Stopping => "stopping",
        Phase::Exited(_) => "exited",
    }
}
