//! Attention of each sequence of a packed batch to itself.
//!
//! One part is one head of one sequence: its keys and values are packed into panels, and blocks of
//! queries go through scores, softmax and mixing while they are in the cache. The score matrix of
//! a whole sequence never exists.
#![expect(unsafe_code, reason = "heads write to columns of one matrix from several threads")]

use crate::aligned::Aligned;
use crate::exec::Exec;
use crate::isa::Operation;
use crate::lanes::Lanes;
use crate::math::exp;
use crate::matrix::{Matrix, Offsets};
use crate::tile::{Finish, Panel, Source, Target, rows_by_panel};

/// Queries whose scores are held at a time; a multiple of every tile's height.
const BLOCK_QUERIES: usize = 48;

/// What to add to a score for where the key stands relative to the query.
///
/// `[num_heads, 2 × max_distance + 1]`, row major: the value for key position minus query position
/// from `-max_distance` to `max_distance`.
#[derive(Debug, Clone)]
pub struct PositionBias {
    values: Vec<f32>,
    max_distance: usize,
}

impl PositionBias {
    /// Makes the table from its values.
    ///
    /// # Panics
    ///
    /// If `values` is not `num_heads` rows of `2 × max_distance + 1`.
    pub fn new(values: Vec<f32>, num_heads: usize, max_distance: usize) -> Self {
        assert_eq!(values.len(), num_heads * (2 * max_distance + 1), "a table of another shape");
        Self { values, max_distance }
    }

    /// The values for keys 0, 1, … as seen from `query`.
    fn row_of(&self, head: usize, query: usize, num_keys: usize) -> &[f32] {
        let row = head * (2 * self.max_distance + 1);
        &self.values[row + self.max_distance - query..][..num_keys]
    }
}

/// Bidirectional attention: each token sees all tokens of its own sequence.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Heads that share the hidden size evenly.
    pub num_heads: usize,
    /// Multiplies the products of queries and keys, before the position bias.
    pub scale: f32,
    /// Added to the scaled products.
    pub position_bias: Option<&'a PositionBias>,
}

impl Exec {
    /// Mixes values by how well keys match queries.
    ///
    /// # Shapes
    ///
    /// - `qkv`: `[num_tokens, 3 × hidden_size]`: query, key and value of each token, side by side.
    /// - result: `[num_tokens, hidden_size]`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or a sequence is longer than the position bias reaches.
    pub fn attention(&self, qkv: &Matrix, offsets: &Offsets, attention: Attention<'_>) -> Matrix {
        let hidden = qkv.num_cols() / 3;
        assert_eq!(qkv.num_cols() % 3, 0, "queries, keys and values of one width");
        assert_eq!(hidden % attention.num_heads, 0, "heads that share the hidden size evenly");
        assert_eq!(qkv.num_rows(), offsets.num_tokens(), "offsets of another batch");
        let mut out = self.matrix(qkv.num_rows(), hidden);
        let heads = Heads { qkv, offsets, attention, hidden, out: out.data_mut().as_mut_ptr() };
        self.team.run(offsets.num_sequences() * attention.num_heads, &|part| {
            let (sequence, head) = (part / attention.num_heads, part % attention.num_heads);
            let scratch = self.buffers.take(heads.scratch_len(sequence, self.isa.panel_width()));
            let used = self.isa.dispatch(OneHead { heads: &heads, sequence, head, scratch });
            self.buffers.give_back(used);
        });
        out
    }
}

struct Heads<'a> {
    qkv: &'a Matrix,
    offsets: &'a Offsets,
    attention: Attention<'a>,
    hidden: usize,
    out: *mut f32,
}

// SAFETY: `out` is written by the parts only, each in the rows of its sequence and the columns of
// its head.
unsafe impl Sync for Heads<'_> {}

