//! Metadata fields → typed columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use index::{Metadata, Record, Value};

use super::super::error::ExportError;
use super::super::json::{is_whole, value_to_json};

/// What the values of one field have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Whole,
    Number,
    Text,
    Texts,
    /// Of several kinds; written as JSON.
    Mixed,
}

/// The fields of all records, by name.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Kind>);

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if is_whole(*number) => Self::Whole,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Strings(_) => Self::Texts,
        }
    }

    fn with(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Whole | Self::Number, Self::Whole | Self::Number) => Self::Number,
            _ => Self::Mixed,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Whole => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Text | Self::Mixed => DataType::Utf8,
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }
}

impl Fields {
    /// Takes the fields of one more record into account.
    pub(super) fn see(&mut self, metadata: &Metadata) {
        for (field, value) in metadata {
            let kind = Kind::of(value);
            match self.0.get_mut(field) {
                Some(known) => *known = known.with(kind),
                None => {
                    self.0.insert(field.clone(), kind);
                }
            }
        }
    }

    /// Checks that no field has the name of a column that the export makes.
    pub(super) fn check_free(&self, id: &str, embedding: &str) -> Result<(), ExportError> {
        let taken = [(id, "ids", "--id-column"), (embedding, "vectors", "--embedding-column")];
        let clash = taken.into_iter().find(|(column, ..)| self.0.contains_key(*column));
        match clash {
            None if id == embedding => {
                let (column, flag) = (id.to_owned(), "--embedding-column");
                Err(ExportError::Column { column, what: "ids", flag })
            }
            None => Ok(()),
            Some((column, what, flag)) => {
                Err(ExportError::Column { column: column.to_owned(), what, flag })
            }
        }
    }

    /// Returns the fields that are written as JSON.
    pub(super) fn mixed(&self) -> Vec<String> {
        let mixed = self.0.iter().filter(|(_, kind)| **kind == Kind::Mixed);
        mixed.map(|(field, _)| field.clone()).collect()
    }

    /// Returns the columns: the id, then the fields by name.
    pub(super) fn schema(&self, id_column: &str) -> Schema {
        let id = Field::new(id_column, DataType::Utf8, false);
        let fields = self.0.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true));
        Schema::new(std::iter::once(id).chain(fields).collect::<Vec<_>>())
    }

    /// Returns the rows of records, with `schema` made of these fields.
    pub(super) fn rows(
        &self,
        schema: &SchemaRef,
        records: &[Record],
    ) -> Result<RecordBatch, ExportError> {
        let ids = StringArray::from_iter_values(records.iter().map(|record| &record.id));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ids)];
        for (field, kind) in &self.0 {
            columns.push(column(field, *kind, records)?);
        }
        self.check_known(records)?;
        let rows = RecordBatch::try_new(Arc::clone(schema), columns);
        Ok(rows.expect("every column has a value or a null for each record"))
    }

    fn check_known(&self, records: &[Record]) -> Result<(), ExportError> {
        for record in records {
            if let Some(field) = record.metadata.keys().find(|field| !self.0.contains_key(*field)) {
                return Err(changed(field, record));
            }
        }
        Ok(())
    }
}

fn changed(field: &str, record: &Record) -> ExportError {
    ExportError::Changed { field: field.to_owned(), id: record.id.clone() }
}

fn column(field: &str, kind: Kind, records: &[Record]) -> Result<ArrayRef, ExportError> {
    Ok(match kind {
        Kind::Bool => Arc::new(BooleanArray::from(each(field, records, |value| match value {
            Value::Bool(truth) => Some(*truth),
            Value::Number(_) | Value::String(_) | Value::Strings(_) => None,
        })?)),
        Kind::Whole => Arc::new(Int64Array::from(each(field, records, |value| match value {
            Value::Number(number) if is_whole(*number) => Some(*number as i64),
            Value::Number(_) | Value::Bool(_) | Value::String(_) | Value::Strings(_) => None,
        })?)),
        Kind::Number => Arc::new(Float64Array::from(each(field, records, |value| match value {
            Value::Number(number) => Some(*number),
            Value::Bool(_) | Value::String(_) | Value::Strings(_) => None,
        })?)),
        Kind::Text => Arc::new(StringArray::from(each(field, records, |value| match value {
            Value::String(text) => Some(text.as_str()),
            Value::Bool(_) | Value::Number(_) | Value::Strings(_) => None,
        })?)),
        Kind::Texts => texts(field, records)?,
        Kind::Mixed => {
            let json = each(field, records, |value| Some(value_to_json(value).to_string()))?;
            Arc::new(StringArray::from(json))
        }
    })
}

fn texts(field: &str, records: &[Record]) -> Result<ArrayRef, ExportError> {
    let mut column = ListBuilder::new(StringBuilder::new());
    let rows = each(field, records, |value| match value {
        Value::Strings(texts) => Some(texts),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })?;
    for texts in rows {
        column.append_option(texts.map(|texts| texts.iter().map(Some)));
    }
    Ok(Arc::new(column.finish()))
}

/// Returns each record's value as `take` gives it, which answers `None` to one of another kind; a null
/// where there is none.
fn each<'a, T>(
    field: &str,
    records: &'a [Record],
    take: impl Fn(&'a Value) -> Option<T>,
) -> Result<Vec<Option<T>>, ExportError> {
    let mut values = Vec::with_capacity(records.len());
    for record in records {
        let value = record.metadata.get(field);
        let taken = value.map(|value| take(value).ok_or_else(|| changed(field, record)));
        values.push(taken.transpose()?);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use crate::dataset::json_rows;

    fn record(id: &str, metadata: serde_json::Value) -> Record {
        let metadata = serde_json::from_value(metadata).unwrap();
        Record { id: id.to_owned(), metadata, ..Record::default() }
    }

    #[test]
    fn a_field_has_the_narrowest_type_that_holds_all_its_values() {
        let records = [
            record("1", json!({"b": true, "n": 7, "x": 7, "s": "a", "l": ["a"], "m": "a"})),
            record("2", json!({"n": -2, "x": 0.5, "m": 3})),
        ];
        let mut fields = Fields::default();
        records.iter().for_each(|record| fields.see(&record.metadata));
        let schema = Arc::new(fields.schema("id"));
        let types: String = schema
            .fields()
            .iter()
            .map(|field| format!("{} {}\n", field.name(), field.data_type()))
            .collect();
        expect![[r#"
            id Utf8
            b Boolean
            l List(Utf8)
            m Utf8
            n Int64
            s Utf8
            x Float64
        "#]]
        .assert_eq(&types);
        assert_eq!(fields.mixed(), ["m"]);
        let rows = json_rows(&fields.rows(&schema, &records).unwrap()).unwrap();
        let shown: Vec<String> = rows[1].iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(shown, [r#""2""#, "null", "null", r#""3""#, "-2", "null", "0.5"]);
    }

    #[test]
    fn a_value_that_does_not_fit_what_was_found_is_named() {
        let mut fields = Fields::default();
        fields.see(&record("1", json!({"n": 7})).metadata);
        let schema = Arc::new(fields.schema("id"));
        for later in [json!({"n": "seven"}), json!({"n": 0.5})] {
            let refused = fields.rows(&schema, &[record("2", later)]).unwrap_err();
            let text = "field `n` of record `2` has changed since the export began; export again";
            assert_eq!(refused.to_string(), text);
        }
        assert!(fields.rows(&schema, &[record("2", json!({"new": 1}))]).is_err());
        assert!(fields.check_free("n", "embedding").is_err());
        assert!(fields.check_free("id", "id").is_err());
        assert!(fields.check_free("id", "embedding").is_ok());
    }
}
