//! Bidirectional self-attention over packed sequences.

use kernels::{Attention, Exec, Isa, Matrix, Offsets, PositionBias};

use crate::LoadError;
use crate::layers::Linear;
use crate::weights::Weights;

/// What an architecture calls the four projections of one layer and the normalization after them.
pub(crate) struct AttentionNames {
    pub(crate) query: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    pub(crate) output: &'static str,
    pub(crate) norm: &'static str,
}

/// Queries, keys and values in one product, attention, and the output projection.
pub(crate) struct SelfAttention {
    query_key_value: Linear,
    output: Linear,
    num_heads: usize,
    scale: f32,
}

impl SelfAttention {
    pub(crate) fn load(
        weights: &Weights<'_>,
        names: &AttentionNames,
        isa: Isa,
        hidden_size: usize,
        num_heads: usize,
    ) -> Result<Self, LoadError> {
        let inputs = [names.query, names.key, names.value].map(|name| weights.child(name));
        let shape = [hidden_size, hidden_size];
        Ok(Self {
            query_key_value: Linear::load_side_by_side(&inputs, isa, shape)?,
            output: Linear::load(&weights.child(names.output), isa, shape)?,
            num_heads,
            scale: 1.0 / ((hidden_size / num_heads) as f32).sqrt(),
        })
    }

    pub(crate) fn forward(
        &self,
        exec: &Exec,
        states: &Matrix,
        offsets: &Offsets,
        position_bias: Option<&PositionBias>,
    ) -> Matrix {
        let query_key_value = self.query_key_value.forward(exec, states); // [T, 3 × H]
        let attention = Attention { num_heads: self.num_heads, scale: self.scale, position_bias };
        // Each token sees the tokens of its own sequence only; `offsets` takes the mask's place.
        let mixed = exec.attention(&query_key_value, offsets, attention); // [T, H]
        self.output.forward(exec, &mixed) // [T, H]
    }

    pub(crate) fn num_weights(&self) -> usize {
        self.query_key_value.num_weights() + self.output.num_weights()
    }
}
