//! Scores of many rows with a few queries, in one pass over the rows.
//!
//! A search reads every row once and does next to nothing with it, so memory sets the speed: one query
//! reads it in order; with a few, several rows are in flight at a time; with many, a block of rows
//! stays in the first-level cache while all queries pass over it, so that memory is read once for all
//! of them.
//!
//! Each score is one sum over one register of lanes, in the order of `k`, whatever the shape of the
//! tile that it was computed in: the same bits whoever shares the pass.
#![expect(
    unsafe_code,
    reason = "pointers in the innermost loop; the lengths are checked outside it"
)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "each block is one access, whose address takes a step to compute"
)]

use crate::aligned::Aligned;
use crate::isa::{Isa, Operation};
use crate::lanes::{Lanes, MAX_LANES};

/// Rows that stay in the first-level cache while the queries pass: half of its 32 KiB.
const BLOCK_BYTES: usize = 16 << 10;
/// How far ahead of the row in use memory is asked for: a block, since all queries pass over one first.
const AHEAD_FLOATS: usize = BLOCK_BYTES / size_of::<f32>();
/// The same with a single query: measured, since whoever asks for the next page of memory costs a seventh.
const AHEAD_FLOATS_OF_ONE: usize = 448;
/// Floats in a cache line.
const LINE: usize = 16;

/// Queries that share a pass, all of the same length.
#[derive(Clone)]
pub struct Queries {
    /// `[num, stride]`, each filled up with zeros to whole registers of any instruction set.
    values: Aligned,
    num: usize,
    dimensions: usize,
    stride: usize,
}

impl Queries {
    /// Copies queries, `[num, dimensions]`, row major.
    ///
    /// # Panics
    ///
    /// If `dimensions` is 0 or `values` is not whole queries.
    pub fn new(dimensions: usize, values: &[f32]) -> Self {
        assert!(dimensions > 0, "queries of no dimensions");
        assert_eq!(values.len() % dimensions, 0, "queries that are not whole");
        let num = values.len() / dimensions;
        let stride = dimensions.next_multiple_of(MAX_LANES);
        let mut padded = Aligned::zeros(num * stride);
        for (to, from) in padded.chunks_exact_mut(stride).zip(values.chunks_exact(dimensions)) {
            to[..dimensions].copy_from_slice(from);
        }
        Self { values: padded, num, dimensions, stride }
    }

    /// Returns how many there are.
    pub fn num(&self) -> usize {
        self.num
    }

    /// Returns how many floats each has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queries [{}, {}]", self.num, self.dimensions)
    }
}

/// Computes the dot product of every row with every query.
///
/// A score is the same bits however many queries and rows share the call.
///
/// # Shapes
///
/// - `rows`: `[num_rows, dimensions]`, row major, at any address.
/// - `scores`: `[queries.num(), num_rows]`: all rows of the first query, then of the next.
///
/// # Panics
///
/// If `rows` is not whole rows, or `scores` has another length.
pub fn scan(isa: Isa, queries: &Queries, rows: &[f32], scores: &mut [f32]) {
    assert_eq!(rows.len() % queries.dimensions, 0, "rows of another length than the queries");
    let num_rows = rows.len() / queries.dimensions;
    assert_eq!(
        scores.len(),
        num_rows * queries.num,
        "scores of another number of rows and queries"
    );
    isa.dispatch(Scan { queries, rows, scores });
}

struct Scan<'a> {
    queries: &'a Queries,
    rows: &'a [f32],
    scores: &'a mut [f32],
}

impl Operation for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Queries { num, dimensions, .. } = *self.queries;
        let num_rows = self.rows.len() / dimensions;
        // Whole tiles of every height that is used below.
        let block_rows =
            (BLOCK_BYTES / (dimensions * size_of::<f32>())).next_multiple_of(12).max(12);
        let mut block = Block {
            lanes,
            queries: self.queries,
            rows: self.rows,
            scores: self.scores,
            num_rows,
            first: 0,
            end: 0,
        };
        while block.first < num_rows {
            block.end = num_rows.min(block.first + block_rows);
            // Four queries at a time keep as many sums in flight as there are registers; what is left
            // takes more rows instead.
            for query in (0..num / 4 * 4).step_by(4) {
                block.score::<3, 4>(query);
            }
            let left = num / 4 * 4;
            match num % 4 {
                // One row after another: the machine's own prefetching follows one stream best, and
                // the sums of the next row are in flight before those of this one are done.
                1 if num == 1 => block.score::<1, 1>(left),
                1 => block.score::<6, 1>(left),
                2 => block.score::<4, 2>(left),
                3 => block.score::<4, 3>(left),
                _ => {}
            }
            block.first = block.end;
        }
    }
}

/// Some rows, and where their scores go.
struct Block<'a, L> {
    lanes: L,
    queries: &'a Queries,
    rows: &'a [f32],
    scores: &'a mut [f32],
    num_rows: usize,
    first: usize,
    end: usize,
}

