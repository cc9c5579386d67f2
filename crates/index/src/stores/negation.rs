//! Filters without a general "not", for stores that have none.

use crate::filter::{Condition, Filter};

/// Returns a filter that passes the same records, in which [`Filter::Not`] stands before comparisons of
/// numbers only: "not greater" also passes what is no number and what is not there, so it is no "less or
/// equal", and each store must say it in its own way or refuse.
pub(super) fn pushed_down(filter: &Filter) -> Filter {
    match filter {
        Filter::And(filters) => Filter::And(filters.iter().map(pushed_down).collect()),
        Filter::Or(filters) => Filter::Or(filters.iter().map(pushed_down).collect()),
        Filter::Not(filter) => negated(filter),
        Filter::Field { .. } => filter.clone(),
    }
}

fn negated(filter: &Filter) -> Filter {
    match filter {
        Filter::And(filters) => Filter::Or(filters.iter().map(negated).collect()),
        Filter::Or(filters) => Filter::And(filters.iter().map(negated).collect()),
        Filter::Not(filter) => pushed_down(filter),
        Filter::Field { field, condition } => {
            let opposite = match condition {
                Condition::Equal(value) => Condition::NotEqual(value.clone()),
                Condition::NotEqual(value) => Condition::Equal(value.clone()),
                Condition::In(values) => Condition::NotIn(values.clone()),
                Condition::NotIn(values) => Condition::In(values.clone()),
                Condition::Exists(there) => Condition::Exists(!there),
                Condition::Compare(..) => return Filter::Not(Box::new(filter.clone())),
            };
            Filter::Field { field: field.clone(), condition: opposite }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metadata;

    fn has_general_not(filter: &Filter) -> bool {
        match filter {
            Filter::And(filters) | Filter::Or(filters) => filters.iter().any(has_general_not),
            Filter::Not(filter) => {
                !matches!(&**filter, Filter::Field { condition: Condition::Compare(..), .. })
            }
            Filter::Field { .. } => false,
        }
    }

    #[test]
    fn the_same_records_pass() {
        let filters = [
            json!({}),
            json!({"$not": {"a": "x", "b": {"$gt": 1}}}),
            json!({"$not": {"$or": [{"a": "x"}, {"b": {"$in": [1, 2]}}]}}),
            json!({"$not": {"$not": {"a": {"$nin": ["x"]}}}}),
            json!({"a": {"$not": {"$exists": true}}}),
            json!({"$or": [{"b": {"$not": {"$lte": 1}}}, {"$not": {"a": {"$ne": "y"}}}]}),
        ];
        let records = [
            json!({}),
            json!({"a": "x"}),
            json!({"a": ["x", "y"], "b": 2}),
            json!({"b": "2"}),
            json!({"b": 1}),
        ];
        for filter in &filters {
            let filter = Filter::from_json(filter).unwrap();
            let pushed = pushed_down(&filter);
            assert!(!has_general_not(&pushed), "{pushed:?}");
            for record in &records {
                let record = metadata::from_json(record).unwrap();
                assert_eq!(
                    pushed.matches(&record),
                    filter.matches(&record),
                    "{filter:?} {record:?}"
                );
            }
        }
    }
}
