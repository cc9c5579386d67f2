//! Exact scores of rows: blocks in the order of their rows, for several queries in one pass.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use kernels::{Isa, dot};
use roaring::RoaringBitmap;

use super::block::{Block, FULL_ROWS};
use super::fault::Step;
use super::keys;
use super::sparse::SparseScores;
use super::view::View;
use crate::spec::Metric;

/// Floats of a tile of rows that all queries are compared with before the next: a quarter of a
/// second-level cache of 512 KiB.
const TILE_FLOATS: usize = 32 << 10;
/// Of a block's rows, one in so many must pass a query's filter for all of them to be compared.
const WORTH_WHOLE_BLOCK: u64 = 4;

/// A row and how near it is: larger is nearer, whatever the metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) row: u32,
    pub(super) nearness: f32,
}

/// The nearest rows of those offered so far; equal ones in the order of their rows.
#[derive(Debug)]
pub(super) struct Nearest {
    k: usize,
    /// The farthest of the kept on top.
    kept: BinaryHeap<Farther>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Farther(Hit);

impl Eq for Farther {}

impl Ord for Farther {
    fn cmp(&self, other: &Self) -> Ordering {
        // What is no number is the farthest of all.
        let nearness =
            |x: &Self| if x.0.nearness.is_nan() { f32::NEG_INFINITY } else { x.0.nearness };
        nearness(other).total_cmp(&nearness(self)).then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Farther {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Nearest {
    pub(super) fn new(k: usize) -> Self {
        Self { k, kept: BinaryHeap::new() }
    }

    pub(super) fn offer(&mut self, row: u32, nearness: f32) {
        let candidate = Farther(Hit { row, nearness });
        if self.kept.len() < self.k {
            self.kept.push(candidate);
        } else if let Some(mut farthest) = self.kept.peek_mut()
            && candidate < *farthest
        {
            *farthest = candidate;
        }
    }

    /// Returns the hits, nearest first.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.kept.into_sorted_vec().into_iter().map(|farther| farther.0).collect()
    }
}

/// One query of a pass.
pub(super) struct Scan<'q> {
    pub(super) metric: Metric,
    pub(super) vector: &'q [f32],
    /// `1 / |q|` for cosine.
    pub(super) inverse_length: f32,
    /// What is added to the score of a row.
    pub(super) sparse: Option<&'q SparseScores>,
    /// The rows that count.
    pub(super) rows: &'q RoaringBitmap,
    pub(super) nearest: Nearest,
}

impl Scan<'_> {
    fn offer(&mut self, block: &Block, at: usize, dot: f32) {
        let row = block.first_row + at as u32;
        let factor = block.factors[at];
        let sparse = self.sparse.and_then(|sparse| sparse.get(row)).unwrap_or(0.0);
        self.nearest.offer(
            row,
            match self.metric {
                Metric::Cosine => dot * self.inverse_length * factor + sparse,
                Metric::DotProduct => dot + sparse,
                // The square of the distance without |q|², which is the same for all rows.
                Metric::Euclidean => 2.0 * dot - factor - sparse,
            },
        );
    }
}

/// Runs all queries over the blocks of a namespace.
pub(super) fn scan(view: &View, scans: &mut [Scan]) -> Step<()> {
    if scans.is_empty() {
        return Ok(());
    }
    let isa = Isa::best();
    let mut dots = Vec::new();
    for entry in view.tables.blocks.prefix_iter(view.txn, &view.space.id.to_be_bytes())? {
        let (key, bytes) = entry?;
        let first_row = keys::row_of(key).unwrap_or(u32::MAX);
        let block_rows = first_row..first_row.saturating_add(FULL_ROWS);
        // Blocks without a row that counts are not even read.
        if scans.iter().all(|scan| scan.rows.range_cardinality(block_rows.clone()) == 0) {
            continue;
        }
        let block = Block::read(bytes, first_row, view.dimensions)?;
        scan_block(isa, &block, scans, &mut dots);
    }
    Ok(())
}

fn scan_block(isa: Isa, block: &Block, scans: &mut [Scan], dots: &mut Vec<f32>) {
    let rows = block.first_row..block.end();
    let num_rows = block.num_rows() as usize;
    let mut whole = Vec::new();
    for scan in scans {
        let num_counting = scan.rows.range_cardinality(rows.clone());
        if num_counting * WORTH_WHOLE_BLOCK >= num_rows as u64 {
            whole.push((num_counting == num_rows as u64, scan));
            continue;
        }
        for row in scan.rows.range(rows.clone()) {
            let dot = dot(isa, scan.vector, block.vector(row));
            scan.offer(block, (row - block.first_row) as usize, dot);
        }
    }
    let vectors: Vec<&[f32]> = whole.iter().map(|(_, scan)| scan.vector).collect();
    dots.resize(num_rows * vectors.len(), 0.0);
    dot_products(isa, &vectors, &block.values, block.dimensions, dots);
    for ((all_count, scan), dots) in whole.into_iter().zip(dots.chunks_exact(num_rows)) {
        if all_count {
            dots.iter().enumerate().for_each(|(at, dot)| scan.offer(block, at, *dot));
            continue;
        }
        for row in scan.rows.range(rows.clone()) {
            let at = (row - block.first_row) as usize;
            scan.offer(block, at, dots[at]);
        }
    }
}

/// Multiplies all queries with all rows: `out` is `[num_queries, num_rows]`.
fn dot_products(isa: Isa, queries: &[&[f32]], rows: &[f32], dimensions: usize, out: &mut [f32]) {
    let num_rows = rows.len() / dimensions;
    let tile_rows = (TILE_FLOATS / dimensions).max(1);
    for first in (0..num_rows).step_by(tile_rows) {
        let tile = first..(first + tile_rows).min(num_rows);
        for (at, query) in queries.iter().enumerate() {
            for row in tile.clone() {
                out[at * num_rows + row] = dot(isa, query, &rows[row * dimensions..][..dimensions]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_are_what_sorting_everything_finds(
            offered in proptest::collection::vec(-3i8..3, 0..200),
            k in 0usize..20,
        ) {
            let mut nearest = Nearest::new(k);
            let mut all: Vec<Hit> = Vec::new();
            for (row, nearness) in offered.iter().enumerate() {
                let hit = Hit { row: row as u32, nearness: f32::from(*nearness) };
                nearest.offer(hit.row, hit.nearness);
                all.push(hit);
            }
            all.sort_by(|a, b| b.nearness.total_cmp(&a.nearness).then(a.row.cmp(&b.row)));
            all.truncate(k);
            prop_assert_eq!(nearest.into_hits(), all);
        }
    }

    #[test]
    fn what_is_no_number_comes_last() {
        let mut nearest = Nearest::new(2);
        [f32::NAN, -5.0, 3.0].iter().zip(0..).for_each(|(x, row)| nearest.offer(row, *x));
        let rows: Vec<u32> = nearest.into_hits().iter().map(|hit| hit.row).collect();
        assert_eq!(rows, [2, 1]);
    }
}
