//! Against what `datasets` 5.2.0 printed for the same types.

use std::collections::HashMap;

use super::*;

#[track_caller]
fn check(data_type: DataType, json: &str) {
    let schema = Schema::new(vec![Field::new("x", data_type, true)]);
    let features = Features::of(&schema, None).unwrap();
    assert_eq!(features.metadata(), format!(r#"{{"info":{{"features":{{"x":{json}}}}}}}"#));
}

fn list(item: DataType) -> DataType {
    DataType::new_list(item, true)
}

#[test]
fn types_are_spelled_as_the_library_spells_them() {
    let value = |dtype: &str| format!(r#"{{"dtype":"{dtype}","_type":"Value"}}"#);
    for (data_type, dtype) in [
        (DataType::Null, "null"),
        (DataType::Boolean, "bool"),
        (DataType::UInt64, "uint64"),
        (DataType::Float16, "float16"),
        (DataType::Utf8, "string"),
        (DataType::LargeUtf8, "large_string"),
        (DataType::Utf8View, "string_view"),
        (DataType::BinaryView, "binary_view"),
        (DataType::Date64, "date64"),
        (DataType::Time32(TimeUnit::Second), "time32[s]"),
        (DataType::Time64(TimeUnit::Microsecond), "time64[us]"),
        (DataType::Duration(TimeUnit::Millisecond), "duration[ms]"),
        (DataType::Timestamp(TimeUnit::Nanosecond, None), "timestamp[ns]"),
        (
            DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Paris".into())),
            "timestamp[us, tz=Europe/Paris]",
        ),
        (DataType::Decimal128(10, 2), "decimal128(10, 2)"),
        (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), "string"),
    ] {
        check(data_type, &value(dtype));
    }
    check(
        list(list(DataType::Int64)),
        r#"{"feature":{"feature":{"dtype":"int64","_type":"Value"},"_type":"List"},"_type":"List"}"#,
    );
    check(
        DataType::new_large_list(DataType::Int64, true),
        r#"{"feature":{"dtype":"int64","_type":"Value"},"_type":"LargeList"}"#,
    );
    check(
        DataType::new_fixed_size_list(DataType::Float32, 384, true),
        r#"{"feature":{"dtype":"float32","_type":"Value"},"length":384,"_type":"List"}"#,
    );
    let fields =
        vec![Field::new("z", DataType::Int64, true), Field::new("a", list(DataType::Utf8), true)];
    check(
        DataType::Struct(fields.into()),
        r#"{"z":{"dtype":"int64","_type":"Value"},"a":{"feature":{"dtype":"string","_type":"Value"},"_type":"List"}}"#,
    );
}

#[test]
fn what_the_library_cannot_hold_is_refused() {
    let empty = DataType::Struct(Vec::<Field>::new().into());
    for data_type in [empty.clone(), list(empty), DataType::Decimal32(5, 2)] {
        let schema = Schema::new(vec![Field::new("x", data_type, true)]);
        let refused = Features::of(&schema, None);
        assert!(matches!(refused, Err(ColumnError::Unsupported { .. })), "{refused:?}");
    }
}

#[test]
fn what_a_source_declares_beyond_its_types_is_kept() {
    let declared = r#"{"info":{"features":{"label":{"names":["neg","pos"],"_type":"ClassLabel"},"gone":{"_type":"Image"}}}}"#;
    let metadata = HashMap::from([(HUGGINGFACE_KEY.to_owned(), declared.to_owned())]);
    let fields =
        vec![Field::new("text", DataType::Utf8, true), Field::new("label", DataType::Int64, true)];
    let schema = Schema::new(fields).with_metadata(metadata);
    let declared = Features::declared_in(&schema);
    let features = Features::of(&schema, declared.as_ref()).unwrap();
    assert_eq!(
        features.metadata(),
        r#"{"info":{"features":{"text":{"dtype":"string","_type":"Value"},"label":{"names":["neg","pos"],"_type":"ClassLabel"}}}}"#
    );
    assert_eq!(features.card(), None, "a card without the names would win over the metadata");
}

#[test]
fn what_cannot_be_parsed_is_as_good_as_absent() {
    for text in ["", "[]", r#"{"info":{"features":[]}}"#] {
        let metadata = HashMap::from([(HUGGINGFACE_KEY.to_owned(), text.to_owned())]);
        assert_eq!(Features::declared_in(&Schema::empty().with_metadata(metadata)), None);
    }
}

#[test]
fn lists_and_structs_are_shortened_in_a_card() {
    let point = DataType::Struct(vec![Field::new("c", DataType::Utf8, true)].into());
    let fields: Vec<Field> = [
        ("plain", DataType::Int64),
        ("list", list(DataType::Utf8)),
        ("lists", list(list(DataType::Int64))),
        ("structs", list(point)),
        ("fixed", list(DataType::new_fixed_size_list(DataType::Float32, 3, true))),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect();
    let card = Features::of(&Schema::new(fields), None).unwrap().card().unwrap();
    let Ordered::List(columns) = card else { panic!("a card lists the columns") };
    let lines: Vec<String> =
        columns.iter().map(|column| serde_json::to_string(column).unwrap()).collect();
    assert_eq!(
        lines,
        [
            r#"{"name":"plain","dtype":"int64"}"#,
            r#"{"name":"list","list":"string"}"#,
            r#"{"name":"lists","list":{"list":"int64"}}"#,
            r#"{"name":"structs","list":[{"name":"c","dtype":"string"}]}"#,
            r#"{"name":"fixed","list":{"list":"float32","length":3}}"#,
        ]
    );
}

#[test]
fn messages_name_types_as_people_do() {
    for (data_type, name) in [
        (DataType::Int64, "int64"),
        (list(list(DataType::Utf8)), "lists of lists of string"),
        (DataType::Struct(vec![Field::new("a", DataType::Utf8, true)].into()), "objects"),
        (DataType::Null, "nothing but nulls"),
    ] {
        assert_eq!(type_name(&data_type), name);
    }
}
