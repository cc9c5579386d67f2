//! Linear layers and the feed-forward block.

use std::path::Path;

use kernels::{Activation, Exec, Isa, LinearWeights, Matrix};

use crate::LoadError;
use crate::weights::Weights;

/// `activation(x · Wᵀ + b)`.
pub(crate) struct Linear {
    weights: LinearWeights,
    activation: Activation,
}

impl Linear {
    /// Loads `weight` `[num_outputs, num_inputs]` and `bias`, without an activation.
    pub(crate) fn load(
        weights: &Weights<'_>,
        isa: Isa,
        shape: [usize; 2],
    ) -> Result<Self, LoadError> {
        Self::load_with(weights, isa, shape, true, Activation::Identity)
    }

    pub(crate) fn load_with(
        weights: &Weights<'_>,
        isa: Isa,
        [num_outputs, num_inputs]: [usize; 2],
        bias: bool,
        activation: Activation,
    ) -> Result<Self, LoadError> {
        let matrix = weights.read("weight", &[num_outputs, num_inputs])?;
        let bias = bias.then(|| weights.read("bias", &[num_outputs])).transpose()?;
        let weights = LinearWeights::pack(isa, &matrix, bias.as_deref(), num_inputs);
        Ok(Self { weights, activation })
    }

    /// Loads several layers of one input as one, their outputs side by side.
    pub(crate) fn load_side_by_side(
        layers: &[Weights<'_>],
        isa: Isa,
        [num_outputs, num_inputs]: [usize; 2],
    ) -> Result<Self, LoadError> {
        let (mut matrix, mut bias) = (Vec::new(), Vec::new());
        for layer in layers {
            matrix.extend(layer.read("weight", &[num_outputs, num_inputs])?);
            bias.extend(layer.read("bias", &[num_outputs])?);
        }
        let weights = LinearWeights::pack(isa, &matrix, Some(&bias), num_inputs);
        Ok(Self { weights, activation: Activation::Identity })
    }

    pub(crate) fn forward(&self, exec: &Exec, x: &Matrix) -> Matrix {
        exec.linear(x, &self.weights, self.activation)
    }

    pub(crate) fn num_weights(&self) -> usize {
        self.weights.num_weights()
    }
}

/// Up, activation, down.
pub(crate) struct FeedForward {
    pub(crate) up: Linear,
    pub(crate) down: Linear,
}

impl FeedForward {
    pub(crate) fn forward(&self, exec: &Exec, states: &Matrix) -> Matrix {
        let inner = self.up.forward(exec, states); // [T, intermediate_size]
        self.down.forward(exec, &inner) // [T, H]
    }

    pub(crate) fn num_weights(&self) -> usize {
        self.up.num_weights() + self.down.num_weights()
    }
}

/// Returns the activation that a published name means.
///
/// # Source
///
/// transformers, `activations.py`, `ACT2FN`.
pub(crate) fn activation(name: &str, directory: &Path) -> Result<Activation, LoadError> {
    match name {
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_accurate" => {
            Ok(Activation::GeluTanh)
        }
        "quick_gelu" => Ok(Activation::QuickGelu),
        "relu" => Ok(Activation::Relu),
        "silu" | "swish" => Ok(Activation::Silu),
        "tanh" => Ok(Activation::Tanh),
        other => Err(LoadError::Unsupported {
            path: directory.join("config.json"),
            what: "hidden_act",
            value: other.to_owned(),
            supported: "gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu, silu, tanh"
                .to_owned(),
        }),
    }
}
