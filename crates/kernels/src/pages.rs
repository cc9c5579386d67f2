//! Large pages of memory, for what is read as a whole or here and there.
//!
//! A page of 4 KiB is looked up anew for every few cache lines, and in a virtual machine twice. Where
//! the system gives pages of 2 MiB to those who ask, one question is enough.
#![expect(unsafe_code, reason = "asks the system for another size of pages")]

/// Asks the system to keep memory in large pages. A hint: where it cannot be followed, nothing happens.
///
/// Of use before memory is first written, and for 2 MiB and more.
pub fn prefer_huge_pages<T>(memory: &mut [T]) {
    let start = memory.as_mut_ptr().cast::<u8>();
    let to_boundary = start.align_offset(PAGE);
    let len = size_of_val(memory).saturating_sub(to_boundary) / PAGE * PAGE;
    if len >= MIN_BYTES {
        advise(start.wrapping_add(to_boundary), len);
    }
}

const PAGE: usize = 4 << 10;
const MIN_BYTES: usize = 2 << 20;

#[cfg(target_os = "linux")]
fn advise(start: *mut u8, len: usize) {
    use rustix::mm::{Advice, madvise};
    // SAFETY: whole pages within memory that the caller holds exclusively, whose contents this advice
    // does not change.
    let _ = unsafe { madvise(start.cast(), len, Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
fn advise(_start: *mut u8, _len: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_length_is_what_it_was() {
        for len in [0, 1, 5_000, (3 << 20) + 7] {
            let mut bytes = vec![0_u8; len];
            prefer_huge_pages(&mut bytes);
            bytes.iter_mut().zip(1_u8..=250).for_each(|(byte, number)| *byte = number);
            prefer_huge_pages(&mut bytes);
            let expected = (1_u8..=250).chain(std::iter::repeat(0)).take(len.max(250));
            assert!(bytes.iter().copied().eq(expected.take(len)));
        }
    }
}
