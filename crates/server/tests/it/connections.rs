//! Many connections, slow ones, and ones that go away.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use engine::EngineConfig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use server::{ConnectionLimits, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::harness::{Reply, TINY, TestServer, config, engine, exchange, request, until};

fn limited(limit: impl FnOnce(&mut ConnectionLimits)) -> ServerConfig {
    let mut config = config();
    limit(&mut config.connections);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_at_once_all_get_an_answer() {
    const NUM_CONNECTIONS: usize = 1000;
    // Both ends of each connection are in this process.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).unwrap();

    let server = TestServer::start().await;
    let mut open = Vec::new();
    for _ in 0..NUM_CONNECTIONS {
        open.push(server.connect().await);
    }
    let mut answers = JoinSet::new();
    for (number, connection) in open.into_iter().enumerate() {
        let body = json!({ "inputs": format!("text {number}") }).to_string();
        answers.spawn(async move {
            let request = request(Method::POST, "/embed", body);
            Reply::read(exchange(connection, request).await).await.status
        });
    }
    let mut num_ok = 0;
    while let Some(status) = answers.join_next().await {
        match status.unwrap() {
            StatusCode::OK => num_ok += 1,
            StatusCode::TOO_MANY_REQUESTS => {}
            other => panic!("answered {other}"),
        }
    }
    assert!(num_ok > 0);
    let total = server.metric("te_request_count{method=\"single\"}").await;
    assert_eq!(total, NUM_CONNECTIONS as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn further_connections_wait_until_there_is_a_slot() {
    let server = TestServer::with(limited(|limits| limits.max_connections = 2), &[TINY]).await;
    let mut answers = JoinSet::new();
    for _ in 0..20 {
        let connection = server.connect().await;
        answers.spawn(async move {
            let mut get = request(Method::GET, "/live", "");
            get.headers_mut().insert("connection", "close".parse().unwrap());
            Reply::read(exchange(connection, get).await).await.status
        });
    }
    let statuses = answers.join_all().await;
    assert_eq!(statuses, [StatusCode::OK; 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_cancels_its_request() {
    let engine = engine(TINY, EngineConfig::for_tests());
    let server = TestServer::with_engine(config(), engine.clone()).await;
    let texts = vec!["word ".repeat(46); 100_000];
    let body = json!({ "inputs": texts }).to_string();
    let head = format!("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut connection = server.connect().await;
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    until("the engine has the request", || engine.load().num_requests == 1).await;
    drop(connection);
    until("the engine is rid of it", || engine.load().num_requests == 0).await;

    // It is counted when the last of it is dropped, a moment after the engine has let it go.
    server.until_metric("te_request_failure{err=\"dropped\"}", 1.0).await;
    assert_eq!(server.metric("te_request_success{method=\"batch\"}").await, 0.0);
    assert_eq!(server.metric("te_request_count{method=\"batch\"}").await, 1.0);
    server.embed(json!({ "inputs": "a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_come_are_not_waited_for() {
    let slow = |limits: &mut ConnectionLimits| {
        limits.header_read_timeout = Duration::from_millis(100);
    };
    let server = TestServer::with(limited(slow), &[TINY]).await;
    assert_eq!(server.raw(b"GET /live HTTP/1.1\r\nhost: a\r\nx-").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_a_timeout() {
    let slow = |limits: &mut ConnectionLimits| {
        limits.body_read_timeout = Duration::from_millis(100);
    };
    let server = TestServer::with(limited(slow), &[TINY]).await;
    let head = "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{\"inputs\":";
    let answer = server.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""error_type":"Timeout""#), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut_off() {
    let slow = |limits: &mut ConnectionLimits| {
        limits.write_timeout = Duration::from_millis(200);
    };
    let server = TestServer::with(limited(slow), &[TINY]).await;
    let texts = vec!["a"; 100_000];
    let body = json!({ "inputs": texts }).to_string();
    let head = format!("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut connection = server.connect().await;
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    // The head of the answer comes, and then nothing is taken until the server has given up.
    let mut begin = [0; 15];
    connection.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    // The one that is left is the one that asks.
    server.until_metric("sembla_requests_in_flight", 1.0).await;
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the whole answer of {} bytes came", rest.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_limit_are_refused() {
    let server = TestServer::with(limited(|limits| limits.max_header_bytes = 8192), &[TINY]).await;
    let head = format!("GET /live HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(10_000));
    let answer = server.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_refused_and_the_server_goes_on() {
    let server = TestServer::start().await;
    let answer = server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(server.get("/live").await.status, StatusCode::OK);
}
