//! Which endpoint a Truss asks for.

mod hardware;
mod model;
mod name;
mod secrets;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub use self::hardware::{Labels, Replicas};
pub use self::model::Model;
pub use self::secrets::{Secret, SecretSource};
use crate::document::Document;
use crate::error::ImportError;
use crate::report::{LeftOut, Report};
use crate::router::{Settings, start};
use crate::script::{Known, Scope};
use crate::section::{Section, text_of};
use crate::sensitive::Sensitive;
use crate::weights::Sources;

/// What is said beside the file, and goes before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// What to call the endpoint.
    pub name: Option<&'a str>,
    /// Which model it runs.
    pub model: Option<&'a str>,
    /// Whether a path that nothing is fetched to may be a folder of this machine. Whoever takes it then has to
    /// ask whether its sender may name it.
    pub may_name_folders: bool,
}

/// The endpoint that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called: what was given, or the file's name for it in letters that an endpoint may have.
    pub name: String,
    /// What it runs.
    pub model: Model,
    /// The container of the Truss, which clients are shown.
    pub image: Image,
    /// The variables of its replicas.
    pub variables: BTreeMap<String, String>,
    /// Those that nobody is shown, by their names.
    pub secrets: Vec<Secret>,
    /// The hardware that was asked for.
    pub labels: Option<Labels>,
    /// How many replicas, where the file says so.
    pub replicas: Option<Replicas>,
    /// What should be known before it is made.
    pub notes: Vec<String>,
    /// What has no meaning here.
    pub left_out: Vec<LeftOut>,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Its address in a registry.
    pub url: Option<String>,
    /// The port that its server listens on.
    pub port: Option<u16>,
    /// The path that answers when it is ready.
    pub health_route: Option<String>,
}

/// The variable in which the route of `/predict` is kept.
pub const PREDICT_ROUTE: &str = "PREDICT_ROUTE";

const BUILT: &str = "no container is built here, and no Python runs";
const SERVER: &str = "the server decides it for all endpoints";
/// What concerns the making of a container, or a model.py in it.
const OF_BUILD: &[&str] = &[
    "apply_library_patches",
    "build",
    "bundled_packages_dir",
    "cache_internal",
    "data_dir",
    "external_data",
    "external_package_dirs",
    "input_type",
    "live_reload",
    "model_class_filename",
    "model_class_name",
    "model_framework",
    "model_module_dir",
    "model_type",
    "python_version",
    "requirements",
    "requirements_file",
    "spec_version",
    "system_packages",
    "use_local_src",
];

/// Returns the endpoint that a Truss asks for.
///
/// # Errors
///
/// [`ImportError`] if it asks for something else, or what it asks for cannot be told.
pub fn import(document: Document, given: Given<'_>) -> Result<Wanted, ImportError> {
    let mut root = Section::root(document.keys);
    let mut report = Report::default();
    refuse_others(&root)?;
    let name = name::name(given.name, root.words("model_name")?, &mut report)?;
    let mut server = root.section("docker_server")?;
    let mut sources = Sources::take(&mut root, &mut report)?;
    let mut base = root.section("base_image")?;
    let of_registry = base.section("docker_auth")?;
    let mut image = image(base, &mut report)?;
    let mut settings = settings(&mut root, &mut server, &image, &mut sources, &mut report)?;
    let model = model::model(given, &mut settings, &sources, &mut report)?;
    routes(&mut server, &mut settings, &mut image, &mut report)?;
    let labels = hardware::labels(root.section("resources")?, &mut report)?;
    let replicas = hardware::replicas(&mut root, &mut report)?;
    runtime(&mut root, &settings, &mut report)?;
    let of_registry = registry_secret(of_registry, &mut report)?;
    let needed = secrets::Needed { sources: &sources, of_registry };
    let secrets = secrets::secrets(&mut root, &mut settings, &needed, &mut report)?;
    server.leave_out(&["run_as_user_id", "no_build"], BUILT, &mut report);
    server.finish(&mut report);
    rest(root, &mut report);
    let variables = settings.variables;
    let Report { notes, left_out } = report;
    Ok(Wanted { name, model, image, variables, secrets, labels, replicas, notes, left_out })
}

fn refuse_others(root: &Section) -> Result<(), ImportError> {
    let engines = [("trt_llm", "TensorRT-LLM"), ("bis_llm", "Baseten's own engine")];
    let what = match engines.into_iter().find(|(key, _)| root.says(key)) {
        Some((key, title)) => format!("runs {title} ({key})"),
        None if root.says("docker_server") => return Ok(()),
        None => "has no docker_server: it runs a model.py".to_owned(),
    };
    Err(ImportError::OtherServer { what })
}

