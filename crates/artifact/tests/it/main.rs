//! Archives from hostile and from friendly hands, and handlers of all sorts.
//!
//! Archives are written block by block (`archive.rs`), since the library that writes them refuses to
//! write most of what has to be refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its case has failed")]

mod archive;
mod bounds;
mod handlers;
mod hostile;
mod packed;
mod root;
mod taken;
mod yard;
