//! Each bad input ends the job with an error that names it, and leaves nothing.

use expect_test::{Expect, expect};
use jobs::{BoxError, Embed, EmbedSpec, Embedded};

use crate::fake::{Fake, Place, chain};

#[track_caller]
fn check(name: &str, content: impl AsRef<[u8]>, expected: Expect) {
    let place = Place::new(name, content);
    let fake = Fake::new(2);
    let error = place.run(&fake).unwrap_err();
    let folder = place.folder.path().to_str().unwrap();
    expected.assert_eq(&chain(&error).replace(folder, "DIR"));
    assert_eq!(fake.num_submitted.get(), 0, "found before anything is embedded");
    assert_eq!(place.names(), [name], "nothing is left");
}

#[test]
fn an_empty_text_is_named_by_its_row() {
    check(
        "a.jsonl",
        "{\"text\":\"a\"}\n{\"text\":\"\"}\n",
        expect![
            "row 2 of DIR/a.jsonl cannot be embedded: column `text` has no text there; fill it in or remove the row"
        ],
    );
}

#[test]
fn a_missing_text_is_named_by_its_row() {
    check(
        "a.csv",
        format!("text,n\n{},2\n", "x,1\n".repeat(3000)),
        expect![
            "row 3001 of DIR/a.csv cannot be embedded: column `text` has no text there; fill it in or remove the row"
        ],
    );
}

#[test]
fn a_file_without_rows_is_named() {
    check("a.csv", "text\n", expect!["DIR/a.csv has no rows"]);
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    check(
        "a.csv",
        "id,body\n1,x\n",
        expect![
            "DIR/a.csv cannot be embedded: there is no column `text`; the columns are `id`, `body`"
        ],
    );
}

#[track_caller]
fn check_unnamed(name: &str, content: &str, expected: Expect) {
    let mut place = Place::new(name, content);
    place.job.column = None;
    let error = place.run(&Fake::new(2)).unwrap_err();
    let folder = place.folder.path().to_str().unwrap();
    expected.assert_eq(&chain(&error).replace(folder, "DIR"));
    assert_eq!(place.names(), [name], "nothing is left");
}

#[test]
fn which_of_several_columns_of_text_is_meant_is_not_guessed() {
    check_unnamed(
        "a.csv",
        "id,text,title\n1,x,y\n",
        expect!["DIR/a.csv cannot be embedded: the columns `text`, `title` hold text; name one"],
    );
    check_unnamed(
        "a.jsonl",
        r#"{"text":"x","id":1,"title":"y"}"#,
        expect!["DIR/a.jsonl cannot be embedded: the columns `text`, `title` hold text; name one"],
    );
}

#[test]
fn a_source_without_a_column_of_text_is_named_with_its_columns() {
    check_unnamed(
        "a.csv",
        "id,share\n1,0.5\n",
        expect![
            "DIR/a.csv cannot be embedded: none of the columns `id`, `share` holds text, and only text can be embedded; give a source with a column of text"
        ],
    );
}

#[test]
fn bytes_that_are_not_utf8_are_named_by_their_place() {
    check(
        "a.csv",
        b"text\nok\n\xc3\x28\n",
        expect!["DIR/a.csv is not UTF-8: line 3, byte 8 of the file; convert it first"],
    );
}

#[test]
fn half_a_character_is_named_by_its_row() {
    check(
        "a.jsonl",
        r#"{"text":"ok \ud83d\ude00 \\ud800"}
{"text":"\udc00"}"#,
        expect![
            r#"row 2 of DIR/a.jsonl cannot be read: the row that begins on line 2 escapes half a character, \udc00, which no text can hold; write both halves, or neither"#
        ],
    );
    check(
        "a.jsonl",
        r#"{"text":"\ud800\n"}"#,
        expect![
            r#"row 1 of DIR/a.jsonl cannot be read: the row that begins on line 1 escapes half a character, \ud800, which no text can hold; write both halves, or neither"#
        ],
    );
}

#[test]
fn a_damaged_parquet_file_is_named() {
    check(
        "a.parquet",
        b"PAR1 but not really",
        expect![
            "failed to read DIR/a.parquet: Parquet error: Invalid Parquet file. Corrupt footer"
        ],
    );
}

#[test]
fn nul_bytes_are_text() {
    for (name, content) in
        [("a.csv", "text\na\u{0}b\n"), ("a.txt", "a\u{0}b"), ("a.jsonl", r#"{"text":"a\u0000b"}"#)]
    {
        let place = Place::new(name, content);
        place.run(&Fake::new(2)).unwrap();
        let dataset = jobs::Dataset::open(place.output()).unwrap();
        let found = dataset.search(&Fake::new(2).embedding("a\u{0}b"), 1).unwrap();
        assert_eq!(found[0].values, [("text".to_owned(), "a\u{0}b".into())], "{name}");
        assert!(found[0].score > 0.999, "{name}");
    }
}

/// Embeds as [`Fake`] does, but for the results that it spoils.
struct Spoiled<F>(Fake, F);

type Results = Vec<Result<Embedded, BoxError>>;

impl<F: Fn(&mut Results)> Embed for Spoiled<F> {
    type Pending = Vec<String>;

    fn spec(&self) -> &EmbedSpec {
        self.0.spec()
    }

    fn submit(&self, texts: Vec<String>) -> Result<Vec<String>, BoxError> {
        self.0.submit(texts)
    }

    fn wait(&self, texts: Vec<String>) -> Result<Results, BoxError> {
        let mut results = self.0.wait(texts)?;
        (self.1)(&mut results);
        Ok(results)
    }
}

#[track_caller]
fn check_spoiled(spoil: impl Fn(&mut Results), expected: Expect) {
    // The longest comes first, so row 2 is the first result.
    let place = Place::new("a.txt", "a\nbbb\ncc\n");
    let error = place.run(&Spoiled(Fake::new(2), spoil)).unwrap_err();
    let folder = place.folder.path().to_str().unwrap();
    expected.assert_eq(&chain(&error).replace(folder, "DIR"));
    assert_eq!(place.names(), ["a.txt"], "nothing is left");
}

#[test]
fn results_that_cannot_be_written_are_refused() {
    check_spoiled(
        |results| results[0] = Err("the tokenizer failed".into()),
        expect![
            "row 2 of DIR/a.txt cannot be embedded: failed to embed its text: the tokenizer failed"
        ],
    );
    check_spoiled(
        |results| results[0].as_mut().unwrap().embedding[1] = f32::NAN,
        expect![
            "row 2 of DIR/a.txt cannot be embedded: its embedding has a value that is not finite"
        ],
    );
    check_spoiled(
        |results| results[1].as_mut().unwrap().embedding.push(0.0),
        expect![
            "row 3 of DIR/a.txt cannot be embedded: its embedding has 3 dimensions, and 2 were promised"
        ],
    );
    check_spoiled(
        |results| drop(results.pop()),
        expect!["3 texts were to be embedded, and 2 results came back"],
    );
}

#[test]
fn a_source_that_is_no_file_is_refused_and_not_waited_for() {
    let place = Place::new("unused.txt", "x\n");
    let pipe = place.folder.path().join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let job = crate::fake::job(pipe, place.output().to_owned());
    let error = jobs::run(&job, &Fake::new(2), &mut |_| std::ops::ControlFlow::Continue(()));
    let folder = place.folder.path().to_str().unwrap();
    expect!["DIR/pipe.csv is not a regular file; copy what it gives to a file first"]
        .assert_eq(&chain(&error.unwrap_err()).replace(folder, "DIR"));
}
