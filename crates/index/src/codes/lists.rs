//! Rows as one bit a dimension, sorted into lists by the centroid that they are nearest to.
//!
//! A row is its list's centroid and a rest; the signs of the rotated rest are its code. With the
//! rest's dot product with its own signs, which is known, that of a query with them makes an estimate
//! of the query's dot product with the rest that is right on average. It is off by as much as the
//! query is long, so it is made of the query relative to the centroid, and what that leaves out is
//! known and added: two floats a row, a slope and an offset.

use std::num::NonZeroUsize;
use std::sync::Arc;

use kernels::{
    Found, GROUP_ROWS, Isa, Rotation, SignGroups, SignTable, Wanted, pack_signs, scan_signs,
};

use super::byte_rows::{CHUNK_ROWS, Chunk};
use super::centroids::Centroids;
use super::nearest::Nearest;
use super::space::Space;

/// Any number: the same rows give the same codes.
const SEED: u64 = 0xB175;
/// Groups that are scanned before the score to beat is looked up again.
const PIECE_GROUPS: usize = 32;

/// What turns rows into codes.
pub(super) struct Encoder {
    isa: Isa,
    rotation: Rotation,
    centroids: Centroids,
    /// `[num_lists, num_rotated]`, rotated: what queries near each centroid are near to.
    origins: Vec<f32>,
    /// `[num_lists]`, the centroids' own biases.
    biases: Vec<f32>,
    /// Of the rows that the centroids were learned from.
    mean_residual: f64,
}

/// Rows as codes, not yet in their lists.
#[derive(Default)]
pub(super) struct Encoded {
    lists: Vec<u32>,
    /// `[num_rows, bytes a row]`.
    signs: Vec<u8>,
    slopes: Vec<f32>,
    offsets: Vec<f32>,
    sum_residuals: f64,
}

impl Encoder {
    /// Makes one of a single centroid at the origin.
    pub(super) fn unlearned(isa: Isa, space: &Space) -> Self {
        let dimensions = space.dimensions();
        Self::new(isa, space, Centroids::new(isa, dimensions, vec![0.0; dimensions]))
    }

    /// Learns centroids from rows.
    pub(super) fn learn(
        isa: Isa,
        space: &Space,
        chunks: &[Arc<Chunk>],
        num_lists: usize,
        num_threads: NonZeroUsize,
    ) -> Self {
        let centroids = Centroids::learn(isa, space.dimensions(), chunks, num_lists, num_threads);
        let mut encoder = Self::new(isa, space, centroids);
        let encoded = encoder.encode_chunk(&chunks[chunks.len() / 2]);
        encoder.mean_residual = encoded.sum_residuals / encoded.lists.len() as f64;
        encoder
    }

    fn new(isa: Isa, space: &Space, centroids: Centroids) -> Self {
        let rotation = Rotation::new(isa, space.dimensions(), SEED);
        let width = rotation.num_rotated();
        let mut origins = vec![0.0; centroids.num() * width];
        let mut biases = Vec::with_capacity(centroids.num());
        for (number, origin) in origins.chunks_exact_mut(width).enumerate() {
            let point = centroids.point(number);
            rotation.apply(&space.queries_near(point), origin);
            biases.push(space.bias(point));
        }
        Self { isa, rotation, centroids, origins, biases, mean_residual: 0.0 }
    }

    pub(super) fn num_lists(&self) -> usize {
        self.centroids.num()
    }

    /// Returns the mean square of the distances of rows to their centroids.
    pub(super) fn mean_residual(&self) -> f64 {
        self.mean_residual
    }

