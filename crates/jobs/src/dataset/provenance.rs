//! Where embeddings come from, as a dataset says it to a machine.

use serde::{Deserialize, Serialize};

use crate::embed::EmbedSpec;

/// The metadata key of each Parquet file under which the provenance stands, as JSON.
pub(super) const PROVENANCE_KEY: &str = "sembla";

/// The format of the JSON. A reader refuses a larger number.
pub(super) const FORMAT: u32 = 1;

/// What made the embeddings of a dataset, and of which column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Of this JSON.
    pub format: u32,
    /// The version of Sembla that wrote it.
    pub version: String,
    /// The column that was embedded.
    pub column: String,
    /// The column that the embeddings are in.
    pub embedding_column: String,
    /// What embedded it.
    pub encoder: EmbedSpec,
}

/// Why vectors of one encoder mean nothing among those of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} differ: the dataset has {recorded}, and the model gives {given}")]
pub struct EncoderMismatch {
    /// What differs.
    pub what: &'static str,
    /// In the dataset.
    pub recorded: String,
    /// By the model at hand.
    pub given: String,
}

impl Provenance {
    pub(crate) fn new(column: &str, embedding_column: &str, encoder: EmbedSpec) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            column: column.to_owned(),
            embedding_column: embedding_column.to_owned(),
            encoder,
        }
    }

    /// Checks that a query embedded as `given` may be compared with this dataset.
    ///
    /// The model's name and the prompt may differ: a folder may have moved, and several models want
    /// one prompt before documents and another before queries.
    ///
    /// # Errors
    ///
    /// [`EncoderMismatch`] with the first difference.
    pub fn check(&self, given: &EmbedSpec) -> Result<(), EncoderMismatch> {
        let recorded = &self.encoder;
        let rows = [
            ("weights", recorded.weight_hash.clone(), given.weight_hash.clone()),
            ("pooling modes", recorded.pooling.join(", "), given.pooling.join(", ")),
            ("dimensions", recorded.dimensions.to_string(), given.dimensions.to_string()),
        ];
        for (what, recorded, given) in rows {
            if recorded != given {
                return Err(EncoderMismatch { what, recorded, given });
            }
        }
        Ok(())
    }
}
