//! The command line: what there is to say, and who does it.

mod bound;
mod checked;
mod completions;
mod config_show;
mod doctor;
mod download_progress;
mod embed;
mod endpoint;
mod flags;
mod index;
mod indexes;
mod into;
mod model;
mod model_pack;
mod outcome;
mod proxy;
mod search;
mod serve;
mod signals;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Env;
use outcome::{Outcome, conclude};

/// Text in, vectors out, on your own machines.
#[derive(Debug, Parser)]
#[command(
    name = "sembla",
    version,
    about,
    after_help = "Example: sembla serve --model sentence-transformers/all-MiniLM-L6-v2\n\n\
                  Every setting is also a SEMBLA_… variable and a key of a TOML file; see `sembla \
                  config show`.\nExit codes: 0 done, 1 the answer is no, 2 usage, 3 failed.",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve models and indexes over HTTP
    #[command(
        after_help = "Example: sembla serve --model sentence-transformers/all-MiniLM-L6-v2 --port 8080\n\n\
                      Then: curl 127.0.0.1:8080/embed -d '{\"inputs\": \"What is Medicare?\"}'\n\n\
                      Indexes are kept in the data directory, whose one server this is; `sembla index` \
                      works with it. Clients of Pinecone take http://127.0.0.1:8080/pinecone for a host."
    )]
    Serve(serve::ServeArgs),

    /// Let clients with hard-coded hosts reach this machine's server
    #[command(after_help = "Example: sembla proxy --server http://127.0.0.1:8080\n\n\
                      Paste the three lines that it prints into the shell of a client, which then finds here what \
                      it asks of api.openai.com, Hugging Face or Pinecone; docs/proxy.md has the hosts.")]
    Proxy(proxy::ProxyArgs),

    /// Embed a column of a dataset, into a folder or an index
    #[command(after_help = "Example: sembla embed questions.csv --column question \
                      --model sentence-transformers/all-MiniLM-L6-v2 --output questions-embedded\n\n\
                      Or into an index, with the model of the index: sembla embed questions.csv \
                      --column question --to faq")]
    Embed(embed::EmbedArgs),

    /// Search an index, or the folder of an embedded dataset
    #[command(
        after_help = "Example: sembla search faq \"How can Medicare help me?\" --top-k 5 --filter '{\"lang\": \"en\"}'\n\n\
                      Or in a folder: sembla search questions-embedded \"How can Medicare help me?\""
    )]
    Search(search::SearchArgs),

    /// Create, fill, show, copy and measure indexes of vectors
    #[command(
        subcommand,
        after_help = "Example: sembla index create faq --model sentence-transformers/all-MiniLM-L6-v2\n\n\
                      Then: sembla embed questions.csv --column question --to faq\n\
                      And:  sembla search faq \"How can Medicare help me?\""
    )]
    Index(index::IndexCommand),

    /// Create, watch, scale, pause and delete endpoints of a running server
    #[command(
        subcommand,
        after_help = "Example: sembla endpoint create minilm --model \
                      sentence-transformers/all-MiniLM-L6-v2 --wait\n\n\
                      They ask the server that runs on the data directory, `sembla serve`; it starts \
                      and stops the processes that answer. docs/endpoints.md has more."
    )]
    Endpoint(Box<endpoint::EndpointCommand>),

    /// Download, list and check models
    #[command(subcommand)]
    Model(model::ModelCommand),

    /// Say what this machine offers, what would be used of it, and why
    #[command(after_help = "Example: sembla doctor --model ./all-MiniLM-L6-v2 --measure")]
    Doctor(doctor::DoctorArgs),

    /// Show the settings that are in force
    #[command(subcommand)]
    Config(config_show::ConfigCommand),

    /// Print the completion script of a shell
    #[command(after_help = "Example: sembla completions bash > /etc/bash_completion.d/sembla")]
    Completions(completions::CompletionsArgs),
}

/// Runs the command that the arguments name.
pub(crate) fn run(args: impl Iterator<Item = std::ffi::OsString>, env: &Env) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // Prints help to stdout and mistakes to stderr, and knows which of the two it is.
        Err(err) => {
            let _ = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(2));
        }
    };
    conclude(signals::outlive_file_size_limit().and_then(|()| execute(&cli.command, env)))
}

fn execute(command: &Command, env: &Env) -> anyhow::Result<Outcome> {
    match command {
        Command::Serve(args) => serve::run(args, env),
        Command::Proxy(args) => proxy::run(args, env),
        Command::Embed(args) => embed::run(args, env),
        Command::Search(args) => search::run(args, env),
        Command::Index(command) => index::run(command, env),
        Command::Endpoint(command) => endpoint::run(command, env),
        Command::Doctor(args) => doctor::run(args, env),
        Command::Model(command) => model::run(command, env),
        Command::Config(command) => config_show::run(command, env),
        Command::Completions(args) => completions::run(args),
    }
}