impl Heads<'_> {
    fn head_size(&self) -> usize {
        self.hidden / self.attention.num_heads
    }

    fn scratch_len(&self, sequence: usize, panel: usize) -> usize {
        let num_tokens = self.offsets.rows(sequence).len();
        let padded_keys = num_tokens.next_multiple_of(panel);
        let padded_head = self.head_size().next_multiple_of(panel);
        padded_keys * self.head_size() + padded_head * num_tokens + BLOCK_QUERIES * padded_keys
    }
}

struct OneHead<'a> {
    heads: &'a Heads<'a>,
    sequence: usize,
    head: usize,
    scratch: Aligned,
}

impl Operation for OneHead<'_> {
    type Output = Aligned;

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) -> Aligned {
        let heads = self.heads;
        let head_size = heads.head_size();
        let rows = heads.offsets.rows(self.sequence);
        let num_tokens = rows.len();
        let padded_keys = num_tokens.next_multiple_of(L::PANEL);
        let col = self.head * head_size;

        let (keys, rest) = self.scratch.split_at_mut(padded_keys * head_size);
        let (values, scores) = rest.split_at_mut(head_size.next_multiple_of(L::PANEL) * num_tokens);
        pack_keys(heads, rows.start, col, keys, L::PANEL);
        pack_values(heads, rows.start, col, values, L::PANEL);

        for begin in (0..num_tokens).step_by(BLOCK_QUERIES) {
            let num_queries = BLOCK_QUERIES.min(num_tokens - begin);
            let block = Block { begin, num_queries, num_tokens, padded_keys };
            let query = &heads.qkv.rows(rows.start + begin..rows.start + begin + num_queries);
            let source = Source { start: query[col..].as_ptr(), stride: heads.qkv.num_cols() };
            for (number, panel) in keys.chunks_exact(head_size * L::PANEL).enumerate() {
                let target = Target {
                    start: scores[number * L::PANEL..].as_mut_ptr(),
                    stride: padded_keys,
                    num_cols: L::PANEL,
                };
                let panel = Panel {
                    start: panel.as_ptr(),
                    k: head_size,
                    first: true,
                    next: panel.as_ptr(),
                    finish: Finish::Keep,
                };
                // SAFETY: `query` has `num_queries` rows of `stride` floats and `scores` as many of
                // `padded_keys`; the panel is `[head_size, PANEL]`.
                unsafe { rows_by_panel(lanes, num_queries, source, panel, target) };
            }
            softmax(lanes, heads.attention, self.head, block, scores);
            let source = Source { start: scores.as_ptr(), stride: padded_keys };
            for (number, panel) in values.chunks_exact(num_tokens * L::PANEL).enumerate() {
                let panel_col = number * L::PANEL;
                let out_at = (rows.start + begin) * heads.hidden + col + panel_col;
                let target = Target {
                    // SAFETY: within `out`, `[num_tokens, hidden]`.
                    start: unsafe { heads.out.add(out_at) },
                    stride: heads.hidden,
                    num_cols: L::PANEL.min(head_size - panel_col),
                };
                let panel = Panel {
                    start: panel.as_ptr(),
                    k: num_tokens,
                    first: true,
                    next: panel.as_ptr(),
                    finish: Finish::Keep,
                };
                // SAFETY: these rows and columns of `out` are this head's own; `scores` has
                // `num_queries` rows and the panel is `[num_tokens, PANEL]`.
                unsafe { rows_by_panel(lanes, num_queries, source, panel, target) };
            }
        }
        self.scratch
    }
}

/// Some queries of one sequence against all its keys.
#[derive(Clone, Copy)]
struct Block {
    begin: usize,
    num_queries: usize,
    num_tokens: usize,
    padded_keys: usize,
}

