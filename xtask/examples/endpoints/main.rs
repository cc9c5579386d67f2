//! Endpoints, for `cargo xtask bench --endpoints`: what the gateway adds to a replica, how soon one that
//! sleeps answers, and what many that sleep cost.
//!
//! Prints a line of JSON for each table of figures. The replica is asked past the gateway through the socket
//! that it listens on, by turns with the gateway, so that both see the same machine.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the bench reads what this prints, and a person what it says meanwhile"
)]

mod gateway;
#[path = "../shared/http.rs"]
mod http;
mod lifecycle;
mod relay;
mod served;
#[path = "../shared/table.rs"]
mod table;

use std::path::PathBuf;

use clap::Parser;

use self::served::Served;

/// Measures endpoints of a binary.
#[derive(Debug, Parser)]
struct Arguments {
    /// Binary whose `serve` is the control plane
    #[arg(long)]
    server: PathBuf,
    /// Model directory
    #[arg(long)]
    model: PathBuf,
    /// Text file, an input a line
    #[arg(long)]
    text: PathBuf,
    /// Folder for data that is not kept
    #[arg(long)]
    folder: PathBuf,
    /// Endpoints that sleep
    #[arg(long)]
    idle: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    fs_err::create_dir_all(&arguments.folder)?;
    let text = fs_err::read_to_string(&arguments.text)?;
    let inputs: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    // Removed with all that is in it, however this ends.
    let scratch = tempfile::tempdir_in(&arguments.folder)?;
    let served = Served::start(&arguments.server, &arguments.model, scratch.path())?;
    println!("{}", gateway::run(&served, &inputs)?);
    println!("{}", lifecycle::wake(&served, &inputs)?);
    println!("{}", lifecycle::sleep(&served, arguments.idle)?);
    Ok(())
}
