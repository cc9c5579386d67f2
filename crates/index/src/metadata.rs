//! The metadata of a record: a flat object of strings, numbers, booleans and lists of strings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most bytes that a record's metadata may have as JSON, as Pinecone limits it.
pub const MAX_METADATA_BYTES: usize = 40 << 10;

/// The metadata of one record, by field.
pub type Metadata = BTreeMap<String, Value>;

/// One field of a record's metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// Any number; whole ones are numbers like others.
    Number(f64),
    /// Text.
    String(String),
    /// Several texts; a comparison holds if it holds for one of them.
    Strings(Vec<String>),
}

/// Metadata that no record can have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetadataError {
    /// No object.
    #[error("metadata must be an object of fields, not {found}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A field of a kind that is not kept.
    #[error(
        "metadata field `{field}` is {found}; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)"
    )]
    Kind {
        /// The field.
        field: String,
        /// What it is.
        found: &'static str,
    },
    /// Too much of it.
    #[error("metadata has {got} bytes as JSON, and a record takes at most {max}")]
    TooLarge {
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
}

/// Takes metadata as JSON has it.
///
/// # Errors
///
/// [`MetadataError`] if it is no flat object of the kinds that are kept, or is too large.
pub fn from_json(json: &serde_json::Value) -> Result<Metadata, MetadataError> {
    let serde_json::Value::Object(fields) = json else {
        return Err(MetadataError::NotAnObject { found: kind(json) });
    };
    let mut metadata = Metadata::new();
    for (field, value) in fields {
        let kept = Value::from_json(value)
            .ok_or_else(|| MetadataError::Kind { field: field.clone(), found: kind(value) })?;
        metadata.insert(field.clone(), kept);
    }
    check_size(&metadata)?;
    Ok(metadata)
}

/// Checks that metadata is not too large for a record.
pub(crate) fn check_size(metadata: &Metadata) -> Result<(), MetadataError> {
    let got = serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len());
    if got > MAX_METADATA_BYTES {
        return Err(MetadataError::TooLarge { got, max: MAX_METADATA_BYTES });
    }
    Ok(())
}

impl Value {
    /// Takes a value as JSON has it; `None` for null, objects and lists of other things than strings.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        match json {
            serde_json::Value::Bool(truth) => Some(Self::Bool(*truth)),
            serde_json::Value::Number(number) => number.as_f64().map(Self::Number),
            serde_json::Value::String(text) => Some(Self::String(text.clone())),
            serde_json::Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<Vec<_>>>().map(Self::Strings)
            }
            serde_json::Value::Null | serde_json::Value::Object(_) => None,
        }
    }
}

/// Returns what a JSON value is, for messages.
pub(crate) fn kind(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list with other things than strings",
        serde_json::Value::Object(_) => "an object",
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_refused(json: serde_json::Value, expected: Expect) {
        expected.assert_eq(&from_json(&json).unwrap_err().to_string());
    }

    #[test]
    fn a_flat_object_is_kept_as_it_is() {
        let json = json!({"a": "x", "b": 1.5, "c": true, "d": ["x", "y"], "e": 7, "f": []});
        let metadata = from_json(&json).unwrap();
        assert_eq!(metadata["b"], Value::Number(1.5));
        assert_eq!(metadata["d"], Value::Strings(vec!["x".to_owned(), "y".to_owned()]));
        let back: Metadata =
            serde_json::from_str(&serde_json::to_string(&metadata).unwrap()).unwrap();
        assert_eq!(back, metadata);
    }

    #[test]
    fn what_cannot_be_filtered_is_refused() {
        check_refused(
            json!({"a": null}),
            expect![
                "metadata field `a` is null; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)"
            ],
        );
        check_refused(
            json!({"a": {"b": 1}}),
            expect![
                "metadata field `a` is an object; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)"
            ],
        );
        check_refused(
            json!({"a": [1, 2]}),
            expect![
                "metadata field `a` is a list with other things than strings; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)"
            ],
        );
        check_refused(
            json!([1]),
            expect![
                "metadata must be an object of fields, not a list with other things than strings"
            ],
        );
        check_refused(
            json!({"a": "x".repeat(40_953)}),
            expect!["metadata has 40961 bytes as JSON, and a record takes at most 40960"],
        );
        assert!(from_json(&json!({"a": "x".repeat(40_952)})).is_ok());
    }
}
