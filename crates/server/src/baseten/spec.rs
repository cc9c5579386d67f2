//! What a Truss asks of the control plane.

use std::time::Duration;

use endpoints::{
    Access, Image, ImageKind, Labels, Model as Source, Opaque, Scaling, Settings, Spec, Variables,
};
use truss::{Document, Given, Model, SecretSource, Wanted};

use crate::dialects::bad_field;
use crate::error::HttpError;

/// What the vendor calls the file that a Truss is.
const CONFIG: &str = "config.yaml";

/// What there is to say of a Truss before it is pushed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// What has no meaning here, and what should be known.
    pub(crate) warnings: Vec<String>,
    /// Why it cannot become an endpoint.
    pub(crate) errors: Vec<String>,
}

/// Says what becomes of a Truss, given the text of its config with all defaults in it.
pub(crate) fn judge(config: &str) -> Judged {
    match read(config).and_then(|document| import(document.without_defaults(), None)) {
        Ok(wanted) => Judged { warnings: warnings(&wanted), errors: Vec::new() },
        Err(why) => Judged { warnings: Vec::new(), errors: vec![why] },
    }
}

/// Returns the spec of an endpoint called `name`. `mark` says whose it is.
///
/// # Errors
///
/// If it is no Truss that can be served here.
pub(super) fn of_truss(document: Document, name: &str, mark: Opaque) -> Result<Spec, HttpError> {
    let wanted = import(document, Some(name)).map_err(|why| bad_field("config", &why))?;
    let (repository, revision) = match wanted.model {
        Model::Given(folder) => (folder, None),
        Model::Hub { repository, revision } => (repository, revision),
    };
    let mut model = Source::new(repository)?;
    model.revision = revision;
    let mut variables = wanted.variables;
    let in_file = wanted.secrets.into_iter().filter_map(|secret| match secret.source {
        SecretSource::File(value) => Some((secret.variable, value.reveal().to_owned())),
        SecretSource::Asked(_) => None,
    });
    variables.extend(in_file);
    let variables = Variables(variables);
    let mut spec = Spec::of_model(model, ImageKind::Custom);
    spec.settings = Settings::from_variables(&variables)?;
    spec.image = Image {
        kind: ImageKind::Custom,
        url: wanted.image.url,
        health_route: wanted.image.health_route,
        variables,
    };
    spec.scaling = match wanted.replicas {
        Some(replicas) => {
            let idle =
                replicas.to_zero_after.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
            Scaling::new(replicas.min, replicas.max, idle)?
        }
        // As the vendor has it where nobody says.
        None => Scaling::new(0, 1, None)?,
    };
    spec.access = Access::Authenticated;
    spec.labels = labels(wanted.labels);
    spec.opaque = mark;
    Ok(spec)
}

/// Reads the text of a config.
///
/// # Errors
///
/// Why it is none.
pub(crate) fn read(config: &str) -> Result<Document, String> {
    truss::parse(CONFIG.into(), config).map_err(|err| err.to_string())
}

// The name is the server's to choose, so that one that the file lacks is no reason to refuse it.
fn import(document: Document, name: Option<&str>) -> Result<Wanted, String> {
    let given = Given { name: name.or(Some("truss")), model: None, may_name_folders: true };
    truss::import(document, given).map_err(|err| err.to_string())
}

fn warnings(wanted: &Wanted) -> Vec<String> {
    let notes = wanted.notes.iter().cloned();
    let left_out = wanted.left_out.iter();
    let left_out = left_out.map(|part| format!("{} has no meaning here: {}", part.key, part.why));
    let secrets = wanted.secrets.iter().filter_map(|secret| match &secret.source {
        SecretSource::Asked(name) => Some(format!(
            "no value of the secret {name} is kept here; if the model needs it, start the server with {} in its \
             environment, or make the endpoint with `sembla endpoint import --secret`",
            secret.variable
        )),
        SecretSource::File(_) => None,
    });
    notes.chain(left_out).chain(secrets).collect()
}

fn labels(wanted: Option<truss::Labels>) -> Labels {
    let wanted = wanted.unwrap_or_else(|| truss::Labels {
        accelerator: "cpu",
        instance_type: "cpu".to_owned(),
        instance_size: "x1".to_owned(),
    });
    Labels {
        vendor: "baseten".to_owned(),
        region: String::new(),
        accelerator: wanted.accelerator.to_owned(),
        instance_type: wanted.instance_type,
        instance_size: wanted.instance_size,
    }
}
