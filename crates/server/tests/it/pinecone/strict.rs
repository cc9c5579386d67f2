//! Requests that say something twice, in the wrong form or not at all: none is guessed at, and nothing is
//! written.

use axum::http::{Method, StatusCode};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Pinecone;

impl Pinecone {
    /// Posts a body to the data plane of `docs` that is answered with this.
    async fn check_text(&self, path: &str, body: &str, expected: Expect) {
        expected.assert_eq(&self.post_text(path, body).await.line());
    }

    /// Posts a body to the data plane of `docs` that is answered with this.
    async fn check(&self, path: &str, body: Value, expected: Expect) {
        self.check_text(path, &body.to_string(), expected).await;
    }

    /// Checks that the records of `upsert_axes` are as they were.
    async fn check_untouched(&self) {
        let fetched = self.get("/vectors/fetch?ids=x&ids=y&ids=z").await;
        let expected = json!({
            "x": { "id": "x", "values": [1.0, 0.0, 0.0], "metadata": { "lang": "en", "year": 2020.0 } },
            "y": { "id": "y", "values": [0.0, 1.0, 0.0], "metadata": { "lang": "de", "year": 2021.0 } },
            "z": { "id": "z", "values": [0.0, 0.0, 1.0] },
        });
        assert_eq!(fetched["vectors"], expected);
        assert_eq!(self.ids("").await, ["x", "y", "z"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_twice_is_refused_and_named() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let query = r#"{"vector":[1,0,0],"topK":1,"filter":{"year":{"$gt":2020,"$gt":1900}}}"#;
    client.check_text("/query", query, expect![[r#"400 {"code":3,"message":"`filter.year`: key `$gt` comes twice in one object at line 1 column 61","details":[]}"#]]).await;
    let delete = r#"{"filter":{"lang":"fr","lang":"en"}}"#;
    client.check_text("/vectors/delete", delete, expect![[r#"400 {"code":3,"message":"`filter`: key `lang` comes twice in one object at line 1 column 29","details":[]}"#]]).await;
    let upsert = r#"{"vectors":[{"id":"a","values":[1,0,0],"metadata":{"a":1,"a":2}}]}"#;
    client.check_text("/vectors/upsert", upsert, expect![[r#"400 {"code":3,"message":"`vectors[0].metadata`: key `a` comes twice in one object at line 1 column 60","details":[]}"#]]).await;
    let update = r#"{"id":"x","setMetadata":{"year":1,"year":2}}"#;
    client.check_text("/vectors/update", update, expect![[r#"400 {"code":3,"message":"`setMetadata`: key `year` comes twice in one object at line 1 column 40","details":[]}"#]]).await;
    client.check_text("/query", r#"{"topK":1,"topK":2}"#, expect![[r#"400 {"code":3,"message":"duplicate field `topK` at line 1 column 16","details":[]}"#]]).await;
    client.check_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_control_plane_that_comes_twice_is_refused_and_named() {
    let client = Pinecone::start().await;
    for (body, expected) in [
        (
            r#"{"name":"a","dimension":3,"tags":{"team":"x","team":"y"}}"#,
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags`: key `team` comes twice in one object at line 1 column 51"},"status":400}"#
            ]],
        ),
        (
            r#"{"name":"a","schema":{"fields":{"_values":{"type":"dense_vector","dimension":3},"_values":{"type":"dense_vector","dimension":4}}}}"#,
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields`: key `_values` comes twice in one object at line 1 column 89"},"status":400}"#
            ]],
        ),
        (
            r#"{"name":"a","schema":{"fields":{"_values":{"type":"dense_vector","dimension":3,"dimension":4}}}}"#,
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields._values`: duplicate field `dimension` at line 1 column 93"},"status":400}"#
            ]],
        ),
    ] {
        let request = super::with_type(
            Method::POST,
            "/pinecone/indexes",
            body.to_owned(),
            "application/json",
        );
        expected.assert_eq(&client.0.send(request).await.line());
    }
    let listed = client.control(Method::GET, "/indexes", Value::Null).await;
    assert_eq!(listed.json(), json!({ "indexes": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_no_object_wherever_it_stands() {
    let client = Pinecone::with_docs("dotproduct").await;
    let record = json!(["a", [1, 2, 3], null, { "a": 1 }]);
    client.check("/vectors/upsert", json!({ "vectors": [record] }), expect![[r#"400 {"code":3,"message":"`vectors[0]`: invalid type: sequence, expected an object at line 1 column 12","details":[]}"#]]).await;
    let sparse = json!([[1, 2], [0.5, 0.5]]);
    let record = json!({ "id": "a", "values": [1, 0, 0], "sparseValues": sparse });
    client.check("/vectors/upsert", json!({ "vectors": [record] }), expect![[r#"400 {"code":3,"message":"`vectors[0].sparseValues`: invalid type: sequence, expected an object at line 1 column 37","details":[]}"#]]).await;
    let query = json!({ "vector": [1, 0, 0], "sparseVector": sparse, "topK": 1 });
    client.check("/query", query, expect![[r#"400 {"code":3,"message":"`sparseVector`: invalid type: sequence, expected an object at line 1 column 16","details":[]}"#]]).await;
    let update = json!({ "id": "a", "sparseValues": sparse });
    client.check("/vectors/update", update, expect![[r#"400 {"code":3,"message":"`sparseValues`: invalid type: sequence, expected an object at line 1 column 25","details":[]}"#]]).await;
    let search = "/records/namespaces/n/search";
    client.check(search, json!({ "query": [1, { "text": "a" }] }), expect![[r#"400 {"code":3,"message":"`query`: invalid type: sequence, expected an object at line 1 column 9","details":[]}"#]]).await;
    let inputs = json!({ "top_k": 1, "inputs": ["a"] });
    client.check(search, json!({ "query": inputs }), expect![[r#"400 {"code":3,"message":"`query.inputs`: invalid type: sequence, expected an object at line 1 column 19","details":[]}"#]]).await;
    let vector = json!({ "top_k": 1, "vector": [[1, 0, 0]] });
    client.check(search, json!({ "query": vector }), expect![[r#"400 {"code":3,"message":"`query.vector`: invalid type: sequence, expected an object at line 1 column 29","details":[]}"#]]).await;
    assert_eq!(client.ids("").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_no_object_of_the_control_plane_or_of_inference() {
    let client = Pinecone::start().await;
    let place = json!({ "cloud": "aws", "region": "us-east-1" });
    for (path, body, expected) in [
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "spec": [place] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`spec`: invalid type: sequence, expected an object at line 1 column 33"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "spec": { "serverless": ["aws", "us-east-1"] } }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`spec.serverless`: invalid type: sequence, expected an object at line 1 column 47"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "schema": [{}] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema`: invalid type: sequence, expected an object at line 1 column 21"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "schema": { "fields": { "_values": ["dense_vector", 3] } } }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields._values`: invalid type: sequence, expected an object at line 1 column 42"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "schema": { "fields": { "_values": 3 } } }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields._values`: invalid type: integer `3`, expected an object at line 1 column 43"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "deployment": ["managed"] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`deployment`: invalid type: sequence, expected an object at line 1 column 14"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "tags": [] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags`: invalid type: sequence, expected an object at line 1 column 33"},"status":400}"#
            ]],
        ),
        (
            "/indexes/create-for-model",
            json!({ "name": "a", "cloud": "aws", "region": "r", "embed": ["tiny-bert", {}] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`embed`: invalid type: sequence, expected an object at line 1 column 23"},"status":400}"#
            ]],
        ),
        (
            "/embed",
            json!({ "model": "tiny-bert", "inputs": [["a"]] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`inputs[0]`: invalid type: sequence, expected an object at line 1 column 11"},"status":400}"#
            ]],
        ),
        (
            "/embed",
            json!({ "model": "tiny-bert", "inputs": [{ "text": "a" }], "parameters": ["query"] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`parameters`: invalid type: sequence, expected an object at line 1 column 58"},"status":400}"#
            ]],
        ),
    ] {
        expected.assert_eq(&client.control(Method::POST, path, body).await.line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_word_is_named_and_is_json_all_the_same() {
    let client = Pinecone::start().await;
    for (path, body, expected) in [
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "metric": 5 }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`metric`: invalid type: integer `5`, expected a string at line 1 column 25"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "vector_type": ["dense"] }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`vector_type`: invalid type: sequence, expected a string at line 1 column 40"},"status":400}"#
            ]],
        ),
        (
            "/indexes",
            json!({ "name": "a", "dimension": 3, "deletion_protection": true }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`deletion_protection`: invalid type: boolean `true`, expected a string at line 1 column 27"},"status":400}"#
            ]],
        ),
        (
            "/embed",
            json!({ "model": "tiny-bert", "inputs": [], "parameters": { "input_type": {} } }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`parameters.input_type`: invalid type: map, expected a string at line 1 column 60"},"status":400}"#
            ]],
        ),
    ] {
        expected.assert_eq(&client.control(Method::POST, path, body).await.line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_field_changes_and_deletes_nothing() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let delete = json!({ "deleteAll": true, "namspace": "tmp" });
    client.check("/vectors/delete", delete, expect![[r#"400 {"code":3,"message":"`namspace`: unknown field `namspace`, expected one of `ids`, `deleteAll`, `filter`, `namespace` at line 1 column 28","details":[]}"#]]).await;
    let update = json!({ "id": "x", "metadata": { "year": 1 } });
    client.check("/vectors/update", update, expect![[r#"400 {"code":3,"message":"`metadata`: unknown field `metadata`, expected one of `id`, `filter`, `values`, `sparseValues`, `setMetadata`, `dryRun`, `namespace` at line 1 column 20","details":[]}"#]]).await;
    let update = json!({ "filter": { "lang": "en" }, "setMetadata": { "a": 1 }, "dry_run": true });
    client.check("/vectors/update", update, expect![[r#"400 {"code":3,"message":"`dry_run`: unknown field `dry_run`, expected one of `id`, `filter`, `values`, `sparseValues`, `setMetadata`, `dryRun`, `namespace` at line 1 column 10","details":[]}"#]]).await;
    client.check_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_one_record_is_refused() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let update = json!({ "id": "x", "values": [0, 1, 0], "dryRun": true });
    client.check("/vectors/update", update, expect![[r#"400 {"code":3,"message":"`dryRun`: counts what passes a `filter`, and an update of one `id` has none; leave it out","details":[]}"#]]).await;
    client.check_untouched().await;
    client.ok("/vectors/update", json!({ "id": "x", "values": [1, 0, 0], "dryRun": false })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_by_a_record_that_is_not_there_is_checked_like_any_other() {
    let client = Pinecone::with_docs("cosine").await;
    client.check("/query", json!({ "id": "nope", "topK": 0 }), expect![[r#"400 {"code":3,"message":"`topK`: 1 to 10000 matches in one answer, not 0","details":[]}"#]]).await;
    let query = json!({ "id": "nope", "topK": 1, "filter": { "a": { "$bad": 1 } } });
    client.check("/query", query, expect![[r#"400 {"code":3,"message":"unknown filter operator `$bad`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters","details":[]}"#]]).await;
    let search = "/records/namespaces/n/search";
    client.check(search, json!({ "query": { "id": "nope", "top_k": 0 } }), expect![[r#"400 {"code":3,"message":"`query.top_k`: 1 to 10000 matches in one answer, not 0","details":[]}"#]]).await;
    let query = json!({ "id": "nope", "top_k": 1, "filter": { "a": { "$bad": 1 } } });
    client.check(search, json!({ "query": query }), expect![[r#"400 {"code":3,"message":"unknown filter operator `$bad`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters","details":[]}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sparse_query_of_dense_vectors_says_what_is_missing() {
    let client = Pinecone::with_docs("dotproduct").await;
    let query = json!({ "sparseVector": { "indices": [1], "values": [1] }, "topK": 1 });
    client.check("/query", query, expect![[r#"400 {"code":3,"message":"`vector`: index `docs` has dense vectors of 3 dimensions, so a query needs one, also beside a sparse one","details":[]}"#]]).await;
    let vector = json!({ "sparse_indices": [1], "sparse_values": [1] });
    let search = json!({ "query": { "vector": vector, "top_k": 1 } });
    client.check("/records/namespaces/n/search", search, expect![[r#"400 {"code":3,"message":"`query.vector.values`: index `docs` has dense vectors of 3 dimensions, so a query needs one, also beside a sparse one","details":[]}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_or_none_names_the_field() {
    let client = Pinecone::with_docs("cosine").await;
    client.check("/vectors/delete", json!({ "ids": [] }), expect![[r#"400 {"code":3,"message":"`ids`: 1 to 100000 records in one request, not 0","details":[]}"#]]).await;
    let fetch = json!({ "filter": { "a": 1 }, "limit": 100_001 });
    client.check("/vectors/fetch_by_metadata", fetch, expect![[r#"400 {"code":3,"message":"`limit`: a page holds at most 100000, not 100001","details":[]}"#]]).await;
    let listed = client.0.get("/pinecone/i/docs/vectors/list?limit=100001").await;
    expect![[r#"400 {"code":3,"message":"`limit`: a page holds at most 100000, not 100001","details":[]}"#]].assert_eq(&listed.line());
    let longest = client.0.get("/pinecone/i/docs/vectors/list?limit=100000").await;
    assert_eq!(longest.status, StatusCode::OK);
    client.check("/query", json!({ "vector": [1, 0, 0], "top_k": 2 }), expect![[r#"400 {"code":3,"message":"`topK`: missing; it is how many matches are wanted, and is spelt so on this route and not `top_k`","details":[]}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_repeats_only_the_beginning_of_what_is_long() {
    let client = Pinecone::with_docs("cosine").await;
    let long = "x".repeat(1_000_000);
    let mut field = serde_json::Map::from_iter([("deleteAll".to_owned(), json!(true))]);
    field.insert(long.clone(), json!(1));
    let metadata = json!({ "id": "a", "values": [1, 0, 0], "metadata": { &long: null } });
    for reply in [
        client.control(Method::POST, "/indexes", json!({ "name": long, "dimension": 3 })).await,
        client.control(Method::PATCH, "/indexes/docs", json!({ "tags": { &long: "a" } })).await,
        client.post("/vectors/delete", Value::Object(field)).await,
        client.post("/vectors/upsert", json!({ "vectors": [metadata] })).await,
    ] {
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(reply.text().len() < 1_000 && reply.text().contains("xxx…"), "{}", reply.text());
    }
    // Of a text where none belongs there is nothing.
    let reply = client.post("/query", json!({ "vector": long, "topK": 1 })).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(!reply.text().contains("xxx"), "{}", reply.text());
}
