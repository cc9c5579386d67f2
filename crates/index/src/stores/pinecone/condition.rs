//! Filters as Pinecone has them: its grammar is the one that ours is read from, without `$not`.

use serde_json::{Value as Json, json};

use super::NAME;
use crate::error::StoreError;
use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::Value;
use crate::stores::negation::pushed_down;

/// A filter, where it depends on the record.
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
    pub(super) fn from(filter: &Filter) -> Result<Self, StoreError> {
        Self::translated(&pushed_down(filter))
    }

    fn translated(filter: &Filter) -> Result<Self, StoreError> {
        let each = |filters: &[Filter]| {
            filters.iter().map(Self::translated).collect::<Result<Vec<_>, _>>()
        };
        match filter {
            Filter::And(filters) => Ok(Self::joined("$and", each(filters)?, Self::None, Self::All)),
            Filter::Or(filters) => Ok(Self::joined("$or", each(filters)?, Self::All, Self::None)),
            Filter::Not(_) => Err(StoreError::Unsupported {
                store: NAME,
                what: "negate a comparison of numbers; ask for the opposite comparison",
            }),
            Filter::Field { field, condition } => Ok(Self::field(field, condition)),
        }
    }

    /// Joins parts of which one `decides`, and none at all is `empty`.
    fn joined(word: &str, parts: Vec<Self>, decides: Self, empty: Self) -> Self {
        if parts.contains(&decides) {
            return decides;
        }
        let depends = parts.into_iter().filter_map(|part| match part {
            Self::If(json) => Some(json),
            Self::All | Self::None => None,
        });
        let mut conditions: Vec<Json> = depends.collect();
        match conditions.len() {
            0 => empty,
            1 => Self::If(conditions.remove(0)),
            _ => Self::If(json!({ word: conditions })),
        }
    }

    fn field(field: &str, condition: &Condition) -> Self {
        let (operator, value) = match condition {
            Condition::Equal(value) => ("$eq", json!(value)),
            Condition::NotEqual(value) => ("$ne", json!(value)),
            Condition::In(values) if values.is_empty() => return Self::None,
            Condition::NotIn(values) if values.is_empty() => return Self::All,
            Condition::In(values) => ("$in", list(values)),
            Condition::NotIn(values) => ("$nin", list(values)),
            Condition::Exists(there) => ("$exists", json!(there)),
            Condition::Compare(comparison, than) => {
                let operator = match comparison {
                    Comparison::Greater => "$gt",
                    Comparison::GreaterOrEqual => "$gte",
                    Comparison::Less => "$lt",
                    Comparison::LessOrEqual => "$lte",
                };
                (operator, json!(than))
            }
        };
        Self::If(json!({ field: { operator: value } }))
    }
}

fn list(values: &[Value]) -> Json {
    json!(values)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: Json, expected: Expect) {
        let text = match Where::from(&Filter::from_json(&json).unwrap()) {
            Ok(Where::All) => "all".to_owned(),
            Ok(Where::None) => "none".to_owned(),
            Ok(Where::If(json)) => json.to_string(),
            Err(err) => err.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn what_depends_on_the_record_is_said_in_their_grammar() {
        check(
            json!({"a": "x", "b": {"$gt": 1}}),
            expect![[r#"{"$and":[{"a":{"$eq":"x"}},{"b":{"$gt":1.0}}]}"#]],
        );
        check(
            json!({"$not": {"a": {"$in": ["x"]}, "b": {"$exists": true}}}),
            expect![[r#"{"$or":[{"a":{"$nin":["x"]}},{"b":{"$exists":false}}]}"#]],
        );
    }

    #[test]
    fn what_holds_of_all_or_none_is_not_asked() {
        check(json!({}), expect!["all"]);
        check(json!({"a": {"$in": []}, "b": 1}), expect!["none"]);
        check(json!({"$or": [{"a": {"$nin": []}}, {"b": 1}]}), expect!["all"]);
    }

    #[test]
    fn what_they_have_no_word_for_is_refused() {
        check(
            json!({"a": {"$not": {"$gt": 1}}}),
            expect![
                "the pinecone store cannot negate a comparison of numbers; ask for the opposite comparison"
            ],
        );
    }
}
