//! Schemas, in which 10.2.0 says what an index has.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::Pinecone;
use super::control::{check, serverless};

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_makes_the_same_index_as_a_dimension() {
    let client = Pinecone::start().await;
    let fields =
        json!({ "_values": { "type": "dense_vector", "dimension": 8, "metric": "euclidean" } });
    let deployment =
        json!({ "deployment_type": "managed", "cloud": "gcp", "region": "europe-west4" });
    let body = json!({ "name": "new", "schema": { "fields": fields }, "deployment": deployment });
    let new = client.control(Method::POST, "/indexes", body).await;
    assert_eq!(new.status, StatusCode::CREATED, "{}", new.text());
    let body =
        json!({ "name": "old", "dimension": 8, "metric": "euclidean", "spec": serverless() });
    let old = client.control(Method::POST, "/indexes", body).await;
    let without_name = |mut index: Value| {
        index.as_object_mut().unwrap().retain(|field, _| field != "name" && field != "host");
        index
    };
    assert_eq!(without_name(new.json()), without_name(old.json()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_both_kinds_of_vectors_is_described_as_it_was_declared() {
    let client = Pinecone::start().await;
    let fields = json!({
        "_values": { "type": "dense_vector", "dimension": 3, "metric": "dotproduct" },
        "_sparse_values": { "type": "sparse_vector" },
    });
    let body = json!({ "name": "docs", "schema": { "fields": fields } });
    let created = client.control(Method::POST, "/indexes", body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    assert_eq!(created.json()["schema"], json!({ "fields": fields }));
    assert_eq!(created.json()["vector_type"], "dense");
    let sparse = json!({ "indices": [7], "values": [0.5] });
    let vectors = json!([{ "id": "a", "values": [1, 0, 0], "sparseValues": sparse }]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_contradicts_itself_or_the_rest_makes_no_index() {
    let client = Pinecone::start().await;
    let dense = |metric: &str| json!({ "type": "dense_vector", "dimension": 4, "metric": metric });
    let sparse = json!({ "type": "sparse_vector" });
    let with_sparse = json!({ "fields": { "_values": dense("cosine"), "_sparse_values": sparse } });
    let no_metric = json!({ "type": "dense_vector", "dimension": 4 });
    let without_metric = json!({ "fields": { "_values": no_metric, "_sparse_values": sparse } });
    let dense_alone = json!({ "fields": { "_values": dense("cosine") } });
    let sparse_alone = json!({ "fields": { "_sparse_values": sparse } });
    for (body, expected) in [
        (
            json!({ "name": "a", "schema": with_sparse }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields._sparse_values`: sparse vectors stand only beside dense ones whose metric is dotproduct; give `_values` that metric, or leave this out"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": without_metric }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields._sparse_values`: sparse vectors stand only beside dense ones whose metric is dotproduct; give `_values` that metric, or leave this out"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": dense_alone, "dimension": 8 }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`dimension`: `schema` says otherwise; leave this out, since the schema says it all"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": dense_alone, "metric": "dotproduct" }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`metric`: `schema` says otherwise; leave this out, since the schema says it all"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": dense_alone, "vector_type": "sparse" }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`vector_type`: `schema` says otherwise; leave this out, since the schema says it all"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": sparse_alone, "dimension": 8 }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`dimension`: `schema` says otherwise; leave this out, since the schema says it all"},"status":400}"#
            ]],
        ),
        (
            json!({ "name": "a", "schema": sparse_alone, "metric": "cosine" }),
            expect![[
                r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`metric`: `schema` says otherwise; leave this out, since the schema says it all"},"status":400}"#
            ]],
        ),
    ] {
        check(&client.control(Method::POST, "/indexes", body).await, expected);
    }
    let same = json!({ "name": "a", "schema": dense_alone, "dimension": 4, "metric": "cosine", "vector_type": "dense" });
    let created = client.control(Method::POST, "/indexes", same).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
}
