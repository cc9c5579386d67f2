//! Many callers, one model: bounded queue, token-budget batches, workers.
//!
//! A request is admitted or refused at once (`queue.rs`); its inputs are tokenized in pieces and wait
//! as sequences; `batcher.rs` decides, purely, which of them go into the next forward pass; the
//! workers of the one [`Pool`] in a process (`worker.rs`) tokenize and compute; each caller gets its
//! own results through [`Pending`].
//!
//! Knows no HTTP, no endpoint names and no retries.

mod batcher;
mod config;
mod engine;
mod error;
mod pass;
mod pending;
mod queue;
mod request;
mod worker;

pub use config::EngineConfig;
pub use engine::Engine;
pub use error::{EmbedError, InputError};
pub use pending::Pending;
pub use queue::Load;
pub use request::{
    Embedded, Input, Normalize, Output, Prompt, Request, Response, Timing, Truncation,
};
pub use worker::Pool;
