//! A control plane that serves, and what tests ask of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use endpoints::{Amount, Control, ControlConfig, ControlError, Limits, PriceTable, SystemClock};
use serde_json::{Value, json};
use server::{App, ControlPlane, ControlPlaneSettings, Metrics, ModelRule, ServerConfig};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::runtime::TestRuntime;
use crate::harness::{Reply, TestServer, config, no_indexes, request};

pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) runtime: TestRuntime,
    pub(super) control: Control,
    /// What requests are sent with.
    pub(super) key: Option<String>,
    // Dropped with this, and the reconciler with it.
    _reconciler: JoinSet<Result<(), ControlError>>,
    _folder: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(super) async fn with(config: ServerConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = TestRuntime::default();
        let control = ControlConfig {
            path: folder.path().join("control.sqlite"),
            limits: limits(),
            prices: PriceTable::new(
                BTreeMap::from([("nvidia-a10g/x1".to_owned(), Amount::from_cents(130))]),
                Amount::ZERO,
            ),
            memory_budget_bytes: None,
        };
        let clock = Arc::new(SystemClock::start());
        let opened = Control::open(control, Arc::new(runtime.clone()), clock);
        let (control, reconciler) = opened.unwrap();
        let settings = ControlPlaneSettings {
            default_namespace: "me".to_owned(),
            hold_limit: Duration::from_secs(60),
            models: ModelRule::new(|_| Ok(())),
        };
        let plane = ControlPlane::new(control.clone(), settings);
        let metrics = Metrics::detached().unwrap();
        let app = App::new(config, Vec::new(), no_indexes(), Some(plane), metrics);
        let (app, _) = app.unwrap();
        let server = TestServer::run(app, Duration::from_secs(60)).await;
        let mut running = JoinSet::new();
        running.spawn(reconciler.run(std::future::pending()));
        Self { server, runtime, control, key: None, _reconciler: running, _folder: folder }
    }

    /// Sends a request with this world's key.
    pub(super) async fn call(&self, method: Method, path: &str, body: &Value) -> Reply {
        self.server.send(self.request(method, path, body)).await
    }

    pub(super) fn request(&self, method: Method, path: &str, body: &Value) -> Request<Body> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = request(method, path, body);
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json".parse().unwrap());
        if let Some(key) = &self.key {
            headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        request
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, body).await
    }

    /// Posts JSON and returns the JSON of an answer that is a success.
    pub(super) async fn post_ok(&self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, body).await;
        assert!(reply.status.is_success(), "{}", reply.line());
        reply.json()
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, body).await
    }

    /// Creates an endpoint of the namespace `me` and waits until it runs.
    pub(super) async fn deploy(&self, name: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut sent = wanted(name);
        change(&mut sent);
        self.post_ok("/v2/endpoint/me", &sent).await;
        self.until(name, "running").await
    }

    /// Waits until an endpoint of the namespace `me` is in a state.
    pub(super) async fn until(&self, name: &str, state: &str) -> Value {
        self.until_shown(name, |shown| shown["status"]["state"] == state).await
    }

    pub(super) async fn until_shown(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut watched = self.control.watch("me", name).unwrap();
        let waiting = async {
            loop {
                let shown = self.get(&format!("/v2/endpoint/me/{name}")).await.json();
                if is_so(&shown) {
                    return shown;
                }
                watched.changed().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        match waited {
            Ok(shown) => shown,
            Err(_) => panic!("it never came: {:?}", self.control.get("me", name)),
        }
    }
}

/// What huggingface_hub 2.4.0 sends for an endpoint.
pub(super) fn wanted(name: &str) -> Value {
    json!({
        "compute": {"accelerator": "gpu", "instanceSize": "x1", "instanceType": "nvidia-a10g",
            "scaling": {"maxReplica": 1, "minReplica": 1, "scaleToZeroTimeout": null}},
        "model": {"framework": "pytorch", "repository": "a/b", "revision": "7302",
            "image": {"custom": {"health_route": "/healthy", "env": {"MAX_BATCH_TOKENS": "10240"},
                "url": "ghcr.io/huggingface/text-embeddings-inference:0.5.0"}},
            "task": "sentence-embeddings"},
        "name": name,
        "provider": {"region": "us-east-1", "vendor": "aws"},
        "type": "public",
    })
}

fn limits() -> Limits {
    Limits {
        start: Duration::from_secs(600),
        unhealthy: Duration::from_secs(10),
        pending: Duration::from_secs(600),
        compare: Duration::from_secs(60),
        drain: Duration::from_secs(30),
        tokens_per_replica: 16_384,
        latency: None,
        least_cosine: 0.99,
    }
}
