//! The served models: their names, and whether they are ready.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use engine::Engine;

use crate::config::ModelConfig;

/// A server that cannot be built as it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// No models to serve, and no indexes.
    #[error("there is nothing to serve: no model, and no indexes because {why}")]
    Nothing {
        /// Why there are no indexes.
        why: String,
    },
    /// A name that cannot stand in a path.
    #[error(
        "model name `{name}` cannot stand in a path; use letters, digits, `.`, `_` and `-`, beginning with a letter or a digit"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// A name that is the first part of one of the server's own routes.
    #[error("model name `{name}` is a route of the server; reserved are {}", .reserved.join(", "))]
    ReservedName {
        /// The name.
        name: String,
        /// All names that cannot be had.
        reserved: Vec<String>,
    },
    /// Two models that would answer to the same name.
    #[error("two models are called `{name}`; give one another name with NAME=MODEL")]
    DuplicateName {
        /// The name or alias.
        name: String,
    },
}

/// The served models, in the order given. The first answers where a request names none. A server of
/// indexes alone has none.
#[derive(Debug)]
pub(crate) struct Models(Vec<Arc<Served>>);

impl Models {
    /// Takes models whose names are route-safe, not `reserved` and all different.
    pub(crate) fn new(
        configs: Vec<ModelConfig>,
        reserved: &BTreeSet<String>,
    ) -> Result<Self, AppError> {
        let mut taken = BTreeSet::new();
        for config in &configs {
            check_name(&config.name, reserved)?;
            // An alias may repeat its own model's name, but not another's.
            let own: BTreeSet<&String> = config.aliases.iter().chain([&config.name]).collect();
            for name in own {
                if !taken.insert(name) {
                    return Err(AppError::DuplicateName { name: name.clone() });
                }
            }
        }
        let served = |config| Arc::new(Served { config, outcome: OnceLock::new() });
        Ok(Self(configs.into_iter().map(served).collect()))
    }

    /// Returns the model that answers where a request names none.
    pub(crate) fn first(&self) -> Option<&Arc<Served>> {
        self.0.first()
    }

    /// Returns the model that a `model` field or a path names. An only model answers to any name.
    pub(crate) fn select(&self, name: &str) -> Option<&Arc<Served>> {
        match &self.0[..] {
            [only] => Some(only),
            several => several.iter().find(|served| served.answers_to(name)),
        }
    }

    /// Returns the model with exactly this name, as a path's prefix gives it.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Served>> {
        self.0.iter().find(|served| served.config.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.0.iter()
    }

    /// Returns the names, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|served| served.config.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

fn check_name(name: &str, reserved: &BTreeSet<String>) -> Result<(), AppError> {
    let is_safe = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if !is_safe {
        return Err(AppError::BadName { name: name.to_owned() });
    }
    if reserved.contains(name) {
        let reserved = reserved.iter().cloned().collect();
        return Err(AppError::ReservedName { name: name.to_owned(), reserved });
    }
    Ok(())
}

/// One served model.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) config: ModelConfig,
    // Empty while the model is loading. Set once, so that health reads it without a lock.
    outcome: OnceLock<Result<Engine, String>>,
}

impl Served {
    /// Returns where the model stands.
    pub(crate) fn state(&self) -> ModelState<'_> {
        match self.outcome.get() {
            None => ModelState::Loading,
            Some(Ok(engine)) => ModelState::Ready(engine),
            Some(Err(message)) => ModelState::Failed(message),
        }
    }

    /// Returns whether this is the model's name or an alias of it.
    pub(crate) fn answers_to(&self, name: &str) -> bool {
        self.config.name == name || self.config.aliases.iter().any(|alias| alias == name)
    }
}

