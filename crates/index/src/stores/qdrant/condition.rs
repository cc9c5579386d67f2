//! Filters as Qdrant has them.
//!
//! Its conditions hold of a list if they hold of one item, as ours do, and it negates any of them. What it
//! cannot tell is whether a field is there that is an empty list, so each point lists its fields.

use serde_json::json;
use wire::qdrant;

use super::points::{FIELDS, NAMESPACE, kept_name};
use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::Value;
use crate::record::Namespace;

/// The points of a namespace that pass.
pub(super) fn within(namespace: &Namespace, filter: Option<&Filter>) -> qdrant::Filter {
    let mut must = vec![is(NAMESPACE, json!(namespace.as_str()))];
    must.extend(filter.map(condition));
    qdrant::Filter { must, ..qdrant::Filter::default() }
}

/// The points that pass, of all namespaces.
pub(super) fn filter(filter: &Filter) -> qdrant::Filter {
    qdrant::Filter { must: vec![condition(filter)], ..qdrant::Filter::default() }
}

/// The points with these UUIDs.
pub(super) fn among(has_id: Vec<String>) -> qdrant::Filter {
    let must = vec![qdrant::Condition::HasId { has_id }];
    qdrant::Filter { must, ..qdrant::Filter::default() }
}

fn condition(filter: &Filter) -> qdrant::Condition {
    match filter {
        Filter::And(filters) => all(filters.iter().map(condition).collect()),
        Filter::Or(filters) => any(filters.iter().map(condition).collect()),
        Filter::Not(filter) => none(vec![condition(filter)]),
        Filter::Field { field, condition } => match condition {
            Condition::Equal(value) => any(vec![equal(field, value)]),
            Condition::NotEqual(value) => none(vec![equal(field, value)]),
            Condition::In(values) => any(values.iter().map(|value| equal(field, value)).collect()),
            Condition::NotIn(values) => {
                none(values.iter().map(|value| equal(field, value)).collect())
            }
            Condition::Exists(true) => is(FIELDS, json!(field)),
            Condition::Exists(false) => none(vec![is(FIELDS, json!(field))]),
            Condition::Compare(comparison, than) => between(field, range(*comparison, *than)),
        },
    }
}

fn all(must: Vec<qdrant::Condition>) -> qdrant::Condition {
    qdrant::Condition::Filter(qdrant::Filter { must, ..qdrant::Filter::default() })
}

/// Qdrant reads an empty `should` as no condition at all; nothing passes an empty list of ids.
fn any(mut should: Vec<qdrant::Condition>) -> qdrant::Condition {
    match should.len() {
        0 => qdrant::Condition::HasId { has_id: Vec::new() },
        1 => should.remove(0),
        _ => qdrant::Condition::Filter(qdrant::Filter { should, ..qdrant::Filter::default() }),
    }
}

fn none(must_not: Vec<qdrant::Condition>) -> qdrant::Condition {
    qdrant::Condition::Filter(qdrant::Filter { must_not, ..qdrant::Filter::default() })
}

/// Qdrant has a match for texts and booleans; numbers are matched by a range, since its own is of whole
/// ones only. A whole list is equal to nothing that a filter can say.
fn equal(field: &str, value: &Value) -> qdrant::Condition {
    match value {
        Value::String(text) => is(&path(field), json!(text)),
        Value::Bool(truth) => is(&path(field), json!(truth)),
        Value::Number(number) => {
            let (gte, lte) = (Some(*number), Some(*number));
            between(field, qdrant::Range { gte, lte, ..qdrant::Range::default() })
        }
        Value::Strings(_) => any(Vec::new()),
    }
}

fn range(comparison: Comparison, than: f64) -> qdrant::Range {
    let (none, than) = (qdrant::Range::default(), Some(than));
    match comparison {
        Comparison::Greater => qdrant::Range { gt: than, ..none },
        Comparison::GreaterOrEqual => qdrant::Range { gte: than, ..none },
        Comparison::Less => qdrant::Range { lt: than, ..none },
        Comparison::LessOrEqual => qdrant::Range { lte: than, ..none },
    }
}

fn is(key: &str, value: serde_json::Value) -> qdrant::Condition {
    qdrant::Condition::Match { key: key.to_owned(), r#match: qdrant::Match::Value { value } }
}

fn between(field: &str, range: qdrant::Range) -> qdrant::Condition {
    qdrant::Condition::Range { key: path(field), range }
}

/// The way to a field of a record's metadata: in quotes, which every name may be.
fn path(field: &str) -> String {
    format!("metadata.\"{}\"", kept_name(field))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: serde_json::Value, expected: Expect) {
        let filter = Filter::from_json(&json).unwrap();
        expected.assert_eq(&serde_json::to_string(&condition(&filter)).unwrap());
    }

    #[test]
    fn each_kind_of_value_has_its_condition() {
        check(json!({"a": "x"}), expect![[r#"{"key":"metadata.\"a\"","match":{"value":"x"}}"#]]);
        check(json!({"a": true}), expect![[r#"{"key":"metadata.\"a\"","match":{"value":true}}"#]]);
        check(
            json!({"a": 1.5}),
            expect![[r#"{"key":"metadata.\"a\"","range":{"gte":1.5,"lte":1.5}}"#]],
        );
        check(
            json!({"a": {"$gt": 1}}),
            expect![[r#"{"key":"metadata.\"a\"","range":{"gt":1.0}}"#]],
        );
        check(
            json!({"a": {"$exists": true}}),
            expect![[r#"{"key":"sembla_fields","match":{"value":"a"}}"#]],
        );
    }

    #[test]
    fn conditions_are_joined_and_negated() {
        check(
            json!({"$not": {"a": {"$in": ["x", "y"]}, "b": {"$ne": 1}}}),
            expect![[
                r#"{"must_not":[{"must":[{"should":[{"key":"metadata.\"a\"","match":{"value":"x"}},{"key":"metadata.\"a\"","match":{"value":"y"}}]},{"must_not":[{"key":"metadata.\"b\"","range":{"gte":1.0,"lte":1.0}}]}]}]}"#
            ]],
        );
        check(json!({"a": {"$in": []}}), expect![[r#"{"has_id":[]}"#]]);
        check(json!({"a": {"$nin": []}}), expect!["{}"]);
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        check(
            json!({"a\".b\\%": "x"}),
            expect![[r#"{"key":"metadata.\"a%22.b%5C%25\"","match":{"value":"x"}}"#]],
        );
    }
}
