//! A loaded model: what it is, and how packed ids become embeddings.

use std::collections::BTreeMap;
use std::path::Path;

use kernels::{Exec, Isa, Matrix, Offsets, Pooling};

use crate::arch::{self, Network};
use crate::directory::Directory;
use crate::heads::Heads;
use crate::tokenizer::{Cut, Sequence};
use crate::weights::WeightFiles;
use crate::{LoadError, TokenizeError, Tokenizer};

/// What a caller may decide in place of the model directory.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Pooling instead of the directory's.
    pub pooling: Option<Pooling>,
    /// Which of the model's prompts stands where a request names none, instead of the directory's.
    pub default_prompt_name: Option<String>,
    /// A text that stands where a request names no prompt; comes before `default_prompt_name`.
    pub default_prompt: Option<String>,
}

/// What a loaded encoder is, as far as callers need to know.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderSpec {
    /// The published network's key in `config.json`.
    pub model_type: String,
    /// Floats per embedding, after the heads.
    pub dimensions: usize,
    /// Floats per token state, before pooling.
    pub hidden_size: usize,
    /// The most tokens of one sequence, special tokens included.
    pub max_tokens: usize,
    /// Ids below this can be encoded.
    pub vocab_size: usize,
    /// Several are concatenated in this order.
    pub pooling: Vec<Pooling>,
    /// Whether the directory's own modules end in a normalization.
    pub normalizes: bool,
    /// Prompt texts by name.
    pub prompts: BTreeMap<String, String>,
    /// The name of the prompt that stands where a request names none.
    pub default_prompt_name: Option<String>,
    /// The text that stands where a request names no prompt.
    pub default_prompt: Option<String>,
    /// SHA-256 over the weight files, hex.
    pub weight_hash: String,
    /// Weights in linear layers; twice as many are the operations per token, attention not counted.
    pub num_linear_weights: usize,
    /// What was assumed because the directory does not say, one sentence each.
    pub assumptions: Vec<String>,
}

/// Sequences end to end, ready for a forward pass.
#[derive(Debug, Clone)]
pub struct PackedBatch {
    ids: Vec<u32>,
    offsets: Offsets,
    num_skipped: Vec<usize>,
}

impl PackedBatch {
    /// Packs sequences in this order.
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a Sequence>) -> Self {
        let (mut ids, mut lengths, mut num_skipped) = (Vec::new(), Vec::new(), Vec::new());
        for sequence in sequences {
            ids.extend_from_slice(&sequence.ids);
            lengths.push(sequence.ids.len());
            num_skipped.push(sequence.num_skipped);
        }
        Self { ids, offsets: Offsets::from_lengths(lengths), num_skipped }
    }

    /// Returns the ids of all tokens, `[num_tokens]`.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Returns where each sequence begins.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }
}

/// A loaded model. Immutable: all threads share one.
pub struct Encoder {
    spec: EncoderSpec,
    tokenizer: Tokenizer,
    network: Box<dyn Network>,
    heads: Heads,
    excludes_prompt: bool,
}

/// Loads a sentence-transformers or plain transformers directory, packed for this machine's best
/// instruction set.
///
/// # Errors
///
/// If a file is missing or damaged, or asks for something that we do not compute; the error names it.
pub fn load(directory: &Path, options: &LoadOptions) -> Result<Encoder, LoadError> {
    let mut directory = Directory::open(directory)?;
    if let Some(pooling) = options.pooling {
        directory.pooling = vec![pooling];
        directory.assumptions.retain(|assumption| !assumption.contains("pooling"));
    }
    let isa = Isa::best();
    let architecture = arch::find(&directory)?;
    let tokenizer_path = directory.path.join("tokenizer.json");
    if !tokenizer_path.exists() {
        return Err(LoadError::MissingFile {
            directory: directory.path,
            file: "tokenizer.json",
            remedy: "the tokenizer is read from this file only; make it with transformers' \
                     AutoTokenizer.from_pretrained(…).save_pretrained(…)",
        });
    }
    let tokenizer = Tokenizer::load(&tokenizer_path, &directory.tokenizer)?;
    let files = WeightFiles::open(&directory.path)?;
    let network = architecture.load(&directory, &files, isa)?;
    let pooled_size = network.hidden_size() * directory.pooling.len();
    let heads = Heads::load(&directory, isa, pooled_size)?;
    let excludes_prompt = directory.excludes_prompt;
    let parts = Parts { network: network.as_ref(), heads: &heads, tokenizer: &tokenizer };
    let spec = parts.spec(directory, options, files.hash())?;
    Ok(Encoder { spec, tokenizer, network, heads, excludes_prompt })
}

struct Parts<'a> {
    network: &'a dyn Network,
    heads: &'a Heads,
    tokenizer: &'a Tokenizer,
}

