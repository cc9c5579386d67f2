//! Stopping: what has begun is finished, within a limit.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use engine::EngineConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Reply, TINY, TestServer, config, engine, exchange, model, request, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_has_begun_is_finished() {
    let engine = engine(TINY, EngineConfig::for_tests());
    let mut server = TestServer::with_engine(config(), engine.clone()).await;
    let body = json!({ "inputs": vec!["word ".repeat(46); 4_000] }).to_string();
    let connection = server.connect().await;
    let answer = tokio::spawn(async {
        let post = request(Method::POST, "/embed", body);
        Reply::read(exchange(connection, post).await).await
    });
    until("the engine has the request", || engine.load().num_requests == 1).await;
    let address = server.address;
    server.begin_stop();
    assert_eq!(server.stopped().await.num_cut_off, 0);

    let reply = answer.await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json().as_array().unwrap().len(), 4_000);
    assert!(TcpStream::connect(address).await.is_err(), "a stopped server accepts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_server_is_not_ready_and_takes_no_new_work() {
    let mut server = TestServer::start().await;
    // Connections on which a request has begun, so that draining lets them finish it.
    let mut half_sent = Vec::new();
    for head in ["GET /ready HTTP/1.1\r\n", "POST /embed HTTP/1.1\r\ncontent-length: 14\r\n"] {
        let mut connection = server.connect().await;
        connection.write_all(head.as_bytes()).await.unwrap();
        half_sent.push(connection);
    }
    // Another request is answered only after the server has seen the bytes before it: it reads them
    // in the order of its accepting.
    server.get("/live").await;
    server.begin_stop();
    let address = server.address;
    refused(address).await;
    for (mut connection, rest) in
        half_sent.into_iter().zip(["host: a\r\n\r\n", "host: a\r\n\r\n{\"inputs\":\"a\"}"])
    {
        connection.write_all(rest.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: 5"), "{answer}");
        assert!(answer.contains("shutting down"), "{answer}");
    }
    assert_eq!(server.stopped().await.num_cut_off, 0);
}

async fn refused(address: std::net::SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_cuts_off_what_takes_too_long() {
    let engine = engine(TINY, EngineConfig::for_tests());
    let limit = Duration::from_millis(50);
    let (mut server, slots) = TestServer::draining_within(limit, config(), vec![model(TINY)]).await;
    for slot in slots {
        slot.ready(engine.clone());
    }
    let body = json!({ "inputs": vec!["word ".repeat(46); 100_000] }).to_string();
    let mut connection = server.connect().await;
    let head = format!("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    until("the engine has the request", || engine.load().num_requests == 1).await;
    server.begin_stop();
    assert_eq!(server.stopped().await.num_cut_off, 1);
    until("the engine is rid of it", || engine.load().num_requests == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_request_do_not_hold_the_server_up() {
    let mut server = TestServer::start().await;
    let _fresh = server.connect().await;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(server.connect().await))
            .await
            .unwrap();
    tokio::spawn(connection);
    // Kept alive after its answer.
    let get = request(Method::GET, "/live", "");
    let reply = Reply::read(sender.send_request(get).await.unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
    server.begin_stop();
    assert_eq!(server.stopped().await.num_cut_off, 0);
}
