//! The HTTP routes: text-embeddings-inference's, OpenAI's and Hugging Face's over one engine each.
//!
//! A handler extracts, translates, calls and translates (`dialects` has the translations, one file
//! per dialect). Counting, keys, request ids, CORS and the shape of errors are layers around them,
//! each once (`middleware`). [`Server`] listens, bounds connections and drains.
//!
//! Not here: settings and their defaults, loading models, signals. See `sembla`.

mod address;
mod app;
mod asker;
mod aws;
mod baseten;
mod body;
mod call;
mod config;
mod control_plane;
mod dialects;
mod echo;
mod endpoint_error;
mod error;
mod gateway;
mod graphql;
mod hop_by_hop;
mod index_model;
mod indexes;
mod metrics;
mod middleware;
mod models;
mod offload;
mod path;
mod query_string;
mod record;
mod respond;
mod router;
mod routes;
mod sagemaker;
mod secret;
mod serve;
mod share;
mod steward;

pub use address::reachable_here;
pub use app::App;
pub use aws::AccessKey;
pub use config::{AllowedOrigins, ConnectionLimits, ModelConfig, RootTask, ServerConfig, TokenIds};
pub use control_plane::{ControlPlane, ControlPlaneSettings, ModelRule};
pub use dialects::indexes::{
    MAX_FETCHED, fingerprint as fingerprint_object, index as index_object, record as record_object,
    sparse as sparse_object,
};
pub use hop_by_hop::strip_hop_by_hop;
pub use indexes::Indexes;
pub use metrics::{Metrics, MetricsError};
pub use models::{AppError, ModelSlot};
pub use sagemaker::{Artifact, Artifacts, NoArtifacts, UploadPlace};
pub use secret::Secret;
pub use serve::{Accept, Drained, Listener, Server, accept_all};
