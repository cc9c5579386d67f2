//! What holds for files of every kind, and for folders of them.

use std::io::Write;

use expect_test::expect;

use super::*;

#[test]
fn a_type_that_only_the_last_row_shows_holds_for_all() {
    let mut csv = String::from("n,text\n");
    let mut jsonl = String::new();
    for n in 0..100_000 {
        csv += &format!("{n},t\n");
        jsonl += &format!("{{\"n\":{n},\"text\":\"t\"}}\n");
    }
    csv += "none,t\n";
    jsonl += "{\"n\":0.5,\"text\":\"t\",\"late\":true}\n";
    let folder = tempfile::tempdir().unwrap();
    for (name, content, last) in [
        ("a.csv", csv, r#"{"n":"none","text":"t"}"#),
        ("a.jsonl", jsonl, r#"{"n":0.5,"text":"t","late":true}"#),
    ] {
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        let source = open(&path).unwrap();
        assert_eq!(source.num_rows(), 100_001);
        let text = render(&source).unwrap();
        assert_eq!(text.lines().last(), Some(last));
    }
}

#[test]
fn windows_files_are_read_as_others() {
    for (name, content) in [
        ("a.csv", "\u{feff}text,n\r\nx,1\r\n"),
        ("a.jsonl", "\u{feff}{\"text\":\"x\",\"n\":1}\r\n"),
        ("a.json", "\u{feff}[{\"text\":\"x\",\"n\":1}]\r\n"),
    ] {
        check_one(
            name,
            content,
            expect![[r#"
                text: Utf8
                n: Int64
                {"text":"x","n":1}
            "#]],
        );
    }
}

#[test]
fn gzip_is_read_through() {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(b"text\nx\n").unwrap();
    check_one(
        "a.csv.gz",
        zipped.finish().unwrap(),
        expect![[r#"
            text: Utf8
            {"text":"x"}
        "#]],
    );
}

#[test]
fn a_folder_is_one_table_in_order_of_name() {
    check(
        &[
            ("b.csv", b"n,text\n,second\n1.5,third\n"),
            ("a.csv", b"n,text\n1,first\n"),
            ("README.md", b"# about"),
            (".hidden", b"x"),
        ],
        expect![[r#"
            n: Float64
            text: Utf8
            {"n":1.0,"text":"first"}
            {"n":null,"text":"second"}
            {"n":1.5,"text":"third"}
        "#]],
    );
}

#[test]
fn a_folder_with_a_data_folder_is_read_there() {
    check(
        &[("data/train-00000-of-00001.jsonl", b"{\"text\":\"a\"}\n"), ("README.md", b"")],
        expect![[r#"
            text: Utf8
            {"text":"a"}
        "#]],
    );
}

#[test]
fn files_that_are_not_one_table_are_named() {
    check(
        &[("a.csv", b"text\nx\n"), ("b.jsonl", b"{\"text\":\"x\"}\n")],
        expect![[r#"
            error: DIR/a.csv and DIR/b.jsonl do not fit together: one is csv and the other jsonl; a folder is read as one table
        "#]],
    );
    check(
        &[("a.csv", b"text\nx\n"), ("b.csv", b"text,n\nx,1\n")],
        expect![[r#"
            error: DIR/a.csv and DIR/b.csv do not fit together: their headers differ; a folder is read as one table
        "#]],
    );
    check(
        &[
            ("a.jsonl", b"{\"text\":\"x\",\"n\":1}\n"),
            ("b.jsonl", b"{\"text\":\"x\",\"n\":\"1\"}\n"),
        ],
        expect![[r#"
            error: row 1 of DIR/b.jsonl cannot be read: `n` is a string, and a number in row 1 of DIR/a.jsonl; a column has one type
        "#]],
    );
    check(
        &[
            ("data/test-00000-of-00001.csv", b"text\nx\n"),
            ("data/train-00000-of-00001.csv", b"text\nx\n"),
        ],
        expect![[r#"
            error: DIR/data/test-00000-of-00001.csv and DIR/data/train-00000-of-00001.csv do not fit together: they are of the splits `test` and `train`, so put the files of one split into a folder of its own; a folder is read as one table
        "#]],
    );
}

#[test]
fn what_is_no_source_says_what_is() {
    check_one(
        "a.xlsx",
        "",
        expect![[r#"
            error: cannot tell what DIR/a.xlsx holds: sources end in .csv, .tsv, .jsonl, .ndjson, .json, .txt (each also with .gz) or .parquet
        "#]],
    );
    check(
        &[("a.csv", b"text\nx\n"), ("b.csv.bz2", b"")],
        expect![[r#"
            error: cannot tell what DIR/b.csv.bz2 holds: sources end in .csv, .tsv, .jsonl, .ndjson, .json, .txt (each also with .gz) or .parquet
        "#]],
    );
    check(
        &[],
        expect![[r#"
            error: DIR holds no data: sources end in .csv, .tsv, .jsonl, .ndjson, .json, .txt (each also with .gz) or .parquet
        "#]],
    );
    let missing = open(Path::new("/no/such.csv")).unwrap_err();
    assert!(chain(&missing).starts_with("failed to read /no/such.csv: "), "{}", chain(&missing));
}

#[test]
fn a_source_without_rows_says_so() {
    for (name, content) in [
        ("a.csv", ""),
        ("a.csv", "text\n"),
        ("a.jsonl", "\n\n"),
        ("a.json", " [ ] "),
        ("a.txt", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        let found = open(&path).unwrap_err().to_string();
        assert_eq!(found, format!("{} has no rows", path.display()));
    }
}

#[test]
fn columns_that_do_not_do_are_named() {
    check_one(
        "a.csv",
        "id,body\n1,x\n",
        expect![[r#"
            error: DIR/a.csv cannot be embedded: there is no column `text`; the columns are `id`, `body`
        "#]],
    );
    check_one(
        "a.jsonl",
        r#"{"id":1}"#,
        expect![[r#"
            error: DIR/a.jsonl cannot be embedded: there is no column `text`; the columns are `id`
        "#]],
    );
    check_one(
        "a.csv",
        "text\n1\n2\n",
        expect![[r#"
            error: DIR/a.csv cannot be embedded: column `text` holds int64, and only text can be embedded; choose a column of text
        "#]],
    );
    check_one(
        "a.jsonl",
        r#"{"text":["a","b"]}"#,
        expect![[r#"
            error: DIR/a.jsonl cannot be embedded: column `text` holds lists of string, and only text can be embedded; choose a column of text
        "#]],
    );
    check_one(
        "a.csv",
        "text,embedding\nx,y\n",
        expect![[r#"
            error: DIR/a.csv cannot be embedded: there is a column `embedding` already; rename it, or choose another name for the embeddings
        "#]],
    );
    check_one(
        "a.csv",
        "text,n,n\nx,1,2\n",
        expect![[r#"
            error: DIR/a.csv cannot be embedded: the columns name `n` twice; each column needs its own name
        "#]],
    );
    check_one(
        "a.jsonl",
        r#"{"text":"x","meta":{}}"#,
        expect![[r#"
            error: DIR/a.jsonl cannot be embedded: column `meta` is of type Struct(), which a dataset cannot hold; remove or convert it
        "#]],
    );
}

#[test]
fn bytes_that_are_not_utf8_are_named_by_line_and_offset() {
    let cases: [(&str, &[u8], u64); 4] = [
        ("a.csv", b"text\nab\xff\n", 7),
        ("a.txt", b"text\nab\xff\n", 7),
        ("a.jsonl", b"{\"text\":\"a\"}\n{\"text\":\"\xff\"}\n", 22),
        ("a.json", b"[{\"text\":\"a\"},\n{\"text\":\"\xff\"}]", 24),
    ];
    for (name, content, offset) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        let found = chain(&open(&path).unwrap_err());
        let expected = format!("is not UTF-8: line 2, byte {offset} of the file; convert it first");
        assert!(found.ends_with(&expected), "{name}: {found}");
    }
}

#[test]
fn rows_know_their_number_in_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(BATCH_BYTES / 4 + 1);
    fs_err::write(folder.path().join("a.txt"), format!("{long}\n").repeat(5)).unwrap();
    fs_err::write(folder.path().join("b.txt"), "y\n".repeat(BATCH_ROWS + 1)).unwrap();
    let source = open(folder.path()).unwrap();
    let batches = source.batches().map(|batch| {
        let batch = batch.unwrap();
        let name = batch.file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, batch.first_row, batch.rows.num_rows())
    });
    let expected = [("a.txt", 1, 4), ("a.txt", 5, 1), ("b.txt", 1, BATCH_ROWS), ("b.txt", 2049, 1)];
    let expected = expected.map(|(name, first, rows)| (name.to_owned(), first, rows));
    assert_eq!(batches.collect::<Vec<_>>(), expected);
}

#[test]
fn a_scan_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs_err::write(&path, "y\n".repeat(10_000)).unwrap();
    let columns = Columns { text: Some("text"), embedding: Some("embedding") };
    let mut seen = 0;
    let stopped = Source::open(&path, columns, &mut |num_rows| {
        seen = num_rows;
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(SourceError::Stopped)));
    assert_eq!(seen, ROWS_PER_TICK);
}
