//! A linear layer: `activation(x · Wᵀ + bias)` with weights packed once, at load.
#![expect(unsafe_code, reason = "parts of one matrix product write to parts of one matrix")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "four addresses into one panel, under one argument"
)]

use crate::aligned::Aligned;
use crate::exec::Exec;
use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;
use crate::math::Activation;
use crate::matrix::Matrix;
use crate::tile::{Finish, Panel, Source, Target, rows_by_panel};

/// Rows of activations that stay in the second-level cache while the panels pass by.
const BLOCK_ROWS: usize = 120;
/// How much of `k` is done at a time: a panel of it (12 KiB) and the rows of a tile (5 KiB) fit the
/// first-level cache with room to spare. 384, which just does not, was about a tenth slower.
const BLOCK_K: usize = 192;
/// Rows of `x` beyond this length do not stay in the second-level cache, a block of them together.
const LONG_ROW: usize = 768;
/// A part of a product that is worth handing to another thread, in multiply-adds: about 20 µs.
const PART_OPERATIONS: usize = 1_000_000;

/// The weights of a linear layer in panels of columns, for one instruction set.
pub struct LinearWeights {
    /// `[num_panels, num_inputs, PANEL]`, the last panel filled up with zeros.
    panels: Aligned,
    /// `[num_panels × PANEL]`.
    bias: Aligned,
    num_inputs: usize,
    num_outputs: usize,
    isa: Isa,
}

impl LinearWeights {
    /// Packs weights as safetensors files have them.
    ///
    /// # Shapes
    ///
    /// - `weights`: `[num_outputs, num_inputs]`, row major.
    /// - `bias`: `[num_outputs]`; `None` counts as zeros.
    ///
    /// # Panics
    ///
    /// If `weights` is no multiple of `num_inputs`, or `bias` has another length.
    pub fn pack(isa: Isa, weights: &[f32], bias: Option<&[f32]>, num_inputs: usize) -> Self {
        assert_eq!(weights.len() % num_inputs, 0, "weights that are not whole rows");
        let num_outputs = weights.len() / num_inputs;
        let width = isa.panel_width();
        let num_panels = num_outputs.div_ceil(width);
        let mut panels = Aligned::zeros(num_panels * num_inputs * width);
        for (panel, rows) in
            panels.chunks_exact_mut(num_inputs * width).zip(weights.chunks(num_inputs * width))
        {
            for (col, row) in rows.chunks_exact(num_inputs).enumerate() {
                for (k, weight) in row.iter().enumerate() {
                    panel[k * width + col] = *weight;
                }
            }
        }
        let mut padded = Aligned::zeros(num_panels * width);
        if let Some(bias) = bias {
            assert_eq!(bias.len(), num_outputs, "a bias of another length than the weights");
            padded[..num_outputs].copy_from_slice(bias);
        }
        Self { panels, bias: padded, num_inputs, num_outputs, isa }
    }

    /// Returns how many weights there are, without the bias.
    pub fn num_weights(&self) -> usize {
        self.num_inputs * self.num_outputs
    }

    /// Returns the length of a result row.
    pub fn num_outputs(&self) -> usize {
        self.num_outputs
    }
}

impl std::fmt::Debug for LinearWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinearWeights [{}, {}]", self.num_outputs, self.num_inputs)
    }
}

impl Exec {
    /// Returns `activation(x · weightsᵀ + bias)`.
    ///
    /// # Shapes
    ///
    /// - `x`: `[num_rows, num_inputs]`.
    /// - result: `[num_rows, num_outputs]`.
    ///
    /// # Panics
    ///
    /// If the rows of `x` have another length than the weights, or these were packed for another
    /// instruction set.
    pub fn linear(&self, x: &Matrix, weights: &LinearWeights, activation: Activation) -> Matrix {
        assert_eq!(x.num_cols(), weights.num_inputs, "activations of another width");
        assert_eq!(self.isa, weights.isa, "weights packed for another instruction set");
        let mut out = self.matrix(x.num_rows(), weights.num_outputs);
        let product = Product { x, weights, activation, out: out.data_mut().as_mut_ptr() };
        let split = Split::of(x.num_rows(), weights);
        self.team.run(split.num_parts(), &|part| {
            self.isa.dispatch(ProductPart { product: &product, part: split.part(part) });
        });
        out
    }
}

struct Product<'a> {
    x: &'a Matrix,
    weights: &'a LinearWeights,
    activation: Activation,
    out: *mut f32,
}

// SAFETY: `out` is written by the parts only, each in rows and columns of its own.
unsafe impl Sync for Product<'_> {}

/// How a product is cut into parts: by rows and by panels, never by `k`.
struct Split {
    num_rows: usize,
    num_panels: usize,
    row_blocks: usize,
    panel_groups: usize,
}

#[derive(Clone)]
struct Part {
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
}

impl Split {
    fn of(num_rows: usize, weights: &LinearWeights) -> Self {
        let num_panels = weights.bias.len() / weights.isa.panel_width();
        let row_blocks = num_rows.div_ceil(BLOCK_ROWS).max(1);
        let worth = num_rows * weights.num_weights() / PART_OPERATIONS;
        let panel_groups = (worth / row_blocks).clamp(1, num_panels.max(1));
        Self { num_rows, num_panels, row_blocks, panel_groups }
    }

