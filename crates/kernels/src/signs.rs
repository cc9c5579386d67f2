//! One-bit codes: the signs of rotated rows, scored 32 rows at a time through byte shuffles.
//!
//! The dot product of a query with a row of signs is a sum over groups of four dimensions, each of
//! which has 16 values: a table of 16 bytes a group, computed once a query, turns it into look-ups.
//!
//! # Source
//!
//! Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
//! Approximate Nearest Neighbor Search", SIGMOD 2024; the table of 32 rows as in André, Kermarrec and
//! Le Scouarnec, "Quicker ADC", 2018.

use std::ops::Range;

use crate::isa::{Isa, Operation};
use crate::lanes::{self, Lanes, MAX_ENTRY};
use crate::pages::prefer_huge_pages;

/// While a group is scored, the one this far behind it is fetched, a line with each two columns: a group is
/// more instructions than the machine looks ahead, its own prefetching starts anew with each page, and
/// lines that are asked for all at once wait for each other.
const AHEAD_GROUPS: usize = 8;
/// Bytes that memory is fetched in.
const LINE: usize = 64;

/// Rows whose codes stand side by side.
pub const GROUP_ROWS: usize = lanes::GROUP_ROWS;

/// What a query adds up for each pattern of four signs.
#[derive(Debug, Clone)]
pub struct SignTable {
    /// `[dimensions / 4]`, each entry a number of steps above the least of its sixteen.
    entries: Vec<[u8; 16]>,
    step: f32,
    /// The sum of the least entries.
    least: f32,
}

impl SignTable {
    /// Makes the table of a rotated query.
    ///
    /// # Panics
    ///
    /// If the query is not of whole bytes of signs.
    pub fn new(rotated: &[f32]) -> Self {
        let (quads, rest) = rotated.as_chunks::<4>();
        assert!(
            rest.is_empty() && quads.len().is_multiple_of(2),
            "a query of broken bytes of signs"
        );
        let reach = |quad: &[f32; 4]| quad.iter().map(|x| x.abs()).sum::<f32>();
        let widest = quads.iter().map(reach).fold(0.0, f32::max);
        // Few levels are enough: the error of a sign is some twenty times that of a step.
        let levels = usize::from(MAX_ENTRY).min(usize::from(u16::MAX) / quads.len().max(1));
        let step = (2.0 * widest / levels as f32).max(f32::MIN_POSITIVE);
        let least = -quads.iter().map(reach).sum::<f32>();
        let entries = quads.iter().map(|quad| Self::quad(quad, reach(quad), step)).collect();
        Self { entries, step, least }
    }

    fn quad(quad: &[f32; 4], reach: f32, step: f32) -> [u8; 16] {
        std::array::from_fn(|pattern| {
            let sign = |at: usize| if pattern >> at & 1 == 1 { 1.0 } else { -1.0 };
            let sum: f32 = quad.iter().enumerate().map(|(at, x)| sign(at) * x).sum();
            // Never negative, so that cutting off rounds.
            ((sum + reach) / step + 0.5).min(f32::from(MAX_ENTRY)) as u8
        })
    }
}

/// A byte of the code of each row of a group, or a float of eight of them: half a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct SignLine(pub(crate) [u8; GROUP_ROWS]);

/// Lines of the slopes of a group, and as many of its offsets.
const FLOAT_LINES: usize = GROUP_ROWS * size_of::<f32>() / size_of::<SignLine>();

/// One-bit codes of rows in groups of 32, and what makes estimates of them, in one run of memory in the
/// order in which it is read.
///
/// # Shapes
///
/// A group is byte `j` of [`pack_signs`] of all its rows side by side, for each `j`; then `[32]` slopes,
/// which the dot product of query and signs is multiplied with; then `[32]` offsets, which are added:
/// minus infinity where there is no row.
#[derive(Debug, Clone)]
pub struct SignGroups {
    lines: Vec<SignLine>,
    /// Bytes of a row's signs.
    num_bytes: usize,
    num_rows: usize,
}

