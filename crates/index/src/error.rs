//! What can go wrong between a request and a store.

use std::path::PathBuf;

use crate::invalid::InvalidRequest;
use crate::spec::IndexName;

/// A request that a store did not carry out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request itself is wrong; no store was asked.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// No such index.
    #[error("there is no index `{name}`")]
    IndexNotFound {
        /// The name asked for.
        name: String,
    },
    /// The name is taken.
    #[error("there is an index `{name}` already")]
    IndexExists {
        /// The name.
        name: String,
    },
    /// It may not be deleted.
    #[error("index `{name}` is protected from deletion; disable its deletion protection first")]
    Protected {
        /// The index.
        name: String,
    },
    /// No such namespace.
    #[error("index `{index}` has no namespace `{namespace}`")]
    NamespaceNotFound {
        /// The index.
        index: String,
        /// The namespace asked for.
        namespace: String,
    },
    /// No such record.
    #[error("there is no record `{id}` in namespace `{namespace}` of index `{index}`")]
    RecordNotFound {
        /// The index.
        index: String,
        /// The namespace.
        namespace: String,
        /// The id asked for.
        id: String,
    },
    /// The store cannot do this at all.
    #[error("the {store} store cannot {what}")]
    Unsupported {
        /// Which store.
        store: &'static str,
        /// What was asked, after "cannot".
        what: &'static str,
    },
    /// The store cannot be reached or is too busy. Worth another try.
    #[error("the {store} store does not answer")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A remote store refused.
    #[error("the {store} store {}: {message}", answered(*.status))]
    Refused {
        /// Which store.
        store: &'static str,
        /// Its status code; 0 where it has none.
        status: u16,
        /// Its words.
        message: String,
    },
    /// Some records of a bulk write were not written.
    #[error("{} of {} records were not written, first `{}`", .failed_ids.len(), .num_records, .failed_ids.first().map_or("", String::as_str))]
    Partial {
        /// All ids that were not written.
        failed_ids: Vec<String>,
        /// All records of the request.
        num_records: usize,
        /// Why.
        source: Box<StoreError>,
    },
    /// Nothing more fits on the disk. Nothing of the request was kept.
    #[error("no space is left under {}; nothing of this request was kept", .path.display())]
    NoSpace {
        /// The data directory.
        path: PathBuf,
    },
    /// The file of an index has reached the size that was set for it. Nothing of the request was kept.
    #[error("{} has reached the limit of {max_bytes} bytes for one index; nothing of this request was kept", .path.display())]
    IndexFull {
        /// The folder of the index.
        path: PathBuf,
        /// The limit.
        max_bytes: u64,
    },
    /// Another process has the data directory open.
    #[error("{} is in use by {}; stop it, or give this one another data directory", .path.display(), .pid.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process that has it, if it said so.
        pid: Option<u32>,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        what: String,
    },
    /// Reading or writing failed otherwise.
    #[error("failed to use {}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A defect of the store: it panicked. Of a write, all is kept or nothing.
    #[error("the store failed in the middle of this request; the log says where")]
    Crashed,
    /// The store was closed, by a shutdown or the deletion of the index.
    #[error("the store is closed")]
    Closed,
}

fn answered(status: u16) -> String {
    if status == 0 { "failed".to_owned() } else { format!("answered {status}") }
}

impl StoreError {
    /// Says that there is no such index.
    pub fn index_not_found(index: &IndexName) -> Self {
        Self::IndexNotFound { name: index.as_str().to_owned() }
    }

    /// Says that a name is taken.
    pub fn index_exists(index: &IndexName) -> Self {
        Self::IndexExists { name: index.as_str().to_owned() }
    }

    /// Returns whether the same request may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Partial { source, .. } => source.is_retryable(),
            Self::Invalid(_)
            | Self::IndexNotFound { .. }
            | Self::IndexExists { .. }
            | Self::Protected { .. }
            | Self::NamespaceNotFound { .. }
            | Self::RecordNotFound { .. }
            | Self::Unsupported { .. }
            | Self::NoSpace { .. }
            | Self::IndexFull { .. }
            | Self::Locked { .. }
            | Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Crashed
            | Self::Closed => false,
        }
    }
}
