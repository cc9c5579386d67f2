//! A growable run of floats that begins on a cache line.
//!
//! A vector load that straddles two cache lines costs twice, and the packed weights are read in
//! nothing but vector loads.
#![expect(unsafe_code, reason = "views whole cache lines as the floats that they are")]

use std::ops::{Deref, DerefMut};

use crate::pages::prefer_huge_pages;

const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Floats in whole cache lines.
#[derive(Clone, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    pub(crate) fn zeros(len: usize) -> Self {
        let mut lines = vec![Line([0.0; LINE]); len.div_ceil(LINE)];
        prefer_huge_pages(&mut lines);
        Self { lines, len }
    }

    /// Sets the length; floats within the old capacity keep whatever they were.
    pub(crate) fn resize(&mut self, len: usize) {
        let lines = len.div_ceil(LINE);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0.0; LINE]));
        }
        self.len = len;
    }

    pub(crate) fn capacity(&self) -> usize {
        self.lines.len() * LINE
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` around floats, without padding (64 bytes, 16 floats), and
        // `len` never exceeds the floats in `lines`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_on_a_cache_line_and_holds_what_is_written() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut floats = Aligned::zeros(len);
            assert_eq!(floats.as_ptr() as usize % 64, 0);
            for (i, x) in floats.iter_mut().enumerate() {
                *x = i as f32;
            }
            assert_eq!(floats.len(), len);
            assert!(floats.iter().enumerate().all(|(i, x)| *x == i as f32));
        }
    }

    #[test]
    fn resize_reuses_what_is_there() {
        let mut floats = Aligned::zeros(100);
        floats.resize(10);
        assert_eq!(floats.len(), 10);
        assert!(floats.capacity() >= 100);
        floats.resize(200);
        assert_eq!(floats.len(), 200);
    }
}
