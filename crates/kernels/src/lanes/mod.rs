//! The few vector operations that everything else is written in.
#![expect(unsafe_code, reason = "unchecked loads and stores for the tile, whose caller checks")]

mod bytes;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_bytes;

use crate::signs::SignLine;
pub(crate) use bytes::{GROUP_ROWS, MAX_ENTRY};
pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// One register of `N` floats on one instruction set. A value is the proof that the machine has it.
///
/// All methods are `#[inline(always)]`: they must be compiled inside the function that carries the
/// target feature.
pub(crate) trait Lanes: Copy + Send + Sync {
    /// Floats in a register.
    const N: usize;
    /// Columns of a panel of packed weights: two registers.
    const PANEL: usize = 2 * Self::N;
    /// Rows of the largest tile: as many as keep all accumulators in registers.
    const TILE_ROWS: usize;
    type V: Copy;

    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// Returns `a * b + c`.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Rounds to the nearest whole number.
    fn round(self, a: Self::V) -> Self::V;
    /// Returns 2 to the power of `a`, which holds whole numbers from -126 to 127.
    fn power_of_two(self, a: Self::V) -> Self::V;
    /// Adds the lanes up, in an order fixed by `N`.
    fn sum(self, a: Self::V) -> f32;
    /// Returns the largest lane.
    fn largest(self, a: Self::V) -> f32;
    /// Returns a bit for each lane, the first lowest: whether it is greater.
    fn greater(self, a: Self::V, than: Self::V) -> u32;

    /// # Safety
    ///
    /// `from` is valid for reading `N` floats.
    unsafe fn load_unchecked(self, from: *const f32) -> Self::V;
    /// # Safety
    ///
    /// `to` is valid for writing `N` floats.
    unsafe fn store_unchecked(self, to: *mut f32, v: Self::V);

    /// Asks for a cache line that will be read soon, at any address; a hint and no more.
    #[inline(always)]
    fn prefetch(self, _at: *const f32) {}

    /// Returns the sum of the products, exactly. The caller keeps every sum within an `i32`.
    #[inline(always)]
    fn dot_bytes(self, query: &[i16], row: &[i8]) -> i32 {
        bytes::dot(query, row)
    }

    /// Adds up, for each of 32 rows side by side, the entries of `table` that its code picks: the low
    /// half of byte `j` picks from `table[2 * j]`, the high half from the next. No entry may be above
    /// [`MAX_ENTRY`], and no sum above `u16::MAX`. As much as there is of `codes` is prefetched from
    /// `ahead` on, at any address.
    #[inline(always)]
    fn look_up(
        self,
        table: &[[u8; 16]],
        codes: &[SignLine],
        _ahead: *const SignLine,
    ) -> [u16; GROUP_ROWS] {
        bytes::look_up(table, codes)
    }

    /// Reads the first `N` floats of `from`.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        assert!(from.len() >= Self::N, "a load past the end of a slice");
        // SAFETY: the length was just checked.
        unsafe { self.load_unchecked(from.as_ptr()) }
    }

    /// Writes the first `N` floats of `to`.
    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::V) {
        assert!(to.len() >= Self::N, "a store past the end of a slice");
        // SAFETY: the length was just checked.
        unsafe { self.store_unchecked(to.as_mut_ptr(), v) }
    }

    /// Reads at most `N` floats, and `fill` in the lanes that `from` is too short for.
    #[inline(always)]
    fn load_tail(self, from: &[f32], fill: f32) -> Self::V {
        let mut lanes = [fill; MAX_LANES];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    /// Writes at most `N` floats: as many as `to` has.
    #[inline(always)]
    fn store_tail(self, to: &mut [f32], v: Self::V) {
        let mut lanes = [0.0; MAX_LANES];
        self.store(&mut lanes, v);
        to.copy_from_slice(&lanes[..to.len()]);
    }
}

/// The most lanes of any instruction set.
pub(crate) const MAX_LANES: usize = 16;
