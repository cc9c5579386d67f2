//! The columns as the Python library `datasets` describes them: its `Features`, as JSON in a Parquet
//! file's metadata and as YAML in a dataset card.
//!
//! # Source
//!
//! `datasets` 5.2.0, `features/features.py`: `generate_from_arrow_type`, `_arrow_to_datasets_dtype`,
//! `Features.to_dict` and `Features._to_yaml_list`.

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};

use super::ordered::Ordered;
use crate::source::ColumnError;

/// The metadata key under which `datasets` looks.
pub(super) const HUGGINGFACE_KEY: &str = "huggingface";

/// What a dataset's columns are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Features {
    /// By column, in order, as JSON.
    columns: Vec<(String, Ordered)>,
    /// Whether each is just what `datasets` would make of the Arrow type.
    plain: bool,
}

impl Features {
    /// Returns what a Parquet file's schema declares for `datasets`, if anything.
    ///
    /// What is there and cannot be parsed is no error, but as good as absent: it describes, and the
    /// columns are typed without it.
    pub(crate) fn declared_in(schema: &Schema) -> Option<Self> {
        let text = schema.metadata().get(HUGGINGFACE_KEY)?;
        let parsed: Ordered = serde_json::from_str(text).ok()?;
        match parsed.get("info")?.get("features")? {
            Ordered::Map(columns) => Some(Self { columns: columns.clone(), plain: false }),
            Ordered::Scalar(_) | Ordered::List(_) => None,
        }
    }

    /// Describes the columns of `schema`. Where the source `declared` more than Arrow knows, such as
    /// the names of class labels, that is kept.
    ///
    /// # Errors
    ///
    /// [`ColumnError::Unsupported`] if `datasets` has no word for a type, or Parquet no place for it.
    pub(crate) fn of(schema: &Schema, declared: Option<&Self>) -> Result<Self, ColumnError> {
        let mut features = Self { columns: Vec::new(), plain: true };
        for field in schema.fields() {
            let name = field.name();
            let plain = feature(field.data_type()).ok_or_else(|| ColumnError::Unsupported {
                column: name.clone(),
                got: field.data_type().to_string(),
            })?;
            let declared = declared.and_then(|declared| declared.get(name));
            features.plain &= declared.is_none_or(|declared| *declared == plain);
            features.columns.push((name.clone(), declared.cloned().unwrap_or(plain)));
        }
        Ok(features)
    }

    /// Adds a column of plain type at the end.
    pub(super) fn push(&mut self, field: &Field) {
        let feature = feature(field.data_type()).expect("a column of our own has a plain type");
        self.columns.push((field.name().clone(), feature));
    }

    fn get(&self, column: &str) -> Option<&Ordered> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, feature)| feature)
    }

    /// Returns the value of the metadata key.
    pub(super) fn metadata(&self) -> String {
        let features = Ordered::Map(self.columns.clone());
        let info = Ordered::map([("info", Ordered::map([("features", features)]))]);
        serde_json::to_string(&info).expect("no key or value here can fail to serialize")
    }

    /// Returns the list for a dataset card, or `None` if a source declared what only the metadata can
    /// say. The card may be without it, while one that says less would win over the metadata.
    pub(super) fn card(&self) -> Option<Ordered> {
        self.plain.then(|| members_in_card(&self.columns))
    }
}

