//! What `sembla model check` and `sembla doctor` say about a model directory.

use std::path::PathBuf;

use serde::Serialize;

use crate::models::Resolved;

/// A model directory and what was found out about it.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    directory: PathBuf,
    commit: Option<String>,
    /// Whether nothing is in the way of loading it.
    pub(crate) loadable: bool,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    message: String,
}

impl Checked {
    /// Checks a directory.
    pub(crate) fn of(resolved: Resolved) -> Self {
        let mut findings = model::check(&resolved.dir);
        findings.sort_by_key(|finding| finding.severity);
        let is_obstacle =
            |finding: &model::Finding| finding.severity == model::Severity::Unsupported;
        Self {
            directory: resolved.dir,
            commit: resolved.commit,
            loadable: !findings.iter().any(is_obstacle),
            findings: findings.into_iter().map(Finding::from).collect(),
        }
    }

    /// Renders the findings, the worst last, and the verdict.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.directory.display().to_string()];
        for finding in &self.findings {
            lines.push(format!("  {:<11}  {}", finding.severity, finding.message));
        }
        let verdict = if self.loadable { "can be loaded" } else { "cannot be loaded" };
        lines.push(format!("  {verdict}"));
        lines.join("\n")
    }
}

impl From<model::Finding> for Finding {
    fn from(finding: model::Finding) -> Self {
        let severity = match finding.severity {
            model::Severity::Found => "found",
            model::Severity::Assumed => "assumed",
            model::Severity::Unsupported => "unsupported",
        };
        Self { severity, message: finding.message }
    }
}