    fn num_parts(&self) -> usize {
        self.row_blocks * self.panel_groups
    }

    fn part(&self, number: usize) -> Part {
        let (block, group) = (number / self.panel_groups, number % self.panel_groups);
        let cut = |total: usize, i: usize, n: usize| total * i / n..total * (i + 1) / n;
        Part {
            rows: cut(self.num_rows, block, self.row_blocks),
            panels: cut(self.num_panels, group, self.panel_groups),
        }
    }
}

struct ProductPart<'a> {
    product: &'a Product<'a>,
    part: Part,
}

impl Operation for ProductPart<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let num_inputs = self.product.weights.num_inputs;
        let num_blocks = num_inputs.div_ceil(BLOCK_K);
        // Whichever is reused stays in the second-level cache: the rows of `x` while they are short,
        // otherwise the sums. Plain loops: a closure would not inherit the instruction set, and the
        // product would run some twenty times slower.
        if num_inputs <= LONG_ROW {
            for panel in self.part.panels.clone() {
                for block in 0..num_blocks {
                    self.block(lanes, panel, block);
                }
            }
        } else {
            for block in 0..num_blocks {
                for panel in self.part.panels.clone() {
                    self.block(lanes, panel, block);
                }
            }
        }
    }
}

impl ProductPart<'_> {
    /// Adds the products of one block of `k` to one panel's columns of the sums.
    #[inline(always)]
    fn block<L: Lanes>(&self, lanes: L, panel: usize, block: usize) {
        let Product { x, weights, activation, out } = *self.product;
        let rows = &self.part.rows;
        let (num_inputs, num_outputs) = (weights.num_inputs, weights.num_outputs);
        let k = block * BLOCK_K;
        let block_k = BLOCK_K.min(num_inputs - k);
        let col = panel * L::PANEL;
        // SAFETY: the panel, its bias and the first row of the part lie within the weights, `x` and
        // `out`, whose sizes `linear` and `pack` made or checked.
        let (weights_at, bias_at, x_at, out_at) = unsafe {
            (
                weights.panels.as_ptr().add((panel * num_inputs + k) * L::PANEL),
                weights.bias.as_ptr().add(col),
                x.data().as_ptr().add(rows.start * num_inputs + k),
                out.add(rows.start * num_outputs + col),
            )
        };
        let finish = if k + block_k == num_inputs {
            Finish::BiasThen(bias_at, activation)
        } else {
            Finish::Keep
        };
        // Panel after panel, the next block of `k` stands right behind this one.
        let to_next = if num_inputs <= LONG_ROW { block_k } else { num_inputs };
        let next = weights_at.wrapping_add(to_next * L::PANEL);
        let source = Source { start: x_at, stride: num_inputs };
        let num_cols = L::PANEL.min(num_outputs - col);
        let target = Target { start: out_at, stride: num_outputs, num_cols };
        let panel = Panel { start: weights_at, k: block_k, first: block == 0, next, finish };
        // SAFETY: `rows` and `panel` are this part's own; all lie within the matrices.
        unsafe { rows_by_panel(lanes, rows.len(), source, panel, target) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    fn product(isa: Isa, x: &[f32], weights: &[f32], bias: &[f32], num_inputs: usize) -> Vec<f32> {
        let exec = Exec::new(isa, Arc::default());
        let packed = LinearWeights::pack(isa, weights, Some(bias), num_inputs);
        let mut matrix = exec.matrix(x.len() / num_inputs, num_inputs);
        matrix.data_mut().copy_from_slice(x);
        exec.linear(&matrix, &packed, Activation::Identity).data().to_vec()
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference_on_every_instruction_set(
            num_rows in 1usize..40,
            num_inputs in prop_oneof![1usize..50, 380usize..390, Just(800)],
            num_outputs in 1usize..70,
            seed in any::<u64>(),
        ) {
            let mut random = reference::Random(seed);
            let x = random.floats(num_rows * num_inputs);
            let weights = random.floats(num_outputs * num_inputs);
            let bias = random.floats(num_outputs);
            let expected = reference::linear(&x, &weights, &bias, num_inputs);
            for isa in Isa::available() {
                let got = product(isa, &x, &weights, &bias, num_inputs);
                let error = reference::largest_difference(&got, &expected);
                prop_assert!(error < 1e-5 * (num_inputs as f32).sqrt(), "{}: {error}", isa.name());
            }
        }

        #[test]
        fn a_row_gives_the_same_bits_in_any_company(
            num_rows in 1usize..300,
            num_inputs in prop_oneof![1usize..50, Just(900)],
            row in any::<prop::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let mut random = reference::Random(seed);
            let x = random.floats(num_rows * num_inputs);
            let weights = random.floats(48 * num_inputs);
            let bias = random.floats(48);
            let row = row.index(num_rows);
            for isa in Isa::available() {
                let all = product(isa, &x, &weights, &bias, num_inputs);
                let alone =
                    product(isa, &x[row * num_inputs..][..num_inputs], &weights, &bias, num_inputs);
                prop_assert_eq!(&all[row * 48..][..48], &alone[..]);
            }
        }
    }
}
