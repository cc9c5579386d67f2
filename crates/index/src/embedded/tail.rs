//! Vectors that a transaction appends, and how they become blocks.
//!
//! A range of 1,024 rows that is complete is one full block. The last range is cut into small blocks,
//! so that an append rewrites at most 64 rows; when the range is complete, its small blocks become one.

use heed::{RoTxn, RwTxn};

use super::block::{Block, FULL_ROWS, NewBlock, SMALL_ROWS};
use super::fault::{Fault, Step};
use super::keys;
use super::tables::Table;

/// Rows in memory that follow those of the table.
#[derive(Debug, Default)]
pub(super) struct Tail {
    first_row: u32,
    /// `[num_rows, dimensions]`
    values: Vec<f32>,
    /// `[num_rows]`
    factors: Vec<f32>,
}

impl Tail {
    /// Begins behind the rows of the table.
    pub(super) fn new(next_row: u32) -> Self {
        Self { first_row: next_row, ..Self::default() }
    }

    pub(super) fn push(&mut self, values: &[f32], factor: f32) {
        self.values.extend_from_slice(values);
        self.factors.push(factor);
    }

    fn end(&self) -> u32 {
        self.first_row + self.factors.len() as u32
    }

    /// Writes the rows into the blocks of a namespace, and is empty then.
    pub(super) fn flush(
        &mut self,
        txn: &mut RwTxn,
        table: &Table,
        space: u32,
        dimensions: usize,
    ) -> Step<()> {
        let mut at = self.first_row;
        while at < self.end() {
            let full = at / FULL_ROWS * FULL_ROWS;
            let is_complete = self.end() - full >= FULL_ROWS;
            let size = if is_complete { FULL_ROWS } else { SMALL_ROWS };
            let first_row = at / size * size;
            let old = gather(txn, table, space, first_row..at, dimensions)?;
            let until = (first_row + size).min(self.end());
            let new = self.piece(at, until, dimensions);
            let pieces = old.iter().map(|block| (&*block.values, &*block.factors)).chain([new]);
            let block = NewBlock { first_row, dimensions, pieces: pieces.collect() };
            for block in &old {
                table.delete(txn, &keys::row(space, block.first_row))?;
            }
            table.put_reserved(txn, &keys::row(space, first_row), block.num_bytes(), |out| {
                block.write(out)
            })?;
            at = until;
        }
        *self = Self::new(self.end());
        Ok(())
    }

    fn piece(&self, from: u32, until: u32, dimensions: usize) -> (&[f32], &[f32]) {
        let rows = (from - self.first_row) as usize..(until - self.first_row) as usize;
        (&self.values[rows.start * dimensions..rows.end * dimensions], &self.factors[rows])
    }
}

/// Copies the blocks that hold a range of rows.
fn gather(
    txn: &RoTxn,
    table: &Table,
    space: u32,
    rows: std::ops::Range<u32>,
    dimensions: usize,
) -> Step<Vec<Block<'static>>> {
    let mut blocks = Vec::new();
    let mut at = rows.start;
    while at < rows.end {
        let bytes = table.get(txn, &keys::row(space, at))?;
        let bytes =
            bytes.ok_or_else(|| Fault::Damaged(format!("there is no block of row {at}")))?;
        let block = Block::read(bytes, at, dimensions)?;
        at = block.end();
        blocks.push(block.into_owned());
    }
    Ok(blocks)
}
