//! Layer normalization.

use kernels::{Exec, Matrix};

use crate::LoadError;
use crate::weights::Weights;

/// Gain and bias of a layer normalization.
pub(crate) struct LayerNorm {
    gain: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    pub(crate) fn load(weights: &Weights<'_>, width: usize, eps: f32) -> Result<Self, LoadError> {
        // Checkpoints from TensorFlow keep the old names, which transformers still reads.
        let old = weights.has("gamma") && !weights.has("weight");
        let (gain, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        Ok(Self { gain: weights.read(gain, &[width])?, bias: weights.read(bias, &[width])?, eps })
    }

    /// Normalizes the rows of `x + residual` in place.
    pub(crate) fn forward(&self, exec: &Exec, x: &mut Matrix, residual: Option<&Matrix>) {
        let norm = kernels::LayerNorm { gain: &self.gain, bias: &self.bias, eps: self.eps };
        exec.layer_norm(x, residual, norm);
    }
}
