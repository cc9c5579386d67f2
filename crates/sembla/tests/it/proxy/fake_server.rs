//! A server that does what a test tells it to, and remembers what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::process::read_chunks;

/// A running server.
pub(super) struct FakeServer {
    address: String,
    /// What it was sent, in order.
    received: Receiver<Received>,
}

/// A request, as it arrived.
#[derive(Debug)]
pub(super) struct Received {
    /// Which connection it came on, from 0.
    pub(super) connection: usize,
    /// The line and the headers, in lower case but for the first.
    pub(super) head: Vec<String>,
    pub(super) num_body_bytes: usize,
}

/// What to do with a connection after its request was read. `false` closes it.
pub(super) type Reply = fn(&mut TcpStream) -> bool;

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers `{}` and goes on.
pub(super) fn fine(stream: &mut TcpStream) -> bool {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nKeep-Alive: timeout=5\r\n\
                  Connection: keep-alive\r\nX-Server: fake\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(answer.as_bytes()).is_ok()
}

/// Returns the address of a server that is not there.
pub(super) fn nobody() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", taken.local_addr().unwrap())
}

impl FakeServer {
    /// Starts a server that replies to every request in this way.
    pub(super) fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, received) = channel();
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let sender = sender.clone();
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some((head, num_body_bytes)) = read_request(&mut reader) {
                        // Nobody waits for it once the test is over.
                        let _ = sender.send(Received { connection, head, num_body_bytes });
                        if !reply(&mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, received }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the next request.
    pub(super) fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).unwrap()
    }

    /// Returns whether nothing was sent that was not looked at.
    pub(super) fn is_idle(&self) -> bool {
        self.received.try_recv().is_err()
    }
}

impl Received {
    pub(super) fn has(&self, line: &str) -> bool {
        self.head.iter().any(|given| given == line)
    }

    pub(super) fn has_header(&self, name: &str) -> bool {
        self.head.iter().any(|line| line.starts_with(&format!("{name}:")))
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<(Vec<String>, usize)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        let num_bytes = reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            _ if num_bytes == 0 => return None,
            "" => break,
            first if head.is_empty() => head.push(first.to_owned()),
            header => head.push(header.to_ascii_lowercase()),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let num_body_bytes = match length {
        Some(length) => {
            let length = length.parse().unwrap();
            let copied = std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
            usize::try_from(copied).unwrap()
        }
        None if head.iter().any(|line| line == "transfer-encoding: chunked") => {
            read_chunks(reader).len()
        }
        None => 0,
    };
    Some((head, num_body_bytes))
}
