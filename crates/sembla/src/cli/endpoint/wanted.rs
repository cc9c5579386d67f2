//! The flags that say what an endpoint is, as the fields of a request to the server.
//!
//! A new endpoint is a change of one on which everything is as usual, so that creating and updating have
//! the same flags with the same meaning.

use std::str::FromStr;

use endpoints::EndpointName;
use serde_json::{Value, json};
use wire::huggingface_endpoints::CreateRequest;

use super::super::flags::pair;
use super::super::outcome::UsageError;
use super::fields::Fields;
use super::scaling::ScalingFlags;
use crate::config::Env;
use crate::models::reference::{ModelRef, RefError};

/// What an endpoint is, but for its model, as far as it is given.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SpecFlags {
    /// The branch, tag or commit of the model
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// Such as sentence-embeddings
    #[arg(long, value_name = "TASK")]
    task: Option<String>,

    /// What answers: `tei` answers as text-embeddings-inference, `huggingface` with the task
    /// sentence-embeddings as Hugging Face's toolkit; the URL of a container is kept for clients, and
    /// answers as `tei`
    #[arg(long, value_name = "tei|huggingface|URL", value_parser = image)]
    image: Option<Value>,

    /// Who may ask it: anybody, whoever has a key, or whoever has a key of its namespace
    #[arg(long = "type", value_name = "TYPE", value_parser = ["public", "authenticated", "protected", "private"])]
    access: Option<String>,

    /// A variable of its replicas, such as MAX_BATCH_TOKENS=16384; several times for several
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,

    /// A variable that nobody is shown; without a value, that of this command's environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    secret: Vec<String>,

    /// A word of your own; several times for several
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    #[command(flatten)]
    pub(super) scaling: ScalingFlags,

    #[command(flatten)]
    bounds: BoundFlags,

    #[command(flatten)]
    labels: LabelFlags,
}

/// When an endpoint is paused.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Bounds")]
struct BoundFlags {
    /// Pause it when it has cost so much
    // A negative amount is refused here, rather than taken for an unknown flag.
    #[arg(long, value_name = "DOLLARS|none", allow_negative_numbers = true, value_parser = Bound::<f64>::from_str)]
    budget: Option<Bound<f64>>,

    /// Pause it so many minutes after it was created or resumed
    #[arg(long, value_name = "MINUTES|none", value_parser = Bound::<u32>::from_str)]
    time_to_live: Option<Bound<u32>>,
}

/// What an endpoint runs on, for its price: all run on this machine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Labels, of which the instance has a price")]
struct LabelFlags {
    /// Such as aws
    #[arg(long, value_name = "NAME")]
    vendor: Option<String>,

    /// Such as us-east-1
    #[arg(long, value_name = "NAME")]
    region: Option<String>,

    /// cpu or gpu
    #[arg(long, value_name = "NAME")]
    accelerator: Option<String>,

    /// Such as nvidia-a10g; the setting `prices` says what an hour costs
    #[arg(long, value_name = "TYPE")]
    instance_type: Option<String>,

    /// Such as x1
    #[arg(long, value_name = "SIZE")]
    instance_size: Option<String>,
}

/// A bound, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound<T> {
    None,
    At(T),
}

/// Returns the request for a new endpoint.
///
/// # Errors
///
/// [`UsageError`] or [`RefError`] if there can be none like that.
pub(super) fn request(
    name: &EndpointName,
    model: &str,
    flags: &SpecFlags,
    env: &Env,
) -> anyhow::Result<CreateRequest> {
    Ok(change(Some(model), flags, env)?
        .into_request()
        .applied_to(&usual(name.as_str(), flags.scaling.default_max()))?)
}

/// Returns the request for an endpoint on which everything is as usual, and which has no model yet.
pub(super) fn usual(name: &str, max_replica: u32) -> CreateRequest {
    let usual = json!({
        "name": name,
        "type": "authenticated",
        "provider": {"vendor": "local", "region": "local"},
        "compute": {
            "accelerator": "cpu", "instanceType": "cpu", "instanceSize": "x1",
            "scaling": {"minReplica": 1, "maxReplica": max_replica},
        },
        "model": {"repository": "", "image": {"tei": {}}},
    });
    serde_json::from_value(usual).expect("it has all fields that are needed")
}

