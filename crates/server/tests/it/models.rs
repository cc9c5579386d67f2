//! Several models in one server.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::json;

use crate::harness::{PROMPTED, TINY, TestServer, bits, config};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answers_where_none_is_named() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    for path in ["/embed", "/", "/invocations", "/tiny-bert/embed"] {
        let rows = server.post_ok(path, json!({ "inputs": "a" })).await;
        assert_eq!(bits(&rows)[0].len(), 32, "{path}");
    }
    let answer = server.post_ok("/v1/embeddings", json!({ "input": "a" })).await;
    assert_eq!(answer["model"], TINY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_chosen_by_field_or_prefix() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    for name in [PROMPTED, "fixtures/tiny-bert-compact"] {
        let body = json!({ "input": "a", "model": name });
        let answer = server.post_ok("/v1/embeddings", body).await;
        assert_eq!(answer["model"], PROMPTED, "{name}");
        assert_eq!(answer["data"][0]["embedding"].as_array().unwrap().len(), 16, "{name}");
    }
    // The prefix goes before the field.
    let body = json!({ "input": "a", "model": TINY });
    let answer = server.post_ok("/tiny-bert-compact/v1/embeddings", body).await;
    assert_eq!(answer["model"], PROMPTED);
    let rows = server.post_ok("/tiny-bert-compact", json!({ "inputs": "a" })).await;
    assert_eq!(bits(&rows)[0].len(), 16);
    assert_eq!(server.get("/tiny-bert-compact").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_model_is_refused_with_a_list_of_the_known() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    let reply = server.post("/v1/embeddings", r#"{"input":"a","model":"gpt"}"#).await;
    expect![[r#"404 {"error":{"message":"model `gpt` is not served here; served are tiny-bert, tiny-bert-compact","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#]].assert_eq(&reply.line());
}
