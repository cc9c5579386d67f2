//! What a variant asks of the control plane.

use std::collections::BTreeMap;

use endpoints::{
    Access, Image, ImageKind, Labels, Opaque, REPLY_KEY, Scaling, Settings, Spec, Variables,
};
use serde_json::json;
use wire::sagemaker as wire;

use super::artifact::Artifact;
use super::objects::Variant;
use crate::dialects::bad_field;
use crate::error::HttpError;

/// The tasks of Hugging Face's toolkit that an embedding model has.
const TASKS: [&str; 3] = ["feature-extraction", "sentence-embeddings", "sentence-similarity"];

/// Returns the container that a model has.
///
/// # Errors
///
/// If it has none, or several.
pub(crate) fn container(model: &wire::CreateModel) -> Result<&wire::Container, HttpError> {
    match (&model.primary_container, model.containers.as_deref()) {
        (Some(container), None | Some([])) => Ok(container),
        (None, Some([container])) => Ok(container),
        (None, None | Some([])) => {
            Err(bad_field("PrimaryContainer", "a model needs a container; send PrimaryContainer"))
        }
        (Some(_) | None, Some(_)) => Err(bad_field(
            "Containers",
            "a model of several containers cannot be served here; send one as PrimaryContainer",
        )),
    }
}

/// Returns where a container's archive lies, if it has one.
pub(crate) fn archive(container: &wire::Container) -> Option<&str> {
    let source = container.model_data_source.as_ref();
    let source = source.map(|source| source.s3_data_source.s3_uri.as_str());
    source.or(container.model_data_url.as_deref()).filter(|url| !url.is_empty())
}

/// Returns the model of the Hub that a container names.
pub(crate) fn hub_model(container: &wire::Container) -> Option<&str> {
    let names = ["HF_MODEL_ID", "MODEL_ID"];
    let id = names.iter().find_map(|name| container.environment.get(*name));
    // Where an image has what was downloaded for it, which says nothing of what that was.
    id.map(String::as_str).filter(|id| !id.is_empty() && !id.starts_with("/opt/ml"))
}

/// Checks that a model can be tried at all.
///
/// # Errors
///
/// If it names no model, or a task that is none of embeddings.
pub(super) fn check_task(container: &wire::Container) -> Result<(), String> {
    match container.environment.get("HF_TASK").map(String::as_str) {
        None | Some("") => Ok(()),
        Some(task) if TASKS.contains(&task) => Ok(()),
        Some(task) => Err(format!(
            "HF_TASK `{task}` is not served here; use {}, {} or {}, or leave it out for embeddings",
            TASKS[0], TASKS[1], TASKS[2]
        )),
    }
}

/// Makes the spec of a variant of `endpoint`, whose archive was brought here if it has one.
///
/// # Errors
///
/// Why it cannot be.
pub(super) fn of_variant(
    endpoint: &str,
    variant: &Variant,
    artifact: Option<Artifact>,
) -> Result<Spec, HttpError> {
    let container = container(&variant.model)?;
    let mut variables: BTreeMap<_, _> = container.environment.clone();
    let source = match &artifact {
        Some(artifact) => artifact.dir.display().to_string(),
        None => hub_model(container).unwrap_or_default().to_owned(),
    };
    // It is said once, by the spec's own field.
    variables.remove("MODEL_ID");
    if let Some(key) = artifact.and_then(|artifact| artifact.reply_key) {
        variables.entry(REPLY_KEY.to_owned()).or_insert(key);
    }
    let mut model = endpoints::Model::new(source)?;
    model.revision = variables.get("HF_MODEL_REVISION").filter(|it| !it.is_empty()).cloned();
    model.task = variables.get("HF_TASK").filter(|it| !it.is_empty()).cloned();
    let variables = Variables(variables);
    let instance = variant.sent.instance_type.clone().unwrap_or_default();
    let mut spec = Spec::of_model(model, ImageKind::Custom);
    spec.settings = Settings::from_variables(&variables)?;
    spec.image = Image {
        kind: ImageKind::Custom,
        url: container.image.clone(),
        health_route: Some("/ping".to_owned()),
        variables,
    };
    spec.scaling = scaling(&variant.sent)?;
    spec.access = Access::Authenticated;
    spec.labels = Labels {
        vendor: "aws".to_owned(),
        region: String::new(),
        accelerator: accelerator(&instance).to_owned(),
        instance_type: instance,
        instance_size: String::new(),
    };
    spec.opaque = Opaque(json!({ "sagemaker": mark(endpoint, variant.name()) }));
    Ok(spec)
}