/// Writes the keys of one head as panels `[head_size, PANEL]`: a key a column.
#[inline(always)]
fn pack_keys(heads: &Heads<'_>, first_row: usize, col: usize, keys: &mut [f32], width: usize) {
    let head_size = heads.head_size();
    let num_tokens = heads.offsets.num_tokens();
    for (number, panel) in keys.chunks_exact_mut(head_size * width).enumerate() {
        for key in 0..width {
            let row = first_row + number * width + key;
            // Columns past the last key are never read as scores, but must not hold what a
            // signalling value would slow down.
            if row >= num_tokens {
                (0..head_size).for_each(|k| panel[k * width + key] = 0.0);
                continue;
            }
            let from = &heads.qkv.row(row)[heads.hidden + col..][..head_size];
            for (k, x) in from.iter().enumerate() {
                panel[k * width + key] = *x;
            }
        }
    }
}

/// Writes the values of one head as panels `[num_tokens, PANEL]`.
#[inline(always)]
fn pack_values(heads: &Heads<'_>, first_row: usize, col: usize, values: &mut [f32], width: usize) {
    let head_size = heads.head_size();
    let num_tokens = values.len() / head_size.next_multiple_of(width);
    for (number, panel) in values.chunks_exact_mut(num_tokens * width).enumerate() {
        let num_cols = width.min(head_size - number * width);
        for (token, to) in panel.chunks_exact_mut(width).enumerate() {
            let row = heads.qkv.row(first_row + token);
            let from = &row[2 * heads.hidden + col + number * width..][..num_cols];
            to[..num_cols].copy_from_slice(from);
            to[num_cols..].fill(0.0);
        }
    }
}

/// Turns each row of products into weights that add up to 1.
#[inline(always)]
fn softmax<L: Lanes>(
    lanes: L,
    attention: Attention<'_>,
    head: usize,
    block: Block,
    scores: &mut [f32],
) {
    let scale = lanes.splat(attention.scale);
    for (query, row) in
        scores.chunks_exact_mut(block.padded_keys).take(block.num_queries).enumerate()
    {
        let row = &mut row[..block.num_tokens];
        let bias = attention
            .position_bias
            .map(|bias| bias.row_of(head, block.begin + query, block.num_tokens));
        let mut largest = lanes.splat(f32::NEG_INFINITY);
        let (whole, tail) = split_lanes::<L>(row);
        for (at, chunk) in whole.chunks_exact_mut(L::N).enumerate() {
            let mut x = lanes.mul(lanes.load(chunk), scale);
            if let Some(bias) = bias {
                x = lanes.add(x, lanes.load(&bias[at * L::N..]));
            }
            largest = lanes.max(largest, x);
            lanes.store(chunk, x);
        }
        let mut largest = lanes.largest(largest);
        let tail_at = block.num_tokens - tail.len();
        for (at, x) in tail.iter_mut().enumerate() {
            *x = *x * attention.scale + bias.map_or(0.0, |bias| bias[tail_at + at]);
            largest = largest.max(*x);
        }

        let shift = lanes.splat(largest);
        let mut sum = lanes.splat(0.0);
        for chunk in whole.chunks_exact_mut(L::N) {
            let power = exp(lanes, lanes.sub(lanes.load(chunk), shift));
            sum = lanes.add(sum, power);
            lanes.store(chunk, power);
        }
        let mut total = lanes.sum(sum);
        if !tail.is_empty() {
            let power = exp(lanes, lanes.sub(lanes.load_tail(tail, largest), shift));
            lanes.store_tail(tail, power);
            total += tail.iter().sum::<f32>();
        }
        let scale = 1.0 / total;
        for x in row {
            *x *= scale;
        }
    }
}

