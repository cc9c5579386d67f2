//! One namespace as a read transaction sees it.

use std::ops::Bound;

use heed::RoTxn;
use roaring::RoaringBitmap;

use super::block::Block;
use super::candidates::Candidates;
use super::changes::union;
use super::fault::{Fault, Step};
use super::keys;
use super::record::Row;
use super::rows::decode_row;
use super::tables::{Space, Tables};
use crate::filter::Filter;
use crate::record::{Namespace, Record, RecordPage};
use crate::store::PageRequest;

/// A namespace that is there.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) txn: &'a RoTxn<'a>,
    pub(super) tables: &'a Tables,
    pub(super) space: Space,
    pub(super) dimensions: usize,
}

impl<'a> View<'a> {
    /// Looks at a namespace; `None` if it is not there.
    pub(super) fn of(
        txn: &'a RoTxn<'a>,
        tables: &'a Tables,
        namespace: &Namespace,
        dimensions: usize,
    ) -> Step<Option<Self>> {
        let space = tables.space(txn, namespace.as_str())?;
        Ok(space.map(|space| Self { txn, tables, space, dimensions }))
    }

    /// Returns the rows that have a record.
    pub(super) fn live(&self) -> Step<RoaringBitmap> {
        union(self.txn, &self.tables.live, &self.space.id.to_be_bytes())
    }

    /// Returns the rows whose records pass a filter.
    pub(super) fn passing(&self, filter: &Filter, live: &RoaringBitmap) -> Step<RoaringBitmap> {
        let Self { txn, tables, space, .. } = *self;
        Candidates { txn, tables, space, live }.passing(filter)
    }

    /// Returns what a row has beside its vector.
    pub(super) fn record(&self, row: u32) -> Step<Row> {
        let bytes = self.tables.records.get(self.txn, &keys::row(self.space.id, row))?;
        let missing = || Fault::Damaged(format!("there is no record of row {row}"));
        Row::decode(bytes.ok_or_else(missing)?)
    }

    /// Returns the block with a row's vector.
    pub(super) fn block_of(&self, row: u32) -> Step<Block<'a>> {
        let key = keys::row(self.space.id, row);
        let found = self.tables.blocks.get_lower_than_or_equal_to(self.txn, &key)?;
        let missing = || Fault::Damaged(format!("there is no block of row {row}"));
        let (key, bytes) = found.ok_or_else(missing)?;
        let first_row = keys::row_of(key).ok_or_else(missing)?;
        let block = Block::read(bytes, first_row, self.dimensions)?;
        if (block.first_row..block.end()).contains(&row) { Ok(block) } else { Err(missing()) }
    }

    /// Returns the block with a row or, if there is none, the first after it.
    pub(super) fn block_from(&self, row: u32) -> Step<Option<Block<'a>>> {
        let key = keys::row(self.space.id, row);
        let before = self.tables.blocks.get_lower_than_or_equal_to(self.txn, &key)?;
        let after = self.tables.blocks.get_greater_than(self.txn, &key)?;
        for (key, bytes) in before.into_iter().chain(after) {
            if let Some(first_row) = keys::row_of(key)
                && key.starts_with(&self.space.id.to_be_bytes())
            {
                let block = Block::read(bytes, first_row, self.dimensions)?;
                if row < block.end() {
                    return Ok(Some(block));
                }
            }
        }
        Ok(None)
    }

    /// Returns a row's vector; empty in an index of sparse vectors.
    pub(super) fn vector(&self, row: u32) -> Step<Vec<f32>> {
        if self.dimensions == 0 {
            return Ok(Vec::new());
        }
        Ok(self.block_of(row)?.vector(row).to_vec())
    }

    /// Returns the records of these ids that are there, in the order asked.
    pub(super) fn fetch(&self, ids: &[String]) -> Step<Vec<Record>> {
        let mut records = Vec::new();
        for id in ids {
            let bytes = self.tables.ids.get(self.txn, &keys::id(self.space.id, id))?;
            let Some(row) = bytes.map(decode_row).transpose()? else { continue };
            let Row { id, sparse, metadata } = self.record(row)?;
            records.push(Record { id, values: self.vector(row)?, sparse, metadata });
        }
        Ok(records)
    }

    /// Returns a page of ids, in the order of their bytes.
    pub(super) fn list(&self, page: &PageRequest) -> Step<RecordPage> {
        let prefix = keys::id(self.space.id, &page.prefix);
        let after = page.after.as_ref().map(|after| keys::id(self.space.id, after));
        let first = after.filter(|after| *after > prefix).unwrap_or_else(|| prefix.clone());
        let mut ids: Vec<String> = Vec::new();
        for entry in
            self.tables.ids.range(self.txn, &(Bound::Included(&first[..]), Bound::Unbounded))?
        {
            let (key, _) = entry?;
            if !key.starts_with(&prefix) {
                break;
            }
            let id = String::from_utf8_lossy(&key[4..]).into_owned();
            if Some(&id) == page.after.as_ref() {
                continue;
            }
            if ids.len() == page.limit {
                return Ok(RecordPage { next: ids.last().cloned(), ids });
            }
            ids.push(id);
        }
        Ok(RecordPage { ids, next: None })
    }

    /// Returns the ids of some records whose metadata passes.
    pub(super) fn find(&self, filter: &Filter, limit: usize) -> Step<Vec<String>> {
        let rows = self.passing(filter, &self.live()?)?;
        rows.into_iter().take(limit).map(|row| Ok(self.record(row)?.id)).collect()
    }
}
