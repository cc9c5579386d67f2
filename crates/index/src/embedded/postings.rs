//! Which keys of the table `postings` a record's metadata stands under.
//!
//! A string of up to 32 bytes, a number and a boolean have a posting of their own. Longer strings
//! share 256 postings a field, chosen by a checksum, and whoever looks for one compares the records:
//! texts are nearly all different, so that a posting each would cost a page of the tree a record, and
//! are hardly ever filtered by.

use std::collections::BTreeSet;

use super::keys;
use crate::metadata::{Metadata, Value};

/// The longest string with a posting of its own.
const MAX_PLAIN_STRING: usize = 32;

const EXISTS: u8 = 0;
const BOOL: u8 = 1;
const NUMBER: u8 = 2;
const STRING: u8 = 3;
const LONG_STRING: u8 = 4;

/// Where the records are that have a value in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Exactly the rows of this posting.
    Exact(Vec<u8>),
    /// Some of the rows of this posting.
    Shared(Vec<u8>),
    /// Nowhere.
    Nowhere,
}

/// Returns the postings of a record, each once.
pub(super) fn of_record(space: u32, metadata: &Metadata) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for (field, value) in metadata {
        let field = keys::field(space, field);
        all.insert(exists(&field));
        let places = match value {
            Value::Strings(texts) => texts.iter().map(|text| string(&field, text)).collect(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![place(&field, value)],
        };
        for place in places {
            match place {
                Place::Exact(key) | Place::Shared(key) => all.insert(key),
                Place::Nowhere => false,
            };
        }
    }
    all
}

/// Returns the posting of all records with the field of this key.
pub(super) fn exists(field: &[u8]) -> Vec<u8> {
    with(field, EXISTS, &[])
}

/// Returns the beginning of the postings of all numbers of a field.
pub(super) fn numbers(field: &[u8]) -> Vec<u8> {
    with(field, NUMBER, &[])
}

/// Returns where the records are whose field is, or contains, a value.
pub(super) fn place(field: &[u8], value: &Value) -> Place {
    match value {
        Value::Bool(truth) => Place::Exact(with(field, BOOL, &[u8::from(*truth)])),
        Value::Number(number) => match keys::number(*number) {
            Some(number) => Place::Exact(with(field, NUMBER, &number)),
            None => Place::Nowhere,
        },
        Value::String(text) => string(field, text),
        // Equality of whole lists is no condition that a filter can be written with.
        Value::Strings(_) => Place::Shared(exists(field)),
    }
}

fn string(field: &[u8], text: &str) -> Place {
    if text.len() <= MAX_PLAIN_STRING {
        // With its length, so that no string is the beginning of another.
        let value = [&[text.len() as u8], text.as_bytes()].concat();
        Place::Exact(with(field, STRING, &value))
    } else {
        let bucket = crc32fast::hash(text.as_bytes()) as u8;
        Place::Shared(with(field, LONG_STRING, &[bucket]))
    }
}

fn with(field: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [field, &[kind], value].concat()
}
