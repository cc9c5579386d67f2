//! The plain request and result types that every caller uses.

use std::time::Duration;

use crate::{EmbedError, InputError};

/// One input of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text, to be tokenized.
    Text(String),
    /// Token ids, used as they are. Special tokens are put around them, unless they are there.
    Ids(Vec<u32>),
}

/// Which prompt stands before each text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Prompt {
    /// The model's default, if it has one.
    #[default]
    Default,
    /// None.
    None,
    /// The model's prompt of this name.
    Named(String),
    /// This text.
    Text(String),
}

/// What happens to an input with more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// It is an error.
    Refuse,
    /// Its end is cut off.
    Right,
    /// Its beginning is cut off.
    Left,
}

/// Whether an embedding is scaled to length 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalize {
    /// As the model's own modules say.
    AsModel,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a caller wants of each input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// One embedding.
    Dense {
        /// After it was cut to `dimensions`.
        normalize: Normalize,
        /// How many of its first floats are kept; `None` for all.
        dimensions: Option<usize>,
    },
    /// The state of every token, special tokens included.
    Tokens,
}

/// Inputs and the output that is wanted of them.
#[derive(Debug, Clone)]
pub struct Request {
    /// Results come in this order.
    pub inputs: Vec<Input>,
    /// For all inputs.
    pub prompt: Prompt,
    /// For all inputs.
    pub truncation: Truncation,
    /// For all inputs.
    pub output: Output,
}

/// What became of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One row `[dimensions]`, or for [`Output::Tokens`] `[num_tokens, dimensions]`, row major.
    pub values: Vec<f32>,
    /// Floats per row.
    pub dimensions: usize,
    /// Tokens that went through the model, special tokens included.
    pub num_tokens: usize,
    /// Characters of the input as given; 0 for ids.
    pub num_chars: usize,
    /// How many tokens there were before truncation, if there was one.
    pub truncated_from: Option<usize>,
}

/// The results of one request, in input order, and where its time went.
#[derive(Debug)]
pub struct Response {
    /// One per input. An error is about that input alone.
    pub results: Vec<Result<Embedded, InputError>>,
    /// As measured.
    pub timing: Timing,
}

/// Where the time of a request went. All but the total are means over its inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// From submission to the last result.
    pub total: Duration,
    /// In the tokenizer.
    pub tokenization: Duration,
    /// As a sequence, waiting for a batch.
    pub queue: Duration,
    /// In a forward pass, batch-mates included.
    pub inference: Duration,
}

impl Request {
    /// Checks what can be checked without running anything, and finds the prompt's text.
    pub(crate) fn resolve_prompt(&self, spec: &model::EncoderSpec) -> Result<String, EmbedError> {
        if self.inputs.is_empty() {
            return Err(EmbedError::NoInputs);
        }
        if let Output::Dense { dimensions: Some(got), .. } = self.output
            && !(1..=spec.dimensions).contains(&got)
        {
            return Err(EmbedError::Dimensions { got, max: spec.dimensions });
        }
        let has_ids = self.inputs.iter().any(|input| matches!(input, Input::Ids(_)));
        match &self.prompt {
            Prompt::Named(_) | Prompt::Text(_) if has_ids => Err(EmbedError::PromptWithIds),
            Prompt::Default => Ok(spec.default_prompt.clone().unwrap_or_default()),
            Prompt::None => Ok(String::new()),
            Prompt::Text(text) => Ok(text.clone()),
            Prompt::Named(name) => {
                spec.prompts.get(name).cloned().ok_or_else(|| EmbedError::UnknownPrompt {
                    name: name.clone(),
                    known: spec.prompts.keys().cloned().collect(),
                })
            }
        }
    }
}
