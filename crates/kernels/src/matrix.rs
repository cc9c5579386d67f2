//! Activations of a packed batch, and where each sequence begins in it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aligned::Aligned;

/// Rows of floats, row major: the states of a packed batch, or one embedding a row.
///
/// Made by [`Exec`](crate::Exec), which gets the memory back when the matrix is dropped.
pub struct Matrix {
    data: Aligned,
    num_rows: usize,
    num_cols: usize,
    home: Arc<Buffers>,
}

/// Memory of dropped matrices, to be used again: a forward pass makes and drops dozens, and fresh
/// pages cost more than the arithmetic on them.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Aligned>>);

/// Beyond this, memory goes back to the system: one giant batch must not be remembered for ever.
const MAX_KEPT_FLOATS: usize = 8 << 20;

impl Buffers {
    /// Returns a buffer of `len` floats of any value: the smallest kept one that is large enough.
    pub(crate) fn take(&self, len: usize) -> Aligned {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = (0..kept.len())
            .filter(|i| kept[*i].capacity() >= len)
            .min_by_key(|i| kept[*i].capacity());
        let mut buffer = fits.map_or_else(Aligned::default, |i| kept.swap_remove(i));
        drop(kept);
        buffer.resize(len);
        buffer
    }

    pub(crate) fn give_back(&self, buffer: Aligned) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = kept.iter().map(Aligned::capacity).sum();
        if total + buffer.capacity() <= MAX_KEPT_FLOATS {
            kept.push(buffer);
        }
    }
}

impl Matrix {
    pub(crate) fn take(home: &Arc<Buffers>, num_rows: usize, num_cols: usize) -> Self {
        let data = home.take(num_rows * num_cols);
        Self { data, num_rows, num_cols, home: Arc::clone(home) }
    }

    /// Returns how many rows there are.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Returns how many floats a row has.
    pub fn num_cols(&self) -> usize {
        self.num_cols
    }

    /// Returns one row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.num_cols..][..self.num_cols]
    }

    /// Returns one row, to be changed.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.num_cols..][..self.num_cols]
    }

    /// Returns some rows, end to end.
    pub fn rows(&self, rows: Range<usize>) -> &[f32] {
        &self.data[rows.start * self.num_cols..rows.end * self.num_cols]
    }

    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.data));
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix [{}, {}]", self.num_rows, self.num_cols)
    }
}

/// Where each sequence of a packed batch begins and ends, in tokens: `[batch_size + 1]`, from 0,
/// ascending. No sequence is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offsets(Vec<usize>);

impl Offsets {
    /// Makes the offsets of sequences of these lengths.
    ///
    /// # Panics
    ///
    /// If a length is 0: an empty sequence has no embedding, and callers refuse it before.
    pub fn from_lengths(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for length in lengths {
            assert!(length > 0, "a sequence without tokens");
            end += length;
            offsets.push(end);
        }
        Self(offsets)
    }

    /// Returns how many sequences there are.
    pub fn num_sequences(&self) -> usize {
        self.0.len() - 1
    }

    /// Returns how many tokens there are in all.
    pub fn num_tokens(&self) -> usize {
        self.0[self.0.len() - 1]
    }

    /// Returns the rows of one sequence.
    pub fn rows(&self, sequence: usize) -> Range<usize> {
        self.0[sequence]..self.0[sequence + 1]
    }

    /// Iterates over the rows of each sequence.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.windows(2).map(|bounds| bounds[0]..bounds[1])
    }
}
