//! The routes of 2.x, whose clients have one address for both planes of one index.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::{Pinecone, ids, json_request};
use crate::harness::Reply;

async fn send(client: &Pinecone, method: Method, path: &str, body: Value) -> Reply {
    let path = format!("/pinecone/legacy/hf-endpoints{path}");
    client.0.send(json_request(method, &path, &body)).await
}

async fn create(client: &Pinecone) -> Reply {
    let body = json!({
        "name": "hf-endpoints", "dimension": 3, "metric": "cosine", "pods": 1, "replicas": 1,
        "shards": 1, "pod_type": "p1", "source_collection": "",
    });
    send(client, Method::POST, "/databases", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_the_tutorial_give_what_it_shows() {
    let client = Pinecone::start().await;
    let who = send(&client, Method::GET, "/actions/whoami", Value::Null).await;
    assert_eq!(who.json()["project_name"], "sembla");
    let names = send(&client, Method::GET, "/databases", Value::Null).await;
    assert_eq!(names.json(), json!([]));
    assert_eq!(create(&client).await.status, StatusCode::CREATED);
    let names = send(&client, Method::GET, "/databases", Value::Null).await;
    assert_eq!(names.json(), json!(["hf-endpoints"]));
    let described = send(&client, Method::GET, "/databases/hf-endpoints", Value::Null).await;
    expect![[r#"{"database":{"name":"hf-endpoints","metric":"cosine","dimension":3,"replicas":1,"shards":1,"pods":1,"pod_type":"p1.x1"},"status":{"ready":true,"state":"Ready"}}"#]].assert_eq(&described.text());

    let vectors = json!([
        { "id": "0", "values": [1, 0, 0], "metadata": { "text": "a happy dog" } },
        { "id": "1", "values": [0, 1, 0], "metadata": { "text": "a sad dog" } },
    ]);
    let upserted =
        send(&client, Method::POST, "/vectors/upsert", json!({ "vectors": vectors })).await;
    assert_eq!(upserted.json(), json!({ "upsertedCount": 2 }));
    let stats = send(&client, Method::POST, "/describe_index_stats", json!({})).await.json();
    assert_eq!(stats["namespaces"], json!({ "": { "vectorCount": 2 } }));
    assert_eq!((&stats["dimension"], &stats["totalVectorCount"]), (&json!(3), &json!(2)));
    // The tutorial passes on the list of embeddings of one input.
    let query = json!({ "topK": 1, "vector": [[0.9, 0.1, 0]], "includeMetadata": true });
    let found = send(&client, Method::POST, "/query", query).await.json();
    assert_eq!(found["matches"][0]["metadata"]["text"], "a happy dog");
    assert_eq!(found["namespace"], "");

    let deleted = send(&client, Method::DELETE, "/databases/hf-endpoints", Value::Null).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    let names = send(&client, Method::GET, "/databases", Value::Null).await;
    assert_eq!(names.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_then_is_the_same_index_now() {
    let client = Pinecone::start().await;
    create(&client).await;
    let described = client.control(Method::GET, "/indexes/hf-endpoints", Value::Null).await.json();
    assert_eq!((&described["dimension"], &described["metric"]), (&json!(3), &json!("cosine")));
    let vectors = json!([{ "id": "a", "values": [1, 0, 0] }]);
    send(&client, Method::POST, "/vectors/upsert", json!({ "vectors": vectors })).await;
    let listed = client.0.get("/pinecone/i/hf-endpoints/vectors/list").await.json();
    assert_eq!(ids(&listed["vectors"]), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_of_one_index() {
    let client = Pinecone::start().await;
    let body = json!({ "name": "other", "dimension": 3, "metric": "cosine" });
    let refused = send(&client, Method::POST, "/databases", body).await;
    expect![[r#"400 {"code":3,"message":"`name`: this address is that of index `hf-endpoints`; for index `other` give the client the host …/pinecone/legacy/other","details":[]}"#]].assert_eq(&refused.line());
    let missing = send(&client, Method::GET, "/databases/hf-endpoints", Value::Null).await;
    expect![[r#"404 {"code":5,"message":"there is no index `hf-endpoints`","details":[]}"#]]
        .assert_eq(&missing.line());
    create(&client).await;
    expect![[
        r#"409 {"code":6,"message":"there is an index `hf-endpoints` already","details":[]}"#
    ]]
    .assert_eq(&create(&client).await.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_does_not_begin_with_a_collection() {
    let client = Pinecone::start().await;
    let body = json!({ "name": "hf-endpoints", "dimension": 3, "source_collection": "saved" });
    let refused = send(&client, Method::POST, "/databases", body).await;
    expect![[r#"400 {"code":3,"message":"`source_collection`: no collections are kept here, and the index would begin empty; leave this out and upsert the records, or restore a snapshot with `sembla index restore`","details":[]}"#]].assert_eq(&refused.line());
    let names = send(&client, Method::GET, "/databases", Value::Null).await;
    assert_eq!(names.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_namespace_is_emptied_without_a_word() {
    let client = Pinecone::start().await;
    create(&client).await;
    let body = json!({ "deleteAll": true, "namespace": "nope" });
    let deleted = send(&client, Method::POST, "/vectors/delete", body).await;
    assert_eq!((deleted.status, deleted.json()), (StatusCode::OK, json!({})));
}
