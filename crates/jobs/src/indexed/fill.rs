//! Where records go: one namespace of one index, in batches, tried again while the store is away.

use std::time::Duration;

use index::{
    Checked, Fingerprint, IndexChange, IndexDescription, IndexName, IndexSpec, Namespace, Record,
    StoreError, Written,
};
use tokio::runtime::Handle;

use super::error::{AdmitError, FillError};
use super::fingerprint::{check_document_model, fingerprint};
use super::query::{TEXT_FIELD_TAG, text_field};
use crate::embed::EmbedSpec;

/// Records of one upsert: enough that a commit costs little beside them, and a few megabytes.
pub(super) const BATCH_RECORDS: usize = 1_000;
/// How often a batch is tried while the store is away, at twice the pause each time: 15 s in all.
const NUM_TRIES: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One namespace of one index, to be written from a thread that may block.
#[derive(Debug, Clone)]
pub struct Fill {
    /// Where the index is.
    pub indexes: Checked,
    /// Which index.
    pub index: IndexName,
    /// Which namespace of it.
    pub namespace: Namespace,
    /// The column of ids; rows are numbered without one.
    pub id_column: Option<String>,
    /// Whether vectors of another model may be mixed in.
    pub trust: Trust,
    /// What runs the store.
    pub runtime: Handle,
}

/// Whether the caller vouches for the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Vectors must be of the index's model.
    Check,
    /// The caller knows better.
    Force,
}

/// What becomes of a record that is there already and has the text and the metadata of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// It stays, and its row is not embedded again: a job that was killed goes on where it was.
    Keep,
    /// It is embedded and written again.
    Rewrite,
}

impl Fill {
    pub(super) fn describe(&self) -> Result<IndexDescription, FillError> {
        Ok(self.runtime.block_on(self.indexes.describe_index(&self.index))?)
    }

    /// Checks that vectors of `given` may be written. Returns what the index will be, and the change
    /// that makes it so: [`Fill::bind`] binds the model to an index that has none and no vectors, and
    /// makes `text_column` the field of texts where none is said.
    pub(super) fn admit(
        &self,
        mut there: IndexDescription,
        given: &EmbedSpec,
        text_column: &str,
    ) -> Result<(IndexSpec, IndexChange), FillError> {
        let fingerprint = admit(&there, fingerprint(given).as_ref(), self.trust)?;
        check_dimensions(&there.spec, given)?;
        let mut change = IndexChange { fingerprint, ..IndexChange::default() };
        if text_field(&there.spec).is_none() && !text_column.is_empty() {
            change.tags.insert(TEXT_FIELD_TAG.to_owned(), text_column.to_owned());
        }
        there.spec.apply(&change);
        Ok((there.spec, change))
    }

    /// Makes a change that [`Fill::admit`] found, once nothing stands against writing.
    pub(super) fn bind(&self, change: &IndexChange) -> Result<(), FillError> {
        if *change != IndexChange::default() {
            self.runtime.block_on(self.indexes.configure_index(&self.index, change))?;
        }
        Ok(())
    }

    /// Returns how many records the namespace has.
    pub(super) fn num_records(&self) -> Result<u64, FillError> {
        let stats = self.runtime.block_on(self.indexes.stats(&self.index, None))?;
        let ours = stats.namespaces.iter().find(|there| there.namespace == self.namespace);
        Ok(ours.map_or(0, |there| there.num_records))
    }

    /// Returns the records of these ids that are there.
    pub(super) fn fetch(&self, ids: &[String]) -> Result<Vec<Record>, FillError> {
        let mut there = Vec::new();
        for ids in ids.chunks(BATCH_RECORDS) {
            let fetched = self.indexes.fetch(&self.index, &self.namespace, ids);
            there.extend(self.runtime.block_on(fetched)?);
        }
        Ok(there)
    }

    /// Writes records, of which `num_written` came before.
    pub(super) fn write(&self, records: &[Record], num_written: u64) -> Result<(), FillError> {
        let mut num_done = 0;
        for batch in records.chunks(BATCH_RECORDS) {
            self.runtime.block_on(self.upsert(batch)).map_err(|source| {
                let failed = failed_ids(&source, batch);
                FillError::NotWritten {
                    first_id: failed.first().cloned().unwrap_or_default(),
                    last_id: failed.last().cloned().unwrap_or_default(),
                    num_failed: failed.len(),
                    num_written: num_written + num_done,
                    source: Box::new(source),
                }
            })?;
            num_done += batch.len() as u64;
        }
        Ok(())
    }

    async fn upsert(&self, batch: &[Record]) -> Result<Written, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..NUM_TRIES {
            match self.indexes.upsert(&self.index, &self.namespace, batch.to_vec()).await {
                Err(error) if error.is_retryable() => tokio::time::sleep(pause).await,
                ended => return ended,
            }
            pause *= 2;
        }
        self.indexes.upsert(&self.index, &self.namespace, batch.to_vec()).await
    }
}

fn check_dimensions(spec: &IndexSpec, given: &EmbedSpec) -> Result<(), FillError> {
    if spec.dimensions == given.dimensions {
        return Ok(());
    }
    let model = if given.model.is_empty() { "the dataset" } else { &given.model };
    Err(FillError::Dimensions {
        index: spec.name.as_str().to_owned(),
        expected: spec.dimensions,
        model: model.to_owned(),
        got: given.dimensions,
    })
}

fn failed_ids(error: &StoreError, batch: &[Record]) -> Vec<String> {
    if let StoreError::Partial { failed_ids, .. } = error {
        return failed_ids.clone();
    }
    batch.iter().map(|record| record.id.clone()).collect()
}

/// Decides whether vectors of `given` may be written into an index, and returns the fingerprint to
/// bind to it first, if any.
///
/// # Errors
///
/// [`AdmitError`] if they may not.
pub fn admit(
    there: &IndexDescription,
    given: Option<&Fingerprint>,
    trust: Trust,
) -> Result<Option<Fingerprint>, AdmitError> {
    let name = &there.spec.name;
    let index = || name.as_str().to_owned();
    match (&there.spec.fingerprint, given) {
        (None, Some(given)) if there.num_records == 0 => Ok(Some(given.clone())),
        (None, None) => Ok(None),
        _ if trust == Trust::Force => Ok(None),
        (Some(recorded), Some(given)) => {
            check_document_model(name, recorded, given)?;
            Ok(None)
        }
        (None, Some(given)) => Err(AdmitError::UnknownThere {
            index: index(),
            num_records: there.num_records,
            given: given.model.clone(),
        }),
        (Some(recorded), None) => {
            Err(AdmitError::UnknownHere { index: index(), recorded: recorded.model.clone() })
        }
    }
}
