//! A Truss of Baseten's, and the endpoint that it asks for.
//!
//! A Truss is a folder with a `config.yaml`. One whose server is text-embeddings-inference says which
//! model runs with which settings, which is what an endpoint is; the rest of it is about building a
//! container. [`read`] takes a file in, and [`parse()`] its text, within bounds; [`import()`] says what endpoint is meant.
//!
//! **Nothing is dropped in silence**: each key is read, listed in [`Wanted::left_out`] with the reason, or
//! refused. Of another kind of server than text-embeddings-inference nothing is taken.
//!
//! Useful for: making an endpoint of what somebody deploys elsewhere. Not useful for: making a Truss, running
//! its model.py, building its container.
//!
//! # Source
//!
//! truss 0.18.35, `truss/base/truss_config.py`; the command line of text-embeddings-inference 1.9.3.

mod defaults;
mod document;
mod error;
mod import;
mod report;
mod router;
mod script;
mod section;
mod sensitive;
mod weights;

pub use document::{Document, MAX_BYTES, parse, read};
pub use error::{ImportError, ReadError};
pub use import::{
    Given, Image, Labels, Model, PREDICT_ROUTE, Replicas, Secret, SecretSource, Wanted, import,
};
pub use report::LeftOut;
pub use sensitive::Sensitive;
