//! `sembla serve`: models, indexes and endpoints behind HTTP.
//!
//! The listener is bound first, so that probes get an answer while models are downloaded and
//! loaded. Serving has a few threads of its own that wait rather than compute; the compute threads
//! are the engines' pool.

mod control_plane;
mod listening;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use engine::{Engine, Pool};
use server::{
    AllowedOrigins, App, AppError, ConnectionLimits, Indexes, Metrics, ModelSlot, Server,
    ServerConfig, TokenIds,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::listening::Listening;
use super::flags::{Flags, Serve};
use super::outcome::{Outcome, UsageError};
use super::signals;
use super::start::{Started, bring, start};
use crate::config::{Command, Config, Env, RootTask, Secret};
use crate::machine;
use crate::models::Freshness;
use crate::models::reference::ModelRef;
use crate::owner::{self, Served};
use crate::replicas;

/// Arguments of `sembla serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    flags: Flags<Serve>,

    /// End when standard input, a pipe to the process that started this one, is closed
    #[arg(long, hide = true)]
    exit_with_owner: bool,

    /// Listen on this socket in place of a port
    #[arg(long, hide = true, value_name = "PATH")]
    socket: Option<PathBuf>,
}

// Enough that a large body on one connection does not keep health from answering on another. What
// computes does so elsewhere.
const NUM_IO_THREADS: usize = 2;

/// Serves until a signal asks to stop.
pub(crate) fn run(args: &ServeArgs, env: &Env) -> anyhow::Result<Outcome> {
    let started = Arc::new(start(Command::Serve, &args.flags.given, env)?);
    let references = references(&started.config, args.exit_with_owner)?;
    machine::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(NUM_IO_THREADS)
        .thread_name("sembla-io")
        .enable_all()
        .build()
        .context("failed to start the threads that serve")?;
    let pool = Arc::new(Pool::start(started.threads.count));
    let served = runtime.block_on(async {
        if args.exit_with_owner {
            replicas::exit_with_owner()?;
        }
        let listening = listening::listen(&started.config, args.socket.as_deref()).await?;
        serve(&started, listening, &references, &pool, env).await
    });
    // A model that is still being loaded is not waited for.
    runtime.shutdown_background();
    served
}

/// Reads which models are given. An owner of a replica says so without regard to where it works.
fn references(config: &Config, has_owner: bool) -> anyhow::Result<Vec<ModelRef>> {
    let parse = if has_owner { ModelRef::parse_anywhere } else { ModelRef::parse };
    let revision = config.models.revision.as_deref();
    let models = config.models.models.iter();
    let references = models.map(|model| parse(model)?.with_revision(revision));
    Ok(references.collect::<Result<Vec<_>, _>>()?)
}

async fn serve(
    started: &Arc<Started>,
    listening: Listening,
    references: &[ModelRef],
    pool: &Arc<Pool>,
    env: &Env,
) -> anyhow::Result<Outcome> {
    let config = &started.config;
    let Served { indexes, local, closing } = open_indexes(started).await?;
    let (control, mut running) = match &indexes {
        // Who may not keep indexes may not keep endpoints, for the same reason.
        Indexes::None { why } => control_plane::none(why),
        Indexes::In(_) | Indexes::Embedded { .. } => control_plane::open(started, env).await?,
    };
    let models = references.iter().map(|reference| model_config(reference, config)).collect();
    let metrics = Metrics::install()?;
    let (app, slots) =
        App::new(server_config(started), models, indexes, control, metrics).map_err(refused)?;
    let (stop, stopping) = signals::stop()?;
    listening.announce();

    let (load_failed, failure) = oneshot::channel();
    let loading = Loading {
        started: Arc::clone(started),
        pool: Arc::clone(pool),
        models: references.iter().cloned().zip(slots).collect(),
    };
    let loader = tokio::task::spawn_blocking(move || {
        if let Err(err) = loading.run() {
            // Nobody listens once the server stops for another reason.
            let _ = load_failed.send(err);
        }
    });
    let mut failed = None;
    let mut asked = None;
    let shutdown = async {
        tokio::select! {
            () = stopping => {}
            Ok(err) = failure => failed = Some(err),
            err = running.broken() => failed = Some(err),
        }
        asked = Some(Instant::now());
    };
    let server = local.into_iter().fold(Server::new(app), Server::with_local);
    let drained = server.run(listening.listener, shutdown, config.serve.drain_limit).await;
    loader.abort();
    // Replicas have what the requests left of the limit: it is one for all.
    running.close(asked.unwrap_or_else(Instant::now) + config.serve.drain_limit).await;
    closing.close().await;
    drop(stop);
    if let Some(err) = failed {
        return Err(err);
    }
    if drained.num_cut_off > 0 {
        tracing::warn!(num_cut_off = drained.num_cut_off, "requests were cut off by drain_limit");
    }
    tracing::info!("stopped");
    Ok(Outcome::Done)
}

