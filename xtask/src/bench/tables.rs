//! Tables of figures that an example of this crate measures: run it, show them, keep them.
//!
//! An example prints a table as a line of JSON as soon as it has one.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::sample::Sample;
use crate::workspace::{cargo, command, root, show};

/// All figures, for a reader and for a program.
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    num_inputs: usize,
    tables: Vec<Table>,
}

/// What was measured together.
#[derive(Debug, Serialize, Deserialize)]
struct Table {
    title: String,
    how: String,
    rows: Vec<Row>,
}

/// One thing that was measured. Not all of a table have the same figures.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    name: String,
    figures: Vec<(String, f64)>,
}

/// Builds an example as it is shipped, and the binary; at once, or what they share would be built twice.
/// Returns the command of the example, which is told where the binary is, where to keep things, and what is embedded.
pub(super) fn build(example: &str, model: &Path, sample: &Sample) -> anyhow::Result<Command> {
    let mut build = cargo(&["build", "--profile", "dist", "--locked"]);
    build.args(["--package", "xtask", "--example", example]);
    build.args(["--package", "sembla", "--bin", "sembla"]);
    let status = build.status()?;
    ensure!(status.success(), "the bench did not build");
    let target = root().join("target");
    let mut run = command(target.join("dist/examples").join(example));
    run.arg("--server").arg(target.join("dist/sembla"));
    run.arg("--folder").arg(target.join("bench"));
    run.arg("--model").arg(model).arg("--text").arg(&sample.path);
    Ok(run)
}

/// Runs an example, prints each table when it is there, and keeps all where that was asked for.
pub(super) fn print(
    mut example: Command,
    sample: &Sample,
    json: Option<&Path>,
) -> anyhow::Result<()> {
    let shown = show(&example);
    eprintln!("starting {shown}");
    let mut process = example
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start `{shown}`"))?;
    let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let source = sample.source.display().to_string();
    let mut report = Report { source, num_inputs: sample.num_inputs, tables: Vec::new() };
    println!("{} inputs from {}\n", report.num_inputs, report.source);
    for line in output.lines() {
        let line = line?;
        let table: Table =
            serde_json::from_str(&line).with_context(|| format!("`{shown}` said {line:?}"))?;
        println!("{table}");
        report.tables.push(table);
    }
    let status = process.wait()?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    if let Some(json) = json {
        fs_err::write(json, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<&str> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|row| &row.figures) {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        writeln!(f, "{}\n{}\n", self.title, self.how)?;
        writeln!(f, "| | {} |", columns.join(" | "))?;
        writeln!(f, "| --- |{}", " --- |".repeat(columns.len()))?;
        for row in &self.rows {
            write!(f, "| {} |", row.name)?;
            for column in &columns {
                let figure = row.figures.iter().find(|(name, _)| name == column);
                let shown = figure.map_or("–".to_owned(), |(_, value)| show_figure(*value));
                write!(f, " {shown} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Writes four digits, as many as there is anything to say with.
fn show_figure(value: f64) -> String {
    match value.abs() {
        1_000.0.. => format!("{value:.0}"),
        100.0.. => format!("{value:.1}"),
        10.0.. => format!("{value:.2}"),
        2.0.. => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Row, Table};

    #[test]
    fn a_table_has_a_column_for_every_figure_and_a_dash_where_there_is_none() {
        let row = |name: &str, figures: &[(&str, f64)]| {
            let figures =
                figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            Row { name: name.to_owned(), figures }
        };
        let table = Table {
            title: "search".to_owned(),
            how: "by turns".to_owned(),
            rows: vec![
                row("build", &[("seconds", 48.25)]),
                row("quick", &[("recall", 0.99142), ("p50 ms", 1.5)]),
                row("exact", &[("recall", 1.0), ("p50 ms", 1_234.5)]),
            ],
        };
        expect![[r#"
            search
            by turns

            | | seconds | recall | p50 ms |
            | --- | --- | --- | --- |
            | build | 48.25 | – | – |
            | quick | – | 0.9914 | 1.5000 |
            | exact | – | 1.0000 | 1234 |
        "#]]
        .assert_eq(&table.to_string());
    }
}
