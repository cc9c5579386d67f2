//! The loops of `bytes.rs` with AVX2.
#![expect(unsafe_code, reason = "vector instructions, for callers that have proof of them")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a step is one thing in several instructions"
)]

use std::arch::x86_64::*;

use super::bytes::{self, GROUP_ROWS};
use crate::signs::SignLine;

/// Sixteen products a step: bytes widened to 16 bits, multiplied and added in pairs.
///
/// # Safety
///
/// The machine has AVX2.
#[inline(always)]
pub(super) unsafe fn dot(query: &[i16], row: &[i8]) -> i32 {
    let (query, query_tail) = query.as_chunks::<32>();
    let (row, row_tail) = row.as_chunks::<32>();
    // SAFETY: the caller vouches for AVX2; each load is within a chunk, at any address.
    let sum = unsafe {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (query, row) in query.iter().zip(row) {
            let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(row.as_ptr().cast()));
            let high = _mm256_cvtepi8_epi16(_mm_loadu_si128(row.as_ptr().add(16).cast()));
            let by_low = _mm256_loadu_si256(query.as_ptr().cast());
            let by_high = _mm256_loadu_si256(query.as_ptr().add(16).cast());
            sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(low, by_low));
            sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(high, by_high));
        }
        let sum = _mm256_add_epi32(sums[0], sums[1]);
        let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
        _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum)))
    };
    sum + bytes::dot(query_tail, row_tail)
}

/// Thirty-two rows a step, each look-up a byte shuffle; four entries are added up as bytes before
/// they are widened. A step reads a cache line and asks for one of those `ahead`.
///
/// # Safety
///
/// The machine has AVX2.
#[inline(always)]
pub(super) unsafe fn look_up(
    table: &[[u8; 16]],
    codes: &[SignLine],
    ahead: *const SignLine,
) -> [u16; GROUP_ROWS] {
    let (tables, table_tail) = table.as_chunks::<4>();
    let (codes, code_tail) = codes.as_chunks::<2>();
    // SAFETY: the caller vouches for AVX2.
    let mut sums = unsafe { (_mm256_setzero_si256(), _mm256_setzero_si256()) };
    for (step, (tables, codes)) in tables.iter().zip(codes).enumerate() {
        // SAFETY: the caller vouches for AVX2; no address is wrong to ask for.
        sums = unsafe {
            _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(2 * step).cast());
            let entries = _mm256_add_epi8(
                entries(&tables[0], &tables[1], &codes[0]),
                entries(&tables[2], &tables[3], &codes[1]),
            );
            widen(sums, entries)
        };
    }
    if let ([first, second], [code]) = (table_tail, code_tail) {
        // SAFETY: the caller vouches for AVX2.
        sums = unsafe { widen(sums, entries(first, second, code)) };
    }
    let mut out = [0; GROUP_ROWS];
    // SAFETY: the caller vouches for AVX2; `out` is two registers long.
    unsafe {
        let low = _mm256_unpacklo_epi16(sums.0, sums.1);
        let high = _mm256_unpackhi_epi16(sums.0, sums.1);
        let first = _mm256_permute2x128_si256::<0x20>(low, high);
        let second = _mm256_permute2x128_si256::<0x31>(low, high);
        _mm256_storeu_si256(out.as_mut_ptr().cast(), first);
        _mm256_storeu_si256(out.as_mut_ptr().add(16).cast(), second);
    }
    out
}

/// Returns, for each row, the sum of the two entries that a byte of its code picks.
#[inline(always)]
unsafe fn entries(low: &[u8; 16], high: &[u8; 16], code: &SignLine) -> __m256i {
    // SAFETY: the caller vouches for AVX2; each load is as long as the array that it reads.
    unsafe {
        let half = _mm256_set1_epi8(15);
        let code = _mm256_load_si256(code.0.as_ptr().cast());
        let low = _mm256_broadcastsi128_si256(_mm_loadu_si128(low.as_ptr().cast()));
        let high = _mm256_broadcastsi128_si256(_mm_loadu_si128(high.as_ptr().cast()));
        let low = _mm256_shuffle_epi8(low, _mm256_and_si256(code, half));
        let code = _mm256_and_si256(_mm256_srli_epi16::<4>(code), half);
        _mm256_add_epi8(low, _mm256_shuffle_epi8(high, code))
    }
}

/// Adds bytes to the sums of the even and of the odd rows.
#[inline(always)]
unsafe fn widen((even, odd): (__m256i, __m256i), bytes: __m256i) -> (__m256i, __m256i) {
    // SAFETY: the caller vouches for AVX2.
    unsafe {
        let low = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
        (_mm256_add_epi16(even, low), _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(bytes)))
    }
}
