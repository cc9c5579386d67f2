//! What filters let through, and what is no filter.

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::*;

fn metadata(json: &Json) -> Metadata {
    crate::metadata::from_json(json).unwrap()
}

#[track_caller]
fn check(filter: Json, passes: &[Json], fails: &[Json]) {
    let filter = Filter::from_json(&filter).unwrap();
    for record in passes {
        assert!(filter.matches(&metadata(record)), "{record} should pass");
    }
    for record in fails {
        assert!(!filter.matches(&metadata(record)), "{record} should not pass");
    }
}

#[track_caller]
fn check_refused(filter: Json, expected: Expect) {
    expected.assert_eq(&Filter::from_json(&filter).unwrap_err().to_string());
}

#[test]
fn a_bare_value_means_equal_and_several_fields_mean_and() {
    check(
        json!({"lang": "en", "year": 2020}),
        &[json!({"lang": "en", "year": 2020.0}), json!({"lang": ["de", "en"], "year": 2020})],
        &[json!({"lang": "en"}), json!({"lang": "EN", "year": 2020}), json!({})],
    );
}

#[test]
fn an_empty_filter_passes_all() {
    check(json!({}), &[json!({}), json!({"a": 1})], &[]);
}

#[test]
fn numbers_strings_and_booleans_are_never_equal() {
    check(json!({"a": 1}), &[json!({"a": 1})], &[json!({"a": "1"}), json!({"a": true})]);
    check(json!({"a": true}), &[json!({"a": true})], &[json!({"a": 1}), json!({"a": "true"})]);
}

#[test]
fn orders_hold_for_numbers_only() {
    check(
        json!({"a": {"$gt": 1, "$lte": 3}}),
        &[json!({"a": 2}), json!({"a": 3}), json!({"a": 1.0001})],
        &[json!({"a": 1}), json!({"a": 3.5}), json!({"a": "2"}), json!({})],
    );
    check(json!({"a": {"$gte": 1}}), &[json!({"a": 1})], &[json!({"a": 0})]);
    check(json!({"a": {"$lt": 1}}), &[json!({"a": 0})], &[json!({"a": 1})]);
}

#[test]
fn a_list_is_in_if_one_item_is_and_not_in_if_none_is() {
    let listed = json!({"a": ["x", "y"]});
    check(
        json!({"a": {"$in": ["y", "z"]}}),
        std::slice::from_ref(&listed),
        &[json!({"a": "w"}), json!({})],
    );
    check(
        json!({"a": {"$nin": ["y", "z"]}}),
        &[json!({"a": "w"}), json!({})],
        std::slice::from_ref(&listed),
    );
    check(json!({"a": {"$ne": "x"}}), &[json!({"a": "w"}), json!({})], &[listed]);
    check(json!({"a": {"$in": []}}), &[], &[json!({"a": "w"})]);
}

#[test]
fn existence_and_negation() {
    check(json!({"a": {"$exists": true}}), &[json!({"a": false})], &[json!({"b": 1})]);
    check(json!({"a": {"$exists": false}}), &[json!({"b": 1})], &[json!({"a": false})]);
    check(json!({"$not": {"a": 1}}), &[json!({}), json!({"a": 2})], &[json!({"a": 1})]);
    check(json!({"a": {"$not": {"$gt": 1}}}), &[json!({}), json!({"a": 1})], &[json!({"a": 2})]);
}

#[test]
fn and_and_or_nest() {
    check(
        json!({"$or": [{"a": 1}, {"$and": [{"b": 2}, {"c": {"$gt": 3}}]}], "d": "x"}),
        &[json!({"a": 1, "d": "x"}), json!({"b": 2, "c": 4, "d": "x"})],
        &[json!({"a": 1}), json!({"b": 2, "c": 3, "d": "x"})],
    );
}

#[test]
fn what_is_no_filter_is_refused_by_name() {
    check_refused(json!([1]), expect!["a filter must be an object of conditions, not a list"]);
    check_refused(
        json!({"a": {"$regex": "x"}}),
        expect![
            "unknown filter operator `$regex`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters"
        ],
    );
    check_refused(
        json!({"$xor": []}),
        expect![
            "unknown filter operator `$xor`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters"
        ],
    );
    check_refused(
        json!({"$and": []}),
        expect!["`$and` takes a list of filters with at least one, not an empty list"],
    );
    check_refused(
        json!({"$and": [{"a": 1}, {}]}),
        expect![
            "`$and` takes a list of filters with at least one, not a list with an empty filter"
        ],
    );
    check_refused(
        json!({"$not": {}}),
        expect!["`$not` must be an object of conditions, not an empty one"],
    );
    check_refused(
        json!({"$or": {"a": 1}}),
        expect!["`$or` takes a list of filters with at least one, not an object"],
    );
    check_refused(
        json!({"a": {"$gt": "x"}}),
        expect!["`$gt` on field `a` takes a number, not a string"],
    );
    check_refused(
        json!({"a": null}),
        expect!["`$eq` on field `a` takes a string, a number or a boolean, not null"],
    );
    check_refused(
        json!({"a": ["x"]}),
        expect!["`$eq` on field `a` takes a string, a number or a boolean, not a list"],
    );
    check_refused(
        json!({"a": {"$in": "x"}}),
        expect!["`$in` on field `a` takes a list of strings, numbers and booleans, not a string"],
    );
    check_refused(
        json!({"a": {"$exists": 1}}),
        expect!["`$exists` on field `a` takes a boolean, not a number"],
    );
    check_refused(
        json!({"a": {}}),
        expect!["field `a` must be an object of conditions, not an empty one"],
    );
}

#[test]
fn a_filter_has_bounds() {
    let mut deep = json!({"a": 1});
    for _ in 0..1000 {
        deep = json!({"$and": [deep]});
    }
    check_refused(deep, expect!["the filter is nested more than 32 deep"]);
    let long: Vec<usize> = (0..10_001).collect();
    check_refused(
        json!({"a": {"$in": long}}),
        expect!["the filter has more than 10000 conditions and values"],
    );
}
