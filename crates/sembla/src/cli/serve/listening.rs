//! Where a server listens: on a port, or on a socket that the owner of a replica made a folder for.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use server::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::cli::outcome::{UsageError, print};
use crate::config::Config;
use crate::short_path::ShortPath;

/// A listener and where it is.
pub(super) struct Listening {
    pub(super) listener: Listener,
    shown: String,
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
    Ok(Listening { listener: listener.into(), shown: format!("http://{address}") })
}

fn on_socket(path: &Path) -> anyhow::Result<Listening> {
    let listener = UnixListener::bind(ShortPath::of(path)?.path())?;
    Ok(Listening { listener: listener.into(), shown: path.display().to_string() })
}

/// What is kept is not for everybody: whoever reaches a server without a key may do anything.
fn refuse_strangers(config: &Config, address: SocketAddr) -> Result<(), UsageError> {
    let serve = &config.serve;
    let has_key = !serve.api_keys.is_empty() || !serve.aws_access_keys.is_empty();
    let is_open = !has_key && !address.ip().is_loopback();
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
        // That nobody reads it is no reason to stop.
        let _ = print(&format!("listening on {}", self.shown));
    }
}
