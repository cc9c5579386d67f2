//! Random records and filters, made so that values which look alike meet.

use std::collections::BTreeSet;

use index::{Comparison, Condition, Filter, Metadata, SparseVector, Value};

use crate::Random;

pub(super) fn sparse(random: &mut Random) -> SparseVector {
    let terms: BTreeSet<u32> = (0..1 + random.below(6)).map(|_| random.below(40) as u32).collect();
    let values = terms.iter().map(|_| random.float()).collect();
    SparseVector { indices: terms.into_iter().collect(), values }
}

/// Fields whose values are of changing kinds, some of which look alike.
pub(super) fn metadata(random: &mut Random) -> Metadata {
    let mut metadata = Metadata::new();
    for field in FIELDS {
        if !random.chance(3) {
            metadata.insert((*field).to_owned(), value(random, Lists::Too));
        }
    }
    if random.chance(20) {
        metadata.insert("f".repeat(300), value(random, Lists::Too));
    }
    metadata
}

const FIELDS: &[&str] = &["a", "ab", "lang"];

#[derive(Clone, Copy, PartialEq)]
enum Lists {
    Too,
    Not,
}

fn value(random: &mut Random, lists: Lists) -> Value {
    match random.below(if lists == Lists::Too { 6 } else { 5 }) {
        0 => Value::Bool(random.chance(2)),
        1 => Value::Number([0.0, -0.0, -1.5, 2.0, 1e300, -7e-9][random.below(6)]),
        2 => Value::Number(random.below(30) as f64),
        3 => Value::String(text(random)),
        4 => Value::String(["", "en", "e", "2", "true"][random.below(5)].to_owned()),
        _ => {
            let texts = (0..random.below(3)).map(|_| text(random));
            Value::Strings(texts.collect())
        }
    }
}

/// Texts around the length from which they share postings, and more of them than there are postings.
fn text(random: &mut Random) -> String {
    let len = [3, 31, 32, 33, 60][random.below(5)];
    format!("{:len$}", random.below(120))
}

pub(super) fn filter(random: &mut Random, depth: usize) -> Filter {
    let inner = |random: &mut Random| {
        (0..random.below(3)).map(|_| filter(random, depth - 1)).collect::<Vec<_>>()
    };
    match random.below(if depth == 0 { 1 } else { 4 }) {
        1 => Filter::And(inner(random)),
        2 => Filter::Or(inner(random)),
        3 => Filter::Not(Box::new(filter(random, depth - 1))),
        _ => {
            let field = FIELDS[random.below(FIELDS.len())].to_owned();
            Filter::Field { field, condition: condition(random) }
        }
    }
}

fn condition(random: &mut Random) -> Condition {
    let values = |random: &mut Random| {
        (0..random.below(4)).map(|_| value(random, Lists::Not)).collect::<Vec<_>>()
    };
    let comparisons = [
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ];
    match random.below(7) {
        0 => Condition::Equal(value(random, Lists::Too)),
        1 => Condition::NotEqual(value(random, Lists::Not)),
        2 => Condition::In(values(random)),
        3 => Condition::NotIn(values(random)),
        4 => Condition::Exists(random.chance(2)),
        _ => {
            let than = [0.0, -0.0, 5.0, 29.0, 1e300, -1e300][random.below(6)];
            Condition::Compare(comparisons[random.below(4)], than)
        }
    }
}
