//! Downloading models: from a Hub that behaves, and from one that does not.

mod access;
mod cache;
mod faults;

use std::path::PathBuf;

use expect_test::Expect;

use crate::command::Sembla;
use crate::fake_hub::{COMMIT, FakeHub, Fault, ID, etag};

const MODULES: &[u8] = br#"[
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
]"#;

fn weights() -> Vec<u8> {
    (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn files(weights: &[u8]) -> Vec<(&'static str, &[u8])> {
    vec![
        ("1_Pooling/config.json", br#"{"pooling_mode_mean_tokens": true}"#),
        ("README.md", b"# tiny"),
        ("config.json", br#"{"model_type": "bert"}"#),
        ("config_sentence_transformers.json", b"{}"),
        ("model.safetensors", weights),
        ("modules.json", MODULES),
        ("onnx/model.onnx", b"for another program"),
        ("tokenizer.json", br#"{"version": "1.0"}"#),
    ]
}

fn start() -> (FakeHub, Sembla) {
    let hub = FakeHub::start(&files(&weights()));
    let sembla = client(&hub);
    (hub, sembla)
}

fn client(hub: &FakeHub) -> Sembla {
    Sembla::new().with_env("HF_ENDPOINT", hub.endpoint())
}

fn repo(sembla: &Sembla) -> PathBuf {
    sembla.hub_cache().join("models--org--tiny")
}

fn blob_of_weights(sembla: &Sembla) -> PathBuf {
    repo(sembla).join("blobs").join(etag("model.safetensors", &weights()))
}

/// Pulls with the given number of retries and prints what the user sees.
#[track_caller]
fn check_pull(hub: &FakeHub, sembla: &Sembla, retries: &str, expected: Expect) {
    let text = sembla.transcript(&["model", "pull", ID, "--hub-retries", retries]);
    expected.assert_eq(&text.replace(&hub.endpoint(), "$HUB"));
}
