//! Points that many rows are near to, learned from a sample of them (Lloyd's k-means).

use std::num::NonZeroUsize;
use std::sync::Arc;

use kernels::{Activation, ByteQuery, ByteRow, Exec, Isa, LinearWeights, scan_bytes};

use super::byte_rows::{CHUNK_ROWS, Chunk};

/// Rows of the sample for each centroid: of 1,000,000 × 384, 24 lose 0.002 of the nearest ten, and 64 find no
/// more in a third more time.
const SAMPLE_ROWS: usize = 48;
/// More change less than a hundredth of the distances.
const ITERATIONS: usize = 8;
/// Rows that are compared with a set of points at a time.
const TILE_ROWS: usize = 120;
/// Rows that are sorted by the groups that they are near to before they are compared with their points: so
/// many that a tile of each group is full.
const BLOCK_ROWS: usize = 2_048;
/// From so many points on they are sorted into groups.
const MIN_GROUPED: usize = 512;
/// Of the groups, a row is compared with the points of this share.
const PROBED_SHARE: usize = 8;
/// Groups are only a way to their points, and need not be good.
const GROUP_ITERATIONS: usize = 4;
/// Any number: the same rows give the same centroids.
const SEED: u64 = 0x5EED;

/// The centroids, ready to be compared with rows and with queries.
pub(super) struct Centroids {
    isa: Isa,
    dimensions: usize,
    /// `[num, dimensions]`.
    points: Vec<f32>,
    /// For rows.
    groups: Groups,
    /// For queries, as bytes: they read a quarter of the memory, and what their rounding changes is small
    /// beside the error of a bit a dimension.
    bytes: Vec<i8>,
}

impl Centroids {
    /// Takes points, `[num, dimensions]`.
    pub(super) fn new(isa: Isa, dimensions: usize, points: Vec<f32>) -> Self {
        let stride = ByteRow::num_bytes(dimensions);
        let mut bytes = vec![0; points.len() / dimensions * stride];
        let rows = points.chunks_exact(dimensions).zip(bytes.chunks_exact_mut(stride));
        rows.for_each(|(point, to)| ByteRow::write(point, 0.0, to));
        let groups = Groups::new(isa, dimensions, &points);
        Self { isa, dimensions, points, groups, bytes }
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
            sample.extend(chunks[row / CHUNK_ROWS].row(row % CHUNK_ROWS).floats());
        }
        // Drawn at random, so that the first are as good as any.
        let mut points = sample[..num * dimensions].to_vec();
        for _ in 0..ITERATIONS {
            let groups = Groups::new(isa, dimensions, &points);
            let nearest = nearest_on(&groups, &sample, num_threads);
            move_to_means(&mut points, &sample, &nearest, &mut random);
        }
        Self::new(isa, dimensions, points)
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
        scan_bytes(self.isa, &ByteQuery::new(query), &self.bytes, &mut dots);
        dots
    }

    /// Returns a centroid for each row: the nearest, or of many one that is hardly farther.
    pub(super) fn nearest(&self, rows: &[f32]) -> Vec<u32> {
        self.groups.nearest(rows)
    }
}

/// Points in groups that are near each other, so that a row need not be compared with all of them.
struct Groups {
    isa: Isa,
    dimensions: usize,
    /// The middle of each; empty if there is but one.
    middles: Option<Points>,
    groups: Vec<Group>,
}

struct Group {
    points: Points,
    /// Of each point.
    numbers: Vec<u32>,
}

/// The best comparison of a row so far.
#[derive(Clone, Copy)]
struct Best {
    score: f32,
    number: u32,
}

impl Groups {
    fn new(isa: Isa, dimensions: usize, points: &[f32]) -> Self {
        let num = points.len() / dimensions;
        if num < MIN_GROUPED {
            let numbers = (0..num as u32).collect();
            let all = Group { points: Points::new(isa, dimensions, points), numbers };
            return Self { isa, dimensions, middles: None, groups: vec![all] };
        }
        // As many groups as points in each: the fewest comparisons.
        let num_groups = num.isqrt();
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut middles = points[..num_groups * dimensions].to_vec();
        for _ in 0..GROUP_ITERATIONS {
            let nearest = Points::new(isa, dimensions, &middles).nearest(points);
            move_to_means(&mut middles, points, &nearest, &mut random);
        }
        let middles = Points::new(isa, dimensions, &middles);
        let mut members = vec![Vec::new(); num_groups];
        for (group, number) in middles.nearest(points).into_iter().zip(0..) {
            members[group as usize].push(number);
        }
        let group = |numbers: Vec<u32>| {
            let points: Vec<f32> = numbers
                .iter()
                .flat_map(|number| row(points, dimensions, *number))
                .copied()
                .collect();
            Group { points: Points::new(isa, dimensions, &points), numbers }
        };
        let groups = members.into_iter().map(group).collect();
        Self { isa, dimensions, middles: Some(middles), groups }
    }

    fn nearest(&self, rows: &[f32]) -> Vec<u32> {
        let Some(middles) = &self.middles else { return self.groups[0].points.nearest(rows) };
        let blocks = rows.chunks(BLOCK_ROWS * self.dimensions);
        blocks.flat_map(|rows| self.nearest_of_block(middles, rows)).collect()
    }

