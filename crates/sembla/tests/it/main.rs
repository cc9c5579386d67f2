//! Runs the built binary as a user does.
#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers with it")]

mod command;
mod endpoint_cli;
mod endpoints;
mod fake_hub;
mod hub;
mod indexes;
mod interface;
mod jobs;
mod proxy;
mod replicas;
mod script;
mod serving;
