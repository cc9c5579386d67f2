//! Runs the built binary as a user does.
#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers with it")]

mod archives;
mod client;
mod command;
mod endpoint_cli;
mod endpoints;
mod fake_hub;
mod faults;
mod hub;
mod indexes;
mod interface;
mod jobs;
mod proxy;
mod replicas;
mod script;
mod security;
mod serving;
mod truss;

/// How often a long test loops: `tests/scale.toml` has the counts for CI and for a soak.
fn count(name: &str) -> u32 {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scale.toml");
    let table: toml::Table = fs_err::read_to_string(path).unwrap().parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a soak sets it for all tests")]
    let scale = std::env::var("SEMBLA_TEST_SCALE").unwrap_or_else(|_| "small".to_owned());
    table[name][&scale].as_integer().unwrap().try_into().unwrap()
}
