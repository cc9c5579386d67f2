//! Which secrets the endpoint needs, and under which names.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::error::ImportError;
use crate::report::Report;
use crate::router::Settings;
use crate::section::Section;
use crate::sensitive::Sensitive;
use crate::weights::Sources;

/// A variable that nobody is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub variable: String,
    /// Where its value is.
    pub source: SecretSource,
}

/// Where the value of a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// It stood in the file, as it should not.
    File(Sensitive),
    /// Somebody has it: Baseten keeps it under this name.
    Asked(String),
}

const HUB_TOKEN: &str = "HF_TOKEN";
/// What Baseten's documentation calls a token of the Hub.
const HUB_SECRETS: &[&str] = &["hf_access_key", "hf_access_token", "hf_token", "hf_api_key"];

/// What the secrets of a file are for, where that is told elsewhere in it.
pub(super) struct Needed<'a> {
    pub(super) sources: &'a Sources,
    pub(super) of_registry: Option<String>,
}

pub(super) fn secrets(
    root: &mut Section,
    settings: &mut Settings,
    Needed { sources, of_registry }: &Needed<'_>,
    report: &mut Report,
) -> Result<Vec<Secret>, ImportError> {
    let known = std::mem::take(&mut settings.secrets);
    let mut secrets: BTreeMap<String, SecretSource> =
        known.into_iter().map(|(variable, known)| (variable, known.into())).collect();
    for (variable, source) in &secrets {
        if matches!(source, SecretSource::File(_)) {
            report.note(format!(
                "the value of {variable} stands in the file for all to read; it becomes a secret here"
            ));
        }
    }
    let mut names = Vec::new();
    for (path, name, value) in root.section("secrets")?.into_entries() {
        if !value.is_null() {
            report.leave_out(&path, "its value in the file is a placeholder, and is not used");
        }
        if of_registry.as_ref() == Some(&name) {
            report.leave_out(path, "no container is fetched here");
        } else {
            names.push((path, name));
        }
    }
    // Those with which a repository is fetched need not stand there.
    let of_sources =
        sources.secrets.iter().filter(|name| !names.iter().any(|(_, other)| other == *name));
    let of_sources: Vec<_> = of_sources.map(|name| ("weights".to_owned(), name.clone())).collect();
    names.extend(of_sources);
    for (path, name) in names {
        let asked = SecretSource::Asked(name.clone());
        if secrets.values().any(|source| *source == asked) {
            continue;
        }
        let is_token = HUB_SECRETS.contains(&name.to_ascii_lowercase().as_str())
            || sources.secrets.contains(&name);
        let variable = if is_token { HUB_TOKEN.to_owned() } else { name };
        match secrets.entry(variable) {
            Entry::Occupied(there) => {
                report.leave_out(path, format!("{} has a value already", there.key()));
            }
            Entry::Vacant(free) => drop(free.insert(asked)),
        }
    }
    Ok(secrets.into_iter().map(|(variable, source)| Secret { variable, source }).collect())
}