    fn nearest_of_block(&self, middles: &Points, rows: &[f32]) -> impl Iterator<Item = u32> {
        let num_rows = rows.len() / self.dimensions;
        let mut best = vec![Best { score: f32::NEG_INFINITY, number: 0 }; num_rows];
        let exec = Exec::new(self.isa, Arc::default());
        for (group, near) in self.groups.iter().zip(self.rows_near(&exec, middles, rows)) {
            for near in near.chunks(TILE_ROWS) {
                let tile = near.iter().map(|number| row(rows, self.dimensions, *number));
                group.points.each_score(&exec, tile, |at, scores| {
                    let best = &mut best[near[at] as usize];
                    let (at, score) = largest(scores);
                    if score > best.score {
                        *best = Best { score, number: group.numbers[at] };
                    }
                });
            }
        }
        best.into_iter().map(|best| best.number)
    }

    /// Returns which rows are to be compared with the points of each group.
    fn rows_near(&self, exec: &Exec, middles: &Points, rows: &[f32]) -> Vec<Vec<u32>> {
        let mut near = vec![Vec::new(); self.groups.len()];
        let num_probed = self.groups.len().div_ceil(PROBED_SHARE);
        let mut order: Vec<u32> = (0..self.groups.len() as u32).collect();
        let mut number = 0;
        for tile in rows.chunks(TILE_ROWS * self.dimensions) {
            middles.each_score(exec, tile.chunks_exact(self.dimensions), |_, scores| {
                let score = |group: &u32| scores[*group as usize];
                order.select_nth_unstable_by(num_probed, |a, b| score(b).total_cmp(&score(a)));
                order[..num_probed].iter().for_each(|group| near[*group as usize].push(number));
                number += 1;
            });
        }
        near
    }
}

/// Points that rows are compared with, with `-|point|² / 2`: the nearest has the largest score.
struct Points {
    isa: Isa,
    dimensions: usize,
    weights: LinearWeights,
}

impl Points {
    fn new(isa: Isa, dimensions: usize, points: &[f32]) -> Self {
        let half = |point: &[f32]| -0.5 * kernels::dot(isa, point, point);
        let biases: Vec<f32> = points.chunks_exact(dimensions).map(half).collect();
        let weights = LinearWeights::pack(isa, points, Some(&biases), dimensions);
        Self { isa, dimensions, weights }
    }

    fn nearest(&self, rows: &[f32]) -> Vec<u32> {
        let exec = Exec::new(self.isa, Arc::default());
        let mut nearest = Vec::with_capacity(rows.len() / self.dimensions);
        for tile in rows.chunks(TILE_ROWS * self.dimensions) {
            self.each_score(&exec, tile.chunks_exact(self.dimensions), |_, scores| {
                nearest.push(largest(scores).0 as u32);
            });
        }
        nearest
    }

    /// Calls `see` with each row's place among them and its scores with all points.
    fn each_score<'r>(
        &self,
        exec: &Exec,
        rows: impl ExactSizeIterator<Item = &'r [f32]>,
        mut see: impl FnMut(usize, &[f32]),
    ) {
        let mut tile = exec.matrix(rows.len(), self.dimensions);
        rows.enumerate().for_each(|(at, row)| tile.row_mut(at).copy_from_slice(row));
        let scores = exec.linear(&tile, &self.weights, Activation::Identity);
        (0..scores.num_rows()).for_each(|at| see(at, scores.row(at)));
    }
}

fn nearest_on(groups: &Groups, rows: &[f32], num_threads: NonZeroUsize) -> Vec<u32> {
    let share = (rows.len() / groups.dimensions).div_ceil(num_threads.get()).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(share * groups.dimensions)
            .map(|part| scope.spawn(|| groups.nearest(part)))
            .collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, Vec<u32>>| {
            part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        parts.into_iter().flat_map(join).collect()
    })
}

/// Moves each point to the mean of the rows nearest to it, or to a random row where there is none.
fn move_to_means(points: &mut [f32], rows: &[f32], nearest: &[u32], random: &mut fastrand::Rng) {
    let dimensions = rows.len() / nearest.len();
    let mut counts = vec![0_u32; points.len() / dimensions];
    points.fill(0.0);
    for (row, number) in rows.chunks_exact(dimensions).zip(nearest) {
        let number = *number as usize;
        counts[number] += 1;
        let mean = &mut points[number * dimensions..][..dimensions];
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for (mean, count) in points.chunks_exact_mut(dimensions).zip(counts) {
        if count == 0 {
            mean.copy_from_slice(row(rows, dimensions, random.u32(..nearest.len() as u32)));
        } else {
            mean.iter_mut().for_each(|x| *x /= count as f32);
        }
    }
}

fn row(rows: &[f32], dimensions: usize, number: u32) -> &[f32] {
    &rows[number as usize * dimensions..][..dimensions]
}

/// Returns which score is the largest, the first of equal ones, and how large it is. Lane by lane, since
/// a plain search would take a tenth of the time that the scores take.
fn largest(scores: &[f32]) -> (usize, f32) {
    let mut best = [f32::NEG_INFINITY; LANES];
    let (eights, rest) = scores.as_chunks::<LANES>();
    for eight in eights {
        for (best, score) in best.iter_mut().zip(eight) {
            *best = if *score > *best { *score } else { *best };
        }
    }
    let best = best.iter().chain(rest).fold(f32::NEG_INFINITY, |best, score| best.max(*score));
    (scores.iter().position(|score| *score == best).unwrap_or(0), best)
}

const LANES: usize = 8;
