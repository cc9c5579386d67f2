//! Where the repository is, and the commands that its tasks are made of.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Returns the root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the root")
}

/// Returns a command that runs in the root of the repository.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Returns cargo, the one that started this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Returns whether cargo has this subcommand.
pub(crate) fn is_installed(subcommand: &str) -> bool {
    cargo(&[subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Returns what a command prints, without the final newline. What it says on stderr is shown as it says it.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` ended with {}", output.status);
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("`{shown}` printed something that is not UTF-8"))?;
    Ok(text.trim_end().to_owned())
}

/// Returns a command as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // The path of a toolchain's cargo says nothing that `cargo` does not.
    let name = if program.is_absolute() && !program.starts_with(root()) {
        program.file_name().unwrap_or(program.as_os_str())
    } else {
        program.strip_prefix(root()).unwrap_or(program).as_os_str()
    };
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the folder that holds the model of the demo and the tests, which is got if it is not there.
pub(crate) fn get_model() -> anyhow::Result<PathBuf> {
    output(&mut command(root().join("scripts/get-model"))).map(PathBuf::from)
}

/// Returns the interpreter of a Python environment, which is made if it is not there.
pub(crate) fn python(name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let mut make = command(root().join("scripts/make-venv"));
    output(make.args([name, requirements])).map(PathBuf::from)
}
