//! What people use today, through Python: `xtask/peers/search.py`.
//!
//! It reads vectors from files, so that both sides search the same, prints a line of JSON when it is
//! ready, and one more for each line that it reads.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context;
use serde::de::DeserializeOwned;

/// A peer that waits for its next task.
pub(crate) struct Peer {
    process: Child,
    /// `None` once it was told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts one, on one thread.
    pub(crate) fn start(python: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/search.py");
        let mut process = Command::new(python)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", python.display()))?;
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Ok(Self { process, input, output })
    }

    /// Reads what it says next.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "the peer ended; its words are above");
        serde_json::from_str(&line).with_context(|| format!("the peer said {line:?}"))
    }

    /// Has it do its task once more.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let input = self.input.as_mut().context("the peer was told to end")?;
        writeln!(input, "again").context("the peer has ended")?;
        self.read()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when nothing more can come, and takes with it what it has started.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// Writes numbers as a peer reads them, and returns the file.
pub(crate) fn write(
    folder: &Path,
    name: &str,
    bytes: impl Iterator<Item = [u8; 4]>,
) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    let mut file = std::io::BufWriter::new(fs_err::File::create(&path)?);
    for bytes in bytes {
        file.write_all(&bytes)?;
    }
    file.flush()?;
    Ok(path)
}
