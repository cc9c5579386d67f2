//! Model directories from outside: damaged ones, and a real one.
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod damaged;
mod golden;

use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}
