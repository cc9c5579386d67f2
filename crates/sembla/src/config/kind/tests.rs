//! Which values each kind takes.

use super::*;

/// Parses each text and prints the canonical value, or `refused`.
#[track_caller]
fn check(kind: Kind, texts: &[&str], expected: &[&str]) {
    let got: Vec<String> = texts
        .iter()
        .map(|text| kind.parse(text).map_or("refused".to_owned(), |value| value.to_string()))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn counts_are_whole_and_within_their_range() {
    let kind = Kind::Count { min: 1, max: 65_535 };
    check(
        kind,
        &["1", " 80 ", "65535", "16_384", "0", "65536", "-1", "+5", "8080.0", "0x10", ""],
        &[
            "1", "80", "65535", "16384", "refused", "refused", "refused", "refused", "refused",
            "refused", "refused",
        ],
    );
}

#[test]
fn bytes_take_decimal_and_binary_units() {
    let kind = Kind::Bytes { min: 1, max: u64::MAX >> 1 };
    check(
        kind,
        &["500", "32MB", "32 mb", "16MiB", "1GiB", "2kb", "MB", "3TB", "99999999999GB"],
        &[
            "500",
            "32000000",
            "32000000",
            "16777216",
            "1073741824",
            "2000",
            "refused",
            "refused",
            "refused",
        ],
    );
}

#[test]
fn switches_take_the_hubs_spellings() {
    check(
        Kind::Switch,
        &["true", "1", "ON", "Yes", "false", "0", "off", "NO", "maybe", ""],
        &["true", "true", "true", "true", "false", "false", "false", "false", "refused", "refused"],
    );
}

#[test]
fn seconds_may_have_a_fraction_and_are_finite() {
    let kind = Kind::Seconds { min: 0.0, max: 3600.0 };
    check(
        kind,
        &["0", "0.25", "3600", "3601", "-1", "NaN", "inf"],
        &["0.0", "0.25", "3600.0", "refused", "refused", "refused", "refused"],
    );
}

#[test]
fn choices_ignore_case_and_take_hyphens() {
    let kind = Kind::Choice(&["cls", "last_token"]);
    check(kind, &["cls", "last-token", "MEAN"], &[r#""cls""#, r#""last_token""#, "refused"]);
}

#[test]
fn addresses_need_a_scheme_and_a_host() {
    check(
        Kind::Url,
        &[
            "https://huggingface.co",
            "http://127.0.0.1:9",
            "huggingface.co",
            "https://",
            "http:///x",
        ],
        &[
            r#""https://huggingface.co""#,
            r#""http://127.0.0.1:9""#,
            "refused",
            "refused",
            "refused",
        ],
    );
}

#[test]
fn a_text_keeps_its_spaces() {
    check(Kind::Text, &["query: ", ""], &[r#""query: ""#, "refused"]);
    check(Kind::Path, &[" a/b "], &[r#""a/b""#]);
}

#[test]
fn an_origin_has_no_path() {
    check(
        Kind::Origins,
        &["*", "https://a.example,http://localhost:3000", "https://a.example/", "a.example"],
        &[r#"["*"]"#, r#"["https://a.example", "http://localhost:3000"]"#, "refused", "refused"],
    );
}

#[test]
fn lists_refuse_an_empty_member() {
    check(Kind::Texts, &["a, b", "a,,b", ""], &[r#"["a", "b"]"#, "refused", "refused"]);
}

#[test]
fn a_file_may_not_write_a_number_as_text_nor_a_text_as_number() {
    let count = Kind::Count { min: 0, max: 10 };
    assert_eq!(count.check(&Value::String("5".to_owned())), None);
    assert_eq!(count.check(&Value::Integer(-5)), None);
    assert_eq!(count.check(&Value::Integer(5)), Some(Value::Integer(5)));
    assert_eq!(Kind::Text.check(&Value::Integer(5)), None);
    assert_eq!(
        Kind::Bytes { min: 0, max: 1 << 40 }.check(&Value::String("1KiB".to_owned())),
        Some(Value::Integer(1024))
    );
}

#[test]
fn one_text_in_a_file_is_a_list_of_one() {
    assert_eq!(
        Kind::Texts.check(&Value::String("models/a,b".to_owned())),
        Some(Value::Array(vec![Value::String("models/a,b".to_owned())]))
    );
}
