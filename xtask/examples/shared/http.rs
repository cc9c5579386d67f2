//! A started `sembla serve`, and requests to it over connections that are kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// The server, which ends with this.
pub(crate) struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts the server on a free port, with a data directory of its own, and waits for its address.
    pub(crate) fn start(binary: &Path, data_dir: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(binary)
            .args(["serve", "--port", "0", "--host", "127.0.0.1", "--data-dir"])
            .arg(data_dir)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", binary.display()))?;
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut server = Self { process, address: String::new() };
        for line in output.lines() {
            let line = line?;
            if let Some((_, address)) = line.split_once("http://") {
                let end = address.find(|c: char| c.is_whitespace() || c == '/');
                server.address = address[..end.unwrap_or(address.len())].to_owned();
                return Ok(server);
            }
        }
        anyhow::bail!("the server ended before it said its address")
    }

    /// Returns how much memory it has resident, without its replicas, in megabytes.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        let bytes = resident(self.process.id(), "VmRSS:").context("the server has ended")?;
        Ok(bytes / 1e6)
    }

    /// Connects to it.
    pub(crate) fn connect(&self) -> anyhow::Result<Connection<TcpStream>> {
        let stream = TcpStream::connect(&self.address).context("failed to reach the server")?;
        stream.set_nodelay(true)?;
        Ok(Connection::new(stream))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns how much memory of a kind a process has resident, in bytes.
pub(crate) fn resident(process: u32, kind: &str) -> anyhow::Result<f64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(kind));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no such line in the process's status")?.parse::<f64>()? * 1024.0)
}

/// A connection that is kept.
pub(crate) struct Connection<S> {
    stream: BufReader<S>,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Posts JSON, and waits for an answer, which must be a success.
    pub(crate) fn post(&mut self, path: &str, json: &str) -> anyhow::Result<Vec<u8>> {
        self.ask("POST", path, json)
    }

    /// Sends a request, and waits for an answer, which must be a success.
    pub(crate) fn ask(&mut self, method: &str, path: &str, json: &str) -> anyhow::Result<Vec<u8>> {
        // At once, as most clients do, so that the other side is woken once.
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Api-Key: none\r\nContent-Length: {}\r\n\r\n{json}",
            json.len(),
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let mut num_bytes = 0;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(length) = line.strip_prefix("content-length:") {
                num_bytes = length.trim().parse()?;
            }
        }
        let mut answer = vec![0; num_bytes];
        self.stream.read_exact(&mut answer)?;
        let is_success = status.split(' ').nth(1).is_some_and(|code| code.starts_with('2'));
        ensure!(is_success, "{path}: {status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
