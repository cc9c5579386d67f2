//! `cargo xtask ci`: what CI runs, in the order that finds the cheap faults first.

use std::path::Path;
use std::process::Command;

use crate::steps::Steps;
use crate::tidy;
use crate::workspace::{cargo, command, get_model, is_installed, python, root};

/// Which column of `tests/scale.toml` the long tests take their counts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scale {
    /// Minutes, for every change.
    Small,
    /// Hours, before a release.
    Full,
}

impl Scale {
    fn column(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Full => "full",
        }
    }
}

/// Runs every check.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.run("format", cargo(&["fmt", "--all", "--check"]))?;
    steps.time("tidy", "cargo xtask tidy", tidy::run)?;
    let model = steps.time("model", "scripts/get-model", get_model)?;
    steps.run(
        "lints",
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
    )?;
    stores(&mut steps)?;
    steps.run("tests", rust_tests(&model, Scale::Small))?;
    steps.run("examples in documents", cargo(&["test", "--workspace", "--locked", "--doc"]))?;
    steps.run("documents", documents_without_warnings())?;
    deny(&mut steps)?;
    clients(&mut steps, Scale::Small)?;
    examples(&mut steps)?;
    steps.report();
    Ok(())
}

/// Returns the Rust tests: nextest where it is installed, and elsewhere cargo's own runner, which runs
/// the same tests one binary after another.
pub(crate) fn rust_tests(model: &Path, scale: Scale) -> Command {
    let mut tests = if is_installed("nextest") {
        let profile = match scale {
            Scale::Small => "default",
            Scale::Full => "soak",
        };
        cargo(&["nextest", "run", "--workspace", "--locked", "--profile", profile])
    } else {
        println!("cargo-nextest is not installed; cargo's own test runner takes its place");
        cargo(&["test", "--workspace", "--locked", "--lib", "--bins", "--tests", "--examples"])
    };
    tests.env("SEMBLA_TEST_SCALE", scale.column());
    // Where tests of real models find them, unless the person who started this has said so.
    if std::env::var_os("SEMBLA_MODELS").is_none()
        && let Some(models) = model.parent()
    {
        tests.env("SEMBLA_MODELS", models);
    }
    tests
}

/// Makes the environments of the real stores that tests start: PostgreSQL with pgvector and Chroma, which the Rust
/// tests of the index look for under `target/venv`, and one that speaks S3.
pub(crate) fn stores(steps: &mut Steps) -> anyhow::Result<()> {
    for store in ["stores-postgres", "stores-chroma", "stores-s3"] {
        let requirements = format!("clients/{store}.txt");
        steps.time(
            &format!("environment of {store}"),
            &format!("scripts/make-venv {store} {requirements}"),
            || python(store, &requirements),
        )?;
    }
    Ok(())
}

/// Clients that can stand beside each other in one Python environment: its name, and the folder of their
/// tests. Their versions are pinned in `clients/requirements-NAME.txt`.
const CLIENTS: &[(&str, &str)] = &[
    ("2023", "era_2023"),
    ("current", "era_current"),
    ("pinecone-2022", "pinecone_2022"),
    ("pinecone-7", "pinecone_7"),
    ("pinecone-10", "pinecone_10"),
    ("langchain-pinecone", "langchain_pinecone"),
    ("langchain-2023", "opensearch"),
    ("opensearch-3", "opensearch"),
    ("proxy", "proxy"),
    ("endpoints-2024", "endpoints_2024"),
    ("current", "endpoints_current"),
    ("sagemaker", "sagemaker"),
    ("baseten", "baseten"),
    ("langchain-2023", "sagemaker_langchain"),
    ("current", "sagemaker_langchain"),
];

/// Runs the real clients and the tests of the whole server against the binary of the dev profile.
pub(crate) fn clients(steps: &mut Steps, scale: Scale) -> anyhow::Result<()> {
    steps.run("binary", cargo(&["build", "--workspace", "--bins", "--locked"]))?;
    for (name, folder) in CLIENTS {
        let requirements = format!("clients/requirements-{name}.txt");
        let python = steps.time(
            &format!("environment of the clients of {name}"),
            &format!("scripts/make-venv {name} {requirements}"),
            || python(name, &requirements),
        )?;
        let mut tests = command(python);
        tests.args(["-m", "pytest", &format!("clients/{folder}")]);
        tests.env("SEMBLA_TEST_SCALE", scale.column());
        steps.run(&format!("clients of {name}"), tests)?;
    }
    Ok(())
}

/// The tutorials that people come with, each with a script of its own in `examples`.
const EXAMPLES: &[&str] = &[
    "tutorial-0", // Hugging Face's Inference Endpoints
    "tutorial-1", // an endpoint, and Pinecone's index
    "tutorial-2", // Hugging Face's Inference API
    "tutorial-3", // a Truss of Baseten's
    "tutorial-4", // SageMaker, LangChain, and two vector stores
];

/// Runs each tutorial from its first step to its last against the binary of the dev profile.
fn examples(steps: &mut Steps) -> anyhow::Result<()> {
    for name in EXAMPLES {
        let mut run = command(root().join("examples").join(name).join("run.sh"));
        run.env("SEMBLA_BINARY", "target/debug/sembla");
        steps.run(&format!("example {name}"), run)?;
    }
    Ok(())
}

fn documents_without_warnings() -> Command {
    let mut command = cargo(&["doc", "--workspace", "--locked", "--no-deps"]);
    command.arg("--document-private-items").env("RUSTDOCFLAGS", "--deny warnings");
    command
}

/// Checks bans and sources where cargo-deny is installed. Tidy checks the licenses everywhere.
fn deny(steps: &mut Steps) -> anyhow::Result<()> {
    if !is_installed("deny") {
        println!("\ncargo-deny is not installed; bans and sources are not checked");
        return Ok(());
    }
    let check = cargo(&["deny", "--workspace", "check", "licenses", "bans", "sources"]);
    steps.run("dependencies", check)
}
