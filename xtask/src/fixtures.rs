//! `cargo xtask fixtures`: makes the committed fixtures again, with the versions of the Python reference
//! that `fixtures/requirements.txt` pins.

use crate::steps::Steps;
use crate::workspace;

const SCRIPTS: [&str; 3] =
    ["fixtures/make_models.py", "fixtures/make_golden.py", "fixtures/make_signatures.py"];

/// Runs each script in an environment of its own.
pub(crate) fn run() -> anyhow::Result<()> {
    let python = workspace::python("fixtures", "fixtures/requirements.txt")?;
    let mut steps = Steps::default();
    for script in SCRIPTS {
        let mut command = workspace::command(&python);
        command.arg(script);
        steps.run(script, command)?;
    }
    steps.report();
    println!("`git diff --stat fixtures` shows what came out differently");
    Ok(())
}
