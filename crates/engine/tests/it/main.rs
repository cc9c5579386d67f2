//! The engine from outside, on the tiny models.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod batches;
mod bounds;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use engine::{Engine, EngineConfig, Input, Normalize, Output, Pool, Prompt, Request, Truncation};
use model::LoadOptions;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models").join(name)
}

/// How often a long test loops: `tests/scale.toml` has the counts for CI and for a soak.
fn count(name: &str) -> u32 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scale.toml");
    let table: toml::Table = fs_err::read_to_string(path).unwrap().parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a soak sets it for all tests")]
    let scale = std::env::var("SEMBLA_TEST_SCALE").unwrap_or_else(|_| "small".to_owned());
    table[name][&scale].as_integer().unwrap().try_into().unwrap()
}

fn pool(num_threads: usize) -> Pool {
    Pool::start(NonZeroUsize::new(num_threads).unwrap())
}

fn engine(pool: &Pool, model: &str, config: EngineConfig) -> Engine {
    Engine::start(model::load(&fixture(model), &LoadOptions::default()).unwrap(), pool, config)
}

fn request<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Request {
    Request {
        inputs: texts.into_iter().map(|text| Input::Text(text.into())).collect(),
        prompt: Prompt::Default,
        truncation: Truncation::Right,
        output: Output::Dense { normalize: Normalize::Always, dimensions: None },
    }
}
