//! The keys of the tables. All numbers are big-endian, so that the order of the bytes is theirs.

use sha2::{Digest, Sha256};

/// The longest name of a field that stands in a key as it is; of a longer one stands its hash.
const MAX_PLAIN_FIELD: usize = 200;
/// In the place of a plain name's length: a hash follows.
const HASHED_FIELD: u8 = 255;

/// The bits of a row number that choose a bit within one bitmap.
pub(super) const BITMAP_BITS: u32 = 16;
/// The bits of a row number that choose an entry within one list of a sparse term.
pub(super) const SPARSE_BITS: u32 = 12;

/// The key of a namespace, which may have an empty name where LMDB takes no empty key.
pub(super) fn namespace(name: &str) -> Vec<u8> {
    [b"n", name.as_bytes()].concat()
}

/// The key of an id.
pub(super) fn id(space: u32, id: &str) -> Vec<u8> {
    [&space.to_be_bytes(), id.as_bytes()].concat()
}

/// The key of a row: of its record, or of the block that begins with it.
pub(super) fn row(space: u32, row: u32) -> [u8; 8] {
    (u64::from(space) << 32 | u64::from(row)).to_be_bytes()
}

/// Returns the row of a key that [`row`] made.
pub(super) fn row_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(4..8)?.try_into().ok()?))
}

/// The key of one bitmap: what it is about, and which row numbers it covers.
pub(super) fn bitmap(about: &[u8], row: u32) -> Vec<u8> {
    [about, &((row >> BITMAP_BITS) as u16).to_be_bytes()].concat()
}

/// The beginning of the keys of all postings of a field.
pub(super) fn field(space: u32, field: &str) -> Vec<u8> {
    let mut key = space.to_be_bytes().to_vec();
    if field.len() <= MAX_PLAIN_FIELD {
        key.push(field.len() as u8);
        key.extend_from_slice(field.as_bytes());
    } else {
        key.push(HASHED_FIELD);
        key.extend_from_slice(&Sha256::digest(field.as_bytes()));
    }
    key
}

/// The beginning of the keys of all lists of a sparse term.
pub(super) fn term(space: u32, term: u32) -> [u8; 8] {
    row(space, term)
}

/// The key of one list of a sparse term.
pub(super) fn sparse(space: u32, term: u32, row: u32) -> Vec<u8> {
    [&self::term(space, term)[..], &(row >> SPARSE_BITS).to_be_bytes()].concat()
}

/// Returns which list of its term a key of [`sparse`] is about.
pub(super) fn sparse_chunk(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(8..12)?.try_into().ok()?))
}

/// Encodes a number so that the order of the bytes is the order of the numbers. Both zeros are one,
/// as they are equal; what is no number has no place in an order.
pub(super) fn number(number: f64) -> Option<[u8; 8]> {
    if number.is_nan() {
        return None;
    }
    let bits = if number == 0.0 { 0 } else { number.to_bits() };
    let is_negative = bits >> 63 == 1;
    Some(if is_negative { !bits } else { bits | 1 << 63 }.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_ordered_as_their_keys(a in any::<f64>(), b in any::<f64>()) {
            let keys = (number(a), number(b));
            if let (Some(x), Some(y)) = keys {
                prop_assert_eq!(x.cmp(&y), a.partial_cmp(&b).unwrap());
            } else {
                prop_assert!(a.is_nan() || b.is_nan());
            }
        }

        #[test]
        fn one_field_is_never_the_beginning_of_another(a in ".{0,220}", b in ".{0,220}") {
            prop_assume!(a != b);
            prop_assert!(!field(1, &a).starts_with(&field(1, &b)));
        }
    }

    #[test]
    fn both_zeros_have_one_key() {
        assert_eq!(number(0.0), number(-0.0));
    }
}
