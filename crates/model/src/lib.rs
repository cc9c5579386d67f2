//! A model directory → an encoder: tokenizer, architecture, pooling, prompts, heads.
//!
//! Synchronous: no threads of its own, no network, no clock. The same input gives the same bits
//! whatever its batch-mates are.
//!
//! The road: [`load`] reads a directory (`directory.rs`) and its weights (`weights.rs`) into the
//! network that `arch` names; a text becomes ids in `tokenizer.rs`; [`Encoder::encode`] runs packed ids
//! through the network; `heads.rs` makes embeddings of the pooled states.

mod arch;
mod check;
mod directory;
mod encoder;
mod error;
mod heads;
mod layers;
#[cfg(test)]
mod parity;
mod tokenizer;
mod weights;

pub use arch::{Architecture, architectures};
pub use check::{Finding, Severity, check};
pub use encoder::{Encoder, EncoderSpec, LoadOptions, PackedBatch, load};
pub use error::{LoadError, TokenizeError};
pub use kernels::Pooling;
pub use tokenizer::{Cut, Sequence, SpecialTokens, Token, Tokenizer};
