//! The inputs that every engine embeds.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::workspace::{command, output, root};

/// The inputs, an input a line, and where they are from.
#[derive(Debug)]
pub(super) struct Sample {
    /// A file that holds these inputs alone.
    pub(super) path: PathBuf,
    /// The file that they were taken from.
    pub(super) source: PathBuf,
    /// How many there are.
    pub(super) num_inputs: usize,
}

/// Writes the first `most` lines of the text that are not blank, or as many as there are, to a file of
/// their own.
pub(super) fn take(text: Option<&Path>, most: usize) -> anyhow::Result<Sample> {
    let source = match text {
        Some(text) => text.to_owned(),
        None => default_text()?,
    };
    let whole = fs_err::read_to_string(&source).context("failed to read the bench's text")?;
    let inputs: Vec<&str> =
        whole.lines().filter(|line| !line.trim().is_empty()).take(most).collect();
    let folder = root().join("target/bench");
    fs_err::create_dir_all(&folder)?;
    let path = folder.join("inputs.txt");
    fs_err::write(&path, inputs.join("\n"))?;
    Ok(Sample { path, source, num_inputs: inputs.len() })
}

/// Makes sentences from text that every machine has.
fn default_text() -> anyhow::Result<PathBuf> {
    let made = root().join("target/bench/docstrings.txt");
    output(command(root().join("scripts/make-docstrings")).arg("--sentences").arg(&made))?;
    Ok(made)
}
