//! Bytes are the only limit of a request.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use expect_test::expect;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::json;
use server::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::harness::{Reply, TINY, TestServer, config, request, with_keys};

fn small() -> ServerConfig {
    ServerConfig { payload_limit: 1000, ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_fifty_megabytes_is_refused_by_the_name_of_the_limit() {
    let server = TestServer::start().await;
    let body = json!({ "inputs": "x".repeat(50_000_000) }).to_string();
    let reply = server.post("/embed", body).await;
    expect![[r#"413 {"error":"the body is larger than 32000000 bytes, which is the payload limit; send fewer inputs per request, or start the server with a larger --payload-limit","error_type":"PayloadTooLarge"}"#]].assert_eq(&reply.line());
    server.embed(json!({ "inputs": "a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_exact_with_and_without_a_length() {
    let server = TestServer::with(small(), &[TINY]).await;
    let text = |num_bytes: usize| format!(r#"{{"inputs":"{}"}}"#, "x".repeat(num_bytes - 13));
    for (num_bytes, status) in [(1000, StatusCode::OK), (1001, StatusCode::PAYLOAD_TOO_LARGE)] {
        let body = text(num_bytes);
        assert_eq!(body.len(), num_bytes);
        assert_eq!(server.post("/embed", body.clone()).await.status, status, "{num_bytes}");

        let head = "POST /embed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        let chunked = format!("{head}{num_bytes:x}\r\n{body}\r\n0\r\n\r\n");
        let answer = server.raw(chunked.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", status.as_u16())), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = TestServer::with(small(), &[TINY]).await;
    let head =
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 2000\r\nexpect: 100-continue\r\n\r\n";
    let answer = server.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_before_it_comes() {
    let server = TestServer::with(small(), &[TINY]).await;
    let mut connection = server.connect().await;
    let head = "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 2000\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    // The body is never sent, and the answer comes all the same.
    let mut answer = [0; 13];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413 ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_compressed_is_refused_with_the_remedy() {
    let server = TestServer::start().await;
    for (encoding, status) in [
        ("gzip", 415),
        ("junk", 415),
        ("identity, br", 415),
        ("identity", 200),
        (" Identity ,", 200),
        ("", 200),
    ] {
        for path in ["/embed", "/v1/embeddings", "/models/tiny-bert"] {
            let body = r#"{"inputs":"a","input":"a","model":"tiny-bert"}"#;
            let mut post = request(Method::POST, path, body);
            post.headers_mut().insert("content-encoding", encoding.parse().unwrap());
            assert_eq!(server.send(post).await.status, status, "{path}: {encoding}");
        }
    }
    let mut post = request(Method::POST, "/embed", "\x1f\u{8b}");
    post.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    expect![[r#"415 {"error":"Content-Encoding is `gzip`; send the body uncompressed and without this header","error_type":"Validation"}"#]].assert_eq(&server.send(post).await.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_is_not_an_answer_for_anyone() {
    let server = TestServer::start().await;
    let head = "POST /embed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let answer = server.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.embed(json!({ "inputs": "a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_wait_for_each_other_and_are_all_answered() {
    let server = Arc::new(TestServer::start().await);
    // Together more than may be held at once, and read to the end for an error at the end.
    let body = format!(r#"{{"padding":"{}","inputs":5}}"#, "x".repeat(30_000_000));
    let body = Bytes::from(body);
    let mut answers = JoinSet::new();
    for _ in 0..12 {
        let (server, body) = (Arc::clone(&server), body.clone());
        answers.spawn(async move {
            let post = request(Method::POST, "/embed", Body::from(body));
            server.send(post).await.status
        });
    }
    assert_eq!(answers.join_all().await, [StatusCode::UNPROCESSABLE_ENTITY; 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_everything_first_gets_its_answer_whatever_it_is() {
    let server = TestServer::with(with_keys(&["key"]), &[TINY]).await;
    let body = "x".repeat(20_000_000);
    let (mut sender, connection) = handshake(TokioIo::new(server.connect().await)).await.unwrap();
    tokio::spawn(connection);
    // All on one connection, which none of them breaks.
    for (path, status) in [
        ("/embed", StatusCode::UNAUTHORIZED),
        ("/nothing", StatusCode::NOT_FOUND),
        ("/live", StatusCode::METHOD_NOT_ALLOWED),
        ("/v1/embeddings", StatusCode::UNAUTHORIZED),
    ] {
        let post = request(Method::POST, path, body.clone());
        let reply = Reply::read(sender.send_request(post).await.unwrap()).await;
        assert_eq!(reply.status, status, "{path}");
        reply.json();
        sender.ready().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_changes_nothing() {
    let server = TestServer::start().await;
    let request = Request::post("/tiny-bert/embed?x=1").header("host", "a");
    let reply = server.send(request.body(Body::from(r#"{"inputs":"a"}"#)).unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
}
