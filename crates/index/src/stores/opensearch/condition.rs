//! Filters as OpenSearch has them.
//!
//! Fields of metadata have any name and a value of any kind, while a field there has one kind for ever and a
//! name without dots. So each document lists its fields and their values as whole terms, `["lang"]` and
//! `["lang","en"]`, an item of a list like a value; numbers lie beside them once more, for comparisons.

use serde_json::json;
use sha2::{Digest, Sha256};
use wire::opensearch::search::{
    Bool, Ids, MatchAll, MinimumShouldMatch, OneOrMany, QueryClause, Range, Scalar, Term,
};

use super::documents::{NAMESPACE, NUMBERS, TERMS};
use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::{Metadata, Value};
use crate::record::Namespace;
use crate::stores::http::escaped;

/// Longer terms are hashed: Lucene takes 32,766 bytes, and long ones make an index large.
const MAX_TERM_BYTES: usize = 512;

/// The documents of a namespace that pass.
pub(super) fn within(namespace: &Namespace, filter: Option<&Filter>) -> QueryClause {
    let mut all = vec![in_namespace(namespace)];
    all.extend(filter.map(clause));
    every(all)
}

pub(super) fn in_namespace(namespace: &Namespace) -> QueryClause {
    is(NAMESPACE, namespace.as_str().to_owned())
}

pub(super) fn everything() -> QueryClause {
    QueryClause::MatchAll(MatchAll {})
}

pub(super) fn every(mut clauses: Vec<QueryClause>) -> QueryClause {
    match clauses.len() {
        0 => everything(),
        1 => clauses.remove(0),
        _ => joined(Bool { filter: OneOrMany(clauses), ..Bool::default() }),
    }
}

/// The documents that pass, of all namespaces.
pub(super) fn clause(filter: &Filter) -> QueryClause {
    match filter {
        Filter::And(filters) => every(filters.iter().map(clause).collect()),
        Filter::Or(filters) => one_of(filters.iter().map(clause).collect()),
        Filter::Not(filter) => none(clause(filter)),
        Filter::Field { field, condition } => match condition {
            Condition::Equal(value) => is(TERMS, term(field, Some(value))),
            Condition::NotEqual(value) => none(is(TERMS, term(field, Some(value)))),
            Condition::In(values) => among(field, values),
            Condition::NotIn(values) => none(among(field, values)),
            Condition::Exists(true) => is(TERMS, term(field, None)),
            Condition::Exists(false) => none(is(TERMS, term(field, None))),
            Condition::Compare(comparison, than) => compared(field, *comparison, *than),
        },
    }
}

fn one_of(mut should: Vec<QueryClause>) -> QueryClause {
    match should.len() {
        0 => nothing(),
        1 => should.remove(0),
        _ => joined(Bool {
            should: OneOrMany(should),
            minimum_should_match: Some(MinimumShouldMatch::Number(1)),
            ..Bool::default()
        }),
    }
}

fn none(clause: QueryClause) -> QueryClause {
    joined(Bool { must_not: OneOrMany(vec![clause]), ..Bool::default() })
}

fn nothing() -> QueryClause {
    QueryClause::Ids(Ids { values: Vec::new() })
}

fn joined(clauses: Bool) -> QueryClause {
    QueryClause::Bool(Box::new(clauses))
}

fn among(field: &str, values: &[Value]) -> QueryClause {
    if values.is_empty() {
        return nothing();
    }
    let terms = values.iter().map(|value| Scalar::Text(term(field, Some(value)))).collect();
    QueryClause::Terms([(TERMS.to_owned(), terms)].into())
}

fn is(field: &str, term: String) -> QueryClause {
    QueryClause::Term([(field.to_owned(), Term::Plain(Scalar::Text(term)))].into())
}

