//! A server in this process: just enough HTTP for one vendor's requests, and a record of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

/// What one vendor's server does.
pub(super) trait Vendor: Send + 'static {
    /// Answers a request with a status and a body.
    fn answer(&mut self, call: &Call) -> Result<Json, Refusal>;
}

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: Json,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, body: json!({"error": message.into()}) }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// Names with their values, in the order sent.
    pub(super) query: Vec<(String, String)>,
    /// Names in small letters.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Call {
    pub(super) fn json(&self) -> Json {
        if self.body.is_empty() { Json::Null } else { serde_json::from_str(&self.body).unwrap() }
    }

    /// The parts of the path.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.trim_start_matches('/').split('/').collect()
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }
}

/// Fails unless an object has no other fields than these, as the vendor's schema names them.
pub(super) fn only(json: &Json, allowed: &[&str]) -> Result<(), Refusal> {
    let fields = json.as_object().into_iter().flatten().map(|field| field.0);
    for field in fields {
        if !allowed.contains(&field.as_str()) {
            return Err(Refusal::new(400, format!("unknown field `{field}` in {json}")));
        }
    }
    Ok(())
}

/// A running server. It ends with the process; a test has one or two.
pub(super) struct Fake {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    pub(super) fn start(vendor: impl Vendor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (calls, vendor) = (Arc::new(Mutex::default()), Arc::new(Mutex::new(vendor)));
        let log = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (vendor, log) = (Arc::clone(&vendor), Arc::clone(&log));
                std::thread::spawn(move || serve(&stream, &*vendor, &log));
            }
        });
        Self { port, calls }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, as lines: method, path and query, body.
    pub(super) fn transcript(&self) -> String {
        let calls = self.calls.lock().unwrap();
        let line = |call: &Call| {
            let pairs: Vec<String> = call.query.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let question = if pairs.is_empty() { "" } else { "?" };
            let head = format!("{} {}{question}{}", call.method, call.path, pairs.join("&"));
            if call.body.is_empty() {
                head
            } else {
                format!("{head}\n    {}", call.body.trim_end().replace('\n', "\n    "))
            }
        };
        calls.iter().map(line).collect::<Vec<_>>().join("\n").replace(&self.url(), "http://fake")
    }

    pub(super) fn headers(&self) -> BTreeMap<String, String> {
        self.calls.lock().unwrap().last().unwrap().headers.clone()
    }
}

fn serve<V: Vendor>(stream: &TcpStream, vendor: &Mutex<V>, log: &Mutex<Vec<Call>>) {
    let mut reader = BufReader::new(stream);
    while let Some(call) = read(&mut reader) {
        let answer = vendor.lock().unwrap_or_else(|err| err.into_inner()).answer(&call);
        log.lock().unwrap().push(call);
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status, refusal.body),
        };
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads one request; none if the client is gone.
fn read(reader: &mut impl BufRead) -> Option<Call> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let body = String::from_utf8(body).unwrap();
    Some(Call { method, path: decoded(path), query, headers, body })
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|num| *num > 0)?;
    Some(line.trim_end().to_owned())
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
