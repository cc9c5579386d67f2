//! Bodies: streamed both ways, asked for before they are sent, and given up when their client is gone.

use std::io::{BufRead as _, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::thread;

use super::fake_server::{FakeServer, fine, nobody};
use super::process::{Proxied, Tls, ask_in, post, read_answer, read_head};
use crate::command::Sembla;

const MIB: usize = 1 << 20;
const NUM_MIB: usize = 96;
// What the program has without a body, and some buffers.
const MAX_MEMORY: usize = 64 * MIB;

/// Returns the most memory that a process has ever had.
fn peak_memory(pid: u32) -> usize {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib * 1024
}

#[test]
fn a_large_body_is_passed_on_as_it_comes_whether_its_length_is_said_or_not() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    let piece = vec![b' '; MIB];
    let head = "POST /v1/embeddings HTTP/1.1\r\nHost: api.openai.com\r\n";

    let stream = tunnel.get_mut();
    write!(stream, "{head}Content-Length: {}\r\n\r\n", NUM_MIB * MIB).unwrap();
    for _ in 0..NUM_MIB {
        stream.write_all(&piece).unwrap();
    }
    assert_eq!(read_answer(&mut tunnel).status, 200);
    let received = server.next();
    assert_eq!(received.num_body_bytes, NUM_MIB * MIB);
    assert!(received.has(&format!("content-length: {}", NUM_MIB * MIB)));

    let stream = tunnel.get_mut();
    write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..NUM_MIB {
        write!(stream, "{MIB:x}\r\n").unwrap();
        stream.write_all(&piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut tunnel).status, 200);
    assert_eq!(server.next().num_body_bytes, NUM_MIB * MIB);
    let peak = peak_memory(proxy.pid());
    assert!(peak < MAX_MEMORY, "{} MiB", peak / MIB);
}

/// Answers with many chunks.
fn much(stream: &mut TcpStream) -> bool {
    let piece = vec![b'x'; MIB];
    let mut send = |bytes: &[u8]| stream.write_all(bytes).is_ok();
    let mut is_sent = send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..NUM_MIB {
        is_sent =
            is_sent && send(format!("{MIB:x}\r\n").as_bytes()) && send(&piece) && send(b"\r\n");
    }
    is_sent && send(b"0\r\n\r\n")
}

#[test]
fn a_large_answer_is_passed_on_as_it_comes() {
    let server = FakeServer::start(much);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    for _ in 0..2 {
        let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
        assert_eq!(answer.body.len(), NUM_MIB * MIB);
    }
    let peak = peak_memory(proxy.pid());
    assert!(peak < MAX_MEMORY, "{} MiB", peak / MIB);
}

// A gate for the server below: what it is told, and what it tells.
static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

fn in_two_pieces(stream: &mut TcpStream) -> bool {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}5\r\nfirst\r\n").as_bytes()).unwrap();
    let gate = GATE.lock().unwrap().take().unwrap();
    gate.recv().unwrap();
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").is_ok()
}

#[test]
fn a_piece_of_an_answer_does_not_wait_for_the_next() {
    let (open, gate) = mpsc::channel();
    *GATE.lock().unwrap() = Some(gate);
    let server = FakeServer::start(in_two_pieces);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    tunnel.get_mut().write_all(post("api.openai.com", "/v1/embeddings", "{}").as_bytes()).unwrap();
    assert_eq!(read_head(&mut tunnel).status, 200);
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        tunnel.read_line(line).unwrap();
    }
    assert_eq!(lines[1].trim_end(), "first");
    open.send(()).unwrap();
    assert!(
        String::from_utf8(super::process::read_chunks(&mut tunnel)).unwrap().contains("second")
    );
}

fn ask_first(tunnel: &mut Tls) -> u16 {
    let head = "POST /v1/embeddings HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 2\r\n\
                Expect: 100-continue\r\n\r\n";
    tunnel.get_mut().write_all(head.as_bytes()).unwrap();
    read_head(tunnel).status
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    assert_eq!(ask_first(&mut tunnel), 100);
    tunnel.get_mut().write_all(b"{}").unwrap();
    assert_eq!(read_answer(&mut tunnel).status, 200);
    let received = server.next();
    assert_eq!(received.num_body_bytes, 2);
    assert!(!received.has_header("expect"), "{received:?}");
}

#[test]
fn a_client_that_asks_first_is_told_of_a_server_that_is_gone() {
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    assert_eq!(ask_first(&mut proxy.tunnel("api.openai.com")), 502);
}

#[test]
fn a_client_that_sends_without_asking_learns_why_it_is_refused() {
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    let body = "x".repeat(8 * MIB);
    let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", &body));
    assert_eq!(answer.status, 502);
}

/// Answers nothing; says when the connection ends.
fn wait_for_the_end(stream: &mut TcpStream) -> bool {
    // Nothing follows a request that is not answered, so this is the end.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    END.lock().unwrap().take().unwrap().send(()).unwrap();
    false
}

static END: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

#[test]
fn a_client_that_goes_away_takes_its_request_with_it() {
    let server = FakeServer::start(wait_for_the_end);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let (ended, end) = mpsc::channel();
    *END.lock().unwrap() = Some(ended);
    let mut tunnel = proxy.tunnel("api.openai.com");
    tunnel.get_mut().write_all(post("api.openai.com", "/v1/embeddings", "{}").as_bytes()).unwrap();
    server.next();
    drop(tunnel);
    end.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_its_body_is_not_waited_for() {
    // Reads the head and some of the body, and sees the end.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::copy(&mut stream, &mut std::io::sink())
    });
    let proxy = Proxied::start(&Sembla::new(), &url, &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    let request = post("api.openai.com", "/v1/embeddings", "{}");
    let request = request.replace("Content-Length: 2", "Content-Length: 1000");
    tunnel.get_mut().write_all(request.as_bytes()).unwrap();
    drop(tunnel);
    // Whether by an end or a reset.
    let _ = server.join().unwrap();
}
