//! What an index is: its name, its metric, its dimensions, and the model that its vectors are of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::Namespace;

/// The name of an index: lower-case letters, digits and `-`, 1 to 45 of them, as Pinecone has it.
///
/// It is a folder's name and a part of a path, so nothing else ever gets into one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IndexName(String);

impl IndexName {
    /// The most characters.
    pub const MAX_LEN: usize = 45;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IndexName {
    type Error = crate::InvalidRequest;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_good = (1..=Self::MAX_LEN).contains(&name.len())
            && name.chars().all(is_inner)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if is_good { Ok(Self(name)) } else { Err(crate::InvalidRequest::IndexName { name }) }
    }
}

impl TryFrom<&str> for IndexName {
    type Error = crate::InvalidRequest;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::try_from(name.to_owned())
    }
}

impl From<IndexName> for String {
    fn from(name: IndexName) -> Self {
        name.0
    }
}

impl std::fmt::Display for IndexName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How near two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of their angle; a larger score is closer.
    Cosine,
    /// Their dot product; a larger score is closer.
    DotProduct,
    /// The square of their distance, as Pinecone reports it; a smaller score is closer.
    Euclidean,
}

impl Metric {
    /// Returns whether `a` is the score of a closer vector than `b`.
    pub fn is_closer(self, a: f32, b: f32) -> bool {
        match self {
            Self::Cosine | Self::DotProduct => a > b,
            Self::Euclidean => a < b,
        }
    }
}

/// What a record of an index must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorKind {
    /// A dense vector of `dimensions` floats; with [`Metric::DotProduct`] a sparse one may stand
    /// beside it, and in an index with [`SparseWeights::InverseDocumentFrequency`] always.
    Dense,
    /// A sparse vector alone.
    Sparse,
}

/// What the sparse part of a query is weighted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SparseWeights {
    /// As sent.
    #[default]
    AsSent,
    /// Each term times how rare it is in the namespace, `ln(1 + (N - n + 0.5) / (n + 0.5))`: the
    /// half of BM25 that only the index knows.
    InverseDocumentFrequency,
}

/// Whether an index may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// It may not.
    Enabled,
    /// It may.
    #[default]
    Disabled,
}

/// Which model vectors came from, exactly: vectors of two fingerprints cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// What to call the model, and where to find it again.
    pub model: String,
    /// Of the weight files.
    pub weight_hash: String,
    /// `mean`, `cls` ….
    pub pooling: String,
    /// Whether vectors were scaled to length 1.
    pub normalized: bool,
    /// What stood before each document.
    pub document_prompt: String,
    /// What stands before each query.
    pub query_prompt: String,
    /// Floats of a vector.
    pub dimensions: usize,
}

/// What is asked for when an index is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexSpec {
    /// Unique in its store.
    pub name: IndexName,
    /// Floats of a dense vector, 1 to 20,000; 0 in an index of sparse vectors.
    pub dimensions: usize,
    /// How near two vectors are.
    pub metric: Metric,
    /// Dense or sparse.
    pub kind: VectorKind,
    /// What queries' sparse vectors are weighted with.
    #[serde(default)]
    pub sparse_weights: SparseWeights,
    /// Whether it may be deleted.
    #[serde(default)]
    pub protection: Protection,
    /// The caller's own notes, such as Pinecone's tags and field map.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The model that texts are embedded with; `None` until one is bound.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
}

impl IndexSpec {
    /// Changes what may change of an index that exists.
    pub fn apply(&mut self, change: &IndexChange) {
        if let Some(protection) = change.protection {
            self.protection = protection;
        }
        for (tag, value) in &change.tags {
            if value.is_empty() {
                self.tags.remove(tag);
            } else {
                self.tags.insert(tag.clone(), value.clone());
            }
        }
        if let Some(fingerprint) = &change.fingerprint {
            self.fingerprint = Some(fingerprint.clone());
        }
    }
}

/// A change of an index. What is `None` stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexChange {
    /// Whether it may be deleted.
    pub protection: Option<Protection>,
    /// Tags to set; one with an empty value is removed.
    pub tags: BTreeMap<String, String>,
    /// The model to bind, whatever was bound before.
    pub fingerprint: Option<Fingerprint>,
}

/// What an index is and how much it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexDescription {
    /// As it was created and changed.
    pub spec: IndexSpec,
    /// All records.
    pub num_records: u64,
}

/// How much a namespace holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceStats {
    /// Which.
    pub namespace: Namespace,
    /// Its records, or those of them that pass the filter.
    pub num_records: u64,
}

/// How much an index holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Namespaces that hold anything, by name.
    pub namespaces: Vec<NamespaceStats>,
    /// The number of the last write that these counts contain; 0 where a store has none.
    pub lsn: u64,
}

impl Stats {
    /// Returns the records of all namespaces.
    pub fn num_records(&self) -> u64 {
        self.namespaces.iter().map(|namespace| namespace.num_records).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_letters_digits_and_hyphens() {
        for good in ["a", "hf-endpoints", "0-9", &"x".repeat(45)] {
            assert!(IndexName::try_from(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a-", "a/b", "..", "ü", "a b", &"x".repeat(46)] {
            assert!(IndexName::try_from(bad).is_err(), "{bad}");
        }
    }
}
