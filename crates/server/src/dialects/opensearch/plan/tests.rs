//! Searches that become a plan, and those that are refused by name.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

fn mapped() -> Mapped {
    let body = json!({"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 2}}}});
    Mapped::plan("a", serde_json::from_value(body).unwrap(), 0).unwrap()
}

fn read(json: Value) -> Result<Plan, HttpError> {
    let request = serde_json::from_str(&json.to_string()).unwrap();
    plan(&mapped(), request, Overrides::default())
}

#[track_caller]
fn check_refused(json: Value, expected: Expect) {
    expected.assert_eq(&read(json).unwrap_err().message);
}

fn knn() -> Value {
    json!({"knn": {"v": {"vector": [1.0, 2.0], "k": 3}}})
}

#[test]
fn the_nearest_are_looked_for_among_those_that_pass() {
    let nearest =
        Order::Nearest { vector: vec![1.0, 2.0], space: Space::L2, scale: Scale::Knn, k: Some(3) };
    let plain = read(json!({"query": knn(), "size": 3, "min_score": 0.0})).unwrap();
    assert_eq!((&plain.order, &plain.filter, plain.size), (&nearest, &None, 3));
    let term = json!({"term": {"a": "b"}});
    for query in [
        json!({"knn": {"v": {"vector": [1.0, 2.0], "k": 3, "filter": term}}}),
        json!({"bool": {"filter": term, "must": [knn()]}}),
        json!({"bool": {"filter": [term], "should": [knn()]}}),
    ] {
        let filtered = read(json!({"query": query})).unwrap();
        assert_eq!(filtered.order, nearest);
        let metadata = [("a".to_owned(), index::Value::from("b"))].into();
        let filter = filtered.filter.unwrap();
        assert!(filter.matches(&metadata) && !filter.matches(&index::Metadata::new()));
    }
}

#[test]
fn a_script_scores_all_that_pass() {
    let script = json!({"script_score": {"query": {"match_all": {}}, "min_score": 0.5, "script": {
        "source": "knn_score", "lang": "knn",
        "params": {"field": "v", "query_value": [1.0, 2.0], "space_type": "l1"}
    }}});
    let scripted = read(json!({"query": script, "min_score": 0.2})).unwrap();
    let Order::Nearest { space, scale, k, .. } = scripted.order else { panic!("not ordered") };
    assert_eq!((space, scale, k), (Space::L1, Scale::Script, None));
    assert_eq!(scripted.min_score, Some(0.5));
}

#[test]
fn without_a_vector_all_have_one_score() {
    let score = |json: Value| match read(json).unwrap().order {
        Order::Unordered { score } => score,
        Order::Nearest { .. } => panic!("ordered"),
    };
    assert_eq!(score(json!({})), 1.0);
    assert_eq!(score(json!({"query": {"term": {"a": 1}}})), 1.0);
    assert_eq!(score(json!({"query": {"bool": {"filter": {"term": {"a": 1}}}}})), 0.0);
    assert_eq!(score(json!({"query": {"bool": {"must": {"term": {"a": 1}}}}})), 1.0);
}

#[test]
fn the_query_string_goes_before_the_body() {
    let overrides = Overrides { size: Some(2), from: Some(1), source: Some(Chosen::None) };
    let plan =
        plan(&mapped(), SearchRequest { size: Some(9), ..Default::default() }, overrides).unwrap();
    assert_eq!((plan.size, plan.from, plan.source), (2, 1, Chosen::None));
}

#[test]
fn what_does_not_fit_is_refused() {
    check_refused(
        json!({"query": {"knn": {"w": {"vector": [1.0, 2.0], "k": 3}}}}),
        expect!["`query.knn`: `w` is no field of vectors; index [a] has `v`"],
    );
    check_refused(
        json!({"query": {"knn": {"v": {"vector": [1.0], "k": 3}}}}),
        expect!["`query.knn`: the query vector has 1 dimensions, and field `v` has 2"],
    );
    // A reader of JSON refuses such numbers before; what else reads a request might not.
    let infinite = check_vector(&mapped(), "v", &[1.0, f32::INFINITY], "query.knn");
    expect!["`query.knn`: number 1 of the query vector is too large for 32 bits"]
        .assert_eq(&infinite.unwrap_err().message);
    for k in [0, 10_001] {
        let err = read(json!({"query": {"knn": {"v": {"vector": [1.0, 2.0], "k": k}}}}));
        assert_eq!(err.unwrap_err().message, format!("`query.knn.k`: k is 1 to 10000, not {k}"));
    }
    check_refused(
        json!({"size": 10_000, "from": 1}),
        expect!["`size`: `from` and `size` together are at most 10000, and these are 1 and 10000"],
    );
    check_refused(
        json!({"query": {"bool": {"must": [knn(), {"term": {"a": 1}}]}}}),
        expect![
            "`query.bool`: beside `knn`, put conditions into `filter` or `must_not`: in `must` and `should` they would add to the score, and only vectors are scored here"
        ],
    );
    check_refused(
        json!({"query": {"bool": {"must": [knn()], "should": [knn()]}}}),
        expect!["`query.bool`: one `knn` is served in a query, and this has several"],
    );
}
