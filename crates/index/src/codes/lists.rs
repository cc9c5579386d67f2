//! Rows as one bit a dimension, sorted into lists by the centroid that they are nearest to.
//!
//! A row is its list's centroid and a rest; the signs of the rotated rest are its code. With the
//! rest's dot product with its own signs, which is known, that of a query with them makes an estimate
//! of the query's dot product with the rest that is right on average. It is off by as much as the
//! query is long, so it is made of the query relative to the centroid, and what that leaves out is
//! known and added: two floats a row, a slope and an offset.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use kernels::{
    ByteRow, Found, GROUP_ROWS, Isa, Rotation, SignGroups, SignLine, SignScan, SignTable, Wanted,
    pack_signs, scan_signs,
};

use super::byte_rows::{CHUNK_ROWS, Chunk};
use super::centroids::Centroids;
use super::nearest::Nearest;
use super::space::Space;

/// Any number: the same rows give the same codes.
const SEED: u64 = 0xB175;
/// Groups that are scanned before the score to beat is looked up again.
const PIECE_GROUPS: usize = 32;

/// Chunks that a thread codes before they are sorted in.
const WAVE_CHUNKS: usize = 32;

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

    /// Returns the bytes of a row's signs.
    fn num_sign_bytes(&self) -> usize {
        self.rotation.num_rotated() / 8
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
        let rows = (0..chunk.num_rows()).map(|row| chunk.row(row));
        let biases: Vec<f32> = rows.clone().map(ByteRow::bias).collect();
        self.encode(&rows.flat_map(ByteRow::floats).collect::<Vec<f32>>(), &biases)
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
    /// Those that were there at [`Lists::settle`], list after list in one run of memory.
    settled: Groups,
    /// What of it is whose, by list.
    shares: Vec<Share>,
    /// Those that came since, by list.
    recent: Vec<Groups>,
    /// How many these are in all lists: with none, no list need be looked up.
    num_recent: usize,
    num_rows: usize,
    num_new: usize,
    sum_new_residuals: f64,
}

/// What a list has of the settled codes.
#[derive(Default, Clone)]
struct Share {
    groups: Range<usize>,
    /// The last group may have fewer than 32.
    num_rows: usize,
}

impl Lists {
    /// Makes the empty lists of an encoder.
    pub(super) fn of(encoder: &Encoder) -> Self {
        let (num, width) = (encoder.num_lists(), encoder.num_sign_bytes());
        Self {
            settled: Groups::new(0, width),
            shares: vec![Share::default(); num],
            recent: vec![Groups::new(0, width); num],
            num_recent: 0,
            num_rows: 0,
            num_new: 0,
            sum_new_residuals: 0.0,
        }
    }

    pub(super) fn num_bytes(&self) -> usize {
        self.settled.num_bytes() + self.recent.iter().map(Groups::num_bytes).sum::<usize>()
    }

    /// Moves all rows so far together: what is scattered over memory is read at two thirds of the
    /// speed.
    pub(super) fn settle(&mut self, encoder: &Encoder) {
        debug_assert_eq!(self.settled.signs.num_groups(), 0, "settled twice");
        let (num, width) = (self.recent.len(), encoder.num_sign_bytes());
        let recent = std::mem::replace(&mut self.recent, vec![Groups::new(0, width); num]);
        self.num_recent = 0;
        let num_groups = recent.iter().map(|list| list.signs.num_groups()).sum();
        self.settled = Groups::new(num_groups, width);
        // Each list is freed as soon as it is copied.
        for (list, share) in recent.into_iter().zip(&mut self.shares) {
            let first = self.settled.signs.num_groups();
            self.settled.append(&list);
            let groups = first..self.settled.signs.num_groups();
            *share = Share { groups, num_rows: list.rows.len() };
        }
    }