/// Returns the fields of what is given.
///
/// # Errors
///
/// [`UsageError`] or [`RefError`] if it cannot be made.
pub(super) fn change(model: Option<&str>, flags: &SpecFlags, env: &Env) -> anyhow::Result<Fields> {
    let mut fields = Fields::default();
    write_model(&mut fields, model, flags.revision.as_deref())?;
    fields.put("model.task", flags.task.clone());
    fields.put("model.image", flags.image.clone());
    fields.put("type", flags.access.clone());
    for (name, value) in &flags.env {
        fields.put_variable("env", name, value);
    }
    for secret in &flags.secret {
        let (name, value) = secret_of(secret, env)?;
        fields.put_variable("secrets", name, value);
    }
    fields.put("tags", (!flags.tag.is_empty()).then(|| flags.tag.clone()));
    flags.scaling.write(&mut fields)?;
    fields.put("compute.budget", flags.bounds.budget);
    fields.put("compute.timeToLive", flags.bounds.time_to_live);
    let LabelFlags { vendor, region, accelerator, instance_type, instance_size } = &flags.labels;
    fields.put("provider.vendor", vendor.clone());
    fields.put("provider.region", region.clone());
    fields.put("compute.accelerator", accelerator.clone());
    fields.put("compute.instanceType", instance_type.clone());
    fields.put("compute.instanceSize", instance_size.clone());
    Ok(fields)
}

/// Writes the model. A directory is sent by its absolute path: the server works in another one.
///
/// # Errors
///
/// [`RefError`] if it names none.
pub(super) fn write_model(
    fields: &mut Fields,
    model: Option<&str>,
    revision: Option<&str>,
) -> Result<(), RefError> {
    let Some(model) = model else {
        fields.put("model.revision", revision.map(str::to_owned));
        return Ok(());
    };
    let reference = ModelRef::parse(model)?.with_revision(revision)?;
    fields.put("model.repository", Some(reference.spelled_anywhere()));
    fields.put("model.revision", reference.revision().map(str::to_owned));
    Ok(())
}

/// Takes a secret apart. One without a value has that of the variable of its name.
///
/// # Errors
///
/// [`UsageError`] if there is no such variable.
pub(super) fn secret_of<'a>(
    secret: &'a str,
    env: &'a Env,
) -> Result<(&'a str, &'a str), UsageError> {
    if let Some((name, value)) = secret.split_once('=').filter(|(name, _)| !name.is_empty()) {
        return Ok((name, value));
    }
    let value = env.get(secret).ok_or_else(|| {
        UsageError(format!(
            "--secret {secret} has no value, and no variable {secret} is set; set it, or write \
             --secret NAME=VALUE"
        ))
    })?;
    Ok((secret, value))
}

fn image(text: &str) -> Result<Value, String> {
    match text {
        "tei" | "huggingface" => Ok(json!({text: {}})),
        url if url.contains(['/', ':']) => Ok(json!({"custom": {"url": url}})),
        _ => Err("expected `tei`, `huggingface`, or the URL of a container, such as \
                  ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
            .to_owned()),
    }
}

impl FromStr for Bound<f64> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("none", _) => Ok(Self::None),
            (_, Ok(dollars)) if dollars > 0.0 && f64::is_finite(dollars) => Ok(Self::At(dollars)),
            _ => Err("expected dollars over 0, or `none` for no budget".to_owned()),
        }
    }
}

impl FromStr for Bound<u32> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("none", _) => Ok(Self::None),
            (_, Ok(minutes)) if minutes > 0 => Ok(Self::At(minutes)),
            _ => {
                Err("expected a whole number of minutes from 1, or `none` for no bound".to_owned())
            }
        }
    }
}

impl<T: Into<Self>> From<Bound<T>> for Value {
    fn from(bound: Bound<T>) -> Self {
        match bound {
            Bound::None => Self::Null,
            Bound::At(value) => value.into(),
        }
    }
}
