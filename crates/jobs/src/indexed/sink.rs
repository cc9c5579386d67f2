//! Embedded rows → records of an index.

use std::collections::{HashMap, VecDeque};

use arrow::array::RecordBatch;
use index::{IndexChange, IndexSpec, Record};

use super::error::FillError;
use super::fill::{Fill, Present, Trust};
use super::rows::{RecordMaker, RowsError, check_records, check_text_field, set_vectors};
use crate::embed::EmbedSpec;

/// An index that may be filled with embeddings of one kind.
pub(crate) struct Admitted<'a> {
    fill: &'a Fill,
    /// As the index will be once it is bound.
    spec: IndexSpec,
    change: IndexChange,
    text_column: &'a str,
}

/// An index that is being filled. Rows come in order, first to [`IndexSink::plan`] and later, with
/// their embeddings, to [`IndexSink::write`].
pub(crate) struct IndexSink<'a> {
    fill: &'a Fill,
    maker: RecordMaker<'a>,
    looks: bool,
    planned: VecDeque<Planned>,
    num_written: u64,
}

/// The records of some rows, without their vectors, and which of them the index has already.
struct Planned {
    records: Vec<Record>,
    is_there: Vec<bool>,
}

impl<'a> Admitted<'a> {
    /// Checks that embeddings like these belong there; they are of the texts of `text_column`, one of
    /// `columns`.
    pub(crate) fn new(
        fill: &'a Fill,
        embed: &EmbedSpec,
        text_column: &'a str,
        columns: &[&str],
    ) -> Result<Self, FillError> {
        let there = fill.describe()?;
        check_text_field(&there.spec, text_column, columns)?;
        let (spec, change) = fill.admit(there, embed, text_column)?;
        Ok(Self { fill, spec, change, text_column })
    }

    /// Returns what checks all rows, in order, before any is embedded.
    pub(crate) fn row_check(&self) -> RowCheck<'_> {
        // Of length 1, so that every metric takes it.
        let mut vector = vec![0.0; self.spec.dimensions];
        vector.first_mut().into_iter().for_each(|x| *x = 1.0);
        RowCheck { admitted: self, maker: self.maker(), vector }
    }

    /// Begins to write. What of the index's rows is kept is decided by `present`.
    pub(crate) fn sink(&self, present: Present) -> Result<IndexSink<'_>, FillError> {
        self.fill.bind(&self.change)?;
        // Whoever mixes models cannot tell by a text whose vector it has.
        let may_keep = present == Present::Keep && self.fill.trust == Trust::Check;
        let looks = may_keep && self.fill.num_records()? > 0;
        let maker = self.maker();
        Ok(IndexSink { fill: self.fill, maker, looks, planned: VecDeque::new(), num_written: 0 })
    }

    fn maker(&self) -> RecordMaker<'_> {
        RecordMaker::new(&self.spec, self.fill.id_column.as_deref(), self.text_column)
    }
}

/// The check of all rows before any is embedded.
pub(crate) struct RowCheck<'a> {
    admitted: &'a Admitted<'a>,
    maker: RecordMaker<'a>,
    /// In place of those that are not there yet.
    vector: Vec<f32>,
}

impl RowCheck<'_> {
    /// Checks the rows that come next.
    pub(crate) fn check(&mut self, rows: &RecordBatch) -> Result<(), RowsError> {
        let Admitted { fill, spec, .. } = self.admitted;
        let mut records = self.maker.records(rows)?;
        set_vectors(&mut records, &self.vector.repeat(rows.num_rows()));
        check_records(&fill.indexes, spec, &records)
    }
}

impl IndexSink<'_> {
    /// Says of each row whether the index has it already, with the same text and the same metadata.
    pub(crate) fn plan(&mut self, rows: &RecordBatch) -> Result<Vec<bool>, FillError> {
        let first_row = self.maker.next_row() + 1;
        let records = self.maker.records(rows).map_err(|error| error.numbered(first_row))?;
        let is_there = if self.looks { self.look(&records)? } else { vec![false; records.len()] };
        self.planned.push_back(Planned { records, is_there: is_there.clone() });
        Ok(is_there)
    }

    fn look(&self, records: &[Record]) -> Result<Vec<bool>, FillError> {
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        let there = self.fill.fetch(&ids)?.into_iter();
        let there: HashMap<String, Record> =
            there.map(|record| (record.id.clone(), record)).collect();
        let is_same = |record: &Record| {
            let there = there.get(&record.id);
            there.is_some_and(|it| it.metadata == record.metadata && it.sparse == record.sparse)
        };
        Ok(records.iter().map(is_same).collect())
    }

    /// Writes the rows that were planned first, with their embeddings `[num_rows, dimensions]`; those
    /// that are there already stay as they are.
    pub(crate) fn write(&mut self, embeddings: &[f32]) -> Result<(), FillError> {
        let planned = self.planned.pop_front().expect("rows are planned before they are written");
        let Planned { mut records, is_there } = planned;
        set_vectors(&mut records, embeddings);
        let mut is_there = is_there.into_iter();
        records.retain(|_| !is_there.next().unwrap_or_default());
        self.fill.write(&records, self.num_written)?;
        self.num_written += records.len() as u64;
        Ok(())
    }

    /// Returns how many records were written.
    pub(crate) fn num_written(&self) -> u64 {
        self.num_written
    }

    /// Returns the columns with values that no metadata can hold.
    pub(crate) fn left_out(&self) -> Vec<String> {
        self.maker.left_out.iter().cloned().collect()
    }
}
