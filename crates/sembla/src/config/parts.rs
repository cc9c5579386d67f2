//! The checked configuration, in one struct per part of the program.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::{Table, Value};

use super::endpoints::{self, EndpointsConfig, ReplicaMemory};
use super::error::ConfigError;
use super::folders::Folders;
use super::layers::{Env, Layers};
use super::secret::{HIDDEN, Secret};

/// Everything that the settings decide.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) models: ModelConfig,
    pub(crate) engine: engine::EngineConfig,
    /// Compute threads, if the machine does not decide.
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) serve: ServeConfig,
    pub(crate) indexes: IndexesConfig,
    pub(crate) endpoints: EndpointsConfig,
    pub(crate) hub: HubConfig,
    pub(crate) log: LogConfig,
    /// The folder for what Sembla itself keeps; `None` if no variable says where home is.
    pub(crate) data_dir: Option<PathBuf>,
}

/// Which models, and how they are loaded.
#[derive(Debug, Clone)]
pub(crate) struct ModelConfig {
    /// As given: `[NAME=]MODEL[@REVISION]`.
    pub(crate) models: Vec<String>,
    /// For models given without one.
    pub(crate) revision: Option<String>,
    /// For the one model.
    pub(crate) served_name: Option<String>,
    pub(crate) load: model::LoadOptions,
    pub(crate) auto_truncate: bool,
}

/// How to serve.
#[derive(Debug, Clone)]
pub(crate) struct ServeConfig {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) api_keys: Vec<Secret>,
    /// Each `ID:SECRET`.
    pub(crate) aws_access_keys: Vec<Secret>,
    pub(crate) payload_limit_bytes: usize,
    /// `*` for any.
    pub(crate) cors_allow_origins: Vec<String>,
    pub(crate) openai_accept_token_ids: bool,
    pub(crate) root_task: RootTask,
    pub(crate) max_connections: usize,
    pub(crate) max_header_bytes: usize,
    pub(crate) header_read_timeout: Duration,
    pub(crate) body_read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) drain_limit: Duration,
    /// Where clients reach the server, if that is said.
    pub(crate) public_url: Option<String>,
}

/// Where indexes are kept.
#[derive(Debug, Clone)]
pub(crate) struct IndexesConfig {
    /// Not at all.
    pub(crate) inference_only: bool,
    /// The address of a store in place of the data directory.
    pub(crate) store: Option<Secret>,
    /// What that store asks for.
    pub(crate) store_key: Option<Secret>,
    pub(crate) max_index_bytes: u64,
    /// How long one query may read vectors.
    pub(crate) query_time: Duration,
}

/// What `POST /` and `/invocations` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RootTask {
    ByShape,
    Similarity,
}

/// How to reach the Hub and where its files are kept.
#[derive(Debug, Clone)]
pub(crate) struct HubConfig {
    /// Without a slash at the end.
    pub(crate) endpoint: String,
    /// `None` if no variable says where home is.
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) token: Option<Secret>,
    pub(crate) token_path: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) num_retries: u32,
    pub(crate) offline: bool,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct LogConfig {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The settings as the table names them. Every field exists in the table and the other way round:
/// a missing one fails each start, so any test that loads settings finds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    model: Vec<String>,
    revision: Option<String>,
    served_model_name: Option<String>,
    pooling: Option<String>,
    default_prompt_name: Option<String>,
    default_prompt: Option<String>,
    auto_truncate: bool,
    #[serde(rename = "dtype")]
    _dtype: String,
    threads: Value,
    max_batch_tokens: usize,
    max_batch_requests: Option<usize>,
    max_concurrent_requests: usize,
    max_queue_tokens: usize,
    host: String,
    port: u16,
    api_key: Vec<Secret>,
    aws_access_key: Vec<Secret>,
    payload_limit: usize,
    cors_allow_origin: Vec<String>,
    openai_accept_token_ids: bool,
    root_task: RootTask,
    max_connections: usize,
    max_header_bytes: usize,
    header_read_timeout: f64,
    body_read_timeout: f64,
    write_timeout: f64,
    drain_limit: f64,
    public_url: Option<String>,
    inference_only: bool,
    index_store: Option<Secret>,
    index_store_key: Option<Secret>,
    max_index_size: u64,
    index_query_time: f64,
    default_namespace: String,
    model_dir: Vec<String>,
    s3_endpoint: Option<String>,
    s3_bucket: String,
    replica_memory: Value,
    prices: BTreeMap<String, f64>,
    scale_up_timeout: f64,
    replica_start_timeout: f64,
    scale_up_latency: Option<f64>,
    hub_endpoint: String,
    hub_cache: String,
    hub_token: Option<Secret>,
    hub_token_path: String,
    hub_ca_file: Option<PathBuf>,
    hub_connect_timeout: f64,
    hub_idle_timeout: f64,
    hub_retries: u32,
    offline: bool,
    data_dir: String,
    log_level: String,
    log_format: LogFormat,
}

impl Config {
    /// Checks what spans several settings and turns units into types.
    pub(super) fn from_layers(layers: &Layers, env: &Env) -> Result<Self, ConfigError> {
        let table: Table = layers
            .resolved
            .iter()
            .filter_map(|resolved| {
                let (value, _) = resolved.value.as_ref()?;
                Some((resolved.setting.name.to_owned(), value.clone()))
            })
            .collect();
        let raw: RawConfig = Value::Table(table)
            .try_into()
            .expect("the kinds of the table agree with the fields of RawConfig");
        check_together(&raw, layers)?;
        Ok(Self::from_raw(raw, &Folders { env }))
    }

