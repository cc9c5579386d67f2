//! The registry of settings: one row each, from which come the flags, the variables, the keys of
//! the file, the help texts, `sembla config show` and docs/settings.md.
//!
//! Defaults are not here but in `config/default.toml`.

use super::kind::Kind;

/// One setting. Its flag is `name` with hyphens, its variable `SEMBLA_` and `name` in capitals, its
/// key in the file `name` itself.
#[derive(Debug)]
pub(crate) struct Setting {
    /// In snake case, as everywhere else.
    pub(crate) name: &'static str,
    /// Which section of the docs and of the help it stands in.
    pub(crate) group: Group,
    /// The values that it takes.
    pub(crate) kind: Kind,
    /// Whether the short help shows it.
    pub(crate) level: Level,
    /// The commands with a flag for it.
    pub(crate) commands: &'static [Command],
    /// What else it is called.
    pub(crate) aliases: Aliases,
    /// One or two sentences, without the default.
    pub(crate) help: &'static str,
}

/// Other names of a setting, so that start commands and environments that exist go on working.
#[derive(Debug)]
pub(crate) struct Aliases {
    /// Flags of text-embeddings-inference, without the hyphens in front.
    pub(crate) flags: &'static [&'static str],
    /// Variables of text-embeddings-inference. Names such as `PORT` mean other things to other
    /// programs, so only `serve` (and `config show`) reads them.
    pub(crate) serving_env: &'static [&'static str],
    /// Variables of the Hub's own clients, read by every command.
    pub(crate) env: &'static [&'static str],
}

/// Where a setting stands in the docs and in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Models,
    Compute,
    Serving,
    Indexes,
    Endpoints,
    Hub,
    /// And logs.
    Folders,
}

impl Group {
    /// All groups, in the order of the docs.
    pub(crate) const ALL: [Self; 7] = [
        Self::Models,
        Self::Compute,
        Self::Serving,
        Self::Indexes,
        Self::Endpoints,
        Self::Hub,
        Self::Folders,
    ];

    /// Returns the heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Models => "Models",
            Self::Compute => "Compute",
            Self::Serving => "Serving",
            Self::Indexes => "Indexes",
            Self::Endpoints => "Endpoints",
            Self::Hub => "The Hub",
            Self::Folders => "Folders and logs",
        }
    }
}

/// Whether a flag is shown by `-h`, or only by `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Common,
    Rare,
}

/// A command that reads settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Serve,
    Proxy,
    Embed,
    Search,
    /// What works with an index alone.
    Index,
    /// What says which model an index is of.
    IndexModel,
    /// What asks the control plane of a running server.
    Endpoint,
    Model,
    Doctor,
    ConfigShow,
}

impl Setting {
    /// Returns the flag without the hyphens in front.
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Returns the variable's name.
    pub(crate) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Returns whether `command` has a flag for it. `config show` has all.
    pub(crate) fn is_flag_of(&self, command: Command) -> bool {
        command == Command::ConfigShow || self.commands.contains(&command)
    }
}

/// Finds a setting by its name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// What every variable of ours begins with.
pub(crate) const VARIABLE_PREFIX: &str = "SEMBLA_";

/// The variable that names the TOML file. Not a setting: the file cannot name itself.
pub(crate) const CONFIG_VARIABLE: &str = "SEMBLA_CONFIG";

/// The poolings that the model crate knows, by their published names.
pub(crate) const POOLINGS: &[&str] =
    &["cls", "mean", "max", "mean_sqrt_len", "weighted_mean", "last_token"];

const NO_ALIASES: Aliases = Aliases { flags: &[], serving_env: &[], env: &[] };

/// Commands that run a model.
const RUNNING: &[Command] = &[Command::Serve, Command::Embed, Command::Search, Command::IndexModel];
/// Commands that may look a model up by name.
const LOOKING_UP: &[Command] = &[
    Command::Serve,
    Command::Embed,
    Command::Search,
    Command::IndexModel,
    Command::Model,
    Command::Doctor,
];
/// Commands that take a model.
const TAKING_MODELS: &[Command] =
    &[Command::Serve, Command::Embed, Command::Search, Command::IndexModel, Command::Doctor];
