//! The `inputs` value that the dialects share: a text, token ids, or a list of those.
//!
//! Read by hand and not as an untagged enum, which would copy every string through a buffer and say
//! no more than "data did not match any variant" about a wrong one.

use std::fmt;

use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// What a client wants embedded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Inputs {
    /// One text.
    Text(String),
    /// One input as token ids.
    Ids(Vec<u32>),
    /// Several inputs. An empty list is read as this.
    Batch(Vec<Item>),
}

/// One input of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Item {
    /// A text.
    Text(String),
    /// Token ids.
    Ids(Vec<u32>),
}

// Says "a token id" where a plain `u32` would say "u32".
struct Id(u32);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a token id of 32 bits")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
        match u32::try_from(id) {
            Ok(id) => Ok(Id(id)),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(id), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

/// Reads [`Inputs`]; for readers that accept something else in the same place.
pub(crate) struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a list of token ids, or a list of those")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
        Ok(Inputs::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
        Ok(Inputs::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inputs, A::Error> {
        match items.next_element::<First>()? {
            None => Ok(Inputs::Batch(Vec::new())),
            Some(First::Id(id)) => Ok(Inputs::Ids(ids(vec![id], items)?)),
            Some(First::Item(item)) => {
                let mut batch = vec![item];
                while let Some(item) = items.next_element()? {
                    batch.push(item);
                }
                Ok(Inputs::Batch(batch))
            }
        }
    }
}

fn ids<'de, A: SeqAccess<'de>>(mut ids: Vec<u32>, mut rest: A) -> Result<Vec<u32>, A::Error> {
    while let Some(Id(id)) = rest.next_element()? {
        ids.push(id);
    }
    Ok(ids)
}

// The first element of a list decides what the list is.
enum First {
    Id(u32),
    Item(Item),
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstVisitor)
    }
}

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = First;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a token id or a list of token ids")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<First, E> {
        IdVisitor.visit_u64(id).map(|Id(id)| First::Id(id))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<First, E> {
        Ok(First::Item(Item::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, ids: A) -> Result<First, A::Error> {
        ItemVisitor.visit_seq(ids).map(First::Item)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Item, E> {
        Ok(Item::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Item, A::Error> {
        ids(Vec::new(), items).map(Item::Ids)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Expect) {
        match serde_json::from_str::<Inputs>(json) {
            Ok(inputs) => expected.assert_eq(&format!("{inputs:?}")),
            Err(err) => expected.assert_eq(&format!("error: {err}")),
        }
    }

    #[test]
    fn the_first_element_decides_what_a_list_is() {
        check(r#""a""#, expect![[r#"Text("a")"#]]);
        check("[7, 8]", expect!["Ids([7, 8])"]);
        check(r#"["a", [7], "b"]"#, expect![[r#"Batch([Text("a"), Ids([7]), Text("b")])"#]]);
        check("[[7], []]", expect!["Batch([Ids([7]), Ids([])])"]);
        check("[]", expect!["Batch([])"]);
    }

    #[test]
    fn a_wrong_type_says_what_was_expected() {
        check(
            "5",
            expect![[
                r#"error: invalid type: integer `5`, expected a string, a list of token ids, or a list of those at line 1 column 1"#
            ]],
        );
        check(
            "null",
            expect![[
                r#"error: invalid type: null, expected a string, a list of token ids, or a list of those at line 1 column 4"#
            ]],
        );
        check(
            r#"["a", 5]"#,
            expect![[
                r#"error: invalid type: integer `5`, expected a string or a list of token ids at line 1 column 7"#
            ]],
        );
        check(
            r#"[5, "a"]"#,
            expect![[
                r#"error: invalid type: string "a", expected a token id of 32 bits at line 1 column 7"#
            ]],
        );
        check(
            "[-1]",
            expect![[
                r#"error: invalid type: integer `-1`, expected a string, a token id or a list of token ids at line 1 column 3"#
            ]],
        );
        check(
            "[4294967296]",
            expect![[
                r#"error: invalid value: integer `4294967296`, expected a token id of 32 bits at line 1 column 11"#
            ]],
        );
        check(
            "[1.5]",
            expect![[
                r#"error: invalid type: floating point `1.5`, expected a string, a token id or a list of token ids at line 1 column 4"#
            ]],
        );
    }

    #[test]
    fn half_of_a_surrogate_pair_is_refused() {
        check(
            r#""\ud800""#,
            expect![[r#"error: unexpected end of hex escape at line 1 column 8"#]],
        );
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            any::<String>().prop_map(Item::Text),
            vec(any::<u32>(), 0..5).prop_map(Item::Ids)
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            inputs in prop_oneof![
                any::<String>().prop_map(Inputs::Text),
                vec(any::<u32>(), 1..5).prop_map(Inputs::Ids),
                vec(item(), 0..5).prop_map(Inputs::Batch),
            ]
        ) {
            let json = serde_json::to_string(&inputs).unwrap();
            prop_assert_eq!(serde_json::from_str::<Inputs>(&json).unwrap(), inputs);
        }
    }
}
