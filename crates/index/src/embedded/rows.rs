//! Adds rows to a namespace and takes them away, in all tables at once.
//!
//! A row number is never used twice: replacing a record appends a row and frees the old one. So
//! whatever is derived from a row stays true of it for ever, and the bitmap of living rows of a
//! transaction says what of it still counts.

use std::ops::Bound;

use heed::RwTxn;
use roaring::RoaringBitmap;

use super::block;
use super::candidates::Candidates;
use super::changes::{BitmapChanges, Change, union};
use super::fault::{Fault, Step};
use super::keys;
use super::postings;
use super::record::{Row, RowRef};
use super::sparse::SparseChanges;
use super::tables::{Space, Table, Tables};
use super::tail::Tail;
use crate::filter::Filter;
use crate::spec::IndexSpec;

/// A write transaction, with what is gathered before it goes into the tables.
pub(super) struct Rows<'e> {
    pub(super) txn: RwTxn<'e>,
    pub(super) tables: &'e Tables,
    pub(super) spec: &'e IndexSpec,
    postings: BitmapChanges,
    live: BitmapChanges,
    sparse: SparseChanges,
}

/// A namespace that a transaction changes.
#[derive(Debug)]
pub(super) struct OpenSpace {
    pub(super) space: Space,
    tail: Tail,
    /// Rows added or taken away, which bounds how much is cleaned.
    pub(super) num_changes: u32,
}

impl OpenSpace {
    pub(super) fn new(space: Space) -> Self {
        Self { space, tail: Tail::new(space.next_row), num_changes: 0 }
    }
}

impl<'e> Rows<'e> {
    pub(super) fn new(txn: RwTxn<'e>, tables: &'e Tables, spec: &'e IndexSpec) -> Self {
        Self {
            txn,
            tables,
            spec,
            postings: BitmapChanges::default(),
            live: BitmapChanges::default(),
            sparse: SparseChanges::default(),
        }
    }

    /// Returns the row of an id.
    pub(super) fn find(&self, space: &Space, id: &str) -> Step<Option<u32>> {
        let bytes = self.tables.ids.get(&self.txn, &keys::id(space.id, id))?;
        bytes.map(decode_row).transpose()
    }

    pub(super) fn record(&self, space: &Space, row: u32) -> Step<Row> {
        let bytes = self.tables.records.get(&self.txn, &keys::row(space.id, row))?;
        let bytes =
            bytes.ok_or_else(|| Fault::Damaged(format!("there is no record of row {row}")))?;
        Row::decode(bytes)
    }

    /// Appends a row, which its id names from now on.
    pub(super) fn add(
        &mut self,
        open: &mut OpenSpace,
        record: RowRef<'_>,
        values: &[f32],
    ) -> Step<()> {
        let space = &mut open.space;
        let row = space.next_row;
        space.next_row = row.checked_add(1).ok_or(Fault::OutOfRows)?;
        space.num_live += 1;
        open.num_changes += 1;
        self.tables.ids.put(&mut self.txn, &keys::id(space.id, record.id), &row.to_be_bytes())?;
        self.put_record(space.id, row, record)?;
        self.live.push(&space.id.to_be_bytes(), row, Change::Add);
        for posting in postings::of_record(space.id, record.metadata) {
            self.postings.push(&posting, row, Change::Add);
        }
        if let Some(sparse) = record.sparse {
            self.sparse.add(space.id, row, sparse);
        }
        if self.spec.dimensions > 0 {
            space.num_held += 1;
            open.tail.push(values, block::factor(self.spec.metric, values));
        }
        Ok(())
    }

    /// Takes a row away. Its id still names it: the caller gives the id another row or deletes it.
    pub(super) fn remove(&mut self, open: &mut OpenSpace, row: u32, record: &Row) -> Step<()> {
        let space = &mut open.space;
        space.num_live = space.num_live.saturating_sub(1);
        open.num_changes += 1;
        self.tables.records.delete(&mut self.txn, &keys::row(space.id, row))?;
        self.live.push(&space.id.to_be_bytes(), row, Change::Remove);
        for posting in postings::of_record(space.id, &record.metadata) {
            self.postings.push(&posting, row, Change::Remove);
        }
        if let Some(sparse) = &record.sparse {
            self.sparse.remove(space.id, row, sparse);
        }
        Ok(())
    }

    pub(super) fn forget_id(&mut self, space: &Space, id: &str) -> Step<()> {
        self.tables.ids.delete(&mut self.txn, &keys::id(space.id, id))?;
        Ok(())
    }

    /// Changes what a row has beside its vector, which stays where it is.
    pub(super) fn replace_record(
        &mut self,
        space: &Space,
        row: u32,
        (old, new): (&Row, &Row),
    ) -> Step<()> {
        let before = postings::of_record(space.id, &old.metadata);
        let after = postings::of_record(space.id, &new.metadata);
        for posting in before.difference(&after) {
            self.postings.push(posting, row, Change::Remove);
        }
        for posting in after.difference(&before) {
            self.postings.push(posting, row, Change::Add);
        }
        if old.sparse != new.sparse {
            old.sparse.iter().for_each(|sparse| self.sparse.remove(space.id, row, sparse));
            new.sparse.iter().for_each(|sparse| self.sparse.add(space.id, row, sparse));
        }
        self.put_record(space.id, row, new.borrowed())
    }

    fn put_record(&mut self, space: u32, row: u32, record: RowRef<'_>) -> Step<()> {
        Ok(self.tables.records.put(&mut self.txn, &keys::row(space, row), &record.encode())?)
    }

    /// Writes what was gathered, so that it can be read in this transaction.
    pub(super) fn flush(&mut self, open: &mut OpenSpace) -> Step<()> {
        let dimensions = self.spec.dimensions;
        open.tail.flush(&mut self.txn, &self.tables.blocks, open.space.id, dimensions)?;
        self.live.flush(&mut self.txn, &self.tables.live)?;
        self.postings.flush(&mut self.txn, &self.tables.postings)?;
        self.sparse.flush(&mut self.txn, &self.tables.sparse)
    }

    /// Returns the living rows, of those that were flushed.
    pub(super) fn live(&self, space: &Space) -> Step<RoaringBitmap> {
        union(&self.txn, &self.tables.live, &space.id.to_be_bytes())
    }

    /// Returns the rows whose records pass a filter, of those that were flushed.
    pub(super) fn passing(&self, space: &Space, filter: &Filter) -> Step<RoaringBitmap> {
        let live = self.live(space)?;
        let (txn, tables) = (&*self.txn, self.tables);
        Candidates { txn, tables, space: *space, live: &live }.passing(filter)
    }

    /// Deletes everything of a namespace.
    pub(super) fn clear(&mut self, space: &Space) -> Step<()> {
        let Tables { meta: _, namespaces: _, ids, records, blocks, live, postings, sparse } =
            self.tables;
        for table in [ids, records, blocks, live, postings, sparse] {
            delete_prefix(&mut self.txn, table, space.id)?;
        }
        Ok(())
    }
}

/// Reads the row that an id names.
pub(super) fn decode_row(bytes: &[u8]) -> Step<u32> {
    let bytes = bytes.try_into();
    Ok(u32::from_be_bytes(bytes.map_err(|_| Fault::Damaged("an id names no row".to_owned()))?))
}

fn delete_prefix(txn: &mut RwTxn, table: &Table, space: u32) -> Step<()> {
    let (first, end) = (space.to_be_bytes(), (space + 1).to_be_bytes());
    table.delete_range(txn, &(Bound::Included(&first[..]), Bound::Excluded(&end[..])))?;
    Ok(())
}
