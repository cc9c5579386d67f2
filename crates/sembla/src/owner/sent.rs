//! Filters as JSON, for the server that has the data directory.

use index::{Comparison, Condition, Filter};
use serde_json::{Value, json};

/// Writes a filter as it was sent, or what means the same.
pub(super) fn filter_json(filter: &Filter) -> Value {
    let all = |filters: &[Filter]| Value::from(filters.iter().map(filter_json).collect::<Vec<_>>());
    match filter {
        Filter::And(filters) => match &filters[..] {
            [] => json!({}),
            [only] => filter_json(only),
            several => json!({"$and": all(several)}),
        },
        Filter::Or(filters) => json!({"$or": all(filters)}),
        Filter::Not(filter) => json!({"$not": filter_json(filter)}),
        Filter::Field { field, condition } => {
            let (operator, value) = condition_json(condition);
            json!({field: {operator: value}})
        }
    }
}

fn condition_json(condition: &Condition) -> (&'static str, Value) {
    match condition {
        Condition::Equal(value) => ("$eq", json!(value)),
        Condition::NotEqual(value) => ("$ne", json!(value)),
        Condition::In(values) => ("$in", json!(values)),
        Condition::NotIn(values) => ("$nin", json!(values)),
        Condition::Compare(comparison, than) => {
            let operator = match comparison {
                Comparison::Greater => "$gt",
                Comparison::GreaterOrEqual => "$gte",
                Comparison::Less => "$lt",
                Comparison::LessOrEqual => "$lte",
            };
            (operator, json!(than))
        }
        Condition::Exists(there) => ("$exists", json!(there)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_means_the_same_once_it_was_sent() {
        for text in [
            r#"{}"#,
            r#"{"lang": "en"}"#,
            r#"{"year": {"$gte": 2020, "$lt": 2024.5}, "ok": true}"#,
            r#"{"$or": [{"a": {"$in": ["x", 1, false]}}, {"b": {"$nin": ["y"]}}]}"#,
            r#"{"$not": {"a": {"$exists": false}}, "b": {"$ne": "z"}}"#,
            r#"{"$and": [{"a": {"$gt": 1}}, {"$or": [{"b": 2}, {"c": {"$lte": 3}}]}]}"#,
        ] {
            let filter = Filter::from_json(&serde_json::from_str(text).unwrap()).unwrap();
            let sent = filter_json(&filter);
            let again = Filter::from_json(&sent).unwrap();
            assert_eq!(filter_json(&again), sent, "{text}");
            for metadata in [
                json!({}),
                json!({"lang": "en", "year": 2021, "ok": true}),
                json!({"a": "x", "b": "y", "c": 3}),
                json!({"a": 2, "b": 2}),
            ] {
                let metadata = serde_json::from_value(metadata).unwrap();
                assert_eq!(filter.matches(&metadata), again.matches(&metadata), "{text}");
            }
        }
    }
}