impl Parts<'_> {
    fn spec(
        &self,
        directory: Directory,
        options: &LoadOptions,
        weight_hash: String,
    ) -> Result<EncoderSpec, LoadError> {
        let Self { network, heads, tokenizer } = self;
        let mut assumptions = directory.assumptions;
        let reach = network.max_tokens();
        let max_tokens = match directory.max_tokens {
            Some(length) if length <= reach => length,
            Some(length) => {
                assumptions.push(format!(
                "a length of {length} tokens is configured, but the network reaches only {reach}"
            ));
                reach
            }
            None => {
                assumptions.push(format!(
                    "no file limits the length, so it is what the network reaches, {reach} tokens"
                ));
                reach
            }
        };
        let num_special = tokenizer.num_special();
        if max_tokens <= num_special {
            return Err(LoadError::Unsupported {
                path: directory.path,
                what: "a length in tokens of",
                value: max_tokens.to_string(),
                supported: format!("more than the {num_special} special tokens of every sequence"),
            });
        }
        let default_prompt_name =
            options.default_prompt_name.clone().or(directory.default_prompt_name);
        let named = default_prompt_name.as_ref().map(|name| {
            directory.prompts.get(name).cloned().ok_or_else(|| LoadError::UnknownPrompt {
                name: name.clone(),
                known: directory.prompts.keys().cloned().collect(),
            })
        });
        let default_prompt = options.default_prompt.clone().or(named.transpose()?);
        Ok(EncoderSpec {
            model_type: directory.model_type,
            dimensions: heads.dimensions,
            hidden_size: network.hidden_size(),
            max_tokens,
            vocab_size: network.vocab_size().min(tokenizer.vocab_size()),
            pooling: directory.pooling,
            normalizes: heads.normalizes,
            prompts: directory.prompts,
            default_prompt_name,
            default_prompt,
            weight_hash,
            num_linear_weights: network.num_linear_weights(),
            assumptions,
        })
    }
}

impl Encoder {
    /// Returns what this encoder is.
    pub fn spec(&self) -> &EncoderSpec {
        &self.spec
    }

    /// Returns the tokenizer, for its own routes.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Turns `prompt` + `text` into a sequence that fits the model.
    ///
    /// # Errors
    ///
    /// If the tokenizer fails, or gives an id that the network has no embedding for.
    pub fn sequence(&self, prompt: &str, text: &str, cut: Cut) -> Result<Sequence, TokenizeError> {
        let mut sequence = self.tokenizer.sequence(prompt, text, self.spec.max_tokens, cut)?;
        self.check_ids(&sequence.ids)?;
        if self.excludes_prompt && !prompt.is_empty() {
            // At least the closing special token stays: a mean over nothing is no embedding.
            let most = sequence.ids.len() - 1;
            sequence.num_skipped = self.tokenizer.prompt_len(prompt)?.min(most);
        }
        Ok(sequence)
    }

    /// Turns ids into a sequence that fits the model; see [`Tokenizer::sequence_of_ids`].
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary.
    pub fn sequence_of_ids(&self, ids: &[u32], cut: Cut) -> Result<Sequence, TokenizeError> {
        self.check_ids(ids)?;
        self.tokenizer.sequence_of_ids(ids, self.spec.max_tokens, cut)
    }

    /// The tokenizer's vocabulary may be larger than the network's table.
    fn check_ids(&self, ids: &[u32]) -> Result<(), TokenizeError> {
        match ids.iter().find(|id| **id as usize >= self.spec.vocab_size) {
            Some(id) => Err(TokenizeError::UnknownId {
                id: *id,
                max_id: u32::try_from(self.spec.vocab_size.saturating_sub(1)).unwrap_or(u32::MAX),
            }),
            None => Ok(()),
        }
    }

    /// Returns the state of every token.
    ///
    /// # Shapes
    ///
    /// - result: `[num_tokens, hidden_size]`, in the order of the batch.
    pub fn encode(&self, exec: &Exec, batch: &PackedBatch) -> Matrix {
        self.network.forward(exec, batch)
    }

    /// As a directory whose pooling says `include_prompt: false`.
    #[cfg(test)]
    pub(crate) fn exclude_prompt_for_test(&mut self) {
        self.excludes_prompt = true;
    }

    /// Makes one embedding of each sequence's token states. Not normalized, unless the model
    /// normalizes before its last module.
    ///
    /// # Shapes
    ///
    /// - `states`: `[num_tokens, hidden_size]`, as [`encode`](Self::encode) gives them.
    /// - result: `[batch_size, dimensions]`.
    pub fn pool(&self, exec: &Exec, states: &Matrix, batch: &PackedBatch) -> Matrix {
        let pooled = exec.pool(states, &batch.offsets, &batch.num_skipped, &self.spec.pooling);
        self.heads.forward(exec, pooled)
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("spec", &self.spec).finish_non_exhaustive()
    }
}
