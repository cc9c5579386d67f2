//! Bounds on what clients may take, and the end of the proxy.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::fake_server::{FakeServer, fine, nobody};
use super::process::{Proxied, ask_in, post, read_answer, read_head};
use crate::command::Sembla;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn headers_without_end_are_refused_outside_and_inside_a_tunnel() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--max-header-bytes", "8192"]);
    let long = "x".repeat(20_000);
    let plain = format!("GET http://api.openai.com/v1/models HTTP/1.1\r\nX-Long: {long}\r\n\r\n");
    assert_eq!(proxy.ask(&plain).status, 431);
    let inside = format!("GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n");
    assert_eq!(ask_in(&mut proxy.tunnel("api.openai.com"), &inside).status, 431);
    assert!(server.is_idle());
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let args = ["--header-read-timeout", "0.3"];
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &args);
    let mut silent = proxy.connect();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    // In a tunnel that is open, the same.
    let mut tunnel = proxy.tunnel("api.openai.com");
    let ended = tunnel.read(&mut [0]);
    assert!(matches!(&ended, Ok(0)) || ended.is_err(), "{ended:?}");
}

#[test]
fn further_connections_wait_until_one_is_closed() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--max-connections", "1"]);
    let first = proxy.tunnel("api.openai.com");
    let mut second = proxy.connect();
    let request = "GET http://api.openai.com/v1/models HTTP/1.1\r\nHost: x\r\n\r\n";
    second.write_all(request.as_bytes()).unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let waiting = second.read(&mut [0]).unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read_answer(&mut BufReader::new(second)).status, 200);
}

static CUT_OFF: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

/// Sends without end, and says when nobody takes it any more.
fn without_end(stream: &mut TcpStream) -> bool {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 16];
    while stream.write_all(&piece).is_ok() {}
    CUT_OFF.lock().unwrap().take().unwrap().send(()).unwrap();
    false
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    let (sender, cut_off) = mpsc::channel();
    *CUT_OFF.lock().unwrap() = Some(sender);
    let server = FakeServer::start(without_end);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--write-timeout", "1"]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    tunnel.get_mut().write_all(post("api.openai.com", "/v1/embeddings", "{}").as_bytes()).unwrap();
    assert_eq!(read_head(&mut tunnel).status, 200);
    cut_off.recv_timeout(PATIENCE).unwrap();
}

static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

/// Answers when the gate opens.
fn behind_the_gate(stream: &mut TcpStream) -> bool {
    let gate = GATE.lock().unwrap().take().unwrap();
    gate.recv().unwrap();
    fine(stream)
}

#[test]
fn a_request_under_way_is_finished_and_idle_connections_are_closed_at_the_end() {
    let (open, gate) = mpsc::channel();
    *GATE.lock().unwrap() = Some(gate);
    let server = FakeServer::start(behind_the_gate);
    let mut proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut idle = proxy.tunnel("huggingface.co");
    let mut busy = proxy.tunnel("api.openai.com");
    busy.get_mut().write_all(post("api.openai.com", "/v1/embeddings", "{}").as_bytes()).unwrap();
    server.next();
    proxy.ask_to_stop();
    proxy.read_until("stopping");
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
    open.send(()).unwrap();
    assert_eq!(read_answer(&mut busy).status, 200);
    let ended = proxy.wait();
    assert_eq!(ended.code, 0);
    assert!(!ended.stderr.contains("cut off"), "{ended:?}");
    assert!(TcpStream::connect(proxy.address()).is_err());
}

#[test]
fn requests_that_outlast_the_drain_limit_are_cut_off() {
    let server = FakeServer::start(|stream| {
        let _ = stream.read(&mut [0]);
        false
    });
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--drain-limit", "0.2"]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    tunnel.get_mut().write_all(post("api.openai.com", "/v1/embeddings", "{}").as_bytes()).unwrap();
    server.next();
    let ended = proxy.stop();
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("requests were cut off by drain_limit"), "{ended:?}");
}
