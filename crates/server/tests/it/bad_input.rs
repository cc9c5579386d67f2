//! Requests that cannot be answered: each names the thing, the limit and the remedy, always as JSON,
//! and the server goes on.

use axum::http::{Method, StatusCode};
use expect_test::{Expect, expect};
use serde_json::json;

use crate::harness::{TINY, TestServer, config, request};

#[track_caller]
fn check(reply: &crate::harness::Reply, expected: Expect) {
    assert_eq!(reply.header("content-type"), "application/json");
    reply.json();
    expected.assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_embed_is_named_by_its_place() {
    let server = TestServer::start().await;
    check(
        &server.post("/embed", r#"{"inputs":""}"#).await,
        expect![[r#"400 {"error":"`inputs`: the input is empty","error_type":"Empty"}"#]],
    );
    check(
        &server.post("/embed", r#"{"inputs":["a","","b",""]}"#).await,
        expect![[r#"400 {"error":"`inputs[1]`: the input is empty","error_type":"Empty"}"#]],
    );
    check(
        &server.post("/embed", r#"{"inputs":[]}"#).await,
        expect![[r#"400 {"error":"`inputs`: the request has no inputs","error_type":"Empty"}"#]],
    );
    check(
        &server.post("/embed", r#"{"inputs":[["a"]]}"#).await,
        expect![[
            r#"422 {"error":"`inputs[0][0]`: invalid type: string, expected a token id of 32 bits at line 1 column 15","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":[[5],[]]}"#).await,
        expect![[r#"400 {"error":"`inputs[1]`: the input is empty","error_type":"Empty"}"#]],
    );
    let source = r#"{"inputs":{"source_sentence":"","sentences":["a"]}}"#;
    check(
        &server.post("/similarity", source).await,
        expect![[
            r#"400 {"error":"`inputs.source_sentence`: the input is empty","error_type":"Empty"}"#
        ]],
    );
    let sentence = r#"{"inputs":{"source_sentence":"a","sentences":["a",""]}}"#;
    check(
        &server.post("/similarity", sentence).await,
        expect![[
            r#"400 {"error":"`inputs.sentences[1]`: the input is empty","error_type":"Empty"}"#
        ]],
    );
    let none = r#"{"inputs":{"source_sentence":"a","sentences":[]}}"#;
    check(
        &server.post("/similarity", none).await,
        expect![[
            r#"400 {"error":"`inputs.sentences`: there is nothing to compare with","error_type":"Empty"}"#
        ]],
    );
    server.embed(json!({ "inputs": "a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_out_of_range_are_refused() {
    let server = TestServer::start().await;
    check(
        &server.post("/embed", r#"{"inputs":[5,1000]}"#).await,
        expect![[
            r#"422 {"error":"`inputs`: token id 1000 is out of the vocabulary, which has ids 0 to 999","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":[4294967296]}"#).await,
        expect![[
            r#"422 {"error":"`inputs[0]`: invalid value: integer `4294967296`, expected a token id of 32 bits at line 1 column 21","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":"a","dimensions":0}"#).await,
        expect![[
            r#"422 {"error":"`dimensions`: dimensions must be from 1 to 32, and 0 was asked for","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":"a","dimensions":33}"#).await,
        expect![[
            r#"422 {"error":"`dimensions`: dimensions must be from 1 to 32, and 33 was asked for","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":"a","prompt_name":"query"}"#).await,
        expect![[
            r#"422 {"error":"`prompt_name`: prompt `query` is not known; the model has none","error_type":"Validation"}"#
        ]],
    );
    let long = json!({ "inputs": ["a", "word ".repeat(100)], "truncate": false });
    check(
        &server.post("/embed", long.to_string()).await,
        expect![[
            r#"422 {"error":"`inputs[1]`: the input has 302 tokens, and the model takes at most 48; shorten it or allow truncation","error_type":"Validation"}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_are_named_by_their_field() {
    let server = TestServer::start().await;
    check(
        &server.post("/embed", r#"{"inputs":5}"#).await,
        expect![[
            r#"422 {"error":"`inputs`: invalid type: integer `5`, expected a string, a list of token ids, or a list of those at line 1 column 11","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":["a",null]}"#).await,
        expect![[
            r#"422 {"error":"`inputs[1]`: invalid type: null, expected a string or a list of token ids at line 1 column 19","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":"a","truncate":"yes"}"#).await,
        expect![[
            r#"422 {"error":"`truncate`: invalid type: string, expected a boolean at line 1 column 30","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"texts":["a"]}"#).await,
        expect![[
            r#"422 {"error":"missing field `inputs` at line 1 column 15","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"["a"]"#).await,
        expect![[r#"422 {"error":"the body must be a JSON object","error_type":"Validation"}"#]],
    );
    check(
        &server.post("/", r#"{"inputs":{"sentences":["a"]}}"#).await,
        expect![[
            r#"422 {"error":"`inputs`: missing field `source_sentence` at line 1 column 29","error_type":"Validation"}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_refused_as_json() {
    let server = TestServer::start().await;
    check(
        &server.post("/embed", "").await,
        expect![[
            r#"400 {"error":"the body is not valid JSON: EOF while parsing a value at line 1 column 0","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", "inputs=a").await,
        expect![[
            r#"400 {"error":"the body is not valid JSON: expected value at line 1 column 1","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", &b"{\"inputs\":\"\xff\xfe\"}"[..]).await,
        expect![[
            r#"400 {"error":"the body is not valid JSON: invalid unicode code point at line 1 column 12","error_type":"Validation"}"#
        ]],
    );
    check(
        &server.post("/embed", r#"{"inputs":"\ud83d"}"#).await,
        expect![[
            r#"400 {"error":"the body is not valid JSON: unexpected end of hex escape at line 1 column 18","error_type":"Validation"}"#
        ]],
    );
    let bomb = format!(r#"{{"inputs":{}"#, "[".repeat(1_000_000));
    check(
        &server.post("/embed", bomb).await,
        expect![[
            r#"422 {"error":"`inputs[0][0]`: invalid type: sequence, expected a token id of 32 bits at line 1 column 13","error_type":"Validation"}"#
        ]],
    );
    let bomb = r#"{"inputs":"#.repeat(1_000_000);
    check(
        &server.post("/", bomb).await,
        expect![[
            r#"400 {"error":"the body is not valid JSON: EOF while parsing a value at line 1 column 10000000","error_type":"Validation"}"#
        ]],
    );
    server.embed(json!({ "inputs": "a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_bytes_and_strange_characters_are_text() {
    let server = TestServer::start().await;
    for text in ["a\0b", "\0", "\u{202e}abc", "👩‍👩‍👧‍👦", "\u{feff}", " ", "\n"] {
        let reply = server.post("/embed", json!({ "inputs": text }).to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{text:?}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_a_million_characters_is_cut_and_reported() {
    let server = TestServer::start().await;
    for text in ["word ".repeat(200_000), "x".repeat(1_000_000)] {
        let body = json!({ "inputs": text, "report": true }).to_string();
        let reply = server.post("/embed", body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.header("x-compute-characters"), "1000000");
    }
    let body = json!({ "inputs": "word ".repeat(200_000), "report": true });
    let report = server.post_ok("/embed", body).await;
    assert_eq!(report["inputs"][0]["tokens"], 48);
    assert!(report["inputs"][0]["truncated_from"].as_u64().unwrap() >= 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_inputs_are_one_request() {
    let server = TestServer::start().await;
    let texts: Vec<String> = (0..100_000).map(|n| format!("text {}", n % 1000)).collect();
    let rows = server.embed(json!({ "inputs": texts })).await;
    assert_eq!(rows.len(), 100_000);
    let alone = server.embed(json!({ "inputs": "text 999" })).await;
    assert_eq!(rows[99_999], alone[0]);
    assert_eq!(rows[999], alone[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_for_other_models_say_so() {
    let server = TestServer::start().await;
    check(
        &server.post("/rerank", r#"{"query":"a","texts":["b"]}"#).await,
        expect![[
            r#"424 {"error":"`/rerank` needs a reranker, and this server has an embedding model; use /embed, /embed_all or /similarity","error_type":"Backend"}"#
        ]],
    );
    check(
        &server.post("/predict", r#"{"inputs":"a"}"#).await,
        expect![[
            r#"424 {"error":"`/predict` needs a classifier, and this server has an embedding model; use /embed, /embed_all or /similarity","error_type":"Backend"}"#
        ]],
    );
    check(
        &server.post("/embed_sparse", r#"{"inputs":"a"}"#).await,
        expect![[
            r#"424 {"error":"`/embed_sparse` needs a SPLADE model, and this server has an embedding model; use /embed, /embed_all or /similarity","error_type":"Backend"}"#
        ]],
    );
    check(
        &server.post("/vertex", r#"{"instances":[]}"#).await,
        expect![[
            r#"424 {"error":"`/vertex` needs a server for Vertex AI, and this server has an embedding model; use /embed, /embed_all or /similarity","error_type":"Backend"}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods_are_answered_as_json() {
    let server = TestServer::start().await;
    check(
        &server.get("/nothing").await,
        expect![[
            r#"404 {"error":"there is no route GET /nothing; see /docs for the routes, each of which may stand behind the name of a served model (tiny-bert)","error_type":"NotFound"}"#
        ]],
    );
    check(
        &server.post("/other-model/embed", "{}").await,
        expect![[
            r#"404 {"error":"there is no route POST /other-model/embed; see /docs for the routes, each of which may stand behind the name of a served model (tiny-bert)","error_type":"NotFound"}"#
        ]],
    );
    let reply = server.get("/embed").await;
    assert_eq!(reply.header("allow"), "POST");
    check(
        &reply,
        expect![[
            r#"405 {"error":"/embed cannot be asked with GET; see the header Allow","error_type":"MethodNotAllowed"}"#
        ]],
    );
    let reply = server.send(request(Method::DELETE, "/health", "")).await;
    check(
        &reply,
        expect![[
            r#"405 {"error":"/health cannot be asked with DELETE; see the header Allow","error_type":"MethodNotAllowed"}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_may_not_truncate_refuses_by_default() {
    let mut model = crate::harness::model(TINY);
    model.auto_truncate = false;
    let (server, slots) = TestServer::loading(config(), vec![model]).await;
    for slot in slots {
        slot.ready(crate::harness::engine(TINY, engine::EngineConfig::for_tests()));
    }
    let long = "word ".repeat(100);
    let reply = server.post("/embed", json!({ "inputs": long }).to_string()).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    server.embed(json!({ "inputs": long, "truncate": true })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_several_hosts_is_refused() {
    let server = TestServer::start().await;
    for path in ["/embed", "/v1/indexes", "/os/a/_doc", "/pinecone/indexes", "/nothing"] {
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = server.raw(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("the request has several headers Host; send one"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_word_is_not_repeated() {
    let server = TestServer::start().await;
    let long = "x".repeat(100_000);
    let body = format!(r#"{{"inputs":"a","truncation_direction":"{long}"}}"#);
    let reply = server.post("/embed", body).await;
    let xs = "x".repeat(100);
    let expected = format!(
        r#"422 {{"error":"`truncation_direction`: unknown variant `{xs}…`, expected one of `Left`, `left`, `Right`, `right` at line 1 column 100039","error_type":"Validation"}}"#
    );
    assert_eq!(reply.line(), expected);
    let unknown = json!({ "model": long, "input": "a" }).to_string();
    let unknown = server.post("/v1/embeddings", unknown).await;
    assert!(unknown.body.len() < 1_000, "{}", unknown.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_utf8_is_refused_in_the_dialects_shape() {
    let server = TestServer::start().await;
    let body = r#"{"inputs":"a"}"#;
    check(
        &server.post("/pipeline/feature-extraction/%ff", body).await,
        expect![[
            r#"400 {"error":"the path is not valid UTF-8 once its percent-encoding is decoded; send the name of the model as UTF-8"}"#
        ]],
    );
    check(
        &server.post("/models/%ff", body).await,
        expect![[
            r#"400 {"error":"the path is not valid UTF-8 once its percent-encoding is decoded; send the name of the model as UTF-8"}"#
        ]],
    );
    check(
        &server.get("/v1/models/%ff").await,
        expect![[
            r#"400 {"error":{"message":"the path is not valid UTF-8 once its percent-encoding is decoded; send the name of the model as UTF-8","type":"invalid_request_error","param":null,"code":null}}"#
        ]],
    );
}
