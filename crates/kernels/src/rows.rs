//! Operations that treat each row, or each sequence of rows, on its own: look-up, normalization,
//! pooling.

use crate::exec::Exec;
use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;
use crate::matrix::{Matrix, Offsets};

/// How the token states of a sequence become one embedding. Named as sentence-transformers does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first token's state.
    Cls,
    /// The mean over all tokens.
    Mean,
    /// The largest value of each column.
    Max,
    /// The sum divided by the square root of the number of tokens.
    MeanSqrtLen,
    /// The mean with weights 1, 2, 3, … in token order.
    WeightedMean,
    /// The last token's state.
    LastToken,
}

impl Pooling {
    /// Returns its name as our settings, messages and provenance spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::MeanSqrtLen => "mean_sqrt_len",
            Self::WeightedMean => "weighted_mean",
            Self::LastToken => "last_token",
        }
    }
}

/// A table of embeddings and the row of it that each token takes.
#[derive(Debug, Clone, Copy)]
pub struct LookUp<'a> {
    /// `[num_entries, hidden_size]`, row major.
    pub table: &'a [f32],
    /// `[num_tokens]`, each below `num_entries`.
    pub entries: &'a [u32],
}

impl Exec {
    /// Adds up, for each token, its entry of every table, in their order.
    ///
    /// # Panics
    ///
    /// If `tables` is empty, they differ in length, or an entry is outside its table.
    pub fn embed(&self, tables: &[LookUp<'_>], hidden_size: usize) -> Matrix {
        let entry = |table: &LookUp<'_>, token: usize| {
            let at = table.entries[token] as usize * hidden_size;
            at..at + hidden_size
        };
        let num_tokens = tables[0].entries.len();
        let mut out = self.matrix(num_tokens, hidden_size);
        for token in 0..num_tokens {
            let row = out.row_mut(token);
            row.copy_from_slice(&tables[0].table[entry(&tables[0], token)]);
            for table in &tables[1..] {
                for (x, more) in row.iter_mut().zip(&table.table[entry(table, token)]) {
                    *x += more;
                }
            }
        }
        out
    }

    /// Scales each row to mean 0 and variance 1, then by `gain` and `bias`, after adding the same row
    /// of `residual` if there is one.
    ///
    /// # Panics
    ///
    /// If `gain`, `bias` or `residual` have another width.
    pub fn layer_norm(&self, x: &mut Matrix, residual: Option<&Matrix>, norm: LayerNorm<'_>) {
        let width = x.num_cols();
        assert!(norm.gain.len() == width && norm.bias.len() == width, "a norm of another width");
        let num_rows = x.num_rows();
        if let Some(residual) = residual {
            assert_eq!((residual.num_rows(), residual.num_cols()), (num_rows, width));
        }
        // Not shared with helpers: it is a hundredth of a pass.
        let residual = residual.map(Matrix::data);
        self.isa.dispatch(NormRows { x: x.data_mut(), residual, norm });
    }

    /// Makes one row of each sequence.
    ///
    /// # Shapes
    ///
    /// - `states`: `[num_tokens, hidden_size]`.
    /// - `skip`: `[batch_size]`, how many tokens at the beginning of each sequence are left out; fewer
    ///   than it has.
    /// - result: `[batch_size, hidden_size × poolings.len()]`, the poolings side by side.
    ///
    /// The result is not normalized.
    pub fn pool(
        &self,
        states: &Matrix,
        offsets: &Offsets,
        skip: &[usize],
        poolings: &[Pooling],
    ) -> Matrix {
        let width = states.num_cols();
        let mut out = self.matrix(offsets.num_sequences(), width * poolings.len());
        for (sequence, rows) in offsets.iter().enumerate() {
            let skip = skip[sequence];
            assert!(skip < rows.len(), "a sequence with every token left out");
            let states = states.rows(rows.start + skip..rows.end);
            let row = out.row_mut(sequence);
            for (pooling, to) in poolings.iter().zip(row.chunks_exact_mut(width)) {
                pool_sequence(states, skip, *pooling, to);
            }
        }
        out
    }
}

