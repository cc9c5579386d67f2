//! Structs that are read from objects alone.
//!
//! serde also takes a list for a struct, its items for the fields in their order, which no dialect
//! documents: a client that sends one has mistaken something, and would be answered as if it had not.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A struct that was read from a JSON object. Reading a list, or anything else, is an error.
///
/// Fields of a request use it through [`one`], [`option`] and [`list`].
#[derive(Debug, Clone, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

/// Reads a field as [`Object`] does, for serde's `deserialize_with`.
///
/// # Errors
///
/// If it is no object, or not that of the struct.
pub fn one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(it)| it)
}

/// Reads a field that may be null as [`Object`] does, for serde's `deserialize_with` beside `default`.
///
/// # Errors
///
/// If it is no object, or not that of the struct.
pub fn option<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Object(it)| it))
}

/// Reads a list of what [`Object`] reads, for serde's `deserialize_with`.
///
/// # Errors
///
/// If it is no list, or one of its items is no object or not that of the struct.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Object(it)| it).collect())
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    struct Point {
        x: u8,
    }

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Points {
        #[serde(deserialize_with = "one")]
        one: Point,
        #[serde(deserialize_with = "option")]
        option: Option<Point>,
        #[serde(deserialize_with = "list")]
        list: Vec<Point>,
    }

    #[track_caller]
    fn check_refused(json: &str, expected: Expect) {
        let err = serde_json::from_str::<Points>(json).unwrap_err();
        expected.assert_eq(&err.to_string());
    }

    #[test]
    fn a_list_is_no_object() {
        check_refused(
            r#"{"one":[1]}"#,
            expect!["invalid type: sequence, expected an object at line 1 column 7"],
        );
        check_refused(
            r#"{"option":[1]}"#,
            expect!["invalid type: sequence, expected an object at line 1 column 10"],
        );
        check_refused(
            r#"{"list":[{"x":1},[1]]}"#,
            expect!["invalid type: sequence, expected an object at line 1 column 17"],
        );
        check_refused(
            r#"{"list":"x"}"#,
            expect![[r#"invalid type: string "x", expected a sequence at line 1 column 11"#]],
        );
    }

    #[test]
    fn objects_are_read_as_ever() {
        let read: Points =
            serde_json::from_str(r#"{"one":{"x":1},"option":null,"list":[{"x":2}]}"#).unwrap();
        assert_eq!(read, Points { one: Point { x: 1 }, option: None, list: vec![Point { x: 2 }] });
    }
}
