//! What a job embeds with: an engine here, or an endpoint elsewhere.

use std::error::Error;

use engine::{Engine, Input, InputError, Normalize, Output, Prompt, Request, Truncation};
use serde::{Deserialize, Serialize};

use crate::indexed::query_prompt;

/// Any error of whatever embeds. A job does not tell them apart: it names the row, or stops.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Turns texts into embeddings, several requests at a time.
///
/// A job keeps a few requests under way, so that the one side computes while the other reads and
/// writes. [`Embed::submit`] may block while what embeds is busy; [`Embed::wait`] blocks until its
/// request is done. A pending request that is dropped is cancelled as far as possible.
pub trait Embed {
    /// A request under way.
    type Pending;

    /// Returns what the embeddings will be. Constant; it is written beside them.
    fn spec(&self) -> &EmbedSpec;

    /// Takes a request.
    ///
    /// # Errors
    ///
    /// If the request as a whole is refused. The job ends.
    fn submit(&self, texts: Vec<String>) -> Result<Self::Pending, BoxError>;

    /// Waits for the results, one per text, in the order of the texts.
    ///
    /// # Errors
    ///
    /// The outer error is about the whole request, and the job ends. The inner ones are each about one
    /// text, and so about one row.
    fn wait(&self, pending: Self::Pending) -> Result<Vec<Result<Embedded, BoxError>>, BoxError>;
}

/// What became of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// `[dimensions]`, all finite.
    pub embedding: Vec<f32>,
    /// Tokens that went through the model, special tokens included.
    pub num_tokens: usize,
    /// The tokens that there were before truncation, if there was one.
    pub truncated_from: Option<usize>,
}

/// What an embedding depends on beside its text. Written into every dataset, so that a query can be
/// embedded in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedSpec {
    /// The model, as the user named it; empty if nobody knows, as in the export of an index that no
    /// model is bound to.
    pub model: String,
    /// SHA-256 of the weights, hex; empty if nobody knows.
    pub weight_hash: String,
    /// Published names; several are concatenated in this order.
    pub pooling: Vec<String>,
    /// The name of the prompt, if it has one.
    pub prompt_name: Option<String>,
    /// The text before each text, if any.
    pub prompt: Option<String>,
    /// The text before queries that are compared with these embeddings, empty if there is none.
    /// Older datasets do not say; their queries had the prompt of the texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_prompt: Option<String>,
    /// Whether embeddings have length 1.
    pub normalized: bool,
    /// Floats per embedding.
    pub dimensions: usize,
    /// The most tokens of one text, special tokens included; the rest is cut off. 0 if nobody knows.
    pub max_tokens: usize,
}

/// Embeds with an engine in this process, at the lower priority of jobs.
///
/// Embeddings are normalized as the model's own modules say. A text that is too long is cut at its
/// end, and counted.
#[derive(Debug)]
pub struct EngineEmbedder {
    engine: Engine,
    prompt: Prompt,
    spec: EmbedSpec,
}

impl EngineEmbedder {
    /// Embeds with `engine`, whose model the user calls `model`, with `prompt` before each text.
    ///
    /// The prompt is resolved here, so that what is recorded is what was used.
    ///
    /// # Errors
    ///
    /// [`engine::EmbedError::UnknownPrompt`] if the model has no prompt of this name.
    pub fn new(engine: Engine, model: String, prompt: Prompt) -> Result<Self, engine::EmbedError> {
        let encoder = engine.spec();
        let named = |name: &String| encoder.prompts.get(name).cloned();
        let (name, text) = match &prompt {
            Prompt::None => (None, None),
            Prompt::Text(text) => (None, Some(text.clone())),
            Prompt::Named(name) => match named(name) {
                Some(text) => (Some(name.clone()), Some(text)),
                None => {
                    let known = encoder.prompts.keys().cloned().collect();
                    return Err(engine::EmbedError::UnknownPrompt { name: name.clone(), known });
                }
            },
            Prompt::Default => {
                // A default text may have been given in place of the one with the default name.
                let text = encoder.default_prompt.clone();
                let name = encoder.default_prompt_name.clone();
                (name.filter(|name| named(name) == text), text)
            }
        };
        let spec = EmbedSpec {
            model,
            weight_hash: encoder.weight_hash.clone(),
            pooling: encoder.pooling.iter().map(|pooling| pooling.name().to_owned()).collect(),
            prompt_name: name,
            prompt: text.filter(|text| !text.is_empty()),
            query_prompt: Some(query_prompt(&engine)),
            normalized: encoder.normalizes,
            dimensions: encoder.dimensions,
            max_tokens: encoder.max_tokens,
        };
        Ok(Self { engine, prompt, spec })
    }
}

impl Embed for EngineEmbedder {
    type Pending = engine::Pending;

    fn spec(&self) -> &EmbedSpec {
        &self.spec
    }

    fn submit(&self, texts: Vec<String>) -> Result<Self::Pending, BoxError> {
        Ok(self.engine.submit(Request {
            inputs: texts.into_iter().map(Input::Text).collect(),
            prompt: self.prompt.clone(),
            truncation: Truncation::Right,
            output: Output::Dense { normalize: Normalize::AsModel, dimensions: None },
        })?)
    }

    fn wait(&self, pending: Self::Pending) -> Result<Vec<Result<Embedded, BoxError>>, BoxError> {
        let response = pending.wait()?;
        Ok(response.results.into_iter().map(embedded).collect())
    }
}

fn embedded(result: Result<engine::Embedded, InputError>) -> Result<Embedded, BoxError> {
    let engine::Embedded { values, num_tokens, truncated_from, .. } = result?;
    Ok(Embedded { embedding: values, num_tokens, truncated_from })
}
