//! The rows of one batch while their texts are embedded: sorted by length inside, in order outside.

use arrow::array::{Array, AsArray, LargeStringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::{JobError, RowRefusal, Sink};
use crate::embed::{BoxError, Embedded};
use crate::source::Batch;

/// The texts that are submitted together: about 2,000 tokens, so that progress is shown and a stop is
/// heeded several times a second on a small machine, and far more than what one request costs.
const PIECE_BYTES: usize = 8 << 10;

/// A batch and what is known of its embeddings.
pub(super) struct Window {
    batch: Batch,
    texts: LargeStringArray,
    dimensions: usize,
    /// `[num_rows, dimensions]`, row major; zeros where they are not known yet.
    embeddings: Vec<f32>,
    /// Rows that need no embedding.
    is_there: Vec<bool>,
    num_missing: usize,
}

/// Some rows of a window, by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) rows: Vec<usize>,
    pub(super) num_bytes: usize,
}

/// What a piece's results add up to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filled {
    pub(super) num_tokens: u64,
    pub(super) num_truncated: u64,
}

/// Returns the texts of `column`, none of them null or empty.
pub(super) fn texts(batch: &Batch, column: &str) -> Result<LargeStringArray, JobError> {
    let texts = batch.rows.column_by_name(column).expect("the source was opened with this column");
    let texts = cast(texts, &DataType::LargeUtf8).expect("text of one width casts to another");
    let texts = texts.as_string::<i64>().clone();
    match (0..texts.len()).find(|&row| texts.is_null(row) || texts.value(row).is_empty()) {
        None => Ok(texts),
        Some(row) => {
            Err(JobError::row(batch, row, RowRefusal::NoText { column: column.to_owned() }))
        }
    }
}

impl Window {
    pub(super) fn new(
        batch: Batch,
        column: &str,
        dimensions: usize,
        is_there: Vec<bool>,
    ) -> Result<Self, JobError> {
        let texts = texts(&batch, column)?;
        let embeddings = vec![0.0; texts.len() * dimensions];
        let num_missing = is_there.iter().filter(|is_there| !**is_there).count();
        Ok(Self { batch, texts, dimensions, embeddings, is_there, num_missing })
    }

    /// Returns how many rows need no embedding.
    pub(super) fn num_kept(&self) -> usize {
        self.is_there.iter().filter(|is_there| **is_there).count()
    }

    pub(super) fn pieces(&self) -> Vec<Piece> {
        let missing = (0..self.texts.len()).filter(|&row| !self.is_there[row]);
        plan_pieces(missing.map(|row| (row, self.texts.value(row).len())).collect(), PIECE_BYTES)
    }

    pub(super) fn texts_of(&self, piece: &Piece) -> Vec<String> {
        piece.rows.iter().map(|&row| self.texts.value(row).to_owned()).collect()
    }

    /// Puts the results of a piece into their rows.
    pub(super) fn fill(
        &mut self,
        piece: &Piece,
        results: Vec<Result<Embedded, BoxError>>,
    ) -> Result<Filled, JobError> {
        if results.len() != piece.rows.len() {
            return Err(JobError::NumResults { expected: piece.rows.len(), got: results.len() });
        }
        let mut filled = Filled::default();
        for (&row, result) in piece.rows.iter().zip(results) {
            let checked = result.map_err(RowRefusal::Embed).and_then(|one| self.check(one));
            let embedded = checked.map_err(|refusal| JobError::row(&self.batch, row, refusal))?;
            let start = row * self.dimensions;
            self.embeddings[start..start + self.dimensions].copy_from_slice(&embedded.embedding);
            filled.num_tokens += embedded.num_tokens as u64;
            filled.num_truncated += u64::from(embedded.truncated_from.is_some());
        }
        self.num_missing -= piece.rows.len();
        Ok(filled)
    }

    fn check(&self, embedded: Embedded) -> Result<Embedded, RowRefusal> {
        let (expected, got) = (self.dimensions, embedded.embedding.len());
        if expected != got {
            return Err(RowRefusal::Dimensions { expected, got });
        }
        if !embedded.embedding.iter().all(|x| x.is_finite()) {
            return Err(RowRefusal::NotFinite);
        }
        Ok(embedded)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.num_missing == 0
    }

    pub(super) fn write(self, sink: &mut dyn Sink) -> Result<(), JobError> {
        debug_assert!(self.is_complete(), "a window is written with all of its embeddings");
        sink.write(&self.batch.rows, self.embeddings)
    }
}

/// Sorts rows by the length of their texts, longest first, and cuts them into pieces of at most
/// `max_bytes`, or of one text that is longer.
fn plan_pieces(mut rows: Vec<(usize, usize)>, max_bytes: usize) -> Vec<Piece> {
    rows.sort_by_key(|&(_, length)| std::cmp::Reverse(length));
    let mut pieces: Vec<Piece> = Vec::new();
    for (row, length) in rows {
        match pieces.last_mut() {
            Some(piece) if piece.num_bytes + length <= max_bytes => {
                piece.rows.push(row);
                piece.num_bytes += length;
            }
            _ => pieces.push(Piece { rows: vec![row], num_bytes: length }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Every row lands in exactly one piece, none is over the bound, and lengths only fall.
        #[test]
        fn pieces_hold_every_row_once_and_keep_the_bound(
            lengths in proptest::collection::vec(0usize..300, 0..200),
            max_bytes in 1usize..2000,
        ) {
            let rows = lengths.iter().copied().enumerate().collect();
            let pieces = plan_pieces(rows, max_bytes);
            let mut rows: Vec<usize> = pieces.iter().flat_map(|piece| piece.rows.clone()).collect();
            prop_assert!(rows.is_sorted_by(|&a, &b| lengths[a] >= lengths[b]));
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
            for piece in &pieces {
                let num_bytes: usize = piece.rows.iter().map(|&row| lengths[row]).sum();
                prop_assert_eq!(num_bytes, piece.num_bytes);
                prop_assert!(num_bytes <= max_bytes || piece.rows.len() == 1);
            }
        }
    }
}
