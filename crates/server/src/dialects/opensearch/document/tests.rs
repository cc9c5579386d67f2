//! Documents become records and come back as they were.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn mapped() -> Mapped {
    let body = json!({"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 2}}}});
    Mapped::plan("books", serde_json::from_value(body).unwrap(), 0).unwrap()
}

fn round_trip(text: &str) -> String {
    let mapped = mapped();
    let record = record(&mapped, "1", 3, text).unwrap();
    assert_eq!(version(&record), 3);
    source(&mapped, &record).unwrap().get().to_owned()
}

#[track_caller]
fn check_refused(text: &str, expected: Expect) {
    expected.assert_eq(&record(&mapped(), "1", 1, text).unwrap_err());
}

#[test]
fn a_document_comes_back_as_it_was_sent() {
    for text in [
        r#"{"v":[0.1,-2.5],"text":"a \"b\"\n","metadata":{"z":1,"a":{"deep":[1,null,{"x":1.50}]}}}"#,
        r#"{"text":"","big":12345678901234567890,"v":[1.0,0.0]}"#,
        r#"{"v":[0.10000000149011612,-2.5]}"#,
        r#"{"v":[0.1234567890123,2]}"#,
        r#"{"snow\u2603":1,"v":[1e-7,1.0]}"#,
    ] {
        let back = round_trip(text);
        let (sent, back): (Value, Value) =
            (serde_json::from_str(text).unwrap(), serde_json::from_str(&back).unwrap());
        assert_eq!(sent["v"].as_array().unwrap().len(), 2);
        for (a, b) in sent["v"].as_array().unwrap().iter().zip(back["v"].as_array().unwrap()) {
            assert_eq!(a.as_f64(), b.as_f64(), "{text}");
        }
        let without_vector =
            |mut value: Value| value.as_object_mut().unwrap().remove("v").map(|_| value);
        assert_eq!(without_vector(sent), without_vector(back), "{text}");
    }
}

#[test]
fn the_order_of_fields_and_the_digits_of_numbers_stay() {
    let text = r#"{"z":1.50,"v":[0.1,2.5],"a":[1, 2]}"#;
    assert_eq!(round_trip(text), text);
}

#[test]
fn a_vector_of_floats_is_kept_once() {
    let record = record(&mapped(), "1", 1, r#"{"v":[0.1,2.5]}"#).unwrap();
    assert_eq!(record.values, [0.1, 2.5]);
    assert_eq!(record.metadata[SOURCE], Kept::from(r#"{"v":null}"#));
    assert_eq!(source_bytes(&record.metadata), 10);
}

#[test]
fn a_record_of_another_dialect_is_shown_as_a_document() {
    let metadata = Metadata::from([("lang".to_owned(), Kept::from("en"))]);
    let record = Record { id: "1".to_owned(), values: vec![1.0, 0.5], sparse: None, metadata };
    expect![[r#"{"metadata":{"lang":"en"},"v":[1.0,0.5]}"#]]
        .assert_eq(source(&mapped(), &record).unwrap().get());
}

#[test]
fn what_is_no_document_says_why() {
    check_refused(
        "[1]",
        expect![
            "failed to parse the document: invalid type: sequence, expected an object at line 1 column 0"
        ],
    );
    check_refused(
        "{\"v\":",
        expect!["failed to parse the document: EOF while parsing a value at line 1 column 5"],
    );
    check_refused(
        r#"{"text":"a"}"#,
        expect!["the document has no field [v]; every document of index [books] needs its vector"],
    );
    check_refused(
        r#"{"v":[1,"b"]}"#,
        expect![[
            r#"failed to parse field [v] as a list of numbers: invalid type: string "b", expected f64 at line 1 column 6"#
        ]],
    );
    check_refused(
        r#"{"v":[1,2],"v":[1,2]}"#,
        expect!["failed to parse the document: field [v] comes twice at line 1 column 21"],
    );
    check_refused(
        r#"{"v":[1,2],"_id":"x"}"#,
        expect!["field [_id] is one of the index's own and cannot be a document's"],
    );
    let deep = format!(r#"{{"v":[1,2],"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let err = record(&mapped(), "1", 1, &deep).unwrap_err();
    assert!(err.contains("recursion limit exceeded"), "{err}");
}

proptest! {
    // Whatever digits a client chooses, it reads back the same numbers.
    #[test]
    fn every_number_of_a_vector_comes_back_equal(
        singles in prop::collection::vec(prop::num::f32::NORMAL, 2),
        doubles in prop::collection::vec(-1e30_f64..1e30, 2),
    ) {
        let widened: Vec<f64> = singles.iter().map(|x| f64::from(*x)).collect();
        for vector in [json!(singles), json!(widened), json!(doubles)] {
            let text = json!({ "v": vector }).to_string();
            let back: Value = serde_json::from_str(&round_trip(&text)).unwrap();
            let sent: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back, sent);
        }
    }
}
