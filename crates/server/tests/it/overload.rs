//! More work than the engine takes.

use axum::http::StatusCode;
use engine::{
    Engine, EngineConfig, Input, Normalize, Output, Pending, Prompt, Request, Truncation,
};

use crate::harness::{TINY, TestServer, config, engine, until};

/// An engine that takes one request at a time.
pub(crate) fn one_request() -> Engine {
    engine(TINY, EngineConfig { max_concurrent_requests: 1, ..EngineConfig::for_tests() })
}

/// Gives an engine work for much longer than a test takes; dropping it ends the work.
pub(crate) fn occupy(engine: &Engine) -> Pending {
    let text = "word ".repeat(46);
    let request = Request {
        inputs: vec![Input::Text(text); 500_000],
        prompt: Prompt::None,
        truncation: Truncation::Right,
        output: Output::Dense { normalize: Normalize::Always, dimensions: None },
    };
    engine.try_submit(request).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_engine_refuses_with_the_time_to_come_back() {
    let engine = one_request();
    let server = TestServer::with_engine(config(), engine.clone()).await;
    let work = occupy(&engine);
    let body = r#"{"inputs":"a","input":"a"}"#;
    for (path, field) in [
        ("/embed", "/error_type"),
        ("/v1/embeddings", "/error/type"),
        ("/models/tiny-bert", "/error"),
    ] {
        let reply = server.post(path, body).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{path}: {}", reply.text());
        let retry_after: u64 = reply.header("retry-after").parse().unwrap();
        assert!(retry_after >= 1, "{path}");
        assert!(reply.json().pointer(field).is_some(), "{path}: {}", reply.text());
    }
    assert_eq!(server.metric("te_request_failure{err=\"overloaded\"}").await, 3.0);
    drop(work);
    until("the work is cancelled", || engine.load().num_requests == 0).await;
    assert_eq!(server.post("/embed", body).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_request_of_any_size_is_finished() {
    let limits = EngineConfig { max_queue_tokens: 256, ..EngineConfig::for_tests() };
    let engine = engine(TINY, limits);
    let server = TestServer::with_engine(config(), engine).await;
    let texts = vec!["many more tokens than may wait"; 1000];
    let rows = server.embed(serde_json::json!({ "inputs": texts })).await;
    assert_eq!(rows.len(), 1000);
}
