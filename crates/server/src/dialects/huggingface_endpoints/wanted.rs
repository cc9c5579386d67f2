//! What a client asks for, as a spec, and what is kept of it to be shown again.

use std::time::Duration;

use endpoints::{
    Access, Amount, EndpointName, Image, ImageKind, Labels, Model, Opaque, Scaling, Settings, Spec,
    Variables,
};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use wire::huggingface_endpoints as wire;

use crate::dialects::bad_field;
use crate::error::{ErrorKind, HttpError};

/// An endpoint that is wanted.
pub(crate) struct Wanted {
    pub(crate) name: EndpointName,
    pub(crate) spec: Spec,
}

/// What is kept to be shown again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What was sent, with all changes since.
    pub(super) huggingface: wire::CreateRequest,
    /// By whom.
    pub(super) created_by: String,
}

/// Translates a request for a new endpoint.
///
/// # Errors
///
/// If there can be none like that; the message names the field.
pub(crate) fn wanted(request: wire::CreateRequest, by: &str) -> Result<Wanted, HttpError> {
    let name = EndpointName::try_from(request.name.clone())?;
    let spec = spec(Kept { huggingface: request, created_by: by.to_owned() })?;
    Ok(Wanted { name, spec })
}

/// Returns the spec after a change of some fields.
///
/// # Errors
///
/// If there can be none like that, or the endpoint called `name` would get another name.
pub(crate) fn changed(
    request: wire::UpdateRequest,
    old: &Spec,
    name: &str,
) -> Result<Spec, HttpError> {
    let Kept { huggingface, created_by } = kept(old, name);
    let has_revision = has_revision(&request);
    let merged = request.applied_to(&huggingface);
    let mut merged = merged.map_err(|err| HttpError::new(ErrorKind::BadField, err.to_string()))?;
    if merged.name != name {
        return Err(bad_field("name", "an endpoint keeps its name; create another one instead"));
    }
    // The revision of the model before this one says nothing of it.
    if merged.model.shown.repository != huggingface.model.shown.repository && !has_revision {
        merged.model.shown.revision = None;
    }
    spec(Kept { huggingface: merged, created_by })
}

fn has_revision(request: &wire::UpdateRequest) -> bool {
    let revision = request.0.get("model").and_then(|model| model.get("revision"));
    revision.is_some_and(|revision| !revision.is_null())
}

/// Returns what was kept of an endpoint's client.
pub(super) fn kept(spec: &Spec, name: &str) -> Kept {
    // One that came by another way has nothing kept, and is shown as it is.
    serde_json::from_value(spec.opaque.0.clone()).unwrap_or_else(|_| Kept {
        huggingface: described(spec, name),
        created_by: name.to_owned(),
    })
}

fn spec(kept: Kept) -> Result<Spec, HttpError> {
    let opaque = serde_json::to_value(&kept).expect("what was read from JSON can be written");
    let wire::CreateRequest { access, compute, model, provider, .. } = kept.huggingface;
    let secrets = model.secrets.map(|secrets| secrets.0).unwrap_or_default();
    let wire::Model { repository, revision, framework, task, image, env, .. } = model.shown;
    let mut named = Model::new(repository)?;
    (named.revision, named.task, named.framework) = (revision, task, framework);
    let (kind, container) = image_kind(image)?;
    let mut variables = of_container(&container);
    variables.0.extend(env.unwrap_or_default());
    variables.0.extend(secrets);
    Ok(Spec {
        model: named,
        settings: Settings::from_variables(&variables)?,
        image: Image {
            kind,
            url: container.url,
            health_route: health_route(container.health_route)?,
            variables,
        },
        scaling: scaling(&compute.scaling)?,
        access: access_from(access),
        budget: compute.budget.map(budget).transpose()?,
        time_to_live: compute.time_to_live.map(time_to_live).transpose()?,
        labels: Labels {
            vendor: provider.vendor,
            region: provider.region,
            accelerator: compute.accelerator,
            instance_type: compute.instance_type,
            instance_size: compute.instance_size,
        },
        opaque: Opaque(opaque),
    })
}

fn image_kind(image: wire::Image) -> Result<(ImageKind, wire::Container), HttpError> {
    match image {
        wire::Image::Huggingface(container) => Ok((ImageKind::Huggingface, container)),
        wire::Image::Custom(container) => Ok((ImageKind::Custom, container)),
        wire::Image::Tei(container) => Ok((ImageKind::Tei, container)),
        wire::Image::Other { name, .. } => Err(bad_field(
            "model.image",
            &format!("`{name}` is not run here; use huggingface, tei or custom"),
        )),
    }
}

// Its fields have the names of variables, too; the environment goes before them.
fn of_container(container: &wire::Container) -> Variables {
    let mut variables = Variables::default();
    let numbers = [
        ("MAX_BATCH_TOKENS", container.max_batch_tokens),
        ("MAX_CONCURRENT_REQUESTS", container.max_concurrent_requests),
    ];
    for (name, number) in numbers {
        variables.0.extend(number.map(|number| (name.to_owned(), number.to_string())));
    }
    variables.0.extend(container.pooling.clone().map(|pooling| ("POOLING".to_owned(), pooling)));
    variables.0.extend(container.env.clone().unwrap_or_default());
    variables
}

