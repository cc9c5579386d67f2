//! What this machine could do at best: the yardstick for every figure we publish.

use std::hint::black_box;
use std::time::Instant;

use crate::isa::{Isa, Operation};
use crate::lanes::Lanes;

const STEPS: usize = 4_000_000;
/// Independent sums, more than latency × throughput of the multiply-add on any core we know.
const SUMS: usize = 10;
const ROUNDS: usize = 5;

struct Chains;

impl Operation for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let (a, b) = (lanes.splat(black_box(0.999_999)), lanes.splat(black_box(1e-6)));
        let mut sums = [lanes.splat(black_box(1.0)); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = lanes.mul_add(*sum, a, b);
            }
        }
        sums.into_iter().map(|sum| lanes.sum(sum)).sum()
    }
}

/// Measures the most operations per second that `num_threads` threads together get from the
/// fused multiply-add (which counts as two), as the best of a few rounds on all of them at once.
///
/// # Cost
///
/// Some 0.2 seconds of every core.
pub fn measure_fma_peak(num_threads: usize) -> f64 {
    let isa = Isa::best();
    let lanes = isa.panel_width() / 2;
    let operations = (STEPS * SUMS * lanes * 2 * num_threads) as f64;
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..num_threads {
                scope.spawn(|| black_box(isa.dispatch(Chains)));
            }
        });
        best = best.max(operations / start.elapsed().as_secs_f64());
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_a_positive_number() {
        let peak = measure_fma_peak(1);
        assert!(peak.is_finite() && peak > 0.0, "{peak}");
    }
}
