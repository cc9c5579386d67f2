//! Whether a spec can be run here, before anything is started.

use endpoints::{ExamineError, Examined, Labels, RuntimeError, Spec};

use super::launch::{LaunchConfig, LaunchError};
use crate::models::survey::{SurveyError, survey};

/// What a replica takes beside its weights: the program, its threads, a few batches on their way.
/// Measured with all-MiniLM-L6-v2, whose weights are 87 MiB: 109 MiB when it is ready, 127 MiB under load.
const BESIDE_WEIGHTS: u64 = 48 << 20;

/// Looks whether a spec can be run. Blocks: it reads settings of the model, and may ask the Hub.
pub(super) fn examine(spec: &Spec, config: &LaunchConfig) -> Result<Examined, ExamineError> {
    let refused =
        |reason: String| ExamineError::Model { source_name: spec.source().to_owned(), reason };
    let reference = LaunchConfig::reference(spec).map_err(|error| refused(chain(&error)))?;
    config.check(spec).map_err(|error: LaunchError| refused(chain(&error)))?;
    match survey(&reference, &config.hub(spec)) {
        Ok(survey) => Ok(Examined {
            memory_bytes: Some(survey.weight_bytes.saturating_add(BESIDE_WEIGHTS)),
            note: note(&spec.labels),
        }),
        Err(error) if error.is_passing() => Err(cannot_tell(&error).into()),
        Err(error) => Err(refused(chain(&error))),
    }
}

fn cannot_tell(error: &SurveyError) -> RuntimeError {
    let what = "the model is not on this machine, and the Hub could not be asked for it";
    RuntimeError::Refused { what, reason: chain(error) }
}

/// Says what differs from what was asked for.
fn note(labels: &Labels) -> Option<String> {
    let instance = [labels.instance_type.as_str(), labels.instance_size.as_str()].join(" ");
    let is_gpu = labels.accelerator.eq_ignore_ascii_case("gpu");
    is_gpu.then(|| {
        format!("a GPU was asked for ({}); this runs on this machine's CPU", instance.trim())
    })
}

/// Joins an error and its causes: what a runtime says is shown as one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
