//! What is said of a Truss: the endpoint that it would become, and what has no meaning here.

use serde_json::json;
use truss::Wanted;
use wire::huggingface_endpoints::{CreateRequest, Image};

use super::super::super::outcome::print;
use super::super::plane::Form;
use super::super::scaling::describe;
use super::secrets::Secrets;
use crate::format::{card, columns, printable};
use crate::progress::say;

/// Prints the endpoint that would be made, and all that there is to say.
///
/// # Errors
///
/// If stdout cannot be written.
pub(super) fn dry_run(
    wanted: &Wanted,
    secrets: &Secrets,
    request: &CreateRequest,
    form: Form,
) -> anyhow::Result<()> {
    match form {
        Form::Text => {
            let mut text = endpoint(wanted, secrets, request);
            text.extend(left_out(wanted));
            print(&text.join("\n"))
        }
        Form::Json => {
            let left_out = wanted.left_out.iter();
            let left_out: Vec<_> =
                left_out.map(|part| json!({"key": part.key, "why": part.why})).collect();
            let said = json!({"request": request, "notes": wanted.notes, "left_out": left_out});
            print(&serde_json::to_string_pretty(&said)?)
        }
    }
}

/// Says on stderr what should be known of an endpoint that is made.
pub(super) fn beside(wanted: &Wanted) {
    for note in &wanted.notes {
        say(&format!("note: {}", printable(note)));
    }
    for line in left_out(wanted) {
        say(&line);
    }
}

fn left_out(wanted: &Wanted) -> Vec<String> {
    if wanted.left_out.is_empty() {
        return Vec::new();
    }
    let rows = wanted.left_out.iter().map(|part| [printable(&part.key), printable(&part.why)]);
    let mut lines = vec!["has no meaning here:".to_owned()];
    lines.extend(columns(&rows.collect::<Vec<_>>()).lines().map(|line| format!("  {line}")));
    lines
}

fn endpoint(wanted: &Wanted, secrets: &Secrets, request: &CreateRequest) -> Vec<String> {
    let (model, compute) = (&request.model.shown, &request.compute);
    let mut rows = vec![("model", printable(&model.repository))];
    rows.extend(model.revision.iter().map(|it| ("revision", printable(it))));
    if let Image::Custom(container) = &model.image {
        rows.extend(container.url.iter().map(|url| ("image", printable(url))));
    }
    rows.extend(wanted.image.health_route.iter().map(|it| ("health", printable(it))));
    let variables = model.env.iter().flatten();
    rows.extend(variables.map(|(name, value)| ("variable", printable(&format!("{name}={value}")))));
    for name in request.model.secrets.iter().flat_map(|secrets| secrets.0.keys()) {
        let missing = secrets.missing().find(|(variable, _)| variable == name);
        let text = match missing {
            Some((_, asked)) => format!("{name}, which takes --secret {asked}=VALUE"),
            None => name.clone(),
        };
        rows.push(("secret", printable(&text)));
    }
    rows.push(("replicas", describe(&compute.scaling)));
    let (kind, size) = (&compute.instance_type, &compute.instance_size);
    rows.push(("instance", printable(&format!("{kind} {size}, {}", compute.accelerator))));
    rows.extend(wanted.notes.iter().map(|note| ("note", printable(note))));
    vec![card(&format!("endpoint {} would be", wanted.name), &rows)]
}
