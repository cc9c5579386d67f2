//! What a JSON field has shown itself to be, and its Arrow type.
//!
//! Numbers are int64, uint64 if all are at least 0 and one needs it, or else float64. A field that some
//! rows lack is null there.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Fields};

/// What one field is.
#[derive(Default)]
pub(super) struct Inferred {
    pub(super) shape: Shape,
    /// Where the shape was first seen.
    pub(super) origin: Origin,
}

#[derive(Default)]
pub(super) enum Shape {
    /// Nothing but null so far.
    #[default]
    Null,
    Bool,
    Number(Numbers),
    Text,
    List(Box<Inferred>),
    Object(Members),
}

/// Which numbers a field has shown; a set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers(u8);

impl Numbers {
    pub(super) const PLAIN: Self = Self(0);
    pub(super) const NEGATIVE: Self = Self(1);
    pub(super) const BEYOND_INT64: Self = Self(2);
    pub(super) const FLOAT: Self = Self(4);

    /// Adds another kind.
    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn data_type(self) -> DataType {
        match self {
            Self::PLAIN | Self::NEGATIVE => DataType::Int64,
            Self::BEYOND_INT64 => DataType::UInt64,
            _ => DataType::Float64,
        }
    }
}

/// The fields of an object, in the order in which they first came.
#[derive(Default)]
pub(super) struct Members {
    by_name: HashMap<String, usize>,
    members: Vec<Member>,
    /// Objects seen; tells a duplicate key from one that an earlier object had.
    num_objects: u64,
}

pub(super) struct Member {
    pub(super) name: String,
    last_object: u64,
    pub(super) inferred: Inferred,
}

impl Members {
    pub(super) fn fields(&self) -> Fields {
        let field = |member: &Member| Field::new(&member.name, member.inferred.data_type(), true);
        self.members.iter().map(field).collect()
    }

    /// Begins another object; each key may come once in it.
    pub(super) fn begin(&mut self) {
        self.num_objects += 1;
    }

    /// Returns the member of this name, which is new or was last in an earlier object; `None` if
    /// this object has had it.
    pub(super) fn enter(&mut self, name: &str) -> Option<&mut Member> {
        let index = match self.by_name.get(name) {
            Some(&index) => index,
            None => {
                let inferred = Inferred::default();
                self.members.push(Member { name: name.to_owned(), last_object: 0, inferred });
                self.by_name.insert(name.to_owned(), self.members.len() - 1);
                self.members.len() - 1
            }
        };
        let member = &mut self.members[index];
        let is_new = member.last_object != self.num_objects;
        member.last_object = self.num_objects;
        is_new.then_some(member)
    }
}

impl Inferred {
    fn data_type(&self) -> DataType {
        match &self.shape {
            Shape::Null => DataType::Null,
            Shape::Bool => DataType::Boolean,
            Shape::Number(numbers) => numbers.data_type(),
            Shape::Text => DataType::Utf8,
            Shape::List(item) => DataType::new_list(item.data_type(), true),
            Shape::Object(members) => DataType::Struct(members.fields()),
        }
    }
}

impl Shape {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number(_) => "a number",
            Self::Text => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Which row a type was first seen in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    pub(super) file: usize,
    pub(super) row: u64,
}
