//! Rows as signed bytes, in chunks that never move once they are full.

use std::sync::Arc;

use kernels::{ByteQuery, ByteRow, Isa, quantize, scan_bytes, score_bytes};

use super::nearest::Nearest;
use super::space::CentredRows;

/// Rows of a chunk: few enough that sorting one into lists takes milliseconds.
pub(super) const CHUNK_ROWS: usize = 1_024;
/// Rows that are scored at a time, where they lie here and there.
const BATCH_ROWS: usize = 256;

/// All rows of a namespace.
#[derive(Debug, Clone)]
pub(super) struct ByteRows {
    dimensions: usize,
    /// All full but the last, and those without rows: of rows that were skipped or forgotten.
    chunks: Vec<Arc<Chunk>>,
    num_rows: usize,
}

/// Some rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunk {
    bytes: Vec<i8>,
    scales: Vec<f32>,
    biases: Vec<f32>,
}

impl ByteRows {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { dimensions, chunks: Vec::new(), num_rows: 0 }
    }

    /// Quantizes rows.
    pub(super) fn of(dimensions: usize, rows: &CentredRows) -> Self {
        let mut quantized = Self::new(dimensions);
        let rows_of_chunks = rows.vectors.chunks(CHUNK_ROWS * dimensions);
        for (vectors, biases) in rows_of_chunks.zip(rows.biases.chunks(CHUNK_ROWS)) {
            let mut bytes = vec![0; vectors.len()];
            let rows = vectors.chunks_exact(dimensions).zip(bytes.chunks_exact_mut(dimensions));
            let scales = rows.map(|(row, bytes)| quantize(row, bytes)).collect();
            quantized.num_rows += biases.len();
            quantized.chunks.push(Arc::new(Chunk { bytes, scales, biases: biases.to_vec() }));
        }
        quantized
    }

    /// Copies the rows of another to the end.
    pub(super) fn append(&mut self, more: &Self) {
        for chunk in &more.chunks {
            let mut at = 0;
            while at < chunk.num_rows() {
                let num = (CHUNK_ROWS - self.num_rows % CHUNK_ROWS).min(chunk.num_rows() - at);
                let dimensions = self.dimensions;
                self.last_chunk().append(chunk, at..at + num, dimensions);
                self.num_rows += num;
                at += num;
            }
        }
    }

    /// Leaves out rows, so that the next one appended is `row`.
    pub(super) fn skip_to(&mut self, row: usize) {
        if !self.num_rows.is_multiple_of(CHUNK_ROWS) && self.num_rows < row {
            let num = (CHUNK_ROWS - self.num_rows % CHUNK_ROWS).min(row - self.num_rows);
            let dimensions = self.dimensions;
            self.last_chunk().pad(num, dimensions);
            self.num_rows += num;
        }
        if self.num_rows < row {
            self.chunks.resize(row / CHUNK_ROWS, Arc::default());
            self.num_rows = row / CHUNK_ROWS * CHUNK_ROWS;
            let (num, dimensions) = (row - self.num_rows, self.dimensions);
            if num > 0 {
                self.last_chunk().pad(num, dimensions);
                self.num_rows = row;
            }
        }
    }

    /// Frees the rows of a chunk that is whole.
    pub(super) fn forget(&mut self, chunk: usize) {
        debug_assert!(chunk < self.num_rows / CHUNK_ROWS, "rows may still be added to it");
        self.chunks[chunk] = Arc::default();
    }

    /// Returns the chunk that the next row belongs to.
    fn last_chunk(&mut self) -> &mut Chunk {
        if self.chunks.len() == self.num_rows / CHUNK_ROWS {
            self.chunks.push(Arc::default());
        }
        Arc::make_mut(self.chunks.last_mut().expect("there is one, or it was pushed just now"))
    }

    /// Returns the number after the last row's.
    pub(super) fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Returns how many rows there are, without those that were skipped or forgotten.
    pub(super) fn num_held(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.num_rows()).sum()
    }

    /// Returns how many of these are in chunks to which nothing is added any more.
    pub(super) fn num_whole(&self) -> usize {
        let whole = &self.chunks[..self.num_rows / CHUNK_ROWS];
        whole.iter().map(|chunk| chunk.num_rows()).sum()
    }

    pub(super) fn num_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.num_bytes()).sum()
    }

    /// Returns the chunks to which nothing is added any more.
    pub(super) fn whole_chunks(&self) -> Vec<Arc<Chunk>> {
        self.chunks[..self.num_rows / CHUNK_ROWS].to_vec()
    }

    pub(super) fn all_chunks(&self) -> Vec<Arc<Chunk>> {
        self.chunks.clone()
    }

    /// Scores all rows.
    pub(super) fn scan(&self, isa: Isa, query: &ByteQuery, nearest: &mut Nearest<'_>) {
        let mut scores = [0.0; CHUNK_ROWS];
        for (number, chunk) in self.chunks.iter().enumerate() {
            let scores = &mut scores[..chunk.num_rows()];
            scan_bytes(isa, query, &chunk.bytes, &chunk.scales, scores);
            for (at, (score, bias)) in scores.iter().zip(&chunk.biases).enumerate() {
                if score + bias > nearest.above() {
                    nearest.offer(score + bias, (number * CHUNK_ROWS + at) as u32);
                }
            }
        }
    }

    /// Scores some rows; those that are not there yet are left out.
    pub(super) fn score(
        &self,
        isa: Isa,
        query: &ByteQuery,
        rows: impl Iterator<Item = u32>,
        nearest: &mut Nearest<'_>,
    ) {
        let mut rows = rows.filter(|row| self.has(*row)).peekable();
        let mut numbers = Vec::with_capacity(BATCH_ROWS);
        let mut scores = [0.0; BATCH_ROWS];
        while rows.peek().is_some() {
            numbers.clear();
            numbers.extend(rows.by_ref().take(BATCH_ROWS));
            let batch: Vec<ByteRow<'_>> = numbers.iter().map(|row| self.row(*row)).collect();
            score_bytes(isa, query, &batch, &mut scores[..batch.len()]);
            for (row, score) in numbers.iter().zip(scores) {
                nearest.offer(score + self.bias(*row), *row);
            }
        }
    }

    fn has(&self, row: u32) -> bool {
        let chunk = self.chunks.get(row as usize / CHUNK_ROWS);
        chunk.is_some_and(|chunk| row as usize % CHUNK_ROWS < chunk.num_rows())
    }

    fn row(&self, row: u32) -> ByteRow<'_> {
        let (chunk, at) = (row as usize / CHUNK_ROWS, row as usize % CHUNK_ROWS);
        let chunk = &self.chunks[chunk];
        let bytes = &chunk.bytes[at * self.dimensions..][..self.dimensions];
        ByteRow { bytes, scale: chunk.scales[at] }
    }

    fn bias(&self, row: u32) -> f32 {
        self.chunks[row as usize / CHUNK_ROWS].biases[row as usize % CHUNK_ROWS]
    }
}

