//! JSON in which no object has a key twice.
//!
//! Most readers of JSON keep the last of two values and drop the other, so what a filter or a record
//! then means is not what its sender wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What was read from JSON whose objects have each key once: a [`Value`] or a [`Map`] at any depth, a
/// [`BTreeMap`] itself. Reading any other JSON is an error that names the key.
///
/// Fields of a request use it through [`one`] and [`option`].
#[derive(Debug, Clone, PartialEq)]
pub struct Distinct<T>(pub T);

/// Reads a field as [`Distinct`] does, for serde's `deserialize_with`.
///
/// # Errors
///
/// If it is something else, or an object of it has a key twice.
pub fn one<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    Distinct<T>: Deserialize<'de>,
{
    Distinct::deserialize(deserializer).map(|Distinct(it)| it)
}

/// Reads a field that may be null as [`Distinct`] does, for serde's `deserialize_with` beside `default`.
///
/// # Errors
///
/// If it is something else, or an object of it has a key twice.
pub fn option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    Distinct<T>: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.map(|Distinct(it)| it))
}

impl<'de> Deserialize<'de> for Distinct<Value> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Distinct<Map<String, Value>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Distinct<BTreeMap<String, T>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(PhantomData)).map(Self)
    }
}

const OBJECT: &str = "an object";

fn twice<E: de::Error>(key: &str) -> E {
    E::custom(format_args!("key `{key}` comes twice in one object"))
}

struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(OBJECT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(twice(&key));
            }
            let Distinct(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(map)
    }
}

struct FieldsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldsVisitor<T> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(OBJECT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(twice(&key));
            }
            fields.insert(key, entries.next_value()?);
        }
        Ok(fields)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Distinct(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        MapVisitor.visit_map(entries).map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_refused<T>(json: &str, expected: Expect)
    where
        Distinct<T>: for<'de> Deserialize<'de> + fmt::Debug,
    {
        let err = serde_json::from_str::<Distinct<T>>(json).unwrap_err();
        expected.assert_eq(&err.to_string());
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_at_any_depth() {
        check_refused::<Value>(
            r#"{"a":1,"b":2,"a":3}"#,
            expect!["key `a` comes twice in one object at line 1 column 16"],
        );
        check_refused::<Value>(
            r#"{"$and":[{"a":{"$gt":1,"$gt":2}}]}"#,
            expect!["key `$gt` comes twice in one object at line 1 column 28"],
        );
        check_refused::<Map<String, Value>>(
            r#"{"a":{"b":1,"b":1}}"#,
            expect!["key `b` comes twice in one object at line 1 column 15"],
        );
        check_refused::<BTreeMap<String, String>>(
            r#"{"a":"x","\u0061":"y"}"#,
            expect!["key `a` comes twice in one object at line 1 column 17"],
        );
    }

    #[test]
    fn what_is_no_object_is_named() {
        check_refused::<Map<String, Value>>(
            "[1]",
            expect!["invalid type: sequence, expected an object at line 1 column 0"],
        );
        check_refused::<BTreeMap<String, String>>(
            "5",
            expect!["invalid type: integer `5`, expected an object at line 1 column 1"],
        );
    }

    #[test]
    fn the_same_key_in_two_objects_is_no_matter() {
        let json = r#"[{"a":1},{"a":{"a":null}}]"#;
        let Distinct(value) = serde_json::from_str::<Distinct<Value>>(json).unwrap();
        assert_eq!(value.to_string(), json);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_other_json_is_read_as_it_is(json in any_json()) {
            let Distinct(read) = serde_json::from_str::<Distinct<Value>>(&json.to_string()).unwrap();
            prop_assert_eq!(read, json);
        }
    }
}
