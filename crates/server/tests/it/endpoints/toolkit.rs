//! The shape of answers of Hugging Face's inference toolkit, from a real model, as a gateway asks for it.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use crate::harness::{Reply, TestServer, bits, request};

/// Posts as a gateway does for an endpoint whose image is the toolkit's.
async fn post(server: &TestServer, path: &str, body: Value) -> Reply {
    let mut asked = request(Method::POST, path, body.to_string());
    asked.headers_mut().insert("x-sembla-answers", "toolkit".parse().unwrap());
    server.send(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_text_has_its_embedding_flat_in_an_object_and_a_list_has_a_list() {
    let server = TestServer::start().await;
    let expected = server.embed(json!({"inputs": ["a", "b"]})).await;
    let one = post(&server, "/", json!({"inputs": "a"})).await.json();
    assert_eq!(bits(&json!([one["embeddings"]])), expected[..1]);
    let several = post(&server, "/", json!({"inputs": ["a", "b"]})).await.json();
    assert_eq!(bits(&several["embeddings"]), expected);
    assert_eq!(several.as_object().unwrap().len(), 1);
    let single = post(&server, "/invocations", json!({"inputs": ["a"]})).await.json();
    assert_eq!(bits(&single["embeddings"]), expected[..1]);
    let lists = post(&server, "/embed", json!({"inputs": "a"})).await.json();
    assert_eq!(bits(&lists), expected[..1], "other routes stay as they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_inputs_are_a_bad_request_in_its_words() {
    let server = TestServer::start().await;
    let reply = post(&server, "/", json!({})).await;
    expect![[r#"400 {"error":"missing field `inputs` at line 1 column 2"}"#]]
        .assert_eq(&reply.line());
    assert_eq!(server.post("/", "{}").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_ask_for_it_gets_lists() {
    let server = TestServer::start().await;
    assert!(server.post_ok("/", json!({"inputs": "a"})).await[0][0].is_f64());
    let mut asked = request(Method::POST, "/", r#"{"inputs":"a"}"#);
    asked.headers_mut().insert("x-sembla-answers", "lists".parse().unwrap());
    assert!(server.send(asked).await.json()[0][0].is_f64());
}
