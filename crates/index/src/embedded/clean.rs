//! Gives back the space of rows that no record has any more.
//!
//! When over a quarter of a namespace's rows are dead, and more than a block of them, a write also
//! drops full blocks without a living row and moves the living rows of the deadest ones to the end. It
//! does no more of this than a few times the work of the write itself, so that a write never waits for
//! a whole namespace; a stream of writes cleans faster than it leaves dead rows behind.

use super::block::{Block, FULL_ROWS};
use super::fault::Step;
use super::keys;
use super::rows::{OpenSpace, Rows};

/// Rows moved for each row that the transaction changed. A block is worth cleaning from a quarter of
/// dead rows on, so that a dead row costs at most three moves.
const MOVES_PER_CHANGE: u32 = 4;
/// Blocks dropped in one transaction, at most.
const MAX_DROPPED: usize = 256;

/// Cleans a namespace whose rows are flushed, if it needs it.
pub(super) fn clean(rows: &mut Rows, open: &mut OpenSpace) -> Step<()> {
    let num_dead = open.space.num_held.saturating_sub(open.space.num_live);
    if num_dead <= u64::from(FULL_ROWS) || 4 * num_dead <= open.space.num_held {
        return Ok(());
    }
    let mut budget = FULL_ROWS + MOVES_PER_CHANGE * open.num_changes;
    for (num_living, first_row) in deadest_blocks(rows, open)?.into_iter().take(MAX_DROPPED) {
        if num_living > FULL_ROWS * 3 / 4 || num_living > budget {
            break;
        }
        budget -= num_living;
        move_living(rows, open, first_row)?;
        rows.tables.blocks.delete(&mut rows.txn, &keys::row(open.space.id, first_row))?;
        open.space.num_held -= u64::from(FULL_ROWS);
    }
    rows.flush(open)
}

/// Returns living rows and first row of all full blocks, the deadest first.
fn deadest_blocks(rows: &Rows, open: &OpenSpace) -> Step<Vec<(u32, u32)>> {
    let live = rows.live(&open.space)?;
    let mut blocks = Vec::new();
    for entry in rows.tables.blocks.prefix_iter(&rows.txn, &open.space.id.to_be_bytes())? {
        let first_row = keys::row_of(entry?.0).unwrap_or(u32::MAX);
        // Small blocks stand behind all full ones.
        if first_row / FULL_ROWS >= open.space.next_row / FULL_ROWS {
            break;
        }
        let num_living = live.range_cardinality(first_row..first_row + FULL_ROWS) as u32;
        blocks.push((num_living, first_row));
    }
    blocks.sort_unstable();
    Ok(blocks)
}

fn move_living(rows: &mut Rows, open: &mut OpenSpace, first_row: u32) -> Step<()> {
    let living = rows.live(&open.space)?.into_range(first_row..first_row + FULL_ROWS);
    let bytes = rows.tables.blocks.get(&rows.txn, &keys::row(open.space.id, first_row))?;
    let block = Block::read(bytes.unwrap_or_default(), first_row, rows.spec.dimensions)?;
    let block = block.into_owned();
    for row in living {
        let record = rows.record(&open.space, row)?;
        rows.remove(open, row, &record)?;
        rows.add(open, record.borrowed(), block.vector(row))?;
    }
    Ok(())
}
