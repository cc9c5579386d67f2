//! Dot products and the exact search for the largest of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

/// One row that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which row, counted over all that were offered.
    pub row: usize,
    /// Its dot product with the query.
    pub score: f32,
}

/// The best `k` of all rows offered so far; equal scores stand in row order.
///
/// Rows come in as many pieces as the caller likes, so that they need never be in memory at once.
#[derive(Debug)]
pub struct TopK {
    isa: Isa,
    query: Vec<f32>,
    k: usize,
    num_offered: usize,
    /// What is less than this is worse than all that are kept.
    floor: f32,
    /// The worst of the kept on top.
    kept: BinaryHeap<Kept>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Kept(Hit);

impl Eq for Kept {}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        // Greater is worse: a lower score, then a later row. Not-a-number counts as worst of all.
        let score = |hit: Hit| if hit.score.is_nan() { f32::NEG_INFINITY } else { hit.score };
        score(other.0).total_cmp(&score(self.0)).then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TopK {
    /// Begins a search.
    pub fn new(query: &[f32], k: usize) -> Self {
        let kept = BinaryHeap::with_capacity(k.min(1 << 16) + 1);
        Self {
            isa: Isa::best(),
            query: query.to_vec(),
            k,
            num_offered: 0,
            floor: f32::NEG_INFINITY,
            kept,
        }
    }

    /// Offers more rows, `[n, dimensions]`, row major.
    ///
    /// # Panics
    ///
    /// If `rows` is not whole rows of the query's length.
    pub fn offer(&mut self, rows: &[f32]) {
        assert_eq!(rows.len() % self.query.len(), 0, "rows of another length than the query");
        for row in rows.chunks_exact(self.query.len()) {
            self.offer_score(dot(self.isa, &self.query, row));
        }
    }

    /// Offers one more row by its score, for callers that scale it.
    #[inline]
    pub fn offer_score(&mut self, score: f32) {
        let row = self.num_offered;
        self.num_offered += 1;
        // Nearly every row ends here, so this is all that a row costs.
        if score < self.floor {
            return;
        }
        self.keep(Kept(Hit { row, score }));
    }

    fn keep(&mut self, candidate: Kept) {
        if self.kept.len() < self.k {
            self.kept.push(candidate);
        } else if let Some(mut worst) = self.kept.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
        if let Some(worst) = self.kept.peek()
            && self.kept.len() == self.k
        {
            self.floor = worst.0.score;
        }
    }

    /// Returns the hits, best first.
    pub fn into_hits(self) -> Vec<Hit> {
        self.kept.into_sorted_vec().into_iter().map(|kept| kept.0).collect()
    }
}

/// Returns the `k` rows of `rows` (`[n, dimensions]`, row major) with the largest dot product with
/// `query`, best first; equal scores in row order.
///
/// # Panics
///
/// If `rows` is not whole rows of the query's length.
pub fn top_k(query: &[f32], rows: &[f32], k: usize) -> Vec<Hit> {
    let mut search = TopK::new(query, k);
    search.offer(rows);
    search.into_hits()
}

/// Returns the dot product of two slices.
///
/// # Panics
///
/// If they differ in length.
pub fn dot(isa: Isa, a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "a dot product of slices of different length");
    isa.dispatch(Dot { a, b })
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Operation for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        // Four sums in flight hide the latency of the multiply-add.
        let mut sums = [lanes.splat(0.0); 4];
        let mut a = self.a.chunks_exact(4 * L::N);
        let mut b = self.b.chunks_exact(4 * L::N);
        for (a, b) in (&mut a).zip(&mut b) {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum =
                    lanes.mul_add(lanes.load(&a[at * L::N..]), lanes.load(&b[at * L::N..]), *sum);
            }
        }
        let mut sum = lanes.add(lanes.add(sums[0], sums[1]), lanes.add(sums[2], sums[3]));
        for (a, b) in a.remainder().chunks(L::N).zip(b.remainder().chunks(L::N)) {
            sum = lanes.mul_add(lanes.load_tail(a, 0.0), lanes.load_tail(b, 0.0), sum);
        }
        lanes.sum(sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    proptest! {
        #[test]
        fn dot_agrees_with_the_reference_on_every_instruction_set(len in 0usize..200, seed in any::<u64>()) {
            let mut random = Random(seed);
            let (a, b) = (random.floats(len), random.floats(len));
            let expected = reference::dot(&a, &b);
            for isa in Isa::available() {
                let got = f64::from(dot(isa, &a, &b));
                prop_assert!((got - expected).abs() < 2e-5, "{}: {got} {expected}", isa.name());
            }
        }

        #[test]
        fn finds_what_sorting_everything_finds(
            num_rows in 0usize..300,
            k in 0usize..20,
            piece in 1usize..50,
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let query = random.floats(7);
            // Rows repeat, so that scores tie.
            let few = random.floats(7 * 20);
            let rows: Vec<f32> = (0..num_rows)
                .flat_map(|_| few[random.next() as usize % 20 * 7..][..7].to_vec())
                .collect();
            let mut expected: Vec<Hit> = rows
                .chunks(7)
                .enumerate()
                .map(|(row, x)| Hit { row, score: dot(Isa::best(), &query, x) })
                .collect();
            expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
            expected.truncate(k);
            let mut search = TopK::new(&query, k);
            rows.chunks(7 * piece).for_each(|rows| search.offer(rows));
            prop_assert_eq!(search.into_hits(), expected);
        }
    }

    #[test]
    fn a_score_that_is_no_number_comes_last() {
        let hits = top_k(&[1.0], &[f32::NAN, -5.0, 3.0], 2);
        assert_eq!(hits, [Hit { row: 2, score: 3.0 }, Hit { row: 1, score: -5.0 }]);
    }
}
