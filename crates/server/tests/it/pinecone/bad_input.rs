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
    refused_upsert(&client, json!({ "id": "a", "values": [1, 0] }), expect![[r#"400 {"code":3,"message":"record `a` has 2 dimensions, and index `docs` has 3","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [] }), expect![[r#"400 {"code":3,"message":"record `a` has 0 dimensions, and index `docs` has 3","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "a" }), expect![[r#"400 {"code":3,"message":"record `a` has 0 dimensions, and index `docs` has 3","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [0, 0, -0.0] }), expect![[r#"400 {"code":3,"message":"record `a` is all zeros, which has no direction and so no cosine","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [1, null, 0] }), expect![[r#"400 {"code":3,"message":"`vectors[1].values[1]`: invalid type: null, expected a number at line 1 column 69","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "a", "values": [1, 1e39, 0] }), expect![[r#"400 {"code":3,"message":"`vectors[1].values[1]`: the number is out of range; all numbers must be finite","details":[]}"#]]).await;
    refused_upsert(&client, json!({ "id": "good", "values": [1, 1, 0] }), expect![[r#"400 {"code":3,"message":"id `good` comes twice in one batch; send each id once","details":[]}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_refused_however_it_is_written() {
    let client = Pinecone::with_docs("cosine").await;
    for (word, expected) in [
        (
            "NaN",
            expect![[
                r#"400 {"code":3,"message":"`vectors[0].values[1]`: NaN is not a number that JSON has; all numbers must be finite","details":[]}"#
            ]],
        ),
        (
            "Infinity",
            expect![[
                r#"400 {"code":3,"message":"`vectors[0].values[1]`: Infinity is not a number that JSON has; all numbers must be finite","details":[]}"#
            ]],
        ),
        (
            "-Infinity",
            expect![[
                r#"400 {"code":3,"message":"`vectors[0].values[1]`: Infinity is not a number that JSON has; all numbers must be finite","details":[]}"#
            ]],
        ),
        (
            "1e999",
            expect![[
                r#"400 {"code":3,"message":"`vectors[0].values[1]`: the number is out of range; all numbers must be finite","details":[]}"#
            ]],
        ),
    ] {
        let body = format!(r#"{{"vectors":[{{"id":"a","values":[1,{word},0]}}]}}"#);
        check(&client.post_text("/vectors/upsert", &body).await, expected);
        let body = format!(r#"{{"vector":[1,{word},0],"topK":1}}"#);
        let query = client.post_text("/query", &body).await;
        assert_eq!(query.status, StatusCode::BAD_REQUEST, "{}", query.text());
    }
    let query = client.post_text("/query", r#"{"vector":[1,1e39,0],"topK":1}"#).await;
    check(
        &query,
        expect![[
            r#"400 {"code":3,"message":"the query has inf at position 1; all numbers must be finite","details":[]}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_has_1_to_512_bytes() {
    let client = Pinecone::with_docs("cosine").await;
    refused_upsert(&client, json!({ "id": "", "values": [1, 0, 0] }), expect![[r#"400 {"code":3,"message":"an id has 1 to 512 bytes; record 1 has one of 0","details":[]}"#]]).await;
    // 257 characters of two bytes, less one.
    let long = format!("{}a", "é".repeat(256));
    refused_upsert(&client, json!({ "id": long, "values": [1, 0, 0] }), expect![[r#"400 {"code":3,"message":"an id has 1 to 512 bytes; record 1 has one of 513","details":[]}"#]]).await;
    check(
        &client.post("/vectors/delete", json!({ "ids": ["ok", ""] })).await,
        expect![[
            r#"400 {"code":3,"message":"an id has 1 to 512 bytes; record 1 has one of 0","details":[]}"#
        ]],
    );
    let path = format!("/pinecone/i/docs/vectors/fetch?ids={}", "a".repeat(513));
    check(
        &client.0.get(&path).await,
        expect![[
            r#"400 {"code":3,"message":"an id has 1 to 512 bytes; record 0 has one of 513","details":[]}"#
        ]],
    );
    let longest = "é".repeat(256);
    let vectors = json!([{ "id": longest, "values": [1, 0, 0] }]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    assert_eq!(client.ids("").await, [longest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_flat_and_at_most_40_kib() {
    let client = Pinecone::with_docs("cosine").await;
    let with = |metadata: Value| json!({ "id": "a", "values": [1, 0, 0], "metadata": metadata });
    refused_upsert(&client, with(json!({ "a": { "b": 1 } })), expect![[r#"400 {"code":3,"message":"record `a`: metadata field `a` is an object; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)","details":[]}"#]]).await;
    refused_upsert(&client, with(json!({ "a": null })), expect![[r#"400 {"code":3,"message":"record `a`: metadata field `a` is null; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)","details":[]}"#]]).await;
    refused_upsert(&client, with(json!({ "a": [1, 2] })), expect![[r#"400 {"code":3,"message":"record `a`: metadata field `a` is a list with other things than strings; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)","details":[]}"#]]).await;
    refused_upsert(&client, with(json!([1])), expect![[r#"400 {"code":3,"message":"record `a`: metadata must be an object of fields, not a list with other things than strings","details":[]}"#]]).await;
    // 40,961 bytes with its braces, quotes and colon.
    let long = json!({ "a": "x".repeat(40_961 - 8) });
    assert_eq!(long.to_string().len(), 40_961);
    refused_upsert(&client, with(long), expect![[r#"400 {"code":3,"message":"record `a`: metadata has 40961 bytes as JSON, and a record takes at most 40960","details":[]}"#]]).await;
    let longest = json!({ "a": "x".repeat(40_960 - 8) });
    client.ok("/vectors/upsert", json!({ "vectors": [with(longest)] })).await;
    let update = json!({ "id": "a", "setMetadata": { "b": { "c": 1 } } });
    check(
        &client.post("/vectors/update", update).await,
        expect![[
            r#"400 {"code":3,"message":"record `a`: metadata field `b` is an object; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)","details":[]}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_does_not_fit_is_refused() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let vector = json!([1, 0, 0]);
    for (body, expected) in [
        (
            json!({ "vector": vector, "topK": 0 }),
            expect![[
                r#"400 {"code":3,"message":"`topK`: 1 to 10000 matches in one answer, not 0","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": vector, "topK": 10_001 }),
            expect![[
                r#"400 {"code":3,"message":"`topK`: 1 to 10000 matches in one answer, not 10001","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": vector }),
            expect![[
                r#"400 {"code":3,"message":"`topK`: missing; it is how many matches are wanted, and is spelt so on this route and not `top_k`","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": vector, "topK": "5" }),
            expect![[
                r#"400 {"code":3,"message":"`topK`: invalid type: string, expected a whole number from 0 at line 1 column 11","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": [1, 0], "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"the query has 2 dimensions, and index `docs` has 3","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": [0, 0, 0], "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"the query is all zeros, which has no direction and so no cosine","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": [[1, 0, 0], [0, 1, 0]], "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"`vector`: a query has one vector; send one query each at line 1 column 36","details":[]}"#
            ]],
        ),
        (
            json!({ "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"a query needs `vector`, `id` or `sparseVector`","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": vector, "id": "x", "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"`id`: a vector is given too; send one of the two","details":[]}"#
            ]],
        ),
        (
            json!({ "queries": [{ "values": vector }], "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"`queries`: send one query with `vector` or `id` each","details":[]}"#
            ]],
        ),
        (
            json!({ "vector": vector, "sparseVector": { "indices": [1], "values": [1] }, "topK": 1 }),
            expect![[
                r#"400 {"code":3,"message":"the query has a sparse vector, which beside a dense one needs an index with the metric dotproduct or with text terms","details":[]}"#
            ]],
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
    refused_upsert(&client, with(json!([1, 2]), json!([1])), expect![[r#"400 {"code":3,"message":"record `a` has 2 sparse indices and 1 sparse values","details":[]}"#]]).await;
    refused_upsert(
        &client,
        with(json!([1, 1]), json!([1, 2])),
        expect![[
            r#"400 {"code":3,"message":"record `a` names a sparse index twice","details":[]}"#
        ]],
    )
    .await;
    refused_upsert(&client, with(json!([-1]), json!([1])), expect![[r#"400 {"code":3,"message":"`vectors[1].sparseValues.indices[0]`: invalid value: integer `-1`, expected a whole number from 0 to 4294967295 at line 1 column 82","details":[]}"#]]).await;
    let many: Vec<u32> = (0..2_049).collect();
    refused_upsert(
        &client,
        with(json!(many), json!(many)),
        expect![[
            r#"400 {"code":3,"message":"record `a` has more than 2048 sparse terms","details":[]}"#
        ]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_at_least_one_record_and_any_number_that_fits_the_body() {
    let client = Pinecone::with_docs("cosine").await;
    check(
        &client.post("/vectors/upsert", json!({ "vectors": [] })).await,
        expect![[
            r#"400 {"code":3,"message":"`vectors`: 1 to 100000 records in one request, not 0","details":[]}"#
        ]],
    );
    check(
        &client.post("/vectors/upsert", json!({})).await,
        expect![[
            r#"400 {"code":3,"message":"missing field `vectors` at line 1 column 2","details":[]}"#
        ]],
    );
    check(
        &client.post_text("/vectors/upsert", "").await,
        expect![[
            r#"400 {"code":3,"message":"the body is not valid JSON: EOF while parsing a value at line 1 column 0","details":[]}"#
        ]],
    );
    check(
        &client.post_text("/vectors/upsert", "[]").await,
        expect![[r#"400 {"code":3,"message":"the body must be a JSON object","details":[]}"#]],
    );
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
        check(
            &reply,
            expect![[
                r#"400 {"code":3,"message":"send one of `ids`, `filter` and `deleteAll: true`","details":[]}"#
            ]],
        );
    }
    assert_eq!(client.ids("").await, ["x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_none_and_a_limit_that_is_no_number_are_refused() {
    let client = Pinecone::with_docs("cosine").await;
    let list = |query: &'static str| client.0.get(query);
    check(
        &list("/pinecone/i/docs/vectors/list?limit=0").await,
        expect![[r#"400 {"code":3,"message":"`limit`: a page holds at least 1","details":[]}"#]],
    );
    check(
        &list("/pinecone/i/docs/vectors/list?limit=many").await,
        expect![[
            r#"400 {"code":3,"message":"`limit`: must be a whole number, not `many`","details":[]}"#
        ]],
    );
    check(
        &list("/pinecone/i/docs/vectors/fetch").await,
        expect![[
            r#"400 {"code":3,"message":"`ids`: name at least one record, as in `?ids=a&ids=b`","details":[]}"#
        ]],
    );
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
    check(
        &client.0.get("/pinecone/i/nope/vectors/list").await,
        expect![[r#"404 {"code":5,"message":"there is no index `nope`","details":[]}"#]],
    );
    check(
        &client.post("/vectors/nope", json!({})).await,
        expect![[
            r#"404 {"code":5,"message":"there is no route POST /pinecone/i/docs/vectors/nope; see /docs for the routes","details":[]}"#
        ]],
    );
    check(
        &client.0.get("/pinecone/nope").await,
        expect![[
            r#"404 {"error":{"code":"NOT_FOUND","message":"there is no route GET /pinecone/nope; see /docs for the routes"},"status":404}"#
        ]],
    );
    check(
        &client.0.get("/pinecone/i/docs/query").await,
        expect![[
            r#"405 {"code":3,"message":"/pinecone/i/docs/query cannot be asked with GET; see the header Allow","details":[]}"#
        ]],
    );
}
