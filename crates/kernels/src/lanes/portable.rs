//! Lanes as an array: what the compiler makes of it on any machine.
#![expect(unsafe_code, reason = "implements the unchecked loads and stores of `Lanes`")]

use super::Lanes;

/// `N` floats in an array. Eight are what is used; sixteen stand in for wider registers in tests.
///
/// `mul_add` rounds twice: without the instruction, the exact one is a library call some fifty times
/// as slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Portable<const N: usize>;

#[inline(always)]
fn map<const N: usize>(a: [f32; N], b: [f32; N], f: impl Fn(f32, f32) -> f32) -> [f32; N] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl<const N: usize> Lanes for Portable<N> {
    const N: usize = N;
    // As many as AVX-512 has where the width is its own, so that tests cover its tiles on any host.
    const TILE_ROWS: usize = if N == 16 { 12 } else { 4 };
    type V = [f32; N];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; N]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| a / b)
    }
    // Both return `b` where `a` is not a number, as the vector instructions do.
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        map(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    fn round(self, a: Self::V) -> Self::V {
        // Adding and taking away 1.5 × 2^23 leaves the whole number; `a` is small here.
        const WHOLE: f32 = 12_582_912.0;
        map(a, [WHOLE; N], |a, whole| (a + whole) - whole)
    }
    #[inline(always)]
    fn power_of_two(self, a: Self::V) -> Self::V {
        std::array::from_fn(|lane| f32::from_bits((((a[lane] as i32) + 127) as u32) << 23))
    }
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        // In halves, as the vector instructions do.
        let mut sums = a;
        let mut half = N / 2;
        while half > 0 {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
            half /= 2;
        }
        sums[0]
    }
    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    fn greater(self, a: Self::V, than: Self::V) -> u32 {
        let bit = |lane: usize| u32::from(a[lane] > than[lane]) << lane;
        (0..N).map(bit).sum()
    }
    #[inline(always)]
    unsafe fn load_unchecked(self, from: *const f32) -> Self::V {
        // SAFETY: the caller vouches for `N` readable floats.
        unsafe { from.cast::<[f32; N]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store_unchecked(self, to: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for `N` writable floats.
        unsafe { to.cast::<[f32; N]>().write_unaligned(v) }
    }
}
