//! The handlers: extract, translate, call, translate.

pub(crate) mod docs;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod huggingface;
pub(crate) mod openai;
mod tasks;
pub(crate) mod tei;
pub(crate) mod tokens;