/// Opens what the server keeps, unless it was told to keep nothing.
async fn open_indexes(started: &Started) -> anyhow::Result<Served> {
    let config = &started.config;
    if config.indexes.inference_only {
        return Ok(Served::none("it was started with --inference-only"));
    }
    Ok(owner::serve(config, started.threads.count).await?)
}

/// The models on their way to their slots.
struct Loading {
    started: Arc<Started>,
    pool: Arc<Pool>,
    models: Vec<(ModelRef, ModelSlot)>,
}

impl Loading {
    /// Loads one model after the other, each with all the machine's disk and cores.
    fn run(self) -> anyhow::Result<()> {
        let num_models = self.models.len();
        for (reference, slot) in self.models {
            match load(&reference, &self.started, &self.pool) {
                Ok(engine) => {
                    log_ready(slot.name(), &engine, &self.started);
                    slot.ready(engine);
                }
                Err(err) => {
                    let err = err.context(format!("failed to load model {}", slot.name()));
                    slot.failed(format!("{err:#}"));
                    return Err(err);
                }
            }
        }
        match num_models {
            0 => tracing::info!("no model is given: indexes take vectors, and texts need --model"),
            _ => tracing::info!("all models are ready"),
        }
        Ok(())
    }
}

fn load(reference: &ModelRef, started: &Started, pool: &Pool) -> anyhow::Result<Engine> {
    let config = &started.config;
    let resolved = bring(reference, config, Freshness::Cached)?;
    let encoder = model::load(&resolved.dir, &config.models.load)?;
    for assumption in &encoder.spec().assumptions {
        tracing::warn!(assumption, "the model directory does not say everything");
    }
    let engine = Engine::start(encoder, pool, config.engine.clone());
    engine.warm_up()?;
    Ok(engine)
}

fn log_ready(name: &str, engine: &Engine, started: &Started) {
    let spec = engine.spec();
    let pooling: Vec<&str> = spec.pooling.iter().map(|pooling| pooling.name()).collect();
    tracing::info!(
        model = name,
        dimensions = spec.dimensions,
        pooling = pooling.join("+"),
        max_tokens = spec.max_tokens,
        threads = started.threads.count,
        why = started.threads.reason,
        "model is ready"
    );
}

fn model_config(reference: &ModelRef, config: &Config) -> server::ModelConfig {
    let names = reference.served_names(config.models.served_name.as_deref());
    server::ModelConfig {
        name: names.name,
        aliases: names.aliases,
        model_id: reference.model_id(),
        revision: reference.revision().map(str::to_owned),
        auto_truncate: config.models.auto_truncate,
    }
}

fn server_config(started: &Started) -> ServerConfig {
    let serve = &started.config.serve;
    let any_origin = serve.cors_allow_origins.iter().any(|origin| origin == "*");
    let origins = serve.cors_allow_origins.iter();
    ServerConfig {
        payload_limit: serve.payload_limit_bytes,
        api_keys: serve.api_keys.iter().map(|key| key.reveal().to_owned().into()).collect(),
        aws_access_keys: serve.aws_access_keys.iter().filter_map(access_key).collect(),
        cors_allow_origin: if any_origin {
            AllowedOrigins::Any
        } else {
            let value = |origin: &String| origin.parse().expect("an origin is a header's value");
            AllowedOrigins::List(origins.map(value).collect())
        },
        root_task: match serve.root_task {
            RootTask::ByShape => server::RootTask::ByShape,
            RootTask::Similarity => server::RootTask::Similarity,
        },
        openai_token_ids: if serve.openai_accept_token_ids {
            TokenIds::Accept
        } else {
            TokenIds::Refuse
        },
        public_url: serve.public_url.clone(),
        num_threads: started.threads.count.get(),
        connections: ConnectionLimits {
            max_connections: serve.max_connections,
            max_header_bytes: serve.max_header_bytes,
            header_read_timeout: serve.header_read_timeout,
            body_read_timeout: serve.body_read_timeout,
            write_timeout: serve.write_timeout,
        },
    }
}

// The settings have checked that there is a colon.
fn access_key(key: &Secret) -> Option<server::AccessKey> {
    let (id, secret) = key.reveal().split_once(':')?;
    Some(server::AccessKey::new(id.to_owned(), secret.to_owned()))
}

/// Names that cannot be served, and nothing to serve, are mistakes in how the command was given.
fn refused(err: AppError) -> anyhow::Error {
    let text = match &err {
        AppError::Nothing { why } => format!(
            "there is nothing to serve: no model is given (name one with --model DIR or --model \
             ORG/NAME), and no indexes are kept because {why}"
        ),
        AppError::BadName { .. }
        | AppError::ReservedName { .. }
        | AppError::DuplicateName { .. } => err.to_string(),
    };
    UsageError(text).into()
}
