//! Whether the server keeps indexes, and what their store's errors are to a client.

use std::sync::Arc;

use axum::http::StatusCode;
use index::{Checked, EmbeddedStore, InvalidRequest, StoreError};

use crate::error::{ErrorKind, HttpError, RESTART_RETRY};
use crate::metrics::{CountedStore, Metrics};

/// Whether the server keeps indexes.
#[derive(Debug, Clone)]
pub enum Indexes {
    /// In this store.
    In(Checked),
    /// In the store of the data directory, which can also be copied and checked.
    Embedded {
        /// The store itself.
        store: Arc<EmbeddedStore>,
        /// The same behind the checks.
        checked: Checked,
    },
    /// Not at all: the routes of indexes answer with the reason.
    None {
        /// Why, after "because": a clause with what to do about it, such as `no data directory was
        /// given with --data-dir`.
        why: String,
    },
}

impl Indexes {
    /// Keeps indexes in the store of the data directory.
    pub fn embedded(store: Arc<EmbeddedStore>) -> Self {
        Self::Embedded { checked: Checked::new(Arc::clone(&store) as Arc<_>), store }
    }

    /// Counts what the store is asked.
    pub(crate) fn counted(self, metrics: &Metrics) -> Self {
        let count = |checked: Checked| {
            checked.map_store(|store| Arc::new(CountedStore::new(store, metrics.clone())))
        };
        match self {
            Self::In(checked) => Self::In(count(checked)),
            Self::Embedded { store, checked } => Self::Embedded { store, checked: count(checked) },
            Self::None { why } => Self::None { why },
        }
    }

    pub(crate) fn get(&self) -> Result<&Checked, HttpError> {
        match self {
            Self::In(store) | Self::Embedded { checked: store, .. } => Ok(store),
            Self::None { why } => {
                let message = format!("this server keeps no indexes, because {why}");
                Err(HttpError::new(ErrorKind::Index(IndexErrorKind::NoIndexes), message))
            }
        }
    }

    /// Returns the store of the data directory.
    pub(crate) fn get_embedded(&self) -> Result<Arc<EmbeddedStore>, HttpError> {
        if let Self::Embedded { store, .. } = self {
            return Ok(Arc::clone(store));
        }
        let name = self.get()?.capabilities().name;
        let what = "be copied or checked by this server";
        Err(StoreError::Unsupported { store: name, what }.into())
    }
}

/// What went wrong with an index, as far as clients treat it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexErrorKind {
    /// The server keeps none.
    NoIndexes,
    /// No index of this name.
    UnknownIndex,
    /// No namespace or record of this name.
    UnknownRecord,
    /// The name is taken.
    Exists,
    /// It may not be deleted.
    Protected,
    /// Text was sent to an index without a model, or with one that is not served here.
    WrongModel,
    /// The store cannot do this at all.
    Unsupported,
    /// The disk is full.
    NoSpace,
    /// A remote store does not answer.
    Unavailable,
    /// The store failed, or a file is damaged.
    Failed,
}

impl IndexErrorKind {
    /// Returns the status, the same in all dialects.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoIndexes | Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownIndex | Self::UnknownRecord => StatusCode::NOT_FOUND,
            Self::Exists => StatusCode::CONFLICT,
            Self::Protected => StatusCode::FORBIDDEN,
            Self::WrongModel => StatusCode::PRECONDITION_FAILED,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<InvalidRequest> for HttpError {
    fn from(err: InvalidRequest) -> Self {
        Self::new(ErrorKind::BadField, err.to_string())
    }
}

impl From<StoreError> for HttpError {
    fn from(err: StoreError) -> Self {
        let error = Self::new(kind(&err), chain(&err));
        if err.is_retryable() { error.retry_after(RESTART_RETRY) } else { error }
    }
}

// No wildcard: a new variant must decide.
fn kind(err: &StoreError) -> ErrorKind {
    let kind = match err {
        StoreError::Invalid(_) => return ErrorKind::BadField,
        StoreError::Closed => return ErrorKind::NotReady,
        StoreError::Partial { source, .. } => return kind(source),
        StoreError::IndexNotFound { .. } => IndexErrorKind::UnknownIndex,
        StoreError::NamespaceNotFound { .. } | StoreError::RecordNotFound { .. } => {
            IndexErrorKind::UnknownRecord
        }
        StoreError::IndexExists { .. } => IndexErrorKind::Exists,
        StoreError::Protected { .. } => IndexErrorKind::Protected,
        StoreError::Unsupported { .. } => IndexErrorKind::Unsupported,
        StoreError::NoSpace { .. } | StoreError::IndexFull { .. } => IndexErrorKind::NoSpace,
        StoreError::Unavailable { .. } => IndexErrorKind::Unavailable,
        StoreError::Refused { .. } if err.is_retryable() => IndexErrorKind::Unavailable,
        StoreError::Refused { .. }
        | StoreError::Locked { .. }
        | StoreError::Damaged { .. }
        | StoreError::Crashed
        | StoreError::Io { .. } => IndexErrorKind::Failed,
    };
    ErrorKind::Index(kind)
}

/// Returns an error and what it came from, in one line.
pub(crate) fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        text.push_str(": ");
        text.push_str(&err.to_string());
        source = err.source();
    }
    text
}