/// Commands that may open an index.
const INDEXING: &[Command] =
    &[Command::Serve, Command::Embed, Command::Search, Command::Index, Command::IndexModel];
/// Commands that compute.
const WORKING: &[Command] = &[
    Command::Serve,
    Command::Embed,
    Command::Search,
    Command::Index,
    Command::IndexModel,
    Command::Doctor,
];
/// Commands that look into the data directory.
const KEEPING: &[Command] = &[
    Command::Serve,
    Command::Proxy,
    Command::Embed,
    Command::Search,
    Command::Index,
    Command::IndexModel,
    Command::Endpoint,
    Command::Doctor,
];
/// Commands that write logs.
const LOGGING: &[Command] = &[
    Command::Serve,
    Command::Proxy,
    Command::Embed,
    Command::Search,
    Command::Index,
    Command::IndexModel,
    Command::Endpoint,
    Command::Model,
    Command::Doctor,
];
const SERVING: &[Command] = &[Command::Serve];
/// Commands that take connections.
const LISTENING: &[Command] = &[Command::Serve, Command::Proxy];

// A forward pass of 16 million tokens would need more memory than any machine has that runs this.
const TOKENS: Kind = Kind::Count { min: 1, max: 1 << 24 };
const REQUESTS: Kind = Kind::Count { min: 1, max: 1 << 20 };
const TIMEOUT: Kind = Kind::Seconds { min: 0.1, max: 3600.0 };