/// Returns the name that `datasets` has for a type, for messages.
#[expect(clippy::wildcard_enum_match_arm, reason = "`dtype` decides about every other type")]
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("lists of {}", type_name(item.data_type()))
        }
        DataType::Struct(_) => "objects".to_owned(),
        DataType::Null => "nothing but nulls".to_owned(),
        other => dtype(other).unwrap_or_else(|| other.to_string()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`dtype` decides about every other type")]
fn feature(data_type: &DataType) -> Option<Ordered> {
    let list = |kind, item: &Field| {
        Some(Ordered::map([
            ("feature", feature(item.data_type())?),
            ("_type", Ordered::text(kind)),
        ]))
    };
    match data_type {
        DataType::List(item) => list("List", item),
        DataType::LargeList(item) => list("LargeList", item),
        DataType::FixedSizeList(item, length) => Some(Ordered::map([
            ("feature", feature(item.data_type())?),
            ("length", Ordered::number(*length)),
            ("_type", Ordered::text("List")),
        ])),
        // `datasets` knows the empty struct, but Parquet has no place for it.
        DataType::Struct(fields) if fields.is_empty() => None,
        DataType::Struct(fields) => {
            let member = |field: &std::sync::Arc<Field>| {
                Some((field.name().clone(), feature(field.data_type())?))
            };
            Some(Ordered::Map(fields.iter().map(member).collect::<Option<_>>()?))
        }
        DataType::Dictionary(_, values) => feature(values),
        other => Some(Ordered::map([
            ("dtype", Ordered::text(dtype(other)?)),
            ("_type", Ordered::text("Value")),
        ])),
    }
}

/// The `dtype` of a type without parts.
fn dtype(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Null => "null",
        DataType::Boolean => "bool",
        DataType::Int8 => "int8",
        DataType::Int16 => "int16",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt8 => "uint8",
        DataType::UInt16 => "uint16",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float16 => "float16",
        DataType::Float32 => "float32",
        DataType::Float64 => "float64",
        DataType::Utf8 => "string",
        DataType::LargeUtf8 => "large_string",
        DataType::Utf8View => "string_view",
        DataType::Binary => "binary",
        DataType::LargeBinary => "large_binary",
        DataType::BinaryView => "binary_view",
        DataType::Date32 => "date32",
        DataType::Date64 => "date64",
        DataType::Time32(unit) => return Some(format!("time32[{}]", unit_name(*unit))),
        DataType::Time64(unit) => return Some(format!("time64[{}]", unit_name(*unit))),
        DataType::Duration(unit) => return Some(format!("duration[{}]", unit_name(*unit))),
        DataType::Timestamp(unit, None) => return Some(format!("timestamp[{}]", unit_name(*unit))),
        DataType::Timestamp(unit, Some(zone)) => {
            return Some(format!("timestamp[{}, tz={zone}]", unit_name(*unit)));
        }
        DataType::Decimal128(precision, scale) => {
            return Some(format!("decimal128({precision}, {scale})"));
        }
        DataType::Decimal256(precision, scale) => {
            return Some(format!("decimal256({precision}, {scale})"));
        }
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::FixedSizeBinary(_)
        | DataType::Interval(
            IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano,
        )
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Struct(_)
        | DataType::Union(..)
        | DataType::Dictionary(..)
        | DataType::Map(..)
        | DataType::RunEndEncoded(..) => return None,
    };
    Some(name.to_owned())
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// `[{name: …, dtype: …}, …]`.
fn members_in_card(members: &[(String, Ordered)]) -> Ordered {
    let member = |(name, feature): &(String, Ordered)| {
        let mut entries = vec![("name".to_owned(), Ordered::text(name.clone()))];
        entries.extend(in_card(feature));
        Ordered::Map(entries)
    };
    Ordered::List(members.iter().map(member).collect())
}

/// A plain feature's entries in a card: `dtype: int64`, `list: float32` and `length: 384`, `struct: […]`.
fn in_card(feature: &Ordered) -> Vec<(String, Ordered)> {
    let Ordered::Map(entries) = feature else { unreachable!("a plain feature is an object") };
    let kind = match feature.get("_type") {
        Some(Ordered::Scalar(kind)) => kind.as_str(),
        _ => None,
    };
    let key = match kind {
        None => return vec![("struct".to_owned(), members_in_card(entries))],
        Some("List") => "list",
        Some("LargeList") => "large_list",
        Some(_value) => {
            return entries.iter().filter(|(key, _)| key != "_type").cloned().collect();
        }
    };
    let mut item = in_card(feature.get("feature").expect("a list says of what"));
    let item = match item.as_slice() {
        [(key, _)] if key == "dtype" || key == "struct" => item.remove(0).1,
        _ => Ordered::Map(item),
    };
    let length = entries.iter().filter(|(key, _)| key == "length").cloned();
    std::iter::once((key.to_owned(), item)).chain(length).collect()
}

#[cfg(test)]
mod tests;
