//! The shape of answers of Hugging Face's inference toolkit, from a real model.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::json;
use server::{RootAnswers, ServerConfig};

use crate::harness::{TINY, TestServer, bits, config, request};

async fn toolkit() -> TestServer {
    let config = ServerConfig { root_answers: RootAnswers::Toolkit, ..config() };
    TestServer::with(config, &[TINY]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_text_has_its_embedding_flat_in_an_object_and_a_list_has_a_list() {
    let server = toolkit().await;
    let expected = server.embed(json!({"inputs": ["a", "b"]})).await;
    let one = server.post_ok("/", json!({"inputs": "a"})).await;
    assert_eq!(bits(&json!([one["embeddings"]])), expected[..1]);
    let several = server.post_ok("/", json!({"inputs": ["a", "b"]})).await;
    assert_eq!(bits(&several["embeddings"]), expected);
    assert_eq!(several.as_object().unwrap().len(), 1);
    let single = server.post_ok("/invocations", json!({"inputs": ["a"]})).await;
    assert_eq!(bits(&single["embeddings"]), expected[..1]);
    let lists = server.post_ok("/embed", json!({"inputs": "a"})).await;
    assert_eq!(bits(&lists), expected[..1], "other routes stay as they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_inputs_are_a_bad_request_in_its_words() {
    let server = toolkit().await;
    let reply = server.post("/", "{}").await;
    expect![[r#"400 {"error":"missing field `inputs` at line 1 column 2"}"#]]
        .assert_eq(&reply.line());
    let lists = TestServer::start().await;
    assert_eq!(lists.post("/", "{}").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_may_choose_the_shape() {
    let server = TestServer::start().await;
    let mut asked = request(Method::POST, "/", r#"{"inputs":"a"}"#);
    asked.headers_mut().insert("x-sembla-answers", "toolkit".parse().unwrap());
    assert!(server.send(asked).await.json()["embeddings"][0].is_f64());
    let server = toolkit().await;
    let mut asked = request(Method::POST, "/", r#"{"inputs":"a"}"#);
    asked.headers_mut().insert("x-sembla-answers", "lists".parse().unwrap());
    assert!(server.send(asked).await.json()[0][0].is_f64());
}
