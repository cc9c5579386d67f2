//! A dataset as a folder: `data/train-00000-of-0000N.parquet` and a card, as the Python library
//! `datasets` reads it with no code, with the embeddings in one more column.

mod card;
mod error;
mod features;
mod ordered;
mod provenance;
mod read;
mod rows;
mod search;
mod shard;
mod sink;
mod staging;

pub use self::error::{ReadError, WriteError};
pub use self::provenance::{EncoderMismatch, Provenance};
pub use self::read::Dataset;
pub use self::search::Found;
pub use self::staging::Overwrite;

pub(crate) use self::features::{Features, type_name};
pub(crate) use self::search::json_rows;
pub(crate) use self::sink::{Columns, SHARD_BYTES, Sink};
pub(crate) use self::staging::Staging;
