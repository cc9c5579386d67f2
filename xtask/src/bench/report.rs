//! The figures of a bench, for a reader and for a program.

use std::fmt;

use serde::Serialize;

use super::contender::{Contender, Ready, Round};
use super::sample::Sample;

/// One run of the bench.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    source: String,
    num_inputs: usize,
    /// Tokens of all inputs, as our own tokenizer counts them.
    num_tokens: usize,
    /// Operations per second, the median over the rounds.
    peak: Option<f64>,
    rows: Vec<Row>,
}

/// One engine.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    engine: String,
    num_threads: usize,
    /// The median over the rounds, and the slowest and fastest round.
    tokens_per_second: f64,
    slowest: f64,
    fastest: f64,
    /// The median of each round's share, from 0 to 1.
    share_of_peak: Option<f64>,
}

impl Report {
    pub(super) fn new(sample: &Sample, contenders: &[Contender]) -> Self {
        // Ours comes first, and it alone measures the peak and knows the operations.
        let own = contenders.first();
        let peaks = own.map(|own| own.rounds().iter().filter_map(|round| round.peak).collect());
        let peak = peaks.and_then(median);
        let operations = own.and_then(|own| own.ready().operations_per_token);
        let num_tokens =
            own.and_then(|own| own.rounds().first()).map_or(0, |round| round.num_tokens);
        let row = |contender: &Contender| {
            Row::new(contender.name(), contender.ready(), contender.rounds(), operations.zip(peak))
        };
        Self {
            source: sample.source.display().to_string(),
            num_inputs: sample.num_inputs,
            num_tokens,
            peak,
            rows: contenders.iter().filter_map(row).collect(),
        }
    }
}

impl Row {
    /// Returns `None` for an engine that ran no round.
    fn new(name: &str, ready: &Ready, rounds: &[Round], cost: Option<(f64, f64)>) -> Option<Self> {
        let speeds: Vec<f64> =
            rounds.iter().map(|round| round.num_tokens as f64 / round.seconds).collect();
        // A round is held against the peak that was measured just before it, if there is one.
        let shares = speeds.iter().zip(rounds).filter_map(|(speed, round)| {
            let (operations, peak) = cost?;
            Some(speed * operations / round.peak.unwrap_or(peak))
        });
        Some(Self {
            name: name.to_owned(),
            engine: ready.engine.clone(),
            num_threads: ready.num_threads,
            share_of_peak: median(shares.collect()),
            slowest: speeds.iter().copied().reduce(f64::min)?,
            fastest: speeds.iter().copied().reduce(f64::max)?,
            tokens_per_second: median(speeds)?,
        })
    }
}

/// Returns the middle value, or the mean of the middle two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values[values.len() / 2 - 1] + upper) / 2.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} inputs, {} tokens, from {}",
            self.num_inputs, self.num_tokens, self.source
        )?;
        if let Some(peak) = self.peak {
            writeln!(
                f,
                "peak of fused multiply-adds, measured in this run: {:.1} GFLOP/s",
                peak / 1e9
            )?;
        }
        writeln!(f, "\n| engine | threads | tokens/s (slowest, fastest round) | of the peak |")?;
        writeln!(f, "| --- | --- | --- | --- |")?;
        for row in &self.rows {
            let share = row
                .share_of_peak
                .map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0));
            writeln!(
                f,
                "| {}: {} | {} | {:.0} ({:.0}, {:.0}) | {share} |",
                row.name,
                row.engine,
                row.num_threads,
                row.tokens_per_second,
                row.slowest,
                row.fastest,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Ready, Report, Round, Row, median};

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn each_round_is_held_against_the_peak_of_its_own_moment() {
        let ready =
            Ready { engine: "avx2".into(), num_threads: 2, operations_per_token: Some(20e6) };
        // The machine halves its speed in the second round: the share of the peak stays.
        let rounds = [
            Round { seconds: 1.0, num_tokens: 8_000, peak: Some(200e9) },
            Round { seconds: 2.0, num_tokens: 8_000, peak: Some(100e9) },
        ];
        let row = Row::new("sembla", &ready, &rounds, Some((20e6, 150e9)));
        let report = Report {
            source: "a.txt".into(),
            num_inputs: 500,
            num_tokens: 8_000,
            peak: Some(150e9),
            rows: row.into_iter().collect(),
        };
        expect![[r#"
            500 inputs, 8000 tokens, from a.txt
            peak of fused multiply-adds, measured in this run: 150.0 GFLOP/s

            | engine | threads | tokens/s (slowest, fastest round) | of the peak |
            | --- | --- | --- | --- |
            | sembla: avx2 | 2 | 6000 (4000, 8000) | 80.0 % |
        "#]]
        .assert_eq(&report.to_string());
    }
}
