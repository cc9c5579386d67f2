//! The best rows so far, and the score that a row must beat to be one of them.

use roaring::RoaringBitmap;

/// The best `keep` of the rows offered that count.
pub(super) struct Nearest<'a> {
    keep: usize,
    live: Option<&'a RoaringBitmap>,
    /// At most four times `keep`, the best of them included.
    found: Vec<(f32, u32)>,
    above: f32,
}

impl<'a> Nearest<'a> {
    pub(super) fn new(keep: usize, live: Option<&'a RoaringBitmap>) -> Self {
        let keep = keep.max(1);
        Self { keep, live, found: Vec::with_capacity(4 * keep), above: f32::NEG_INFINITY }
    }

    /// Returns a score that a row must be above to matter.
    pub(super) fn above(&self) -> f32 {
        self.above
    }

    /// Offers a row.
    pub(super) fn offer(&mut self, score: f32, row: u32) {
        if score <= self.above || self.live.is_some_and(|live| !live.contains(row)) {
            return;
        }
        self.found.push((score, row));
        if self.found.len() == 4 * self.keep {
            self.found.select_nth_unstable_by(self.keep - 1, |a, b| b.0.total_cmp(&a.0));
            self.found.truncate(self.keep);
            self.above = self.found[self.keep - 1].0;
        }
    }

    /// Returns the best rows in any order, which is sooner done.
    pub(super) fn into_set(mut self) -> Vec<u32> {
        if self.found.len() > self.keep {
            self.found.select_nth_unstable_by(self.keep - 1, |a, b| b.0.total_cmp(&a.0));
            self.found.truncate(self.keep);
        }
        self.found.into_iter().map(|(_, row)| row).collect()
    }

    /// Returns the best rows, best first; rows of equal scores in their order.
    pub(super) fn into_rows(mut self) -> Vec<u32> {
        self.found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.found.truncate(self.keep);
        self.found.into_iter().map(|(_, row)| row).collect()
    }
}
