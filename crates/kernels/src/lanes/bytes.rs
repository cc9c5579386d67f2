//! The two loops over bytes that searches live in: exact in whole numbers, so that every instruction
//! set gives the same result.
//!
//! Plain loops here; AVX2 in `x86_bytes.rs`, which AVX-512 uses too: these loops wait for memory, not
//! for arithmetic.

use crate::signs::SignLine;

/// Rows whose one-bit codes stand side by side.
pub(crate) const GROUP_ROWS: usize = 32;
/// The largest entry of a table of [`look_up`]: four of them are added up in a byte.
pub(crate) const MAX_ENTRY: u8 = 63;

/// Returns the sum of the products. The caller keeps it within an `i32`.
pub(super) fn dot(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(q, x)| i32::from(*q) * i32::from(*x)).sum()
}

/// Adds up, for each row of a group, the entries that its code picks.
///
/// Byte `j` of row `r` is `codes[j].0[r]`; its low half picks from `table[2 * j]`, its high half from
/// `table[2 * j + 1]`. No entry is above [`MAX_ENTRY`] and no sum above `u16::MAX`.
pub(super) fn look_up(table: &[[u8; 16]], codes: &[SignLine]) -> [u16; GROUP_ROWS] {
    let mut sums = [0; GROUP_ROWS];
    for (code, tables) in codes.iter().zip(table.as_chunks::<2>().0) {
        for (sum, byte) in sums.iter_mut().zip(&code.0) {
            let low = tables[0][usize::from(byte & 15)];
            let high = tables[1][usize::from(byte >> 4)];
            *sum += u16::from(low) + u16::from(high);
        }
    }
    sums
}
