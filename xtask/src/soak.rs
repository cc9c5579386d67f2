//! `cargo xtask soak`: the long loops at full length, by hand before a release. Hours, not minutes.

use crate::ci::{self, Scale};
use crate::steps::Steps;
use crate::workspace::get_model;

/// Runs the Rust tests and the tests of the whole server with the `full` column of `tests/scale.toml`.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::default();
    ci::stores(&mut steps)?;
    let mut tests = ci::rust_tests(&get_model()?, Scale::Full);
    // Property tests take sixteen times as many cases as by default.
    tests.env("PROPTEST_CASES", "4096");
    steps.run("tests", tests)?;
    ci::clients(&mut steps, Scale::Full)?;
    steps.report();
    Ok(())
}