    fn from_raw(raw: RawConfig, folders: &Folders<'_>) -> Self {
        Self {
            models: ModelConfig {
                models: raw.model,
                revision: raw.revision,
                served_name: raw.served_model_name,
                load: model::LoadOptions {
                    pooling: raw.pooling.as_deref().and_then(pooling_named),
                    default_prompt_name: raw.default_prompt_name,
                    default_prompt: raw.default_prompt,
                },
                auto_truncate: raw.auto_truncate,
            },
            engine: engine::EngineConfig {
                max_batch_tokens: raw.max_batch_tokens,
                max_batch_requests: raw.max_batch_requests,
                max_queue_tokens: raw.max_queue_tokens,
                max_concurrent_requests: raw.max_concurrent_requests,
            },
            threads: count_or_auto(&raw.threads),
            serve: ServeConfig {
                host: raw.host,
                port: raw.port,
                api_keys: raw.api_key,
                aws_access_keys: raw.aws_access_key,
                payload_limit_bytes: raw.payload_limit,
                cors_allow_origins: raw.cors_allow_origin,
                openai_accept_token_ids: raw.openai_accept_token_ids,
                root_task: raw.root_task,
                max_connections: raw.max_connections,
                max_header_bytes: raw.max_header_bytes,
                header_read_timeout: Duration::from_secs_f64(raw.header_read_timeout),
                body_read_timeout: Duration::from_secs_f64(raw.body_read_timeout),
                write_timeout: Duration::from_secs_f64(raw.write_timeout),
                drain_limit: Duration::from_secs_f64(raw.drain_limit),
                public_url: raw.public_url,
            },
            indexes: IndexesConfig {
                inference_only: raw.inference_only,
                store: raw.index_store,
                store_key: raw.index_store_key,
                max_index_bytes: raw.max_index_size,
                query_time: Duration::from_secs_f64(raw.index_query_time),
            },
            endpoints: EndpointsConfig {
                default_namespace: raw.default_namespace,
                model_dirs: raw.model_dir,
                s3_endpoint: raw.s3_endpoint,
                s3_bucket: raw.s3_bucket,
                memory: ReplicaMemory::from_value(&raw.replica_memory),
                prices: endpoints::price_table(&raw.prices),
                scale_up_timeout: Duration::from_secs_f64(raw.scale_up_timeout),
                start_timeout: Duration::from_secs_f64(raw.replica_start_timeout),
                scale_up_latency: raw.scale_up_latency.map(Duration::from_secs_f64),
            },
            hub: HubConfig {
                endpoint: raw.hub_endpoint.trim_end_matches('/').to_owned(),
                cache_dir: folders.or_auto(&raw.hub_cache, Folders::hub_cache),
                token: raw.hub_token,
                token_path: folders.or_auto(&raw.hub_token_path, Folders::hub_token_path),
                ca_file: raw.hub_ca_file,
                connect_timeout: Duration::from_secs_f64(raw.hub_connect_timeout),
                idle_timeout: Duration::from_secs_f64(raw.hub_idle_timeout),
                num_retries: raw.hub_retries,
                offline: raw.offline,
            },
            log: LogConfig { filter: raw.log_level, format: raw.log_format },
            data_dir: folders.or_auto(&raw.data_dir, Folders::data_dir),
        }
    }
}

fn check_together(raw: &RawConfig, layers: &Layers) -> Result<(), ConfigError> {
    endpoints::check_namespace(&raw.default_namespace, layers)?;
    if raw.aws_access_key.iter().any(|key| !key.reveal().contains(':')) {
        return Err(ConfigError::Invalid {
            name: "aws_access_key",
            value: HIDDEN.to_owned(),
            source_of_value: layers.source("aws_access_key"),
            expected: "the id of an access key and its secret, as ID:SECRET".to_owned(),
        });
    }
    if raw.default_prompt.is_some() && raw.default_prompt_name.is_some() {
        return Err(ConfigError::Exclusive {
            first: "default_prompt",
            first_source: layers.source("default_prompt"),
            second: "default_prompt_name",
            second_source: layers.source("default_prompt_name"),
        });
    }
    let single: [(&'static str, bool, &'static str); 2] = [
        ("revision", raw.revision.is_some(), "MODEL@REVISION"),
        ("served_model_name", raw.served_model_name.is_some(), "NAME=MODEL"),
    ];
    for (name, is_set, instead) in single {
        if is_set && raw.model.len() > 1 {
            return Err(ConfigError::OneModelOnly {
                name,
                source_of_value: layers.source(name),
                num_models: raw.model.len(),
                instead,
            });
        }
    }
    if raw.max_queue_tokens < raw.max_batch_tokens {
        return Err(ConfigError::QueueTooSmall {
            max_queue_tokens: raw.max_queue_tokens as u64,
            max_batch_tokens: raw.max_batch_tokens as u64,
            source_of_value: layers.source("max_queue_tokens"),
        });
    }
    Ok(())
}

/// Reads a count that is at least 1; anything else is `auto`.
fn count_or_auto(value: &Value) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::try_from(value.as_integer()?).ok()?)
}

/// Returns the pooling with a published name.
pub(crate) fn pooling_named(name: &str) -> Option<model::Pooling> {
    use model::Pooling;

    let known = [
        Pooling::Cls,
        Pooling::Mean,
        Pooling::Max,
        Pooling::MeanSqrtLen,
        Pooling::WeightedMean,
        Pooling::LastToken,
    ];
    known.into_iter().find(|pooling| pooling.name() == name)
}
