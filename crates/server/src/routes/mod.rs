//! The handlers: extract, translate, call, translate.

pub(crate) mod baseten;
pub(crate) mod control;
pub(crate) mod docs;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod huggingface;
pub(crate) mod huggingface_endpoints;
pub(crate) mod indexes;
pub(crate) mod openai;
pub(crate) mod opensearch;
pub(crate) mod pinecone;
pub(crate) mod root_answers;
pub(crate) mod sagemaker;
mod tasks;
pub(crate) mod tei;
pub(crate) mod tokens;
