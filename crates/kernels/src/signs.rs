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

use crate::isa::{Isa, Operation};
use crate::lanes::{self, Lanes, MAX_ENTRY};

/// While a group is scored, the one this far behind it is fetched: a group is more instructions than the
/// machine looks ahead, and its own prefetching starts anew with each page.
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

/// One-bit codes of rows in groups of 32, and what makes an estimate of them.
#[derive(Debug, Clone, Copy)]
pub struct SignGroups<'a> {
    /// `[num_groups, dimensions / 8]`: byte `j` of [`pack_signs`] of all rows of a group, side by side.
    pub codes: &'a [[u8; GROUP_ROWS]],
    /// `[num_groups, 32]`: what the dot product of query and signs is multiplied with.
    pub slopes: &'a [f32],
    /// `[num_groups, 32]`: what is added then; minus infinity where there is no row.
    pub offsets: &'a [f32],
    /// The codes that are scanned after these, if there are any: their beginning is fetched meanwhile.
    pub next_codes: &'a [[u8; GROUP_ROWS]],
}

impl SignGroups<'_> {
    /// Has the machine fetch a group, of these or of the next ones.
    #[inline(always)]
    fn fetch<L: Lanes>(&self, lanes: L, group: usize, width: usize) {
        let first = group * width;
        let codes = match self.codes.get(first..) {
            Some(codes) if !codes.is_empty() => codes,
            _ => self.next_codes.get(first - self.codes.len()..).unwrap_or_default(),
        };
        let bytes = codes.as_ptr().cast::<u8>();
        for at in (0..(width * GROUP_ROWS).min(size_of_val(codes))).step_by(LINE) {
            lanes.prefetch(bytes.wrapping_add(at).cast());
        }
        for floats in [self.slopes, self.offsets] {
            if let Some(floats) = floats.get(group * GROUP_ROWS..) {
                for at in (0..GROUP_ROWS * size_of::<f32>()).step_by(LINE) {
                    lanes.prefetch(floats.as_ptr().cast::<u8>().wrapping_add(at).cast());
                }
            }
        }
    }
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

/// Adds to `found` every row whose estimate `base + offset + slope × (query · signs)` is above what is
/// wanted, in row order.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn scan_signs(
    isa: Isa,
    table: &SignTable,
    groups: SignGroups<'_>,
    wanted: Wanted,
    found: &mut Vec<Found>,
) {
    let num_groups = groups.slopes.len() / GROUP_ROWS;
    assert_eq!(groups.slopes.len() % GROUP_ROWS, 0, "groups that are not whole");
    assert_eq!(groups.offsets.len(), groups.slopes.len(), "offsets for other rows");
    assert_eq!(groups.codes.len() * 2, num_groups * table.entries.len(), "codes of other rows");
    isa.dispatch(Scan { table, groups, wanted, found });
}

struct Scan<'a> {
    table: &'a SignTable,
    groups: SignGroups<'a>,
    wanted: Wanted,
    found: &'a mut Vec<Found>,
}

impl Operation for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { table, groups, wanted: Wanted { base, above }, found } = self;
        if table.entries.is_empty() {
            return;
        }
        let step = lanes.splat(table.step);
        let least = lanes.splat(table.least);
        let base = lanes.splat(base);
        let slopes = groups.slopes.as_chunks::<GROUP_ROWS>().0;
        let offsets = groups.offsets.as_chunks::<GROUP_ROWS>().0;
        let codes = groups.codes.chunks_exact(table.entries.len() / 2);
        for (number, ((codes, slopes), offsets)) in codes.zip(slopes).zip(offsets).enumerate() {
            groups.fetch(lanes, number + AHEAD_GROUPS, table.entries.len() / 2);
            let sums = lanes.look_up(&table.entries, codes);
            let mut scores = [0.0_f32; GROUP_ROWS];
            for (score, sum) in scores.iter_mut().zip(sums) {
                *score = f32::from(sum);
            }
            let mut best = lanes.splat(f32::NEG_INFINITY);
            for at in (0..GROUP_ROWS).step_by(L::N) {
                let sum = lanes.mul_add(lanes.load(&scores[at..]), step, least);
                let offset = lanes.add(lanes.load(&offsets[at..]), base);
                let score = lanes.mul_add(lanes.load(&slopes[at..]), sum, offset);
                lanes.store(&mut scores[at..], score);
                best = lanes.max(best, score);
            }
            if lanes.largest(best) > above {
                // A plain loop: what closures do here is compiled elsewhere and called for each row.
                for (at, score) in scores.iter().enumerate() {
                    if *score > above {
                        let at = (number * GROUP_ROWS + at) as u32;
                        found.push(Found { score: *score, at });
                    }
                }
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
        codes: Vec<[u8; GROUP_ROWS]>,
        slopes: Vec<f32>,
        offsets: Vec<f32>,
    }

    impl Codes {
        fn of(rows: &[f32], dimensions: usize, random: &mut Random) -> Self {
            let num_rows = rows.len() / dimensions;
            let num_groups = num_rows.div_ceil(GROUP_ROWS);
            let mut codes = vec![[0; GROUP_ROWS]; num_groups * dimensions / 8];
            let groups = codes.chunks_mut(dimensions / 8);
            for (group, rows) in groups.zip(rows.chunks(GROUP_ROWS * dimensions)) {
                for (at, row) in rows.chunks(dimensions).enumerate() {
                    let mut bytes = vec![0; dimensions / 8];
                    pack_signs(row, &mut bytes);
                    group.iter_mut().zip(bytes).for_each(|(column, byte)| column[at] = byte);
                }
            }
            let slopes = random.floats(num_groups * GROUP_ROWS);
            let mut offsets = random.floats(num_groups * GROUP_ROWS);
            offsets[num_rows..].fill(f32::NEG_INFINITY);
            Self { codes, slopes, offsets }
        }

        fn groups(&self) -> SignGroups<'_> {
            let Self { codes, slopes, offsets } = self;
            SignGroups { codes, slopes, offsets, next_codes: codes }
        }
    }

    fn scan(isa: Isa, table: &SignTable, codes: &Codes, above: f32) -> Vec<Found> {
        let mut found = Vec::new();
        scan_signs(isa, table, codes.groups(), Wanted { base: 0.25, above }, &mut found);
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
    fn a_query_of_zeros_estimates_the_offsets() {
        let mut random = Random(5);
        let codes = Codes::of(&random.floats(3 * 16), 16, &mut random);
        for found in scan(Isa::best(), &SignTable::new(&[0.0; 16]), &codes, f32::NEG_INFINITY) {
            assert_eq!(found.score, codes.offsets[found.at as usize] + 0.25);
        }
    }
}
