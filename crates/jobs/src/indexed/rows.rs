//! Rows of a table → records of an index.

use std::collections::{BTreeSet, HashSet};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use index::{Checked, IndexSpec, InvalidRequest, Metadata, Record, StoreError};
use serde_json::Value;

use super::error::{FillError, RowFault};
use super::query::{is_hybrid, text_field};
use crate::dataset::json_rows;
use crate::terms::document_terms;

/// Makes records, one a row. Ids come from a column or are the rows' numbers from 0; every other
/// column becomes a metadata field if its kind allows.
pub(super) struct RecordMaker<'a> {
    spec: &'a IndexSpec,
    id_column: Option<&'a str>,
    /// The column of texts, and the metadata field that it becomes.
    text_column: &'a str,
    text_field: &'a str,
    seen_ids: HashSet<String>,
    next_row: u64,
    /// Columns with values that metadata cannot hold.
    pub(super) left_out: BTreeSet<String>,
}

/// Rows that did not all become records.
pub(crate) enum RowsError {
    Decode(ArrowError),
    /// The row of this index among those given.
    Row(usize, RowFault),
}

impl RowsError {
    /// Names the row by its number, where `first_row` is that of the first among those given.
    pub(super) fn numbered(self, first_row: u64) -> FillError {
        match self {
            Self::Decode(error) => FillError::Decode(error),
            Self::Row(index, fault) => FillError::Row { row: first_row + index as u64, fault },
        }
    }
}

impl<'a> RecordMaker<'a> {
    pub(super) fn new(
        spec: &'a IndexSpec,
        id_column: Option<&'a str>,
        text_column: &'a str,
    ) -> Self {
        Self {
            spec,
            id_column,
            text_column,
            text_field: text_field(spec).unwrap_or(text_column),
            seen_ids: HashSet::new(),
            next_row: 0,
            left_out: BTreeSet::new(),
        }
    }

    /// Returns how many rows there were so far.
    pub(super) fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Makes records of rows, without their vectors.
    pub(super) fn records(&mut self, rows: &RecordBatch) -> Result<Vec<Record>, RowsError> {
        let rows = json_rows(rows).map_err(RowsError::Decode)?.into_iter().enumerate();
        let record = |(index, row)| self.record(row).map_err(|fault| RowsError::Row(index, fault));
        rows.map(record).collect()
    }

    fn record(&mut self, row: Vec<(String, Value)>) -> Result<Record, RowFault> {
        let mut record = Record::default();
        if self.id_column.is_none() {
            record.id = self.next_row.to_string();
        }
        self.next_row += 1;
        for (column, value) in row {
            if Some(column.as_str()) == self.id_column {
                record.id = self.take_id(&column, &value)?;
                continue;
            }
            if column == self.text_column && is_hybrid(self.spec) {
                record.sparse = value.as_str().map(document_terms);
            }
            self.keep(&mut record.metadata, column, &value);
        }
        Ok(record)
    }

    fn take_id(&mut self, column: &str, value: &Value) -> Result<String, RowFault> {
        let id = match value {
            Value::String(id) => id.clone(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                let (column, found) = (column.to_owned(), value.to_string());
                return Err(RowFault::NoId { column, found });
            }
        };
        if self.seen_ids.insert(id.clone()) {
            return Ok(id);
        }
        Err(RowFault::DuplicateId { column: column.to_owned(), id })
    }

    fn keep(&mut self, metadata: &mut Metadata, column: String, value: &Value) {
        // A record without a field is what a null means.
        if value.is_null() {
            return;
        }
        let Some(value) = index::Value::from_json(value) else {
            self.left_out.insert(column);
            return;
        };
        let is_text = column == self.text_column;
        let field = if is_text { self.text_field.to_owned() } else { column };
        metadata.insert(field, value);
    }
}

/// Gives records their vectors, `[num_records, dimensions]`, row major.
pub(super) fn set_vectors(records: &mut [Record], vectors: &[f32]) {
    let dimensions = vectors.len() / records.len().max(1);
    for (row, record) in records.iter_mut().enumerate() {
        record.values = vectors[row * dimensions..(row + 1) * dimensions].to_vec();
    }
}

/// Checks that an index will take records, so that none is refused when others are written.
pub(super) fn check_records(
    indexes: &Checked,
    spec: &IndexSpec,
    records: &[Record],
) -> Result<(), RowsError> {
    for (index, record) in records.iter().enumerate() {
        let checked = indexes.check_record(spec, index, record);
        checked.map_err(|source| RowsError::Row(index, RowFault::of(source)))?;
    }
    Ok(())
}

