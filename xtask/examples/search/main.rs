//! Our own index, for `cargo xtask bench --index`: writes and searches at their sizes, measured.
//!
//! Prints a line of JSON for each table of figures. Everything that a figure is compared with is measured
//! in the same run, and where it matters in the same breath: the speed of memory, numpy, the disk.
//!
//! An example rather than a part of the task runner, so that `cargo xtask` need not link the product.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the bench reads what this prints, and a person what it says meanwhile"
)]

#[path = "../shared/http.rs"]
mod http;
mod large;
mod peer;
mod small;
mod store;
#[path = "../shared/table.rs"]
mod table;
mod vectors;
mod writes;

use std::path::PathBuf;

use clap::Parser;
use vectors::Vectors;

/// Writes and searches vectors of real texts.
#[derive(Debug, Parser)]
struct Arguments {
    /// Model directory
    #[arg(long)]
    model: PathBuf,
    /// Text file, an input a line
    #[arg(long)]
    text: PathBuf,
    /// Folder for embeddings that are kept and for data that is not
    #[arg(long)]
    folder: PathBuf,
    /// Rows of the large index
    #[arg(long)]
    rows: usize,
    /// Rows of the same in PostgreSQL with pgvector; none without
    #[arg(long, default_value_t = 0)]
    pgvector_rows: usize,
    /// Interpreter that has numpy and, for pgvector, PostgreSQL
    #[arg(long)]
    python: PathBuf,
    /// Binary whose `serve` takes vectors over HTTP; not measured without
    #[arg(long)]
    server: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    fs_err::create_dir_all(&arguments.folder)?;
    let vectors = Vectors::of(&arguments.model, &arguments.text, &arguments.folder)?;
    // Removed with all that is in it, however this ends.
    let scratch = tempfile::tempdir_in(&arguments.folder)?;
    let runtime = tokio::runtime::Runtime::new()?;
    println!("{}", small::bandwidth());
    println!("{}", small::exact(&vectors, &arguments.python, scratch.path())?);
    println!("{}", runtime.block_on(small::together(&vectors, scratch.path()))?);
    let mut writes = runtime.block_on(writes::at_the_trait(&vectors, scratch.path()))?;
    if let Some(server) = &arguments.server {
        writes.add(writes::over_http(&vectors, server, &arguments.model, scratch.path())?);
    }
    println!("{writes}");
    println!("{}", runtime.block_on(large::run(&vectors, arguments.rows, scratch.path()))?);
    if arguments.pgvector_rows > 0 {
        let rows = arguments.pgvector_rows;
        println!("{}", large::pgvector(&vectors, rows, &arguments.python, scratch.path())?);
    }
    Ok(())
}