fn compared(field: &str, comparison: Comparison, than: f64) -> QueryClause {
    let (none, than) = (Range::default(), Some(Scalar::Number(than)));
    let range = match comparison {
        Comparison::Greater => Range { gt: than, ..none },
        Comparison::GreaterOrEqual => Range { gte: than, ..none },
        Comparison::Less => Range { lt: than, ..none },
        Comparison::LessOrEqual => Range { lte: than, ..none },
    };
    QueryClause::Range([(format!("{NUMBERS}.{}", number_field(field)), range)].into())
}

/// The terms of a record.
pub(super) fn terms(metadata: &Metadata) -> Vec<String> {
    let mut terms = Vec::new();
    for (field, value) in metadata {
        terms.push(term(field, None));
        match value {
            Value::Strings(items) => {
                let item = |item: &String| term(field, Some(&Value::String(item.clone())));
                terms.extend(items.iter().map(item));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                terms.push(term(field, Some(value)));
            }
        }
    }
    terms
}

/// The numbers of a record, by [`number_field`].
pub(super) fn numbers(metadata: &Metadata) -> std::collections::BTreeMap<String, f64> {
    let number = |(field, value): (&String, &Value)| match value {
        Value::Number(number) => Some((number_field(field), *number)),
        Value::Bool(_) | Value::String(_) | Value::Strings(_) => None,
    };
    metadata.iter().filter_map(number).collect()
}

/// A name without dots, and never an empty one.
fn number_field(field: &str) -> String {
    format!("n_{}", escaped(field))
}

fn term(field: &str, value: Option<&Value>) -> String {
    let term = match value {
        None => json!([field]),
        // Zero has two signs and is one number.
        Some(Value::Number(number)) => json!([field, number + 0.0]),
        Some(value) => json!([field, value]),
    };
    let term = term.to_string();
    if term.len() <= MAX_TERM_BYTES {
        return term;
    }
    Sha256::digest(term).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: serde_json::Value, expected: Expect) {
        let filter = Filter::from_json(&json).unwrap();
        expected.assert_eq(&serde_json::to_string(&clause(&filter)).unwrap());
    }

    #[test]
    fn values_are_terms_and_comparisons_are_ranges() {
        check(json!({"a": "x"}), expect![[r#"{"term":{"terms":"[\"a\",\"x\"]"}}"#]]);
        check(
            json!({"a": {"$in": [1, true]}}),
            expect![[r#"{"terms":{"terms":["[\"a\",1.0]","[\"a\",true]"]}}"#]],
        );
        check(
            json!({"a.b": {"$gte": 2}}),
            expect![[r#"{"range":{"numbers.n_a%2Eb":{"gte":2.0}}}"#]],
        );
        check(
            json!({"a": {"$exists": false}}),
            expect![[r#"{"bool":{"must_not":{"term":{"terms":"[\"a\"]"}}}}"#]],
        );
    }

    #[test]
    fn conditions_are_joined() {
        check(
            json!({"$or": [{"a": 1}, {"b": {"$ne": "x"}}], "c": true}),
            expect![[
                r#"{"bool":{"filter":[{"bool":{"should":[{"term":{"terms":"[\"a\",1.0]"}},{"bool":{"must_not":{"term":{"terms":"[\"b\",\"x\"]"}}}}],"minimum_should_match":1}},{"term":{"terms":"[\"c\",true]"}}]}}"#
            ]],
        );
        check(json!({}), expect![[r#"{"match_all":{}}"#]]);
        check(json!({"a": {"$in": []}}), expect![[r#"{"ids":{"values":[]}}"#]]);
    }

    #[test]
    fn a_long_value_is_hashed_and_no_two_fields_share_a_term() {
        let long = Value::String("x".repeat(40_000));
        assert_eq!(term("a", Some(&long)).len(), 64);
        assert_ne!(term("a", Some(&long)), term("b", Some(&long)));
        assert_ne!(term("a\",\"b", None), term("a", Some(&Value::from("b"))));
        assert_eq!(term("a", Some(&Value::from(-0.0))), term("a", Some(&Value::from(0.0))));
    }
}
