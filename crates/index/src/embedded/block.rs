//! The bytes of a block of vectors.
//!
//! A header of 48 bytes, the rows as floats, then one factor a row: `1 / |x|` for cosine, `|x|²` for
//! euclidean, 1 for dotproduct. LMDB puts 16 bytes of its own before a value that fills pages, so that
//! the floats begin on a cache line. Rows are kept as they came, not scaled. Little-endian, so that a
//! scan reads the mapped bytes as floats.

use std::borrow::Cow;
use std::io::{self, Write};

use super::fault::{Fault, Step};
use crate::spec::Metric;

#[cfg(target_endian = "big")]
compile_error!("blocks are read in place, and are little-endian");

/// The rows of a full block, which also begins at a multiple of this.
pub(super) const FULL_ROWS: u32 = 1_024;
/// The most rows of a small block, which begins at a multiple of this.
pub(super) const SMALL_ROWS: u32 = 64;

const HEADER_BYTES: usize = 48;
const MAGIC: [u8; 8] = *b"semblk01";

/// Some rows in memory or in the map.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) first_row: u32,
    pub(super) dimensions: usize,
    /// `[num_rows, dimensions]`
    pub(super) values: Cow<'a, [f32]>,
    /// `[num_rows]`
    pub(super) factors: Cow<'a, [f32]>,
}

impl<'a> Block<'a> {
    /// Reads a block without looking at its checksum: that would cost as much as a scan.
    pub(super) fn read(bytes: &'a [u8], first_row: u32, dimensions: usize) -> Step<Self> {
        let header = Header::read(bytes)?;
        let expected = HEADER_BYTES + 4 * header.num_rows as usize * (dimensions + 1);
        let fits = header.dimensions as usize == dimensions
            && header.first_row == first_row
            && bytes.len() == expected;
        if !fits {
            return Err(Fault::Damaged(format!(
                "the block of row {first_row} says that it is of row {} and has {} × {} floats",
                header.first_row, header.num_rows, header.dimensions
            )));
        }
        let (values, factors) =
            bytes[HEADER_BYTES..].split_at(4 * header.num_rows as usize * dimensions);
        Ok(Self { first_row, dimensions, values: floats(values), factors: floats(factors) })
    }

    /// Copies the rows out of the map.
    pub(super) fn into_owned(self) -> Block<'static> {
        Block {
            first_row: self.first_row,
            dimensions: self.dimensions,
            values: Cow::Owned(self.values.into_owned()),
            factors: Cow::Owned(self.factors.into_owned()),
        }
    }

    pub(super) fn num_rows(&self) -> u32 {
        self.factors.len() as u32
    }

    /// The row after the last.
    pub(super) fn end(&self) -> u32 {
        self.first_row + self.num_rows()
    }

    /// Returns the vector of a row that the block has.
    pub(super) fn vector(&self, row: u32) -> &[f32] {
        let at = (row - self.first_row) as usize;
        &self.values[at * self.dimensions..][..self.dimensions]
    }
}

/// Returns whether the checksum of a block is right.
pub(super) fn is_intact(bytes: &[u8]) -> bool {
    Header::read(bytes)
        .is_ok_and(|header| crc32fast::hash(&bytes[HEADER_BYTES..]) == header.checksum)
}

/// A block that is about to be written, in pieces that need not stand together.
pub(super) struct NewBlock<'a> {
    pub(super) first_row: u32,
    pub(super) dimensions: usize,
    /// Pieces of the rows, in order, with the factors of each.
    pub(super) pieces: Vec<(&'a [f32], &'a [f32])>,
}

impl NewBlock<'_> {
    pub(super) fn num_bytes(&self) -> usize {
        HEADER_BYTES + 4 * self.num_rows() * (self.dimensions + 1)
    }

    fn num_rows(&self) -> usize {
        self.pieces.iter().map(|(_, factors)| factors.len()).sum()
    }

    /// Writes the block.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let payload = || {
            let values = self.pieces.iter().map(|(values, _)| *values);
            values.chain(self.pieces.iter().map(|(_, factors)| *factors))
        };
        let mut checksum = crc32fast::Hasher::new();
        payload().for_each(|floats| checksum.update(bytemuck::cast_slice(floats)));
        let header = Header {
            num_rows: self.num_rows() as u32,
            dimensions: self.dimensions as u32,
            first_row: self.first_row,
            checksum: checksum.finalize(),
        };
        out.write_all(&header.to_bytes())?;
        payload().try_for_each(|floats| out.write_all(bytemuck::cast_slice(floats)))
    }
}

