//! JSON, a row a line or in one array.

use expect_test::expect;

use super::*;

#[test]
fn json_lines_keep_nesting_and_order() {
    check_one(
        "a.jsonl",
        r#"{"text":"a","meta":{"z":1,"tags":["x",null]},"n":-3,"none":null}

{"text":"b","meta":{"a":[[true]],"z":null},"n":4.5}
{"n":7,"text":"\ud83d\ude00\u0000","list":[{"k":1},{"l":"m"}],"big":18446744073709551615}
"#,
        expect![[r#"
            text: Utf8
            meta: Struct("z": Int64, "tags": List(Utf8), "a": List(List(Boolean)))
            n: Float64
            none: Null
            list: List(Struct("k": Int64, "l": Utf8))
            big: UInt64
            {"text":"a","meta":{"z":1,"tags":["x",null],"a":null},"n":-3.0,"none":null,"list":null,"big":null}
            {"text":"b","meta":{"z":null,"tags":null,"a":[[true]]},"n":4.5,"none":null,"list":null,"big":null}
            {"text":"😀\u0000","meta":null,"n":7.0,"none":null,"list":[{"k":1,"l":null},{"k":null,"l":"m"}],"big":18446744073709551615}
        "#]],
    );
}

#[test]
fn a_json_array_is_cut_into_rows() {
    check_one(
        "a.json",
        r#" [ {"text": "a ] , \" \\", "n": [1, 2]} ,
             {"text":"b","n":[]}
        ] "#,
        expect![[r#"
            text: Utf8
            n: List(Int64)
            {"text":"a ] , \" \\","n":[1,2]}
            {"text":"b","n":[]}
        "#]],
    );
}

#[test]
fn a_json_file_may_have_an_object_a_line() {
    check_one(
        "a.json",
        "{\"text\":\"a\"}\n{\"text\":\"b\"}\n",
        expect![[r#"
            text: Utf8
            {"text":"a"}
            {"text":"b"}
        "#]],
    );
}

#[test]
fn malformed_json_rows_are_named() {
    check_one(
        "a.jsonl",
        "{\"text\":\"a\"}\n\n{\"text\":\"\\ud800\"}\n",
        expect![[r#"
            error: row 2 of DIR/a.jsonl cannot be read: the row that begins on line 3 escapes half a character, \ud800, which no text can hold; write both halves, or neither
        "#]],
    );
    check_one(
        "a.json",
        "[{\"text\":\"\\udc00\"}]",
        expect![[r#"
            error: row 1 of DIR/a.json cannot be read: the row that begins on line 1 escapes half a character, \udc00, which no text can hold; write both halves, or neither
        "#]],
    );
    check_one(
        "a.jsonl",
        "[1]\n",
        expect![[r#"
            error: row 1 of DIR/a.jsonl cannot be read: it is a list; each row must be an object, one a line or all in one array
        "#]],
    );
    check_one(
        "a.jsonl",
        r#"{"text":"a","m":{"k":1,"k":2}}"#,
        expect![[r#"
            error: row 1 of DIR/a.jsonl cannot be read: it names `m.k` twice
        "#]],
    );
    check_one(
        "a.jsonl",
        "{\"text\":\"a\",\"m\":[{\"k\":[1]}]}\n{\"text\":\"a\",\"m\":[{\"k\":[1,true]}]}\n",
        expect![[r#"
            error: row 2 of DIR/a.jsonl cannot be read: `m[].k[]` is a boolean, and a number in row 1 of DIR/a.jsonl; a column has one type
        "#]],
    );
    check_one(
        "a.jsonl",
        format!("{{\"text\":\"a\",\"m\":{}1{}}}\n", "[".repeat(10_000), "]".repeat(10_000)),
        expect![[r#"
            error: row 1 of DIR/a.jsonl cannot be read: the row that begins on line 1 is not valid JSON: recursion limit exceeded at line 1 column 143
        "#]],
    );
}

#[test]
fn malformed_json_arrays_are_named() {
    for (content, place) in [
        ("[{\"text\":\"a\"}\n", "row 2"),
        ("[{\"text\":\"a\"},]", "row 2"),
        ("[{\"text\":\"a\"} {\"text\":\"b\"}]", "row 1"),
        ("[,{\"text\":\"a\"}]", "row 1"),
        ("[{\"text\":\"a\"}] [", "row 1"),
        ("[{\"text\":\"a]", "row 1"),
        ("[{\"text\":\"a\"", "row 1"),
        ("[{\"text\":\"a\"]]", "row 1"),
        ("[", "row 1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs_err::write(&path, content).unwrap();
        let found = chain(&open(&path).unwrap_err());
        assert!(found.starts_with(place), "{content}: {found}");
        assert!(found.contains("is not valid JSON"), "{content}: {found}");
    }
}