impl Chunk {
    pub(super) fn num_rows(&self) -> usize {
        self.scales.len()
    }

    pub(super) fn biases(&self) -> &[f32] {
        &self.biases
    }

    /// Returns one row as floats, as near as its bytes are.
    pub(super) fn floats(&self, row: usize) -> impl Iterator<Item = f32> {
        let dimensions = self.bytes.len() / self.num_rows();
        let scale = self.scales[row];
        self.bytes[row * dimensions..][..dimensions].iter().map(move |x| f32::from(*x) * scale)
    }

    fn num_bytes(&self) -> usize {
        self.bytes.capacity() + 4 * (self.scales.capacity() + self.biases.capacity())
    }

    /// Adds rows that never score.
    fn pad(&mut self, num_rows: usize, dimensions: usize) {
        let num_rows = self.num_rows() + num_rows;
        self.bytes.resize(num_rows * dimensions, 0);
        self.scales.resize(num_rows, 0.0);
        self.biases.resize(num_rows, f32::NEG_INFINITY);
    }

    fn append(&mut self, from: &Self, rows: std::ops::Range<usize>, dimensions: usize) {
        // Grows as any vector does, and never beyond a whole chunk.
        let num_rows = self.num_rows() + rows.len();
        let room = num_rows.next_power_of_two().min(CHUNK_ROWS);
        self.bytes.reserve_exact((room * dimensions).saturating_sub(self.bytes.len()));
        self.scales.reserve_exact(room - self.scales.len());
        self.biases.reserve_exact(room - self.biases.len());
        self.bytes.extend(&from.bytes[rows.start * dimensions..rows.end * dimensions]);
        self.scales.extend(&from.scales[rows.clone()]);
        self.biases.extend(&from.biases[rows]);
    }
}
