//! The vector of a query.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A query's vector: a list of numbers or, as 2.x passes an endpoint's answer on, a list of one such list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = PineconeQueryVector, value_type = Vec<f32>)]
pub struct QueryVector(pub Vec<f32>);

impl<'de> Deserialize<'de> for QueryVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(QueryVectorVisitor).map(Self)
    }
}

struct QueryVectorVisitor;

impl<'de> Visitor<'de> for QueryVectorVisitor {
    type Value = Vec<f32>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of numbers, or a list of one list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<f32>, A::Error> {
        let mut values = Vec::new();
        while let Some(item) = items.next_element()? {
            match item {
                Item::Number(value) => values.push(value),
                Item::Row(row) if values.is_empty() && items.next_element::<Item>()?.is_none() => {
                    return Ok(row);
                }
                Item::Row(_) => {
                    return Err(de::Error::custom("a query has one vector; send one query each"));
                }
            }
        }
        Ok(values)
    }
}

enum Item {
    Number(f32),
    Row(Vec<f32>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
        Ok(Item::Number(value as f32))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
        Ok(Item::Number(value as f32))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
        Ok(Item::Number(value as f32))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Item, A::Error> {
        Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(Item::Row)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_vector(json: &str, expected: Expect) {
        match serde_json::from_str::<QueryVector>(json) {
            Ok(vector) => expected.assert_eq(&format!("{:?}", vector.0)),
            Err(err) => expected.assert_eq(&err.to_string()),
        }
    }

    #[test]
    fn a_query_vector_may_be_nested_once() {
        check_vector("[1, 0.5, -2]", expect!["[1.0, 0.5, -2.0]"]);
        check_vector("[[1, 0.5, -2]]", expect!["[1.0, 0.5, -2.0]"]);
        check_vector("[]", expect!["[]"]);
        check_vector(
            "[[1], [2]]",
            expect!["a query has one vector; send one query each at line 1 column 10"],
        );
        check_vector(
            "[1, [2]]",
            expect!["a query has one vector; send one query each at line 1 column 8"],
        );
        check_vector("[[[1]]]", expect!["invalid type: sequence, expected f32 at line 1 column 2"]);
        check_vector(
            r#"["a"]"#,
            expect![[r#"invalid type: string "a", expected a number at line 1 column 4"#]],
        );
    }
}
