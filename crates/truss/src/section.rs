//! One mapping of the file. What is taken of it is gone from it, so that what nobody took can be listed.

use serde_json::{Map, Value};

use crate::error::ImportError;
use crate::report::Report;

const UNKNOWN: &str = "this key is not known here";

/// The keys of a mapping that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Section {
    path: String,
    keys: Map<String, Value>,
}

impl Section {
    /// Begins with the whole file.
    pub(crate) fn root(keys: Map<String, Value>) -> Self {
        Self { path: String::new(), keys }
    }

    /// Takes a value for a mapping.
    pub(crate) fn of(path: String, value: Value) -> Result<Self, ImportError> {
        match value {
            Value::Object(keys) => Ok(Self { path, keys }),
            Value::Null => Ok(Self { path, keys: Map::new() }),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Err(wrong(path, "keys with values", &other))
            }
        }
    }

    /// Returns the path of a key.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns whether a key says something.
    pub(crate) fn says(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !is_nothing(value))
    }

    /// Takes a value of any type.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.keys.remove(key).filter(|value| !value.is_null())
    }

    /// Takes a text, or a number or truth value as it is written.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, ImportError> {
        let path = self.path_of(key);
        self.take(key).map(|value| text_of(path, value)).transpose()
    }

    /// Takes a text that is not empty.
    ///
    /// # Errors
    ///
    /// If it is no text.
    pub(crate) fn words(&mut self, key: &str) -> Result<Option<String>, ImportError> {
        let text = self.text(key)?.map(|text| text.trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Takes a whole number from 0.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<u32>, ImportError> {
        let path = self.path_of(key);
        self.take(key).map(|value| number_of(path, &value)).transpose()
    }

    /// Takes a truth value.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(crate) fn switch(&mut self, key: &str) -> Result<bool, ImportError> {
        let path = self.path_of(key);
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => Err(wrong(path, "true or false", &other)),
        }
    }

    /// Takes a mapping, which has no keys where there is none.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(crate) fn section(&mut self, key: &str) -> Result<Self, ImportError> {
        let path = self.path_of(key);
        Self::of(path, self.take(key).unwrap_or_default())
    }

    /// Takes a list, each item with its path.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<(String, Value)>, ImportError> {
        let path = self.path_of(key);
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                Ok(items.map(|(index, item)| (format!("{path}[{index}]"), item)).collect())
            }
            Some(other) => Err(wrong(path, "a list", &other)),
        }
    }

    /// Takes what is left: each path, name and value, by name.
    pub(crate) fn into_entries(self) -> Vec<(String, String, Value)> {
        let path = self.path;
        let entries = self.keys.into_iter();
        let mut entries: Vec<_> =
            entries.map(|(key, value)| (format!("{path}.{key}"), key, value)).collect();
        entries.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        entries
    }

    /// Lists keys for one reason, where they say something.
    pub(crate) fn leave_out(&mut self, keys: &[&str], why: &str, report: &mut Report) {
        for key in keys {
            if self.says(key) {
                report.leave_out(self.path_of(key), why);
            }
            drop(self.take(key));
        }
    }

    /// Lists what nobody took.
    pub(crate) fn finish(self, report: &mut Report) {
        let mut paths: Vec<_> = self.keys.keys().map(|key| self.path_of(key)).collect();
        paths.sort();
        for path in paths {
            report.leave_out(path, UNKNOWN);
        }
    }
}

/// Takes a text, or a number or truth value as it is written.
pub(crate) fn text_of(path: String, value: Value) -> Result<String, ImportError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
            Err(wrong(path, "a text", &other))
        }
    }
}

fn number_of(path: String, value: &Value) -> Result<u32, ImportError> {
    const ALLOWED: &str = "a whole number from 0";
    let Value::Number(number) = value else {
        return Err(wrong(path, ALLOWED, value));
    };
    let fits = number.as_u64().and_then(|number| u32::try_from(number).ok());
    let bad = || ImportError::BadValue { path, value: number.to_string(), allowed: ALLOWED };
    fits.ok_or_else(bad)
}

fn wrong(path: String, expected: &'static str, value: &Value) -> ImportError {
    ImportError::WrongType { path, expected, found: describe(value) }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(keys) => keys.is_empty(),
    }
}

/// Says what a value is, without showing it.
pub(crate) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "keys with values",
    }
}
