//! What an inference request tells the layer that counts it.
//!
//! Handlers fill a record in as they learn about the request; `middleware::count` reads it once,
//! when the request ends or its client goes away.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use engine::Timing;

use crate::error::ErrorKind;

/// Whether a request has one input or a list, in the words of text-embeddings-inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Single,
    Batch,
    /// It ended before its body was read.
    Unknown,
}

impl Method {
    pub(crate) const ALL: [Self; 3] = [Self::Single, Self::Batch, Self::Unknown];

    /// Returns the value of the label `method`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Unknown => "unknown",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure(ErrorKind),
    /// The client went away.
    Dropped,
}

/// What was learned about one request so far. Cheap to clone; all clones are one record.
#[derive(Debug, Clone)]
pub(crate) struct Record(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    inputs: OnceLock<(Method, usize)>,
    results: OnceLock<Results>,
}

#[derive(Debug, Clone, Copy)]
struct Results {
    num_embedded: usize,
    num_truncated: usize,
    timing: Timing,
}

/// All that was learned about one request.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) method: Method,
    pub(crate) num_inputs: usize,
    pub(crate) num_embedded: usize,
    pub(crate) num_truncated: usize,
    /// `None` if the engine gave no results.
    pub(crate) timing: Option<Timing>,
    pub(crate) elapsed: Duration,
}

impl Record {
    /// Begins a record at the time at which the request came.
    pub(crate) fn begin() -> Self {
        let (inputs, results) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { began: Instant::now(), inputs, results }))
    }

    /// Notes what the request asks for.
    pub(crate) fn inputs(&self, method: Method, num_inputs: usize) {
        let _ = self.0.inputs.set((method, num_inputs));
    }

    /// Notes what the engine made of it.
    pub(crate) fn results(&self, num_embedded: usize, num_truncated: usize, timing: Timing) {
        let _ = self.0.results.set(Results { num_embedded, num_truncated, timing });
    }

    /// Returns what was noted.
    pub(crate) fn summary(&self) -> Summary {
        let (method, num_inputs) = *self.0.inputs.get().unwrap_or(&(Method::Unknown, 0));
        let results = self.0.results.get();
        Summary {
            method,
            num_inputs,
            num_embedded: results.map_or(0, |results| results.num_embedded),
            num_truncated: results.map_or(0, |results| results.num_truncated),
            timing: results.map(|results| results.timing),
            elapsed: self.0.began.elapsed(),
        }
    }
}