impl SignGroups {
    /// Makes room for groups of rows whose signs are so many bytes.
    pub fn with_capacity(num_groups: usize, num_bytes: usize) -> Self {
        let mut lines = Vec::with_capacity(num_groups * (num_bytes + 2 * FLOAT_LINES));
        prefer_huge_pages(lines.spare_capacity_mut());
        Self { lines, num_bytes, num_rows: 0 }
    }

    /// Returns how many rows were added.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Returns how many groups there are; the last may be short of rows.
    pub fn num_groups(&self) -> usize {
        self.num_rows.div_ceil(GROUP_ROWS)
    }

    /// Returns the memory in use.
    pub fn memory(&self) -> usize {
        self.lines.capacity() * size_of::<SignLine>()
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If its signs are not as many bytes as were said.
    pub fn push(&mut self, signs: &[u8], slope: f32, offset: f32) {
        assert_eq!(signs.len(), self.num_bytes, "signs of another length");
        let at = self.num_rows % GROUP_ROWS;
        if at == 0 {
            self.lines.extend(std::iter::repeat_n(SignLine([0; GROUP_ROWS]), signs.len()));
            self.push_floats([0.0; GROUP_ROWS]);
            self.push_floats([f32::NEG_INFINITY; GROUP_ROWS]);
        }
        let group = self.num_rows / GROUP_ROWS * self.stride();
        let (codes, floats) = self.lines[group..].split_at_mut(signs.len());
        for (line, byte) in codes.iter_mut().zip(signs) {
            line.0[at] = *byte;
        }
        for (lines, float) in floats.chunks_exact_mut(FLOAT_LINES).zip([slope, offset]) {
            set_float(lines, at, float);
        }
        self.num_rows += 1;
    }

    /// Adds the groups of another, which begin a group of their own.
    ///
    /// # Panics
    ///
    /// If its rows have another number of signs.
    pub fn append(&mut self, more: &Self) {
        assert_eq!(self.num_bytes, more.num_bytes, "rows of another number of signs");
        self.num_rows = self.num_groups() * GROUP_ROWS + more.num_rows;
        self.lines.extend_from_slice(&more.lines);
    }

    /// Returns some groups.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn lines(&self, groups: Range<usize>) -> &[SignLine] {
        &self.lines[groups.start * self.stride()..groups.end * self.stride()]
    }

    fn stride(&self) -> usize {
        self.num_bytes + 2 * FLOAT_LINES
    }

    fn push_floats(&mut self, floats: [f32; GROUP_ROWS]) {
        for floats in floats.as_chunks::<{ GROUP_ROWS / FLOAT_LINES }>().0 {
            let bytes: Vec<u8> = floats.iter().flat_map(|x| x.to_ne_bytes()).collect();
            self.lines.push(SignLine(std::array::from_fn(|at| bytes[at])));
        }
    }
}

fn set_float(lines: &mut [SignLine], at: usize, float: f32) {
    let floats = GROUP_ROWS / FLOAT_LINES;
    let (line, at) = (&mut lines[at / floats].0, at % floats * size_of::<f32>());
    line[at..at + size_of::<f32>()].copy_from_slice(&float.to_ne_bytes());
}

/// Reads the floats of some lines.
#[inline(always)]
fn floats_of(lines: &[SignLine]) -> [f32; GROUP_ROWS] {
    let mut floats = [0.0; GROUP_ROWS];
    for (floats, line) in floats.chunks_exact_mut(GROUP_ROWS / FLOAT_LINES).zip(lines) {
        for (float, bytes) in floats.iter_mut().zip(line.0.as_chunks::<4>().0) {
            *float = f32::from_ne_bytes(*bytes);
        }
    }
    floats
}

/// Which rows of some groups are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What every estimate of these groups has in common.
    pub base: f32,
    /// Below this, or at it, an estimate is not wanted.
    pub above: f32,
}

/// A row whose estimate was high enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The estimate.
    pub score: f32,
    /// Which row, counted over the groups.
    pub at: u32,
}

