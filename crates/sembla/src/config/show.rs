//! `sembla config show`: every setting with its value and where it came from, itself valid TOML.

use std::fmt::Write as _;

use toml::Value;

use super::layers::{Layers, Resolved};
use super::secret::HIDDEN;
use super::table::Group;

/// Renders the settings by group. Secrets are `***`; a setting without a value is a comment.
pub(crate) fn render(layers: &Layers) -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "# {}", group.title());
        for resolved in layers.resolved.iter().filter(|resolved| resolved.setting.group == group) {
            let _ = writeln!(text, "{}", line(resolved));
        }
        text.push('\n');
    }
    for note in &layers.notes {
        let _ = writeln!(text, "# {note}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn line(resolved: &Resolved) -> String {
    let name = resolved.setting.name;
    let Some((value, source)) = &resolved.value else {
        return format!("# {name} is not set");
    };
    let shown = if resolved.setting.kind.is_secret() { hide(value) } else { value.clone() };
    format!("{:<44} # {source}", format!("{name} = {shown}"))
}

/// Replaces every secret, and still says how many there are.
fn hide(value: &Value) -> Value {
    let hidden = Value::String(HIDDEN.to_owned());
    match value.as_array() {
        Some(items) => Value::Array(vec![hidden; items.len()]),
        None => hidden,
    }
}
