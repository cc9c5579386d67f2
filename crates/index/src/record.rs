//! Records, and the ways to name some of them.

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::metadata::Metadata;

/// A part of an index that a request is about. The default one has the empty name; Pinecone also
/// calls it `__default__`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Namespace(String);

impl Namespace {
    /// Names a namespace.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        if name == "__default__" { Self::default() } else { Self(name) }
    }

    /// Returns the name; empty for the default one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Some terms with weights; all others weigh nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SparseVector {
    /// Terms, ascending, each once.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
}

impl SparseVector {
    /// Puts terms and weights in order.
    pub fn sorted(indices: Vec<u32>, values: Vec<f32>) -> Self {
        let mut terms: Vec<(u32, f32)> = indices.into_iter().zip(values).collect();
        terms.sort_by_key(|term| term.0);
        let (indices, values) = terms.into_iter().unzip();
        Self { indices, values }
    }

    /// Returns the dot product.
    pub fn dot(&self, other: &Self) -> f32 {
        let mut sum = 0.0;
        let (mut a, mut b) = (0, 0);
        while a < self.indices.len() && b < other.indices.len() {
            match self.indices[a].cmp(&other.indices[b]) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.values[a] * other.values[b];
                    a += 1;
                    b += 1;
                }
            }
        }
        sum
    }
}

/// One vector with its id and metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// 1 to 512 bytes, unique in its namespace.
    pub id: String,
    /// `[dimensions]`; empty in an index of sparse vectors.
    pub values: Vec<f32>,
    /// Beside the dense vector or, in an index of sparse vectors, alone.
    pub sparse: Option<SparseVector>,
    /// What filters look at.
    pub metadata: Metadata,
}

/// A change of one record that is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update {
    /// Which record.
    pub id: String,
    /// The new vector, if it changes.
    pub values: Option<Vec<f32>>,
    /// The new sparse vector, if it changes.
    pub sparse: Option<SparseVector>,
    /// Fields to set; others stay.
    pub set_metadata: Metadata,
}

impl Update {
    /// Changes a record.
    pub(crate) fn apply(self, record: &mut Record) {
        if let Some(values) = self.values {
            record.values = values;
        }
        if self.sparse.is_some() {
            record.sparse = self.sparse;
        }
        record.metadata.extend(self.set_metadata);
    }
}

/// Which records a deletion or a change is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// These; ids that are not there are no error.
    Ids(Vec<String>),
    /// All whose metadata passes.
    Filter(Filter),
    /// The whole namespace.
    All,
}

/// A page of ids, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordPage {
    /// The ids.
    pub ids: Vec<String>,
    /// The last of them if more follow: where the next page begins after.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_namespace_has_two_names() {
        assert_eq!(Namespace::new("__default__"), Namespace::default());
        assert_eq!(Namespace::new("").as_str(), "");
        assert_eq!(Namespace::new("a").as_str(), "a");
    }

    #[test]
    fn a_sparse_dot_product_counts_common_terms_only() {
        let a = SparseVector::sorted(vec![9, 1, 5], vec![3.0, 1.0, 2.0]);
        let b = SparseVector::sorted(vec![2, 5, 9], vec![7.0, 10.0, 100.0]);
        assert_eq!(a.indices, [1, 5, 9]);
        assert_eq!(a.dot(&b), 320.0);
        assert_eq!(b.dot(&a), 320.0);
        assert_eq!(a.dot(&SparseVector::default()), 0.0);
    }
}
