//! What the server is sent, and what the client gets back.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use super::fake_server::{FakeServer, fine};
use super::process::{Proxied, ask_in, post, read_answer};
use crate::command::Sembla;

#[test]
fn the_server_sees_its_own_address_the_key_and_the_path_that_stands_for_the_host() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let host = "faq-2024-a1b2c3d.svc.us-east1-gcp.pinecone.io";
    let mut tunnel = proxy.tunnel(host);
    let request = format!(
        "GET /vectors/fetch?ids=1&ids=2 HTTP/1.1\r\nHost: {host}\r\nApi-Key: a-key\r\n\
         Authorization: Bearer a-token\r\nOrigin: https://evil.example\r\nConnection: keep-alive, X-Hop\r\n\
         X-Hop: 1\r\nProxy-Authorization: Basic aHVzaA==\r\nTE: trailers\r\n\r\n"
    );
    let answer = ask_in(&mut tunnel, &request);
    let received = server.next();
    assert!(received.has("GET /pinecone/legacy/faq-2024/vectors/fetch?ids=1&ids=2 HTTP/1.1"));
    assert!(received.has(&format!("host: {}", server.address())), "{received:?}");
    assert!(received.has(&format!("x-forwarded-host: {host}")), "{received:?}");
    assert!(received.has("authorization: bearer a-token") && received.has("api-key: a-key"));
    // By it the server knows a request of a page.
    assert!(received.has("origin: https://evil.example"));
    for gone in ["x-hop", "proxy-authorization", "te", "connection"] {
        assert!(!received.has_header(gone), "{gone}: {received:?}");
    }
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert_eq!(answer.header("x-server"), Some("fake"));
    assert_eq!(answer.header("keep-alive"), None);
}

#[test]
fn the_host_that_was_meant_is_said_by_the_proxy_and_not_by_the_client() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let host = "api.sagemaker.us-east-1.amazonaws.com";
    let request = post(host, "/", "{}")
        .replace("Content-Type", "X-Forwarded-Host: evil.example\r\nContent-Type");
    let answer = ask_in(&mut proxy.tunnel(host), &request);
    assert_eq!(answer.status, 200);
    let received = server.next();
    assert!(received.has("POST /aws HTTP/1.1"), "{received:?}");
    let named = received.head.iter().filter(|line| line.starts_with("x-forwarded-host:"));
    assert_eq!(named.collect::<Vec<_>>(), [&format!("x-forwarded-host: {host}")]);
}

#[test]
fn what_is_for_s3_goes_to_the_store_and_all_else_to_the_server() {
    let (server, store) = (FakeServer::start(fine), FakeServer::start(fine));
    // As a person writes it.
    let endpoint = format!("{}/", store.url());
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--s3-endpoint", &endpoint]);
    for (host, path) in [
        ("s3.us-east-1.amazonaws.com", "/a-bucket/model.tar.gz"),
        ("a-bucket.s3.us-east-1.amazonaws.com", "/model.tar.gz"),
    ] {
        let request = format!("GET {path}?versionId=1 HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(ask_in(&mut proxy.tunnel(host), &request).status, 200);
        let received = store.next();
        assert!(received.has("GET /a-bucket/model.tar.gz?versionId=1 HTTP/1.1"), "{received:?}");
        assert!(received.has(&format!("host: {}", store.address())), "{received:?}");
        assert!(received.has(&format!("x-forwarded-host: {host}")), "{received:?}");
    }
    // Without a tunnel one connection of a client may be for both.
    let mut stream = proxy.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for (host, asked) in
        [("s3.amazonaws.com", &store), ("sts.amazonaws.com", &server), ("s3.amazonaws.com", &store)]
    {
        let request = format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut reader).status, 200);
        assert!(asked.next().has(&format!("x-forwarded-host: {host}")));
    }
    assert!(server.is_idle() && store.is_idle());
}

#[test]
fn requests_of_a_tunnel_share_a_connection_to_the_server() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    for _ in 0..3 {
        let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
        assert_eq!(answer.status, 200);
        assert_eq!(server.next().connection, 0);
    }
}

#[test]
fn a_server_that_closes_after_each_answer_is_called_again() {
    let server = FakeServer::start(|stream| {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        let _ = stream.write_all(answer.as_bytes());
        false
    });
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    for connection in 0..3 {
        let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), None, "the client's connection goes on");
        assert_eq!(server.next().connection, connection);
    }
}

/// Answers an error with a body, as the server does to a key that it does not know.
fn unauthorized(stream: &mut TcpStream) -> bool {
    let answer = "HTTP/1.1 401 Unauthorized\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nkey?";
    stream.write_all(answer.as_bytes()).is_ok()
}

#[test]
fn errors_of_the_server_are_passed_on_as_they_are() {
    let server = FakeServer::start(unauthorized);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
    assert_eq!((answer.status, answer.body.as_str()), (401, "key?"));
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[test]
fn plain_requests_with_a_whole_url_are_served_and_keep_their_connection() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut stream = proxy.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for url in ["http://api.openai.com/v1/models?a=1", "http://api.openai.com:80/v1/models?a=1"] {
        let request = format!("GET {url} HTTP/1.1\r\nHost: other.example\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut reader).status, 200);
        let received = server.next();
        assert!(received.has("GET /v1/models?a=1 HTTP/1.1"), "{received:?}");
        assert!(received.has(&format!("host: {}", server.address())));
        assert_eq!(received.connection, 0);
    }
}

#[test]
fn neither_keys_nor_paths_nor_passwords_are_in_any_log() {
    let server = FakeServer::start(fine);
    let sembla = Sembla::new();
    let proxy = Proxied::start(&sembla, &server.url(), &["--log-level", "trace"]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    let request = post("api.openai.com", "/v1/embeddings?key=hush-query", "\"hush-body\"");
    let request = request.replace("a-token", "hush-token");
    assert_eq!(ask_in(&mut tunnel, &request).status, 200);
    let request = post("api.openai.com", "/hush-path", "{}").replace("a-token", "hush-token");
    assert_eq!(ask_in(&mut tunnel, &request).status, 502);
    let refused = "CONNECT ada:hush-user@pypi.org:443 HTTP/1.1\r\nHost: x\r\n\
                   Proxy-Authorization: Basic hush-proxy\r\n\r\n";
    proxy.ask(refused);
    drop(tunnel);
    let ended = proxy.stop();
    assert!(ended.stderr.contains("api.openai.com") && ended.stderr.contains("pypi.org"));
    assert!(!ended.stderr.contains("hush"), "{}", ended.stderr);
}
