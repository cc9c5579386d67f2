//! The proxy as a process, and clients of it that do one thing each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::command::{Ended, Sembla, signal};

/// A stream inside a tunnel.
pub(super) type Tls = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// A proxy that listens. It is killed when it is dropped.
pub(super) struct Proxied {
    child: Child,
    /// What it printed.
    pub(super) lines: Vec<String>,
    /// The one certificate that its clients trust.
    pub(super) trusted: CertificateDer<'static>,
    stderr: BufReader<ChildStderr>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The words behind the status.
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

// A test that waits for something that never comes fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(60);

impl Proxied {
    /// Starts a proxy to the server at `url` on a free port.
    pub(super) fn start(sembla: &Sembla, url: &str, args: &[&str]) -> Self {
        Self::start_with(sembla, url, &[&["--listen", "127.0.0.1:0"], args].concat())
    }

    /// Starts a proxy to the server at `url` where the arguments say.
    pub(super) fn start_with(sembla: &Sembla, url: &str, args: &[&str]) -> Self {
        Self::spawn(sembla, &[&["proxy", "--server", url], args].concat())
    }

    /// Starts a proxy that finds its server by itself.
    pub(super) fn start_alone(sembla: &Sembla) -> Self {
        Self::spawn(sembla, &["proxy", "--listen", "127.0.0.1:0"])
    }

    fn spawn(sembla: &Sembla, args: &[&str]) -> Self {
        let mut command = sembla.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let lines = stdout.lines().take(3).map(Result::unwrap).collect::<Vec<_>>();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        if lines.len() < 3 {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            panic!("the proxy ended: {log}");
        }
        // Now, since the home of a test may be gone later.
        let trusted = CertificateDer::from_pem_file(file_in(&lines[1])).unwrap();
        Self { child, lines, trusted, stderr }
    }

    /// Returns host and port.
    pub(super) fn address(&self) -> &str {
        self.lines[0].strip_prefix("export HTTPS_PROXY=http://").unwrap()
    }

    /// Returns the file that clients are told to trust.
    pub(super) fn certificate(&self) -> PathBuf {
        file_in(&self.lines[1])
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Connects without a word.
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request outside a tunnel.
    pub(super) fn ask(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(&mut BufReader::new(stream))
    }

    /// Opens a tunnel, shakes hands as `host` and trusts nothing but the authority of the proxy.
    pub(super) fn tunnel(&self, host: &str) -> Tls {
        self.handshake(host, host).unwrap()
    }

    /// Opens a tunnel to `host` and shakes hands as `name`.
    pub(super) fn handshake(&self, host: &str, name: &str) -> std::io::Result<Tls> {
        let mut stream = self.connect();
        let request = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let answer = read_answer(&mut reader);
        assert_eq!(answer.status, 200, "{answer:?}");
        let name = name.to_owned().try_into().unwrap();
        let client = ClientConnection::new(self.trusting(), name).unwrap();
        let mut stream = StreamOwned::new(client, reader.into_inner());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(BufReader::new(stream))
    }

    fn trusting(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Reads logs until one has `text`.
    pub(super) fn read_until(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "the proxy ended");
        }
    }

    /// Asks the proxy to stop.
    pub(super) fn ask_to_stop(&self) {
        signal(self.child.id(), Signal::TERM);
    }

    /// Asks the proxy to stop and waits for its end. `stderr` is what was not read before.
    pub(super) fn stop(mut self) -> Ended {
        self.ask_to_stop();
        self.wait()
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> Ended {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ended { code, stdout: self.lines.join("\n"), stderr }
    }
}

fn file_in(line: &str) -> PathBuf {
    let file = line.split("SSL_CERT_FILE=").nth(1).unwrap();
    PathBuf::from(file.split(' ').next().unwrap())
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the text of an error of the proxy, which stands where clients of Hugging Face look for it.
    pub(super) fn error(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }

    /// Returns the text of an error of the proxy, which stands where clients of OpenAI and Pinecone look for it.
    pub(super) fn error_message(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// Sends a request inside a tunnel and reads the answer.
pub(super) fn ask_in(tunnel: &mut Tls, request: &str) -> Answer {
    tunnel.get_mut().write_all(request.as_bytes()).unwrap();
    read_answer(tunnel)
}

/// Writes a POST of JSON.
pub(super) fn post(host: &str, path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer a-token\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads the beginning of an answer: status, reason, headers with names in lower case.
pub(super) fn read_head(reader: &mut impl BufRead) -> Answer {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.trim_end().splitn(3, ' ').skip(1);
    let status = words.next().unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
    let reason = words.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Answer { status, reason, headers, body: String::new() }
}

/// Reads an answer whose length is said, or that has chunks.
pub(super) fn read_answer(reader: &mut impl BufRead) -> Answer {
    let mut answer = read_head(reader);
    let mut body = Vec::new();
    if let Some(length) = answer.header("content-length") {
        body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
    } else if answer.header("transfer-encoding").is_some() {
        body = read_chunks(reader);
    }
    answer.body = String::from_utf8(body).unwrap();
    answer
}

/// Reads a body in chunks.
pub(super) fn read_chunks(reader: &mut impl BufRead) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let begin = body.len();
        // With the line end behind it.
        body.resize(begin + length + 2, 0);
        reader.read_exact(&mut body[begin..]).unwrap();
        body.truncate(begin + length);
        if length == 0 {
            return body;
        }
    }
}
