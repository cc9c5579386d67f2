//! The inner loop of every matrix product: a few rows of activations times one panel of columns.
//!
//! Panels are two registers wide and stored `[k, PANEL]`, so that each step reads one cache line or
//! two and feeds `rows × 2` multiply-adds. Each output element is `((0 + a₀b₀) + a₁b₁) + …` in the
//! order of `k`, for every shape of tile; that is what makes results independent of the batch.
#![expect(
    unsafe_code,
    reason = "pointers in the innermost loop; the lengths are checked outside it"
)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "each block is one access, whose address takes a step to compute"
)]

use crate::lanes::{Lanes, MAX_LANES};
use crate::math::Activation;

/// Some rows of a row-major matrix, by pointer.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) start: *const f32,
    pub(crate) stride: usize,
}

/// Where a product goes: rows of a row-major matrix, by pointer.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) start: *mut f32,
    pub(crate) stride: usize,
    /// At most `PANEL`.
    pub(crate) num_cols: usize,
}

/// What happens to the sums after the last `k`.
#[derive(Clone, Copy)]
pub(crate) enum Finish {
    /// More of `k` follows, or the bare sums are wanted.
    Keep,
    /// `activation(sum + bias)`; `bias` points to a whole panel of floats.
    BiasThen(*const f32, Activation),
}

/// One panel of packed columns, and the part of `k` that it covers.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    pub(crate) start: *const f32,
    pub(crate) k: usize,
    /// Whether the sums begin here; otherwise they go on from what the target holds.
    pub(crate) first: bool,
    /// What is read after this, as much of it as this has. Its lines are asked for while this one is
    /// read, a few before each tile: without that the first tile of each panel waits for the
    /// third-level cache, which others use too.
    pub(crate) next: *const f32,
    pub(crate) finish: Finish,
}

/// Multiplies `num_rows` rows by one panel, in tiles of even height.
///
/// # Safety
///
/// `a` is valid for `num_rows` rows of `panel.k` floats, `panel.start` for `panel.k × PANEL` floats, `c` for
/// `num_rows` rows of `num_cols` floats, and nobody else writes to the latter.
#[inline(always)]
pub(crate) unsafe fn rows_by_panel<L: Lanes>(
    lanes: L,
    num_rows: usize,
    a: Source,
    panel: Panel,
    c: Target,
) {
    // Even heights: 8 rows as 4 + 4 keep eight sums in flight, 6 + 2 would leave the second tile
    // waiting for its four.
    let num_tiles = num_rows.div_ceil(L::TILE_ROWS);
    let mut begin = 0;
    for number in 0..num_tiles {
        let end = num_rows * (number + 1) / num_tiles;
        for k in panel.k * number / num_tiles..panel.k * (number + 1) / num_tiles {
            lanes.prefetch(panel.next.wrapping_add(k * L::PANEL));
        }
        // SAFETY: rows `begin..end` are within `num_rows`.
        let (a, c) = unsafe {
            (
                Source { start: a.start.add(begin * a.stride), ..a },
                Target { start: c.start.add(begin * c.stride), ..c },
            )
        };
        // SAFETY: as the caller vouches, for fewer rows.
        unsafe { tile_of(lanes, end - begin, a, panel, c) };
        begin = end;
    }
}

#[inline(always)]
unsafe fn tile_of<L: Lanes>(lanes: L, num_rows: usize, a: Source, panel: Panel, c: Target) {
    macro_rules! heights {
        ($($height:literal)*) => {
            match num_rows {
                // SAFETY: as the caller vouches. The comparison with a constant drops the heights
                // that this instruction set has no registers for.
                $($height if $height <= L::TILE_ROWS => unsafe {
                    tile::<L, $height>(lanes, a, panel, c)
                },)*
                _ => unreachable!("tiles have 1 to {} rows, not {num_rows}", L::TILE_ROWS),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12)
}

#[inline(always)]
unsafe fn tile<L: Lanes, const ROWS: usize>(lanes: L, a: Source, panel: Panel, c: Target) {
    if c.num_cols == L::PANEL {
        // SAFETY: as the caller vouches; the rows of `c` are a whole panel wide.
        return unsafe { whole_tile::<L, ROWS>(lanes, a, panel, c.start, c.stride) };
    }
    // The last panel of a product may be wider than what is left of the rows.
    let mut rows = [[0.0; 2 * MAX_LANES]; ROWS];
    // SAFETY: the caller vouches for `ROWS` rows of `num_cols` floats, less than a panel.
    unsafe {
        if !panel.first {
            for (number, row) in rows.iter_mut().enumerate() {
                let from = c.start.add(number * c.stride);
                row.as_mut_ptr().copy_from_nonoverlapping(from, c.num_cols);
            }
        }
        whole_tile::<L, ROWS>(lanes, a, panel, rows.as_mut_ptr().cast(), 2 * MAX_LANES);
        for (number, row) in rows.iter().enumerate() {
            let to = c.start.add(number * c.stride);
            to.copy_from_nonoverlapping(row.as_ptr(), c.num_cols);
        }
    }
}

/// A tile whose target rows, `stride` apart, are a whole panel wide.
#[inline(always)]
unsafe fn whole_tile<L: Lanes, const ROWS: usize>(
    lanes: L,
    a: Source,
    panel: Panel,
    c: *mut f32,
    stride: usize,
) {
    // The sums pass through the target before they are finished: as long as only whole, unrolled
    // loops touch them, the compiler keeps all of them in registers.
    // SAFETY: as the caller vouches.
    unsafe { accumulate::<L, ROWS>(lanes, a, panel, c, stride) };
    if let Finish::BiasThen(bias, activation) = panel.finish {
        for row in 0..ROWS {
            for half in [0, L::N] {
                // SAFETY: the caller vouches for a panel of floats in each row and in the bias.
                unsafe {
                    let at = c.add(row * stride + half);
                    let bias = lanes.load_unchecked(bias.add(half));
                    let sum = lanes.add(lanes.load_unchecked(at), bias);
                    lanes.store_unchecked(at, activation.apply(lanes, sum));
                }
            }
        }
    }
}

/// Writes the sums of products of a tile, which begin at what `c` holds unless the panel is the first.
#[inline(always)]
unsafe fn accumulate<L: Lanes, const ROWS: usize>(
    lanes: L,
    a: Source,
    panel: Panel,
    c: *mut f32,
    stride: usize,
) {
    let mut sums = [[lanes.splat(0.0); 2]; ROWS];
    // SAFETY: the caller vouches for `k` lines of the panel, `ROWS` rows of `k` floats and as many of
    // `c`, a panel wide.
    unsafe {
        if !panel.first {
            for (row, sums) in sums.iter_mut().enumerate() {
                let at = c.add(row * stride);
                *sums = [lanes.load_unchecked(at), lanes.load_unchecked(at.add(L::N))];
            }
        }
        let mut b = panel.start;
        for k in 0..panel.k {
            let left = lanes.load_unchecked(b);
            let right = lanes.load_unchecked(b.add(L::N));
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = lanes.splat(*a.start.add(row * a.stride + k));
                sums[0] = lanes.mul_add(x, left, sums[0]);
                sums[1] = lanes.mul_add(x, right, sums[1]);
            }
            b = b.add(L::PANEL);
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let at = c.add(row * stride);
            lanes.store_unchecked(at, sums[0]);
            lanes.store_unchecked(at.add(L::N), sums[1]);
        }
    }
}
