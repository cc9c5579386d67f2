//! `/v1/embeddings` and `/v1/models`.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::{Value, json};
use server::{ServerConfig, TokenIds};

use crate::harness::{PROMPTED, TINY, TestServer, bits, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_floats_comes_with_its_usage() {
    let server = TestServer::start().await;
    let body = json!({ "input": ["a cat", "a dog"], "model": "any", "user": "me" });
    for path in ["/v1/embeddings", "/embeddings", "/tiny-bert/v1/embeddings"] {
        let answer = server.post_ok(path, body.clone()).await;
        assert_eq!(answer["object"], "list");
        assert_eq!(answer["model"], TINY);
        assert_eq!(answer["data"][1]["object"], "embedding");
        assert_eq!(answer["data"][1]["index"], 1);
        assert_eq!(answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]);
        assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 6);
        let rows = json!([answer["data"][0]["embedding"], answer["data"][1]["embedding"]]);
        assert_eq!(bits(&rows), server.embed(json!({ "inputs": ["a cat", "a dog"] })).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_holds_the_same_bits() {
    let server = TestServer::start().await;
    let body = json!({ "input": "a cat", "encoding_format": "base64" });
    let answer = server.post_ok("/v1/embeddings", body).await;
    let text = answer["data"][0]["embedding"].as_str().unwrap();
    let floats = wire::floats::read_base64(text).unwrap();
    let expected = server.embed(json!({ "inputs": "a cat" })).await;
    assert_eq!(floats.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), expected[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dimensions_are_checked_before_anything_is_run() {
    let server = TestServer::start().await;
    let body = json!({ "input": "a cat", "dimensions": 8 });
    let answer = server.post_ok("/v1/embeddings", body).await;
    assert_eq!(answer["data"][0]["embedding"].as_array().unwrap().len(), 8);

    let reply = server.post("/v1/embeddings", r#"{"input":"a","dimensions":33}"#).await;
    expect![[r#"400 {"error":{"message":"`dimensions`: dimensions must be from 1 to 32, and 33 was asked for","type":"invalid_request_error","param":"dimensions","code":null}}"#]].assert_eq(&reply.line());
    let reply = server.post("/v1/embeddings", r#"{"input":"a","dimensions":0}"#).await;
    expect![[r#"400 {"error":{"message":"`dimensions`: dimensions must be from 1 to 32, and 0 was asked for","type":"invalid_request_error","param":"dimensions","code":null}}"#]].assert_eq(&reply.line());
    assert_eq!(server.metric("te_embed_success").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_ids_are_refused_unless_allowed() {
    let server = TestServer::start().await;
    for input in [json!([5, 6]), json!([[5, 6]])] {
        let body = json!({ "input": input }).to_string();
        let reply = server.post("/v1/embeddings", body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        let error = &reply.json()["error"];
        assert!(error["message"].as_str().unwrap().contains("check_embedding_ctx_length=False"));
        assert_eq!(error["param"], "input");
    }
    let config = ServerConfig { openai_token_ids: TokenIds::Accept, ..config() };
    let server = TestServer::with(config, &[TINY]).await;
    server.post_ok("/v1/embeddings", json!({ "input": [5, 6] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_chosen_by_name_or_by_what_the_text_is_for() {
    let server = TestServer::with(config(), &[PROMPTED]).await;
    let embed = async |extra: Value| {
        let mut body = json!({ "input": "a cat" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = server.post_ok("/v1/embeddings", body).await;
        bits(&json!([answer["data"][0]["embedding"]]))
    };
    let document = embed(json!({ "prompt_name": "document" })).await;
    assert_eq!(embed(json!({ "input_type": "passage" })).await, document);
    assert_ne!(embed(json!({ "input_type": "query" })).await, document);

    let reply = server.post("/v1/embeddings", r#"{"input":"a","prompt_name":"code"}"#).await;
    expect![[r#"400 {"error":{"message":"`prompt_name`: prompt `code` is not known; the model has document, query","type":"invalid_request_error","param":"prompt_name","code":null}}"#]].assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_nested_shape() {
    let server = TestServer::start().await;
    let reply = server.post("/v1/embeddings", r#"{"input":["a",""]}"#).await;
    expect![[r#"400 {"error":{"message":"`input[1]`: the input is empty","type":"invalid_request_error","param":"input","code":null}}"#]].assert_eq(&reply.line());
    let reply = server.post("/v1/embeddings", r#"{"input":[]}"#).await;
    expect![[r#"400 {"error":{"message":"`input`: the request has no inputs","type":"invalid_request_error","param":"input","code":null}}"#]].assert_eq(&reply.line());
    let reply = server.post("/v1/embeddings", r#"{"input":"a","encoding_format":"int8"}"#).await;
    expect![[r#"400 {"error":{"message":"`encoding_format`: unknown variant `int8`, expected `float` or `base64` at line 1 column 37","type":"invalid_request_error","param":"encoding_format","code":null}}"#]].assert_eq(&reply.line());
    let reply = server.post("/v1/embeddings", "{").await;
    expect![[r#"400 {"error":{"message":"the body is not valid JSON: EOF while parsing an object at line 1 column 1","type":"invalid_request_error","param":null,"code":null}}"#]].assert_eq(&reply.line());
    let reply = server.get("/v1/embeddings").await;
    expect![[r#"405 {"error":{"message":"/v1/embeddings cannot be asked with GET; see the header Allow","type":"invalid_request_error","param":null,"code":"method_not_allowed"}}"#]].assert_eq(&reply.line());
    let reply = server.get("/v1/nothing").await;
    expect![[r#"404 {"error":{"message":"there is no route GET /v1/nothing; see /docs for the routes, each of which may stand behind the name of a served model (tiny-bert)","type":"invalid_request_error","param":null,"code":"unknown_url"}}"#]].assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_and_described() {
    let server = TestServer::with(config(), &[TINY, PROMPTED]).await;
    let list = server.get("/v1/models").await.json();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [TINY, PROMPTED]);
    for path in ["/v1/models/tiny-bert", "/v1/models/fixtures/tiny-bert"] {
        let model = server.get(path).await.json();
        assert_eq!(model, list["data"][0], "{path}");
    }
    let reply = server.get("/v1/models/gpt").await;
    expect![[r#"404 {"error":{"message":"model `gpt` is not served here; served are tiny-bert, tiny-bert-compact","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#]].assert_eq(&reply.line());
}