impl<L: Lanes> Block<'_, L> {
    /// Scores the rows of the block with `Q` queries, `R` rows at a time.
    #[inline(always)]
    fn score<const R: usize, const Q: usize>(&mut self, query: usize) {
        let mut row = self.first;
        while row + R <= self.end {
            self.tile::<R, Q>(row, query);
            row += R;
        }
        while row < self.end {
            self.tile::<1, Q>(row, query);
            row += 1;
        }
    }

    #[inline(always)]
    fn tile<const R: usize, const Q: usize>(&mut self, row: usize, query: usize) {
        let Queries { dimensions, stride, ref values, .. } = *self.queries;
        let rows = &self.rows[row * dimensions..][..R * dimensions];
        let queries = &values[query * stride..][..Q * stride];
        if query == 0 {
            // The first to read a block asks for the next, so that it is there for all.
            let ahead = if Q == 1 { AHEAD_FLOATS_OF_ONE } else { AHEAD_FLOATS };
            for line in (0..rows.len()).step_by(LINE) {
                self.lanes.prefetch(rows.as_ptr().wrapping_add(ahead + line));
            }
        }
        // SAFETY: `R` rows and `Q` padded queries, as the slices just made say.
        let sums = unsafe { sums::<L, R, Q>(self.lanes, rows, queries, dimensions, stride) };
        for (r, sums) in sums.into_iter().enumerate() {
            for (q, sum) in sums.into_iter().enumerate() {
                self.scores[(query + q) * self.num_rows + row + r] = self.lanes.sum(sum);
            }
        }
    }
}

/// Returns the lanes' sums of every row with every query.
///
/// # Safety
///
/// `rows` holds `R × dimensions` floats, and `queries` `Q × stride`, where `stride` is `dimensions`
/// rounded up to whole registers.
#[inline(always)]
unsafe fn sums<L: Lanes, const R: usize, const Q: usize>(
    lanes: L,
    rows: &[f32],
    queries: &[f32],
    dimensions: usize,
    stride: usize,
) -> [[L::V; Q]; R] {
    let mut sums = [[lanes.splat(0.0); Q]; R];
    let mut x = [lanes.splat(0.0); R];
    let whole = dimensions / L::N * L::N;
    let mut k = 0;
    while k < whole {
        for (r, x) in x.iter_mut().enumerate() {
            let at = rows.as_ptr().wrapping_add(r * dimensions + k);
            // SAFETY: a register of row `r` at `k`, which ends at or before `dimensions`.
            *x = unsafe { lanes.load_unchecked(at) };
        }
        for q in 0..Q {
            // SAFETY: as for the row; the query is at least as long.
            let y = unsafe { lanes.load_unchecked(queries.as_ptr().add(q * stride + k)) };
            for (sums, x) in sums.iter_mut().zip(&x) {
                sums[q] = lanes.mul_add(*x, y, sums[q]);
            }
        }
        k += L::N;
    }
    if whole < dimensions {
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = lanes.load_tail(&rows[r * dimensions + whole..(r + 1) * dimensions], 0.0);
            for (q, sum) in sums.iter_mut().enumerate() {
                let y = lanes.load(&queries[q * stride + whole..]);
                *sum = lanes.mul_add(x, y, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    fn scores(isa: Isa, dimensions: usize, queries: &[f32], rows: &[f32]) -> Vec<f32> {
        let queries = Queries::new(dimensions, queries);
        let mut scores = vec![f32::NAN; rows.len() / dimensions * queries.num()];
        scan(isa, &queries, rows, &mut scores);
        scores
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference_on_every_instruction_set(
            num_rows in 0usize..60,
            num_queries in 0usize..10,
            dimensions in prop_oneof![1usize..70, Just(384), Just(1000)],
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let rows = random.floats(num_rows * dimensions);
            let queries = random.floats(num_queries * dimensions);
            let mut expected = Vec::new();
            for query in queries.chunks(dimensions) {
                expected.extend(rows.chunks(dimensions).map(|row| reference::dot(row, query)));
            }
            for isa in Isa::available() {
                let got = scores(isa, dimensions, &queries, &rows);
                let error = reference::largest_difference(&got, &expected);
                prop_assert!(error < 1e-5 * (dimensions as f32).sqrt(), "{}: {error}", isa.name());
            }
        }

        #[test]
        fn a_score_is_the_same_bits_in_any_company(
            num_rows in 1usize..40,
            num_queries in 1usize..70,
            dimensions in prop_oneof![1usize..70, Just(384)],
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let rows = random.floats(num_rows * dimensions);
            let queries = random.floats(num_queries * dimensions);
            for isa in Isa::available() {
                let all = scores(isa, dimensions, &queries, &rows);
                for (query, of_query) in queries.chunks(dimensions).zip(all.chunks(num_rows)) {
                    for (row, together) in rows.chunks(dimensions).zip(of_query) {
                        let alone = scores(isa, dimensions, query, row);
                        prop_assert_eq!(alone[0].to_bits(), together.to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for isa in Isa::available() {
            let got = scores(isa, 3, &[1.0, 0.0, 0.0], &[0.0, f32::NAN, 0.0, 1.0, 1.0, 1.0]);
            assert!(got[0].is_nan());
            assert_eq!(got[1], 1.0);
        }
    }
}
