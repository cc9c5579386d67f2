//! The encoder block of the BERT family: attention and feed-forward, each followed by a normalization
//! of its sum with its input.

use kernels::{Activation, Exec, Isa, Matrix, Offsets, PositionBias};

use crate::LoadError;
use crate::layers::{AttentionNames, FeedForward, LayerNorm, Linear, SelfAttention};
use crate::weights::Weights;

/// The sizes of a block, the same for all blocks of a network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockShape {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_heads: usize,
    pub(crate) layer_norm_eps: f32,
    pub(crate) activation: Activation,
}

/// One block.
pub(crate) struct PostNormBlock {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    feed_forward: FeedForward,
    output_norm: LayerNorm,
}

impl PostNormBlock {
    /// Loads a block from `encoder.layer.N`. Fields, loads and the names in the weights file come in
    /// the same order, so that the three can be read side by side.
    pub(crate) fn load(
        shape: BlockShape,
        names: &AttentionNames,
        weights: &Weights<'_>,
        isa: Isa,
    ) -> Result<Self, LoadError> {
        let BlockShape { hidden_size: h, intermediate_size: i, layer_norm_eps: eps, .. } = shape;
        let (attention, output) = (weights.child("attention"), weights.child("output"));
        let up = weights.child("intermediate.dense");
        Ok(Self {
            attention: SelfAttention::load(&attention, names, isa, h, shape.num_heads)?,
            attention_norm: LayerNorm::load(&attention.child(names.norm), h, eps)?,
            feed_forward: FeedForward {
                up: Linear::load_with(&up, isa, [i, h], true, shape.activation)?,
                down: Linear::load(&output.child("dense"), isa, [h, i])?,
            },
            output_norm: LayerNorm::load(&output.child("LayerNorm"), h, eps)?,
        })
    }

    pub(crate) fn forward(
        &self,
        exec: &Exec,
        states: &Matrix,
        offsets: &Offsets,
        position_bias: Option<&PositionBias>,
    ) -> Matrix {
        let mut mixed = self.attention.forward(exec, states, offsets, position_bias); // [T, H]
        self.attention_norm.forward(exec, &mut mixed, Some(states));
        let mut outer = self.feed_forward.forward(exec, &mixed); // [T, H]
        self.output_norm.forward(exec, &mut outer, Some(&mixed));
        outer
    }

    pub(crate) fn num_weights(&self) -> usize {
        self.attention.num_weights() + self.feed_forward.num_weights()
    }
}
