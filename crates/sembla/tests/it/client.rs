//! A client of endpoints, in Hugging Face's words.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{Sembla, Served, agent, fixture_models, folder};
use crate::replicas::LOOK_EVERY;

/// A test that waits for something that never comes fails rather than hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const TEXT: &str = r#"{"inputs": "a"}"#;

/// Starts a server whose clients may name the fixture models by their folder.
pub(crate) fn serve(sembla: &Sembla, args: &[&str]) -> Served {
    let models = fixture_models().display().to_string();
    let first = ["serve", "--port", "0", "--model-dir", &models];
    Served::start(sembla, &[&first[..], args].concat())
}

/// Asks for something as a client with any token does.
pub(crate) fn ask(served: &Served, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    ask_as(served, "hf_any", method, path, body)
}

/// Asks for something with a key.
pub(crate) fn ask_as(
    served: &Served,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", served.address()))
        .header("authorization", format!("Bearer {key}"));
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = request.header("content-type", "application/json").body(body).unwrap();
    let mut response = agent().run(request).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The body of a request for an endpoint of a fixture model.
pub(crate) fn wanted(name: &str, model: &str) -> Value {
    json!({
        "name": name,
        "type": "public",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": "cpu", "instanceType": "intel-icl", "instanceSize": "x1",
            "scaling": {"minReplica": 1, "maxReplica": 1},
        },
        "model": {
            "repository": folder(model),
            "framework": "pytorch",
            "image": {"tei": {"url": "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"}},
        },
    })
}

pub(crate) fn create(served: &Served, wanted: &Value) {
    let (status, answer) = ask(served, "POST", "/v2/endpoint/me", Some(wanted));
    assert!((200..300).contains(&status), "{status} {answer}");
}

/// Returns an endpoint as clients see it.
pub(crate) fn endpoint(served: &Served, name: &str) -> Value {
    let (status, endpoint) = ask(served, "GET", &format!("/v2/endpoint/me/{name}"), None);
    assert_eq!(status, 200, "{endpoint}");
    endpoint
}

pub(crate) fn state(served: &Served, name: &str) -> Value {
    endpoint(served, name)["status"]["state"].clone()
}

/// Waits until an endpoint is in a state.
pub(crate) fn wait_for(served: &Served, name: &str, wanted: &str) {
    wait_until(&format!("{name} is {wanted}"), || state(served, name) == wanted);
}

/// Says that it is over when it is dropped, by a panic too: threads that go on until then would keep a failed test
/// from ending.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn wait_until(what: &str, is_done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < PATIENCE, "not yet: {what}");
        thread::park_timeout(LOOK_EVERY);
    }
}
