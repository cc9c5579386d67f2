//! The table of sparse terms: for each term the rows that have it, with their weights.
//!
//! A value covers 4,096 rows and has six bytes for each that has the term: the low bits of the row as
//! `u16` and the weight as `f32`, little-endian, ascending by row.

use std::collections::BTreeMap;

use heed::{RoTxn, RwTxn};
use roaring::RoaringBitmap;

use super::fault::{Fault, Step};
use super::keys::{self, SPARSE_BITS};
use super::tables::{Table, Tables};
use crate::record::SparseVector;
use crate::spec::SparseWeights;

const ENTRY_BYTES: usize = 6;
const CHUNK_ROWS: usize = 1 << SPARSE_BITS;

/// Weights to set or to take away, by the key of their list.
#[derive(Debug, Default)]
pub(super) struct SparseChanges {
    by_key: BTreeMap<Vec<u8>, BTreeMap<u16, Option<f32>>>,
}

impl SparseChanges {
    /// Notes that a row has these terms.
    pub(super) fn add(&mut self, space: u32, row: u32, sparse: &SparseVector) {
        for (term, weight) in sparse.indices.iter().zip(&sparse.values) {
            self.set(space, *term, row, Some(*weight));
        }
    }

    /// Notes that a row has these terms no longer.
    pub(super) fn remove(&mut self, space: u32, row: u32, sparse: &SparseVector) {
        sparse.indices.iter().for_each(|term| self.set(space, *term, row, None));
    }

    fn set(&mut self, space: u32, term: u32, row: u32, weight: Option<f32>) {
        let list = self.by_key.entry(keys::sparse(space, term, row)).or_default();
        list.insert(low_bits(row), weight);
    }

    /// Carries out what was noted.
    pub(super) fn flush(&mut self, txn: &mut RwTxn, table: &Table) -> Step<()> {
        for (key, changes) in std::mem::take(&mut self.by_key) {
            let mut list: BTreeMap<u16, f32> = match table.get(txn, &key)? {
                Some(bytes) => decode(bytes)?.collect(),
                None => BTreeMap::new(),
            };
            for (low, weight) in changes {
                match weight {
                    Some(weight) => list.insert(low, weight),
                    None => list.remove(&low),
                };
            }
            if list.is_empty() {
                table.delete(txn, &key)?;
            } else {
                table.put(txn, &key, &encode(&list))?;
            }
        }
        Ok(())
    }
}

fn low_bits(row: u32) -> u16 {
    (row as usize % CHUNK_ROWS) as u16
}

pub(super) fn encode(list: &BTreeMap<u16, f32>) -> Vec<u8> {
    let entry = |(low, weight): (&u16, &f32)| {
        low.to_le_bytes().into_iter().chain(weight.to_le_bytes()).collect::<Vec<u8>>()
    };
    list.iter().flat_map(entry).collect()
}

fn decode(bytes: &[u8]) -> Step<impl Iterator<Item = (u16, f32)>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return Err(Fault::Damaged("a list of a sparse term is cut off".to_owned()));
    }
    Ok(entries
        .iter()
        .map(|[a, b, weight @ ..]| (u16::from_le_bytes([*a, *b]), f32::from_le_bytes(*weight))))
}

/// The dot products of a query with all rows that share a term with it.
#[derive(Debug, Default)]
pub(super) struct SparseScores {
    chunks: BTreeMap<u32, Chunk>,
}

#[derive(Debug)]
struct Chunk {
    scores: Vec<f32>,
    /// The rows that have a score.
    scored: RoaringBitmap,
}

impl SparseScores {
    /// Adds up the scores of a query; terms in ascending order, as [`SparseVector::dot`] does.
    pub(super) fn of(txn: &RoTxn, tables: &Tables, space: u32, query: &SparseVector) -> Step<Self> {
        let mut all = Self::default();
        for (term, query_weight) in query.indices.iter().zip(&query.values) {
            for entry in tables.sparse.prefix_iter(txn, &keys::term(space, *term))? {
                let (key, list) = entry?;
                let chunk = keys::sparse_chunk(key)
                    .ok_or_else(|| Fault::Damaged("the key of a sparse term is none".to_owned()))?;
                all.chunks.entry(chunk).or_default().add(chunk, decode(list)?, *query_weight);
            }
        }
        Ok(all)
    }

    /// Returns the score of a row; `None` if it has none of the terms.
    pub(super) fn get(&self, row: u32) -> Option<f32> {
        let chunk = self.chunks.get(&(row >> SPARSE_BITS))?;
        chunk.scored.contains(row).then(|| chunk.scores[row as usize % CHUNK_ROWS])
    }

    /// Returns the rows that have a score.
    pub(super) fn rows(&self) -> RoaringBitmap {
        self.chunks.values().fold(RoaringBitmap::new(), |rows, chunk| rows | &chunk.scored)
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self { scores: vec![0.0; CHUNK_ROWS], scored: RoaringBitmap::new() }
    }
}

impl Chunk {
    fn add(&mut self, chunk: u32, list: impl Iterator<Item = (u16, f32)>, query_weight: f32) {
        for (low, weight) in list {
            // Damage may have put other bits there; `check` finds them.
            let low = low & (CHUNK_ROWS as u16 - 1);
            self.scores[usize::from(low)] += query_weight * weight;
            self.scored.insert(chunk << SPARSE_BITS | u32::from(low));
        }
    }
}

/// Weights the terms of a query as the index says.
pub(super) fn weigh(
    txn: &RoTxn,
    tables: &Tables,
    (space, num_records): (u32, u64),
    query: &SparseVector,
    weights: SparseWeights,
) -> Step<SparseVector> {
    if weights == SparseWeights::AsSent {
        return Ok(query.clone());
    }
    let mut weighted = query.clone();
    for (term, weight) in query.indices.iter().zip(&mut weighted.values) {
        let mut num_having = 0;
        for entry in tables.sparse.prefix_iter(txn, &keys::term(space, *term))? {
            num_having += entry?.1.len() / ENTRY_BYTES;
        }
        let (all, having) = (num_records as f32, num_having as f32);
        *weight *= (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
    }
    Ok(weighted)
}
