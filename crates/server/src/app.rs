//! What every handler shares.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use bytes::Bytes;
use index::{Checked, EmbeddedStore};
use tokio::sync::watch;

use crate::body::BodyLimits;
use crate::config::{ModelConfig, ServerConfig};
use crate::control_plane::ControlPlane;
use crate::error::HttpError;
use crate::gateway::Pool;
use crate::indexes::Indexes;
use crate::metrics::Metrics;
use crate::models::{AppError, ModelSlot, Models};
use crate::offload::Offload;
use crate::router;
use crate::routes::opensearch::WriteTurns;

/// A server that is not yet bound to a listener. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ServerConfig,
    models: Models,
    indexes: Indexes,
    control: Option<ControlPlane>,
    replica_pool: Pool,
    write_turns: WriteTurns,
    metrics: Metrics,
    offload: Offload,
    body_limits: BodyLimits,
    /// The OpenAPI document.
    openapi: Bytes,
    // Seconds since 1970.
    started: u64,
    is_draining: watch::Sender<bool>,
}

impl App {
    /// Builds a server of `models`, the first of which answers where a request names none.
    ///
    /// The slots, in the same order, take what becomes of each model; until then its inference
    /// routes answer 503, so that the listener can be bound before models are loaded. The routes of
    /// indexes answer with what `indexes` has, or with why it has none; those of endpoints with what
    /// `control` knows, or that there is no control plane.
    ///
    /// # Errors
    ///
    /// [`AppError`] if there is nothing to serve, neither models nor indexes nor endpoints, or a name is
    /// not safe in a path, is one of the server's own routes or is taken.
    pub fn new(
        config: ServerConfig,
        models: Vec<ModelConfig>,
        indexes: Indexes,
        control: Option<ControlPlane>,
        metrics: Metrics,
    ) -> Result<(Self, Vec<ModelSlot>), AppError> {
        let has_model_or_endpoints = !models.is_empty() || control.is_some();
        if let (false, Indexes::None { why }) = (has_model_or_endpoints, &indexes) {
            return Err(AppError::Nothing { why: why.clone() });
        }
        let paths = router::document();
        let models = Models::new(models, &router::reserved_names(&paths))?;
        let slots = models.iter().map(|served| ModelSlot::new(Arc::clone(served))).collect();
        let openapi = paths.to_json().expect("the OpenAPI document has string keys only");
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let connections = &config.connections;
        let inner = Inner {
            body_limits: BodyLimits::new(config.payload_limit, connections.body_read_timeout),
            offload: Offload::new(config.num_threads),
            openapi: Bytes::from(openapi),
            started: since_1970.as_secs(),
            is_draining: watch::Sender::new(false),
            config,
            models,
            indexes: indexes.counted(&metrics),
            control,
            replica_pool: Pool::default(),
            write_turns: WriteTurns::default(),
            metrics,
        };
        Ok((Self(Arc::new(inner)), slots))
    }

    pub(crate) fn router(&self) -> Router {
        router::build(self)
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    pub(crate) fn models(&self) -> &Models {
        &self.0.models
    }

    /// Returns the store of indexes.
    ///
    /// # Errors
    ///
    /// Why the server has none.
    pub(crate) fn indexes(&self) -> Result<&Checked, HttpError> {
        self.0.indexes.get()
    }

    /// Returns the store of the data directory.
    ///
    /// # Errors
    ///
    /// If the server has another store, or none.
    pub(crate) fn embedded(&self) -> Result<Arc<EmbeddedStore>, HttpError> {
        self.0.indexes.get_embedded()
    }

    /// Returns the control plane, if this server is one.
    pub(crate) fn control_plane(&self) -> Option<&ControlPlane> {
        self.0.control.as_ref()
    }

    /// Returns the replicas' connections.
    pub(crate) fn replica_pool(&self) -> &Pool {
        &self.0.replica_pool
    }

    /// Returns whether there is any key, so that all must be known.
    pub(crate) fn needs_key(&self) -> bool {
        let has_own = |plane: &ControlPlane| plane.control().has_keys();
        let config = &self.0.config;
        let has_given = !config.api_keys.is_empty() || !config.aws_access_keys.is_empty();
        has_given || self.0.control.as_ref().is_some_and(has_own)
    }

    /// Returns whose turn it is to change documents of an index.
    pub(crate) fn write_turns(&self) -> &WriteTurns {
        &self.0.write_turns
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn offload(&self) -> &Offload {
        &self.0.offload
    }

    pub(crate) fn body_limits(&self) -> &BodyLimits {
        &self.0.body_limits
    }

    pub(crate) fn openapi(&self) -> Bytes {
        self.0.openapi.clone()
    }

    /// Returns when the server was built, in seconds since 1970.
    pub(crate) fn started(&self) -> u64 {
        self.0.started
    }

    /// Makes the server unready, and new inference requests be refused, from now on.
    pub(crate) fn begin_drain(&self) {
        self.0.is_draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.is_draining.borrow()
    }

    /// Waits until the server is told to stop.
    pub(crate) async fn drains(&self) {
        let mut draining = self.0.is_draining.subscribe();
        // The sender lives as long as this.
        let _ = draining.wait_for(|is_draining| *is_draining).await;
    }
}
