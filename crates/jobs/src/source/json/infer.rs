//! The types of JSON columns, from every row.

use std::fmt;
use std::path::PathBuf;

use arrow::datatypes::Schema;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::rows::Place;
use super::shape::{Inferred, Member, Members, Numbers, Origin, Shape};
use super::surrogate::lone_surrogate;
use crate::source::RowProblem;

/// What the rows so far say about the columns.
#[derive(Default)]
pub(super) struct Inference {
    root: Members,
}

/// A problem with a row that may name another file, by its index.
pub(super) enum Problem {
    Row(RowProblem),
    Mixed { field: String, got: &'static str, first: &'static str, first_at: Origin },
}

impl Problem {
    /// Puts the file's name in place of its index.
    pub(super) fn name(self, files: &[PathBuf]) -> RowProblem {
        match self {
            Self::Row(problem) => problem,
            Self::Mixed { field, got, first, first_at } => RowProblem::MixedTypes {
                field,
                got,
                first,
                first_path: files[first_at.file].clone(),
                first_row: first_at.row,
            },
        }
    }
}

impl Inference {
    /// Adds one row, the text of an object.
    pub(super) fn add(&mut self, text: &str, file: usize, place: Place) -> Result<(), Problem> {
        if let Some(got) = not_an_object(text) {
            return Err(Problem::Row(RowProblem::NotAnObject { got }));
        }
        let mut walk =
            Walk { origin: Origin { file, row: place.row }, path: Vec::new(), found: None };
        let mut parser = serde_json::Deserializer::from_str(text);
        let grow = GrowMembers { members: &mut self.root, walk: &mut walk };
        let parsed = parser.deserialize_map(grow).and_then(|()| parser.end());
        match (parsed, walk.found.take()) {
            (Ok(()), _) => Ok(()),
            (Err(source), None) => Err(Problem::Row(invalid(text, place.line, source))),
            (Err(_), Some(found)) => Err(found.at(walk.field())),
        }
    }

    /// Returns the columns, in the order in which they first came.
    pub(super) fn schema(&self) -> Schema {
        Schema::new(self.root.fields())
    }
}

/// What a value begins with says what it is. A text that is nothing is left to the parser.
fn not_an_object(text: &str) -> Option<&'static str> {
    match text.trim_ascii_start().bytes().next()? {
        b'[' => Some("a list"),
        b'"' => Some("a string"),
        b'0'..=b'9' | b'-' => Some("a number"),
        b'n' => Some("null"),
        b't' | b'f' => Some("a boolean"),
        _ => None,
    }
}

/// Says better than the parser what is wrong with half a surrogate pair.
fn invalid(text: &str, line: u64, source: serde_json::Error) -> RowProblem {
    match lone_surrogate(text) {
        Some(half) => RowProblem::LoneSurrogate { line, half },
        None => RowProblem::Json { line, source },
    }
}

/// What was found on the way through a row. Errors of `serde` carry text only, so it waits here.
struct Walk {
    origin: Origin,
    /// From the innermost name outward; filled while an error travels up.
    path: Vec<String>,
    found: Option<Found>,
}

enum Found {
    Mixed { got: &'static str, first: &'static str, first_at: Origin },
    Duplicate,
}

impl Found {
    fn at(self, field: String) -> Problem {
        match self {
            Self::Mixed { got, first, first_at } => Problem::Mixed { field, got, first, first_at },
            Self::Duplicate => Problem::Row(RowProblem::DuplicateField { field }),
        }
    }
}

impl Walk {
    fn field(&self) -> String {
        let mut field = String::new();
        for name in self.path.iter().rev() {
            if !field.is_empty() && name != "[]" {
                field.push('.');
            }
            field.push_str(name);
        }
        field
    }
}

/// Lets a field take in one value.
struct Grow<'a> {
    inferred: &'a mut Inferred,
    walk: &'a mut Walk,
}

impl<'a> Grow<'a> {
    /// Makes the field this shape if it has none yet; otherwise leaves the shape that it has.
    fn settle<E: Error>(self, shape: Shape) -> Result<(&'a mut Shape, &'a mut Walk), E> {
        let Self { inferred, walk } = self;
        if matches!(inferred.shape, Shape::Null) {
            *inferred = Inferred { shape, origin: walk.origin };
        } else if std::mem::discriminant(&inferred.shape) != std::mem::discriminant(&shape) {
            let (got, first) = (shape.name(), inferred.shape.name());
            walk.found = Some(Found::Mixed { got, first, first_at: inferred.origin });
            return Err(E::custom("mixed types"));
        }
        Ok((&mut inferred.shape, walk))
    }

    fn number<E: Error>(self, kind: Numbers) -> Result<(), E> {
        if let (Shape::Number(numbers), _) = self.settle(Shape::Number(kind))? {
            numbers.add(kind);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Grow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grow<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.settle(Shape::Bool).map(drop)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        // The parser calls this for negative numbers only.
        self.number(Numbers::NEGATIVE)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let fits = i64::try_from(value).is_ok();
        self.number(if fits { Numbers::PLAIN } else { Numbers::BEYOND_INT64 })
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.number(Numbers::FLOAT)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.settle(Shape::Text).map(drop)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (shape, walk) = self.settle(Shape::List(Box::default()))?;
        let Shape::List(item) = shape else { unreachable!("settled as a list") };
        loop {
            match items.next_element_seed(Grow { inferred: item, walk }) {
                Ok(Some(())) => {}
                Ok(None) => return Ok(()),
                Err(error) => {
                    walk.path.push("[]".to_owned());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let (shape, walk) = self.settle(Shape::Object(Members::default()))?;
        let Shape::Object(members) = shape else { unreachable!("settled as an object") };
        GrowMembers { members, walk }.visit_map(entries)
    }
}

/// Lets the fields of an object take in those of one more.
struct GrowMembers<'a> {
    members: &'a mut Members,
    walk: &'a mut Walk,
}

impl<'de> Visitor<'de> for GrowMembers<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { members, walk } = self;
        members.begin();
        while let Some(member) = entries.next_key_seed(Enter { members: &mut *members, walk })? {
            if let Err(error) =
                entries.next_value_seed(Grow { inferred: &mut member.inferred, walk })
            {
                walk.path.push(member.name.clone());
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Finds or makes the member that a key names.
struct Enter<'m, 'w> {
    members: &'m mut Members,
    walk: &'w mut Walk,
}

impl<'de, 'm> DeserializeSeed<'de> for Enter<'m, '_> {
    type Value = &'m mut Member;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<&'m mut Member, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'m> Visitor<'_> for Enter<'m, '_> {
    type Value = &'m mut Member;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'m mut Member, E> {
        let Self { members, walk } = self;
        members.enter(name).ok_or_else(|| {
            walk.found = Some(Found::Duplicate);
            walk.path.push(name.to_owned());
            E::custom("duplicate key")
        })
    }
}
