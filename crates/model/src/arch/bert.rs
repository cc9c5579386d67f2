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
use crate::layers::{AttentionNames, BlockShape, LayerNorm, PostNormBlock, activation};
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
    blocks: Vec<PostNormBlock>,
    config: Config,
}

struct Embeddings {
    word: Vec<f32>,
    position: Vec<f32>,
    token_type: Vec<f32>,
    norm: LayerNorm,
}

const ATTENTION: AttentionNames = AttentionNames {
    query: "self.query",
    key: "self.key",
    value: "self.value",
    output: "output.dense",
    norm: "output.LayerNorm",
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

    let weights = super::base(files, "bert");
    let encoder = weights.child("encoder.layer");
    super::check_blocks(directory, &encoder, config.num_hidden_layers)?;
    let shape = BlockShape {
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_heads: config.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps,
        activation: activation(&config.hidden_act, &directory.path)?,
    };
    let blocks = (0..config.num_hidden_layers)
        .map(|number| PostNormBlock::load(shape, &ATTENTION, &encoder.child(number), isa))
        .collect::<Result<_, _>>()?;
    let embeddings = Embeddings::load(&config, &weights.child("embeddings"))?;
    Ok(Box::new(Bert { embeddings, blocks, config }))
}

impl Network for Bert {
    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        let mut states = self.embeddings.forward(exec, batch); // [T, H]
        for block in &self.blocks {
            states = block.forward(exec, &states, batch.offsets(), None); // [T, H]
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
        self.blocks.iter().map(PostNormBlock::num_weights).sum()
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
