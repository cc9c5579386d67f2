//! The inputs that every engine embeds.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::workspace::{command, output, root};

/// Where sentences are that the project may use and not ship.
const SHARED_SENTENCES: &str = "../shared/data/sentences-50k.txt";

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

/// Writes the first `num_inputs` lines of the text that are not blank to a file of their own.
pub(super) fn take(text: Option<&Path>, num_inputs: usize) -> anyhow::Result<Sample> {
    let source = match text {
        Some(text) => text.to_owned(),
        None => default_text()?,
    };
    let whole = fs_err::read_to_string(&source).context("failed to read the bench's text")?;
    let inputs: Vec<&str> =
        whole.lines().filter(|line| !line.trim().is_empty()).take(num_inputs).collect();
    ensure!(
        inputs.len() == num_inputs,
        "{} has {} lines with text, and --inputs asks for {num_inputs}",
        source.display(),
        inputs.len(),
    );
    let folder = root().join("target/bench");
    fs_err::create_dir_all(&folder)?;
    let path = folder.join("inputs.txt");
    fs_err::write(&path, inputs.join("\n"))?;
    Ok(Sample { path, source, num_inputs })
}

/// Returns shared sentences where there are some, and else makes sentences of the same size from text that
/// every machine has.
fn default_text() -> anyhow::Result<PathBuf> {
    let shared = root().join(SHARED_SENTENCES);
    if shared.is_file() {
        return Ok(shared);
    }
    let made = root().join("target/bench/docstrings.txt");
    output(command(root().join("scripts/make-docstrings")).arg("--sentences").arg(&made))?;
    Ok(made)
}
