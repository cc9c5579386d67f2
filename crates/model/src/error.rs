//! Why a model directory could not be loaded, or a text not be tokenized.

use std::io;
use std::path::PathBuf;

/// A model directory that could not be turned into an encoder.
///
/// Each message names what failed and what to do about it. The cause stays in `source` and is never
/// repeated in the message.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is unreadable.
    #[error("failed to read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A file that every model directory needs is not there.
    #[error("{} has no {file}; {remedy}", .directory.display())]
    MissingFile {
        /// The model directory.
        directory: PathBuf,
        /// What is missing from it.
        file: &'static str,
        /// Where to get it.
        remedy: &'static str,
    },

    /// A JSON file lacks a field or has one of the wrong type.
    #[error("failed to parse {}", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },

    /// The tokenizer library does not understand `tokenizer.json`.
    #[error("failed to understand {}: {reason}", .path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The library's words.
        reason: String,
    },

    /// The directory asks for something that we do not compute. Guessing would give wrong vectors.
    #[error("{} asks for {what} `{value}`, which is not supported; supported: {supported}", .path.display())]
    Unsupported {
        /// The file that asks.
        path: PathBuf,
        /// The kind of thing.
        what: &'static str,
        /// The thing.
        value: String,
        /// What there is instead.
        supported: String,
    },

    /// A weights file is damaged: cut off, or no safetensors file at all.
    #[error("failed to read the header of {}; the file may be incomplete, get it again", .path.display())]
    DamagedWeights {
        /// The file.
        path: PathBuf,
        /// The library's words.
        source: safetensors::SafeTensorError,
    },

    /// The weights lack a tensor that the architecture needs.
    #[error("tensor `{name}` not found in the weights of {}", .directory.display())]
    MissingTensor {
        /// The tensor.
        name: String,
        /// The directory.
        directory: PathBuf,
    },

    /// A tensor does not have the shape that `config.json` implies.
    #[error("tensor `{name}` in {} has shape {got:?}, expected {expected:?}", .path.display())]
    TensorShape {
        /// The tensor.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What `config.json` implies.
        expected: Vec<usize>,
        /// What the file has.
        got: Vec<usize>,
    },

    /// A tensor holds something other than floats.
    #[error("tensor `{name}` in {} has element type {got}; F32, F16 and BF16 are supported", .path.display())]
    TensorType {
        /// The tensor.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Its element type.
        got: String,
    },

    /// A weight is infinite or no number. Every embedding would be too.
    #[error("tensor `{name}` in {} has a value that is not finite at index {index}; get the file again", .path.display())]
    TensorNotFinite {
        /// The tensor.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Where, counted over the whole tensor.
        index: usize,
    },

    /// A prompt was asked for that the model does not have.
    #[error("prompt `{name}` is not among the model's prompts: {}", if .known.is_empty() { "it has none".to_owned() } else { .known.join(", ") })]
    UnknownPrompt {
        /// Asked for.
        name: String,
        /// There are.
        known: Vec<String>,
    },
}

/// A text that could not be turned into tokens, or ids that could not be turned into text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TokenizeError {
    /// The tokenizer library failed.
    #[error("the tokenizer failed: {reason}")]
    Failed {
        /// The library's words.
        reason: String,
    },

    /// An id that the vocabulary does not have.
    #[error("token id {id} is out of the vocabulary, which has ids 0 to {max_id}")]
    UnknownId {
        /// The id.
        id: u32,
        /// The largest that there is.
        max_id: u32,
    },
}