/// Splits a row into whole registers and the rest.
#[inline(always)]
fn split_lanes<L: Lanes>(row: &mut [f32]) -> (&mut [f32], &mut [f32]) {
    let whole = row.len() / L::N * L::N;
    row.split_at_mut(whole)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::isa::Isa;
    use crate::reference::{self, Random};

    struct Case {
        lengths: Vec<usize>,
        num_heads: usize,
        head_size: usize,
        qkv: Vec<f32>,
        bias: Option<PositionBias>,
    }

    impl Case {
        fn random(lengths: Vec<usize>, num_heads: usize, head_size: usize, seed: u64) -> Self {
            let mut random = Random(seed);
            let num_tokens: usize = lengths.iter().sum();
            let qkv = random.floats(num_tokens * 3 * num_heads * head_size);
            let reach = *lengths.iter().max().unwrap();
            let table = random.floats(num_heads * (2 * reach + 1));
            let bias = seed.is_multiple_of(2).then(|| PositionBias::new(table, num_heads, reach));
            Self { lengths, num_heads, head_size, qkv, bias }
        }

        fn run(&self, isa: Isa) -> Vec<f32> {
            let exec = Exec::new(isa, Arc::default());
            let offsets = Offsets::from_lengths(self.lengths.iter().copied());
            let width = 3 * self.num_heads * self.head_size;
            let mut qkv = exec.matrix(offsets.num_tokens(), width);
            qkv.data_mut().copy_from_slice(&self.qkv);
            let attention = Attention {
                num_heads: self.num_heads,
                scale: 1.0 / (self.head_size as f32).sqrt(),
                position_bias: self.bias.as_ref(),
            };
            exec.attention(&qkv, &offsets, attention).data().to_vec()
        }

        fn expected(&self) -> Vec<f64> {
            let hidden = self.num_heads * self.head_size;
            let offsets = Offsets::from_lengths(self.lengths.iter().copied());
            let mut out = vec![0.0; offsets.num_tokens() * hidden];
            let part = |row: usize, kind: usize, head: usize| {
                &self.qkv[row * 3 * hidden + kind * hidden + head * self.head_size..]
                    [..self.head_size]
            };
            for rows in offsets.iter() {
                for (query, head) in
                    rows.clone().flat_map(|row| (0..self.num_heads).map(move |head| (row, head)))
                {
                    let bias = self
                        .bias
                        .as_ref()
                        .map(|bias| bias.row_of(head, query - rows.start, rows.len()));
                    let scores: Vec<f64> = rows
                        .clone()
                        .map(|key| {
                            reference::dot(part(query, 0, head), part(key, 1, head))
                                / (self.head_size as f64).sqrt()
                                + bias.map_or(0.0, |bias| f64::from(bias[key - rows.start]))
                        })
                        .collect();
                    let total: f64 = scores.iter().map(|score| score.exp()).sum();
                    for (key, score) in rows.clone().zip(&scores) {
                        for (col, value) in part(key, 2, head).iter().enumerate() {
                            out[query * hidden + head * self.head_size + col] +=
                                score.exp() / total * f64::from(*value);
                        }
                    }
                }
            }
            out
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference_on_every_instruction_set(
            lengths in prop::collection::vec(1usize..70, 1..6),
            num_heads in 1usize..4,
            head_size in prop_oneof![1usize..40, Just(64)],
            seed in any::<u64>(),
        ) {
            let case = Case::random(lengths, num_heads, head_size, seed);
            let expected = case.expected();
            for isa in Isa::available() {
                let error = reference::largest_difference(&case.run(isa), &expected);
                prop_assert!(error < 3e-6, "{}: {error}", isa.name());
            }
        }

        #[test]
        fn a_sequence_gives_the_same_bits_in_any_company(
            lengths in prop::collection::vec(1usize..120, 1..6),
            which in any::<prop::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let case = Case::random(lengths.clone(), 2, 12, seed);
            let which = which.index(lengths.len());
            let begin: usize = lengths[..which].iter().sum();
            let alone = Case {
                lengths: vec![lengths[which]],
                qkv: case.qkv[begin * 72..][..lengths[which] * 72].to_vec(),
                bias: case.bias.clone(),
                ..case
            };
            for isa in Isa::available() {
                let all = case.run(isa);
                prop_assert_eq!(&all[begin * 24..][..lengths[which] * 24], &alone.run(isa)[..]);
            }
        }
    }
}
