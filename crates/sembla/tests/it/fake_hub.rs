//! A small Hub over plain HTTP, with faults to order.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The commit that the branch `main` is.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The one repository that the Hub has.
pub(crate) const ID: &str = "org/tiny";

/// What goes wrong with the next body of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection closes after so many bytes.
    CutAfter(usize),
    /// A byte is another.
    Corrupt,
    /// Nothing is sent, and the connection stays open.
    Silent,
    /// The range is not honoured: the whole file is sent with 200.
    WholeFile,
    /// The answer is this status.
    Status(u16),
}

/// A running Hub. It stops taking connections when it is dropped.
pub(crate) struct FakeHub {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Faults of bodies by file, used up from the front.
    faults: Mutex<BTreeMap<String, Vec<Fault>>>,
    /// For every request: who may not see the repository is told this status and code.
    refusal: Option<(u16, &'static str)>,
    port: u16,
    /// One line per request.
    log: Mutex<Vec<String>>,
    stopped: Mutex<bool>,
}

struct Request {
    method: String,
    path: String,
    range: Option<usize>,
    token: Option<String>,
}

impl FakeHub {
    /// Serves a repository with these files.
    pub(crate) fn start(files: &[(&str, &[u8])]) -> Self {
        Self::serve(files, None)
    }

    /// Refuses every request with a status and an error code.
    pub(crate) fn refusing(status: u16, code: &'static str) -> Self {
        Self::serve(&[], Some((status, code)))
    }

    fn serve(files: &[(&str, &[u8])], refusal: Option<(u16, &'static str)>) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port();
        let address = address.to_string();
        let state = State { files: files.collect(), refusal, port, ..State::default() };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if *shared.stopped.lock().unwrap() {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.converse(stream.unwrap()));
            }
        });
        Self { address, state }
    }

    /// Returns the value for HF_ENDPOINT.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the next bodies of `file` go wrong, one fault each.
    pub(crate) fn spoil(&self, file: &str, faults: &[Fault]) {
        self.state.faults.lock().unwrap().insert(file.to_owned(), faults.to_vec());
    }

    /// Returns the requests so far whose line contains `part`.
    pub(crate) fn requests(&self, part: &str) -> Vec<String> {
        let log = self.state.log.lock().unwrap();
        log.iter().filter(|line| line.contains(part)).cloned().collect()
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        *self.state.stopped.lock().unwrap() = true;
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Returns whether the Hub keeps a file as a large one, whose bytes another store serves.
fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors")
}

/// Returns the ETag of a file: a SHA-256 for large ones, git's id of the blob for small ones.
pub(crate) fn etag(path: &str, bytes: &[u8]) -> String {
    let digest = if is_large(path) {
        Sha256::digest(bytes).to_vec()
    } else {
        let mut sha = Sha1::new();
        sha.update(format!("blob {}\0", bytes.len()));
        sha.update(bytes);
        sha.finalize().to_vec()
    };
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl State {
    /// Answers one request after the other until the client or a fault ends the connection.
    fn converse(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read_request(&mut reader) {
            let mut line = format!("{} {}", request.method, request.path);
            line.extend(request.range.map(|start| format!(" from {start}")));
            line.extend(request.token.as_ref().map(|token| format!(" as {token}")));
            self.log.lock().unwrap().push(line);
            if self.answer(&request, &mut stream).is_err() {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn answer(&self, request: &Request, stream: &mut TcpStream) -> std::io::Result<()> {
        if let Some((status, code)) = self.refusal {
            let headers =
                if code.is_empty() { String::new() } else { format!("X-Error-Code: {code}\r\n") };
            return respond(stream, status, &headers, b"");
        }
        let listing = format!("/api/models/{ID}/revision/");
        if let Some(revision) = request.path.strip_prefix(&listing) {
            return self.list(revision, stream);
        }
        let resolve = format!("/{ID}/resolve/{COMMIT}/");
        if let Some(path) = request.path.strip_prefix(&resolve) {
            return self.resolve(request, path, stream);
        }
        if let Some(path) = request.path.strip_prefix("/store/") {
            return self.send(request, path, stream);
        }
        respond(stream, 404, "X-Error-Code: RepoNotFound\r\n", b"")
    }

    /// Returns the address of the store of large files, which is another host to a client.
    fn store(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    fn list(&self, revision: &str, stream: &mut TcpStream) -> std::io::Result<()> {
        if revision != "main" && revision != COMMIT {
            return respond(stream, 404, "X-Error-Code: RevisionNotFound\r\n", b"");
        }
        let names: Vec<String> =
            self.files.keys().map(|name| format!(r#"{{"rfilename":"{name}"}}"#)).collect();
        let body = format!(r#"{{"id":"{ID}","sha":"{COMMIT}","siblings":[{}]}}"#, names.join(","));
        respond(stream, 200, "", body.as_bytes())
    }

    fn resolve(
        &self,
        request: &Request,
        path: &str,
        stream: &mut TcpStream,
    ) -> std::io::Result<()> {
        let Some(bytes) = self.files.get(path) else {
            let headers = format!("X-Error-Code: EntryNotFound\r\nX-Repo-Commit: {COMMIT}\r\n");
            return respond(stream, 404, &headers, b"");
        };
        let etag = etag(path, bytes);
        let size = bytes.len();
        if is_large(path) {
            let headers = format!(
                "X-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {size}\r\n\
                 ETag: \"the-stores-own\"\r\nLocation: {}/store/{path}\r\n",
                self.store()
            );
            return respond(stream, 302, &headers, b"");
        }
        if request.method == "HEAD" {
            let head = format!(
                "HTTP/1.1 200 OK\r\nX-Repo-Commit: {COMMIT}\r\nETag: \"{etag}\"\r\n\
                 Content-Length: {size}\r\n\r\n"
            );
            return stream.write_all(head.as_bytes());
        }
        self.send(request, path, stream)
    }

    fn send(&self, request: &Request, path: &str, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut bytes = self.files[path].clone();
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let of_file = faults.get_mut(path).filter(|faults| !faults.is_empty());
            of_file.map(|faults| faults.remove(0))
        };
        let size = bytes.len();
        let start = match fault {
            Some(Fault::WholeFile) => 0,
            _ => request.range.unwrap_or(0),
        };
        match fault {
            Some(Fault::Silent) => {
                // Reads until the client gives up.
                let _ = stream.read(&mut [0]);
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            Some(Fault::Status(status)) => return respond(stream, status, "", b""),
            Some(Fault::Corrupt) => bytes[size / 2] ^= 1,
            Some(Fault::CutAfter(_) | Fault::WholeFile) | None => {}
        }
        let (status, range) = if start > 0 {
            (206, format!("Content-Range: bytes {start}-{}/{size}\r\n", size - 1))
        } else {
            (200, String::new())
        };
        let body = &bytes[start..];
        let head = format!("HTTP/1.1 {status} X\r\n{range}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        if let Some(Fault::CutAfter(num_bytes)) = fault {
            stream.write_all(&body[..num_bytes])?;
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        stream.write_all(body)
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut range, mut token) = (None, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else {
            return Some(Request { method, path, range, token });
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = value.trim().strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok(),
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
}
