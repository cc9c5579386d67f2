//! The server over real HTTP: a loopback listener on a free port, a real engine, a tiny model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod connections;
mod dialects;
mod docs;
mod drain;
mod embed;
mod endpoints;
mod harness;
mod huggingface;
mod indexes;
mod keys;
mod limits;
mod metrics;
mod models;
mod openai;
mod opensearch;
mod overload;
mod pinecone;
mod readiness;
mod tokens;
