//! What a directory is, in plain words, before anybody depends on it.

use std::error::Error;
use std::path::Path;

use crate::encoder::{EncoderSpec, LoadOptions, load};

/// One thing to say about a model directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A sentence.
    pub message: String,
}

/// What a finding means for whoever wants to use the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What the directory says.
    Found,
    /// What would be taken for granted because it does not say.
    Assumed,
    /// Why it cannot be loaded.
    Unsupported,
}

/// Says what a directory is, what would be assumed and what is unsupported, by loading it.
///
/// # Cost
///
/// As [`load`]: the weights are read and hashed.
pub fn check(directory: &Path) -> Vec<Finding> {
    match load(directory, &LoadOptions::default()) {
        Ok(encoder) => describe(encoder.spec()),
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                message = format!("{message}: {error}");
                cause = error.source();
            }
            vec![Finding { severity: Severity::Unsupported, message }]
        }
    }
}

fn describe(spec: &EncoderSpec) -> Vec<Finding> {
    let found = |message| Finding { severity: Severity::Found, message };
    let pooling: Vec<_> = spec.pooling.iter().map(|pooling| pooling.name()).collect();
    let normalized = if spec.normalizes { "normalized" } else { "not normalized" };
    let mut findings = vec![
        found(format!("a network of model_type `{}`", spec.model_type)),
        found(format!(
            "embeddings of {} dimensions, {} pooling, {normalized}",
            spec.dimensions,
            pooling.join(" + ")
        )),
        found(format!("texts of up to {} tokens", spec.max_tokens)),
        found(format!("{} token ids", spec.vocab_size)),
        found(format!("weights with SHA-256 {}", spec.weight_hash)),
    ];
    for (name, text) in &spec.prompts {
        let default =
            if spec.default_prompt_name.as_ref() == Some(name) { ", the default" } else { "" };
        findings.push(found(format!("prompt `{name}`: {text:?}{default}")));
    }
    findings.extend(
        spec.assumptions
            .iter()
            .map(|assumption| Finding { severity: Severity::Assumed, message: assumption.clone() }),
    );
    findings
}
