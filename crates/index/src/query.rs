//! Queries and what they find.

use std::time::Duration;

use crate::filter::Filter;
use crate::metadata::Metadata;
use crate::record::SparseVector;

/// The nearest records to a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `[dimensions]`; empty in an index of sparse vectors.
    pub vector: Vec<f32>,
    /// The sparse part, if any.
    pub sparse: Option<SparseVector>,
    /// How the dense and the sparse part make one order.
    pub fusion: Fusion,
    /// The most matches, 1 to 10,000. Fewer come only if fewer records pass the filter.
    pub top_k: usize,
    /// Which records count; all without one.
    pub filter: Option<Filter>,
    /// What comes with each match.
    pub include: Include,
    /// Whether compressed vectors may be looked at first.
    pub precision: Precision,
}

/// How scores of the dense and the sparse part make one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fusion {
    /// Their sum, as Pinecone does it. The only one for a query with one part.
    #[default]
    Sum,
    /// The sum of `1 / (60 + rank)` over the parts, ranks counted from 1.
    ///
    /// # Source
    ///
    /// Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual
    /// rank learning methods", SIGIR 2009.
    ReciprocalRank,
}

/// What comes with each match, beside id and score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Include {
    /// The vectors.
    pub values: bool,
    /// The metadata.
    pub metadata: bool,
}

/// Whether a query may miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// The store chooses the cheapest way that is good enough for the size of the namespace.
    #[default]
    Auto,
    /// Every record is compared in full precision.
    Exact,
}

/// One record that a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Which record.
    pub id: String,
    /// How near, in the index's metric or, fused, the fused score.
    pub score: f32,
    /// Its vector, if asked for.
    pub values: Vec<f32>,
    /// Its sparse vector, if asked for and there.
    pub sparse: Option<SparseVector>,
    /// Its metadata, if asked for.
    pub metadata: Metadata,
    /// What each part of a fused query gave it; empty without fusion.
    pub stages: Vec<StageScore>,
}

/// What one part of a fused query gave to a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageScore {
    /// `dense` or `sparse`.
    pub stage: &'static str,
    /// In that part's own measure.
    pub score: f32,
    /// From 1.
    pub rank: usize,
}

/// What a query found, best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryResult {
    /// At most `top_k`.
    pub matches: Vec<Match>,
    /// The number of the last write that was seen; 0 where a store has none.
    pub lsn: u64,
    /// How they were found.
    pub explain: Explain,
}

/// The way of a query, step by step. A remote store tells nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explain {
    /// In the order that they ran.
    pub stages: Vec<Stage>,
}

/// One step of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// `filter`, `one-bit`, `int8`, `f32`, `sparse`, `fusion`.
    pub name: &'static str,
    /// Records that were looked at.
    pub num_candidates: u64,
    /// Whether it could not have missed.
    pub is_exact: bool,
    /// How long it took.
    pub took: Duration,
}
