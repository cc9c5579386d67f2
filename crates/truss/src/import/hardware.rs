//! What the endpoint was to run on, and how many times.

use crate::error::ImportError;
use crate::report::Report;
use crate::section::Section;

/// The hardware that was asked for, in the words of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// `gpu` or `cpu`.
    pub accelerator: &'static str,
    /// Such as `nvidia-l4`.
    pub instance_type: String,
    /// Such as `x1`.
    pub instance_size: String,
}

/// How many replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// The minutes without a request after which there are none.
    pub to_zero_after: Option<u32>,
}

const OF_MACHINE: &str = "replicas share this machine: `sembla serve` has settings for its threads and what is in memory";

pub(super) fn labels(
    mut resources: Section,
    report: &mut Report,
) -> Result<Option<Labels>, ImportError> {
    let instance = resources.words("instance_type")?;
    let path = resources.path_of("accelerator");
    let accelerator = resources.words("accelerator")?;
    let use_gpu = resources.switch("use_gpu")?;
    for key in ["cpu", "memory"] {
        let path = resources.path_of(key);
        if resources.words(key)?.is_some() {
            report.leave_out(path, OF_MACHINE);
        }
    }
    resources.leave_out(&["node_count", "fabric"], "there is this one machine", report);
    resources.finish(report);
    let labels = match (instance, accelerator) {
        (Some(instance), _) => of_instance(&instance),
        (None, Some(accelerator)) => of_accelerator(path, &accelerator)?,
        (None, None) if use_gpu => gpu("gpu".to_owned(), "x1".to_owned()),
        (None, None) => return Ok(None),
    };
    if labels.accelerator == "gpu" {
        let Labels { instance_type, instance_size, .. } = &labels;
        report.note(format!(
            "a GPU was asked for ({instance_type} {instance_size}); the endpoint runs on this machine's CPU"
        ));
    }
    Ok(Some(labels))
}

fn of_accelerator(path: String, text: &str) -> Result<Labels, ImportError> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match count.parse::<u16>() {
        Ok(count) if count > 0 && !name.is_empty() && name.chars().all(is_name) => {
            Ok(gpu(kind(name), format!("x{count}")))
        }
        Ok(_) | Err(_) => Err(ImportError::BadValue {
            path,
            value: text.to_owned(),
            allowed: "the name of an accelerator, with a number behind `:` for several, such as L4 or L4:2",
        }),
    }
}

/// Such as `L4:4x16`, or `CPU:1x2`: cores and memory stand behind the colon.
fn of_instance(text: &str) -> Labels {
    let (name, size) = text.split_once(':').unwrap_or((text, "x1"));
    if name.eq_ignore_ascii_case("cpu") {
        let (instance_type, instance_size) = ("cpu".to_owned(), size.to_owned());
        return Labels { accelerator: "cpu", instance_type, instance_size };
    }
    gpu(kind(name), size.to_owned())
}

fn kind(name: &str) -> String {
    format!("nvidia-{}", name.to_ascii_lowercase().replace('_', "-"))
}

fn gpu(instance_type: String, instance_size: String) -> Labels {
    Labels { accelerator: "gpu", instance_type, instance_size }
}

/// A `config.yaml` has no key for it, but people write down what they set elsewhere, in the words of
/// Baseten's API.
pub(super) fn replicas(
    root: &mut Section,
    report: &mut Report,
) -> Result<Option<Replicas>, ImportError> {
    let key = ["autoscaling", "autoscaling_settings"].into_iter().find(|key| root.says(key));
    let Some(key) = key else {
        return Ok(None);
    };
    let mut scaling = root.section(key)?;
    let min = scaling.number("min_replica")?;
    let max_path = scaling.path_of("max_replica");
    let max = scaling.number("max_replica")?;
    let delay_path = scaling.path_of("scale_down_delay");
    let delay = scaling.number("scale_down_delay")?;
    let why =
        "replicas are added by the tokens that wait, and by nothing else unless it is asked for";
    let keys = &["autoscaling_window", "concurrency_target", "target_utilization_percentage"];
    scaling.leave_out(keys, why, report);
    scaling.finish(report);
    if min.is_none() && max.is_none() {
        if delay.is_some() {
            report.leave_out(delay_path, "an endpoint that always has a replica never sleeps");
        }
        return Ok(None);
    }
    let min = min.unwrap_or(0);
    let max = max.unwrap_or(min.max(1));
    if max == 0 || max < min {
        let allowed = "a whole number from 1 that is not below min_replica";
        return Err(ImportError::BadValue { path: max_path, value: max.to_string(), allowed });
    }
    let sleeps = min == 0;
    if delay.is_some() && !sleeps {
        report.leave_out(delay_path, "an endpoint that always has a replica never sleeps");
    }
    // Minutes here; what is begun counts.
    let to_zero_after = delay.filter(|_| sleeps).map(|seconds| seconds.div_ceil(60).max(1));
    Ok(Some(Replicas { min, max, to_zero_after }))
}
