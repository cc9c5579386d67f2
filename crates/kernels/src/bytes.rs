//! Rows as signed bytes, a quarter of their floats: dot products that are exact in whole numbers.
//!
//! A row has one scale and one bias, which lie behind its bytes: what a score needs is in one place, and
//! arrives with one wait. The query keeps 16 bits, so that only the row's rounding shows in a score.

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

/// How many rows ahead memory is asked for, where rows lie here and there.
const AHEAD_ROWS: usize = 8;
/// Bytes in a cache line.
const LINE: usize = 64;
/// Bytes of the scale, and of the bias.
const FLOAT: usize = size_of::<f32>();

/// A row as bytes, then its scale, then its bias.
#[derive(Debug, Clone, Copy)]
pub struct ByteRow<'a>(&'a [i8]);

impl<'a> ByteRow<'a> {
    /// Returns how many bytes a row takes.
    pub const fn num_bytes(dimensions: usize) -> usize {
        dimensions + 2 * FLOAT
    }

    /// Writes a row: a float is about its byte times the scale.
    ///
    /// The largest float becomes 127 or -127. A row of zeros has the scale 0. The bias is added to every
    /// dot product.
    ///
    /// # Panics
    ///
    /// If `to` is not of [`Self::num_bytes`].
    pub fn write(row: &[f32], bias: f32, to: &mut [i8]) {
        assert_eq!(to.len(), Self::num_bytes(row.len()), "bytes for a row of another length");
        let (bytes, floats) = to.split_at_mut(row.len());
        let scale = quantize(row, bytes);
        let floats =
            floats.iter_mut().zip([scale, bias].map(f32::to_ne_bytes).into_iter().flatten());
        floats.for_each(|(to, byte)| *to = byte.cast_signed());
    }

    /// Takes a row that was written.
    ///
    /// # Panics
    ///
    /// If it is shorter than any.
    pub fn new(bytes: &'a [i8]) -> Self {
        assert!(bytes.len() >= Self::num_bytes(0), "bytes of no row");
        Self(bytes)
    }

    fn values(self) -> &'a [i8] {
        &self.0[..self.0.len() - 2 * FLOAT]
    }

    /// Returns the row, as near as its bytes are.
    pub fn floats(self) -> impl Iterator<Item = f32> + 'a {
        let scale = self.scale();
        self.values().iter().map(move |x| f32::from(*x) * scale)
    }

    fn scale(self) -> f32 {
        self.float_from_end(2)
    }

    /// Returns what is added to every dot product.
    pub fn bias(self) -> f32 {
        self.float_from_end(1)
    }

    #[inline(always)]
    fn float_from_end(self, number: usize) -> f32 {
        let (floats, _) = self.0[self.0.len() - number * FLOAT..].as_chunks::<FLOAT>();
        f32::from_ne_bytes(floats[0].map(i8::cast_unsigned))
    }
}

/// Writes the bytes of a row and returns its scale.
fn quantize(row: &[f32], to: &mut [i8]) -> f32 {
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

    #[inline(always)]
    fn score<L: Lanes>(&self, lanes: L, row: ByteRow<'_>) -> f32 {
        let dot = lanes.dot_bytes(&self.values, row.values());
        dot as f32 * (row.scale() * self.scale) + row.bias()
    }
}

/// Computes the dot product of a query with rows that lie end to end, each with its bias.
///
/// # Shapes
///
/// - `rows`: `[num_rows, ByteRow::num_bytes(dimensions)]`, row major.
/// - `scores`: `[num_rows]`.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn scan_bytes(isa: Isa, query: &ByteQuery, rows: &[i8], scores: &mut [f32]) {
    let stride = ByteRow::num_bytes(query.values.len());
    assert_eq!(rows.len(), scores.len() * stride, "scores for another number of rows");
    isa.dispatch(Scan { query, rows, scores });
}

/// Computes the dot product of a query with rows that lie here and there, each with its bias.
///
/// # Panics
///
/// If a row has another length than the query, or there are more or fewer scores than rows.
pub fn score_bytes(isa: Isa, query: &ByteQuery, rows: &[ByteRow<'_>], scores: &mut [f32]) {
    assert_eq!(rows.len(), scores.len(), "scores for another number of rows");
    let fits = |row: &ByteRow<'_>| row.values().len() == query.values.len();
    assert!(rows.iter().all(fits), "a row of another length than the query");
    isa.dispatch(Score { query, rows, scores });
}

struct Scan<'a> {
    query: &'a ByteQuery,
    rows: &'a [i8],
    scores: &'a mut [f32],
}

