//! The body of `POST /invocations`: a text, a list, or an object with either.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::huggingface::Parameters;
use crate::tei::SimilarityInputs;

/// What a client wants of the model.
#[derive(Debug, Clone, PartialEq, ToSchema)]
pub struct Invocation {
    /// What to embed, or what to compare.
    pub inputs: InvocationInputs,
    /// How.
    pub parameters: Parameters,
}

/// The shape of the inputs says which task is meant.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
pub enum InvocationInputs {
    /// One text to embed.
    One(String),
    /// Texts to embed.
    List(Vec<InvocationItem>),
    /// Token ids of one text.
    Ids(Vec<u32>),
    /// Texts to compare.
    Similarity(SimilarityInputs),
}

/// One input of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum InvocationItem {
    /// A text.
    Text(String),
    /// Token ids.
    Ids(Vec<u32>),
    /// A text behind its instruction.
    Instructed(String, String),
}

impl<'de> Deserialize<'de> for Invocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InvocationVisitor)
    }
}

struct InvocationVisitor;

impl<'de> Visitor<'de> for InvocationVisitor {
    type Value = Invocation;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a list of strings, or an object with `inputs`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Invocation, E> {
        Ok(InvocationInputs::One(text.to_owned()).into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Invocation, E> {
        Ok(InvocationInputs::One(text).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Invocation, A::Error> {
        InputsVisitor.visit_seq(items).map(Into::into)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Invocation, A::Error> {
        let object = Object::deserialize(MapAccessDeserializer::new(fields))?;
        // The root goes before what is below it.
        let root = Parameters {
            truncate: object.truncate,
            truncation_direction: object.truncation_direction,
            prompt_name: object.prompt_name,
            normalize: object.normalize,
            dimensions: object.dimensions,
        };
        let parameters = root.or(object.parameters.unwrap_or_default());
        Ok(Invocation { inputs: object.inputs, parameters })
    }
}

impl From<InvocationInputs> for Invocation {
    fn from(inputs: InvocationInputs) -> Self {
        Self { inputs, parameters: Parameters::default() }
    }
}

/// The inputs in an object. JumpStart's models call them `text_inputs`.
#[derive(Deserialize)]
struct Object {
    #[serde(alias = "text_inputs")]
    inputs: InvocationInputs,
    truncate: Option<bool>,
    truncation_direction: Option<crate::tei::TruncationDirection>,
    prompt_name: Option<String>,
    normalize: Option<bool>,
    dimensions: Option<usize>,
    parameters: Option<Parameters>,
}

impl<'de> Deserialize<'de> for InvocationInputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = InvocationInputs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a string, a list of strings, of pairs of an instruction and a text, or of token ids, or an \
             object with source_sentence and sentences",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<InvocationInputs, E> {
        Ok(InvocationInputs::One(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<InvocationInputs, E> {
        Ok(InvocationInputs::One(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<InvocationInputs, A::Error> {
        match items.next_element::<Element>()? {
            None => Ok(InvocationInputs::List(Vec::new())),
            Some(Element::Id(id)) => {
                let mut ids = vec![id];
                while let Some(Id(id)) = items.next_element()? {
                    ids.push(id);
                }
                Ok(InvocationInputs::Ids(ids))
            }
            Some(Element::Item(item)) => {
                let mut list = vec![item];
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(InvocationInputs::List(list))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<InvocationInputs, A::Error> {
        SimilarityInputs::deserialize(MapAccessDeserializer::new(fields))
            .map(InvocationInputs::Similarity)
    }
}

struct Id(u32);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Element::deserialize(deserializer)? {
            Element::Id(id) => Ok(Self(id)),
            Element::Item(_) => Err(D::Error::custom("a list of token ids has token ids alone")),
        }
    }
}

impl<'de> Deserialize<'de> for InvocationItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Element::deserialize(deserializer)? {
            Element::Item(item) => Ok(item),
            Element::Id(id) => Err(D::Error::invalid_type(
                Unexpected::Unsigned(id.into()),
                &"a string, or a list as the first one is",
            )),
        }
    }
}

/// What stands in a list.
enum Element {
    Id(u32),
    Item(InvocationItem),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a string, a token id of 32 bits, a list of token ids, or a pair of an instruction and a text",
        )
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Element, E> {
        let id = u32::try_from(id);
        id.map(Element::Id).map_err(|_| E::custom("a token id has 32 bits"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Item(InvocationItem::Text(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Element, E> {
        Ok(Element::Item(InvocationItem::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Element, A::Error> {
        let item = match parts.next_element::<Element>()? {
            Some(Element::Item(InvocationItem::Text(instruction))) => {
                let text: Option<String> = parts.next_element()?;
                let text =
                    text.ok_or_else(|| A::Error::invalid_length(1, &"an instruction and a text"))?;
                if parts.next_element::<String>()?.is_some() {
                    return Err(A::Error::invalid_length(3, &"an instruction and a text"));
                }
                InvocationItem::Instructed(instruction, text)
            }
            Some(Element::Item(_)) => {
                return Err(A::Error::custom("a list within a list within a list is no input"));
            }
            first => {
                let mut ids: Vec<u32> = Vec::new();
                ids.extend(first.map(|first| match first {
                    Element::Id(id) => id,
                    Element::Item(_) => unreachable!("items were matched before"),
                }));
                while let Some(Id(id)) = parts.next_element()? {
                    ids.push(id);
                }
                InvocationItem::Ids(ids)
            }
        };
        Ok(Element::Item(item))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Expect) {
        match serde_json::from_str::<Invocation>(json) {
            Ok(invocation) => expected.assert_eq(&format!("{:?}", invocation.inputs)),
            Err(err) => expected.assert_eq(&format!("error: {err}")),
        }
    }

    #[test]
    fn inputs_stand_alone_or_in_an_object() {
        check(r#""a""#, expect![[r#"One("a")"#]]);
        check(r#"["a","b"]"#, expect![[r#"List([Text("a"), Text("b")])"#]]);
        check(r#"{"inputs":["a"]}"#, expect![[r#"List([Text("a")])"#]]);
        check(r#"{"text_inputs":"a"}"#, expect![[r#"One("a")"#]]);
        check(r#"{"inputs":[7,8]}"#, expect!["Ids([7, 8])"]);
        check("[]", expect!["List([])"]);
        check(
            r#"{"inputs":{"source_sentence":"a","sentences":["b"]}}"#,
            expect![[r#"Similarity(SimilarityInputs { source_sentence: "a", sentences: ["b"] })"#]],
        );
    }

    #[test]
    fn a_pair_is_an_instruction_and_a_text() {
        check(
            r#"[["Represent the title:","a"],"b",[1,2]]"#,
            expect![[r#"List([Instructed("Represent the title:", "a"), Text("b"), Ids([1, 2])])"#]],
        );
    }

    #[test]
    fn anything_else_is_refused() {
        check(
            r#"[["a"]]"#,
            expect![
                "error: invalid length 1, expected an instruction and a text at line 1 column 6"
            ],
        );
        check(
            r#"[["a","b","c"]]"#,
            expect![
                "error: invalid length 3, expected an instruction and a text at line 1 column 14"
            ],
        );
        check(
            r#"[[["a","b"]]]"#,
            expect!["error: a list within a list within a list is no input at line 1 column 12"],
        );
        check(
            "7",
            expect![
                "error: invalid type: integer `7`, expected a string, a list of strings, or an object with `inputs` at line 1 column 1"
            ],
        );
        check(r#"{"input":"a"}"#, expect!["error: missing field `inputs` at line 1 column 13"]);
    }
}
