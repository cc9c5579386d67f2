//! Records: text in, hits out.

use index::{Match, Record, SparseVector};
use serde_json::{Map, Value};
use wire::pinecone::{Hit, SearchVector};

use super::data;
use crate::error::{ErrorKind, HttpError};

/// A record whose text is not embedded yet.
#[derive(Debug, PartialEq)]
pub(crate) struct TextRecord {
    /// With its text among its metadata, and without a vector.
    pub(crate) record: Record,
    /// What is embedded.
    pub(crate) text: String,
}

/// Takes the record of one line, whose text is in `text_field`.
///
/// # Errors
///
/// If it has no id or no text, or metadata that no record can have.
pub(crate) fn text_record(
    mut fields: Map<String, Value>,
    line: usize,
    text_field: &str,
) -> Result<TextRecord, HttpError> {
    let id = fields.remove("_id").or_else(|| fields.remove("id"));
    let Some(Value::String(id)) = id else {
        return Err(wrong(line, "a record needs an `_id` that is a string"));
    };
    let Some(Value::String(text)) = fields.get(text_field) else {
        let problem = format!(
            "the text of a record of this index is in the field `{text_field}`, which is missing or \
             is not a string"
        );
        return Err(wrong(line, &problem));
    };
    let text = text.clone();
    let metadata = data::metadata(Some(&Value::Object(fields)), || format!("record `{id}`"))?;
    Ok(TextRecord { record: Record { id, metadata, ..Record::default() }, text })
}

fn wrong(line: usize, problem: &str) -> HttpError {
    HttpError::new(ErrorKind::BadField, format!("line {line}: {problem}"))
}

/// Translates the vector of a search.
///
/// # Errors
///
/// If its sparse part is not as many terms as weights.
pub(crate) fn vector(vector: SearchVector) -> Result<(Vec<f32>, Option<SparseVector>), HttpError> {
    let indices = vector.sparse_indices.unwrap_or_default();
    let weights = vector.sparse_values.unwrap_or_default();
    if indices.len() != weights.len() {
        let message = format!(
            "`query.vector` has {} sparse indices and {} sparse values",
            indices.len(),
            weights.len()
        );
        return Err(HttpError::new(ErrorKind::BadField, message).param("query.vector"));
    }
    let sparse = (!indices.is_empty()).then(|| SparseVector::sorted(indices, weights));
    Ok((vector.values.unwrap_or_default(), sparse))
}

/// Translates a match, with the fields that were asked for.
pub(crate) fn hit(found: Match, fields: Option<&[String]>) -> Hit {
    let is_wanted = |name: &String| fields.is_none_or(|fields| fields.contains(name));
    let wanted = found.metadata.into_iter().filter(|(name, _)| is_wanted(name));
    let json = |value| serde_json::to_value(value).expect("metadata is always valid JSON");
    Hit {
        id: found.id,
        score: found.score,
        fields: wanted.map(|(name, value)| (name, json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn take(json: Value) -> Result<TextRecord, HttpError> {
        let Value::Object(fields) = json else { panic!("no object") };
        text_record(fields, 3, "chunk")
    }

    #[track_caller]
    fn check_refused(json: Value, expected: Expect) {
        expected.assert_eq(&take(json).unwrap_err().message);
    }

    #[test]
    fn all_fields_but_the_id_are_metadata() {
        for id in ["_id", "id"] {
            let taken = take(json!({ id: "a", "chunk": "hello", "year": 2020 })).unwrap();
            assert_eq!((taken.record.id.as_str(), taken.text.as_str()), ("a", "hello"));
            let names: Vec<&String> = taken.record.metadata.keys().collect();
            assert_eq!(names, ["chunk", "year"]);
        }
    }

    #[test]
    fn a_record_without_id_or_text_names_its_line() {
        check_refused(
            json!({ "chunk": "hello" }),
            expect!["line 3: a record needs an `_id` that is a string"],
        );
        check_refused(
            json!({ "_id": 5, "chunk": "hello" }),
            expect!["line 3: a record needs an `_id` that is a string"],
        );
        check_refused(
            json!({ "_id": "a", "text": "hello" }),
            expect![
                "line 3: the text of a record of this index is in the field `chunk`, which is missing or is not a string"
            ],
        );
        check_refused(
            json!({ "_id": "a", "chunk": "hello", "more": { "x": 1 } }),
            expect![
                "record `a`: metadata field `more` is an object; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)"
            ],
        );
    }
}
