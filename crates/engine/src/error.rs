//! Why a request, or one of its inputs, has no result.

use std::time::Duration;

use model::TokenizeError;

/// Why one input of a request has no result. The others are not affected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// No text, or no ids.
    #[error("the input is empty")]
    Empty,

    /// Longer than the model takes, and truncation is refused.
    #[error(
        "the input has {num_tokens} tokens, and the model takes at most {max_tokens}; shorten it or allow truncation"
    )]
    TooLong {
        /// Special tokens included.
        num_tokens: usize,
        /// Special tokens included.
        max_tokens: usize,
    },

    /// A token id that the vocabulary does not have.
    #[error("token id {id} is out of the vocabulary, which has ids 0 to {max_id}")]
    UnknownId {
        /// The id.
        id: u32,
        /// The largest that there is.
        max_id: u32,
    },

    /// The tokenizer failed.
    #[error("the tokenizer failed: {reason}")]
    Tokenizer {
        /// The tokenizer's words.
        reason: String,
    },

    /// The model gave something other than finite numbers. The input may be sent again to another
    /// model, not to this one.
    #[error("the model gave a value that is not finite for this input; its weights may be damaged")]
    NotFinite,

    /// The batch of this input panicked. It may be sent again.
    #[error("the batch of this input failed inside the engine; nothing else was affected")]
    BatchFailed,
}

impl From<TokenizeError> for InputError {
    fn from(error: TokenizeError) -> Self {
        match error {
            TokenizeError::UnknownId { id, max_id } => Self::UnknownId { id, max_id },
            TokenizeError::Failed { reason } => Self::Tokenizer { reason },
        }
    }
}

/// Why a request was not taken, or came to nothing as a whole.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbedError {
    /// No inputs.
    #[error("the request has no inputs")]
    NoInputs,

    /// A prompt that the model does not have.
    #[error("prompt `{name}` is not known; the model has {}", list(.known))]
    UnknownPrompt {
        /// Asked for.
        name: String,
        /// There are.
        known: Vec<String>,
    },

    /// A prompt for token ids, before which no text can stand.
    #[error("a prompt cannot stand before token ids; send text, or no prompt")]
    PromptWithIds,

    /// More dimensions than the model has, or none.
    #[error("dimensions must be from 1 to {max}, and {got} was asked for")]
    Dimensions {
        /// Asked for.
        got: usize,
        /// The model's.
        max: usize,
    },

    /// Too many tokens wait. Nothing was queued.
    #[error("the queue is full: {queued_tokens} tokens wait and at most {max_queue_tokens} may (max_queue_tokens); try again in {} s", .retry_after.as_secs())]
    QueueFull {
        /// Tokens that wait, partly estimated.
        queued_tokens: usize,
        /// The bound.
        max_queue_tokens: usize,
        /// From the drain rate; whole seconds, at least 1.
        retry_after: Duration,
    },

    /// As many requests as allowed are in the engine. Nothing was queued.
    #[error("{max_concurrent_requests} requests are in the engine, as many as max_concurrent_requests allows; try again in {} s", .retry_after.as_secs())]
    TooManyRequests {
        /// The bound.
        max_concurrent_requests: usize,
        /// From the drain rate; whole seconds, at least 1.
        retry_after: Duration,
    },

    /// The engine was closed, or its workers stopped, before the request was done.
    #[error("the engine is shutting down")]
    ShuttingDown,
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl EmbedError {
    /// Returns whether the same request could succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::QueueFull { .. } | Self::TooManyRequests { .. } | Self::ShuttingDown => true,
            Self::NoInputs
            | Self::UnknownPrompt { .. }
            | Self::PromptWithIds
            | Self::Dimensions { .. } => false,
        }
    }
}
