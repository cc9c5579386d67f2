//! OpenSearch's filters in the words of an index, and those that have none.

use expect_test::{Expect, expect};
use index::Metadata;
use serde_json::{Value, json};

use super::*;
use crate::dialects::opensearch::document;

fn mapped() -> Mapped {
    let body = json!({"mappings": {"properties": {
        "v": {"type": "knn_vector", "dimension": 1}, "code": {"type": "keyword"}
    }}});
    Mapped::plan("a", serde_json::from_value(body).unwrap(), 0).unwrap()
}

fn metadata() -> Metadata {
    let document = json!({"v": [1.0], "text": "The quick brown Fox", "code": "A 1", "metadata": {
        "lang": "en", "source": "Apple 10k.pdf", "page": 3, "draft": true, "tags": ["a b", "c"],
        "box": [1, 9], "author": {"name": "Ann"}
    }});
    document::record(&mapped(), "id-1", 1, &document.to_string()).unwrap().metadata
}

fn read(json: Value) -> Result<Filter, HttpError> {
    let clause = serde_json::from_str(&json.to_string()).unwrap();
    filter(&mapped(), &clause, "query")
}

#[track_caller]
fn check(json: Value, passes: bool) {
    assert_eq!(read(json.clone()).unwrap().matches(&metadata()), passes, "{json}");
}

#[track_caller]
fn check_refused(json: Value, expected: Expect) {
    expected.assert_eq(&read(json).unwrap_err().message);
}

#[test]
fn a_term_is_a_word_of_a_text_or_a_whole_keyword() {
    check(json!({"term": {"text": "fox"}}), true);
    check(json!({"term": {"text": "Fox"}}), false);
    check(json!({"term": {"metadata.lang": {"value": "en"}}}), true);
    check(json!({"term": {"metadata.source": "Apple 10k.pdf"}}), false);
    check(json!({"term": {"metadata.source.keyword": "Apple 10k.pdf"}}), true);
    check(json!({"term": {"metadata.tags.keyword": "a b"}}), true);
    check(json!({"term": {"code": "A 1"}}), true);
    check(json!({"term": {"code": "a"}}), false);
    check(json!({"term": {"metadata.author.name": "ann"}}), true);
    check(json!({"term": {"metadata.nothing": "x"}}), false);
}

#[test]
fn a_value_is_read_as_the_type_of_its_field() {
    check(json!({"term": {"metadata.page": 3}}), true);
    check(json!({"term": {"metadata.page": "3"}}), true);
    check(json!({"term": {"metadata.draft": "true"}}), true);
    check(json!({"term": {"metadata.draft": false}}), false);
    check(json!({"term": {"metadata.box": 9}}), true);
    check(json!({"terms": {"metadata.page": ["1", 3]}}), true);
    check(json!({"terms": {"metadata.lang": []}}), false);
}

#[test]
fn a_match_needs_one_word_or_all() {
    check(json!({"match": {"text": "slow FOX"}}), true);
    check(json!({"match": {"text": {"query": "slow fox", "operator": "and"}}}), false);
    check(json!({"match": {"text": {"query": "Fox, quick!", "operator": "and"}}}), true);
    check(json!({"match": {"metadata.source.keyword": "Apple"}}), false);
    check(json!({"match": {"metadata.page": 3}}), true);
    check(json!({"match": {"metadata.page": "3"}}), true);
    check(json!({"match": {"text": "?!"}}), false);
}

#[test]
fn ranges_existence_and_ids() {
    check(json!({"range": {"metadata.page": {"gte": 3, "lt": 4}}}), true);
    check(json!({"range": {"metadata.page": {"gt": "3"}}}), false);
    check(json!({"range": {"metadata.nothing": {"gt": 0}}}), false);
    check(json!({"exists": {"field": "metadata.page"}}), true);
    check(json!({"exists": {"field": "metadata.author"}}), true);
    check(json!({"exists": {"field": "metadata.none"}}), false);
    check(json!({"ids": {"values": ["id-1", "id-2"]}}), true);
    check(json!({"match_all": {}}), true);
}

#[test]
fn a_bool_joins_its_clauses() {
    let (yes, no) =
        (json!({"term": {"metadata.lang": "en"}}), json!({"term": {"metadata.lang": "de"}}));
    check(json!({"bool": {"must": [yes, yes], "filter": yes}}), true);
    check(json!({"bool": {"must": [yes], "filter": no}}), false);
    check(json!({"bool": {"must_not": no}}), true);
    check(json!({"bool": {"must_not": [no, yes]}}), false);
    check(json!({"bool": {"should": [no, yes]}}), true);
    check(json!({"bool": {"should": [no, no]}}), false);
    check(json!({"bool": {"should": [no], "filter": [yes]}}), true);
    check(json!({"bool": {"should": [no], "filter": [yes], "minimum_should_match": 1}}), false);
    check(json!({"bool": {"should": [yes, no], "minimum_should_match": "2"}}), false);
    check(json!({"bool": {}}), true);
}

#[test]
fn what_a_filter_cannot_say_is_refused() {
    check_refused(
        json!({"bool": {"filter": {"knn": {"v": {"vector": [1.0], "k": 1}}}}}),
        expect![
            "`query.bool.filter`: `knn` and `script_score` may stand alone, or `knn` once in the `must` or `should` of the outermost `bool`"
        ],
    );
    check_refused(
        json!({"range": {"metadata.day": {"gte": "2024-01-01"}}}),
        expect![
            "`query.range.metadata.day`: bounds are numbers here; keep a date as a number, such as its seconds, to ask for a range"
        ],
    );
    check_refused(
        json!({"bool": {"should": [{"match_all": {}}, {"match_all": {}}, {"match_all": {}}], "minimum_should_match": 2}}),
        expect![
            "`query.bool.minimum_should_match`: 2 of 3 clauses cannot be asked for; 0, 1 or all can"
        ],
    );
    check_refused(
        json!({"term": {"a": 1, "b": 2}}),
        expect!["`query`: [term] takes one field, and this one has 2"],
    );
    let mut deep = json!({"match_all": {}});
    for _ in 0..32 {
        deep = json!({"bool": {"must": deep}});
    }
    let err = read(deep).unwrap_err().message;
    assert!(err.ends_with("clauses are nested more than 32 deep"), "{err}");
    let many: Vec<usize> = (0..10_000).collect();
    check_refused(
        json!({"terms": {"a": many}}),
        expect!["`query`: the query has more than 10000 clauses and values"],
    );
}