fn health_route(route: Option<String>) -> Result<Option<String>, HttpError> {
    match route {
        Some(route) if !route.starts_with('/') => {
            Err(bad_field("model.image.healthRoute", "it must begin with `/`, as in `/health`"))
        }
        route => Ok(route),
    }
}

fn scaling(scaling: &wire::Scaling) -> Result<Scaling, HttpError> {
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
    let idle = scaling.scale_to_zero_timeout.map(minutes);
    let made = Scaling::new(scaling.min_replica, scaling.max_replica, idle)?;
    match &scaling.measure {
        Some(wire::Measure::PendingRequests(Some(requests))) => {
            let requests = requests.as_u64().and_then(|requests| u32::try_from(requests).ok());
            let requests = requests.ok_or_else(|| {
                bad_field("compute.scaling.measure.pendingRequests", "it must be a whole number")
            })?;
            Ok(made.per_pending_requests(requests)?)
        }
        Some(wire::Measure::Latency(Some(seconds))) => {
            let seconds = seconds.as_f64().filter(|seconds| *seconds <= MAX_LATENCY);
            let latency = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let latency = latency.ok_or_else(|| {
                let problem = format!("it must be seconds over 0 and up to {MAX_LATENCY}");
                bad_field("compute.scaling.measure.latency", &problem)
            })?;
            Ok(made.over_latency(latency)?)
        }
        // What waits in tokens says more of a machine's load than its use of the processor.
        Some(
            wire::Measure::PendingRequests(None)
            | wire::Measure::Latency(None)
            | wire::Measure::HardwareUsage(_),
        )
        | None => Ok(made),
    }
}

fn access_from(access: wire::Access) -> Access {
    match access {
        wire::Access::Public => Access::Public,
        wire::Access::Authenticated => Access::Authenticated,
        wire::Access::Protected => Access::Protected,
        wire::Access::Private => Access::Private,
    }
}

/// Seconds beyond which no client waits for an answer.
const MAX_LATENCY: f64 = 3600.0;

/// Dollars beyond this are no budget.
const MAX_BUDGET: f64 = 1e9;

fn budget(dollars: f64) -> Result<Amount, HttpError> {
    if dollars > 0.0 && dollars <= MAX_BUDGET {
        return Ok(Amount::from_millionths((dollars * 1e6).round() as u64));
    }
    Err(bad_field("compute.budget", "it must be dollars over 0, or absent for no bound"))
}

fn time_to_live(minutes: u32) -> Result<Duration, HttpError> {
    if minutes > 0 {
        return Ok(Duration::from_secs(u64::from(minutes) * 60));
    }
    Err(bad_field("compute.timeToLive", "it must be 1 minute or more, or absent for no bound"))
}

// What a client of this dialect would have sent for it.
fn described(spec: &Spec, name: &str) -> wire::CreateRequest {
    let container = wire::Container {
        url: spec.image.url.clone(),
        health_route: spec.image.health_route.clone(),
        ..wire::Container::default()
    };
    let (labels, scaling) = (spec.labels.clone(), &spec.scaling);
    let minutes = |time: Duration| u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX);
    wire::CreateRequest {
        name: name.to_owned(),
        access: match spec.access {
            Access::Public => wire::Access::Public,
            Access::Authenticated => wire::Access::Authenticated,
            Access::Protected => wire::Access::Protected,
            Access::Private => wire::Access::Private,
        },
        compute: wire::Compute {
            accelerator: labels.accelerator,
            instance_type: labels.instance_type,
            instance_size: labels.instance_size,
            scaling: wire::Scaling {
                min_replica: scaling.min(),
                max_replica: scaling.max(),
                scale_to_zero_timeout: scaling.asked_idle().map(minutes),
                measure: None,
                other: Map::new(),
            },
            budget: spec.budget.map(|budget| budget.millionths() as f64 / 1e6),
            time_to_live: spec.time_to_live.map(minutes),
            other: Map::new(),
        },
        model: wire::SentModel {
            secrets: None,
            shown: wire::Model {
                repository: spec.model.repository().to_owned(),
                revision: spec.model.revision.clone(),
                framework: spec.model.framework.clone(),
                task: spec.model.task.clone(),
                image: match spec.image.kind {
                    ImageKind::Huggingface => wire::Image::Huggingface(container),
                    ImageKind::Tei => wire::Image::Tei(container),
                    ImageKind::Custom => wire::Image::Custom(container),
                },
                env: None,
                command: None,
                args: None,
                other: Map::new(),
            },
        },
        provider: wire::Provider { vendor: labels.vendor, region: labels.region },
        account_id: None,
        private_service: None,
        route: None,
        cache_http_responses: None,
        tags: None,
    }
}