/// Gain, bias and epsilon of a layer normalization.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm<'a> {
    /// `[width]`.
    pub gain: &'a [f32],
    /// `[width]`.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

struct NormRows<'a> {
    x: &'a mut [f32],
    residual: Option<&'a [f32]>,
    norm: LayerNorm<'a>,
}

impl Operation for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.norm.gain.len();
        for (number, row) in self.x.chunks_exact_mut(width).enumerate() {
            if let Some(residual) = self.residual {
                for (x, more) in row.iter_mut().zip(&residual[number * width..][..width]) {
                    *x += more;
                }
            }
            norm_row(lanes, row, self.norm);
        }
    }
}

#[inline(always)]
fn norm_row<L: Lanes>(lanes: L, row: &mut [f32], norm: LayerNorm<'_>) {
    let num = row.len() as f32;
    let mean = sum_of(lanes, row) / num;
    let shift = lanes.splat(mean);
    // Two passes: the difference of sums would lose digits where the mean is large.
    let mut squares = lanes.splat(0.0);
    let mut chunks = row.chunks_exact(L::N);
    for chunk in &mut chunks {
        let x = lanes.sub(lanes.load(chunk), shift);
        squares = lanes.mul_add(x, x, squares);
    }
    let tail: f32 = chunks.remainder().iter().map(|x| (x - mean) * (x - mean)).sum();
    let variance = (lanes.sum(squares) + tail) / num;
    let scale = 1.0 / (variance + norm.eps).sqrt();
    for (x, (gain, bias)) in row.iter_mut().zip(norm.gain.iter().zip(norm.bias)) {
        *x = (*x - mean) * scale * gain + bias;
    }
}

#[inline(always)]
fn sum_of<L: Lanes>(lanes: L, row: &[f32]) -> f32 {
    let mut sum = lanes.splat(0.0);
    let mut chunks = row.chunks_exact(L::N);
    for chunk in &mut chunks {
        sum = lanes.add(sum, lanes.load(chunk));
    }
    lanes.sum(sum) + chunks.remainder().iter().sum::<f32>()
}

/// `skip` rows stood before `states`: the weights of a weighted mean count them.
fn pool_sequence(states: &[f32], skip: usize, pooling: Pooling, to: &mut [f32]) {
    let width = to.len();
    let rows = || states.chunks_exact(width);
    let num_rows = rows().len();
    let mut add_up = |weight: &dyn Fn(usize) -> f32| {
        to.fill(0.0);
        for (number, row) in rows().enumerate() {
            let weight = weight(number);
            to.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
        }
    };
    match pooling {
        Pooling::Cls => to.copy_from_slice(&states[..width]),
        Pooling::LastToken => to.copy_from_slice(&states[states.len() - width..]),
        Pooling::Max => {
            to.fill(f32::NEG_INFINITY);
            for row in rows() {
                // A NaN stays: a comparison with it is never true, so it is asked for by name.
                for (most, x) in to.iter_mut().zip(row) {
                    if *x > *most || x.is_nan() {
                        *most = *x;
                    }
                }
            }
        }
        // Sum first, divide once: the order of the reference.
        Pooling::Mean => {
            add_up(&|_| 1.0);
            to.iter_mut().for_each(|x| *x /= num_rows as f32);
        }
        Pooling::MeanSqrtLen => {
            add_up(&|_| 1.0);
            to.iter_mut().for_each(|x| *x /= (num_rows as f32).sqrt());
        }
        Pooling::WeightedMean => {
            let weight = |number| (skip + number + 1) as f32;
            add_up(&weight);
            let total: f32 = (0..num_rows).map(weight).sum();
            to.iter_mut().for_each(|x| *x /= total);
        }
    }
}

