//! Files that are none, or more than they seem.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};

use super::{MAX_BYTES, parse_bounded, read};

#[track_caller]
fn check(text: &str, expected: Expect) {
    let begun = Instant::now();
    let shown = match parse_bounded(PathBuf::from("config.yaml"), text) {
        Ok(document) => serde_json::Value::Object(document.keys).to_string(),
        Err(err) => err.to_string(),
    };
    expected.assert_eq(&shown);
    // What is bounded is over soon, on a busy machine too.
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_file_is_keys_with_values() {
    check("a: 1\n", expect![[r#"{"a":1}"#]]);
    check("a: {b: [x, yes, ~, 1.5, '1']}", expect![[r#"{"a":{"b":["x",true,null,1.5,"1"]}}"#]]);
    check("a: &x {b: 1}\nc: *x", expect![[r#"{"a":{"b":1},"c":{"b":1}}"#]]);
    check(
        "",
        expect![
            "config.yaml is not the config.yaml of a Truss: it holds nothing, not keys with values"
        ],
    );
    check(
        "# nothing",
        expect![
            "config.yaml is not the config.yaml of a Truss: it holds nothing, not keys with values"
        ],
    );
    check(
        "- a",
        expect![
            "config.yaml is not the config.yaml of a Truss: it holds a list, not keys with values"
        ],
    );
    check(
        "just words",
        expect![
            "config.yaml is not the config.yaml of a Truss: it holds a text, not keys with values"
        ],
    );
    check(
        "a: 1\n---\nb: 2",
        expect![
            "config.yaml cannot be read as YAML: it has more documents, or more values in one another, than any Truss, at line 2, column 1"
        ],
    );
}

#[test]
fn what_is_no_yaml_is_named_with_its_place() {
    check(
        "a: [1, 2",
        expect!["config.yaml cannot be read as YAML: unclosed bracket '[' at line 1, column 4"],
    );
    check(
        "a: b: c",
        expect![
            "config.yaml cannot be read as YAML: mapping values are not allowed in this context at line 1, column 5"
        ],
    );
    check("\ta: 1", expect![[r#"{"a":1}"#]]);
    check(
        "{\"a\": sk-never-shown, ",
        expect!["config.yaml cannot be read as YAML: unclosed bracket '{' at line 1, column 1"],
    );
    check(
        "a: *nobody",
        expect![
            "config.yaml cannot be read as YAML: alias references unknown anchor at line 1, column 4"
        ],
    );
    check(
        "a: 1\na: 2",
        expect![
            "config.yaml cannot be read as YAML: the key `a` stands there twice, at line 2, column 1"
        ],
    );
    check(
        "\u{0}\u{1}PK",
        expect![[
            r#"config.yaml cannot be read as YAML: unexpected character: `\u{0}' at line 1, column 1"#
        ]],
    );
}

#[test]
fn aliases_of_aliases_are_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    check(
        &bomb,
        expect![
            "config.yaml cannot be read as YAML: it has more documents, or more values in one another, than any Truss, at line 5, column 45"
        ],
    );
    check(
        "a: &a [*a]",
        expect!["config.yaml cannot be read as YAML: a value contains itself, at line 1, column 8"],
    );
    check(
        &"[".repeat(100_000),
        expect![
            "config.yaml cannot be read as YAML: recursion limit exceeded at line 1, column 33"
        ],
    );
    check(
        &"a: x\n".repeat(2),
        expect![
            "config.yaml cannot be read as YAML: the key `a` stands there twice, at line 2, column 1"
        ],
    );
    let many: String = (0..200_000).map(|index| format!("k{index}:\n")).collect();
    check(
        &many,
        expect![
            "config.yaml cannot be read as YAML: it has more documents, or more values in one another, than any Truss, at line 50000, column 7"
        ],
    );
}

#[test]
fn a_folder_is_one_with_a_config() {
    let folder = tempfile::tempdir().unwrap();
    let message = |err: crate::ReadError| {
        err.to_string().replace(&folder.path().display().to_string(), "$DIR")
    };
    expect!["there is no config.yaml in $DIR; name the folder of a Truss, or its config.yaml"]
        .assert_eq(&message(read(folder.path()).unwrap_err()));
    expect!["failed to open file `$DIR/none.yaml`: No such file or directory (os error 2)"]
        .assert_eq(&message(read(&folder.path().join("none.yaml")).unwrap_err()));
    let file = folder.path().join("config.yaml");
    fs_err::write(&file, "a: 1").unwrap();
    assert_eq!(read(folder.path()).unwrap().path, file);
    fs_err::write(&file, [b'a', b':', 0xff, 0xfe]).unwrap();
    expect!["$DIR/config.yaml cannot be read as YAML: it is not UTF-8 text"]
        .assert_eq(&message(read(&file).unwrap_err()));
    fs_err::write(&file, format!("a: {}", "b".repeat(MAX_BYTES as usize))).unwrap();
    expect!["$DIR/config.yaml is over 1 MiB; a config.yaml is a few kilobytes"]
        .assert_eq(&message(read(&file).unwrap_err()));
}
