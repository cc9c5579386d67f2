//! How a search found its records, for people and for programs.

use std::time::Duration;

use index::{Explain, Match, Stage, StageScore};
use serde::Serialize;

use crate::format;

/// Returns a line for each part of a fused search: what it gave to one record.
pub(super) fn parts(found: &Match) -> Vec<String> {
    let line = |part: &StageScore| {
        format!("        by {}: rank {}, score {:.4}", what(part.stage), part.rank, part.score)
    };
    found.stages.iter().map(line).collect()
}

fn what(stage: &str) -> &str {
    match stage {
        "dense" => "meaning",
        "sparse" => "words",
        other => other,
    }
}

/// Returns a table of the steps. `took` is what the search took in all, as its caller sees it.
pub(super) fn stages(explain: &Explain, took: Duration) -> String {
    let mut rows = vec![["STEP", "LOOKED AT", "RESULT", "TIME"].map(str::to_owned)];
    for stage in &explain.stages {
        rows.push([
            stage.name.to_owned(),
            format::plural(stage.num_candidates, "record"),
            if stage.is_exact { "exact" } else { "approximate" }.to_owned(),
            milliseconds(stage.took),
        ]);
    }
    let empty = String::new;
    rows.push(["in all".to_owned(), empty(), empty(), milliseconds(took)]);
    format!("\n{}", format::columns(&rows))
}

fn milliseconds(took: Duration) -> String {
    format!("{:.3} ms", took.as_secs_f64() * 1e3)
}

/// One step, as JSON.
#[derive(Serialize)]
pub(super) struct StageJson {
    name: &'static str,
    num_candidates: u64,
    exact: bool,
    took_ms: f64,
}

/// What one part of a fused search gave to a record, as JSON.
#[derive(Serialize)]
pub(super) struct PartJson {
    stage: &'static str,
    score: f32,
    rank: usize,
}

pub(super) fn stages_json(explain: &Explain) -> Vec<StageJson> {
    let json = |stage: &Stage| StageJson {
        name: stage.name,
        num_candidates: stage.num_candidates,
        exact: stage.is_exact,
        took_ms: stage.took.as_secs_f64() * 1e3,
    };
    explain.stages.iter().map(json).collect()
}

pub(super) fn parts_json(found: &Match) -> Vec<PartJson> {
    let json =
        |part: &StageScore| PartJson { stage: part.stage, score: part.score, rank: part.rank };
    found.stages.iter().map(json).collect()
}
