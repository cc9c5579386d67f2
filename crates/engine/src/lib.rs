//! Many callers, one model: bounded queue, token-budget batches, workers.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The compute threads of this process, shared by every engine in it. Dropping it stops them.
#[derive(Debug)]
pub struct Pool;

impl Pool {
    /// Starts `num_threads` workers.
    pub fn start(_num_threads: NonZeroUsize) -> Self {
        unimplemented!()
    }
    /// x
    pub fn num_threads(&self) -> usize {
        unimplemented!()
    }
}

/// The bounds of one engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The most tokens in one forward pass.
    pub max_batch_tokens: usize,
    /// The most sequences in one forward pass; `None` for no bound.
    pub max_batch_requests: Option<usize>,
    /// New requests are refused while this many tokens wait.
    pub max_queue_tokens: usize,
    /// New requests are refused while this many are in the engine.
    pub max_concurrent_requests: usize,
}

/// One input of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text, to be tokenized.
    Text(String),
    /// Token ids, used as they are (special tokens are added around them as for text).
    Ids(Vec<u32>),
}

/// Which prompt stands before each text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Prompt {
    /// The model's or the server's default, if there is one.
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
    /// The input is an error.
    Refuse,
    /// The end is cut off.
    Right,
    /// The beginning is cut off.
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
    /// One embedding, cut to its first `dimensions` floats before it is normalized.
    Dense {
        /// x
        normalize: Normalize,
        /// `None` for all.
        dimensions: Option<usize>,
    },
    /// The state of every token, special tokens included.
    Tokens,
}

/// Inputs × the output that is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// In the order in which results come.
    pub inputs: Vec<Input>,
    /// x
    pub prompt: Prompt,
    /// x
    pub truncation: Truncation,
    /// x
    pub output: Output,
}

/// What became of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One row `[dimensions]`, or for [`Output::Tokens`] `[num_rows, hidden_size]`, row major.
    pub values: Vec<f32>,
    /// Floats per row.
    pub dimensions: usize,
    /// Tokens that went through the model, special tokens included.
    pub num_tokens: usize,
    /// Characters of the input as given (0 for ids).
    pub num_chars: usize,
    /// The tokens that there were before truncation, if there was one.
    pub truncated_from: Option<usize>,
}

/// The results of one request, in input order, and where the time went.
#[derive(Debug)]
pub struct Response {
    /// One per input. An error is about that input alone.
    pub results: Vec<Result<Embedded, InputError>>,
    /// x
    pub timing: Timing,
}

/// Where the time of a request went (means over its inputs, as text-embeddings-inference reports).
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// From submission to the last result.
    pub total: Duration,
    /// x
    pub tokenization: Duration,
    /// x
    pub queue: Duration,
    /// x
    pub inference: Duration,
}

/// Why one input of a request has no embedding.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// No text, or no ids.
    #[error("the input is empty")]
    Empty,
    /// Longer than the model takes, and truncation is refused.
    #[error("the input has {num_tokens} tokens, and the model takes at most {max_tokens}; shorten it or allow truncation")]
    TooLong {
        /// x
        num_tokens: usize,
        /// x
        max_tokens: usize,
    },
    /// A token id that the vocabulary does not have.
    #[error("token id {id} is out of the vocabulary, which has ids 0 to {max_id}")]
    UnknownId {
        /// x
        id: u32,
        /// x
        max_id: u32,
    },
    /// The tokenizer failed.
    #[error("the tokenizer failed: {message}")]
    Tokenizer {
        /// x
        message: String,
    },
    /// The model gave a value that is not a finite number.
    #[error("the model gave a value that is not finite; its weights may be damaged")]
    NotFinite,
    /// The worker that held this input's batch panicked; nothing else is affected.
    #[error("the batch of this input failed inside the engine")]
    BatchFailed,
}

/// Why a request was not taken, or came to nothing as a whole.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbedError {
    /// No inputs.
    #[error("the request has no inputs")]
    NoInputs,
    /// A prompt that the model does not have.
    #[error("prompt `{name}` is not known; the model has {}", known(.known))]
    UnknownPrompt {
        /// x
        name: String,
        /// x
        known: Vec<String>,
    },
    /// A prompt for token ids, before which no text can stand.
    #[error("a prompt cannot stand before token ids; send text, or no prompt")]
    PromptWithIds,
    /// More or fewer dimensions than the model has.
    #[error("dimensions must be from 1 to {max}, and {got} was asked for")]
    Dimensions {
        /// x
        got: usize,
        /// x
        max: usize,
    },
    /// The bound is reached. Nothing was queued.
    #[error("the queue is full: {queued_tokens} tokens wait and at most {max_queue_tokens} may; try again in {} s", .retry_after.as_secs())]
    QueueFull {
        /// x
        queued_tokens: usize,
        /// x
        max_queue_tokens: usize,
        /// From the drain rate; whole seconds, at least 1.
        retry_after: Duration,
    },
    /// As many requests as allowed are in the engine.
    #[error("{max_concurrent_requests} requests are in the engine, as many as max_concurrent_requests allows; try again in {} s", .retry_after.as_secs())]
    TooManyRequests {
        /// x
        max_concurrent_requests: usize,
        /// x
        retry_after: Duration,
    },
    /// The engine stopped before the request was done.
    #[error("the engine is shutting down")]
    ShuttingDown,
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A request under way. A future for servers, [`Pending::wait`] for jobs. Dropping it cancels the
/// inputs that no batch has taken yet.
#[derive(Debug)]
pub struct Pending;

impl Pending {
    /// Blocks until the request is done. Not for async code.
    pub fn wait(self) -> Result<Response, EmbedError> {
        unimplemented!()
    }
}

impl Future for Pending {
    type Output = Result<Response, EmbedError>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        unimplemented!()
    }
}

/// How full the engine is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// x
    pub queued_tokens: usize,
    /// x
    pub num_requests: usize,
    /// Tokens per second of late; 0 before the first batch.
    pub tokens_per_second: f64,
}

/// One encoder behind one bounded queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine;

impl Engine {
    /// Puts `encoder` behind a queue that the workers of `pool` drain.
    pub fn start(_encoder: model::Encoder, _pool: &Pool, _config: EngineConfig) -> Self {
        unimplemented!()
    }
    /// Takes a request, or refuses it at once. For servers.
    pub fn try_submit(&self, _request: Request) -> Result<Pending, EmbedError> {
        unimplemented!()
    }
    /// Takes a request at lower priority; blocks while the queue is full. For jobs, not for async code.
    pub fn submit(&self, _request: Request) -> Result<Pending, EmbedError> {
        unimplemented!()
    }
    /// What the encoder is.
    pub fn spec(&self) -> &model::EncoderSpec {
        unimplemented!()
    }
    /// x
    pub fn tokenizer(&self) -> &model::Tokenizer {
        unimplemented!()
    }
    /// x
    pub fn config(&self) -> &EngineConfig {
        unimplemented!()
    }
    /// x
    pub fn load(&self) -> Load {
        unimplemented!()
    }
    /// Refuses new requests from now on; those inside are finished.
    pub fn close(&self) {
        unimplemented!()
    }
}
