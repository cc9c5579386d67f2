//! `sembla endpoint import`: an endpoint of what a Truss asks for.

mod ask;
mod secrets;
mod show;

use std::path::PathBuf;

use endpoints::EndpointName;
use serde_json::{Map, Value, json};
use truss::{Given, Image, Labels, Model, ReadError, Replicas, Wanted};
use wire::huggingface_endpoints::CreateRequest;

use self::secrets::Secrets;
use super::super::outcome::{Outcome, UsageError};
use super::create::make;
use super::fields::Fields;
use super::plane::{Common, Plane};
use super::wait::WaitFlags;
use super::wanted::{usual, write_model};
use crate::config::Env;
use crate::models::reference::{ModelRef, Place};
use crate::owner::Target;

/// Arguments of `sembla endpoint import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The config.yaml of a Truss, or its folder
    // `config` is the flag for the file of settings.
    #[arg(value_name = "CONFIG")]
    truss: PathBuf,

    /// What to call the endpoint; else it is called by the file's model_name
    #[arg(long, value_name = "NAME")]
    name: Option<EndpointName>,

    /// A folder, or a model of the Hub, in place of the one that the file names
    #[arg(short, long, value_name = "DIR|ORG/NAME")]
    model: Option<String>,

    /// The value of a secret that the file names; without a value, that of this command's environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    secret: Vec<String>,

    /// Show what would be made and what would be left out, and make nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,

    #[command(flatten)]
    waiting: WaitFlags,

    #[command(flatten)]
    common: Common,
}

/// Makes an endpoint of a Truss.
pub(super) fn run(args: &ImportArgs, env: &Env) -> anyhow::Result<Outcome> {
    let form = args.common.form();
    let document = truss::read(&args.truss).map_err(read_error)?;
    let given = Given {
        name: args.name.as_ref().map(EndpointName::as_str),
        model: args.model.as_deref(),
        // Whoever reads a file that came from elsewhere says with --model which folder it means.
        may_name_folders: false,
    };
    let wanted = truss::import(document, given).map_err(|err| UsageError(err.to_string()))?;
    let mut secrets = Secrets::new(&wanted.secrets, &args.secret, env)?;
    if args.dry_run {
        show::dry_run(&wanted, &secrets, &request(&wanted, &secrets.hidden())?, form)?;
        return Ok(Outcome::Done);
    }
    secrets.check(ask::is_possible())?;
    let name = EndpointName::try_from(wanted.name.clone())?;
    // What is wrong with the model is said before anybody is asked for secrets.
    request(&wanted, &secrets.hidden())?;
    let plane = Plane::open(&args.common, env)?;
    let target = Target { namespace: plane.namespace(&args.common)?, name };
    secrets.ask()?;
    show::beside(&wanted);
    make(&plane, &target, &request(&wanted, &secrets.revealed())?, &args.waiting, form)
}

fn read_error(err: ReadError) -> anyhow::Error {
    match err {
        ReadError::Io(_) => err.into(),
        ReadError::NoConfig { .. }
        | ReadError::TooLarge { .. }
        | ReadError::Yaml { .. }
        | ReadError::NoMapping { .. } => UsageError(err.to_string()).into(),
    }
}

/// Returns the request for the endpoint, with secrets as they are given.
fn request(wanted: &Wanted, secrets: &[(String, String)]) -> anyhow::Result<CreateRequest> {
    let mut fields = Fields::default();
    match &wanted.model {
        Model::Given(model) => write_model(&mut fields, Some(model), None)?,
        Model::Hub { repository, revision } => {
            let reference = ModelRef::parse_anywhere(repository)?;
            // A file that came from elsewhere names no folder of this machine.
            if matches!(reference.place, Place::Directory(_)) {
                let message =
                    format!("`{repository}` is no repository; name a folder with --model");
                return Err(UsageError(message).into());
            }
            write_model(&mut fields, Some(repository), revision.as_deref())?;
        }
    }
    fields.put("model.image", Some(image(&wanted.image)));
    for (name, value) in &wanted.variables {
        fields.put_variable("env", name, value);
    }
    for (name, value) in secrets {
        fields.put_variable("secrets", name, value);
    }
    if let Some(Labels { accelerator, instance_type, instance_size }) = &wanted.labels {
        fields.put("compute.accelerator", Some(*accelerator));
        fields.put("compute.instanceType", Some(instance_type.clone()));
        fields.put("compute.instanceSize", Some(instance_size.clone()));
    }
    if let Some(Replicas { min, max, to_zero_after }) = wanted.replicas {
        fields.put("compute.scaling.minReplica", Some(min));
        fields.put("compute.scaling.maxReplica", Some(max));
        fields.put("compute.scaling.scaleToZeroTimeout", to_zero_after);
    }
    Ok(fields.into_request().applied_to(&usual(&wanted.name, 1))?)
}

fn image(image: &Image) -> Value {
    let Image { url, port, health_route } = image;
    let mut container = Map::new();
    container.extend(url.iter().map(|url| ("url".to_owned(), json!(url))));
    container.extend(port.iter().map(|port| ("port".to_owned(), json!(port))));
    container.extend(health_route.iter().map(|route| ("healthRoute".to_owned(), json!(route))));
    let kind = if url.is_some() { "custom" } else { "tei" };
    json!({kind: container})
}