/// Writes the signs of a rotated row, eight a byte: a set bit is a float that is not negative.
///
/// # Panics
///
/// If `to` has not a byte for every eight floats.
pub fn pack_signs(rotated: &[f32], to: &mut [u8]) {
    let (eights, rest) = rotated.as_chunks::<8>();
    assert!(rest.is_empty() && eights.len() == to.len(), "bytes for another number of signs");
    for (eight, byte) in eights.iter().zip(to) {
        let bit = |(bit, x): (usize, &f32)| u8::from(*x >= 0.0) << bit;
        *byte = eight.iter().enumerate().map(bit).sum();
    }
}

/// Some groups of one run of memory.
#[derive(Debug, Clone, Copy)]
pub struct SignScan<'a> {
    /// From [`SignGroups::lines`].
    pub lines: &'a [SignLine],
    /// What is scanned after these, if anything: its beginning is fetched meanwhile.
    pub next: &'a [SignLine],
}

impl SignScan<'_> {
    /// Returns where the group lies that is fetched while another is scored.
    #[inline(always)]
    fn ahead(&self, group: usize, stride: usize) -> *const SignLine {
        let first = (group + AHEAD_GROUPS) * stride;
        let rest = match self.lines.get(first..) {
            Some(lines) => lines,
            None => self.next.get(first - self.lines.len()..).unwrap_or_default(),
        };
        // What was read already is there at no cost.
        rest.first().unwrap_or(&self.lines[group * stride])
    }
}

/// Adds to `found` every row whose estimate `base + offset + slope × (query · signs)` is above what is
/// wanted, in row order.
///
/// # Panics
///
/// If the groups are not whole, or of another length than the table.
pub fn scan_signs(
    isa: Isa,
    table: &SignTable,
    groups: SignScan<'_>,
    wanted: Wanted,
    found: &mut Vec<Found>,
) {
    let stride = table.entries.len() / 2 + 2 * FLOAT_LINES;
    assert!(groups.lines.len().is_multiple_of(stride), "groups that are not whole");
    isa.dispatch(Scan { table, groups, wanted, found });
}

struct Scan<'a> {
    table: &'a SignTable,
    groups: SignScan<'a>,
    wanted: Wanted,
    found: &'a mut Vec<Found>,
}

