//! `cargo xtask bench --index`: writes and searches of vectors, next to the speed of memory and disk, to numpy,
//! and to pgvector.
//!
//! The measuring is done by `xtask/examples/search`, one process, so that what is compared is measured by
//! turns.

use std::path::Path;

use super::{sample, tables};
use crate::workspace::python;

/// Texts whose embeddings vectors are made of, at most.
const MAX_INPUTS: usize = 50_000;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexSize {
    /// Rows of the large index
    #[arg(long, requires = "index", default_value_t = 1_000_000)]
    rows: usize,
    /// Search this many rows in PostgreSQL with pgvector, too: a million takes a quarter of an hour
    #[arg(long, requires = "index", default_value_t = 0)]
    pgvector_rows: usize,
}

/// Measures, prints each table when it is there, and keeps all where that was asked for.
pub(super) fn run(
    size: &IndexSize,
    text: Option<&Path>,
    model: &Path,
    json: Option<&Path>,
) -> anyhow::Result<()> {
    let sample = sample::take(text, MAX_INPUTS)?;
    let mut command = tables::build("search", model, &sample)?;
    command.args(["--rows", &size.rows.to_string()]);
    command.args(["--pgvector-rows", &size.pgvector_rows.to_string()]);
    command.arg("--python").arg(python("bench-index", "xtask/peers/search-requirements.txt")?);
    tables::print(command, &sample, json)
}
