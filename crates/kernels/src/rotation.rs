//! A rotation that spreads what a row says evenly over its floats, so that their signs say most of it.
//!
//! Rounds of random signs and a fast Hadamard transform, each over the longest run of 2^n floats at
//! the beginning and at the end in turn. Made from a seed: the same seed, the same rotation.

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

/// Enough that a single float is spread over all.
const ROUNDS: usize = 4;

/// A rotation of rows of one length. Rotated rows are as long or up to seven zeros longer before they
/// are rotated: a whole number of bytes of signs.
#[derive(Debug, Clone)]
pub struct Rotation {
    isa: Isa,
    dimensions: usize,
    rotated: usize,
    /// `[ROUNDS, rotated]`, each 1 or -1, and the transform's scale with it.
    signs: Vec<f32>,
}

impl Rotation {
    /// Makes the rotation of a seed.
    pub fn new(isa: Isa, dimensions: usize, seed: u64) -> Self {
        let rotated = dimensions.next_multiple_of(8);
        let width = run(rotated);
        // A transform of `width` floats makes them longer by the square root of that.
        let scale = 1.0 / (width as f32).sqrt();
        let mut state = seed;
        let mut signs = Vec::with_capacity(ROUNDS * rotated);
        for round in 0..ROUNDS {
            let transformed = first(round, rotated)..first(round, rotated) + width;
            for at in 0..rotated {
                let sign = if next(&mut state) >> 63 == 0 { 1.0 } else { -1.0 };
                signs.push(if transformed.contains(&at) { sign * scale } else { sign });
            }
        }
        Self { isa, dimensions, rotated, signs }
    }

    /// Returns how many floats a rotated row has.
    pub fn num_rotated(&self) -> usize {
        self.rotated
    }

    /// Writes the rotated row.
    ///
    /// # Panics
    ///
    /// If `row` or `to` has another length than the rotation was made for.
    pub fn apply(&self, row: &[f32], to: &mut [f32]) {
        assert_eq!(row.len(), self.dimensions, "a row of another length than the rotation");
        assert_eq!(to.len(), self.rotated, "room for a rotated row of another length");
        to[..row.len()].copy_from_slice(row);
        to[row.len()..].fill(0.0);
        self.isa.dispatch(Apply { rotation: self, row: to });
    }
}

/// Returns the longest power of two that fits.
fn run(rotated: usize) -> usize {
    if rotated == 0 { 0 } else { 1 << rotated.ilog2() }
}

/// Returns where the transform of a round begins.
fn first(round: usize, rotated: usize) -> usize {
    if round.is_multiple_of(2) { 0 } else { rotated - run(rotated) }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Apply<'a> {
    rotation: &'a Rotation,
    row: &'a mut [f32],
}

impl Operation for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rotated = self.rotation.rotated;
        for (round, signs) in self.rotation.signs.chunks_exact(rotated.max(1)).enumerate() {
            for (x, sign) in self.row.iter_mut().zip(signs) {
                *x *= sign;
            }
            let begin = first(round, rotated);
            hadamard(lanes, &mut self.row[begin..begin + run(rotated)]);
        }
    }
}

/// The transform of a power of two of floats, unscaled.
#[inline(always)]
fn hadamard<L: Lanes>(lanes: L, row: &mut [f32]) {
    let mut half = 1;
    while half < row.len() {
        for pair in row.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            if half >= L::N {
                for (low, high) in low.chunks_exact_mut(L::N).zip(high.chunks_exact_mut(L::N)) {
                    let (a, b) = (lanes.load(low), lanes.load(high));
                    lanes.store(low, lanes.add(a, b));
                    lanes.store(high, lanes.sub(a, b));
                }
            } else {
                for (low, high) in low.iter_mut().zip(high) {
                    (*low, *high) = (*low + *high, *low - *high);
                }
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, Random};

    fn rotate(rotation: &Rotation, row: &[f32]) -> Vec<f32> {
        let mut rotated = vec![f32::NAN; rotation.num_rotated()];
        rotation.apply(row, &mut rotated);
        rotated
    }

    proptest! {
        #[test]
        fn dot_products_stay_on_every_instruction_set(dimensions in 1usize..500, seed in any::<u64>()) {
            let mut random = Random(seed);
            let (a, b) = (random.floats(dimensions), random.floats(dimensions));
            let expected = reference::dot(&a, &b);
            for isa in Isa::available() {
                let rotation = Rotation::new(isa, dimensions, seed);
                let got = reference::dot(&rotate(&rotation, &a), &rotate(&rotation, &b));
                prop_assert!((got - expected).abs() < 1e-3, "{}: {got} {expected}", isa.name());
            }
        }
    }

    #[test]
    fn a_single_float_is_spread_over_all() {
        for dimensions in [64, 384, 768, 1_000] {
            let rotation = Rotation::new(Isa::best(), dimensions, 7);
            for at in [0, dimensions / 2, dimensions - 1] {
                let mut row = vec![0.0; dimensions];
                row[at] = 1.0;
                let most =
                    rotate(&rotation, &row).into_iter().fold(0.0, |a: f32, b| a.max(b.abs()));
                assert!(most < 6.0 / (dimensions as f32).sqrt(), "{dimensions}, {at}: {most}");
            }
        }
    }

    #[test]
    fn the_seed_alone_decides() {
        let row = Random(1).floats(384);
        let rotated = |seed| rotate(&Rotation::new(Isa::best(), 384, seed), &row);
        assert_eq!(rotated(3), rotated(3));
        assert_ne!(rotated(3), rotated(4));
    }
}
