//! Filters and metadata as Chroma has them.
//!
//! Chroma compares a field with values of one kind, has no way to ask whether a field is there, and keeps
//! no empty lists. So each record has one more field, [`FIELDS`], that lists its fields.

use serde_json::{Value as Json, json};
use wire::chroma;

use super::NAME;
use crate::error::StoreError;
use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::{Metadata, Value};

/// The names of a record's fields, each after `=`, and of its numbers once more after `#`.
const FIELDS: &str = "sembla_fields";

/// A filter in Chroma's words, where it has words for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Where {
    /// Every record passes.
    All,
    /// None does.
    None,
    /// Those of which this holds.
    If(Json),
}

impl Where {
    /// Translates a filter that has been through [`pushed_down`](super::super::negation::pushed_down).
    pub(super) fn from(filter: &Filter) -> Result<Self, StoreError> {
        match filter {
            Filter::And(filters) => Ok(Self::all(translated(filters)?)),
            Filter::Or(filters) => Ok(Self::any(translated(filters)?)),
            Filter::Not(filter) => match &**filter {
                Filter::Field { field, condition: Condition::Compare(comparison, than) } => {
                    let opposite = compared(field, opposite(*comparison), *than);
                    Ok(Self::any(vec![lists_not(&format!("#{field}")), opposite]))
                }
                Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Field { .. } => {
                    Err(unsupported("negate this filter"))
                }
            },
            Filter::Field { field, condition } => Self::field(field, condition),
        }
    }

    fn field(field: &str, condition: &Condition) -> Result<Self, StoreError> {
        Ok(match condition {
            Condition::Equal(value) => Self::any(equals(field, std::slice::from_ref(value))?),
            Condition::In(values) => Self::any(equals(field, values)?),
            Condition::NotEqual(value) => Self::all(differs(field, std::slice::from_ref(value))?),
            Condition::NotIn(values) => Self::all(differs(field, values)?),
            Condition::Compare(comparison, than) => compared(field, *comparison, *than),
            Condition::Exists(true) => {
                Self::If(json!({ FIELDS: {"$contains": format!("={field}")} }))
            }
            Condition::Exists(false) => lists_not(&format!("={field}")),
        })
    }

    fn all(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::None) {
            return Self::None;
        }
        Self::joined("$and", parts, Self::All)
    }

    fn any(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::All) {
            return Self::All;
        }
        Self::joined("$or", parts, Self::None)
    }

    /// Joins what depends on a record. Chroma takes no empty lists.
    fn joined(word: &str, parts: Vec<Self>, empty: Self) -> Self {
        let mut conditions: Vec<Json> = parts
            .into_iter()
            .filter_map(|part| if let Self::If(json) = part { Some(json) } else { None })
            .collect();
        match conditions.len() {
            0 => empty,
            1 => Self::If(conditions.remove(0)),
            _ => Self::If(json!({ word: conditions })),
        }
    }
}

fn translated(filters: &[Filter]) -> Result<Vec<Where>, StoreError> {
    filters.iter().map(Where::from).collect()
}

/// What it takes to be one of some values, any of it.
fn equals(field: &str, values: &[Value]) -> Result<Vec<Where>, StoreError> {
    by_kind(field, values, "$in", "$contains")
}

/// What it takes to be none of some values, all of it.
fn differs(field: &str, values: &[Value]) -> Result<Vec<Where>, StoreError> {
    by_kind(field, values, "$nin", "$not_contains")
}

fn by_kind(
    field: &str,
    values: &[Value],
    among: &str,
    within: &str,
) -> Result<Vec<Where>, StoreError> {
    let (mut texts, mut numbers, mut truths) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::String(text) => texts.push(json!(text)),
            Value::Number(number) => numbers.push(json!(number)),
            Value::Bool(truth) => truths.push(json!(truth)),
            Value::Strings(_) => return Err(unsupported("compare a field with a whole list")),
        }
    }
    let mut conditions = Vec::new();
    for text in &texts {
        conditions.push(Where::If(json!({ field: { within: text } })));
    }
    for kind in [texts, numbers, truths] {
        if !kind.is_empty() {
            conditions.push(Where::If(json!({ field: { among: kind } })));
        }
    }
    Ok(conditions)
}

fn compared(field: &str, comparison: Comparison, than: f64) -> Where {
    let operator = match comparison {
        Comparison::Greater => "$gt",
        Comparison::GreaterOrEqual => "$gte",
        Comparison::Less => "$lt",
        Comparison::LessOrEqual => "$lte",
    };
    Where::If(json!({ field: { operator: than } }))
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
    }
}

