//! A control plane with one endpoint, and the ways to it.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::http::{Connection, Server};
use crate::relay;

/// Where control planes keep the sockets of their replicas, in the data directory.
const SOCKETS: &str = "run";
/// Where a control plane listens itself, in the data directory.
const SOCKET: &str = "sembla.sock";
/// The endpoint that is asked.
pub(crate) const NAME: &str = "bench";
const LIMIT: Duration = Duration::from_secs(120);

/// The control plane, which ends with this.
pub(crate) struct Served {
    server: Server,
    model: PathBuf,
    data_dir: PathBuf,
}

impl Served {
    /// Starts a control plane, and an endpoint of a model.
    pub(crate) fn start(binary: &Path, model: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        let folder = model.to_str().context("the model's folder is no text")?;
        let server = Server::start(binary, data_dir, &["--model-dir", folder])?;
        let (model, data_dir) = (model.to_owned(), data_dir.to_owned());
        let served = Self { server, model, data_dir };
        let mut control = served.control()?;
        served.create(&mut control, NAME)?;
        wait_for(&mut control, NAME, "running")?;
        Ok(served)
    }

    /// Connects to the control plane and the gateway.
    pub(crate) fn control(&self) -> anyhow::Result<Connection<TcpStream>> {
        self.server.connect()
    }

    /// Connects to the one replica that runs.
    pub(crate) fn replica(&self) -> anyhow::Result<Connection<UnixStream>> {
        Ok(Connection::new(self.socket()?))
    }

    /// Connects to the gateway as to the replica, through a socket.
    pub(crate) fn gateway_socket(&self) -> anyhow::Result<Connection<UnixStream>> {
        Ok(Connection::new(UnixStream::connect(self.data_dir.join(SOCKET))?))
    }

    /// Connects to it through a relay that copies bytes.
    pub(crate) fn relayed(&self) -> anyhow::Result<Connection<TcpStream>> {
        relay::connect(self.socket()?)
    }

    fn socket(&self) -> anyhow::Result<UnixStream> {
        let sockets = self.sockets()?;
        ensure!(sockets.len() == 1, "{} replicas run instead of one", sockets.len());
        Ok(UnixStream::connect(&sockets[0])?)
    }

    /// Waits until no replica is left.
    pub(crate) fn wait_for_sleep(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        while !self.sockets()?.is_empty() {
            ensure!(start.elapsed() < LIMIT, "a replica does not end");
            rest();
        }
        Ok(())
    }

    fn sockets(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs_err::read_dir(self.data_dir.join(SOCKETS))?;
        Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
    }

    /// Creates an endpoint that sleeps when nothing is asked of it.
    pub(crate) fn create(
        &self,
        control: &mut Connection<TcpStream>,
        name: &str,
    ) -> anyhow::Result<()> {
        let wanted = json!({
            "name": name,
            "type": "public",
            "provider": {"vendor": "local", "region": "local"},
            "compute": {
                "accelerator": "cpu", "instanceType": "cpu", "instanceSize": "x1",
                "scaling": {"minReplica": 0, "maxReplica": 1},
            },
            "model": {
                "repository": self.model.display().to_string(),
                "framework": "pytorch",
                "image": {"tei": {"url": "text-embeddings-inference"}},
            },
        });
        control.post("/v2/endpoint/me", &wanted.to_string())?;
        Ok(())
    }

    /// Returns how much memory the control plane alone has resident, in megabytes.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        self.server.resident()
    }
}

/// Waits until an endpoint is in a state.
pub(crate) fn wait_for(
    control: &mut Connection<TcpStream>,
    name: &str,
    state: &str,
) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let answer = control.ask("GET", &format!("/v2/endpoint/me/{name}"), "")?;
        let endpoint: Value = serde_json::from_slice(&answer)?;
        let status = &endpoint["status"];
        if status["state"] == state {
            return Ok(());
        }
        ensure!(start.elapsed() < LIMIT, "{name} is not {state}: {status}");
        rest();
    }
}

/// Rests before a question is asked again.
#[expect(clippy::disallowed_methods, reason = "another process gives no signal")]
fn rest() {
    std::thread::sleep(Duration::from_millis(20));
}
