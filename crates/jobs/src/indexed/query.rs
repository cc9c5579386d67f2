//! A text and its embedding → a query.

use index::{Filter, Fusion, Include, IndexSpec, Precision, Query, SparseVector, SparseWeights};

use crate::terms::query_terms;

/// What the names of tags begin with that are kept for the index itself and are no caller's own.
pub const RESERVED_TAGS: &str = "sembla.";
/// The tag under which an index keeps the name of the metadata field that holds each record's text.
pub const TEXT_FIELD_TAG: &str = "sembla.text_field";

/// Which parts of a record a text is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// Both in an index that has both, else the dense one.
    #[default]
    All,
    /// The dense vectors alone.
    Dense,
    /// Both; an index without words is an error.
    Hybrid,
}

/// What is wanted of a query beside its text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    /// The most matches.
    pub top_k: usize,
    /// Which records count; all without one.
    pub filter: Option<Filter>,
    /// Whether it may miss.
    pub precision: Precision,
    /// Dense, or dense and words.
    pub parts: Parts,
}

/// A query by words to an index that has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "index `{index}` keeps no words beside its vectors; create it with --hybrid for queries with both"
)]
pub struct HybridError {
    /// The index.
    pub index: String,
}

/// Returns whether an index keeps the words of texts beside dense vectors.
pub fn is_hybrid(spec: &IndexSpec) -> bool {
    spec.sparse_weights == SparseWeights::InverseDocumentFrequency && spec.dimensions > 0
}

/// Returns the metadata field that holds each record's text, if the index says one.
pub fn text_field(spec: &IndexSpec) -> Option<&str> {
    spec.tags.get(TEXT_FIELD_TAG).map(String::as_str)
}

/// Makes the query for `text`, whose embedding is `vector`.
///
/// # Errors
///
/// [`HybridError`] if words are asked for and the index has none.
pub fn text_query(
    spec: &IndexSpec,
    text: &str,
    vector: Vec<f32>,
    wanted: TextQuery,
) -> Result<Query, HybridError> {
    let sparse = words(spec, text, wanted.parts)?;
    let fusion = if sparse.is_some() { Fusion::ReciprocalRank } else { Fusion::Sum };
    Ok(Query {
        vector,
        sparse,
        fusion,
        top_k: wanted.top_k,
        filter: wanted.filter,
        include: Include { values: false, metadata: true },
        precision: wanted.precision,
    })
}

fn words(spec: &IndexSpec, text: &str, parts: Parts) -> Result<Option<SparseVector>, HybridError> {
    match (parts, is_hybrid(spec)) {
        (Parts::Hybrid, false) => Err(HybridError { index: spec.name.as_str().to_owned() }),
        (Parts::Dense, _) | (Parts::All, false) => Ok(None),
        // A text without any word has a dense part alone.
        (Parts::All | Parts::Hybrid, true) => {
            Ok(Some(query_terms(text)).filter(|terms| !terms.indices.is_empty()))
        }
    }
}
