//! Points that many rows are near to, learned from a sample of them (Lloyd's k-means).

use std::num::NonZeroUsize;
use std::sync::Arc;

use kernels::{Activation, ByteQuery, Exec, Isa, LinearWeights, quantize, scan_bytes};

use super::byte_rows::{CHUNK_ROWS, Chunk};

/// Rows of the sample for each centroid: twice as many find the same neighbours in 7 % fewer rows, and take
/// twice as long.
const SAMPLE_ROWS: usize = 24;
/// More change less than a hundredth of the distances.
const ITERATIONS: usize = 8;
/// Rows that are compared with all centroids at a time.
const BLOCK_ROWS: usize = 120;
/// Any number: the same rows give the same centroids.
const SEED: u64 = 0x5EED;

/// The centroids, ready to be compared with rows.
pub(super) struct Centroids {
    isa: Isa,
    dimensions: usize,
    /// `[num, dimensions]`.
    points: Vec<f32>,
    /// The same with `-|point|² / 2`: the nearest has the largest output.
    weights: LinearWeights,
    /// The same as bytes, with a scale each: a query reads a quarter of the memory, and what their
    /// rounding changes is small beside the error of a bit a dimension.
    bytes: Vec<i8>,
    scales: Vec<f32>,
}

impl Centroids {
    /// Takes points, `[num, dimensions]`.
    pub(super) fn new(isa: Isa, dimensions: usize, points: Vec<f32>) -> Self {
        let half = |point: &[f32]| -0.5 * kernels::dot(isa, point, point);
        let biases: Vec<f32> = points.chunks_exact(dimensions).map(half).collect();
        let weights = LinearWeights::pack(isa, &points, Some(&biases), dimensions);
        let mut bytes = vec![0; points.len()];
        let rows = points.chunks_exact(dimensions).zip(bytes.chunks_exact_mut(dimensions));
        let scales = rows.map(|(point, bytes)| quantize(point, bytes)).collect();
        Self { isa, dimensions, points, weights, bytes, scales }
    }

    /// Learns `num` centroids of the rows of some chunks.
    pub(super) fn learn(
        isa: Isa,
        dimensions: usize,
        chunks: &[Arc<Chunk>],
        num: usize,
        num_threads: NonZeroUsize,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(SEED);
        let num_rows = chunks.len() * CHUNK_ROWS;
        let mut sample = Vec::with_capacity(SAMPLE_ROWS * num * dimensions);
        for _ in 0..SAMPLE_ROWS * num {
            let row = random.usize(..num_rows);
            sample.extend(chunks[row / CHUNK_ROWS].floats(row % CHUNK_ROWS));
        }
        // Drawn at random, so that the first are as good as any.
        let mut centroids = Self::new(isa, dimensions, sample[..num * dimensions].to_vec());
        for _ in 0..ITERATIONS {
            let nearest = centroids.nearest_on(&sample, num_threads);
            let points = centroids.means(&sample, &nearest, &mut random);
            centroids = Self::new(isa, dimensions, points);
        }
        centroids
    }

    pub(super) fn num(&self) -> usize {
        self.points.len() / self.dimensions
    }

    pub(super) fn point(&self, number: usize) -> &[f32] {
        &self.points[number * self.dimensions..][..self.dimensions]
    }

    /// Returns the dot product of every centroid with a query, as near as bytes are.
    pub(super) fn dots(&self, query: &[f32]) -> Vec<f32> {
        let mut dots = vec![0.0; self.num()];
        scan_bytes(self.isa, &ByteQuery::new(query), &self.bytes, &self.scales, &mut dots);
        dots
    }

    /// Returns the nearest centroid of each row.
    pub(super) fn nearest(&self, rows: &[f32]) -> Vec<u32> {
        if self.num() == 1 {
            return vec![0; rows.len() / self.dimensions];
        }
        let exec = Exec::new(self.isa, Arc::default());
        let mut nearest = Vec::with_capacity(rows.len() / self.dimensions);
        for rows in rows.chunks(BLOCK_ROWS * self.dimensions) {
            let mut block = exec.matrix(rows.len() / self.dimensions, self.dimensions);
            for (number, row) in rows.chunks_exact(self.dimensions).enumerate() {
                block.row_mut(number).copy_from_slice(row);
            }
            let scores = exec.linear(&block, &self.weights, Activation::Identity);
            nearest.extend((0..scores.num_rows()).map(|row| largest(scores.row(row))));
        }
        nearest
    }

    fn nearest_on(&self, rows: &[f32], num_threads: NonZeroUsize) -> Vec<u32> {
        let share = (rows.len() / self.dimensions).div_ceil(num_threads.get()).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = rows
                .chunks(share * self.dimensions)
                .map(|part| scope.spawn(|| self.nearest(part)))
                .collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Vec<u32>>| {
                part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            parts.into_iter().flat_map(join).collect()
        })
    }

    /// Returns the mean of the rows nearest to each centroid; a random row where there is none.
    fn means(&self, rows: &[f32], nearest: &[u32], random: &mut fastrand::Rng) -> Vec<f32> {
        let mut means = vec![0.0; self.points.len()];
        let mut counts = vec![0_u32; self.num()];
        for (row, number) in rows.chunks_exact(self.dimensions).zip(nearest) {
            let number = *number as usize;
            counts[number] += 1;
            let mean = &mut means[number * self.dimensions..][..self.dimensions];
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for (mean, count) in means.chunks_exact_mut(self.dimensions).zip(counts) {
            if count == 0 {
                let row = random.usize(..nearest.len());
                mean.copy_from_slice(&rows[row * self.dimensions..][..self.dimensions]);
            } else {
                mean.iter_mut().for_each(|x| *x /= count as f32);
            }
        }
        means
    }
}

/// Returns which score is the largest, the first of equal ones. Lane by lane, since a plain search
/// would take a tenth of the time that the scores take.
fn largest(scores: &[f32]) -> u32 {
    let mut best = [f32::NEG_INFINITY; LANES];
    let (eights, rest) = scores.as_chunks::<LANES>();
    for eight in eights {
        for (best, score) in best.iter_mut().zip(eight) {
            *best = if *score > *best { *score } else { *best };
        }
    }
    let best = best.iter().chain(rest).fold(f32::NEG_INFINITY, |best, score| best.max(*score));
    scores.iter().position(|score| *score == best).unwrap_or(0) as u32
}

const LANES: usize = 8;
