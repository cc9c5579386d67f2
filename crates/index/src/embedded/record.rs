//! The bytes of a record without its vector: its id, its sparse vector and its metadata.
//!
//! Little-endian: crc32 of the rest, then id, number of terms, terms, weights, fields. A text is its
//! length and its bytes. Not JSON, because floats must come back as they were.

use super::fault::{Fault, Step};
use crate::metadata::{Metadata, Value};
use crate::record::SparseVector;

/// What the table `records` has of one record.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) sparse: Option<SparseVector>,
    pub(super) metadata: Metadata,
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowRef<'a> {
    pub(super) id: &'a str,
    pub(super) sparse: Option<&'a SparseVector>,
    pub(super) metadata: &'a Metadata,
}

/// In the place of the number of terms: there is no sparse vector.
const NO_SPARSE: u32 = u32::MAX;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const NUMBER: u8 = 2;
const STRING: u8 = 3;
const STRINGS: u8 = 4;

impl RowRef<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&[0; 4]);
        put_text(&mut out, self.id);
        match self.sparse {
            None => put_u32(&mut out, NO_SPARSE),
            Some(sparse) => {
                put_u32(&mut out, sparse.indices.len() as u32);
                sparse.indices.iter().for_each(|index| put_u32(&mut out, *index));
                sparse.values.iter().for_each(|value| put_u32(&mut out, value.to_bits()));
            }
        }
        put_u32(&mut out, self.metadata.len() as u32);
        for (field, value) in self.metadata {
            put_text(&mut out, field);
            put_value(&mut out, value);
        }
        let crc = crc32fast::hash(&out[4..]);
        out[..4].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

impl Row {
    pub(super) fn borrowed(&self) -> RowRef<'_> {
        RowRef { id: &self.id, sparse: self.sparse.as_ref(), metadata: &self.metadata }
    }

    pub(super) fn decode(bytes: &[u8]) -> Step<Self> {
        let (crc, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return Err(Fault::Damaged("the checksum of a record is wrong".to_owned()));
        }
        let mut reader = Reader { rest };
        let row = reader.row().ok_or_else(damaged)?;
        if reader.rest.is_empty() { Ok(row) } else { Err(damaged()) }
    }
}

fn damaged() -> Fault {
    Fault::Damaged("a record is cut off or too long".to_owned())
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u32(out, text.len() as u32);
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => {
            out.push(NUMBER);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::String(text) => {
            out.push(STRING);
            put_text(out, text);
        }
        Value::Strings(texts) => {
            out.push(STRINGS);
            put_u32(out, texts.len() as u32);
            texts.iter().for_each(|text| put_text(out, text));
        }
    }
}

/// What is left to read. `None` everywhere means that the bytes are not what was written.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn row(&mut self) -> Option<Row> {
        let id = self.text()?;
        let sparse = match self.u32()? {
            NO_SPARSE => None,
            num_terms => Some(self.sparse(num_terms)?),
        };
        let mut metadata = Metadata::new();
        for _ in 0..self.u32()? {
            let field = self.text()?;
            metadata.insert(field, self.value()?);
        }
        Some(Row { id, sparse, metadata })
    }

    fn sparse(&mut self, num_terms: u32) -> Option<SparseVector> {
        let indices = (0..num_terms).map(|_| self.u32()).collect::<Option<_>>()?;
        let values =
            (0..num_terms).map(|_| self.u32().map(f32::from_bits)).collect::<Option<_>>()?;
        Some(SparseVector { indices, values })
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.take(1)?[0] {
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            NUMBER => Value::Number(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            STRING => Value::String(self.text()?),
            STRINGS => {
                let num_texts = self.u32()?;
                Value::Strings((0..num_texts).map(|_| self.text()).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    fn text(&mut self) -> Option<String> {
        let len = self.u32()? as usize;
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<f64>().prop_filter("equal to itself", |x| !x.is_nan()).prop_map(Value::Number),
            ".{0,40}".prop_map(Value::String),
            vec(".{0,10}", 0..4).prop_map(Value::Strings),
        ]
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(
            id in ".{1,40}",
            terms in proptest::option::of(btree_map(any::<u32>(), -9.0f32..9.0, 0..20)),
            metadata in btree_map(".{0,20}", value(), 0..6),
        ) {
            let sparse = terms.map(|terms| {
                let (indices, values) = terms.into_iter().unzip();
                SparseVector { indices, values }
            });
            let row = Row { id, sparse, metadata };
            let bytes = row.borrowed().encode();
            prop_assert_eq!(Row::decode(&bytes).unwrap(), row);
            prop_assert!(Row::decode(&bytes[..bytes.len() - 1]).is_err());
        }

        #[test]
        fn any_flipped_byte_is_found(at in any::<prop::sample::Index>(), with in 1u8..) {
            let row = Row { id: "a".to_owned(), ..Row::default() };
            let mut bytes = row.borrowed().encode();
            bytes[at.index(row.borrowed().encode().len())] ^= with;
            prop_assert!(Row::decode(&bytes).is_err());
        }
    }
}
