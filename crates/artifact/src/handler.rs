//! What SageMaker's `code/inference.py` says, read and never run.
//!
//! A handler that loads a model, tokenizes, pools and normalizes says nothing that the model's own files
//! do not say, apart from the key of its reply. That is read here. A handler that does anything else is
//! refused, since what it does would be left out without a word. Names that do not exist are no reason to
//! refuse: published handlers have some.

mod error;
mod functions;
mod policy;
mod reply;
mod source;
mod vectors;

pub use error::{Beyond, HandlerError, Reply, ReplyFault};

use functions::Functions;
use source::Source;
use vectors::Seen;

/// Where an archive has its handler.
pub const HANDLER_PATH: &str = "code/inference.py";

/// What a handler says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The key of the dict that it replies with; `None` if it replies with the vectors themselves, or
    /// leaves the reply to SageMaker.
    pub reply_key: Option<String>,
    /// Whether it brings vectors to length one. If [`PoolsBy::Model`], the model may do so as well.
    pub normalizes: bool,
    /// How it makes one vector of a text's tokens.
    pub pools_by: PoolsBy,
}

/// How a handler makes one vector of a text's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolsBy {
    /// The mean over all tokens.
    Mean,
    /// The first token.
    Cls,
    /// The largest value of each dimension.
    Max,
    /// As the model's own files say: it is loaded as a sentence-transformers model.
    Model,
    /// It does not show, or there is more than one way.
    Unknown,
}

/// Reads a handler's text.
///
/// # Errors
///
/// See [`HandlerError`]. [`HandlerError::Architecture`] comes last: nothing else is wrong then.
pub fn read(text: &str) -> Result<Handler, HandlerError> {
    let tree = source::parse(text)?;
    let source = Source::check(text, &tree)?;
    policy::check(source)?;
    let functions = Functions::find(source)?;
    let reply_key = reply::find(source, &functions)?;
    let mut seen = Seen::default();
    for node in functions.used(source) {
        seen.look(source, node);
    }
    policy::check_architecture(source)?;
    Ok(Handler { reply_key, normalizes: seen.normalizes, pools_by: seen.pooling() })
}
