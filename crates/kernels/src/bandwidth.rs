//! How fast one thread reads memory in order: the yardstick of every search.

use std::hint::black_box;
use std::time::Instant;

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

/// More than the caches of most machines hold.
const FLOATS: usize = 32 << 20;
const ROUNDS: usize = 3;
/// Sums in flight, enough to hide the latency of an addition.
const SUMS: usize = 8;

/// Adds up floats, and does nothing else with them: the least that a pass over memory can do.
///
/// For benches that compare a search with the time to read its bytes.
pub fn stream(isa: Isa, floats: &[f32]) -> f32 {
    isa.dispatch(Stream { floats })
}

struct Stream<'a> {
    floats: &'a [f32],
}

impl Operation for Stream<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let mut sums = [lanes.splat(0.0); SUMS];
        let mut chunks = self.floats.chunks_exact(SUMS * L::N);
        for chunk in &mut chunks {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = lanes.add(*sum, lanes.load(&chunk[at * L::N..]));
            }
        }
        let mut total: f32 = chunks.remainder().iter().sum();
        for sum in sums {
            total += lanes.sum(sum);
        }
        total
    }
}

/// Measures how many bytes a second one thread reads in order, as the best of a few passes.
///
/// # Cost
///
/// 128 MiB of memory and some 50 ms.
pub fn measure_bandwidth() -> f64 {
    let isa = Isa::best();
    let floats = vec![black_box(1.0_f32); FLOATS];
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(stream(isa, &floats));
        best = best.max(size_of_val(&floats[..]) as f64 / start.elapsed().as_secs_f64());
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_is_read_once_on_every_instruction_set() {
        for isa in Isa::available() {
            for len in [0, 1, 7, 64, 65, 1_000] {
                let floats: Vec<f32> = (0..len).map(|x| x as f32).collect();
                let expected: f32 = (0..len).sum::<usize>() as f32;
                assert_eq!(stream(isa, &floats), expected, "{}, {len}", isa.name());
            }
        }
    }

    #[test]
    fn a_bandwidth_is_a_positive_number() {
        let bandwidth = measure_bandwidth();
        assert!(bandwidth.is_finite() && bandwidth > 0.0, "{bandwidth}");
    }
}
