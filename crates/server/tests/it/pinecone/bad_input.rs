//! Requests that no index can carry out: each names the thing, the limit and the remedy, and nothing is
//! written.

use axum::http::StatusCode;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Pinecone;
use crate::harness::Reply;

#[track_caller]
fn check(reply: &Reply, expected: Expect) {
    assert_eq!(reply.header("content-type"), "application/json");
    expected.assert_eq(&reply.line());
}

async fn refused_upsert(client: &Pinecone, vector: Value, expected: Expect) {
    let good = json!({ "id": "good", "values": [1, 0, 0] });
    let reply = client.post("/vectors/upsert", json!({ "vectors": [good, vector] })).await;
    check(&reply, expected);
    assert_eq!(client.ids("").await, Vec::<String>::new(), "nothing of the batch was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vector_that_does_not_fit_is_refused_with_its_whole_batch() {
    let client = Pinecone::with_docs("cosine").await;
    refused_upsert(&client, json!({ "id": "a", "values": [1, 0] }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [] }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "a" }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [0, 0, -0.0] }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [1, null, 0] }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [1, 1e39, 0] }), expect![[]]).await;
    refused_upsert(&client, json!({ "id": "good", "values": [1, 1, 0] }), expect![[]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_refused_however_it_is_written() {
    let client = Pinecone::with_docs("cosine").await;
    for (word, expected) in [
        ("NaN", expect![[]]),
        ("Infinity", expect![[]]),
        ("-Infinity", expect![[]]),
        ("1e999", expect![[]]),
    ] {
        let body = format!(r#"{{"vectors":[{{"id":"a","values":[1,{word},0]}}]}}"#);
        check(&client.post_text("/vectors/upsert", &body).await, expected);
        let body = format!(r#"{{"vector":[1,{word},0],"topK":1}}"#);
        let query = client.post_text("/query", &body).await;
        assert_eq!(query.status, StatusCode::BAD_REQUEST, "{}", query.text());
    }
    let query = client.post_text("/query", r#"{"vector":[1,1e39,0],"topK":1}"#).await;
    check(&query, expect![[]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_has_1_to_512_bytes() {
    let client = Pinecone::with_docs("cosine").await;
    refused_upsert(&client, json!({ "id": "", "values": [1, 0, 0] }), expect![[]]).await;
    // 257 characters of two bytes, less one.
    let long = format!("{}a", "é".repeat(256));
    refused_upsert(&client, json!({ "id": long, "values": [1, 0, 0] }), expect![[]]).await;
    check(&client.post("/vectors/delete", json!({ "ids": ["ok", ""] })).await, expect![[]]);
    let path = format!("/pinecone/i/docs/vectors/fetch?ids={}", "a".repeat(513));
    check(&client.0.get(&path).await, expect![[]]);
    let longest = "é".repeat(256);
    let vectors = json!([{ "id": longest, "values": [1, 0, 0] }]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    assert_eq!(client.ids("").await, [longest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_flat_and_at_most_40_kib() {
    let client = Pinecone::with_docs("cosine").await;
    let with = |metadata: Value| json!({ "id": "a", "values": [1, 0, 0], "metadata": metadata });
    refused_upsert(&client, with(json!({ "a": { "b": 1 } })), expect![[]]).await;
    refused_upsert(&client, with(json!({ "a": null })), expect![[]]).await;
    refused_upsert(&client, with(json!({ "a": [1, 2] })), expect![[]]).await;
    refused_upsert(&client, with(json!([1])), expect![[]]).await;
    // 40,961 bytes with its braces, quotes and colon.
    let long = json!({ "a": "x".repeat(40_961 - 8) });
    assert_eq!(long.to_string().len(), 40_961);
    refused_upsert(&client, with(long), expect![[]]).await;
    let longest = json!({ "a": "x".repeat(40_960 - 8) });
    client.ok("/vectors/upsert", json!({ "vectors": [with(longest)] })).await;
    let update = json!({ "id": "a", "setMetadata": { "b": { "c": 1 } } });
    check(&client.post("/vectors/update", update).await, expect![[]]);
    // Each is short enough, and together they are not.
    let grown = json!({ "id": "a", "setMetadata": { "b": "x".repeat(100) } });
    check(&client.post("/vectors/update", grown).await, expect![[]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_does_not_fit_is_refused() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let vector = json!([1, 0, 0]);
    for (body, expected) in [
        (json!({ "vector": vector, "topK": 0 }), expect![[]]),
        (json!({ "vector": vector, "topK": 10_001 }), expect![[]]),
        (json!({ "vector": vector }), expect![[]]),
        (json!({ "vector": vector, "topK": "5" }), expect![[]]),
        (json!({ "vector": [1, 0], "topK": 1 }), expect![[]]),
        (json!({ "vector": [0, 0, 0], "topK": 1 }), expect![[]]),
        (json!({ "vector": [[1, 0, 0], [0, 1, 0]], "topK": 1 }), expect![[]]),
        (json!({ "topK": 1 }), expect![[]]),
        (json!({ "vector": vector, "id": "x", "topK": 1 }), expect![[]]),
        (json!({ "queries": [{ "values": vector }], "topK": 1 }), expect![[]]),
        (
            json!({ "vector": vector, "sparseVector": { "indices": [1], "values": [1] }, "topK": 1 }),
            expect![[]],
        ),
    ] {
        check(&client.post("/query", body).await, expected);
    }
    let most = client.ok("/query", json!({ "vector": vector, "topK": 10_000 })).await;
    assert_eq!(most["matches"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sparse_vector_is_sorted_out_or_refused() {
    let client = Pinecone::with_docs("dotproduct").await;
    let with = |indices: Value, values: Value| json!({ "id": "a", "values": [1, 0, 0], "sparseValues": { "indices": indices, "values": values } });
    refused_upsert(&client, with(json!([1, 2]), json!([1])), expect![[]]).await;
    refused_upsert(&client, with(json!([1, 1]), json!([1, 2])), expect![[]]).await;
    refused_upsert(&client, with(json!([-1]), json!([1])), expect![[]]).await;
    let many: Vec<u32> = (0..2_049).collect();
    refused_upsert(&client, with(json!(many), json!(many)), expect![[]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_at_least_one_record_and_any_number_that_fits_the_body() {
    let client = Pinecone::with_docs("cosine").await;
    check(&client.post("/vectors/upsert", json!({ "vectors": [] })).await, expect![[]]);
    check(&client.post("/vectors/upsert", json!({})).await, expect![[]]);
    check(&client.post_text("/vectors/upsert", "").await, expect![[]]);
    check(&client.post_text("/vectors/upsert", "[]").await, expect![[]]);
    let vectors: Vec<Value> =
        (0..5_000).map(|row| json!({ "id": row.to_string(), "values": [1, 0, 0] })).collect();
    let answer = client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    assert_eq!(answer["upsertedCount"], 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_says_one_way_which_records() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    for body in [
        json!({}),
        json!({ "deleteAll": false }),
        json!({ "ids": ["x"], "deleteAll": true }),
        json!({ "ids": ["x"], "filter": { "lang": "en" } }),
    ] {
        let reply = client.post("/vectors/delete", body).await;
        check(&reply, expect![[]]);
    }
    assert_eq!(client.ids("").await, ["x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_none_and_a_limit_that_is_no_number_are_refused() {
    let client = Pinecone::with_docs("cosine").await;
    let list = |query: &'static str| client.0.get(query);
    check(&list("/pinecone/i/docs/vectors/list?limit=0").await, expect![[]]);
    check(&list("/pinecone/i/docs/vectors/list?limit=many").await, expect![[]]);
    check(&list("/pinecone/i/docs/vectors/fetch").await, expect![[]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_has_at_most_512_bytes() {
    let client = Pinecone::with_docs("cosine").await;
    let vectors = json!([{ "id": "a", "values": [1, 0, 0] }]);
    for namespace in ["n".repeat(513), "a\0b".to_owned()] {
        let body = json!({ "vectors": vectors, "namespace": namespace });
        let reply = client.post("/vectors/upsert", body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
    }
    assert_eq!(client.get("/namespaces").await["total_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_or_a_route_that_is_not_there_is_named() {
    let client = Pinecone::with_docs("cosine").await;
    for path in ["/pinecone/i/nope/vectors/list", "/pinecone/i/No_Name/vectors/list"] {
        let reply = client.0.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
        assert_eq!(reply.json()["code"], 5);
    }
    check(&client.0.get("/pinecone/i/nope/vectors/list").await, expect![[]]);
    check(&client.post("/vectors/nope", json!({})).await, expect![[]]);
    check(&client.0.get("/pinecone/nope").await, expect![[]]);
    check(&client.0.get("/pinecone/i/docs/query").await, expect![[]]);
}
