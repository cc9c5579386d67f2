//! Progress on stderr: a bar on a terminal, a plain line every few seconds otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::format;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Tokens,
    Records,
}

/// A count on its way to a total.
pub(crate) struct Progress {
    unit: Unit,
    total: u64,
    done: u64,
    started: Instant,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines { next: Instant },
}

// Often enough to see that it moves, seldom enough not to fill a log.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

impl Progress {
    /// Starts at 0, with a bar if stderr is a terminal.
    pub(crate) fn start(unit: Unit, total: u64) -> Self {
        Self::started_at(Instant::now(), unit, total)
    }

    /// As [`Progress::start`], for work that began earlier, when its total was not known.
    pub(crate) fn started_at(started: Instant, unit: Unit, total: u64) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            bar.set_style(style(unit));
            let bar = bar.with_elapsed(started.elapsed());
            Shown::Bar(bar)
        } else {
            Shown::Lines { next: started + LINE_INTERVAL }
        };
        Self { unit, total, done: 0, started, shown }
    }

    /// Adds to the count.
    pub(crate) fn advance(&mut self, amount: u64) {
        self.set(self.done + amount);
    }

    /// Takes back a part of the count.
    pub(crate) fn fall_back(&mut self, amount: u64) {
        self.set(self.done.saturating_sub(amount));
    }

    /// Sets the count.
    pub(crate) fn set(&mut self, done: u64) {
        self.done = done;
        match &mut self.shown {
            Shown::Bar(bar) => bar.set_position(done),
            Shown::Lines { next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_INTERVAL;
                    let line = line(self.unit, done, self.total, now - self.started);
                    say(&line);
                }
            }
        }
    }

    /// Changes the total, where it becomes known on the way.
    pub(crate) fn set_total(&mut self, total: u64) {
        self.total = total;
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(total);
        }
    }

    /// Writes a line above the bar.
    pub(crate) fn note(&self, text: &str) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| say(text)),
            Shown::Lines { .. } => say(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

/// Writes a line to stderr. That it cannot be written is no reason to stop the work.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn style(unit: Unit) -> ProgressStyle {
    let template = match unit {
        Unit::Bytes => "{bar:32} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        Unit::Tokens => {
            "{bar:32} {human_pos} of about {human_len} tokens, {rate} tokens/s, {eta} left"
        }
        Unit::Records => "{bar:32} {human_pos} of {human_len} records, {rate}/s, {eta} left",
    };
    let style = ProgressStyle::with_template(template).expect("the templates above are valid");
    style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{}", format::count(state.per_sec() as u64));
    })
}

fn line(unit: Unit, done: u64, total: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let (amounts, rate_text) = match unit {
        Unit::Bytes => (
            format!("{} of {}", format::bytes(done), format::bytes(total)),
            format!("{}/s", format::bytes(rate as u64)),
        ),
        Unit::Tokens => (
            // How many tokens there will be is known only at the end.
            format!("{} of about {} tokens", format::count(done), format::count(total)),
            format!("{} tokens/s", format::count(rate as u64)),
        ),
        Unit::Records => (
            format!("{} of {} records", format::count(done), format::count(total)),
            format!("{}/s", format::count(rate as u64)),
        ),
    };
    let percent = (done * 100).checked_div(total).unwrap_or(100).min(100);
    let mut text = format!("{amounts} ({percent} %), {rate_text}");
    if done > 0 && total > done {
        let left = Duration::from_secs_f64((total - done) as f64 / rate);
        text.push_str(&format!(", {} left", format::duration(left)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: Unit, done: u64, total: u64, seconds: u64, expected: &str) {
        assert_eq!(line(unit, done, total, Duration::from_secs(seconds)), expected);
    }

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let tokens = "50,000 of about 200,000 tokens (25 %), 5,000 tokens/s, 30 s left";
        check(Unit::Tokens, 50_000, 200_000, 10, tokens);
        let bytes = "45.0 MB of 90.0 MB (50 %), 4.5 MB/s, 10 s left";
        check(Unit::Bytes, 45_000_000, 90_000_000, 10, bytes);
        let records = "2,000 of 8,000 records (25 %), 1,000/s, 6.0 s left";
        check(Unit::Records, 2_000, 8_000, 2, records);
    }

    #[test]
    fn a_line_has_no_remaining_time_before_the_start_and_at_the_end() {
        check(Unit::Tokens, 0, 10, 5, "0 of about 10 tokens (0 %), 0 tokens/s");
        check(Unit::Tokens, 10, 10, 5, "10 of about 10 tokens (100 %), 2 tokens/s");
        check(Unit::Bytes, 0, 0, 0, "0 B of 0 B (100 %), 0 B/s");
    }
}
