//! What is wrong with a request, before any store is asked.

use crate::filter::FilterError;
use crate::metadata::MetadataError;
use crate::spec::IndexName;

/// A request that no store may see.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRequest {
    /// A name that breaks the rules.
    #[error(
        "`{name}` is no name for an index; use 1 to 45 lower-case letters, digits and `-`, with a letter or a digit at both ends"
    )]
    IndexName {
        /// As sent.
        name: String,
    },
    /// Dimensions that no index can have.
    #[error("an index of dense vectors has 1 to {max} dimensions, not {got}")]
    IndexDimensions {
        /// As sent.
        got: usize,
        /// The store's limit.
        max: usize,
    },
    /// A metric, a kind of vector or a model that do not go together.
    #[error("{what}")]
    Spec {
        /// What does not go together.
        what: &'static str,
    },
    /// A model for an index of other vectors.
    #[error(
        "model `{model}` gives embeddings of {got} dimensions, and index `{index}` has {expected}"
    )]
    ModelDimensions {
        /// Which model.
        model: String,
        /// Its dimensions.
        got: usize,
        /// The index.
        index: IndexName,
        /// The index's dimensions.
        expected: usize,
    },
    /// A namespace's name that is too long or has a NUL.
    #[error("a namespace's name has at most {max} bytes and no NUL; this one has {got} bytes")]
    Namespace {
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// An id that is empty or too long.
    #[error("an id has 1 to {max} bytes; record {position} has one of {got}")]
    Id {
        /// The record, from 0.
        position: usize,
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// An id twice in one batch.
    #[error("id `{id}` comes twice in one batch; send each id once")]
    DuplicateId {
        /// Which.
        id: String,
    },
    /// Too many records in one batch, or none.
    #[error("a batch has 1 to {max} records, not {got}")]
    BatchSize {
        /// How many.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A vector of another length.
    #[error("{place} has {got} dimensions, and index `{index}` has {expected}")]
    Dimensions {
        /// Which vector.
        place: String,
        /// The index.
        index: IndexName,
        /// Its dimensions.
        expected: usize,
        /// The vector's.
        got: usize,
    },
    /// A number that is infinite or none.
    #[error("{place} has {value} at position {position}; all numbers must be finite")]
    NotFinite {
        /// Which vector.
        place: String,
        /// Where in it.
        position: usize,
        /// The number.
        value: f32,
    },
    /// A vector without a direction.
    #[error("{place} is all zeros, which has no direction and so no cosine")]
    ZeroVector {
        /// Which vector.
        place: String,
    },
    /// A vector so long that scores would be infinite.
    #[error(
        "{place} has the length {length:.2e}, and scores are finite for lengths up to {max:e}; scale your vectors down"
    )]
    TooLong {
        /// Which vector.
        place: String,
        /// Its length.
        length: f64,
        /// The limit.
        max: f64,
    },
    /// A vector so short that its direction is lost to rounding.
    #[error(
        "{place} has the length {length:.2e}, and a cosine needs {min:e} at least; scale your vectors up"
    )]
    TooShort {
        /// Which vector.
        place: String,
        /// Its length.
        length: f64,
        /// The limit.
        min: f64,
    },
    /// A sparse vector that is none, or is none too many.
    #[error("{place} {problem}")]
    Sparse {
        /// Which vector.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Metadata that no record can have.
    #[error("{place}: {source}")]
    Metadata {
        /// Whose.
        place: String,
        /// What is wrong with it.
        source: MetadataError,
    },
    /// JSON that is no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// No or too many matches asked for.
    #[error("top_k is 1 to {max}, not {got}")]
    TopK {
        /// As sent.
        got: usize,
        /// The limit.
        max: usize,
    },
}
