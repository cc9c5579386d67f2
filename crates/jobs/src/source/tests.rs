//! Tables: files → columns and rows, or an error.

mod delimited;
mod files;
mod json;

use std::error::Error;
use std::ops::ControlFlow;

use arrow::json::writer::{LineDelimited, Writer, WriterBuilder};
use expect_test::Expect;

use super::*;

fn open(path: &Path) -> Result<Source, SourceError> {
    let columns = Columns { text: Some("text"), embedding: Some("embedding") };
    Source::open(path, columns, &mut |_| ControlFlow::Continue(()))
}

/// Types and rows, as text.
fn render(source: &Source) -> Result<String, SourceError> {
    let mut text = String::new();
    for field in source.schema().fields() {
        text += &format!("{}: {}\n", field.name(), field.data_type());
    }
    let mut num_rows = 0;
    for batch in source.batches() {
        let batch = batch?;
        num_rows += batch.rows.num_rows() as u64;
        let mut writer: Writer<_, LineDelimited> =
            WriterBuilder::new().with_explicit_nulls(true).build(Vec::new());
        writer.write(&batch.rows).unwrap();
        text += &String::from_utf8(writer.into_inner()).unwrap();
    }
    assert_eq!(num_rows, source.num_rows(), "the scan counts what the reading gives");
    Ok(text)
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        None => error.to_string(),
        Some(source) => format!("{error}: {}", chain(source)),
    }
}

/// Writes `files` into a folder and opens the first, or the folder if there are several.
#[track_caller]
fn check(files: &[(&str, &[u8])], expected: Expect) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    let path = match files {
        [(name, _)] if !name.contains('/') => folder.path().join(name),
        _ => folder.path().to_owned(),
    };
    let found = match open(&path).and_then(|source| render(&source)) {
        Ok(text) => text,
        Err(error) => format!("error: {}\n", chain(&error)),
    };
    expected.assert_eq(&found.replace(folder.path().to_str().unwrap(), "DIR"));
}

#[track_caller]
fn check_one(name: &str, content: impl AsRef<[u8]>, expected: Expect) {
    check(&[(name, content.as_ref())], expected);
}
