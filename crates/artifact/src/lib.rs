//! A model's files as one archive: unpacked from anybody, and packed for others.
//!
//! The archive is SageMaker's `model.tar.gz`: a model's files at the root, and `code/inference.py`
//! beside them. Nothing in it is run, here or by a caller.
//!
//! Useful for: taking in what somebody uploads. Not useful for: loading a model, or HTTP.

pub mod handler;
mod limits;
mod name;
mod pack;
mod root;
mod unpack;

pub use limits::{Limit, Limits};
pub use name::NameFault;
pub use pack::{HandlerFrom, LeftOut, PackError, Packed, WhyLeftOut, pack};
pub use root::{Missing, PackageError, PackageRoot};
pub use unpack::{Refusal, STAGING_PREFIX, UnpackError, Unpacked, unpack, unpack_file};
