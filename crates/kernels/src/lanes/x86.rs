//! Lanes of AVX2 with FMA (eight floats) and of AVX-512F (sixteen).
#![expect(unsafe_code, reason = "vector instructions, each behind a value that proves them")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a horizontal sum is one thing in several instructions"
)]

use std::arch::x86_64::*;

use super::{GROUP_ROWS, Lanes, x86_bytes};
use crate::signs::SignLine;

/// Proof that this machine has AVX2 and FMA. Only [`Avx2::detect`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

/// Proof that this machine has AVX-512F, AVX2 and FMA. Only [`Avx512::detect`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        Avx2::detect()?;
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }
}

/// One method of `Lanes` for which one instruction stands.
macro_rules! instruction {
    ($name:ident($($argument:ident),*) => $instruction:expr) => {
        #[inline(always)]
        fn $name(self, $($argument: Self::V),*) -> Self::V {
            // SAFETY: `self` proves that the machine has the instruction.
            unsafe { $instruction }
        }
    };
}

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Lanes for Avx2 {
    const N: usize = 8;
    // 6 × 2 accumulators, 2 for weights and 1 for an activation, of 16 registers.
    const TILE_ROWS: usize = 6;
    type V = __m256;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    fn dot_bytes(self, query: &[i16], row: &[i8]) -> i32 {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { x86_bytes::dot(query, row) }
    }
    #[inline(always)]
    fn look_up(
        self,
        table: &[[u8; 16]],
        codes: &[SignLine],
        ahead: *const SignLine,
    ) -> [u16; GROUP_ROWS] {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { x86_bytes::look_up(table, codes, ahead) }
    }
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        // SAFETY: a hint; no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
    instruction!(add(a, b) => _mm256_add_ps(a, b));
    instruction!(sub(a, b) => _mm256_sub_ps(a, b));
    instruction!(mul(a, b) => _mm256_mul_ps(a, b));
    instruction!(div(a, b) => _mm256_div_ps(a, b));
    instruction!(min(a, b) => _mm256_min_ps(a, b));
    instruction!(max(a, b) => _mm256_max_ps(a, b));
    instruction!(mul_add(a, b, c) => _mm256_fmadd_ps(a, b, c));
    instruction!(round(a) => _mm256_round_ps::<NEAREST>(a));
    instruction!(power_of_two(a) => {
        let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
    });
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)))
        }
    }
    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)))
        }
    }
    #[inline(always)]
    fn greater(self, a: Self::V, than: Self::V) -> u32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, than)).cast_unsigned() }
    }
    #[inline(always)]
    unsafe fn load_unchecked(self, from: *const f32) -> Self::V {
        // SAFETY: the caller vouches for eight readable floats.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_unchecked(self, to: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for eight writable floats.
        unsafe { _mm256_storeu_ps(to, v) }
    }
}

impl Lanes for Avx512 {
    const N: usize = 16;
    // 12 × 2 accumulators, 2 for weights and 1 for an activation, of 32 registers.
    const TILE_ROWS: usize = 12;
    type V = __m512;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn dot_bytes(self, query: &[i16], row: &[i8]) -> i32 {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { x86_bytes::dot(query, row) }
    }
    #[inline(always)]
    fn look_up(
        self,
        table: &[[u8; 16]],
        codes: &[SignLine],
        ahead: *const SignLine,
    ) -> [u16; GROUP_ROWS] {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { x86_bytes::look_up(table, codes, ahead) }
    }
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        // SAFETY: a hint; no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
    instruction!(add(a, b) => _mm512_add_ps(a, b));
    instruction!(sub(a, b) => _mm512_sub_ps(a, b));
    instruction!(mul(a, b) => _mm512_mul_ps(a, b));
    instruction!(div(a, b) => _mm512_div_ps(a, b));
    instruction!(min(a, b) => _mm512_min_ps(a, b));
    instruction!(max(a, b) => _mm512_max_ps(a, b));
    instruction!(mul_add(a, b, c) => _mm512_fmadd_ps(a, b, c));
    instruction!(round(a) => _mm512_roundscale_ps::<NEAREST>(a));
    instruction!(power_of_two(a) => {
        let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(127));
        _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
    });
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_reduce_add_ps(a) }
    }
    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_reduce_max_ps(a) }
    }
    #[inline(always)]
    fn greater(self, a: Self::V, than: Self::V) -> u32 {
        // SAFETY: `self` proves that the machine has the instruction.
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, than) })
    }
    #[inline(always)]
    unsafe fn load_unchecked(self, from: *const f32) -> Self::V {
        // SAFETY: the caller vouches for sixteen readable floats.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_unchecked(self, to: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for sixteen writable floats.
        unsafe { _mm512_storeu_ps(to, v) }
    }
}