fn image(mut base: Section, report: &mut Report) -> Result<Image, ImportError> {
    let url = base.words("image")?;
    base.leave_out(&["python_executable_path"], BUILT, report);
    base.finish(report);
    Ok(Image { url, ..Image::default() })
}

/// Returns the secret with which the container is fetched over there.
fn registry_secret(mut auth: Section, report: &mut Report) -> Result<Option<String>, ImportError> {
    let secret = auth.words("secret_name")?;
    if secret.is_some() || !auth.into_entries().is_empty() {
        report.leave_out("base_image.docker_auth", "no container is fetched here");
    }
    Ok(secret)
}

/// Reads what the server starts with, the later before the earlier: the variables of the container, those
/// of the command, its flags.
fn settings(
    root: &mut Section,
    server: &mut Section,
    image: &Image,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Settings, ImportError> {
    let mut environment = Vec::new();
    for (path, name, value) in root.section("environment_variables")?.into_entries() {
        // As Truss writes it into the container.
        let text = if value.is_null() { "None".to_owned() } else { text_of(path.clone(), value)? };
        environment.push((path, name, Known { text, secret: None }));
    }
    let command = match server.words("start_command")? {
        Some(command) => command,
        None if is_tei(image) => "text-embeddings-router".to_owned(),
        None => {
            let problem = "is missing, so that nobody can tell what the image runs".to_owned();
            return Err(ImportError::Command { problem });
        }
    };
    let scope = environment.iter().map(|(_, name, value)| (name.clone(), value.clone()));
    let start = start(&command, scope.collect::<Scope>(), sources, report)?;
    let mut settings = Settings::default();
    for (path, name, value) in environment {
        settings.variable((&path, &name), value, report)?;
    }
    for (name, value) in start.variables {
        settings.variable(
            (&format!("docker_server.start_command {name}"), &name),
            value,
            report,
        )?;
    }
    settings.flags(start.words, report)?;
    Ok(settings)
}

fn is_tei(image: &Image) -> bool {
    image.url.as_deref().is_some_and(|url| url.contains("text-embeddings-inference"))
}

fn routes(
    server: &mut Section,
    settings: &mut Settings,
    image: &mut Image,
    report: &mut Report,
) -> Result<(), ImportError> {
    image.port = port(server, settings, report)?;
    let readiness = route(server, "readiness_endpoint")?;
    let liveness = route(server, "liveness_endpoint")?;
    if let (Some(ready), Some(live)) = (&readiness, &liveness)
        && ready != live
    {
        let key = server.path_of("liveness_endpoint");
        report.leave_out(key, format!("an endpoint has one route for its health, {ready}"));
    }
    image.health_route = readiness.or(liveness);
    if let Some(route) = route(server, "predict_endpoint")? {
        predict_route(&route, report)?;
        settings.variables.insert(PREDICT_ROUTE.to_owned(), route);
    }
    Ok(())
}

fn predict_route(route: &str, report: &mut Report) -> Result<(), ImportError> {
    let kind = match route {
        "/v1/embeddings" | "/embeddings" | "/embed" | "/embed_all" | "/similarity" | "/" => {
            return Ok(());
        }
        "/rerank" => "reranker",
        "/predict" => "classifier",
        "/embed_sparse" => "sparse model",
        _ => {
            report.note(format!(
                "docker_server.predict_endpoint is {route}, which is none of the routes of an embedding \
                 model: /v1/embeddings, /embed, /embed_all and /similarity"
            ));
            return Ok(());
        }
    };
    Err(ImportError::NotServed { route: route.to_owned(), kind })
}

/// Far longer than any route that is answered.
const MAX_ROUTE: usize = 256;

/// Whether a byte stands for itself in the path of an address.
fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-_.~%:@!$&'()*+,;=".contains(&byte)
}

fn route(server: &mut Section, key: &str) -> Result<Option<String>, ImportError> {
    let path = server.path_of(key);
    let Some(route) = server.words(key)? else {
        return Ok(None);
    };
    if !route.starts_with('/') || route.len() > MAX_ROUTE || !route.bytes().all(is_of_path) {
        let allowed = "a path that begins with `/`, such as /v1/embeddings";
        return Err(ImportError::BadValue { path, value: route, allowed });
    }
    let trimmed = route.trim_end_matches('/');
    Ok(Some(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() }))
}

