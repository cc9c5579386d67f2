//! Indexes: creating, describing, configuring and deleting them.

use axum::http::{Method, StatusCode};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Pinecone;
use crate::harness::{TINY, TestServer, config, in_memory, no_indexes};

pub(super) fn serverless() -> Value {
    json!({ "serverless": { "cloud": "gcp", "region": "europe-west4" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_described_in_the_words_of_both_clients() {
    let client = Pinecone::start().await;
    let body = json!({
        "name": "a", "dimension": 8, "metric": "dotproduct", "vector_type": "dense",
        "spec": serverless(), "deletion_protection": "enabled", "tags": { "team": "search" },
    });
    let created = client.control(Method::POST, "/indexes", body).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let pretty = serde_json::to_string_pretty(&created.json()).unwrap();
    expect![[r#"
        {
          "deletion_protection": "enabled",
          "deployment": {
            "cloud": "gcp",
            "deployment_type": "managed",
            "region": "europe-west4"
          },
          "dimension": 8,
          "host": "http://localhost/pinecone/i/a",
          "metric": "dotproduct",
          "name": "a",
          "read_capacity": {
            "mode": "OnDemand",
            "status": {
              "state": "Ready"
            }
          },
          "schema": {
            "fields": {
              "_values": {
                "dimension": 8,
                "metric": "dotproduct",
                "type": "dense_vector"
              }
            }
          },
          "spec": {
            "serverless": {
              "cloud": "gcp",
              "region": "europe-west4"
            }
          },
          "status": {
            "ready": true,
            "state": "Ready"
          },
          "tags": {
            "team": "search"
          },
          "vector_type": "dense"
        }"#]]
    .assert_eq(&pretty);
    let described = client.control(Method::GET, "/indexes/a", Value::Null).await;
    assert_eq!(described.json(), created.json());
    let listed = client.control(Method::GET, "/indexes", Value::Null).await;
    assert_eq!(listed.json(), json!({ "indexes": [created.json()] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_sparse_vectors_has_no_dimension() {
    let client = Pinecone::start().await;
    let old = json!({ "name": "a", "vector_type": "sparse", "metric": "dotproduct", "spec": serverless() });
    let new = json!({ "name": "b", "schema": { "fields": { "_sparse_values": { "type": "sparse_vector" } } } });
    for body in [old, new] {
        let created = client.control(Method::POST, "/indexes", body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        let created = created.json();
        assert_eq!(
            (&created["vector_type"], &created["metric"]),
            (&json!("sparse"), &json!("dotproduct"))
        );
        assert_eq!(created.get("dimension"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_index_is_deleted_only_after_its_protection() {
    let client = Pinecone::with_docs("cosine").await;
    let protect = |wanted: &str| {
        client.control(Method::PATCH, "/indexes/docs", json!({ "deletion_protection": wanted }))
    };
    assert_eq!(protect("enabled").await.json()["deletion_protection"], "enabled");
    let refused = client.control(Method::DELETE, "/indexes/docs", Value::Null).await;
    expect![[r#"403 {"error":{"code":"FORBIDDEN","message":"index `docs` is protected from deletion; disable its deletion protection first"},"status":403}"#]].assert_eq(&refused.line());
    assert_eq!(protect("disabled").await.json()["deletion_protection"], "disabled");
    let deleted = client.control(Method::DELETE, "/indexes/docs", Value::Null).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    for (method, path) in [(Method::GET, "/indexes/docs"), (Method::DELETE, "/indexes/docs")] {
        let gone = client.control(method, path, Value::Null).await;
        expect![[r#"404 {"error":{"code":"NOT_FOUND","message":"there is no index `docs`"},"status":404}"#]].assert_eq(&gone.line());
    }
    expect![[r#"404 {"code":5,"message":"there is no index `docs`","details":[]}"#]]
        .assert_eq(&client.post("/describe_index_stats", json!({})).await.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_set_changed_and_taken_away_one_by_one() {
    let client = Pinecone::with_docs("cosine").await;
    let tag = |tags: Value| client.control(Method::PATCH, "/indexes/docs", json!({ "tags": tags }));
    let tagged = tag(json!({ "team": "search", "env": "test" })).await.json();
    assert_eq!(tagged["tags"], json!({ "env": "test", "team": "search" }));
    let changed = tag(json!({ "team": "", "env": "live" })).await.json();
    assert_eq!(changed["tags"], json!({ "env": "live" }));
    // Where the index is stands in tags too, which no client sees or changes.
    assert_eq!(changed["spec"]["serverless"]["region"], "us-east-1");
    expect![[r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags.sembla.region`: names that begin with `sembla.` are the server's"},"status":400}"#]].assert_eq(&tag(json!({ "sembla.region": "moon" })).await.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_has_at_most_20_tags_of_80_and_120_characters() {
    let client = Pinecone::with_docs("cosine").await;
    let tag = |tags: Value| client.control(Method::PATCH, "/indexes/docs", json!({ "tags": tags }));
    let numbered = |numbers: std::ops::Range<usize>, value: &str| -> Value {
        numbers.map(|number| (format!("tag-{number}"), json!(value))).collect()
    };
    check(
        &tag(json!({ "é".repeat(81): "a" })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags.ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé`: a name has 1 to 80 characters, not 81"},"status":400}"#
        ]],
    );
    check(
        &tag(json!({ "a": "é".repeat(121) })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags.a`: a value has at most 120 characters, not 121"},"status":400}"#
        ]],
    );
    check(
        &tag(json!({ "": "a" })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags.`: a name has 1 to 80 characters, not 0"},"status":400}"#
        ]],
    );
    check(
        &tag(numbered(0..21, "a")).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags`: an index has at most 20, not 21"},"status":400}"#
        ]],
    );
    assert_eq!(tag(numbered(0..20, "a")).await.status, StatusCode::OK);
    assert_eq!(tag(numbered(0..20, "b")).await.status, StatusCode::OK, "in place of the others");
    check(
        &tag(json!({ "one-more": "a" })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags`: an index has at most 20, not 21"},"status":400}"#
        ]],
    );
    let exchanged = tag(json!({ "one-more": "a", "tag-0": "" })).await;
    assert_eq!(exchanged.json()["tags"].as_object().unwrap().len(), 20);
    let body = json!({ "name": "other", "dimension": 3, "tags": numbered(0..21, "a") });
    check(
        &client.control(Method::POST, "/indexes", body).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`tags`: an index has at most 20, not 21"},"status":400}"#
        ]],
    );
}

#[track_caller]
pub(super) fn check(reply: &crate::harness::Reply, expected: Expect) {
    assert_eq!(reply.header("content-type"), "application/json");
    expected.assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_is_not_created() {
    let client = Pinecone::start().await;
    let create = |body: Value| client.control(Method::POST, "/indexes", body);
    for name in ["", "Docs", "a_b", "-a", "a-", "ä", &"a".repeat(46)] {
        let refused = create(json!({ "name": name, "dimension": 3 })).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
    }
    check(
        &create(json!({ "name": "a_b", "dimension": 3 })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`a_b` is no name for an index; use 1 to 45 lower-case letters, digits and `-`, with a letter or a digit at both ends"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "create-for-model", "dimension": 3 })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`name`: `create-for-model` is a route; take another name"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a" })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`dimension`: an index of dense vectors needs one"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a", "dimension": 0 })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"an index of dense vectors has 1 to 20000 dimensions, not 0"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a", "dimension": 20_001 })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"an index of dense vectors has 1 to 20000 dimensions, not 20001"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a", "dimension": -1 })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`dimension`: invalid value: integer `-1`, expected a whole number from 0 at line 1 column 15"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a", "dimension": 3, "metric": "manhattan" })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`metric`: unknown variant `manhattan`, expected one of `cosine`, `dotproduct`, `euclidean` at line 1 column 35"},"status":400}"#
        ]],
    );
    let sparse = json!({ "name": "a", "vector_type": "sparse", "metric": "cosine" });
    check(
        &create(sparse).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"an index of sparse vectors has the metric dotproduct"},"status":400}"#
        ]],
    );
    let text = json!({ "fields": { "body": { "type": "semantic_text", "model": "m" } } });
    check(
        &create(json!({ "name": "a", "schema": text })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields.body`: an index here has `_values` of type dense_vector, `_sparse_values` of type sparse_vector, and metadata that needs no declaration; for text use create-for-model"},"status":400}"#
        ]],
    );
    check(
        &create(json!({ "name": "a", "schema": { "fields": {} } })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`schema.fields`: `_values` or `_sparse_values` is needed"},"status":400}"#
        ]],
    );
    let listed = client.control(Method::GET, "/indexes", Value::Null).await;
    assert_eq!(listed.json(), json!({ "indexes": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let body = json!({ "name": "docs", "dimension": 5 });
    check(
        &client.control(Method::POST, "/indexes", body).await,
        expect![[
            r#"409 {"error":{"code":"ALREADY_EXISTS","message":"there is an index `docs` already"},"status":409}"#
        ]],
    );
    let described = client.control(Method::GET, "/indexes/docs", Value::Null).await;
    assert_eq!(described.json()["dimension"], 3);
    assert_eq!(client.ids("").await, ["x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_hosted_service_has_is_refused_by_name() {
    let client = Pinecone::with_docs("cosine").await;
    let place = json!({ "cloud": "aws", "region": "us-east-1", "source_collection": "saved" });
    let body = json!({ "name": "a", "dimension": 3, "spec": { "serverless": place } });
    check(
        &client.control(Method::POST, "/indexes", body).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`spec.serverless.source_collection`: no collections are kept here, and the index would begin empty; leave this out and upsert the records, or restore a snapshot with `sembla index restore`"},"status":400}"#
        ]],
    );
    let pod = json!({ "environment": "e", "pod_type": "p1.x1", "source_collection": "saved" });
    let body = json!({ "name": "a", "dimension": 3, "spec": { "pod": pod } });
    check(
        &client.control(Method::POST, "/indexes", body).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`spec.pod.source_collection`: no collections are kept here, and the index would begin empty; leave this out and upsert the records, or restore a snapshot with `sembla index restore`"},"status":400}"#
        ]],
    );
    let pods = json!({ "spec": { "pod": { "replicas": 2 } } });
    check(
        &client.control(Method::PATCH, "/indexes/docs", pods).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`spec`: an index here has no pods, replicas or declared fields to change; all metadata can be filtered on as it is"},"status":400}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_indexes_says_why_on_both_planes() {
    let client = Pinecone(TestServer::keeping(config(), &[TINY], no_indexes()).await);
    check(
        &client.control(Method::GET, "/indexes", Value::Null).await,
        expect![[
            r#"501 {"error":{"code":"UNIMPLEMENTED","message":"this server keeps no indexes, because it was started with --inference-only"},"status":501}"#
        ]],
    );
    check(
        &client.post("/describe_index_stats", json!({})).await,
        expect![[
            r#"501 {"code":12,"message":"this server keeps no indexes, because it was started with --inference-only","details":[]}"#
        ]],
    );
    // Inference needs none.
    let body = json!({ "model": TINY, "inputs": [{ "text": "a" }] });
    let embedded = client.control(Method::POST, "/embed", body).await;
    assert_eq!(embedded.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_plane_is_where_the_operator_says_or_where_the_client_came_from() {
    let public_url = Some("https://vectors.example/base/".to_owned());
    let config = server::ServerConfig { public_url, ..config() };
    let client = Pinecone(TestServer::keeping(config, &[TINY], in_memory()).await);
    let body = json!({ "name": "docs", "dimension": 3 });
    let created = client.control(Method::POST, "/indexes", body).await.json();
    assert_eq!(created["host"], "https://vectors.example/base/pinecone/i/docs");

    let client = Pinecone::with_docs("cosine").await;
    let address = client.0.address.to_string();
    let mut request = crate::harness::request(Method::GET, "/pinecone/indexes/docs", "");
    request.headers_mut().insert("host", address.parse().unwrap());
    let described = client.0.send(request).await.json();
    assert_eq!(described["host"], format!("http://{address}/pinecone/i/docs"));
}
