//! Changes of many small values, gathered so that each value is read and written once a transaction.

use std::collections::BTreeMap;

use heed::{RoTxn, RwTxn};
use roaring::RoaringBitmap;

use super::fault::{Fault, Step};
use super::keys;
use super::tables::Table;

/// Rows to put into bitmaps or to take out, by the key of the bitmap.
#[derive(Debug, Default)]
pub(super) struct BitmapChanges {
    /// In the order that they were made: the last about a row counts.
    by_key: BTreeMap<Vec<u8>, Vec<(u32, Change)>>,
}

/// What happens to a row in a bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

impl BitmapChanges {
    /// Notes a change of the bitmap that is about something.
    pub(super) fn push(&mut self, about: &[u8], row: u32, change: Change) {
        self.by_key.entry(keys::bitmap(about, row)).or_default().push((row, change));
    }

    /// Carries out what was noted.
    pub(super) fn flush(&mut self, txn: &mut RwTxn, table: &Table) -> Step<()> {
        for (key, changes) in std::mem::take(&mut self.by_key) {
            let mut rows = match table.get(txn, &key)? {
                Some(bytes) => decode(bytes)?,
                None => RoaringBitmap::new(),
            };
            for (row, change) in changes {
                match change {
                    Change::Add => rows.insert(row),
                    Change::Remove => rows.remove(row),
                };
            }
            if rows.is_empty() {
                table.delete(txn, &key)?;
                continue;
            }
            rows.optimize();
            table
                .put_reserved(txn, &key, rows.serialized_size(), |out| rows.serialize_into(out))?;
        }
        Ok(())
    }
}

/// Reads a bitmap.
pub(super) fn decode(bytes: &[u8]) -> Step<RoaringBitmap> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|e| Fault::Damaged(format!("a bitmap of rows is none: {e}")))
}

/// Returns the union of all bitmaps whose keys begin with this.
pub(super) fn union(txn: &RoTxn, table: &Table, prefix: &[u8]) -> Step<RoaringBitmap> {
    let mut all = RoaringBitmap::new();
    for entry in table.prefix_iter(txn, prefix)? {
        all |= decode(entry?.1)?;
    }
    Ok(all)
}