/// Every setting, in the order of the docs.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "model",
        group: Group::Models,
        kind: Kind::Texts,
        level: Level::Common,
        commands: TAKING_MODELS,
        aliases: Aliases { flags: &["model-id"], serving_env: &["MODEL_ID"], env: &[] },
        help: "A model directory or a Hub id, optionally as NAME=MODEL and with @REVISION; several \
               times to serve several models, of which the first answers where none is named",
    },
    Setting {
        name: "revision",
        group: Group::Models,
        kind: Kind::Text,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases { flags: &[], serving_env: &["REVISION"], env: &[] },
        help: "The branch, tag or commit of a model from the Hub that is given without @REVISION \
               (`main` where neither says)",
    },
    Setting {
        name: "served_model_name",
        group: Group::Models,
        kind: Kind::Text,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["SERVED_MODEL_NAME"], env: &[] },
        help: "The name of the one model that is served, as NAME= before it does",
    },
    Setting {
        name: "pooling",
        group: Group::Models,
        kind: Kind::Choice(POOLINGS),
        level: Level::Rare,
        commands: RUNNING,
        aliases: Aliases { flags: &[], serving_env: &["POOLING"], env: &[] },
        help: "How token states become one embedding, in place of what the model directory says",
    },
    Setting {
        name: "default_prompt_name",
        group: Group::Models,
        kind: Kind::Text,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["DEFAULT_PROMPT_NAME"], env: &[] },
        help: "The model's prompt that stands before an input for which a request names none",
    },
    Setting {
        name: "default_prompt",
        group: Group::Models,
        kind: Kind::Text,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["DEFAULT_PROMPT"], env: &[] },
        help: "The text that stands before an input for which a request names no prompt",
    },
    Setting {
        name: "auto_truncate",
        group: Group::Models,
        kind: Kind::Switch,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["AUTO_TRUNCATE"], env: &[] },
        help: "Whether an input with more tokens than the model takes is cut (and reported) or \
               refused, where a request does not say",
    },
    Setting {
        name: "dtype",
        group: Group::Models,
        kind: Kind::Choice(&["float32"]),
        level: Level::Rare,
        commands: RUNNING,
        aliases: Aliases { flags: &[], serving_env: &["DTYPE"], env: &[] },
        help: "The number format of the forward pass; weights stored in another are widened",
    },
    Setting {
        name: "threads",
        group: Group::Compute,
        kind: Kind::CountOrAuto { min: 1, max: 1024 },
        level: Level::Common,
        commands: WORKING,
        aliases: NO_ALIASES,
        help: "The compute threads of the process; `auto` is the number of CPUs that the affinity \
               mask and the cgroup quota leave it",
    },
    Setting {
        name: "max_batch_tokens",
        group: Group::Compute,
        kind: TOKENS,
        level: Level::Common,
        commands: RUNNING,
        aliases: Aliases { flags: &[], serving_env: &["MAX_BATCH_TOKENS"], env: &[] },
        help: "The most tokens in one forward pass; a longer input runs alone",
    },
    Setting {
        name: "max_batch_requests",
        group: Group::Compute,
        kind: REQUESTS,
        level: Level::Rare,
        commands: RUNNING,
        aliases: Aliases { flags: &[], serving_env: &["MAX_BATCH_REQUESTS"], env: &[] },
        help: "The most inputs in one forward pass; without it only tokens count",
    },
    Setting {
        name: "max_concurrent_requests",
        group: Group::Compute,
        kind: REQUESTS,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["MAX_CONCURRENT_REQUESTS"], env: &[] },
        help: "A new request is refused with 429 while this many are in the engine",
    },
    Setting {
        name: "max_queue_tokens",
        group: Group::Compute,
        kind: Kind::Count { min: 1, max: 1 << 32 },
        level: Level::Rare,
        commands: RUNNING,
        aliases: NO_ALIASES,
        help: "A new request is refused with 429 while this many tokens wait; an admitted one of \
               any length goes on",
    },
    Setting {
        name: "host",
        group: Group::Serving,
        kind: Kind::Text,
        level: Level::Common,
        commands: SERVING,
        // Not the variable HOSTNAME: Docker sets it to the container's id.
        aliases: Aliases { flags: &["hostname"], serving_env: &[], env: &[] },
        help: "The address or host name to listen on; anything but loopback is open to others",
    },
    Setting {
        name: "port",
        group: Group::Serving,
        kind: Kind::Count { min: 0, max: 65_535 },
        level: Level::Common,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["PORT"], env: &[] },
        help: "The port to listen on; 0 takes a free one and prints it",
    },
    Setting {
        name: "api_key",
        group: Group::Serving,
        kind: Kind::Secrets,
        level: Level::Common,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["API_KEY"], env: &[] },
        help: "A key that requests must bring as `Authorization: Bearer KEY`; several times for \
               several keys",
    },
    Setting {
        name: "aws_access_key",
        group: Group::Serving,
        kind: Kind::Secrets,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "An access key, as ID:SECRET, with which AWS's clients must sign their requests; several times \
               for several keys",
    },
    Setting {
        name: "payload_limit",
        group: Group::Serving,
        kind: Kind::Bytes { min: 1, max: 1 << 40 },
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["PAYLOAD_LIMIT"], env: &[] },
        help: "The largest request body; the only limit of a request's size",
    },
    Setting {
        name: "cors_allow_origin",
        group: Group::Serving,
        kind: Kind::Origins,
        level: Level::Rare,
        commands: SERVING,
        aliases: Aliases { flags: &[], serving_env: &["CORS_ALLOW_ORIGIN"], env: &[] },
        help: "An origin whose pages may call the server from a browser, or `*` for any; several \
               times for several",
    },
    Setting {
        name: "openai_accept_token_ids",
        group: Group::Serving,
        kind: Kind::Switch,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "Whether /v1/embeddings takes token ids, which must then be of the model's own \
               vocabulary; LangChain sends another's unless told check_embedding_ctx_length=False",
    },
    Setting {
        name: "root_task",
        group: Group::Serving,
        kind: Kind::Choice(&["by_shape", "similarity"]),
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "What POST / and /invocations do: what the shape of the request says, or similarity \
               alone",
    },
    Setting {
        name: "max_connections",
        group: Group::Serving,
        kind: Kind::Count { min: 1, max: 1 << 20 },
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "The most connections at once; further ones wait to be accepted",
    },
    Setting {
        name: "max_header_bytes",
        group: Group::Serving,
        kind: Kind::Bytes { min: 8192, max: 1 << 24 },
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "The most bytes of a request's line and headers",
    },
    Setting {
        name: "header_read_timeout",
        group: Group::Serving,
        kind: TIMEOUT,
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "How long a connection may take from one answer to the end of the next request's \
               headers",
    },
    Setting {
        name: "body_read_timeout",
        group: Group::Serving,
        kind: TIMEOUT,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "How long a body may take, to which a second is added for each 16 KiB that came",
    },
    Setting {
        name: "write_timeout",
        group: Group::Serving,
        kind: TIMEOUT,
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "A client that takes nothing of its answer for so long is cut off",
    },
    Setting {
        name: "drain_limit",
        group: Group::Serving,
        kind: Kind::Seconds { min: 0.0, max: 3600.0 },
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "How long requests under way may go on after SIGTERM or SIGINT, and in a replica of an \
               endpoint that is stopped",
    },
    Setting {
        name: "public_url",
        group: Group::Serving,
        kind: Kind::Url,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "Where clients reach the server, if not at the address that they send a request to; \
               the addresses of indexes are made of it",
    },
    Setting {
        name: "inference_only",
        group: Group::Indexes,
        kind: Kind::Switch,
        level: Level::Common,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "Serve models alone and leave the data directory to others, as every replica but one \
               does",
    },
    Setting {
        name: "index_store",
        group: Group::Indexes,
        kind: Kind::SecretAddress,
        level: Level::Rare,
        commands: INDEXING,
        aliases: NO_ALIASES,
        help: "The address of a store that keeps the indexes in place of the data directory, such as \
               postgres://ada@db/vectors or qdrant+https://host:6333",
    },
    Setting {
        name: "index_store_key",
        group: Group::Indexes,
        kind: Kind::Secret,
        level: Level::Rare,
        commands: INDEXING,
        aliases: NO_ALIASES,
        help: "The key or the password that the store of index_store asks for; safer in the variable \
               than in the address or a flag, which other users of the machine may see",
    },
    Setting {
        name: "max_index_size",
        group: Group::Indexes,
        kind: Kind::Bytes { min: 1 << 20, max: 1 << 44 },
        level: Level::Rare,
        commands: INDEXING,
        aliases: NO_ALIASES,
        help: "The most that one index of the data directory may take on the disk; so much address \
               space is set aside for each, and neither memory nor disk",
    },
    Setting {
        name: "index_query_time",
        group: Group::Indexes,
        kind: Kind::Seconds { min: 0.0001, max: 60.0 },
        level: Level::Rare,
        commands: INDEXING,
        aliases: NO_ALIASES,
        help: "How long one query may read vectors of the data directory; a namespace that cannot be \
               read whole in this time is searched through codes in memory, which may miss a little",
    },
    Setting {
        name: "default_namespace",
        group: Group::Endpoints,
        kind: Kind::Text,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "The namespace that a client is told it is, where no key says whose it is",
    },
    Setting {
        name: "model_dir",
        group: Group::Endpoints,
        kind: Kind::Texts,
        level: Level::Common,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "A folder below which clients may name folders as the model of an endpoint, several times \
               for several; without it only models of the Hub, but for clients of the socket in the data \
               directory, who may name any folder",
    },
    Setting {
        name: "s3_endpoint",
        group: Group::Endpoints,
        kind: Kind::Url,
        level: Level::Rare,
        commands: LISTENING,
        aliases: NO_ALIASES,
        help: "The address of a store that speaks S3, where archives named s3://BUCKET/KEY lie; its keys are \
               read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION is its region",
    },
    Setting {
        name: "s3_bucket",
        group: Group::Endpoints,
        kind: Kind::Text,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "The bucket of that store to which `truss push` uploads, with the server's own keys, which are \
               handed to whoever may push; it must be there",
    },
    Setting {
        name: "replica_memory",
        group: Group::Endpoints,
        kind: Kind::BytesOrAuto { min: 0, max: 1 << 50 },
        level: Level::Common,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "The most memory that the replicas of all endpoints may take together, 0 for no bound; \
               `auto` is three quarters of what the machine and the cgroup leave this process",
    },
    Setting {
        name: "prices",
        group: Group::Endpoints,
        kind: Kind::Prices,
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "What an hour of one replica costs in dollars, by instance type or instance type/size; \
               what is not listed costs nothing",
    },
    Setting {
        name: "scale_up_timeout",
        group: Group::Endpoints,
        kind: Kind::Seconds { min: 0.0, max: 3600.0 },
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "How long a request to an endpoint without a ready replica waits for one, where its \
               X-Scale-Up-Timeout does not say",
    },
    Setting {
        name: "replica_start_timeout",
        group: Group::Endpoints,
        kind: Kind::Seconds { min: 1.0, max: 86_400.0 },
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "How long a replica may take until it is ready, the download of its model included",
    },
    Setting {
        name: "scale_up_latency",
        group: Group::Endpoints,
        kind: Kind::Seconds { min: 0.001, max: 3600.0 },
        level: Level::Rare,
        commands: SERVING,
        aliases: NO_ALIASES,
        help: "How long answers of an endpoint may take on average before another replica is started, \
               where its compute.scaling.measure does not say; without it only what waits counts, since \
               replicas of one machine share its cores",
    },
    Setting {
        name: "hub_endpoint",
        group: Group::Hub,
        kind: Kind::Url,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases { flags: &[], serving_env: &[], env: &["HF_ENDPOINT"] },
        help: "Where models are downloaded from",
    },
    Setting {
        name: "hub_cache",
        group: Group::Hub,
        kind: Kind::PathOrAuto,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases {
            flags: &["huggingface-hub-cache"],
            serving_env: &[],
            env: &["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"],
        },
        help: "The folder of downloaded models, shared with the Hub's Python clients; `auto` is \
               HF_HOME/hub, or ~/.cache/huggingface/hub",
    },
    Setting {
        name: "hub_token",
        group: Group::Hub,
        kind: Kind::Secret,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases {
            flags: &["hf-token", "hf-api-token"],
            serving_env: &["HF_API_TOKEN"],
            env: &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
        },
        help: "The token for private and gated models; without it the token file is read",
    },
    Setting {
        name: "hub_token_path",
        group: Group::Hub,
        kind: Kind::PathOrAuto,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases { flags: &[], serving_env: &[], env: &["HF_TOKEN_PATH"] },
        help: "The file with the token that a login left; `auto` is HF_HOME/token",
    },
    Setting {
        name: "hub_ca_file",
        group: Group::Hub,
        kind: Kind::Path,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases {
            flags: &[],
            serving_env: &[],
            env: &["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
        },
        help: "A PEM file of the certificate authorities to trust, in place of Mozilla's list",
    },
    Setting {
        name: "hub_connect_timeout",
        group: Group::Hub,
        kind: TIMEOUT,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases { flags: &[], serving_env: &[], env: &["HF_HUB_ETAG_TIMEOUT"] },
        help: "How long to wait for a connection to the Hub",
    },
    Setting {
        name: "hub_idle_timeout",
        group: Group::Hub,
        kind: TIMEOUT,
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: Aliases { flags: &[], serving_env: &[], env: &["HF_HUB_DOWNLOAD_TIMEOUT"] },
        help: "How long the Hub may send nothing before the request is given up",
    },
    Setting {
        name: "hub_retries",
        group: Group::Hub,
        kind: Kind::Count { min: 0, max: 100 },
        level: Level::Rare,
        commands: LOOKING_UP,
        aliases: NO_ALIASES,
        help: "How many times in a row a request that failed on the way is tried again",
    },
    Setting {
        name: "offline",
        group: Group::Hub,
        kind: Kind::Switch,
        level: Level::Common,
        commands: LOOKING_UP,
        aliases: Aliases {
            flags: &[],
            serving_env: &[],
            env: &["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"],
        },
        help: "Use only models that are on this machine",
    },
    Setting {
        name: "data_dir",
        group: Group::Folders,
        kind: Kind::PathOrAuto,
        level: Level::Common,
        commands: KEEPING,
        aliases: NO_ALIASES,
        help: "The folder for everything that Sembla itself keeps; `auto` is XDG_DATA_HOME/sembla, \
               or ~/.local/share/sembla",
    },
    Setting {
        name: "log_level",
        group: Group::Folders,
        kind: Kind::Text,
        level: Level::Common,
        commands: LOGGING,
        aliases: Aliases { flags: &[], serving_env: &["LOG_LEVEL"], env: &[] },
        help: "off, error, warn, info, debug or trace, or a list such as `warn,engine=debug`",
    },
    Setting {
        name: "log_format",
        group: Group::Folders,
        kind: Kind::Choice(&["text", "json"]),
        level: Level::Rare,
        commands: LOGGING,
        aliases: NO_ALIASES,
        help: "Log lines as text, or one JSON object a line (as --json-output and JSON_OUTPUT ask)",
    },
];
