//! The JSON of every protocol that Sembla speaks: one file per dialect, serde structs that both
//! read and write.
//!
//! A leaf without logic: translation to and from plain requests lives with whoever translates. This
//! is the only place where a vendor's field name appears.

pub mod baseten;
pub mod chroma;
pub mod control;
pub mod distinct;
pub mod floats;
pub mod huggingface;
pub mod huggingface_endpoints;
pub mod indexes;
pub mod inputs;
pub mod object;
pub mod openai;
pub mod opensearch;
pub mod pinecone;
pub mod qdrant;
pub mod sagemaker;
pub mod tei;
pub mod timestamp;
pub mod word;
