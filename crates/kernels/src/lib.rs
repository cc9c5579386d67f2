//! Arithmetic on packed activations and vectors, and the home of `unsafe`.
//!
//! A forward pass calls the operations of [`Exec`] on [`Matrix`] values; a search calls
//! [`scan`](fn@scan) and [`TopK`]. Every operation is written once over the lanes of an instruction set ([`Isa`], chosen
//! at run time), agrees with the plain loops in `reference.rs`, and gives each output element as one
//! sum in one fixed order: the same row gives the same bits whatever stands beside it, and however
//! many threads share the work.
//!
//! Not for: threads (a [`Team`] is lent some), files, models.

mod aligned;
mod attention;
mod bandwidth;
mod bytes;
mod exec;
mod isa;
mod lanes;
mod linear;
mod math;
mod matrix;
mod pages;
mod peak;
#[cfg(test)]
mod reference;
mod rotation;
mod rows;
mod scan;
mod signs;
mod team;
mod tile;
mod top_k;

pub use attention::{Attention, PositionBias};
pub use bandwidth::{measure_bandwidth, stream};
pub use bytes::{ByteQuery, ByteRow, scan_bytes, score_bytes};
pub use exec::Exec;
pub use isa::{InstructionSets, Isa};
pub use linear::LinearWeights;
pub use math::Activation;
pub use matrix::{Matrix, Offsets};
pub use pages::prefer_huge_pages;
pub use peak::measure_fma_peak;
pub use rotation::Rotation;
pub use rows::{LayerNorm, LookUp, Pooling, normalize_in_place};
pub use scan::{Queries, scan};
pub use signs::{
    Found, GROUP_ROWS, SignGroups, SignLine, SignScan, SignTable, Wanted, pack_signs, scan_signs,
};
pub use team::Team;
pub use top_k::{Hit, TopK, dot, top_k};
