//! Opens a text file: decompressed, without a byte order mark, and known to be UTF-8.
//!
//! The check stands below every parser, so that bad bytes are reported in one way, with their place
//! in the file, whatever the file's kind.

use std::io::{self, BufRead, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::SourceError;

/// Large enough that the system call per fill does not show.
const BUFFER_BYTES: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Opens `path` for a parser of text. A name that ends in `.gz` is decompressed.
pub(super) fn open(path: &Path) -> Result<Utf8Reader<Box<dyn Read>>, SourceError> {
    let file = fs_err::File::open(path).map_err(|source| SourceError::read(path, source))?;
    let bytes: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    Ok(Utf8Reader::new(bytes))
}

/// Bytes that are not UTF-8, and where. Travels inside an [`io::Error`] through whichever parser is
/// reading, and is taken out again by [`SourceError::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid UTF-8 on line {line}, at byte {offset} of the file")]
pub(super) struct NotUtf8 {
    /// 1-based.
    pub(super) line: u64,
    /// From the start of the (decompressed) file, 0-based.
    pub(super) offset: u64,
}

/// Passes bytes through as long as they are UTF-8. What [`BufRead::fill_buf`] returns always begins
/// and ends at a character.
pub(super) struct Utf8Reader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// `buffer[start..valid]` is checked and not yet consumed; `buffer[valid..]` is not yet checked.
    start: usize,
    valid: usize,
    /// Where `buffer[0]` is in the file.
    offset: u64,
    line: u64,
    /// Set once a bad sequence follows `buffer[..valid]`.
    bad: bool,
}

impl<R: Read> Utf8Reader<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            start: 0,
            valid: 0,
            offset: 0,
            line: 1,
            bad: false,
        }
    }

    /// Drops what is consumed, reads more and checks it, until something is valid or the file ends.
    fn refill(&mut self) -> io::Result<()> {
        let first = self.offset == 0 && self.valid == 0;
        self.line += count_newlines(&self.buffer[..self.valid]);
        self.offset += self.valid as u64;
        self.buffer.drain(..self.valid);
        (self.start, self.valid) = (0, 0);
        while self.valid == 0 && !self.bad {
            let num_read = self.read_more()?;
            match std::str::from_utf8(&self.buffer) {
                Ok(_) => self.valid = self.buffer.len(),
                Err(error) => {
                    self.valid = error.valid_up_to();
                    // No length means that the sequence is cut off, which only the end makes bad.
                    self.bad = error.error_len().is_some() || num_read == 0;
                }
            }
            if num_read == 0 {
                break;
            }
        }
        if first && self.buffer[..self.valid].starts_with(BYTE_ORDER_MARK) {
            self.start = BYTE_ORDER_MARK.len();
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<usize> {
        let old = self.buffer.len();
        self.buffer.resize(old + BUFFER_BYTES, 0);
        let num_read = loop {
            match self.inner.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(old + *num_read.as_ref().unwrap_or(&0));
        num_read
    }

    fn not_utf8(&self) -> NotUtf8 {
        NotUtf8 {
            line: self.line + count_newlines(&self.buffer[..self.valid]),
            offset: self.offset + self.valid as u64,
        }
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Twice at most: a file that is a byte order mark and nothing else has no bytes to return
        // after the first fill.
        while self.start == self.valid {
            if self.bad {
                return Err(io::Error::new(io::ErrorKind::InvalidData, self.not_utf8()));
            }
            self.refill()?;
            if self.valid == 0 && !self.bad {
                break;
            }
        }
        Ok(&self.buffer[self.start..self.valid])
    }

    fn consume(&mut self, num_bytes: usize) {
        self.start += num_bytes;
        debug_assert!(self.start <= self.valid, "consumed more than was there");
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let num_bytes = available.len().min(out.len());
        out[..num_bytes].copy_from_slice(&available[..num_bytes]);
        self.consume(num_bytes);
        Ok(num_bytes)
    }
}

fn count_newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most `step` bytes at a time, so that characters are cut by reads.
    struct Dripping<'a> {
        bytes: &'a [u8],
        step: usize,
    }

    impl Read for Dripping<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let num_bytes = self.step.min(self.bytes.len()).min(out.len());
            let (head, tail) = self.bytes.split_at(num_bytes);
            out[..num_bytes].copy_from_slice(head);
            self.bytes = tail;
            Ok(num_bytes)
        }
    }

    fn read_all(bytes: &[u8], step: usize) -> Result<String, NotUtf8> {
        let mut text = String::new();
        match Utf8Reader::new(Dripping { bytes, step }).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => {
                let inner = error.get_ref().expect("only the check fails here");
                Err(*inner.downcast_ref::<NotUtf8>().expect("only the check fails here"))
            }
        }
    }

    #[test]
    fn a_bad_byte_is_named_by_line_and_offset() {
        for step in [1, 3, 1000] {
            let found = read_all(b"abc\nd\xc3\xa9f\n\xff\n", step);
            assert_eq!(found, Err(NotUtf8 { line: 3, offset: 9 }), "step {step}");
        }
    }

    #[test]
    fn a_character_cut_off_by_the_end_is_bad() {
        for step in [1, 1000] {
            assert_eq!(read_all(b"ab\xe2\x82", step), Err(NotUtf8 { line: 1, offset: 2 }));
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped_at_the_start_only() {
        for step in [1, 1000] {
            assert_eq!(read_all("\u{feff}a\u{feff}b".as_bytes(), step), Ok("a\u{feff}b".into()));
            assert_eq!(read_all("\u{feff}".as_bytes(), step), Ok(String::new()));
        }
    }

    proptest! {
        // As the standard library judges it, wherever reads cut the bytes.
        #[test]
        fn agrees_with_the_standard_library(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                any::<String>().prop_map(String::into_bytes),
            ],
            step in 1usize..9,
        ) {
            prop_assume!(!bytes.starts_with(BYTE_ORDER_MARK));
            match std::str::from_utf8(&bytes) {
                Ok(text) => prop_assert_eq!(read_all(&bytes, step), Ok(text.to_owned())),
                Err(error) => {
                    let offset = error.valid_up_to();
                    let line = 1 + count_newlines(&bytes[..offset]);
                    let expected = NotUtf8 { line, offset: offset as u64 };
                    prop_assert_eq!(read_all(&bytes, step), Err(expected));
                }
            }
        }
    }
}