impl Operation for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.rows.chunks_exact(ByteRow::num_bytes(self.query.values.len()));
        for (row, score) in rows.zip(self.scores) {
            *score = self.query.score(lanes, ByteRow(row));
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
        let fetch = |row: &ByteRow<'_>| {
            row.0.chunks(LINE).for_each(|line| lanes.prefetch(line.as_ptr().cast()));
            // Rows begin anywhere in a line, and so may end in one more.
            lanes.prefetch(row.0.as_ptr_range().end.wrapping_sub(1).cast());
        };
        self.rows.iter().take(AHEAD_ROWS).for_each(fetch);
        for (number, (row, score)) in self.rows.iter().zip(self.scores).enumerate() {
            self.rows.get(number + AHEAD_ROWS).into_iter().for_each(fetch);
            *score = self.query.score(lanes, *row);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    /// Rows end to end, the bias of each its number.
    fn quantized(rows: &[f32], dimensions: usize) -> Vec<i8> {
        let stride = ByteRow::num_bytes(dimensions);
        let mut bytes = vec![0; rows.len() / dimensions * stride];
        let rows = rows.chunks(dimensions).zip(bytes.chunks_mut(stride));
        rows.zip(0_u8..).for_each(|((row, to), number)| ByteRow::write(row, number.into(), to));
        bytes
    }

    proptest! {
        #[test]
        fn a_row_is_its_bytes_times_its_scale(dimensions in 1usize..100, seed in any::<u64>()) {
            let row = Random(seed).floats(dimensions);
            let bytes = quantized(&row, dimensions);
            let bytes = ByteRow::new(&bytes);
            prop_assert_eq!(bytes.floats().count(), dimensions);
            for (x, float) in row.iter().zip(bytes.floats()) {
                prop_assert!((x - float).abs() <= bytes.scale() * 0.5001);
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
            let bytes = quantized(&rows, dimensions);
            let parts: Vec<ByteRow<'_>> =
                bytes.chunks(ByteRow::num_bytes(dimensions)).map(ByteRow::new).collect();
            for isa in Isa::available() {
                let (mut scanned, mut picked) = (vec![0.0; num_rows], vec![0.0; num_rows]);
                scan_bytes(isa, &query, &bytes, &mut scanned);
                score_bytes(isa, &query, &parts, &mut picked);
                prop_assert_eq!(&scanned, &picked);
                for (number, (row, score)) in parts.iter().zip(scanned).enumerate() {
                    prop_assert_eq!(row.bias(), number as f32);
                    let products = row.values().iter().zip(&query.values);
                    let sum: i64 = products.map(|(x, q)| i64::from(*x) * i64::from(*q)).sum();
                    let sum = i32::try_from(sum).expect("a dot product fits");
                    prop_assert_eq!(score, sum as f32 * (row.scale() * query.scale) + row.bias());
                    let floats: Vec<f32> = row.floats().collect();
                    let exact = reference::dot(&floats, &exact_query) + number as f64;
                    prop_assert!((f64::from(score) - exact).abs() < 1e-3, "{} {}", score, exact);
                }
            }
        }
    }

    #[test]
    fn the_largest_dot_product_fits_at_any_length() {
        for dimensions in [1, 384, 516, 1_536, 20_000] {
            let query = ByteQuery::new(&vec![-3.0; dimensions]);
            let row = quantized(&vec![-127.0; dimensions], dimensions);
            for isa in Isa::available() {
                let mut score = [0.0];
                scan_bytes(isa, &query, &row, &mut score);
                let expected = 3.0 * 127.0 * dimensions as f32;
                let error = (score[0] - expected).abs() / expected;
                assert!(error < 1e-3, "{dimensions}, {}: {}", isa.name(), score[0]);
            }
        }
    }

    #[test]
    fn zeros_score_their_bias() {
        let mut zeros = [1; 11];
        ByteRow::write(&[0.0; 3], 0.5, &mut zeros);
        assert_eq!((&zeros[..3], ByteRow::new(&zeros).scale()), (&[0; 3][..], 0.0));
        let mut score = [1.0];
        scan_bytes(Isa::best(), &ByteQuery::new(&[1.0, 2.0, 3.0]), &zeros, &mut score);
        assert_eq!(score, [0.5]);
        let ones = quantized(&[1.0; 3], 3);
        scan_bytes(Isa::best(), &ByteQuery::new(&[0.0; 3]), &ones, &mut score);
        assert_eq!(score, [0.0]);
    }
}