impl Operation for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { table, groups, wanted: Wanted { base, above }, found } = self;
        let num_bytes = table.entries.len() / 2;
        let stride = num_bytes + 2 * FLOAT_LINES;
        let [step, least] = [table.step, table.least].map(|x| lanes.splat(x));
        let [base, above] = [base, above].map(|x| lanes.splat(x));
        for (number, group) in groups.lines.chunks_exact(stride).enumerate() {
            let ahead = groups.ahead(number, stride);
            let (codes, floats) = group.split_at(num_bytes);
            let sums = lanes.look_up(&table.entries, codes, ahead);
            for at in (num_bytes..stride).step_by(LINE / size_of::<SignLine>()) {
                lanes.prefetch(ahead.wrapping_add(at).cast());
            }
            let slopes = floats_of(&floats[..FLOAT_LINES]);
            let offsets = floats_of(&floats[FLOAT_LINES..]);
            let mut scores = [0.0_f32; GROUP_ROWS];
            for (score, sum) in scores.iter_mut().zip(sums) {
                *score = f32::from(sum);
            }
            let mut hits = 0_u32;
            for at in (0..GROUP_ROWS).step_by(L::N) {
                let sum = lanes.mul_add(lanes.load(&scores[at..]), step, least);
                let offset = lanes.add(lanes.load(&offsets[at..]), base);
                let score = lanes.mul_add(lanes.load(&slopes[at..]), sum, offset);
                lanes.store(&mut scores[at..], score);
                hits |= lanes.greater(score, above) << at;
            }
            while hits != 0 {
                let at = hits.trailing_zeros();
                hits &= hits - 1;
                let score = scores[at as usize];
                found.push(Found { score, at: (number * GROUP_ROWS) as u32 + at });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    struct Codes {
        groups: SignGroups,
        slopes: Vec<f32>,
        offsets: Vec<f32>,
    }

    impl Codes {
        fn of(rows: &[f32], dimensions: usize, random: &mut Random) -> Self {
            let num_rows = rows.len() / dimensions;
            let mut groups = SignGroups::with_capacity(0, dimensions / 8);
            let (slopes, offsets) = (random.floats(num_rows), random.floats(num_rows));
            let mut signs = vec![0; dimensions / 8];
            for (row, (slope, offset)) in rows.chunks(dimensions).zip(slopes.iter().zip(&offsets)) {
                pack_signs(row, &mut signs);
                groups.push(&signs, *slope, *offset);
            }
            Self { groups, slopes, offsets }
        }
    }

    fn scan(isa: Isa, table: &SignTable, codes: &Codes, above: f32) -> Vec<Found> {
        let mut found = Vec::new();
        let lines = codes.groups.lines(0..codes.groups.num_groups());
        let groups = SignScan { lines, next: lines };
        scan_signs(isa, table, groups, Wanted { base: 0.25, above }, &mut found);
        found
    }

    proptest! {
        #[test]
        fn estimates_are_within_the_steps_of_the_table_on_every_instruction_set(
            num_rows in 1usize..100,
            bytes in prop_oneof![1usize..60, Just(192), Just(2_500)],
            seed in any::<u64>(),
        ) {
            let mut random = Random(seed);
            let dimensions = 8 * bytes;
            let rows = random.floats(num_rows * dimensions);
            let query = random.floats(dimensions);
            let codes = Codes::of(&rows, dimensions, &mut random);
            let table = SignTable::new(&query);
            let worst = 0.51 * table.step * table.entries.len() as f32 + 1e-2;
            let mut first = None;
            for isa in Isa::available() {
                let found = scan(isa, &table, &codes, f32::NEG_INFINITY);
                prop_assert_eq!(found.len(), num_rows);
                for (at, (row, hit)) in rows.chunks(dimensions).zip(&found).enumerate() {
                    prop_assert_eq!(hit.at as usize, at);
                    let signs: Vec<f32> =
                        row.iter().map(|x| if *x >= 0.0 { 1.0 } else { -1.0 }).collect();
                    let dot = reference::dot(&signs, &query) as f32;
                    let exact = 0.25 + codes.offsets[at] + codes.slopes[at] * dot;
                    prop_assert!((hit.score - exact).abs() <= worst, "{}: {} {exact}", isa.name(), hit.score);
                }
                // The sums are whole numbers, so instruction sets differ by a rounding or two.
                let scores: Vec<f32> = found.iter().map(|hit| hit.score).collect();
                let first: &Vec<f32> = first.get_or_insert_with(|| scores.clone());
                for (a, b) in scores.iter().zip(first) {
                    prop_assert!((a - b).abs() < 1e-2);
                }
            }
        }

        #[test]
        fn only_rows_above_the_bound_are_found(num_rows in 1usize..200, seed in any::<u64>()) {
            let mut random = Random(seed);
            let rows = random.floats(num_rows * 64);
            let codes = Codes::of(&rows, 64, &mut random);
            let table = SignTable::new(&random.floats(64));
            for isa in Isa::available() {
                let all = scan(isa, &table, &codes, f32::NEG_INFINITY);
                let above = all[num_rows / 2].score;
                let expected: Vec<Found> =
                    all.into_iter().filter(|found| found.score > above).collect();
                prop_assert_eq!(scan(isa, &table, &codes, above), expected);
            }
        }
    }

    #[test]
    fn groups_of_several_stand_apart() {
        let mut random = Random(7);
        let (first, second) = (
            Codes::of(&random.floats(40 * 8), 8, &mut random),
            Codes::of(&random.floats(3 * 8), 8, &mut random),
        );
        let mut all = SignGroups::with_capacity(3, 1);
        all.append(&first.groups);
        all.append(&second.groups);
        assert_eq!((all.num_groups(), all.num_rows()), (3, 67));
        assert_eq!(all.lines(0..2), first.groups.lines(0..2));
        assert_eq!(all.lines(2..3), second.groups.lines(0..1));
    }

    #[test]
    fn a_query_of_zeros_estimates_the_offsets() {
        let mut random = Random(5);
        let codes = Codes::of(&random.floats(3 * 16), 16, &mut random);
        for found in scan(Isa::best(), &SignTable::new(&[0.0; 16]), &codes, f32::NEG_INFINITY) {
            assert_eq!(found.score, codes.offsets[found.at as usize] + 0.25);
        }
    }
}
