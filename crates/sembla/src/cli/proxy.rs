//! `sembla proxy`: a way in for clients whose hosts are written into their code.

use std::iter;
use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use server::reachable_here;
use tokio::net::TcpListener;

use super::flags::{Flags, Proxy as ProxyFlags};
use super::outcome::{Outcome, UsageError, print};
use super::signals;
use super::start::{Started, start};
use crate::config::{Command, Config, Env};
use crate::machine;
use crate::proxy::{AddressError, Authority, Limits, Proxy, ServerAddress, Servers};

/// Arguments of `sembla proxy`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProxyArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090", value_parser = address)]
    listen: SocketAddr,

    /// The server to pass requests on to; without it the one that `sembla serve` starts with the same settings
    #[arg(long, value_name = "URL")]
    server: Option<String>,

    /// Listen on an address that other machines reach, whose users then reach the server through the proxy
    #[arg(long)]
    open_to_others: bool,

    #[command(flatten)]
    flags: Flags<ProxyFlags>,
}

// Below the data directory.
const FOLDER: &str = "proxy";

// One for the accepting and the small requests while another copies a large body.
const NUM_IO_THREADS: usize = 2;

/// Serves until a signal asks to stop.
pub(crate) fn run(args: &ProxyArgs, env: &Env) -> anyhow::Result<Outcome> {
    if !args.listen.ip().is_loopback() && !args.open_to_others {
        return Err(public_address(args.listen).into());
    }
    let started = start(Command::Proxy, &args.flags.given, env)?;
    let servers = servers(args, &started.config)?;
    let authority = authority(&started.config)?;
    let proxy = Proxy::new(servers.clone(), authority, &limits(&started.config))?;
    machine::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(NUM_IO_THREADS)
        .thread_name("sembla-proxy")
        .enable_all()
        .build()
        .context("failed to start the threads of the proxy")?;
    runtime.block_on(serve(&proxy, args.listen, &servers, &started))
}

async fn serve(
    proxy: &Proxy,
    listen: SocketAddr,
    servers: &Servers,
    started: &Started,
) -> anyhow::Result<Outcome> {
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| {
        format!("failed to listen on {listen}; name another address with --listen")
    })?;
    let address = listener.local_addr().context("failed to ask which address was taken")?;
    let (stop, stopping) = signals::stop()?;
    // That nobody reads it is no reason to stop.
    let _ = print(&exports(address, proxy.certificate(), &servers.sembla));
    announce(address, servers);
    let drained = proxy.run(listener, stopping, started.config.serve.drain_limit).await;
    drop(stop);
    if drained.num_cut_off > 0 {
        tracing::warn!(num_cut_off = drained.num_cut_off, "requests were cut off by drain_limit");
    }
    tracing::info!("stopped");
    Ok(Outcome::Done)
}

fn announce(address: SocketAddr, servers: &Servers) {
    let server = &servers.sembla;
    tracing::info!(%address, %server, "the proxy listens; the lines on stdout are for the shell of its clients");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "other machines can reach this address, and the server through it");
    }
    for server in iter::once(server).chain(&servers.s3) {
        if !server.is_this_machine() {
            tracing::warn!(%server, "requests and their keys go to another machine, unencrypted");
        }
    }
}

fn public_address(listen: SocketAddr) -> UsageError {
    UsageError(format!(
        "{listen} can be reached by other machines, whose users would reach the server through the proxy as if \
         they sat here; listen on 127.0.0.1:{} instead, or say that this is meant with --open-to-others",
        listen.port()
    ))
}

fn servers(args: &ProxyArgs, config: &Config) -> anyhow::Result<Servers> {
    let sembla = match &args.server {
        Some(url) => ServerAddress::parse(url),
        None => ServerAddress::of_settings(&config.serve.host, config.serve.port),
    };
    let sembla = sembla.map_err(|err: AddressError| UsageError(err.to_string()))?;
    let s3 = config.endpoints.s3_endpoint.as_deref().map(ServerAddress::parse).transpose();
    let s3 = s3.map_err(|err| UsageError(format!("the setting `s3_endpoint`: {err}")))?;
    Ok(Servers { sembla, s3 })
}

fn authority(config: &Config) -> anyhow::Result<Authority> {
    let Some(dir) = &config.data_dir else {
        let text = "no folder for the certificate authority: neither HOME nor XDG_DATA_HOME is set; name one \
                    with --data-dir";
        return Err(UsageError(text.to_owned()).into());
    };
    let dir = std::path::absolute(dir).context("failed to find the data directory")?;
    Ok(Authority::open(&dir.join(FOLDER), SystemTime::now())?)
}

fn limits(config: &Config) -> Limits {
    let serve = &config.serve;
    Limits {
        max_connections: serve.max_connections,
        max_header_bytes: serve.max_header_bytes,
        header_read_timeout: serve.header_read_timeout,
        write_timeout: serve.write_timeout,
    }
}

/// Returns the lines to paste into the shell of a client.
fn exports(address: SocketAddr, certificate: &Path, server: &ServerAddress) -> String {
    let file = quoted(&certificate.display().to_string());
    // The server hands out addresses of its own, which are to be reached without the proxy.
    let mut direct = "127.0.0.1,localhost".to_owned();
    if !server.is_this_machine() {
        direct.push_str(&format!(",{}", server.host()));
    }
    format!(
        "export HTTPS_PROXY=http://{}\n\
         export SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file} AWS_CA_BUNDLE={file}\n\
         export NO_PROXY={}",
        reachable_here(address),
        quoted(&direct)
    )
}

/// Quotes a word for a shell, if it needs it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8090".to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(address: &str, certificate: &str, server: &str, expected: Expect) {
        let server = ServerAddress::parse(server).unwrap();
        let lines = exports(address.parse().unwrap(), Path::new(certificate), &server);
        expected.assert_eq(&lines);
    }

    #[test]
    fn the_lines_are_ready_to_paste() {
        check(
            "127.0.0.1:8090",
            "/home/ada/.local/share/sembla/proxy/ca.pem",
            "http://127.0.0.1:8080",
            expect![[r#"
                export HTTPS_PROXY=http://127.0.0.1:8090
                export SSL_CERT_FILE=/home/ada/.local/share/sembla/proxy/ca.pem REQUESTS_CA_BUNDLE=/home/ada/.local/share/sembla/proxy/ca.pem AWS_CA_BUNDLE=/home/ada/.local/share/sembla/proxy/ca.pem
                export NO_PROXY=127.0.0.1,localhost"#]],
        );
    }

    #[test]
    fn odd_folders_are_quoted_and_a_server_elsewhere_is_reached_directly() {
        check(
            "0.0.0.0:1",
            "/it's/a b.pem",
            "http://vectors.example:8080",
            expect![[r#"
                export HTTPS_PROXY=http://127.0.0.1:1
                export SSL_CERT_FILE='/it'\''s/a b.pem' REQUESTS_CA_BUNDLE='/it'\''s/a b.pem' AWS_CA_BUNDLE='/it'\''s/a b.pem'
                export NO_PROXY=127.0.0.1,localhost,vectors.example"#]],
        );
    }
}
