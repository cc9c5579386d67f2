//! Where a server listens: on a port, or on a socket that the owner of a replica made a folder for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use server::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::cli::outcome::{UsageError, print};
use crate::config::Config;
use crate::short_path::ShortPath;

/// A listener and where it is.
pub(super) struct Listening {
    pub(super) listener: Listener,
    place: Place,
}

enum Place {
    Port(SocketAddr),
    Socket(PathBuf),
}

/// Listens on a socket if there is one, else where the settings say.
///
/// # Errors
///
/// If somebody else listens there, or if anybody could reach what is kept.
pub(super) async fn listen(config: &Config, socket: Option<&Path>) -> anyhow::Result<Listening> {
    if let Some(path) = socket {
        return on_socket(path).with_context(|| format!("failed to listen on {}", path.display()));
    }
    let (host, port) = (config.serve.host.as_str(), config.serve.port);
    let listening = async {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let listening = listening.await;
    let (listener, address) =
        listening.with_context(|| format!("failed to listen on {host}, port {port}"))?;
    refuse_strangers(config, address)?;
    Ok(Listening { listener: listener.into(), place: Place::Port(address) })
}

fn on_socket(path: &Path) -> anyhow::Result<Listening> {
    let listener = UnixListener::bind(ShortPath::of(path)?.path())?;
    Ok(Listening { listener: listener.into(), place: Place::Socket(path.to_owned()) })
}

/// What is kept is not for everybody: whoever reaches a server without a key may do anything.
fn refuse_strangers(config: &Config, address: SocketAddr) -> Result<(), UsageError> {
    let is_open = config.serve.api_keys.is_empty() && !address.ip().is_loopback();
    if !is_open {
        return Ok(());
    }
    if config.indexes.inference_only {
        tracing::warn!(%address, "no api_key is set and others can reach this address");
        return Ok(());
    }
    Err(UsageError(format!(
        "others can reach {address} and no key is set: set one with --api-key, listen on 127.0.0.1, or \
         serve models alone to everybody with --inference-only"
    )))
}

impl Listening {
    /// Says where, for scripts, which may have asked for port 0, and for the owner of a replica.
    pub(super) fn announce(&self) {
        let place = match &self.place {
            Place::Port(address) => format!("http://{address}"),
            Place::Socket(path) => path.display().to_string(),
        };
        // That nobody reads it is no reason to stop.
        let _ = print(&format!("listening on {place}"));
    }
}
