//! The layers that architectures are made of, on packed states.
//!
//! Shapes use `T` for the tokens of a batch and `H` for `hidden_size`.

mod attention;
mod linear;
mod norm;
mod post_norm;

pub(crate) use attention::{AttentionNames, SelfAttention};
pub(crate) use linear::{FeedForward, Linear, activation};
pub(crate) use norm::LayerNorm;
pub(crate) use post_norm::{BlockShape, PostNormBlock};
