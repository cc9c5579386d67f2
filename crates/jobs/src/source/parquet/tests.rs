//! Files made here, with `arrow`'s own writer.

use std::ops::ControlFlow;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, MapBuilder, StringArray,
    StringBuilder, StringViewArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::source::{Columns, Source};

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn write(path: &Path, rows: &RecordBatch) {
    // Small row groups, so that batches cross them.
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
    let file = fs_err::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

fn open_source(path: &Path) -> Result<Source, SourceError> {
    let columns = Columns { text: Some("text"), embedding: Some("embedding") };
    Source::open(path, columns, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn columns_have_the_types_that_the_file_declares() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let colors: DictionaryArray<Int32Type> = ["red", "green", "red"].into_iter().collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("n", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
        ("color", Arc::new(colors)),
        ("text", Arc::new(StringViewArray::from(vec!["a", "b", "c"]))),
    ];
    write(&path, &RecordBatch::try_from_iter(columns).unwrap());
    let source = open_source(&path).unwrap();
    let types: Vec<&DataType> =
        source.schema().fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types, [&DataType::Int32, &DataType::Utf8, &DataType::Utf8View]);
    let rows = source.batches().next().unwrap().unwrap().rows;
    assert_eq!(rows.column(1), &texts(&["red", "green", "red"]));
    let checked = source.batches_of("text").next().unwrap().unwrap().rows;
    assert_eq!(checked.num_columns(), 1, "only the column asked for is read");
}

#[test]
fn rows_keep_their_order_over_row_groups_and_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let lines: Vec<String> = (0..5000).map(|n| format!("{n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    write(&path, &RecordBatch::try_from_iter([("text", texts(&lines))]).unwrap());
    let source = open_source(&path).unwrap();
    assert_eq!(source.num_rows(), 5000);
    let mut read = Vec::new();
    for batch in source.batches() {
        let batch = batch.unwrap();
        assert_eq!(batch.first_row, read.len() as u64 + 1);
        let column = batch.rows.column(0).as_string::<i32>();
        read.extend(column.iter().map(|line| line.unwrap().to_owned()));
    }
    assert_eq!(read, lines);
}

#[test]
fn long_rows_come_in_small_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let lines: Vec<String> = (0..40).map(|n| format!("{n}").repeat(500_000)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    write(&path, &RecordBatch::try_from_iter([("text", texts(&lines))]).unwrap());
    let source = open_source(&path).unwrap();
    let largest = source.batches().map(|batch| batch.unwrap().rows.num_rows()).max();
    assert!(largest < Some(10), "{largest:?}");
}

#[test]
fn files_whose_types_differ_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let first = [("text", texts(&["a"])), ("n", numbers)];
    let second = [("text", texts(&["a"])), ("n", texts(&["1"]))];
    write(&folder.path().join("a.parquet"), &RecordBatch::try_from_iter(first).unwrap());
    write(&folder.path().join("b.parquet"), &RecordBatch::try_from_iter(second).unwrap());
    let error = open_source(folder.path()).unwrap_err().to_string();
    let expected = "do not fit together: column `n` holds int64 in one and string in the other";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_type_that_datasets_cannot_hold_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.append(true).unwrap();
    let columns: [(&str, ArrayRef); 2] = [("text", texts(&["a"])), ("m", Arc::new(map.finish()))];
    write(&path, &RecordBatch::try_from_iter(columns).unwrap());
    let error = open_source(&path).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("column `m` is of type Map("), "{source}");
}

#[test]
fn a_file_without_rows_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &RecordBatch::try_from_iter([("text", texts(&[]))]).unwrap());
    assert!(matches!(open_source(&path), Err(SourceError::NoRows { .. })));
}
