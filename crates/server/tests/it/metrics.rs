//! `/metrics` over HTTP.

use std::time::Duration;

use axum::http::Method;
use engine::EngineConfig;
use serde_json::json;
use server::{App, Metrics};

use crate::harness::{TINY, TestServer, config, engine, model, no_indexes, request, with_keys};

async fn sum(server: &TestServer, name: &str) -> f64 {
    let page = server.get("/metrics").await.text();
    let series = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn successes_and_failures_of_any_kind_add_up_to_requests() {
    let server = TestServer::start().await;
    server.embed(json!({ "inputs": "a" })).await;
    server.embed(json!({ "inputs": ["a", "b", "c"] })).await;
    for body in ["", "{}", r#"{"inputs":5}"#, r#"{"inputs":""}"#, r#"{"inputs":["a",""]}"#] {
        server.post("/embed", body).await;
        server.post("/v1/embeddings", body).await;
    }
    server.post("/rerank", "{}").await;
    assert_eq!(sum(&server, "te_request_count").await, 13.0);
    assert_eq!(sum(&server, "te_request_success").await, 2.0);
    assert_eq!(sum(&server, "te_request_failure").await, 11.0);
    assert_eq!(server.metric("te_request_failure{err=\"model_type\"}").await, 1.0);
    assert_eq!(server.metric("te_request_duration_count").await, 2.0);
    // 1 and 3 that worked, 1 and 2 with an empty one.
    assert_eq!(server.metric("te_embed_count").await, 7.0);
    assert_eq!(server.metric("te_embed_success").await, 5.0);
    assert_eq!(server.metric("te_request_input_length_count").await, 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_counted_by_route_and_not_by_path() {
    let server = TestServer::with(with_keys(&["key"]), &[TINY]).await;
    server.get("/health").await;
    server.get("/nothing/1").await;
    server.get("/nothing/2").await;
    server.post("/embed", "{}").await;
    server.send(request(Method::POST, "/pipeline/feature-extraction/a/b", "")).await;
    let series = |method: &str, route: &str, status: u16| {
        format!(
            "sembla_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        )
    };
    assert_eq!(server.metric(&series("GET", "/health", 200)).await, 1.0);
    assert_eq!(server.metric(&series("GET", "unknown", 404)).await, 2.0);
    assert_eq!(server.metric(&series("POST", "/embed", 401)).await, 1.0);
    let route = "/pipeline/feature-extraction/{org}/{name}";
    assert_eq!(server.metric(&series("POST", route, 401)).await, 1.0);
    assert_eq!(server.metric("te_request_failure{err=\"unauthorized\"}").await, 2.0);
    // The one that asks.
    server.until_metric("sembla_requests_in_flight", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_of_the_process_record_into_installed_metrics() {
    let metrics = Metrics::install().unwrap();
    assert!(Metrics::install().is_err(), "a process has one place for metrics");
    let (app, slots) = App::new(config(), vec![model(TINY)], no_indexes(), None, metrics).unwrap();
    for slot in slots {
        slot.ready(engine(TINY, EngineConfig::for_tests()));
    }
    let server = TestServer::run(app, Duration::from_secs(60)).await;
    assert!(server.get("/metrics").await.text().contains("# HELP te_batch_next_size "));
    server.embed(json!({ "inputs": ["a", "b"] })).await;
    // The engines of other tests in this process record here too.
    assert!(server.metric("te_batch_next_size_count").await >= 1.0);
    assert!(server.metric("te_batch_next_tokens_sum").await >= 6.0);
}
