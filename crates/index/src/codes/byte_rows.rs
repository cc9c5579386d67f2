//! Rows as signed bytes, in chunks that never move once they are full.

use std::sync::Arc;

use kernels::{ByteQuery, ByteRow, Isa, scan_bytes, score_bytes};

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
    /// `[num_rows, ByteRow::num_bytes(dimensions)]`.
    bytes: Vec<i8>,
    num_rows: usize,
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
            let (num_rows, stride) = (biases.len(), ByteRow::num_bytes(dimensions));
            let mut bytes = vec![0; num_rows * stride];
            let rows = vectors.chunks_exact(dimensions).zip(biases);
            for ((row, bias), to) in rows.zip(bytes.chunks_exact_mut(stride)) {
                ByteRow::write(row, *bias, to);
            }
            quantized.num_rows += num_rows;
            quantized.chunks.push(Arc::new(Chunk { bytes, num_rows }));
        }
        quantized
    }

    /// Copies the rows of another to the end.
    pub(super) fn append(&mut self, more: &Self) {
        for chunk in &more.chunks {
            let mut at = 0;
            while at < chunk.num_rows() {
                let num = (CHUNK_ROWS - self.num_rows % CHUNK_ROWS).min(chunk.num_rows() - at);
                self.last_chunk().append(chunk, at..at + num);
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
            scan_bytes(isa, query, &chunk.bytes, scores);
            for (at, score) in scores.iter().enumerate() {
                if *score > nearest.above() {
                    nearest.offer(*score, (number * CHUNK_ROWS + at) as u32);
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
                nearest.offer(score, *row);
            }
        }
    }

    fn has(&self, row: u32) -> bool {
        let chunk = self.chunks.get(row as usize / CHUNK_ROWS);
        chunk.is_some_and(|chunk| row as usize % CHUNK_ROWS < chunk.num_rows())
    }

    fn row(&self, row: u32) -> ByteRow<'_> {
        self.chunks[row as usize / CHUNK_ROWS].row(row as usize % CHUNK_ROWS)
    }
}

impl Chunk {
    pub(super) fn num_rows(&self) -> usize {
        self.num_rows
    }

    pub(super) fn row(&self, row: usize) -> ByteRow<'_> {
        let stride = self.bytes.len() / self.num_rows;
        ByteRow::new(&self.bytes[row * stride..][..stride])
    }

    fn num_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds rows that never score.
    fn pad(&mut self, num_rows: usize, dimensions: usize) {
        let mut row = vec![0; ByteRow::num_bytes(dimensions)];
        ByteRow::write(&vec![0.0; dimensions], f32::NEG_INFINITY, &mut row);
        self.bytes.extend(row.repeat(num_rows));
        self.num_rows += num_rows;
    }

    fn append(&mut self, from: &Self, rows: std::ops::Range<usize>) {
        let stride = from.bytes.len() / from.num_rows;
        self.num_rows += rows.len();
        // Grows as any vector does, and never beyond a whole chunk.
        let room = self.num_rows.next_power_of_two().min(CHUNK_ROWS);
        self.bytes.reserve_exact((room * stride).saturating_sub(self.bytes.len()));
        self.bytes.extend(&from.bytes[rows.start * stride..rows.end * stride]);
    }
}
