//! The bounds of one engine.

/// The bounds of one engine. The binary decides them; there are no defaults here.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The most tokens in one forward pass; a longer sequence runs alone.
    pub max_batch_tokens: usize,
    /// The most sequences in one forward pass; `None` for no bound.
    pub max_batch_requests: Option<usize>,
    /// New requests are refused while this many tokens wait. One request counts for at most half of
    /// it, so that a giant leaves room for others.
    pub max_queue_tokens: usize,
    /// New requests are refused while this many are in the engine.
    pub max_concurrent_requests: usize,
}

impl EngineConfig {
    /// Bounds that no small test reaches.
    pub fn for_tests() -> Self {
        Self {
            max_batch_tokens: 16_384,
            max_batch_requests: None,
            max_queue_tokens: 131_072,
            max_concurrent_requests: 512,
        }
    }
}