impl RowFault {
    fn of(refusal: StoreError) -> Self {
        // Its message counts from the first row of a batch, which nobody sees.
        if let StoreError::Invalid(InvalidRequest::Id { got, max, .. }) = refusal {
            return Self::IdLength { got, max };
        }
        Self::Refused(Box::new(refusal))
    }
}

/// Checks that the field that keeps the texts is not the name of another column too, which would be
/// lost.
pub(super) fn check_text_field(
    spec: &IndexSpec,
    text_column: &str,
    columns: &[&str],
) -> Result<(), FillError> {
    match text_field(spec) {
        Some(field) if field != text_column && columns.contains(&field) => {
            Err(FillError::TextField {
                index: spec.name.as_str().to_owned(),
                field: field.to_owned(),
                column: text_column.to_owned(),
            })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, StructArray,
    };
    use arrow::datatypes::{DataType, Field};
    use expect_test::expect;
    use index::{IndexName, Metric, Protection, SparseWeights, VectorKind};

    use super::*;

    fn spec(sparse_weights: SparseWeights) -> IndexSpec {
        IndexSpec {
            name: IndexName::try_from("a").unwrap(),
            dimensions: 1,
            metric: Metric::Cosine,
            kind: VectorKind::Dense,
            sparse_weights,
            protection: Protection::Disabled,
            tags: [(super::super::TEXT_FIELD_TAG.to_owned(), "body".to_owned())].into(),
            fingerprint: None,
        }
    }

    fn table() -> RecordBatch {
        let nested = StructArray::from(vec![(
            Arc::new(Field::new("x", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef,
        )]);
        RecordBatch::try_from_iter([
            ("key", Arc::new(Int64Array::from(vec![7, 8])) as ArrayRef),
            ("text", Arc::new(StringArray::from(vec!["One card", "two"]))),
            ("year", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
            ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
            ("nested", Arc::new(nested)),
        ])
        .unwrap()
    }

    fn maker<'a>(spec: &'a IndexSpec, id_column: Option<&'a str>) -> RecordMaker<'a> {
        RecordMaker::new(spec, id_column, "text")
    }

    fn refusal(result: Result<Vec<Record>, RowsError>) -> String {
        result.map_err(|error| error.numbered(1)).unwrap_err().to_string()
    }

    fn records(maker: &mut RecordMaker<'_>) -> Vec<Record> {
        let mut records = maker.records(&table()).map_err(|error| error.numbered(1)).unwrap();
        set_vectors(&mut records, &[0.5, 0.25]);
        records
    }

    #[test]
    fn columns_become_metadata_where_their_kind_allows() {
        let spec = spec(SparseWeights::AsSent);
        let mut maker = maker(&spec, Some("key"));
        let records = records(&mut maker);
        let shown = |record: &Record| {
            format!("{} {:?} {}\n", record.id, record.values, serde_json::json!(record.metadata))
        };
        expect![[r#"
            7 [0.5] {"body":"One card","ok":true,"year":1.5}
            8 [0.25] {"body":"two","ok":false}
        "#]]
        .assert_eq(&records.iter().map(shown).collect::<String>());
        assert_eq!(maker.left_out, BTreeSet::from(["nested".to_owned()]));
        assert!(records.iter().all(|record| record.sparse.is_none()));
    }

    #[test]
    fn without_an_id_column_rows_are_numbered_across_batches() {
        let spec = spec(SparseWeights::InverseDocumentFrequency);
        let mut maker = maker(&spec, None);
        records(&mut maker);
        let records = records(&mut maker);
        assert_eq!(records[1].id, "3");
        assert_eq!(records[0].sparse, Some(document_terms("one CARD")));
        assert!(maker.records(&table().slice(0, 0)).is_ok_and(|none| none.is_empty()));
    }

    #[test]
    fn an_id_that_comes_twice_or_is_none_is_refused() {
        let spec = spec(SparseWeights::AsSent);
        let mut by_key = maker(&spec, Some("key"));
        records(&mut by_key);
        expect![
            "row 1 cannot be a record: id `7` of column `key` comes a second time; ids are unique"
        ]
        .assert_eq(&refusal(by_key.records(&table())));
        expect!["row 1 cannot be a record: column `year` has 1.5 there, and an id is a text or a whole number"]
            .assert_eq(&refusal(maker(&spec, Some("year")).records(&table())));
    }

    #[test]
    fn a_column_that_the_texts_would_replace_is_named() {
        let spec = spec(SparseWeights::AsSent);
        expect!["index `a` keeps texts in the metadata field `body`, so the texts of column `text` would take the place of column `body`; rename or remove that column"]
            .assert_eq(&check_text_field(&spec, "text", &["text", "body"]).unwrap_err().to_string());
        assert!(check_text_field(&spec, "body", &["text", "body"]).is_ok());
        assert!(check_text_field(&spec, "text", &["text"]).is_ok());
    }
}
