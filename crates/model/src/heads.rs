//! What follows pooling: dense layers, normalization.

use kernels::{Activation, Exec, Isa, Matrix, normalize_in_place};

use crate::LoadError;
use crate::directory::{DenseConfig, Directory, HeadModule};
use crate::layers::{LayerNorm, Linear};
use crate::weights::{WeightFiles, Weights};

/// The modules between pooling and the embedding. A normalization at the very end is not among
/// them: callers decide about it, per request.
pub(crate) struct Heads {
    heads: Vec<Head>,
    /// Whether the directory ends in a normalization.
    pub(crate) normalizes: bool,
    /// Floats per embedding.
    pub(crate) dimensions: usize,
}

enum Head {
    Dense(Dense),
    LayerNorm(LayerNorm),
    Normalize,
}

struct Dense {
    linear: Linear,
    residual: Residual,
}

/// What a dense layer adds to its result.
enum Residual {
    None,
    /// Its input.
    Identity,
    /// Its input, projected to the width of the result.
    Projection(Linear),
}

impl Heads {
    pub(crate) fn load(
        directory: &Directory,
        isa: Isa,
        pooled_size: usize,
    ) -> Result<Self, LoadError> {
        let mut modules = directory.heads.as_slice();
        let normalizes = modules.last() == Some(&HeadModule::Normalize);
        if normalizes {
            modules = &modules[..modules.len() - 1];
        }
        let mut dimensions = pooled_size;
        let mut heads = Vec::with_capacity(modules.len());
        for module in modules {
            heads.push(match module {
                HeadModule::Dense { directory, config } => {
                    let files = WeightFiles::open(directory)?;
                    let dense = Dense::load(config, &files.under(""), isa, dimensions, directory)?;
                    dimensions = config.out_features;
                    Head::Dense(dense)
                }
                HeadModule::LayerNorm { directory } => {
                    let files = WeightFiles::open(directory)?;
                    // The module leaves epsilon at the default of torch.
                    Head::LayerNorm(LayerNorm::load(&files.under("norm"), dimensions, 1e-5)?)
                }
                HeadModule::Normalize => Head::Normalize,
            });
        }
        Ok(Self { heads, normalizes, dimensions })
    }

    pub(crate) fn forward(&self, exec: &Exec, pooled: Matrix) -> Matrix {
        let mut rows = pooled;
        for head in &self.heads {
            match head {
                Head::Dense(dense) => rows = dense.forward(exec, &rows),
                Head::LayerNorm(norm) => norm.forward(exec, &mut rows, None),
                Head::Normalize => {
                    (0..rows.num_rows()).for_each(|row| normalize_in_place(rows.row_mut(row)));
                }
            }
        }
        rows
    }
}

impl Dense {
    fn load(
        config: &DenseConfig,
        weights: &Weights<'_>,
        isa: Isa,
        num_inputs: usize,
        directory: &std::path::Path,
    ) -> Result<Self, LoadError> {
        let unsupported = |what, value: String, supported: String| LoadError::Unsupported {
            path: directory.join("config.json"),
            what,
            value,
            supported,
        };
        let (inputs, outputs) = (config.in_features, config.out_features);
        if inputs != num_inputs {
            let supported = format!("{num_inputs}, the width of what comes before");
            return Err(unsupported("in_features", inputs.to_string(), supported));
        }
        let class = config.activation_function.as_deref();
        let activation = match class.and_then(|class| class.rsplit('.').next()) {
            None | Some("Tanh") => Activation::Tanh,
            Some("Identity") => Activation::Identity,
            Some("ReLU") => Activation::Relu,
            Some("GELU") => Activation::Gelu,
            Some("SiLU") => Activation::Silu,
            Some(other) => {
                let supported = "Tanh, Identity, ReLU, GELU, SiLU".to_owned();
                return Err(unsupported("activation_function", other.to_owned(), supported));
            }
        };
        let load = |name, bias| {
            Linear::load_with(&weights.child(name), isa, [outputs, inputs], bias, activation)
        };
        let residual = match (config.use_residual, inputs == outputs) {
            (false, _) => Residual::None,
            (true, true) => Residual::Identity,
            (true, false) => {
                let shape = [outputs, inputs];
                let weights = weights.child("residual");
                Residual::Projection(Linear::load_with(
                    &weights,
                    isa,
                    shape,
                    false,
                    Activation::Identity,
                )?)
            }
        };
        Ok(Self { linear: load("linear", config.bias)?, residual })
    }

    fn forward(&self, exec: &Exec, rows: &Matrix) -> Matrix {
        let mut out = self.linear.forward(exec, rows);
        let projected;
        let residual = match &self.residual {
            Residual::None => return out,
            Residual::Identity => rows,
            Residual::Projection(projection) => {
                projected = projection.forward(exec, rows);
                &projected
            }
        };
        for row in 0..out.num_rows() {
            for (x, more) in out.row_mut(row).iter_mut().zip(residual.row(row)) {
                *x += more;
            }
        }
        out
    }
}
