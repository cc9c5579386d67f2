//! The flags of text-embeddings-router, and what becomes of each.
//!
//! # Source
//!
//! text-embeddings-inference 1.9.3, `router/src/main.rs`. Each flag has a variable, whose name is the flag's
//! in capitals.

/// A flag.
#[derive(Debug)]
pub(super) struct Row {
    /// Without the hyphens in front.
    pub(super) flag: &'static str,
    pub(super) kind: Kind,
    pub(super) fate: Fate,
}

/// What its values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// From 1.
    Count,
    /// True where it stands alone.
    Switch,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Model,
    Revision,
    Port,
    Dtype,
    Concurrency,
    /// A variable of the endpoint, which its replicas read.
    Variable,
    /// A variable of the endpoint, without effect for this reason.
    Kept(&'static str),
    /// A variable of the endpoint that nobody is shown.
    Secret(&'static str),
    LeftOut(&'static str),
}

impl Row {
    pub(super) fn variable(&self) -> String {
        self.flag.replace('-', "_").to_ascii_uppercase()
    }
}

const fn row(flag: &'static str, kind: Kind, fate: Fate) -> Row {
    Row { flag, kind, fate }
}

const ADDRESS: &str = "replicas listen on sockets that the server alone can reach";
const TRACES: &str = "replicas export no traces";
const KEYS: &str =
    "an endpoint asks for the keys of the server: its setting api_keys, and those of /api/keys";

/// Every flag.
pub(super) const TABLE: &[Row] = &[
    row("model-id", Kind::Text, Fate::Model),
    row("revision", Kind::Text, Fate::Revision),
    row("dtype", Kind::Text, Fate::Dtype),
    row("served-model-name", Kind::Text, Fate::Variable),
    row("pooling", Kind::Text, Fate::Variable),
    row("max-concurrent-requests", Kind::Count, Fate::Concurrency),
    row("max-batch-tokens", Kind::Count, Fate::Variable),
    row("max-batch-requests", Kind::Count, Fate::Variable),
    row(
        "max-client-batch-size",
        Kind::Count,
        Fate::Kept(
            "a request may have any number of inputs; its bytes bound it, with --payload-limit",
        ),
    ),
    row("auto-truncate", Kind::Switch, Fate::Variable),
    row("default-prompt-name", Kind::Text, Fate::Variable),
    row("default-prompt", Kind::Text, Fate::Variable),
    row("payload-limit", Kind::Count, Fate::Variable),
    // A replica says what to do instead: without it, embeddings would be others.
    row("dense-path", Kind::Text, Fate::Variable),
    row("hf-token", Kind::Text, Fate::Secret("HF_TOKEN")),
    row("hf-api-token", Kind::Text, Fate::Secret("HF_TOKEN")),
    row("api-key", Kind::Text, Fate::LeftOut(KEYS)),
    row("port", Kind::Count, Fate::Port),
    row("hostname", Kind::Text, Fate::LeftOut(ADDRESS)),
    row("uds-path", Kind::Text, Fate::LeftOut("the model runs in the replica itself")),
    row(
        "huggingface-hub-cache",
        Kind::Text,
        Fate::LeftOut("models are kept in the cache of this machine"),
    ),
    row(
        "tokenization-workers",
        Kind::Count,
        Fate::Kept("texts are tokenized on the compute threads"),
    ),
    row(
        "json-output",
        Kind::Switch,
        Fate::LeftOut("`sembla endpoint logs` prints lines, or JSON with --json"),
    ),
    row("disable-spans", Kind::Switch, Fate::LeftOut(TRACES)),
    row("otlp-endpoint", Kind::Text, Fate::LeftOut(TRACES)),
    row("otlp-service-name", Kind::Text, Fate::LeftOut(TRACES)),
    row("prometheus-port", Kind::Count, Fate::LeftOut("metrics are at /metrics of the server")),
    row(
        "cors-allow-origin",
        Kind::Text,
        Fate::LeftOut("web pages are named by the server's own --cors-allow-origin"),
    ),
];
