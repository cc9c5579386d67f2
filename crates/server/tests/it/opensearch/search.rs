//! Searches: filters, sizes, what comes with a hit, and what is refused.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{OpenSearch, ids, knn};

/// Five documents, from the nearest to `[1, 0]` to the farthest.
fn documents() -> Vec<Value> {
    let langs = ["en", "de", "en", "de", "en"];
    let document = |(at, lang): (usize, &str)| {
        let text = format!("Page {at} of the Apple 10k report");
        let metadata =
            json!({"lang": lang, "page": at, "source": "Apple 10k.pdf", "draft": at == 4});
        json!({"v": [1.0, at as f64], "text": text, "metadata": metadata})
    };
    langs.into_iter().enumerate().map(document).collect()
}

async fn start() -> OpenSearch {
    OpenSearch::filled(&documents()).await
}

async fn check_refused(client: &OpenSearch, body: Value, expected: Expect) {
    expected.assert_eq(&client.refusal(body).await);
}

#[tokio::test]
async fn a_search_has_the_vendor_s_shape() {
    let client = start().await;
    let mut answer = client.search(json!({"size": 1, "query": knn(2), "_source": ["text"]})).await;
    answer["took"] = json!(0);
    expect![[r#"{"_shards":{"failed":0,"skipped":0,"successful":1,"total":1},"hits":{"hits":[{"_id":"1","_index":"docs","_score":1.0,"_source":{"text":"Page 0 of the Apple 10k report"}}],"max_score":1.0,"total":{"relation":"eq","value":2}},"timed_out":false,"took":0}"#]].assert_eq(&answer.to_string());
}

#[tokio::test]
async fn a_filter_is_applied_before_the_nearest_are_chosen() {
    let client = start().await;
    let de = json!({"term": {"metadata.lang": "de"}});
    let efficient = json!({"knn": {"v": {"vector": [1, 0], "k": 2, "filter": de}}});
    assert_eq!(client.ids(json!({ "query": efficient })).await, "2 4");
    for clause in ["must", "should"] {
        let boolean = json!({"bool": {"filter": de, clause: [knn(2)]}});
        assert_eq!(client.ids(json!({ "query": boolean })).await, "2 4", "{clause}");
    }
    let none = json!({"knn": {"v": {"vector": [1, 0], "k": 2, "filter": {"term": {"metadata.lang": "fr"}}}}});
    let answer = client.search(json!({ "query": none })).await;
    assert_eq!((ids(&answer).as_str(), &answer["hits"]["max_score"]), ("", &Value::Null));
}

#[tokio::test]
async fn a_post_filter_is_applied_after_them() {
    let client = start().await;
    let de = json!({"term": {"metadata.lang": "de"}});
    assert_eq!(client.ids(json!({"query": knn(3), "post_filter": de})).await, "2");
    assert_eq!(client.ids(json!({"query": {"match_all": {}}, "post_filter": de})).await, "2 4");
}

#[tokio::test]
async fn a_script_looks_only_at_what_its_query_finds() {
    let client = start().await;
    for space in ["l2", "linf"] {
        let params = json!({"field": "v", "query_value": [1, 0], "space_type": space});
        let script = json!({"source": "knn_score", "lang": "knn", "params": params});
        let filter = json!({"bool": {"filter": {"range": {"metadata.page": {"gte": 1, "lt": 4}}}}});
        let scored = json!({"script_score": {"query": filter, "script": script}});
        assert_eq!(client.ids(json!({"size": 2, "query": scored})).await, "2 3", "{space}");
        let answer = client.search(json!({"size": 2, "query": scored})).await;
        assert_eq!(answer["hits"]["total"], json!({"value": 3, "relation": "eq"}), "{space}");
    }
}

#[tokio::test]
async fn conditions_without_a_vector_find_documents_by_id() {
    let client = start().await;
    for (query, expected) in [
        (json!({"match_all": {}}), "1 2 3 4 5"),
        (json!({"term": {"metadata.source.keyword": "Apple 10k.pdf"}}), "1 2 3 4 5"),
        (json!({"term": {"metadata.source": "Apple 10k.pdf"}}), ""),
        (json!({"terms": {"metadata.page": [0, 3, 9]}}), "1 4"),
        (json!({"match": {"text": "PAGE 3"}}), "1 2 3 4 5"),
        (json!({"match": {"text": {"query": "page 3", "operator": "and"}}}), "4"),
        (json!({"range": {"metadata.page": {"gt": 2}}}), "4 5"),
        (json!({"term": {"metadata.draft": true}}), "5"),
        (json!({"exists": {"field": "metadata.author"}}), ""),
        (json!({"ids": {"values": ["3", "9"]}}), "3"),
        (
            json!({"bool": {"must": [{"term": {"metadata.lang": "en"}}], "must_not": {"ids": {"values": ["1"]}}}}),
            "3 5",
        ),
        (
            json!({"bool": {"should": [{"term": {"metadata.page": 0}}, {"term": {"metadata.page": 1}}]}}),
            "1 2",
        ),
    ] {
        assert_eq!(client.ids(json!({ "query": query })).await, expected, "{query}");
        let count = client.post("/docs/_count", json!({ "query": query })).await.json();
        assert_eq!(count["count"], json!(expected.split_whitespace().count()), "{query}");
    }
    assert_eq!(client.get("/docs/_count").await.json()["count"], json!(5));
}

#[tokio::test]
async fn size_from_and_min_score_choose_the_page() {
    let client = start().await;
    assert_eq!(client.ids(json!({"query": knn(5), "size": 2, "from": 1})).await, "2 3");
    assert_eq!(client.ids(json!({"query": knn(3)})).await, "1 2 3");
    assert_eq!(client.ids(json!({"query": knn(5), "size": 0})).await, "");
    // The squares of the distances are 0, 1, 4, 9, 16.
    assert_eq!(client.ids(json!({"query": knn(5), "min_score": 0.2})).await, "1 2 3");
    let answer = client.post("/docs/_search?size=1&from=4&_source=false", json!({})).await.json();
    assert_eq!(ids(&answer), "5");
    assert!(answer["hits"]["hits"][0].get("_source").is_none(), "{answer}");
}

#[tokio::test]
async fn what_comes_with_a_hit_can_be_chosen() {
    let client = start().await;
    for (choice, expected) in [
        (json!(false), Value::Null),
        (json!("text"), json!({"text": "Page 0 of the Apple 10k report"})),
        (json!({"excludes": ["v", "metadata"]}), json!({"text": "Page 0 of the Apple 10k report"})),
        (json!(["metadata.p*"]), json!({"metadata": {"page": 0}})),
        (json!(true), documents()[0].clone()),
    ] {
        let answer = client.search(json!({"query": knn(1), "_source": choice})).await;
        assert_eq!(answer["hits"]["hits"][0]["_source"], expected, "{choice}");
    }
    let untracked = client.search(json!({"track_total_hits": false})).await;
    assert!(untracked["hits"].get("total").is_none(), "{untracked}");
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_search() {
    let client = start().await;
    client.put("/docs/_doc/6", json!({"v": [1.0, 0.1], "metadata": {"lang": "fr"}})).await;
    assert_eq!(client.ids(json!({"query": knn(2)})).await, "1 6");
    client.delete("/docs/_doc/1").await;
    assert_eq!(client.ids(json!({"query": knn(2)})).await, "6 2");
    assert_eq!(client.ids(json!({"query": {"term": {"metadata.lang": "fr"}}})).await, "6");
}

#[tokio::test]
async fn a_query_that_is_not_served_names_its_part() {
    let client = start().await;
    check_refused(&client, json!({"query": {"fuzzy": {"text": "a"}}}), expect!["400 illegal_argument_exception: `query`: unknown variant `fuzzy`, expected one of `match_all`, `knn`, `bool`, `script_score`, `term`, `terms`, `match`, `range`, `exists`, `ids` at line 1 column 17"]).await;
    check_refused(&client, json!({"query": {"hybrid": {"queries": []}}}), expect!["400 illegal_argument_exception: `query`: unknown variant `hybrid`, expected one of `match_all`, `knn`, `bool`, `script_score`, `term`, `terms`, `match`, `range`, `exists`, `ids` at line 1 column 18"]).await;
    check_refused(
        &client,
        json!({"query": {"bool": {"filter": [{"term": {"a": null}}]}}}),
        expect!["400 illegal_argument_exception: `query.bool.filter[0].term.a`: a string, a number, a boolean or an object with `value` was expected at line 1 column 46"],
    )
    .await;
    check_refused(
        &client,
        json!({"query": {"knn": {"v": {"vector": [1, 0], "k": 1, "boost": 2}}}}),
        expect!["400 illegal_argument_exception: `query.knn.v.boost`: unknown field `boost`, expected one of `vector`, `k`, `filter`, `method_parameters` at line 1 column 29"],
    )
    .await;
    check_refused(
        &client,
        json!({"query": {"knn": {"w": {"vector": [1, 0], "k": 1}}}}),
        expect!["400 illegal_argument_exception: `query.knn`: `w` is no field of vectors; index [docs] has `v`"],
    )
    .await;
    check_refused(
        &client,
        json!({"query": {"knn": {"v": {"vector": [1], "k": 1}}}}),
        expect!["400 illegal_argument_exception: `query.knn`: the query vector has 1 dimensions, and field `v` has 2"],
    )
    .await;
    check_refused(
        &client,
        json!({"query": {"knn": {"v": {"vector": [1, 0], "k": 0}}}}),
        expect!["400 illegal_argument_exception: `query.knn.k`: k is 1 to 10000, not 0"],
    )
    .await;
    check_refused(
        &client,
        json!({"query": {"knn": {"v": {"vector": [1, 0], "k": 10_001}}}}),
        expect!["400 illegal_argument_exception: `query.knn.k`: k is 1 to 10000, not 10001"],
    )
    .await;
    check_refused(&client, json!({"size": 10_001}), expect!["400 illegal_argument_exception: `size`: `from` and `size` together are at most 10000, and these are 0 and 10001"]).await;
    check_refused(&client, json!({"sort": [{"page": "asc"}]}), expect!["400 illegal_argument_exception: `sort`: unknown field `sort`, expected one of `query`, `size`, `from`, `min_score`, `post_filter`, `_source`, `track_total_hits`, `timeout` at line 1 column 7"]).await;
    check_refused(
        &client,
        json!({"query": {"bool": {"must": [knn(1), {"term": {"a": 1}}]}}}),
        expect!["400 illegal_argument_exception: `query.bool`: beside `knn`, put conditions into `filter` or `must_not`: in `must` and `should` they would add to the score, and only vectors are scored here"],
    )
    .await;
    let script = |source: &str| json!({"query": {"script_score": {"query": {"match_all": {}}, "script": {"source": source, "params": {"query_value": [1, 0]}}}}});
    check_refused(&client, script("Math.random()"), expect!["400 illegal_argument_exception: `query.script_score.script.source`: scripts are not run; the ones that are understood are `knn_score` in the language knn, `(1.0 + cosineSimilarity(params.query_value, doc['v']))`, `1/(1.0 + l2Squared(params.query_value, doc['v']))` and `1/(1.0 + l1Norm(params.query_value, doc['v']))`"]).await;
    let range = json!({"query": {"range": {"metadata.day": {"gte": "2024-01-01"}}}});
    check_refused(&client, range, expect!["400 illegal_argument_exception: `query.range.metadata.day`: bounds are numbers here; keep a date as a number, such as its seconds, to ask for a range"]).await;
}

#[tokio::test]
async fn a_vector_that_is_none_names_its_place() {
    let client = OpenSearch::with_docs("cosinesimil").await;
    let query =
        |vector: &str| format!(r#"{{"query":{{"knn":{{"v":{{"vector":{vector},"k":1}}}}}}}}"#);
    for (vector, expected) in [
        (
            "[1, NaN]",
            expect![
                "400 illegal_argument_exception: `query.knn.v.vector[1]`: NaN is not a number that JSON has; all numbers must be finite"
            ],
        ),
        (
            "[1, -Infinity]",
            expect![
                "400 illegal_argument_exception: `query.knn.v.vector[1]`: Infinity is not a number that JSON has; all numbers must be finite"
            ],
        ),
        (
            "[1, 1e39]",
            expect![
                "400 illegal_argument_exception: `query.knn.v.vector[1]`: the number is out of range; all numbers must be finite"
            ],
        ),
        (
            "[0, 0]",
            expect![
                "400 illegal_argument_exception: the query is all zeros, which has no direction and so no cosine"
            ],
        ),
        (
            "[1, \"2\"]",
            expect![
                "400 illegal_argument_exception: `query.knn.v.vector[1]`: invalid type: string, expected a number at line 1 column 38"
            ],
        ),
        (
            "[[1, 2]]",
            expect![
                "400 illegal_argument_exception: `query.knn.v.vector[0]`: invalid type: sequence, expected a number at line 1 column 32"
            ],
        ),
    ] {
        let reply = client.post_text("/docs/_search", query(vector)).await;
        expected.assert_eq(&super::reason(&reply));
    }
}
