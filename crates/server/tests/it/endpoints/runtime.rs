//! A runtime whose replicas are servers within the test, which can be killed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use endpoints::{
    Address, Drift, EndpointId, ExamineError, Examined, Exit, LaunchId, LogLine, Phase, Replica,
    ReplicaKey, Runtime, RuntimeError, Spec, Start,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

/// Starts replicas within the test. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(super) struct TestRuntime(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
    behaviour: Arc<Behaviour>,
}

#[derive(Default)]
struct State {
    replicas: BTreeMap<ReplicaKey, (Replica, JoinHandle<()>)>,
    launches: u64,
    are_starts_held: bool,
}

/// What all replicas have in common.
pub(super) struct Behaviour {
    /// Requests to `/hang` that have come.
    pub(super) hanging: Notify,
    /// Requests to `/hang` whose client has gone.
    pub(super) dropped: Notify,
    /// Lets the second half of the answers of `/halves` go.
    pub(super) halves: Semaphore,
    /// How many requests to `/die` still kill their replica.
    deaths: Semaphore,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            hanging: Notify::new(),
            dropped: Notify::new(),
            halves: Semaphore::new(0),
            deaths: Semaphore::new(0),
        }
    }
}

impl TestRuntime {
    pub(super) fn behaviour(&self) -> &Behaviour {
        &self.0.behaviour
    }

    /// Lets so many requests to `/die` kill the replicas that they reach.
    pub(super) fn let_die(&self, times: usize) {
        self.0.behaviour.deaths.add_permits(times);
    }

    /// Keeps replicas from becoming ready.
    pub(super) fn hold_starts(&self) {
        self.state().are_starts_held = true;
    }

    /// Lets replicas become ready.
    pub(super) fn release_starts(&self) {
        let mut state = self.state();
        state.are_starts_held = false;
        for (replica, _) in state.replicas.values_mut() {
            if matches!(replica.phase, Phase::Starting { .. }) {
                replica.phase = Phase::Ready;
            }
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Closes every connection of a launch, and its port.
    fn kill(&self, launch: LaunchId) {
        let mut state = self.state();
        for (replica, server) in state.replicas.values_mut() {
            if replica.launch == launch {
                server.abort();
                let exit = Exit { reason: "killed".to_owned(), log_tail: Vec::new() };
                replica.phase = Phase::Exited(exit);
            }
        }
        drop(state);
        self.0.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    async fn accept(self, listener: TcpListener, launch: LaunchId) {
        // Dropped with this, and all connections with it.
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let runtime = self.clone();
            let service = service_fn(move |request| answer(runtime.clone(), launch, request));
            connections
                .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }
}

async fn answer(
    runtime: TestRuntime,
    launch: LaunchId,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let behaviour = Arc::clone(&runtime.0.behaviour);
    match request.uri().path() {
        "/die" if behaviour.deaths.try_acquire().map(|permit| permit.forget()).is_ok() => {
            runtime.kill(launch);
            std::future::pending().await
        }
        "/hang" => {
            let _gone = Gone(Arc::clone(&behaviour));
            behaviour.hanging.notify_one();
            std::future::pending().await
        }
        "/halves" => Ok(Response::new(halves(behaviour))),
        "/missing" => Ok(Response::builder().status(404).body(Body::from("no")).unwrap()),
        _ => Ok(match request.headers().get("x-answer-with") {
            Some(status) => Response::builder()
                .status(status.to_str().unwrap())
                .body(Body::from(r#"{"error":"no"}"#))
                .unwrap(),
            None => echo(launch, request).await,
        }),
    }
}

struct Gone(Arc<Behaviour>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

// Says what came.
async fn echo(launch: LaunchId, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let echoed = json!({
        "launch": launch.0,
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "authorization": header("authorization"),
        "answers": header("x-sembla-answers"),
        "length": header("content-length"),
        "content_type": header("content-type"),
        "connection": header("connection"),
        "num_bytes": body.collect().await.unwrap().to_bytes().len(),
    });
    let response = Response::builder()
        .header("x-compute-tokens", "7")
        .header("x-mine", "kept")
        .header("access-control-allow-origin", "https://replica.example")
        .header("keep-alive", "timeout=60");
    response.body(Body::from(echoed.to_string())).unwrap()
}

// The second half comes when the test has seen the first.
fn halves(behaviour: Arc<Behaviour>) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        sender.send(Bytes::from_static(b"first")).await.unwrap();
        behaviour.halves.acquire().await.unwrap().forget();
        let _ = sender.send(Bytes::from_static(b"second")).await;
    });
    Body::new(Received(receiver))
}

struct Received(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(http_body::Frame::data(chunk))))
    }
}

#[async_trait::async_trait]
impl Runtime for TestRuntime {
    async fn examine(&self, spec: &Spec) -> Result<Examined, ExamineError> {
        if spec.source().starts_with("missing/") {
            let source_name = spec.source().to_owned();
            let reason = "there is no such repository".to_owned();
            return Err(ExamineError::Model { source_name, reason });
        }
        Ok(Examined::default())
    }

    async fn list(&self) -> Result<Vec<Replica>, RuntimeError> {
        Ok(self.state().replicas.values().map(|(replica, _)| replica.clone()).collect())
    }

    async fn start(&self, start: Start) -> Result<(), RuntimeError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Some(Address::Tcp(listener.local_addr().unwrap()));
        let (key, mut state) = (start.key, self.state());
        let has_ended = |replica: &Replica| matches!(replica.phase, Phase::Exited(_));
        if state.replicas.get(&key).is_some_and(|(replica, _)| !has_ended(replica)) {
            return Ok(());
        }
        state.launches += 1;
        let launch = LaunchId(state.launches);
        let crashes = start.spec.source().starts_with("broken/");
        let exit = Exit { reason: "exit status 1".to_owned(), log_tail: vec!["no weights".into()] };
        let phase = match (crashes, state.are_starts_held) {
            (true, _) => Phase::Exited(exit),
            (false, true) => Phase::Starting { doing: "loading weights".to_owned() },
            (false, false) => Phase::Ready,
        };
        let server = tokio::spawn(self.clone().accept(listener, launch));
        let replica = Replica { key, launch, phase, address, memory_bytes: None };
        state.replicas.insert(key, (replica, server));
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    async fn stop(&self, replica: ReplicaKey, _: Duration) -> Result<(), RuntimeError> {
        if let Some((_, server)) = self.state().replicas.remove(&replica) {
            server.abort();
        }
        self.0.changed.notify_one();
        Ok(())
    }

    async fn probe(&self, _: ReplicaKey) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn compare(&self, _: ReplicaKey, _: ReplicaKey) -> Result<Drift, RuntimeError> {
        Ok(Drift { cosine: Some(1.0), live_dimensions: 32, next_dimensions: 32 })
    }

    async fn logs(&self, endpoint: EndpointId, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        let state = self.state();
        let of_endpoint = state.replicas.keys().filter(|key| key.endpoint == endpoint);
        let lines = of_endpoint.flat_map(|key| {
            ["loading weights", "ready"].map(|text| LogLine {
                generation: key.generation,
                ordinal: key.ordinal,
                text: text.to_owned(),
            })
        });
        let mut lines: Vec<LogLine> = lines.collect();
        lines.drain(..lines.len().saturating_sub(limit));
        Ok(lines)
    }

    async fn changed(&self) {
        self.0.changed.notified().await;
    }
}
