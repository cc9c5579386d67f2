//! A list of commands that run one after another, each announced and timed.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::workspace;

/// What ran so far, and how long it took.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not succeed: later steps build on this one.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        let shown = workspace::show(&command);
        self.time(name, &shown, || {
            let status = command.status().with_context(|| format!("failed to start `{shown}`"))?;
            if !status.success() {
                bail!("step {name} failed: `{shown}` ended with {status}");
            }
            Ok(())
        })
    }

    /// Announces and times work that is not a command.
    pub(crate) fn time<T>(
        &mut self,
        name: &str,
        shown: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        println!("\n== {name}: {shown}");
        let start = Instant::now();
        let result = work()?;
        self.done.push((name.to_owned(), start.elapsed()));
        Ok(result)
    }

    /// Prints how long each step took.
    pub(crate) fn report(&self) {
        println!("\n== times");
        for (name, time) in &self.done {
            println!("{:>7.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        println!("{:>7.1} s  in all", total.as_secs_f64());
    }
}