/// Returns whether an endpoint was made for this variant.
pub(super) fn is_of(spec: &Spec, endpoint: &str, variant: &str) -> bool {
    spec.opaque.0.get("sagemaker") == Some(&mark(endpoint, variant))
}

fn mark(endpoint: &str, variant: &str) -> serde_json::Value {
    json!({ "endpoint": endpoint, "variant": variant })
}

/// Returns how many replicas a variant asks for.
///
/// # Errors
///
/// If there are none, or too many.
pub(crate) fn scaling(variant: &wire::ProductionVariant) -> Result<Scaling, HttpError> {
    let count = |field, count: i64| {
        u32::try_from(count)
            .map_err(|_| bad_field(field, &format!("it is {count}; send 1 or more")))
    };
    if variant.serverless_config.is_some() {
        return Ok(Scaling::new(0, 1, None)?);
    }
    let initial = count("InitialInstanceCount", variant.initial_instance_count.unwrap_or(1))?;
    let managed = variant.managed_instance_scaling.as_ref();
    let managed = managed.filter(|managed| managed.status.as_deref() != Some("DISABLED"));
    let Some(managed) = managed else { return Ok(Scaling::new(initial, initial, None)?) };
    let min = managed.min_instance_count.map(|min| count("MinInstanceCount", min));
    let max = managed.max_instance_count.map(|max| count("MaxInstanceCount", max));
    let min = min.transpose()?.unwrap_or(initial);
    Ok(Scaling::new(min, max.transpose()?.unwrap_or(initial.max(min)), None)?)
}

// The families of instances that have one.
fn accelerator(instance: &str) -> &'static str {
    let family = instance.strip_prefix("ml.").unwrap_or(instance);
    if ["p", "g", "inf", "trn"].iter().any(|kind| family.starts_with(kind)) { "gpu" } else { "cpu" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(json: serde_json::Value) -> wire::ProductionVariant {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_variant_has_its_instances_or_may_sleep() {
        let bounds = |json| scaling(&variant(json)).map(|scaling| (scaling.min(), scaling.max()));
        let fixed = json!({"VariantName": "a", "InitialInstanceCount": 2});
        assert_eq!(bounds(fixed).unwrap(), (2, 2));
        let serverless = json!({"VariantName": "a", "ServerlessConfig": {"MemorySizeInMB": 1024}});
        assert_eq!(bounds(serverless).unwrap(), (0, 1));
        let managed = json!({"VariantName": "a", "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 4}});
        assert_eq!(bounds(managed).unwrap(), (1, 4));
        for count in [-1, 0, 65] {
            let sent = json!({"VariantName": "a", "InitialInstanceCount": count});
            assert!(bounds(sent).is_err(), "{count}");
        }
    }

    #[test]
    fn a_task_that_is_none_of_embeddings_is_refused_with_those_that_are() {
        let container = |task: &str| wire::Container {
            environment: [("HF_TASK".to_owned(), task.to_owned())].into(),
            ..wire::Container::default()
        };
        assert!(check_task(&container("feature-extraction")).is_ok());
        let refused = check_task(&container("question-answering")).unwrap_err();
        assert!(refused.contains("`question-answering`") && refused.contains("feature-extraction"));
    }
}
