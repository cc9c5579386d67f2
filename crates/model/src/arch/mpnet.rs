//! MPNet, as in `all-mpnet-base-v2`.
//!
//! - Paper: Song et al. 2020, <https://arxiv.org/abs/2004.09297>.
//! - Reference: `transformers/models/mpnet/modeling_mpnet.py`, version 5.23.0.
//! - Differs from the reference: packed sequences, inference only, no pooler.
//! - Like the reference: the padding id is 1 whatever `config.json` says, the buckets of relative
//!   positions are 32 up to distance 128 whatever the size of the table, and a token of a text that
//!   equals the padding id stands at position 1 without moving those after it.
//!
//! Shapes use `T` for the tokens of the whole batch and `H` for `hidden_size`.

use kernels::{Exec, Isa, LookUp, Matrix, PositionBias};
use serde::Deserialize;

use super::Network;
use crate::LoadError;
use crate::directory::Directory;
use crate::encoder::PackedBatch;
use crate::layers::{AttentionNames, BlockShape, LayerNorm, PostNormBlock, activation};
use crate::weights::{WeightFiles, Weights};

const PADDING_ID: u32 = 1;
const NUM_BUCKETS: usize = 32;
const MAX_DISTANCE: usize = 128;

/// The fields of `config.json` that change the forward pass, under their published names.
#[derive(Debug, Deserialize)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    relative_attention_num_buckets: usize,
    #[serde(default = "small")]
    layer_norm_eps: f32,
    #[serde(default = "gelu")]
    hidden_act: String,
}

fn small() -> f32 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

struct MpNet {
    embeddings: Embeddings,
    /// One table for all layers.
    position_bias: PositionBias,
    blocks: Vec<PostNormBlock>,
    config: Config,
}

struct Embeddings {
    word: Vec<f32>,
    position: Vec<f32>,
    norm: LayerNorm,
    hidden_size: usize,
}

const ATTENTION: AttentionNames = AttentionNames {
    query: "attn.q",
    key: "attn.k",
    value: "attn.v",
    output: "attn.o",
    norm: "LayerNorm",
};

pub(super) fn load(
    directory: &Directory,
    files: &WeightFiles,
    isa: Isa,
) -> Result<Box<dyn Network>, LoadError> {
    let config: Config = super::config(directory)?;
    super::check_heads(directory, config.num_attention_heads, config.hidden_size)?;

    let weights = super::base(files, "mpnet");
    let encoder = weights.child("encoder");
    super::check_blocks(directory, &encoder.child("layer"), config.num_hidden_layers)?;
    let shape = BlockShape {
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_heads: config.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps,
        activation: activation(&config.hidden_act, &directory.path)?,
    };
    let blocks = (0..config.num_hidden_layers)
        .map(|number| {
            PostNormBlock::load(shape, &ATTENTION, &encoder.child("layer").child(number), isa)
        })
        .collect::<Result<_, _>>()?;
    let embeddings = Embeddings::load(&config, &weights.child("embeddings"))?;
    let position_bias = load_position_bias(&config, &encoder)?;
    Ok(Box::new(MpNet { embeddings, position_bias, blocks, config }))
}

impl Network for MpNet {
    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        let mut states = self.embeddings.forward(exec, batch); // [T, H]
        for block in &self.blocks {
            states = block.forward(exec, &states, batch.offsets(), Some(&self.position_bias)); // [T, H]
        }
        states
    }

    fn max_tokens(&self) -> usize {
        max_tokens(&self.config)
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

/// Positions begin after the padding id's.
fn max_tokens(config: &Config) -> usize {
    config.max_position_embeddings.saturating_sub(PADDING_ID as usize + 1)
}

/// Spreads the learned value of each bucket over the distances that fall into it.
fn load_position_bias(config: &Config, encoder: &Weights<'_>) -> Result<PositionBias, LoadError> {
    let num_heads = config.num_attention_heads;
    let shape = [config.relative_attention_num_buckets, num_heads];
    let by_bucket = encoder.read("relative_attention_bias.weight", &shape)?;
    let reach = max_tokens(config) as isize;
    let mut values = Vec::with_capacity(num_heads * (2 * reach as usize + 1));
    for head in 0..num_heads {
        for distance in -reach..=reach {
            // A table of fewer rows than there are buckets cannot be looked up in the reference either.
            let row = bucket(distance).min(shape[0].saturating_sub(1));
            values.push(by_bucket[row * num_heads + head]);
        }
    }
    Ok(PositionBias::new(values, num_heads, reach as usize))
}

/// Returns the bucket of the position of a key minus that of the query.
///
/// Half of the buckets are for keys after the query; of each half, half for exact distances and the
/// rest for distances that grow evenly in their logarithm.
fn bucket(distance: isize) -> usize {
    const HALF: usize = NUM_BUCKETS / 2;
    const EXACT: usize = HALF / 2;

    let side = if distance > 0 { HALF } else { 0 };
    let distance = distance.unsigned_abs();
    if distance < EXACT {
        return side + distance;
    }
    let share = (distance as f32 / EXACT as f32).ln() / (MAX_DISTANCE as f32 / EXACT as f32).ln();
    let large = EXACT + (share * (HALF - EXACT) as f32) as usize;
    side + large.min(HALF - 1)
}

impl Embeddings {
    fn load(config: &Config, weights: &Weights<'_>) -> Result<Self, LoadError> {
        let h = config.hidden_size;
        Ok(Self {
            word: weights.read("word_embeddings.weight", &[config.vocab_size, h])?,
            position: weights
                .read("position_embeddings.weight", &[config.max_position_embeddings, h])?,
            norm: LayerNorm::load(&weights.child("LayerNorm"), h, config.layer_norm_eps)?,
            hidden_size: h,
        })
    }

    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        let positions: Vec<u32> =
            batch.offsets().iter().flat_map(|rows| positions(&batch.ids()[rows])).collect();
        let tables = [
            LookUp { table: &self.word, entries: batch.ids() },
            LookUp { table: &self.position, entries: &positions },
        ];
        let mut states = exec.embed(&tables, self.hidden_size); // [T, H]
        self.norm.forward(exec, &mut states, None);
        states
    }
}

/// Returns the position of each token of one sequence.
fn positions(ids: &[u32]) -> Vec<u32> {
    let mut next = PADDING_ID;
    ids.iter()
        .map(|id| {
            if *id == PADDING_ID {
                return PADDING_ID;
            }
            next += 1;
            next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Buckets {
        first: isize,
        buckets: Vec<usize>,
    }

    fn reference<T: serde::de::DeserializeOwned>(file: &str) -> T {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/models/tiny-mpnet/reference/");
        serde_json::from_slice(&fs_err::read(format!("{path}{file}")).unwrap()).unwrap()
    }

    #[test]
    fn buckets_are_those_of_the_reference() {
        let reference: Buckets = reference("relative_buckets.json");
        for (number, expected) in reference.buckets.iter().enumerate() {
            let distance = reference.first + number as isize;
            assert_eq!(bucket(distance), *expected, "distance {distance}");
        }
    }

    #[test]
    fn positions_are_those_of_the_reference() {
        let all_ids: Vec<Vec<u32>> = reference("ids.json");
        let all_positions: Vec<Vec<u32>> = reference("positions.json");
        assert!(all_ids.iter().any(|ids| ids.contains(&PADDING_ID)));
        for (ids, expected) in all_ids.iter().zip(&all_positions) {
            assert_eq!(&positions(ids), expected, "{ids:?}");
        }
    }
}
