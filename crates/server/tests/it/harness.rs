//! A server for one test, and a client that hides nothing.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use engine::{Engine, EngineConfig, Pool};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use index::{Checked, MemoryStore};
use serde_json::Value;
use server::{
    AllowedOrigins, App, ConnectionLimits, Drained, Indexes, Metrics, ModelConfig, ModelSlot,
    RootTask, Secret, Server, ServerConfig, TokenIds,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Bounds that no test reaches unless it sets its own.
pub(crate) fn config() -> ServerConfig {
    ServerConfig {
        payload_limit: 32_000_000,
        api_keys: Vec::new(),
        aws_access_keys: Vec::new(),
        cors_allow_origin: AllowedOrigins::Any,
        root_task: RootTask::ByShape,
        openai_token_ids: TokenIds::Refuse,
        public_url: None,
        num_threads: 2,
        connections: ConnectionLimits {
            max_connections: 4096,
            max_header_bytes: 64 * 1024,
            header_read_timeout: Duration::from_secs(60),
            body_read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
        },
    }
}

pub(crate) fn no_indexes() -> Indexes {
    Indexes::None { why: "it was started with --inference-only".to_owned() }
}

/// Indexes in memory, which end with the server.
pub(crate) fn in_memory() -> Indexes {
    Indexes::In(Checked::new(Arc::new(MemoryStore::new())))
}

pub(crate) fn with_keys(keys: &[&str]) -> ServerConfig {
    let api_keys = keys.iter().map(|&key| Secret::from(key.to_owned())).collect();
    ServerConfig { api_keys, ..config() }
}

/// A model of 32 dimensions and 48 tokens, with no prompts.
pub(crate) const TINY: &str = "tiny-bert";
/// A model of 16 dimensions and 32 tokens, with prompts, one of which is the default.
pub(crate) const PROMPTED: &str = "tiny-bert-compact";

pub(crate) fn model(name: &str) -> ModelConfig {
    ModelConfig {
        name: name.to_owned(),
        aliases: vec![format!("fixtures/{name}")],
        model_id: format!("fixtures/{name}"),
        revision: None,
        auto_truncate: true,
    }
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models").join(name)
}

static POOL: LazyLock<Pool> =
    LazyLock::new(|| Pool::start(NonZeroUsize::new(2).expect("two is not zero")));

/// Starts an engine of its own, on the pool that all tests share.
pub(crate) fn engine(name: &str, config: EngineConfig) -> Engine {
    let encoder = model::load(&fixture(name), &model::LoadOptions::default()).unwrap();
    Engine::start(encoder, &POOL, config)
}

static SHARED: LazyLock<[(&str, Engine); 2]> =
    LazyLock::new(|| [TINY, PROMPTED].map(|name| (name, engine(name, EngineConfig::for_tests()))));

fn shared_engine(name: &str) -> Engine {
    let found = SHARED.iter().find(|(of, _)| *of == name);
    found.expect("tests name one of the shared models").1.clone()
}

/// A server that stops when the test is over.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

impl TestServer {
    /// Serves the tiny model.
    pub(crate) async fn start() -> Self {
        Self::with(config(), &[TINY]).await
    }

    /// Serves shared engines of these models.
    pub(crate) async fn with(config: ServerConfig, models: &[&str]) -> Self {
        let configs = models.iter().map(|name| model(name)).collect();
        let (server, slots) = Self::loading(config, configs).await;
        for slot in slots {
            let engine = shared_engine(slot.name());
            slot.ready(engine);
        }
        server
    }

    /// Serves shared engines of these models and keeps indexes.
    pub(crate) async fn keeping(config: ServerConfig, models: &[&str], indexes: Indexes) -> Self {
        let configs = models.iter().map(|name| model(name)).collect();
        let metrics = Metrics::detached().unwrap();
        let (app, slots) = App::new(config, configs, indexes, None, metrics).unwrap();
        for slot in slots {
            let engine = shared_engine(slot.name());
            slot.ready(engine);
        }
        Self::run(app, Duration::from_secs(60)).await
    }

    /// Serves one engine under the name of the tiny model.
    pub(crate) async fn with_engine(config: ServerConfig, engine: Engine) -> Self {
        let (server, slots) = Self::loading(config, vec![model(TINY)]).await;
        for slot in slots {
            slot.ready(engine.clone());
        }
        server
    }

    /// Serves models that are not loaded yet.
    pub(crate) async fn loading(
        config: ServerConfig,
        models: Vec<ModelConfig>,
    ) -> (Self, Vec<ModelSlot>) {
        Self::draining_within(Duration::from_secs(60), config, models).await
    }

    pub(crate) async fn draining_within(
        drain_limit: Duration,
        config: ServerConfig,
        models: Vec<ModelConfig>,
    ) -> (Self, Vec<ModelSlot>) {
        let (app, slots) =
            App::new(config, models, no_indexes(), None, Metrics::detached().unwrap()).unwrap();
        (Self::run(app, drain_limit).await, slots)
    }

    /// Runs a server on a free port.
    pub(crate) async fn run(app: App, drain_limit: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let running = tokio::spawn(Server::new(app).run(listener, shutdown, drain_limit));
        Self { address, stop: Some(stop), running }
    }

    /// Tells the server to drain.
    pub(crate) fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until the server has stopped.
    pub(crate) async fn stopped(self) -> Drained {
        self.running.await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path, "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(request(Method::POST, path, body)).await
    }

    /// Posts JSON and returns the JSON of an answer that is a success.
    pub(crate) async fn post_ok(&self, path: &str, body: Value) -> Value {
        let reply = self.post(path, body.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// Posts a body for the embedding of which it returns the bits.
    pub(crate) async fn embed(&self, body: Value) -> Vec<Vec<u32>> {
        let reply = self.post("/embed", body.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        bits_of(serde_json::from_slice(&reply.body).unwrap())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let connection = self.connect().await;
        Reply::read(exchange(connection, request).await).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are and returns all that comes back until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut connection = self.connect().await;
        connection.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits until a series of `/metrics` has this value.
    pub(crate) async fn until_metric(&self, series: &str, value: f64) {
        let waiting = async { while self.metric(series).await != value {} };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.unwrap_or_else(|_| panic!("waited a minute until {series} is {value}"));
    }

    /// Returns the value of one series of `/metrics`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let page = self.get("/metrics").await.text();
        let line = page.lines().find(|line| line.starts_with(&format!("{series} ")));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

pub(crate) fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.body(body.into()).unwrap()
}

/// Sends a request on a connection; its answer may still be on its way when this returns.
pub(crate) async fn exchange(connection: TcpStream, request: Request<Body>) -> Response<Incoming> {
    let (mut sender, connection) = handshake(TokioIo::new(connection)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|err| panic!("not JSON ({err}): {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Shows the status and the body in one line.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.text())
    }
}

/// Reads a list of embeddings into bits, which compare without tolerance.
pub(crate) fn bits(rows: &Value) -> Vec<Vec<u32>> {
    bits_of(serde_json::from_value(rows.clone()).unwrap())
}

fn bits_of(rows: Vec<Vec<f32>>) -> Vec<Vec<u32>> {
    rows.iter().map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
}

/// Waits until `holds`, in steps that let other tasks run.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| panic!("waited a minute until {what}"));
}
