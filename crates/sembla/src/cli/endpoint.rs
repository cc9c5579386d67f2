//! `sembla endpoint …`: endpoints of the running server, made, watched, changed and paid for.

mod change;
mod cost;
mod create;
mod delete;
mod fields;
mod import;
mod logs;
mod plane;
mod scaling;
mod show;
mod usage;
mod wait;
mod wanted;

use clap::Subcommand;

use super::outcome::Outcome;
use crate::config::Env;

/// What `sembla endpoint` does.
#[derive(Debug, Subcommand)]
pub(crate) enum EndpointCommand {
    /// Create an endpoint, which begins to start its replicas
    #[command(after_help = "Example: sembla endpoint create minilm --model \
                      sentence-transformers/all-MiniLM-L6-v2 --wait\n\n\
                      What it would cost, without creating it: --dry-run.\n\
                      Then: curl \"$(sembla endpoint show minilm --json | jq -r .status.url)\" \
                      -H 'content-type: application/json' -d '{\"inputs\": \"What is Medicare?\"}'")]
    Create(create::CreateArgs),

    /// Create an endpoint of a Truss, the config.yaml of Baseten's
    #[command(
        after_help = "Example: sembla endpoint import text-embeddings-inference/config.yaml --wait\n\n\
                      First, with no server: sembla endpoint import config.yaml --dry-run\n\n\
                      Of a Truss whose server is text-embeddings-inference. What has no meaning here is \
                      listed; docs/endpoints.md says what has."
    )]
    Import(import::ImportArgs),

    /// List endpoints with their states, replicas and costs
    #[command(after_help = "Example: sembla endpoint list --json")]
    List(show::ListArgs),

    /// Show what an endpoint is, how it is and why
    #[command(after_help = "Example: sembla endpoint show minilm")]
    Show(show::ShowArgs),

    /// Wait until an endpoint runs
    #[command(after_help = "Example: sembla endpoint wait minilm --timeout 300\n\n\
                      Exits with 1 and the reason if it is paused, sleeps or has failed, or if the time \
                      is over.")]
    Wait(wait::WaitArgs),

    /// Print what the replicas of an endpoint wrote
    #[command(after_help = "Example: sembla endpoint logs minilm --tail 50")]
    Logs(logs::LogsArgs),

    /// Stop an endpoint until somebody resumes it; its requests are refused
    #[command(after_help = "Example: sembla endpoint pause minilm")]
    Pause(change::PauseArgs),

    /// Start an endpoint that is paused, sleeps or has failed
    #[command(after_help = "Example: sembla endpoint resume minilm --wait")]
    Resume(change::ResumeArgs),

    /// Change how many replicas an endpoint has, without restarting any
    #[command(
        after_help = "Example: sembla endpoint scale minilm --min 0 --max 2 --to-zero-after 15\n\n\
                      Or now, until the next request: sembla endpoint scale minilm --to-zero"
    )]
    Scale(change::ScaleArgs),

    /// Change what is given of an endpoint, and nothing else
    #[command(after_help = "Example: sembla endpoint update minilm --revision main --wait\n\n\
                      Another model, image or variable needs new replicas: the old ones answer until \
                      those are ready.")]
    Update(change::UpdateArgs),

    /// Delete an endpoint
    #[command(after_help = "Example: sembla endpoint delete minilm --yes\n\n\
                      Its replicas finish what they have. What it cost stays known.")]
    Delete(delete::DeleteArgs),

    /// Show what endpoints cost, and their sum
    #[command(after_help = "Example: sembla endpoint cost\n\n\
                      Of one that was deleted: sembla endpoint cost minilm")]
    Cost(cost::CostArgs),
}

/// Runs one of them.
pub(crate) fn run(command: &EndpointCommand, env: &Env) -> anyhow::Result<Outcome> {
    match command {
        EndpointCommand::Create(args) => create::run(args, env),
        EndpointCommand::Import(args) => import::run(args, env),
        EndpointCommand::List(args) => show::list(args, env),
        EndpointCommand::Show(args) => show::run(args, env),
        EndpointCommand::Wait(args) => wait::run(args, env),
        EndpointCommand::Logs(args) => logs::run(args, env),
        EndpointCommand::Pause(args) => change::pause(args, env),
        EndpointCommand::Resume(args) => change::resume(args, env),
        EndpointCommand::Scale(args) => change::scale(args, env),
        EndpointCommand::Update(args) => change::update(args, env),
        EndpointCommand::Delete(args) => delete::run(args, env),
        EndpointCommand::Cost(args) => cost::run(args, env),
    }
}