fn lists_not(entry: &str) -> Where {
    Where::If(json!({ FIELDS: {"$not_contains": entry} }))
}

fn unsupported(what: &'static str) -> StoreError {
    StoreError::Unsupported { store: NAME, what }
}

/// Returns metadata as Chroma keeps it, with nulls for the fields that a record had and has no more: a
/// write there adds fields to those of before.
pub(super) fn kept(
    metadata: &Metadata,
    before: Option<&chroma::Metadata>,
) -> Result<chroma::Metadata, StoreError> {
    let mut kept = chroma::Metadata::new();
    for old in before.into_iter().flat_map(chroma::Metadata::keys) {
        kept.insert(old.clone(), Json::Null);
    }
    // Never empty, so that a list that is not this record's own is always replaced.
    let mut fields = vec![String::new()];
    for (field, value) in metadata {
        if field == FIELDS {
            return Err(unsupported("keep a metadata field named `sembla_fields`"));
        }
        fields.push(format!("={field}"));
        if matches!(value, Value::Number(_)) {
            fields.push(format!("#{field}"));
        }
        if !matches!(value, Value::Strings(texts) if texts.is_empty()) {
            kept.insert(field.clone(), json!(value));
        }
    }
    kept.insert(FIELDS.to_owned(), json!(fields));
    Ok(kept)
}

/// The condition that all records meet, for where Chroma wants one.
pub(super) fn any_record() -> Json {
    json!({ FIELDS: {"$not_contains": "no record has this"} })
}

/// Returns metadata as it was sent: the fields that the record lists. Chroma 1.5.9 leaves the lists of a
/// collection that is deleted behind, and shows them in records that come to lie where those were.
pub(super) fn sent(kept: Option<&chroma::Metadata>) -> Metadata {
    let Some(kept) = kept else { return Metadata::new() };
    let listed = kept.get(FIELDS).and_then(Json::as_array).into_iter().flatten();
    let names = listed.filter_map(|entry| entry.as_str()?.strip_prefix('='));
    let value = |name: &str| match kept.get(name) {
        Some(value) => Value::from_json(value),
        None => Some(Value::Strings(Vec::new())),
    };
    names.filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::stores::negation::pushed_down;

    #[track_caller]
    fn check(filter: Json, expected: Expect) {
        let filter = pushed_down(&Filter::from_json(&filter).unwrap());
        let text = match Where::from(&filter).unwrap() {
            Where::All => "all".to_owned(),
            Where::None => "none".to_owned(),
            Where::If(json) => json.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_text_is_equal_or_in_the_list() {
        check(
            json!({"a": "x"}),
            expect![[r#"{"$or":[{"a":{"$contains":"x"}},{"a":{"$in":["x"]}}]}"#]],
        );
        check(json!({"a": 1}), expect![[r#"{"a":{"$in":[1.0]}}"#]]);
    }

    #[test]
    fn what_holds_of_all_or_none_has_no_condition() {
        check(json!({}), expect!["all"]);
        check(json!({"a": {"$in": []}}), expect!["none"]);
        check(json!({"$or": [{"a": {"$in": []}}, {"b": 1}]}), expect![[r#"{"b":{"$in":[1.0]}}"#]]);
    }

    #[test]
    fn not_greater_is_less_or_no_number() {
        check(
            json!({"a": {"$not": {"$gt": 1}}}),
            expect![[r##"{"$or":[{"sembla_fields":{"$not_contains":"#a"}},{"a":{"$lte":1.0}}]}"##]],
        );
    }

    #[test]
    fn metadata_comes_back_as_it_was_sent() {
        let json = json!({"a": "x", "b": [], "c": ["y"], "d": 1.5, "e": false});
        let metadata = crate::metadata::from_json(&json).unwrap();
        let before = kept(&crate::metadata::from_json(&json!({"old": 1})).unwrap(), None).unwrap();
        let mut kept = kept(&metadata, Some(&before)).unwrap();
        assert_eq!(kept.remove("old"), Some(Json::Null));
        kept.insert("of another record".to_owned(), json!(["x"]));
        assert_eq!(sent(Some(&kept)), metadata);
        assert_eq!(sent(None), Metadata::new());
    }

    #[test]
    fn the_name_of_the_hidden_field_is_taken() {
        let taken = crate::metadata::from_json(&json!({"sembla_fields": "x"})).unwrap();
        expect!["the chroma store cannot keep a metadata field named `sembla_fields`"]
            .assert_eq(&kept(&taken, None).unwrap_err().to_string());
    }
}
