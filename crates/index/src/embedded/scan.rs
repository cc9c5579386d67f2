//! Exact scores of rows: blocks in the order of their rows, for several queries in one pass.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use kernels::{Isa, Queries};
use roaring::RoaringBitmap;

use super::block::Block;
use super::fault::Step;
use super::sparse::SparseScores;
use super::view::View;
use crate::spec::Metric;

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
    /// What is less than this is farther than all that are kept.
    floor: f32,
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
        Self { k, floor: f32::NEG_INFINITY, kept: BinaryHeap::new() }
    }

    pub(super) fn offer(&mut self, row: u32, nearness: f32) {
        if nearness < self.floor {
            return;
        }
        let candidate = Farther(Hit { row, nearness });
        if self.kept.len() < self.k {
            self.kept.push(candidate);
        } else if let Some(mut farthest) = self.kept.peek_mut()
            && candidate < *farthest
        {
            *farthest = candidate;
        }
        if let Some(farthest) = self.kept.peek()
            && self.kept.len() == self.k
        {
            self.floor = farthest.0.nearness;
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
    /// Compares the rows of a block that count, one by one.
    fn compare_some(&mut self, isa: Isa, block: &Block) {
        let query = Queries::new(block.dimensions, self.vector);
        for row in self.rows.range(block.first_row..block.end()) {
            // The same bits as in a whole block.
            let mut dot = [0.0];
            kernels::scan(isa, &query, block.vector(row), &mut dot);
            self.offer(block, (row - block.first_row) as usize, dot[0]);
        }
    }

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

/// Runs all queries over the blocks of a namespace; those without a row that counts are not even
/// read.
pub(super) fn scan(view: &View, scans: &mut [Scan]) -> Step<()> {
    let isa = Isa::best();
    let mut scans: Vec<&mut Scan> =
        scans.iter_mut().filter(|scan| !scan.vector.is_empty()).collect();
    let mut dots = Vec::new();
    let mut at = 0;
    while let Some(row) = scans.iter().filter_map(|scan| scan.rows.range(at..).next()).min() {
        let block = view.block_of(row)?;
        scan_block(isa, &block, &mut scans, &mut dots);
        at = block.end();
    }
    Ok(())
}

fn scan_block(isa: Isa, block: &Block, scans: &mut [&mut Scan], dots: &mut Vec<f32>) {
    let rows = block.first_row..block.end();
    let num_rows = block.num_rows() as usize;
    let mut whole = Vec::new();
    for scan in scans {
        let num_counting = scan.rows.range_cardinality(rows.clone());
        if num_counting * WORTH_WHOLE_BLOCK >= num_rows as u64 {
            whole.push((num_counting == num_rows as u64, scan));
        } else if num_counting > 0 {
            scan.compare_some(isa, block);
        }
    }
    let vectors: Vec<f32> = whole.iter().flat_map(|(_, scan)| scan.vector).copied().collect();
    dots.resize(num_rows * whole.len(), 0.0);
    kernels::scan(isa, &Queries::new(block.dimensions, &vectors), &block.values, dots);
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
