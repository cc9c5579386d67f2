//! `/tokenize`, `/decode` and `/info`.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::json;

use crate::harness::{PROMPTED, TINY, TestServer, config};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_places_and_read_back() {
    let server = TestServer::start().await;
    let tokens = server.post_ok("/tokenize", json!({ "inputs": ["a cat"] })).await;
    let tokens = tokens[0].as_array().unwrap().clone();
    assert_eq!(tokens[0]["text"], "[CLS]");
    assert_eq!(tokens[0]["special"], true);
    assert_eq!(tokens[0]["start"], json!(null));
    assert_eq!(tokens[1]["start"], 0);
    assert_eq!(tokens[1]["stop"], 1);

    let ids: Vec<u64> = tokens.iter().map(|token| token["id"].as_u64().unwrap()).collect();
    let text = server.post_ok("/decode", json!({ "ids": ids })).await;
    assert_eq!(text, json!(["a cat"]));
    let kept = json!({ "ids": [ids, ids], "skip_special_tokens": false });
    let texts = server.post_ok("/decode", kept).await;
    assert_eq!(texts, json!(["[CLS] a cat [SEP]", "[CLS] a cat [SEP]"]));

    let bare = json!({ "inputs": "a cat", "add_special_tokens": false });
    let bare = server.post_ok("/tokenize", bare).await;
    assert_eq!(bare[0].as_array().unwrap().len(), tokens.len() - 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_counts_into_the_places() {
    let server = TestServer::with(config(), &[PROMPTED]).await;
    let info = server.get("/info").await.json();
    let prompt = info["prompts"]["document"].as_str().unwrap();
    let body = json!({ "inputs": "a", "prompt_name": "document" });
    let tokens = server.post_ok("/tokenize", body).await;
    let last = tokens[0].as_array().unwrap().iter().rev().find(|token| token["special"] == false);
    assert_eq!(last.unwrap()["stop"], prompt.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_or_tokenized_is_named() {
    let server = TestServer::start().await;
    let reply = server.post("/decode", r#"{"ids":[[5],[5,1000]]}"#).await;
    expect![[r#"422 {"error":"`ids[1]`: token id 1000 is out of the vocabulary, which has ids 0 to 999","error_type":"Validation"}"#]].assert_eq(&reply.line());
    let reply = server.post("/decode", r#"{"ids":"a"}"#).await;
    expect![[r#"422 {"error":"`ids`: expected a list of token ids or a list of such lists at line 1 column 11","error_type":"Validation"}"#]].assert_eq(&reply.line());
    let reply = server.post("/tokenize", r#"{"inputs":["a",""]}"#).await;
    expect![[r#"400 {"error":"`inputs[1]`: the input is empty","error_type":"Empty"}"#]]
        .assert_eq(&reply.line());
    let reply = server.post("/tokenize", r#"{"inputs":[]}"#).await;
    expect![[r#"400 {"error":"`inputs`: there are none","error_type":"Empty"}"#]]
        .assert_eq(&reply.line());
    let reply = server.post("/tokenize", r#"{"inputs":"a","prompt_name":"query"}"#).await;
    expect![[r#"422 {"error":"`prompt_name`: prompt `query` is not known; the model has none","error_type":"Validation"}"#]].assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn info_has_the_vendors_fields_and_ours() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    let info = server.get("/info").await.json();
    assert_eq!(info["model_id"], "fixtures/tiny-bert");
    assert_eq!(info["served_model_name"], TINY);
    assert_eq!(info["model_type"], json!({ "embedding": { "pooling": "mean" } }));
    assert_eq!(info["max_input_length"], 48);
    assert_eq!(info["max_batch_tokens"], 16_384);
    assert_eq!(info["auto_truncate"], true);
    assert_eq!(info["dimensions"], 32);
    assert_eq!(info["architecture"], "bert");
    assert_eq!(info["max_client_batch_size"], 8_000_000);
    let other = server.get("/tiny-bert-compact/info").await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(other.json()["dimensions"], 16);
}