fn port(
    server: &mut Section,
    settings: &Settings,
    report: &mut Report,
) -> Result<Option<u16>, ImportError> {
    const ALLOWED: &str = "a port, from 1 to 65535";
    let path = server.path_of("server_port");
    let text = server.number("server_port")?.map(|number| number.to_string());
    let parse = |path: &str, text: &str| match text.trim().parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(ImportError::BadValue {
            path: path.to_owned(),
            value: text.to_owned(),
            allowed: ALLOWED,
        }),
    };
    let listens = settings.port.as_deref().map(|text| parse("--port", text)).transpose()?;
    let asked = text.as_deref().map(|text| parse(&path, text)).transpose()?;
    if let (Some(asked), Some(listens)) = (asked, listens)
        && asked != listens
    {
        report.note(format!(
            "{path} is {asked} and --port {listens}: on Baseten no request would arrive; here neither counts"
        ));
    }
    if asked.or(listens).is_some() {
        let key = if asked.is_some() { path } else { "--port".to_owned() };
        report.leave_out(key, "clients are shown it, but replicas listen on sockets of their own");
    }
    Ok(asked.or(listens))
}

fn runtime(
    root: &mut Section,
    settings: &Settings,
    report: &mut Report,
) -> Result<(), ImportError> {
    // It stood beside the others once.
    let old = root.number("predict_concurrency")?;
    let mut runtime = root.section("runtime")?;
    let concurrency = runtime.number("predict_concurrency")?.or(old);
    compare(concurrency, settings.max_concurrent_requests, report);
    let mut transport = runtime.section("transport")?;
    let path = transport.path_of("kind");
    if let Some(kind) = transport.words("kind")?.filter(|kind| kind != "http") {
        report.leave_out(path, format!("an endpoint answers HTTP requests, and no {kind}"));
    }
    transport.finish(report);
    runtime.leave_out(&["is_websocket_endpoint"], "an endpoint answers HTTP requests", report);
    runtime.leave_out(&["streaming_read_timeout"], "embeddings are not streamed", report);
    let why = "the server itself decides when a replica is ready, and when it has failed";
    runtime.leave_out(&["health_checks"], why, report);
    let why = "`sembla serve` has the setting log_level, and its metrics are at /metrics";
    runtime.leave_out(&["enable_tracing_data", "enable_debug_logs"], why, report);
    let of_machine =
        &["oidc", "remote_ssh", "egress_restrictions", "truss_server_version_override"];
    runtime.leave_out(of_machine, SERVER, report);
    runtime.finish(report);
    Ok(())
}

/// What the router takes at most where it is not told.
const USUAL_REQUESTS: u32 = 512;

/// The two must be kept equal by hand over there.
fn compare(concurrency: Option<u32>, requests: Option<u32>, report: &mut Report) {
    let (sent, taken) = match (concurrency, requests) {
        (None, None) => return,
        (sent, taken) => (sent.unwrap_or(1), taken.unwrap_or(USUAL_REQUESTS)),
    };
    let usual = |given: Option<u32>| if given.is_none() { " (not given)" } else { "" };
    let both = format!(
        "runtime.predict_concurrency is {sent}{} and --max-concurrent-requests {taken}{}",
        usual(concurrency),
        usual(requests)
    );
    let requests_sent = if sent == 1 { "1 request".to_owned() } else { format!("{sent} requests") };
    let meaning = match sent.cmp(&taken) {
        Ordering::Less => "and never as many as it takes".to_owned(),
        Ordering::Equal => return,
        Ordering::Greater => format!("of which it refuses those over {taken}"),
    };
    let here = match requests {
        Some(_) => format!("here a replica takes {taken}"),
        None => "here a replica takes what the server's max_concurrent_requests says".to_owned(),
    };
    report.note(format!(
        "{both}: Baseten sends a replica {requests_sent} at a time, {meaning}; {here}. Write the same \
         number for both"
    ));
}

fn rest(mut root: Section, report: &mut Report) {
    root.leave_out(OF_BUILD, BUILT, report);
    root.leave_out(&["description"], "an endpoint has no description", report);
    root.leave_out(&["examples_filename"], "an endpoint has no examples", report);
    let why = "files are fetched from the Hub, or are in a folder of this machine";
    root.leave_out(&["bdn", "training_checkpoints"], why, report);
    for key in ["trt_llm", "bis_llm"] {
        drop(root.take(key));
    }
    root.finish(report);
}

impl From<Known> for SecretSource {
    fn from(known: Known) -> Self {
        match known.secret {
            Some(name) => Self::Asked(name),
            None => Self::File(Sensitive::new(known.text)),
        }
    }
}
