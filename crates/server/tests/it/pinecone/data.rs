//! Vectors: writing, finding, listing, changing and deleting them.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::{Pinecone, ids};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_found_at_once() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let body = json!({
        "vector": [1, 0.5, 0], "topK": 2, "includeMetadata": true, "includeValues": true,
    });
    let reply = client.post("/query", body).await;
    expect![[r#"{"results":[],"matches":[{"id":"x","score":0.8944272,"values":[1.0,0.0,0.0],"metadata":{"lang":"en","year":2020.0}},{"id":"y","score":0.4472136,"values":[0.0,1.0,0.0],"metadata":{"lang":"de","year":2021.0}}],"namespace":"","usage":{"readUnits":1}}"#]].assert_eq(&reply.text());
    let plain = client.ok("/query", json!({ "vector": [0, 0, 2], "topK": 1 })).await;
    assert_eq!(plain["matches"], json!([{ "id": "z", "score": 1.0, "values": [] }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_are_those_of_the_metric() {
    for (metric, scores) in
        [("dotproduct", [2.0, 0.0]), ("cosine", [1.0, 0.0]), ("euclidean", [1.0, 5.0])]
    {
        let client = Pinecone::with_docs(metric).await;
        client.upsert_axes().await;
        let answer = client.ok("/query", json!({ "vector": [2, 0, 0], "topK": 2 })).await;
        let got = [0, 1].map(|place| answer["matches"][place]["score"].as_f64().unwrap());
        assert_eq!(got, scores, "{metric}");
        assert_eq!(answer["matches"][0]["id"], "x");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_may_be_the_query() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let answer = client.ok("/query", json!({ "id": "y", "topK": 1 })).await;
    assert_eq!(ids(&answer["matches"]), ["y"]);
    // What is not there is near to nothing, as the vendor has it.
    let answer = client.ok("/query", json!({ "id": "nope", "topK": 1 })).await;
    assert_eq!(answer["matches"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_query_vector_is_taken_as_its_only_row() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let answer = client.ok("/query", json!({ "vector": [[0, 1, 0]], "topK": 1 })).await;
    assert_eq!(ids(&answer["matches"]), ["y"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_reads_carry_the_number_of_the_log() {
    let client = Pinecone::with_docs("cosine").await;
    let vector = json!({ "vectors": [{ "id": "a", "values": [1, 0, 0] }] });
    let first = client.post("/vectors/upsert", vector.clone()).await;
    let second = client.post("/vectors/upsert", vector).await;
    let number = |reply: &crate::harness::Reply, header: &str| -> u64 {
        reply.header(header).parse().unwrap()
    };
    let written = number(&second, "x-pinecone-request-lsn");
    assert!(written > number(&first, "x-pinecone-request-lsn"));
    let seen = "x-pinecone-max-indexed-lsn";
    let query = client.post("/query", json!({ "vector": [1, 0, 0], "topK": 1 })).await;
    assert_eq!(number(&query, seen), written);
    let stats = client.post("/describe_index_stats", json!({})).await;
    assert_eq!(number(&stats, seen), written);
    let deleted = client.post("/vectors/delete", json!({ "ids": ["a"] })).await;
    assert!(number(&deleted, "x-pinecone-request-lsn") > written);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_fetched_by_id_and_the_missing_left_out() {
    let client = Pinecone::with_docs("dotproduct").await;
    let sparse = json!({ "indices": [7, 3], "values": [0.5, 0.25] });
    let vectors = json!([
        { "id": "a b", "values": [1, 2, 3], "sparseValues": sparse, "metadata": { "tags": ["x", "y"], "ok": true } },
        { "id": "c", "values": [0.1, 0, 0] },
    ]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors, "namespace": "n" })).await;
    let fetched = client.get("/vectors/fetch?ids=a%20b&ids=c&ids=nope&namespace=n").await;
    expect![[r#"{"namespace":"n","usage":{"readUnits":1},"vectors":{"a b":{"id":"a b","metadata":{"ok":true,"tags":["x","y"]},"sparseValues":{"indices":[3,7],"values":[0.25,0.5]},"values":[1.0,2.0,3.0]},"c":{"id":"c","values":[0.1,0.0,0.0]}}}"#]].assert_eq(&fetched.to_string());
    let elsewhere = client.get("/vectors/fetch?ids=c").await;
    assert_eq!(elsewhere["vectors"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_listed_page_by_page() {
    let client = Pinecone::with_docs("cosine").await;
    let vectors: Vec<Value> = ["b/2", "a/1", "b/1", "b/3", "c"]
        .iter()
        .map(|id| json!({ "id": id, "values": [1, 0, 0] }))
        .collect();
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    let all = client.get("/vectors/list").await;
    assert_eq!(ids(&all["vectors"]), ["a/1", "b/1", "b/2", "b/3", "c"]);
    assert_eq!(all.get("pagination"), None);
    let mut path = "/vectors/list?prefix=b/&limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = client.get(&path).await;
        pages.push(ids(&page["vectors"]));
        let Some(next) = page["pagination"]["next"].as_str() else { break };
        path = format!("/vectors/list?prefix=b/&limit=2&paginationToken={next}");
    }
    assert_eq!(pages, [vec!["b/1", "b/2"], vec!["b/3"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_what_it_names_and_keeps_the_rest() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let metadata = json!({ "id": "x", "setMetadata": { "year": 2024, "new": true } });
    assert_eq!(client.ok("/vectors/update", metadata).await, json!({}));
    client.ok("/vectors/update", json!({ "id": "x", "values": [0, 1, 1] })).await;
    let fetched = client.get("/vectors/fetch?ids=x").await;
    let expected = json!({
        "id": "x", "values": [0.0, 1.0, 1.0],
        "metadata": { "lang": "en", "new": true, "year": 2024.0 },
    });
    assert_eq!(fetched["vectors"]["x"], expected);
    // As the vendor has it, what is not there is not changed, and that is no error.
    let missing = json!({ "id": "nope", "setMetadata": { "a": 1 } });
    assert_eq!(client.ok("/vectors/update", missing).await, json!({}));
    assert_eq!(client.ids("").await, ["x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_by_filter_counts_first_if_asked() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let filter = json!({ "year": { "$gte": 2020 } });
    let mut body = json!({ "filter": filter, "setMetadata": { "seen": true }, "dryRun": true });
    assert_eq!(client.ok("/vectors/update", body.clone()).await, json!({ "matchedRecords": 2 }));
    let seen = json!({ "filter": { "seen": true } });
    assert_eq!(client.ok("/describe_index_stats", seen.clone()).await["totalVectorCount"], 0);
    body["dryRun"] = json!(false);
    assert_eq!(client.ok("/vectors/update", body).await, json!({ "matchedRecords": 2 }));
    assert_eq!(client.ok("/describe_index_stats", seen).await["totalVectorCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_fetched_by_metadata_page_by_page() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let mut body = json!({ "filter": { "year": { "$exists": true } }, "limit": 1 });
    let first = client.ok("/vectors/fetch_by_metadata", body.clone()).await;
    assert_eq!(first["vectors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["x"]);
    body["paginationToken"] = first["pagination"]["next"].clone();
    let second = client.ok("/vectors/fetch_by_metadata", body).await;
    assert_eq!(second["vectors"]["y"]["metadata"]["lang"], "de");
    assert_eq!(second.get("pagination"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_deleted_by_id_by_filter_or_all() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    assert_eq!(client.ok("/vectors/delete", json!({ "ids": ["x", "nope"] })).await, json!({}));
    assert_eq!(client.ids("").await, ["y", "z"]);
    client.ok("/vectors/delete", json!({ "filter": { "lang": { "$eq": "de" } } })).await;
    assert_eq!(client.ids("").await, ["z"]);
    client.ok("/vectors/delete", json!({ "deleteAll": true })).await;
    assert_eq!(client.ids("").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_keep_records_apart_and_end_with_them() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    for (namespace, id) in [("b", "1"), ("b", "2"), ("a", "1")] {
        let vectors = json!([{ "id": id, "values": [1, 1, 1] }]);
        client.ok("/vectors/upsert", json!({ "vectors": vectors, "namespace": namespace })).await;
    }
    let stats = client.ok("/describe_index_stats", json!({})).await;
    expect![[r#"{"dimension":3,"indexFullness":0,"metric":"cosine","namespaces":{"__default__":{"vectorCount":3},"a":{"vectorCount":1},"b":{"vectorCount":2}},"totalVectorCount":6,"vectorType":"dense"}"#]].assert_eq(&stats.to_string());
    let listed = client.get("/namespaces").await;
    expect![[r#"{"namespaces":[{"name":"__default__","record_count":3},{"name":"a","record_count":1},{"name":"b","record_count":2}],"total_count":3}"#]].assert_eq(&listed.to_string());
    let created = client.post("/namespaces", json!({ "name": "c" })).await;
    expect![[r#"501 {"code":12,"message":"a namespace begins with its first record and has no schema; upsert into it","details":[]}"#]].assert_eq(&created.line());
    let page = client.get("/namespaces?limit=1&prefix=b").await;
    assert_eq!(page["namespaces"], json!([{ "name": "b", "record_count": 2 }]));
    assert_eq!(client.get("/namespaces/b").await, json!({ "name": "b", "record_count": 2 }));
    assert_eq!(client.ids("__default__").await, client.ids("").await);

    let path = "/pinecone/i/docs/namespaces/b";
    let deleted = client.0.send(crate::harness::request(Method::DELETE, path, "")).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    expect![[r#"404 {"code":5,"message":"index `docs` has no namespace `b`","details":[]}"#]]
        .assert_eq(&client.0.get(path).await.line());
    client.ok("/vectors/delete", json!({ "ids": ["1"], "namespace": "a" })).await;
    assert_eq!(client.get("/namespaces").await["total_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_not_there_holds_nothing_and_cannot_be_emptied() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let query = json!({ "vector": [1, 0, 0], "topK": 3, "namespace": "nope" });
    let answer = client.ok("/query", query).await;
    assert_eq!((&answer["matches"], &answer["namespace"]), (&json!([]), &json!("nope")));
    assert_eq!(client.ids("nope").await, Vec::<String>::new());
    let all = json!({ "deleteAll": true, "namespace": "nope" });
    expect![[r#"404 {"code":5,"message":"index `docs` has no namespace `nope`","details":[]}"#]]
        .assert_eq(&client.post("/vectors/delete", all).await.line());
    let described = client.0.get("/pinecone/i/docs/namespaces/nope").await;
    assert_eq!(described.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_and_dense_parts_add_up_under_the_dot_product() {
    let client = Pinecone::with_docs("dotproduct").await;
    let vectors = json!([
        { "id": "dense", "values": [1, 0, 0] },
        { "id": "both", "values": [1, 0, 0], "sparseValues": { "indices": [5, 1], "values": [2, 1] } },
    ]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    let body = json!({
        "vector": [1, 0, 0], "sparseVector": { "indices": [5], "values": [3] }, "topK": 2,
    });
    let answer = client.ok("/query", body).await;
    let expected = json!([
        { "id": "both", "score": 7.0, "values": [] },
        { "id": "dense", "score": 1.0, "values": [] },
    ]);
    assert_eq!(answer["matches"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_vectors_stand_alone_in_an_index_of_their_own() {
    let client = Pinecone::start().await;
    let body = json!({ "name": "docs", "vector_type": "sparse", "metric": "dotproduct" });
    client.control(Method::POST, "/indexes", body).await;
    let vectors = json!([
        { "id": "a", "sparseValues": { "indices": [1, 2], "values": [1, 1] } },
        { "id": "b", "sparseValues": { "indices": [2], "values": [3] } },
        { "id": "c", "sparseValues": { "indices": [9], "values": [3] } },
    ]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    let query = json!({ "sparseVector": { "indices": [2, 1], "values": [1, 0.5] }, "topK": 2 });
    let answer = client.ok("/query", query).await;
    let expected = json!([
        { "id": "b", "score": 3.0, "values": [] },
        { "id": "a", "score": 1.5, "values": [] },
    ]);
    assert_eq!(answer["matches"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_matches_with_values_come_whole() {
    let client = Pinecone::with_docs("dotproduct").await;
    let vectors: Vec<Value> = (0..10_000)
        .map(|row| json!({ "id": format!("{row:05}"), "values": [row, 0.5, 1] }))
        .collect();
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    let body = json!({ "vector": [1, 0, 0], "topK": 10_000, "includeValues": true });
    let answer = client.ok("/query", body).await;
    let found = ids(&answer["matches"]);
    assert_eq!(found.len(), 10_000);
    assert!(found.is_sorted_by(|a, b| a > b), "best first");
    assert_eq!(answer["matches"][9_999]["values"], json!([0.0, 0.5, 1.0]));
}