/// Scales a row to length 1. A row of zeros stays as it is.
///
/// # Source
///
/// `torch.nn.functional.normalize`: divides by the larger of the length and 1e-12.
pub fn normalize_in_place(row: &mut [f32]) {
    let length = crate::dot(Isa::best(), row, row).sqrt().max(1e-12);
    row.iter_mut().for_each(|x| *x /= length);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    proptest! {
        #[test]
        fn layer_norm_agrees_with_the_reference_on_every_instruction_set(
            width in 1usize..80,
            num_rows in 1usize..5,
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let (x, residual) = (random.floats(num_rows * width), random.floats(num_rows * width));
            let (gain, bias) = (random.floats(width), random.floats(width));
            let sums: Vec<f32> = x.iter().zip(&residual).map(|(x, more)| x + more).collect();
            let expected: Vec<f64> = sums
                .chunks(width)
                .flat_map(|row| reference::layer_norm(row, &gain, &bias, 1e-3))
                .collect();
            for isa in Isa::available() {
                let exec = Exec::new(isa, Arc::default());
                let (mut got, mut more) = (exec.matrix(num_rows, width), exec.matrix(num_rows, width));
                got.data_mut().copy_from_slice(&x);
                more.data_mut().copy_from_slice(&residual);
                let norm = LayerNorm { gain: &gain, bias: &bias, eps: 1e-3 };
                exec.layer_norm(&mut got, Some(&more), norm);
                let error = reference::largest_difference(got.data(), &expected);
                prop_assert!(error < 2e-5, "{}: {error}", isa.name());
            }
        }
    }

    #[test]
    fn embed_adds_the_entries_of_each_table() {
        let exec = Exec::single_threaded();
        let words = LookUp { table: &[0.0, 0.0, 1.0, 2.0, 3.0, 4.0], entries: &[2, 1, 2] };
        let positions =
            LookUp { table: &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0], entries: &[0, 1, 2] };
        let states = exec.embed(&[words, positions], 2);
        assert_eq!(states.data(), [13.0, 24.0, 31.0, 42.0, 53.0, 64.0]);
    }

    #[test]
    fn pools_each_sequence_on_its_own() {
        let exec = Exec::single_threaded();
        let offsets = Offsets::from_lengths([3, 1]);
        let mut states = exec.matrix(4, 2);
        states.data_mut().copy_from_slice(&[1.0, -1.0, 2.0, -8.0, 6.0, 0.0, 7.0, 9.0]);
        let check = |pooling, expected: [f32; 4]| {
            let pooled = exec.pool(&states, &offsets, &[0, 0], &[pooling]);
            for (got, expected) in pooled.data().iter().zip(expected) {
                assert!((got - expected).abs() < 1e-6, "{pooling:?}: {:?}", pooled.data());
            }
        };
        check(Pooling::Cls, [1.0, -1.0, 7.0, 9.0]);
        check(Pooling::LastToken, [6.0, 0.0, 7.0, 9.0]);
        check(Pooling::Mean, [3.0, -3.0, 7.0, 9.0]);
        check(Pooling::Max, [6.0, 0.0, 7.0, 9.0]);
        check(Pooling::MeanSqrtLen, [9.0 / 3f32.sqrt(), -9.0 / 3f32.sqrt(), 7.0, 9.0]);
        check(Pooling::WeightedMean, [23.0 / 6.0, -17.0 / 6.0, 7.0, 9.0]);
        let both = exec.pool(&states, &offsets, &[1, 0], &[Pooling::Cls, Pooling::LastToken]);
        assert_eq!(both.row(0), [2.0, -8.0, 6.0, 0.0]);
    }

    #[test]
    fn normalizes_to_length_one_and_leaves_zeros() {
        let mut row = [3.0, 4.0];
        normalize_in_place(&mut row);
        assert_eq!(row, [0.6, 0.8]);
        let mut zeros = [0.0; 5];
        normalize_in_place(&mut zeros);
        assert_eq!(zeros, [0.0; 5]);
    }
}
