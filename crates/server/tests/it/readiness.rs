//! A server whose models are loading, failed, or busy.

use axum::http::StatusCode;
use engine::{Engine, EngineConfig};
use expect_test::expect;

use crate::harness::{PROMPTED, TINY, TestServer, config, engine, model};
use crate::overload::{occupy, one_request};

fn tiny() -> Engine {
    engine(TINY, EngineConfig::for_tests())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lives_before_it_is_ready() {
    let (server, slots) = TestServer::loading(config(), vec![model(TINY), model(PROMPTED)]).await;
    assert_eq!(server.get("/live").await.status, StatusCode::OK);
    for path in ["/ready", "/health", "/ping", "/", "/tiny-bert/health"] {
        let reply = server.get(path).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(reply.header("retry-after"), "1", "{path}");
    }
    let body = r#"{"inputs":"a","input":"a"}"#;
    let reply = server.post("/embed", body).await;
    assert_eq!(reply.header("retry-after"), "1");
    expect![[r#"503 {"error":"model `tiny-bert` is still loading; try again in 1 s","error_type":"Unhealthy"}"#]].assert_eq(&reply.line());
    expect![[r#"503 {"error":{"message":"model `tiny-bert` is still loading; try again in 1 s","type":"server_error","param":null,"code":"model_not_ready"}}"#]].assert_eq(&server.post("/v1/embeddings", body).await.line());
    expect![[r#"503 {"error":"model `tiny-bert` is still loading; try again in 1 s"}"#]]
        .assert_eq(&server.post("/models/tiny-bert", body).await.line());

    let mut slots = slots.into_iter();
    slots.next().unwrap().ready(tiny());
    assert_eq!(server.post("/embed", body).await.status, StatusCode::OK);
    assert_eq!(server.get("/tiny-bert/health").await.status, StatusCode::OK);
    assert_eq!(server.get("/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    slots.next().unwrap().ready(engine(PROMPTED, EngineConfig::for_tests()));
    assert_eq!(server.get("/ready").await.status, StatusCode::OK);
    assert_eq!(server.get("/health").await.text(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_failed_says_why_and_is_not_to_be_retried() {
    let (server, slots) = TestServer::loading(config(), vec![model(TINY)]).await;
    for slot in slots {
        slot.failed("failed to read tokenizer.json".to_owned());
    }
    let reply = server.post("/embed", r#"{"inputs":"a"}"#).await;
    assert_eq!(reply.header("retry-after"), "");
    expect![[r#"424 {"error":"model `tiny-bert` could not be loaded: failed to read tokenizer.json","error_type":"Backend"}"#]].assert_eq(&reply.line());
    assert_eq!(server.get("/live").await.status, StatusCode::OK);
    assert_eq!(server.get("/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_does_not_wait_behind_a_batch() {
    let engine = one_request();
    let server = TestServer::with_engine(config(), engine.clone()).await;
    let work = occupy(&engine);
    for path in ["/health", "/ready", "/live", "/metrics", "/info"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(engine.load().num_requests, 1, "the work was over before the answers");
    drop(work);
}