    /// Codes rows, `[num_rows, dimensions]`, with their biases.
    pub(super) fn encode(&self, rows: &[f32], biases: &[f32]) -> Encoded {
        let width = self.rotation.num_rotated();
        let lists = self.centroids.nearest(rows);
        let mut encoded = Encoded { signs: vec![0; lists.len() * width / 8], ..Encoded::default() };
        let mut rest = vec![0.0; rows.len() / lists.len().max(1)];
        let mut rotated = vec![0.0; width];
        let dimensions = rest.len().max(1);
        let rows = rows.chunks_exact(dimensions).zip(biases);
        for (((row, bias), list), signs) in
            rows.zip(&lists).zip(encoded.signs.chunks_exact_mut(width / 8))
        {
            let list = *list as usize;
            let centroid = self.centroids.point(list);
            for ((rest, x), centroid) in rest.iter_mut().zip(row).zip(centroid) {
                *rest = x - centroid;
            }
            self.rotation.apply(&rest, &mut rotated);
            pack_signs(&rotated, signs);
            let sums = Sums::of(&rotated, &self.origins[list * width..][..width]);
            let slope = if sums.reach > 0.0 { sums.square / sums.reach } else { 0.0 };
            encoded.slopes.push(slope);
            encoded.offsets.push(sums.by_origin - slope * sums.signs_by_origin + bias);
            encoded.sum_residuals += f64::from(sums.square);
        }
        encoded.lists = lists;
        encoded
    }

    fn encode_chunk(&self, chunk: &Chunk) -> Encoded {
        let rows: Vec<f32> = (0..chunk.num_rows()).flat_map(|row| chunk.floats(row)).collect();
        self.encode(&rows, chunk.biases())
    }
}

/// What the slope and the offset of a row are made of.
#[derive(Default)]
struct Sums {
    square: f32,
    /// With its own signs.
    reach: f32,
    by_origin: f32,
    signs_by_origin: f32,
}

impl Sums {
    fn of(rotated: &[f32], origin: &[f32]) -> Self {
        let mut sums = Self::default();
        for (x, origin) in rotated.iter().zip(origin) {
            sums.square += x * x;
            sums.reach += x.abs();
            sums.by_origin += x * origin;
            sums.signs_by_origin += if *x >= 0.0 { *origin } else { -origin };
        }
        sums
    }
}

/// The codes of all rows of a namespace.
pub(super) struct Lists {
    lists: Vec<List>,
    num_rows: usize,
    num_new: usize,
    sum_new_residuals: f64,
}

/// The codes of the rows nearest to one centroid, in groups of 32.
#[derive(Default, Clone)]
struct List {
    codes: Vec<[u8; GROUP_ROWS]>,
    slopes: Vec<f32>,
    offsets: Vec<f32>,
    rows: Vec<u32>,
}

impl Lists {
    pub(super) fn new(num: usize) -> Self {
        Self { lists: vec![List::default(); num], num_rows: 0, num_new: 0, sum_new_residuals: 0.0 }
    }

    pub(super) fn num_bytes(&self) -> usize {
        self.lists.iter().map(List::num_bytes).sum()
    }

    /// Sorts rows in, the first of them numbered `first_row`.
    pub(super) fn append(&mut self, first_row: u32, encoded: &Encoded) {
        let width = encoded.signs.len() / encoded.lists.len().max(1);
        for (at, list) in encoded.lists.iter().enumerate() {
            let signs = &encoded.signs[at * width..][..width];
            let estimate = (encoded.slopes[at], encoded.offsets[at]);
            self.lists[*list as usize].push(first_row + at as u32, signs, estimate);
        }
        self.num_rows += encoded.lists.len();
        self.num_new += encoded.lists.len();
        self.sum_new_residuals += encoded.sum_residuals;
    }

