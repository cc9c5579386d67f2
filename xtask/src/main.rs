//! `cargo xtask`: the same checks on a laptop and in CI, and the measurements.
//!
//! Light on purpose, so that it builds in seconds: nothing of the product is linked in. The steps are
//! commands that a person could type; this says which, in what order and with what set.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who started it"
)]

mod bench;
mod ci;
mod fixtures;
mod soak;
mod steps;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, fixtures and measurements of the Sembla repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run what CI runs: format, lints, tests, docs, tidy, and the real clients against the binary
    Ci,
    /// Judge what a machine can judge about the tree, and print its largest files and functions
    Tidy,
    /// Make the fixtures again with the Python reference (installs torch: about 1 GB, once)
    Fixtures,
    /// Run the long loops at full length
    Soak,
    /// Measure tokens per second and the share of the machine's peak, or the index
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(),
        Task::Fixtures => fixtures::run(),
        Task::Soak => soak::run(),
        Task::Bench(arguments) => bench::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_arguments_of_all_tasks_agree_with_each_other() {
        Arguments::command().debug_assert();
    }
}
