//! Indexes: created, shown, deleted, and what they are not.

use axum::http::{Method, Request, StatusCode};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{OpenSearch, reason};
use crate::harness::{TINY, TestServer, in_memory, with_keys};

/// As LangChain's client writes it.
fn langchain() -> Value {
    json!({
        "settings": {"index": {"knn": true, "knn.algo_param.ef_search": 512}},
        "mappings": {"properties": {"vector_field": {
            "type": "knn_vector", "dimension": 8,
            "method": {
                "name": "hnsw", "space_type": "l2", "engine": "nmslib",
                "parameters": {"ef_construction": 512, "m": 16}
            }
        }}}
    })
}

async fn check_refused(name: &str, body: Value, expected: Expect) {
    let client = OpenSearch::start().await;
    expected.assert_eq(&reason(&client.put(&format!("/{name}"), body).await));
    assert!(!client.head(&format!("/{name}")).await.status.is_success());
}

#[tokio::test]
async fn an_index_lives_from_its_creation_to_its_deletion() {
    let client = OpenSearch::start().await;
    assert_eq!(client.head("/index-10k-report").await.status, StatusCode::NOT_FOUND);
    let created = client.put("/index-10k-report", langchain()).await;
    expect![[r#"200 {"acknowledged":true,"shards_acknowledged":true,"index":"index-10k-report"}"#]]
        .assert_eq(&created.line());
    assert_eq!(client.head("/index-10k-report").await.status, StatusCode::OK);
    let shown = client.get("/index-10k-report").await.json();
    assert_eq!(shown["index-10k-report"]["mappings"], langchain()["mappings"]);
    assert_eq!(shown["index-10k-report"]["settings"]["index"]["knn"], json!("true"));
    let mapping = client.get("/index-10k-report/_mapping").await.json();
    assert_eq!(mapping, json!({"index-10k-report": {"mappings": langchain()["mappings"]}}));
    expect![[r#"200 {"_shards":{"total":1,"successful":1,"failed":0}}"#]]
        .assert_eq(&client.post_text("/index-10k-report/_refresh", "").await.line());
    expect![[r#"200 {"acknowledged":true}"#]]
        .assert_eq(&client.delete("/index-10k-report").await.line());
    assert_eq!(client.head("/index-10k-report").await.status, StatusCode::NOT_FOUND);
    expect![[r#"404 {"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [index-10k-report]"}],"type":"index_not_found_exception","reason":"no such index [index-10k-report]"},"status":404}"#]]
        .assert_eq(&client.get("/index-10k-report").await.line());
}

#[tokio::test]
async fn every_route_of_an_index_that_is_not_there_says_so() {
    let client = OpenSearch::start().await;
    let missing = "404 index_not_found_exception: no such index [nope]";
    for (method, path) in [
        (Method::GET, "/nope"),
        (Method::DELETE, "/nope"),
        (Method::GET, "/nope/_mapping"),
        (Method::POST, "/nope/_refresh"),
        (Method::POST, "/nope/_search"),
        (Method::POST, "/nope/_count"),
        (Method::GET, "/nope/_doc/1"),
        (Method::DELETE, "/nope/_doc/1"),
    ] {
        let reply = client.send(method.clone(), path, "", "application/json").await;
        assert_eq!(reason(&reply), missing, "{method} {path}");
    }
}

#[tokio::test]
async fn a_name_that_is_none_of_ours_is_kept_as_it_was_sent() {
    let client = OpenSearch::start().await;
    for name in ["my_index.v2", "os-taken", "a"] {
        client.create(name, "l2").await;
    }
    let shown = client.get("/my_index.v2").await.json();
    assert!(shown.get("my_index.v2").is_some(), "{shown}");
    assert_eq!(client.delete("/my_index.v2").await.status, StatusCode::OK);
    assert_eq!(client.head("/os-taken").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_index_is_created_once() {
    let client = OpenSearch::with_docs("l2").await;
    expect!["400 resource_already_exists_exception: index [docs] already exists, or another index has its name here, `docs`"]
        .assert_eq(&reason(&client.put("/docs", langchain()).await));
}

#[tokio::test]
async fn an_index_of_another_dialect_is_not_seen_and_not_overwritten() {
    let client = OpenSearch::start().await;
    let spec = json!({"serverless": {"cloud": "aws", "region": "us-east-1"}});
    let body = json!({"name": "theirs", "dimension": 8, "metric": "cosine", "spec": spec});
    let made = client.pinecone(Method::POST, "/indexes", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(client.head("/theirs").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.delete("/theirs").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.put("/theirs", langchain()).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_protected_index_is_not_deleted() {
    let client = OpenSearch::with_docs("l2").await;
    let protect = |protection: &str| {
        let body = json!({ "deletion_protection": protection });
        client.pinecone(Method::PATCH, "/indexes/docs", body)
    };
    assert!(protect("enabled").await.status.is_success());
    let refused = reason(&client.delete("/docs").await);
    assert!(refused.starts_with("403 cluster_block_exception: "), "{refused}");
    assert_eq!(client.head("/docs").await.status, StatusCode::OK);
    assert!(protect("disabled").await.status.is_success());
    assert_eq!(client.delete("/docs").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_mapping_without_a_use_is_refused() {
    check_refused("a", json!({}), expect!["400 illegal_argument_exception: `mappings.properties`: an index here needs one field of the type knn_vector, with its dimension; none can be added later"]).await;
    check_refused(
        "Upper",
        langchain(),
        expect!["400 illegal_argument_exception: invalid index name [Upper]: it must be lowercase"],
    )
    .await;
    let property = |property: Value| json!({"mappings": {"properties": {"v": property}}});
    for (dimension, expected) in [
        (
            json!(0),
            expect![
                "400 illegal_argument_exception: an index of dense vectors has 1 to 20000 dimensions, not 0"
            ],
        ),
        (
            json!(20_001),
            expect![
                "400 illegal_argument_exception: an index of dense vectors has 1 to 20000 dimensions, not 20001"
            ],
        ),
        (
            json!(-1),
            expect![
                "400 illegal_argument_exception: `mappings.properties.v.dimension`: invalid value: integer `-1`, expected a whole number from 0 at line 1 column 46"
            ],
        ),
    ] {
        let body = property(json!({"type": "knn_vector", "dimension": dimension}));
        check_refused("a", body, expected).await;
    }
    let binary = json!({"type": "knn_vector", "dimension": 8, "space_type": "hamming"});
    check_refused("a", property(binary), expect!["400 illegal_argument_exception: `mappings.properties.v`: there is no space `hamming` for vectors of floats; use l2, l1, linf, cosinesimil or innerproduct"]).await;
    check_refused("a", json!({"mapping": {}}), expect!["400 illegal_argument_exception: `mapping`: unknown field `mapping`, expected one of `settings`, `mappings`, `aliases` at line 1 column 10"]).await;
}

#[tokio::test]
async fn a_server_without_indexes_says_why() {
    let server = OpenSearch(TestServer::start().await);
    let expected = expect![
        "501 no_shard_available_action_exception: this server keeps no indexes, because it was started with --inference-only"
    ];
    expected.assert_eq(&reason(&server.put("/docs", langchain()).await));
    assert_eq!(server.post_text("/docs/_search", "{}").await.status.as_u16(), 501);
}

#[tokio::test]
async fn the_key_is_the_password() {
    let server = TestServer::keeping(with_keys(&["secret"]), &[TINY], in_memory()).await;
    let client = OpenSearch(server);
    let refused = client.get("/docs").await;
    assert_eq!(
        reason(&refused),
        "401 security_exception: an API key is needed; send it as `Authorization: Bearer KEY`"
    );
    // `user:secret`.
    let request = Request::get("/os/docs").header("host", "localhost");
    let request = request.header("authorization", "Basic dXNlcjpzZWNyZXQ=");
    let let_in = client.0.send(request.body("".into()).unwrap()).await;
    assert_eq!(let_in.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_server_says_which_version_it_speaks() {
    let client = OpenSearch::start().await;
    let info = client.get("/").await.json();
    assert_eq!(info["version"]["distribution"], json!("opensearch"));
    assert_eq!(client.head("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_only_a_cluster_has_is_refused() {
    let client = OpenSearch::with_docs("l2").await;
    let expected = expect![
        "404 illegal_argument_exception: there is no route GET /os/_search/pipeline/p; see /docs for the routes"
    ];
    expected.assert_eq(&reason(&client.get("/_search/pipeline/p").await));
    let expected = expect![
        "404 illegal_argument_exception: there is no route GET /os/_cat/indices/x; see /docs for the routes"
    ];
    expected.assert_eq(&reason(&client.get("/_cat/indices/x").await));
    let expected = expect![
        "400 illegal_argument_exception: request [/os/docs/_search] contains unrecognized parameter: [search_pipeline]"
    ];
    expected.assert_eq(&reason(&client.post("/docs/_search?search_pipeline=p", json!({})).await));
    let expected = expect![
        "400 illegal_argument_exception: invalid index name [docs,other]: it must not have ','; name one index, without patterns or lists"
    ];
    expected.assert_eq(&reason(&client.post("/docs,other/_search", json!({})).await));
}
