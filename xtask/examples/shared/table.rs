//! Tables of figures, as the task runner reads them.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

/// What was measured together.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    /// How, in a sentence or two.
    how: String,
    rows: Vec<Row>,
}

/// One thing that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    /// Each with its name, unit included.
    figures: Vec<(String, f64)>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, how: impl Into<String>) -> Self {
        Self { title: title.into(), how: how.into(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{row:?}");
        self.rows.push(row);
    }
}

impl Row {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), figures: Vec::new() }
    }

    pub(crate) fn with(mut self, figure: impl Into<String>, value: f64) -> Self {
        self.figures.push((figure.into(), value));
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Returns the time that something takes, in seconds, and what comes of it.
pub(crate) fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = run();
    (start.elapsed().as_secs_f64(), result)
}

/// Returns the value that this share of the values, from 0 to 1, is below.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