    /// Codes chunks, the first of them numbered `first_chunk`, and sorts their rows in.
    pub(super) fn append_chunks(
        &mut self,
        encoder: &Encoder,
        first_chunk: usize,
        chunks: &[Arc<Chunk>],
        num_threads: NonZeroUsize,
    ) {
        let share = chunks.len().div_ceil(num_threads.get()).max(1);
        let parts: Vec<Vec<Encoded>> = std::thread::scope(|scope| {
            let encode = |part: &[Arc<Chunk>]| -> Vec<Encoded> {
                part.iter().map(|chunk| encoder.encode_chunk(chunk)).collect()
            };
            let parts: Vec<_> =
                chunks.chunks(share).map(|part| scope.spawn(move || encode(part))).collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Vec<Encoded>>| {
                part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            parts.into_iter().map(join).collect()
        });
        for (number, encoded) in (first_chunk..).zip(parts.iter().flatten()) {
            self.append((number * CHUNK_ROWS) as u32, encoded);
        }
    }

    /// Counts all rows so far as those that were learned from.
    pub(super) fn forget_new(&mut self) {
        self.num_new = 0;
        self.sum_new_residuals = 0.0;
    }

    /// Returns how many rows there are, counting those that are forgotten.
    pub(super) fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Returns the mean square of the distances of rows to their centroids since then.
    pub(super) fn mean_residual_of_new(&self) -> f64 {
        self.sum_new_residuals / self.num_new.max(1) as f64
    }

    /// Estimates the scores of the rows of the `num_lists` most promising lists, and returns how many
    /// rows these have.
    pub(super) fn scan(
        &self,
        encoder: &Encoder,
        query: &[f32],
        num_lists: usize,
        nearest: &mut Nearest<'_>,
    ) -> usize {
        let mut rotated = vec![0.0; encoder.rotation.num_rotated()];
        encoder.rotation.apply(query, &mut rotated);
        let table = SignTable::new(&rotated);
        let dots = encoder.centroids.dots(query);
        let promise = |list: &u32| dots[*list as usize] + encoder.biases[*list as usize];
        let mut order: Vec<u32> = (0..self.lists.len() as u32).collect();
        // The best first: the sooner good rows are known, the fewer others are looked at.
        order.sort_unstable_by(|a, b| promise(b).total_cmp(&promise(a)));
        let mut found = Vec::new();
        let mut num_rows = 0;
        for list in order.into_iter().take(num_lists) {
            let query = ListQuery { isa: encoder.isa, table: &table, dot: dots[list as usize] };
            let list = &self.lists[list as usize];
            list.scan(query, nearest, &mut found);
            num_rows += list.rows.len();
        }
        num_rows
    }
}

/// What the rows of a list are compared with.
#[derive(Clone, Copy)]
struct ListQuery<'a> {
    isa: Isa,
    table: &'a SignTable,
    /// The query's dot product with the centroid.
    dot: f32,
}

impl List {
    fn num_bytes(&self) -> usize {
        GROUP_ROWS * self.codes.capacity()
            + 4 * (self.slopes.capacity() + self.offsets.capacity() + self.rows.capacity())
    }

    fn push(&mut self, row: u32, signs: &[u8], (slope, offset): (f32, f32)) {
        let at = self.rows.len() % GROUP_ROWS;
        if at == 0 {
            self.codes.resize(self.codes.len() + signs.len(), [0; GROUP_ROWS]);
            self.slopes.resize(self.slopes.len() + GROUP_ROWS, 0.0);
            self.offsets.resize(self.offsets.len() + GROUP_ROWS, f32::NEG_INFINITY);
        }
        let group = self.codes.len() - signs.len();
        for (column, byte) in self.codes[group..].iter_mut().zip(signs) {
            column[at] = *byte;
        }
        self.slopes[self.rows.len()] = slope;
        self.offsets[self.rows.len()] = offset;
        self.rows.push(row);
    }

    fn scan(&self, query: ListQuery<'_>, nearest: &mut Nearest<'_>, found: &mut Vec<Found>) {
        let ListQuery { isa, table, dot } = query;
        let num_groups = self.slopes.len() / GROUP_ROWS;
        let width = self.codes.len() / num_groups.max(1);
        for first in (0..num_groups).step_by(PIECE_GROUPS) {
            let end = num_groups.min(first + PIECE_GROUPS);
            let rows = first * GROUP_ROWS..end * GROUP_ROWS;
            let groups = SignGroups {
                codes: &self.codes[first * width..end * width],
                slopes: &self.slopes[rows.clone()],
                offsets: &self.offsets[rows],
            };
            let wanted = Wanted { base: dot, above: nearest.above() };
            scan_signs(isa, table, groups, wanted, found);
            for hit in found.drain(..) {
                nearest.offer(hit.score, self.rows[first * GROUP_ROWS + hit.at as usize]);
            }
        }
    }
}