/// Where a served model stands.
#[derive(Debug)]
pub(crate) enum ModelState<'a> {
    /// It may become ready.
    Loading,
    /// It answers.
    Ready(&'a Engine),
    /// It never will, and this is why.
    Failed(&'a str),
}

/// The duty to say what became of a served model that is being loaded.
///
/// Until then its inference routes answer 503. A slot that is dropped counts as a failure, so that
/// a loader that panics does not leave clients waiting.
#[derive(Debug)]
pub struct ModelSlot(Arc<Served>);

impl ModelSlot {
    pub(crate) fn new(served: Arc<Served>) -> Self {
        Self(served)
    }

    /// Returns the model's name.
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// Lets the model answer.
    pub fn ready(self, engine: Engine) {
        self.settle(Ok(engine));
    }

    /// Answers every request for the model with `message`.
    pub fn failed(self, message: String) {
        self.settle(Err(message));
    }

    fn settle(&self, outcome: Result<Engine, String>) {
        let _ = self.0.outcome.set(outcome);
    }
}

impl Drop for ModelSlot {
    fn drop(&mut self) {
        // Does nothing to a model that was settled before.
        self.settle(Err("loading ended without a result".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn config(name: &str, aliases: &[&str]) -> ModelConfig {
        ModelConfig {
            name: name.to_owned(),
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            model_id: format!("org/{name}"),
            revision: None,
            auto_truncate: true,
        }
    }

    fn models(configs: Vec<ModelConfig>) -> Result<Models, AppError> {
        let reserved = ["embed", "v1"].map(str::to_owned).into_iter().collect();
        Models::new(configs, &reserved)
    }

    #[track_caller]
    fn check_refused(configs: Vec<ModelConfig>, expected: Expect) {
        expected.assert_eq(&models(configs).unwrap_err().to_string());
    }

    #[test]
    fn a_name_must_be_free_and_fit_into_a_path() {
        for bad in ["", "a/b", ".hidden", "-x", "é", "a b", "a%2F"] {
            let refused = models(vec![config(bad, &[])]).unwrap_err();
            assert_eq!(refused, AppError::BadName { name: bad.to_owned() });
        }
        check_refused(
            vec![config("embed", &[])],
            expect!["model name `embed` is a route of the server; reserved are embed, v1"],
        );
        check_refused(
            vec![config("a", &[]), config("b", &["a"])],
            expect!["two models are called `a`; give one another name with NAME=MODEL"],
        );
        assert!(models(vec![config("all-MiniLM-L6-v2", &["all-MiniLM-L6-v2"])]).is_ok());
    }

    #[test]
    fn one_model_answers_to_any_name_and_several_to_their_own() {
        let one = models(vec![config("a", &[])]).unwrap();
        assert_eq!(one.select("gpt").unwrap().config.name, "a");

        let two = models(vec![config("a", &[]), config("b", &["org/b"])]).unwrap();
        assert_eq!(two.select("org/b").unwrap().config.name, "b");
        assert_eq!(two.select("a").unwrap().config.name, "a");
        assert!(two.select("gpt").is_none());
        assert_eq!(two.first().unwrap().config.name, "a");
        assert_eq!(two.names(), "a, b");
    }

    #[test]
    fn a_server_of_indexes_alone_has_none() {
        let none = models(vec![]).unwrap();
        assert!(none.first().is_none() && none.select("gpt").is_none());
        assert_eq!(none.names(), "none");
    }

    #[test]
    fn a_dropped_slot_is_a_failure() {
        let models = models(vec![config("a", &[])]).unwrap();
        let slot = ModelSlot::new(Arc::clone(models.first().unwrap()));
        assert!(matches!(models.first().unwrap().state(), ModelState::Loading));
        drop(slot);
        assert!(matches!(models.first().unwrap().state(), ModelState::Failed(_)));
    }

    #[test]
    fn the_first_outcome_of_a_slot_stays() {
        let models = models(vec![config("a", &[])]).unwrap();
        ModelSlot::new(Arc::clone(models.first().unwrap())).failed("no config.json".to_owned());
        let ModelState::Failed(message) = models.first().unwrap().state() else {
            panic!("not failed")
        };
        assert_eq!(message, "no config.json");
    }
}