/// Returns what stands behind the floats of a vector.
pub(super) fn factor(metric: Metric, vector: &[f32]) -> f32 {
    let square = || vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    match metric {
        Metric::DotProduct => 1.0,
        Metric::Euclidean => square() as f32,
        Metric::Cosine => inverse_length(vector),
    }
}

/// Returns `1 / |x|`; 0 for a vector of zeros, which is near to nothing.
pub(super) fn inverse_length(vector: &[f32]) -> f32 {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length == 0.0 { 0.0 } else { (1.0 / length) as f32 }
}

struct Header {
    num_rows: u32,
    dimensions: u32,
    first_row: u32,
    checksum: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Step<Self> {
        let Some(header) = bytes.get(..HEADER_BYTES) else {
            return Err(Fault::Damaged("a block is cut off".to_owned()));
        };
        if header[..8] != MAGIC {
            return Err(Fault::Damaged("a block does not begin as one".to_owned()));
        }
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        Ok(Self {
            num_rows: number(8),
            dimensions: number(12),
            first_row: number(16),
            checksum: number(20),
        })
    }

    fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        let numbers = [self.num_rows, self.dimensions, self.first_row, self.checksum];
        for (at, number) in numbers.into_iter().enumerate() {
            bytes[8 + 4 * at..][..4].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// Takes bytes as floats; copies them if they do not begin at a multiple of four, as short values do.
fn floats(bytes: &[u8]) -> Cow<'_, [f32]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(floats) => Cow::Borrowed(floats),
        Err(_) => {
            let (floats, _) = bytes.as_chunks();
            Cow::Owned(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(first_row: u32, dimensions: usize, values: &[f32], metric: Metric) -> Vec<u8> {
        let factors: Vec<f32> = values.chunks(dimensions).map(|x| factor(metric, x)).collect();
        let pieces = vec![(values, &factors[..])];
        let block = NewBlock { first_row, dimensions, pieces };
        let mut bytes = Vec::new();
        block.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), block.num_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn a_block_comes_back_as_it_was_wherever_it_lies(
            dimensions in 1usize..9,
            num_rows in 1usize..20,
            shift in 0usize..4,
            seed in any::<u32>(),
        ) {
            let values: Vec<f32> =
                (0..num_rows * dimensions).map(|at| (seed ^ at as u32) as f32).collect();
            let mut shifted = vec![0; shift];
            shifted.extend(bytes(7, dimensions, &values, Metric::Cosine));
            let block = Block::read(&shifted[shift..], 7, dimensions).unwrap();
            prop_assert_eq!(&block.values[..], &values[..]);
            prop_assert_eq!(block.num_rows() as usize, num_rows);
            prop_assert_eq!(block.vector(7), &values[..dimensions]);
            prop_assert!(is_intact(&shifted[shift..]));
        }

        #[test]
        fn any_flipped_byte_of_the_floats_is_found(
            at in any::<prop::sample::Index>(),
            with in 1u8..,
        ) {
            let mut bytes = bytes(0, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Metric::Euclidean);
            let len = bytes.len() - HEADER_BYTES;
            bytes[HEADER_BYTES + at.index(len)] ^= with;
            prop_assert!(!is_intact(&bytes));
        }
    }

    #[test]
    fn a_block_of_another_shape_or_place_is_refused() {
        let bytes = bytes(0, 2, &[1.0, 2.0], Metric::DotProduct);
        assert!(Block::read(&bytes, 0, 2).is_ok());
        assert!(Block::read(&bytes, 64, 2).is_err());
        assert!(Block::read(&bytes, 0, 3).is_err());
        assert!(Block::read(&bytes[..bytes.len() - 1], 0, 2).is_err());
        assert!(Block::read(b"short", 0, 2).is_err());
    }
}
