//! Rows as signed bytes, a quarter of their floats: dot products that are exact in whole numbers.
//!
//! A row has one scale; the query keeps 16 bits, so that only the row's rounding shows in a score.

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

/// How many rows ahead memory is asked for, where rows lie here and there.
const AHEAD_ROWS: usize = 8;
/// Bytes in a cache line.
const LINE: usize = 64;

/// Writes a row as bytes and returns its scale: a float is about its byte times the scale.
///
/// The largest float becomes 127 or -127. A row of zeros has the scale 0.
///
/// # Panics
///
/// If `to` has another length.
pub fn quantize(row: &[f32], to: &mut [i8]) -> f32 {
    assert_eq!(row.len(), to.len(), "bytes for a row of another length");
    let largest = row.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let scale = largest / 127.0;
    if scale == 0.0 {
        // Also where the floats are too small for a scale.
        to.fill(0);
        return 0.0;
    }
    for (to, x) in to.iter_mut().zip(row) {
        *to = whole(x / scale).clamp(-127.0, 127.0) as i8;
    }
    scale
}

/// Rounds to the nearest whole number, ties to even, what is below 2^22: two additions, where the
/// method of `f32` is a call for every float on machines without the instruction.
fn whole(x: f32) -> f32 {
    const WHOLE: f32 = 12_582_912.0;
    (x + WHOLE) - WHOLE
}

/// A query for rows of bytes.
#[derive(Debug, Clone)]
pub struct ByteQuery {
    values: Vec<i16>,
    scale: f32,
}

impl ByteQuery {
    /// Rounds a query to 16 bits, or to as many as keep every dot product within an `i32`.
    pub fn new(query: &[f32]) -> Self {
        let largest = query.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        if largest < f32::MIN_POSITIVE {
            return Self { values: vec![0; query.len()], scale: 0.0 };
        }
        let sum: f64 = query.iter().map(|x| f64::from(x.abs() / largest)).sum();
        // Rounding adds at most a half to each; one step less leaves room for it.
        let room = f64::from(i32::MAX) / 127.0 - query.len() as f64;
        let levels = (room / sum).min(f64::from(i16::MAX)).floor() as f32;
        let scale = largest / levels;
        let round = |x: &f32| whole(x / largest * levels) as i16;
        Self { values: query.iter().map(round).collect(), scale }
    }
}

/// One row of bytes, wherever it lies.
#[derive(Debug, Clone, Copy)]
pub struct ByteRow<'a> {
    /// As many as the query has floats.
    pub bytes: &'a [i8],
    /// From [`quantize`].
    pub scale: f32,
}

/// Computes the dot product of a query with rows that lie end to end.
///
/// # Shapes
///
/// - `rows`: `[num_rows, dimensions]`, row major.
/// - `scales`, `scores`: `[num_rows]`.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn scan_bytes(isa: Isa, query: &ByteQuery, rows: &[i8], scales: &[f32], scores: &mut [f32]) {
    assert_eq!(rows.len(), scales.len() * query.values.len(), "rows of another length or number");
    assert_eq!(scales.len(), scores.len(), "scores for another number of rows");
    isa.dispatch(Scan { query, rows, scales, scores });
}

/// Computes the dot product of a query with rows that lie here and there.
///
/// # Panics
///
/// If a row has another length than the query, or there are more or fewer scores than rows.
pub fn score_bytes(isa: Isa, query: &ByteQuery, rows: &[ByteRow<'_>], scores: &mut [f32]) {
    assert_eq!(rows.len(), scores.len(), "scores for another number of rows");
    let fits = |row: &ByteRow<'_>| row.bytes.len() == query.values.len();
    assert!(rows.iter().all(fits), "a row of another length than the query");
    isa.dispatch(Score { query, rows, scores });
}

struct Scan<'a> {
    query: &'a ByteQuery,
    rows: &'a [i8],
    scales: &'a [f32],
    scores: &'a mut [f32],
}

impl Operation for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.rows.chunks_exact(self.query.values.len());
        for ((row, scale), score) in rows.zip(self.scales).zip(self.scores) {
            *score = lanes.dot_bytes(&self.query.values, row) as f32 * (scale * self.query.scale);
        }
    }
}

