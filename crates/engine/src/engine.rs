//! One encoder behind one bounded queue: the handle that callers hold.

use std::sync::Arc;

use model::{Encoder, EncoderSpec, Tokenizer};

use crate::queue::{Admission, Asked, Load, Queue};
use crate::worker::{Pool, Shared, Source};
use crate::{
    EmbedError, EngineConfig, Input, Normalize, Output, Pending, Prompt, Request, Truncation,
};

/// One encoder behind one bounded queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    source: Arc<Source>,
    pool: Arc<Shared>,
}

impl Engine {
    /// Puts `encoder` behind a queue that the workers of `pool` drain.
    pub fn start(encoder: Encoder, pool: &Pool, config: EngineConfig) -> Self {
        let max_tokens = encoder.spec().max_tokens;
        let queue = Arc::new(Queue::new(config, pool.num_threads(), max_tokens));
        let source = Arc::new(Source { encoder, queue });
        let pool = pool.add(&source);
        Self { source, pool }
    }

    /// Takes a request, or refuses it at once. For servers.
    ///
    /// # Errors
    ///
    /// If the request cannot be right, the queue is full or the engine is closed. Then nothing was
    /// queued.
    pub fn try_submit(&self, request: Request) -> Result<Pending, EmbedError> {
        self.submit_as(request, Admission::Try)
    }

    /// Takes a request at lower priority; blocks while the queue is half full. For jobs, not for
    /// async code.
    ///
    /// # Errors
    ///
    /// If the request cannot be right, or the engine is closed.
    pub fn submit(&self, request: Request) -> Result<Pending, EmbedError> {
        self.submit_as(request, Admission::Wait)
    }

    fn submit_as(&self, request: Request, admission: Admission) -> Result<Pending, EmbedError> {
        let prompt = request.resolve_prompt(self.spec())?;
        let Request { inputs, truncation, output, .. } = request;
        let asked = Asked { prompt, truncation, output };
        let (task, result) = self.source.queue.admit(inputs, asked, admission)?;
        self.pool.announce();
        Ok(Pending::new(result, task, Arc::clone(&self.source.queue)))
    }

    /// Runs one text through, so that the first caller does not pay for first touches of memory.
    ///
    /// # Errors
    ///
    /// If the engine is closed.
    pub fn warm_up(&self) -> Result<(), EmbedError> {
        let request = Request {
            inputs: vec![Input::Text("warm up".to_owned())],
            prompt: Prompt::None,
            truncation: Truncation::Right,
            output: Output::Dense { normalize: Normalize::Never, dimensions: None },
        };
        self.submit(request)?.wait().map(drop)
    }

    /// Returns what the encoder is.
    pub fn spec(&self) -> &EncoderSpec {
        self.source.encoder.spec()
    }

    /// Returns the encoder's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        self.source.encoder.tokenizer()
    }

    /// Returns the bounds.
    pub fn config(&self) -> &EngineConfig {
        self.source.queue.config()
    }

    /// Returns how full the engine is.
    pub fn load(&self) -> Load {
        self.source.queue.load()
    }

    /// Refuses new requests from now on; those inside are finished.
    pub fn close(&self) {
        self.source.queue.close();
    }
}
