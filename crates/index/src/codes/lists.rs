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
    Found, GROUP_ROWS, Isa, Rotation, SignGroups, SignTable, Wanted, pack_signs, prefer_huge_pages,
    scan_signs,
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
    /// Those that were there at [`Lists::settle`], list after list in one run of memory.
    settled: Groups,
    /// What of it is whose, by list.
    shares: Vec<Share>,
    /// Those that came since, by list.
    recent: Vec<Groups>,
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
    pub(super) fn new(num: usize) -> Self {
        Self {
            settled: Groups::default(),
            shares: vec![Share::default(); num],
            recent: vec![Groups::default(); num],
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
    pub(super) fn settle(&mut self) {
        debug_assert_eq!(self.settled.num_groups(), 0, "settled twice");
        let num_groups = self.recent.iter().map(Groups::num_groups).sum();
        let width = self.recent.iter().map(Groups::width).max().unwrap_or(0);
        self.settled = Groups::with_capacity(num_groups, width);
        for (list, share) in self.recent.iter_mut().zip(&mut self.shares) {
            let (first, list) = (self.settled.num_groups(), std::mem::take(list));
            self.settled.append(&list);
            *share = Share { groups: first..self.settled.num_groups(), num_rows: list.rows.len() };
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
        let mut order: Vec<u32> = (0..self.recent.len() as u32).collect();
        // The best first: the sooner good rows are known, the fewer others are looked at.
        order.sort_unstable_by(|a, b| promise(b).total_cmp(&promise(a)));
        order.truncate(num_lists);
        let mut found = Vec::new();
        let mut num_rows = 0;
        for (at, list) in order.iter().enumerate() {
            let next = order.get(at + 1).map(|list| self.shares[*list as usize].groups.clone());
            let next_codes = next.map_or(&[][..], |groups| self.settled.codes_of(groups));
            let dot = dots[*list as usize];
            let query = ListQuery { isa: encoder.isa, table: &table, dot, next_codes };
            let (share, recent) = (&self.shares[*list as usize], &self.recent[*list as usize]);
            self.settled.scan(share.groups.clone(), query, nearest, &mut found);
            recent.scan(0..recent.num_groups(), query, nearest, &mut found);
            num_rows += share.num_rows + recent.rows.len();
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
    /// Those of the list that comes next.
    next_codes: &'a [[u8; GROUP_ROWS]],
}

/// Codes of rows in groups of 32, and what makes estimates of them.
#[derive(Default, Clone)]
struct Groups {
    codes: Vec<[u8; GROUP_ROWS]>,
    slopes: Vec<f32>,
    /// Minus infinity where there is no row.
    offsets: Vec<f32>,
    rows: Vec<u32>,
}

impl Groups {
    fn with_capacity(num_groups: usize, width: usize) -> Self {
        let num_rows = num_groups * GROUP_ROWS;
        let mut groups = Self {
            codes: Vec::with_capacity(num_groups * width),
            slopes: Vec::with_capacity(num_rows),
            offsets: Vec::with_capacity(num_rows),
            rows: Vec::with_capacity(num_rows),
        };
        prefer_huge_pages(groups.codes.spare_capacity_mut());
        prefer_huge_pages(groups.slopes.spare_capacity_mut());
        prefer_huge_pages(groups.offsets.spare_capacity_mut());
        groups
    }

    fn num_bytes(&self) -> usize {
        GROUP_ROWS * self.codes.capacity()
            + 4 * (self.slopes.capacity() + self.offsets.capacity() + self.rows.capacity())
    }

    fn num_groups(&self) -> usize {
        self.slopes.len() / GROUP_ROWS
    }

    /// Returns the bytes of a row's signs; 0 without rows.
    fn width(&self) -> usize {
        self.codes.len() / self.num_groups().max(1)
    }

    fn codes_of(&self, groups: Range<usize>) -> &[[u8; GROUP_ROWS]] {
        let width = self.width();
        &self.codes[groups.start * width..groups.end * width]
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

    /// Adds whole groups.
    fn append(&mut self, more: &Self) {
        self.codes.extend_from_slice(&more.codes);
        self.slopes.extend_from_slice(&more.slopes);
        self.offsets.extend_from_slice(&more.offsets);
        self.rows.extend_from_slice(&more.rows);
        self.rows.resize(self.slopes.len(), 0);
    }

    fn scan(
        &self,
        groups: Range<usize>,
        query: ListQuery<'_>,
        nearest: &mut Nearest<'_>,
        found: &mut Vec<Found>,
    ) {
        let ListQuery { isa, table, dot, next_codes } = query;
        for first in groups.clone().step_by(PIECE_GROUPS) {
            let end = groups.end.min(first + PIECE_GROUPS);
            let rows = first * GROUP_ROWS..end * GROUP_ROWS;
            let rest = self.codes_of(end..groups.end);
            let piece = SignGroups {
                codes: self.codes_of(first..end),
                slopes: &self.slopes[rows.clone()],
                offsets: &self.offsets[rows],
                next_codes: if rest.is_empty() { next_codes } else { rest },
            };
            let wanted = Wanted { base: dot, above: nearest.above() };
            scan_signs(isa, table, piece, wanted, found);
            for hit in found.drain(..) {
                nearest.offer(hit.score, self.rows[first * GROUP_ROWS + hit.at as usize]);
            }
        }
    }
}
