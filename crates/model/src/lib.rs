//! A model directory → an encoder: tokenizer, architecture, pooling, prompts, heads.
//!
//! Synchronous: no threads of its own, no network, no clock.

use std::collections::BTreeMap;
use std::path::Path;

/// Placeholder.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct LoadError;

/// How a sequence's token states become one embedding. Published names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// x
    Cls,
    /// x
    Mean,
    /// x
    Max,
    /// x
    MeanSqrtLen,
    /// x
    WeightedMean,
    /// x
    LastToken,
}

impl Pooling {
    /// Returns the published name: `cls`, `mean`, `max`, `mean_sqrt_len`, `weighted_mean`, `last_token`.
    pub fn name(self) -> &'static str {
        unimplemented!()
    }
}

/// What a caller may decide in place of the model directory.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Pooling instead of the directory's.
    pub pooling: Option<Pooling>,
    /// Name and text of prompts to add or to put in place of the directory's.
    pub default_prompt_name: Option<String>,
    /// A prompt text that stands before every input for which a request names none.
    pub default_prompt: Option<String>,
}

/// What a loaded encoder is, as far as callers need to know.
#[derive(Debug, Clone)]
pub struct EncoderSpec {
    /// The published network's key in `config.json`.
    pub model_type: String,
    /// Floats per embedding, after the heads.
    pub dimensions: usize,
    /// Floats per token state, before pooling.
    pub hidden_size: usize,
    /// The most tokens of one sequence, special tokens included.
    pub max_tokens: usize,
    /// Ids below this exist.
    pub vocab_size: usize,
    /// Several are concatenated in this order.
    pub pooling: Vec<Pooling>,
    /// Whether the directory's own modules end in a normalization.
    pub normalizes: bool,
    /// By name.
    pub prompts: BTreeMap<String, String>,
    /// The name of the prompt that stands where a request names none.
    pub default_prompt_name: Option<String>,
    /// SHA-256 of the weights, hex.
    pub weight_hash: String,
    /// Number of weights in linear layers: 2 × this is the operations per token.
    pub num_linear_weights: usize,
    /// What was assumed because the directory does not say, one sentence each.
    pub assumptions: Vec<String>,
}

/// One token of a text, as `/tokenize` shows it.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Its text in the vocabulary.
    pub text: String,
    /// Whether it is a special token.
    pub special: bool,
    /// Byte offsets in prompt + text; `None` for special tokens.
    pub span: Option<(usize, usize)>,
}

/// Why a text could not be tokenized or ids not be decoded.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct TokenizeError;

/// Text → ids and back.
#[derive(Debug)]
pub struct Tokenizer;

impl Tokenizer {
    /// Splits `prompt` + `text` into tokens, with their text and places. Not truncated.
    pub fn tokens(&self, _prompt: &str, _text: &str, _special: SpecialTokens) -> Result<Vec<Token>, TokenizeError> {
        unimplemented!()
    }
    /// Joins ids to a text.
    pub fn decode(&self, _ids: &[u32], _special: SpecialTokens) -> Result<String, TokenizeError> {
        unimplemented!()
    }
}

/// Whether special tokens are added (tokenize) or kept (decode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialTokens {
    /// Added, or kept.
    With,
    /// Neither.
    Without,
}

/// A loaded model.
#[derive(Debug)]
pub struct Encoder;

impl Encoder {
    /// x
    pub fn spec(&self) -> &EncoderSpec {
        unimplemented!()
    }
    /// x
    pub fn tokenizer(&self) -> &Tokenizer {
        unimplemented!()
    }
}

/// Loads a sentence-transformers or plain transformers directory.
pub fn load(_dir: &Path, _options: &LoadOptions) -> Result<Encoder, LoadError> {
    unimplemented!()
}

/// One thing that `sembla model check` says about a directory.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A sentence in plain words, which names the file.
    pub message: String,
}

/// x
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What is there.
    Found,
    /// What would be assumed because the directory does not say.
    Assumed,
    /// Why it cannot be loaded.
    Unsupported,
}

/// Says what a directory is, what would be assumed and what is unsupported. Reads headers, not weights.
pub fn check(_dir: &Path) -> Vec<Finding> {
    unimplemented!()
}

/// The registry: (`model_type`, title, paper).
pub fn architectures() -> &'static [Architecture] {
    unimplemented!()
}

/// One row of the registry.
#[derive(Debug)]
pub struct Architecture {
    /// Keys in `config.json` that choose it.
    pub model_types: &'static [&'static str],
    /// What people call it.
    pub title: &'static str,
    /// Where it was published.
    pub paper: &'static str,
}
