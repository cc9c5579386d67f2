//! Which model the endpoint runs.

use super::Given;
use crate::error::ImportError;
use crate::report::Report;
use crate::router::Settings;
use crate::weights::{Source, Sources};

/// A model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// What was given beside the file, as it is; or a folder of this machine, where the file may name one.
    Given(String),
    /// A repository of the Hub that the file names.
    Hub {
        /// Its id.
        repository: String,
        /// Its branch, tag or commit.
        revision: Option<String>,
    },
}

pub(super) fn model(
    given: Given<'_>,
    settings: &mut Settings,
    sources: &Sources,
    report: &mut Report,
) -> Result<Model, ImportError> {
    let (id, revision) = (settings.model.take(), settings.revision.take());
    if let Some(given) = given.model {
        for (flag, value) in [("--model-id", id), ("--revision", revision)] {
            if value.is_some() {
                report.leave_out(flag, "the model is given with --model");
            }
        }
        sources.leave_out_others(given, report);
        return Ok(Model::Given(given.to_owned()));
    }
    let Some(id) = id else {
        let problem = "start_command has no --model-id".to_owned();
        return Err(ImportError::NoModel { problem });
    };
    if id.contains(['$', '%']) {
        let problem = format!(
            "--model-id is `{id}`, and nothing but a shell puts values into it: write the value, or run the \
             command in `sh -c`"
        );
        return Err(ImportError::NoModel { problem });
    }
    if !is_path(&id) {
        let revision = revision.or_else(|| sources.revision_of(&id));
        sources.leave_out_others(&id, report);
        return Ok(Model::Hub { repository: id, revision });
    }
    let found = match sources.find(&id) {
        Err(_) if given.may_name_folders && id.starts_with('/') => return Ok(Model::Given(id)),
        found => found?,
    };
    let Source { repository, revision: fetched, .. } = found;
    report.note(format!("--model-id is {id}, a folder of the container; it is `{repository}`"));
    if revision.is_some() {
        report.leave_out("--revision", "a folder has none; the one that was fetched counts");
    }
    sources.leave_out_others(&repository, report);
    Ok(Model::Hub { repository, revision: fetched })
}

fn is_path(id: &str) -> bool {
    id.starts_with(['/', '.', '~']) || id.matches('/').count() > 1
}
