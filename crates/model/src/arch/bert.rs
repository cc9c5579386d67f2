//! BERT, as in `all-MiniLM-L6-v2` and `bge-small-en-v1.5`.
//!
//! - Paper: Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>.
//! - Reference: `transformers/models/bert/modeling_bert.py`, version 5.23.0.
//! - Differs from the reference: sequences are packed, so there is no attention mask; inference
//!   only, so there is no dropout; no pooler, since embeddings are pooled from the states.
//!
//! Shapes use `T` for the tokens of the whole batch and `H` for `hidden_size`.

use kernels::{Exec, Isa, LookUp, Matrix};
use serde::Deserialize;

use super::Network;
use crate::LoadError;
use crate::directory::Directory;
use crate::encoder::PackedBatch;
use crate::layers::{AttentionNames, FeedForward, LayerNorm, Linear, SelfAttention, activation};
use crate::weights::{WeightFiles, Weights};

/// The fields of `config.json` that change the forward pass, under their published names.
#[derive(Debug, Deserialize)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "small")]
    layer_norm_eps: f32,
    #[serde(default = "gelu")]
    hidden_act: String,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> usize {
    2
}

fn small() -> f32 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

struct Bert {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    config: Config,
}

struct Embeddings {
    word: Vec<f32>,
    position: Vec<f32>,
    token_type: Vec<f32>,
    norm: LayerNorm,
}

struct Layer {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    feed_forward: FeedForward,
    output_norm: LayerNorm,
}

const ATTENTION: AttentionNames = AttentionNames {
    query: "self.query",
    key: "self.key",
    value: "self.value",
    output: "output.dense",
};

pub(super) fn load(
    directory: &Directory,
    files: &WeightFiles,
    isa: Isa,
) -> Result<Box<dyn Network>, LoadError> {
    let config: Config = super::config(directory)?;
    let positions = config.position_embedding_type.clone();
    super::refuse(directory, "position_embedding_type", positions, "absolute")?;
    super::refuse(directory, "is_decoder", Some(config.is_decoder.to_string()), "false")?;
    super::check_heads(directory, config.num_attention_heads, config.hidden_size)?;
    let act = activation(&config.hidden_act, &directory.path)?;

    let weights = super::base(files, "bert");
    let encoder = weights.child("encoder.layer");
    let layers = (0..config.num_hidden_layers)
        .map(|number| Layer::load(&config, act, &encoder.child(number), isa))
        .collect::<Result<_, _>>()?;
    let embeddings = Embeddings::load(&config, &weights.child("embeddings"))?;
    Ok(Box::new(Bert { embeddings, layers, config }))
}

impl Network for Bert {
    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        let mut states = self.embeddings.forward(exec, batch); // [T, H]
        for layer in &self.layers {
            states = layer.forward(exec, &states, batch); // [T, H]
        }
        states
    }

    fn max_tokens(&self) -> usize {
        self.config.max_position_embeddings
    }

    fn hidden_size(&self) -> usize {
        self.config.hidden_size
    }

    fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    fn num_linear_weights(&self) -> usize {
        let of_layer =
            |layer: &Layer| layer.attention.num_weights() + layer.feed_forward.num_weights();
        self.layers.iter().map(of_layer).sum()
    }
}

impl Embeddings {
    fn load(config: &Config, weights: &Weights<'_>) -> Result<Self, LoadError> {
        let h = config.hidden_size;
        let types = weights.read("token_type_embeddings.weight", &[config.type_vocab_size, h])?;
        Ok(Self {
            word: weights.read("word_embeddings.weight", &[config.vocab_size, h])?,
            position: weights
                .read("position_embeddings.weight", &[config.max_position_embeddings, h])?,
            // A single text is of type 0 throughout.
            token_type: types[..h].to_vec(),
            norm: LayerNorm::load(&weights.child("LayerNorm"), h, config.layer_norm_eps)?,
        })
    }

    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        let positions: Vec<u32> =
            batch.offsets().iter().flat_map(|rows| 0..rows.len() as u32).collect();
        let types = vec![0; batch.ids().len()];
        let tables = [
            LookUp { table: &self.word, entries: batch.ids() },
            LookUp { table: &self.token_type, entries: &types },
            LookUp { table: &self.position, entries: &positions },
        ];
        let mut states = exec.embed(&tables, self.token_type.len()); // [T, H]
        self.norm.forward(exec, &mut states, None);
        states
    }
}

impl Layer {
    // Fields, loads and the names in the weights file come in the same order, so that the three can be
    // read side by side.
    fn load(
        config: &Config,
        act: kernels::Activation,
        weights: &Weights<'_>,
        isa: Isa,
    ) -> Result<Self, LoadError> {
        let (h, i, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let (attention, output) = (weights.child("attention"), weights.child("output"));
        let up = weights.child("intermediate.dense");
        Ok(Self {
            attention: SelfAttention::load(
                &attention,
                &ATTENTION,
                isa,
                h,
                config.num_attention_heads,
            )?,
            attention_norm: LayerNorm::load(&attention.child("output.LayerNorm"), h, eps)?,
            feed_forward: FeedForward {
                up: Linear::load_with(&up, isa, [i, h], true, act)?,
                down: Linear::load(&output.child("dense"), isa, [h, i])?,
            },
            output_norm: LayerNorm::load(&output.child("LayerNorm"), h, eps)?,
        })
    }

    fn forward(&self, exec: &Exec, states: &Matrix, batch: &PackedBatch) -> Matrix {
        let mut mixed = self.attention.forward(exec, states, batch.offsets(), None); // [T, H]
        self.attention_norm.forward(exec, &mut mixed, Some(states));
        let mut outer = self.feed_forward.forward(exec, &mixed); // [T, H]
        self.output_norm.forward(exec, &mut outer, Some(&mixed));
        outer
    }
}