struct Score<'a> {
    query: &'a ByteQuery,
    rows: &'a [ByteRow<'a>],
    scores: &'a mut [f32],
}

impl Operation for Score<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (number, (row, score)) in self.rows.iter().zip(self.scores).enumerate() {
            if let Some(later) = self.rows.get(number + AHEAD_ROWS) {
                for at in (0..later.bytes.len()).step_by(LINE) {
                    lanes.prefetch(later.bytes.as_ptr().wrapping_add(at).cast());
                }
            }
            let dot = lanes.dot_bytes(&self.query.values, row.bytes);
            *score = dot as f32 * (row.scale * self.query.scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    fn quantized(rows: &[f32], dimensions: usize) -> (Vec<i8>, Vec<f32>) {
        let mut bytes = vec![0; rows.len()];
        let scales = rows
            .chunks(dimensions)
            .zip(bytes.chunks_mut(dimensions))
            .map(|(row, bytes)| quantize(row, bytes))
            .collect();
        (bytes, scales)
    }

    proptest! {
        #[test]
        fn a_row_is_its_bytes_times_its_scale(dimensions in 1usize..100, seed in any::<u64>()) {
            let row = Random(seed).floats(dimensions);
            let (bytes, scales) = quantized(&row, dimensions);
            for (x, byte) in row.iter().zip(bytes) {
                prop_assert!((x - f32::from(byte) * scales[0]).abs() <= scales[0] * 0.5001);
            }
        }

        #[test]
        fn scores_are_the_exact_sums_on_every_instruction_set(
            num_rows in 1usize..30,
            dimensions in prop_oneof![1usize..100, Just(384)],
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let rows = random.floats(num_rows * dimensions);
            let exact_query = random.floats(dimensions);
            let query = ByteQuery::new(&exact_query);
            let (bytes, scales) = quantized(&rows, dimensions);
            let parts: Vec<ByteRow<'_>> = bytes
                .chunks(dimensions)
                .zip(&scales)
                .map(|(bytes, scale)| ByteRow { bytes, scale: *scale })
                .collect();
            for isa in Isa::available() {
                let (mut scanned, mut picked) = (vec![0.0; num_rows], vec![0.0; num_rows]);
                scan_bytes(isa, &query, &bytes, &scales, &mut scanned);
                score_bytes(isa, &query, &parts, &mut picked);
                prop_assert_eq!(&scanned, &picked);
                for (row, score) in parts.iter().zip(scanned) {
                    let products = row.bytes.iter().zip(&query.values);
                    let sum: i64 = products.map(|(x, q)| i64::from(*x) * i64::from(*q)).sum();
                    let sum = i32::try_from(sum).expect("a dot product fits");
                    prop_assert_eq!(score, sum as f32 * (row.scale * query.scale));
                    let floats: Vec<f32> =
                        row.bytes.iter().map(|x| f32::from(*x) * row.scale).collect();
                    let exact = reference::dot(&floats, &exact_query);
                    prop_assert!((f64::from(score) - exact).abs() < 1e-3, "{} {}", score, exact);
                }
            }
        }
    }

    #[test]
    fn the_largest_dot_product_fits_at_any_length() {
        for dimensions in [1, 384, 516, 1_536, 20_000] {
            let query = ByteQuery::new(&vec![-3.0; dimensions]);
            let row = vec![-127; dimensions];
            for isa in Isa::available() {
                let mut score = [0.0];
                scan_bytes(isa, &query, &row, &[1.0], &mut score);
                let expected = 3.0 * 127.0 * dimensions as f32;
                let error = (score[0] - expected).abs() / expected;
                assert!(error < 1e-3, "{dimensions}, {}: {}", isa.name(), score[0]);
            }
        }
    }

    #[test]
    fn zeros_score_zero() {
        let mut bytes = [1; 3];
        assert_eq!(quantize(&[0.0; 3], &mut bytes), 0.0);
        assert_eq!(bytes, [0; 3]);
        let mut score = [1.0];
        scan_bytes(Isa::best(), &ByteQuery::new(&[0.0; 3]), &[1, 2, 3], &[1.0], &mut score);
        assert_eq!(score, [0.0]);
    }
}
