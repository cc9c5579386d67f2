//! What `InferenceClient` and the tutorials post.

use expect_test::expect;
use serde_json::json;

use crate::harness::{PROMPTED, TINY, TestServer, bits, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_nested_and_one_text_is_flat() {
    let server = TestServer::start().await;
    let expected = server.embed(json!({ "inputs": ["a cat"] })).await;
    let options = json!({ "wait_for_model": true, "use_cache": true });
    for path in [
        "/pipeline/feature-extraction/sentence-transformers/all-MiniLM-L6-v2",
        "/pipeline/feature-extraction/sentence-transformers%2Fall-MiniLM-L6-v2",
        "/pipeline/feature-extraction/tiny-bert",
        "/models/sentence-transformers/all-MiniLM-L6-v2",
        "/models/tiny-bert",
    ] {
        let body = json!({ "inputs": ["a cat"], "options": options });
        assert_eq!(bits(&server.post_ok(path, body).await), expected, "{path}");
        let flat = server.post_ok(path, json!({ "inputs": "a cat" })).await;
        assert_eq!(bits(&json!([flat])), expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_inference_client_posts_to_the_address_is_answered() {
    let server = TestServer::start().await;
    let body = json!({ "inputs": "a cat", "normalize": true, "truncate": true });
    let nested = server.post_ok("/", body).await;
    assert_eq!(bits(&nested), server.embed(json!({ "inputs": "a cat" })).await);

    let inputs = json!({ "source_sentence": "a cat", "sentences": ["a cat", "a dog"] });
    let body = json!({ "inputs": inputs, "parameters": {} });
    let scores = server.post_ok("/", body.clone()).await;
    assert_eq!(scores.as_array().unwrap().len(), 2);
    let path = "/pipeline/sentence-similarity/tiny-bert";
    assert_eq!(server.post_ok(path, body).await, scores);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_may_stand_below() {
    let server = TestServer::start().await;
    let body = json!({ "inputs": ["a cat"], "parameters": { "dimensions": 4 } });
    let rows = server.post_ok("/models/tiny-bert", body).await;
    assert_eq!(bits(&rows)[0].len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_chooses_among_several_models() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    let path = "/pipeline/feature-extraction/fixtures/tiny-bert-compact";
    let rows = server.post_ok(path, json!({ "inputs": ["a"] })).await;
    assert_eq!(bits(&rows)[0].len(), 16);
    let reply = server.post("/pipeline/feature-extraction/gpt", r#"{"inputs":"a"}"#).await;
    expect![[
        r#"404 {"error":"model `gpt` is not served here; served are tiny-bert, tiny-bert-compact"}"#
    ]]
    .assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_field() {
    let server = TestServer::start().await;
    let path = "/pipeline/feature-extraction/tiny-bert";
    let reply = server.post(path, r#"{"inputs":["a",""]}"#).await;
    expect![[r#"400 {"error":"`inputs[1]`: the input is empty"}"#]].assert_eq(&reply.line());
    let similarity = r#"{"inputs":{"source_sentence":"a","sentences":["b"]}}"#;
    let reply = server.post(path, similarity).await;
    expect![[r#"400 {"error":"`inputs`: a text or a list of texts for this task is expected"}"#]]
        .assert_eq(&reply.line());
    let reply = server.post("/pipeline/sentence-similarity/tiny-bert", r#"{"inputs":"a"}"#).await;
    expect![[
        r#"400 {"error":"`inputs`: an object with source_sentence and sentences is expected"}"#
    ]]
    .assert_eq(&reply.line());
    let reply = server.post("/pipeline/translation/tiny-bert", r#"{"inputs":"a"}"#).await;
    expect![[r#"404 {"error":"there is no route POST /pipeline/translation/tiny-bert; see /docs for the routes, each of which may stand behind the name of a served model (tiny-bert)"}"#]].assert_eq(&reply.line());
}
