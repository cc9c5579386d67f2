//! The values of the secrets that a Truss names.

use std::collections::BTreeMap;

use truss::{Secret, SecretSource, Sensitive};

use super::super::super::outcome::UsageError;
use super::super::wanted::secret_of;
use super::ask;
use crate::config::{Env, HIDDEN, Secret as Value};

/// The variables that nobody is shown, with the values of those that are known.
pub(super) struct Secrets(BTreeMap<String, Slot>);

struct Slot {
    /// What Baseten calls it, if it is one of the file.
    name: Option<String>,
    value: Option<Value>,
}

impl Secrets {
    /// Begins with what was given. A secret goes by the file's name for it or by that of its variable.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if one is given by a variable that is not set.
    pub(super) fn new(needed: &[Secret], given: &[String], env: &Env) -> Result<Self, UsageError> {
        let slots = needed.iter().map(|Secret { variable, source }| {
            let slot = match source {
                SecretSource::Asked(name) => Slot { name: Some(name.clone()), value: None },
                SecretSource::File(text) => Slot { name: None, value: Some(value_of(text)) },
            };
            (variable.clone(), slot)
        });
        let mut slots: BTreeMap<_, _> = slots.collect();
        for text in given {
            let (name, value) = secret_of(text, env)?;
            let is_named = |slot: &&mut Slot| slot.name.as_deref() == Some(name);
            let value = Some(Value::new(value.to_owned()));
            match slots.values_mut().find(is_named) {
                Some(slot) => slot.value = value,
                None => {
                    slots.entry(name.to_owned()).or_insert(Slot { name: None, value: None }).value =
                        value
                }
            }
        }
        Ok(Self(slots))
    }

    /// Refuses to go on without values, unless somebody can be asked for them.
    ///
    /// # Errors
    ///
    /// [`UsageError`] that names all of them.
    pub(super) fn check(&self, can_ask: bool) -> Result<(), UsageError> {
        let missing: Vec<String> = self.missing().map(|(_, name)| format!("`{name}`")).collect();
        if can_ask || missing.is_empty() {
            return Ok(());
        }
        let (noun, each) = match missing.len() {
            1 => ("the secret", "it"),
            _ => ("the secrets", "each"),
        };
        Err(UsageError(format!(
            "the file names {noun} {}, and nobody is at a terminal to be asked; give {each} with \
             --secret NAME=VALUE, or leave it out with --secret NAME=",
            missing.join(", ")
        )))
    }

    /// Asks for what is missing.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read.
    pub(super) fn ask(&mut self) -> anyhow::Result<()> {
        for (variable, slot) in &mut self.0 {
            if let (Some(name), None) = (&slot.name, &slot.value) {
                let question =
                    if name == variable { name.clone() } else { format!("{name} ({variable})") };
                slot.value = Some(Value::new(ask::hidden(&question)?));
            }
        }
        Ok(())
    }

    /// Returns the variables, with values that may be shown.
    pub(super) fn hidden(&self) -> Vec<(String, String)> {
        self.given().map(|name| (name.clone(), HIDDEN.to_owned())).collect()
    }

    /// Returns the variables with their values.
    pub(super) fn revealed(&self) -> Vec<(String, String)> {
        let values = self.0.iter().filter_map(|(name, slot)| Some((name, slot.value.as_ref()?)));
        let values = values.map(|(name, value)| (name.clone(), value.reveal().to_owned()));
        values.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Returns the variables whose values somebody has to give, and what they are called.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        let missing = self.0.iter().filter(|(_, slot)| slot.value.is_none());
        missing.filter_map(|(variable, slot)| Some((variable.as_str(), slot.name.as_deref()?)))
    }

    fn given(&self) -> impl Iterator<Item = &String> {
        let is_left_out =
            |slot: &Slot| slot.value.as_ref().is_some_and(|value| value.reveal().is_empty());
        self.0.iter().filter(move |(_, slot)| !is_left_out(slot)).map(|(name, _)| name)
    }
}

fn value_of(text: &Sensitive) -> Value {
    Value::new(text.reveal().to_owned())
}