    /// Sorts rows in, the first of them numbered `first_row`.
    pub(super) fn append(&mut self, first_row: u32, encoded: &Encoded) {
        let width = encoded.signs.len() / encoded.lists.len().max(1);
        for (at, list) in encoded.lists.iter().enumerate() {
            let signs = &encoded.signs[at * width..][..width];
            let estimate = (encoded.slopes[at], encoded.offsets[at]);
            self.recent[*list as usize].push(first_row + at as u32, signs, estimate);
        }
        self.num_recent += encoded.lists.len();
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
        // In waves, so that few codes wait to be sorted in.
        for (wave, chunks) in chunks.chunks(WAVE_CHUNKS * num_threads.get()).enumerate() {
            let share = chunks.len().div_ceil(num_threads.get());
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
            let first_chunk = first_chunk + wave * WAVE_CHUNKS * num_threads.get();
            for (number, encoded) in (first_chunk..).zip(parts.iter().flatten()) {
                self.append((number * CHUNK_ROWS) as u32, encoded);
            }
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
        let promises = dots.iter().zip(&encoder.biases).map(|(dot, bias)| dot + bias);
        let mut order: Vec<(f32, u32)> = promises.zip(0..).collect();
        let by_promise = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0);
        if num_lists < order.len() {
            order.select_nth_unstable_by(num_lists, by_promise);
            order.truncate(num_lists);
        }
        // The best first: the sooner good rows are known, the fewer others are looked at.
        order.sort_unstable_by(by_promise);
        let mut found = Vec::new();
        let mut num_rows = 0;
        for (at, (_, list)) in order.iter().enumerate() {
            let next =
                order.get(at + 1).map(|(_, list)| self.shares[*list as usize].groups.clone());
            let next = next.map_or(&[][..], |groups| self.settled.signs.lines(groups));
            let query =
                ListQuery { isa: encoder.isa, table: &table, dot: dots[*list as usize], next };
            let share = &self.shares[*list as usize];
            self.settled.scan(share.groups.clone(), query, nearest, &mut found);
            num_rows += share.num_rows;
            if self.num_recent > 0 {
                let recent = &self.recent[*list as usize];
                recent.scan(0..recent.signs.num_groups(), query, nearest, &mut found);
                num_rows += recent.rows.len();
            }
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
    /// The codes of the list that comes next.
    next: &'a [SignLine],
}

/// Codes of rows in groups of 32, and whose they are.
#[derive(Clone)]
struct Groups {
    signs: SignGroups,
    /// As many as the groups have room for, but for the last.
    rows: Vec<u32>,
}

impl Groups {
    fn new(num_groups: usize, width: usize) -> Self {
        let signs = SignGroups::with_capacity(num_groups, width);
        Self { signs, rows: Vec::with_capacity(num_groups * GROUP_ROWS) }
    }

    fn num_bytes(&self) -> usize {
        self.signs.memory() + 4 * self.rows.capacity()
    }

    fn push(&mut self, row: u32, signs: &[u8], (slope, offset): (f32, f32)) {
        self.signs.push(signs, slope, offset);
        self.rows.push(row);
    }

    /// Adds whole groups.
    fn append(&mut self, more: &Self) {
        self.rows.resize(self.signs.num_groups() * GROUP_ROWS, 0);
        self.rows.extend_from_slice(&more.rows);
        self.signs.append(&more.signs);
    }

    fn scan(
        &self,
        groups: Range<usize>,
        query: ListQuery<'_>,
        nearest: &mut Nearest<'_>,
        found: &mut Vec<Found>,
    ) {
        let ListQuery { isa, table, dot, next } = query;
        for first in groups.clone().step_by(PIECE_GROUPS) {
            let end = groups.end.min(first + PIECE_GROUPS);
            let rest = self.signs.lines(end..groups.end);
            let next = if rest.is_empty() { next } else { rest };
            let piece = SignScan { lines: self.signs.lines(first..end), next };
            let wanted = Wanted { base: dot, above: nearest.above() };
            scan_signs(isa, table, piece, wanted, found);
            for hit in found.drain(..) {
                nearest.offer(hit.score, self.rows[first * GROUP_ROWS + hit.at as usize]);
            }
        }
    }
}
