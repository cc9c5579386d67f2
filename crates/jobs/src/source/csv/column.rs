//! What type a csv column has, and the building of it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, NullArray, StringBuilder,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// The largest integer up to which every integer is also a double.
const MAX_EXACT_IN_F64: u64 = 1 << 53;

/// Which kinds of value a column has shown. A set, so that the order of rows and files is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    const BOOL: Self = Self(1);
    const INT: Self = Self(2);
    /// An integer that a double would round.
    const WIDE_INT: Self = Self(2 | 4);
    const FLOAT: Self = Self(8);
    const TEXT: Self = Self(16);

    /// Adds one value.
    pub(super) fn add(&mut self, value: &str) {
        // Once text, always text: most columns are settled by their first row.
        if *self != Self::TEXT {
            *self = Self(self.0 | Self::of(value).0);
            if self.0 & Self::TEXT.0 != 0 {
                *self = Self::TEXT;
            }
        }
    }

    fn of(value: &str) -> Self {
        match value {
            "" => Self::default(),
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Self::BOOL,
            "nan" | "NaN" | "inf" | "-inf" => Self::FLOAT,
            number if is_plain_integer(number) => match number.parse::<i64>() {
                Ok(integer) if integer.unsigned_abs() <= MAX_EXACT_IN_F64 => Self::INT,
                Ok(_) => Self::WIDE_INT,
                Err(_) => Self::TEXT,
            },
            number if is_plain_decimal(number) => Self::FLOAT,
            _ => Self::TEXT,
        }
    }

    /// Returns the one type that holds all values seen.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self(0) => DataType::Null,
            Self::BOOL => DataType::Boolean,
            Self::INT | Self::WIDE_INT => DataType::Int64,
            Self(kinds) if kinds & !(Self::INT.0 | Self::FLOAT.0) == 0 => DataType::Float64,
            _ => DataType::Utf8,
        }
    }
}

/// An integer that is printed as it stands here: no sign but a minus, no zero in front.
fn is_plain_integer(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    match digits.as_bytes() {
        [b'0'] => digits.len() == value.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A number with a point or an exponent, finite as a double, and again without zeros in front.
fn is_plain_decimal(value: &str) -> bool {
    let unsigned = value.strip_prefix('-').unwrap_or(value).as_bytes();
    let is_number = match unsigned {
        [b'0', b'0'..=b'9', ..] => false,
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => unsigned
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')),
        _ => false,
    };
    let has_more_than_digits = unsigned.iter().any(|byte| !byte.is_ascii_digit()) || value == "-0";
    is_number && has_more_than_digits && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Builds one column of one batch.
pub(super) enum ColumnBuilder {
    /// All empty.
    Null,
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl ColumnBuilder {
    /// Starts a column of a type that [`Kinds::data_type`] gives.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is none of the others is text")]
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Int64 => Self::Int(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends one field; the empty one is null.
    ///
    /// # Errors
    ///
    /// If the value is not of the type that the scan found: the file has changed.
    pub(super) fn append(&mut self, value: &str) -> Result<(), ArrowError> {
        let changed = || ArrowError::CsvError(format!("`{value}` is not of its column's type"));
        let given = (!value.is_empty()).then_some(value);
        match self {
            Self::Null if given.is_none() => {}
            Self::Null => return Err(changed()),
            Self::Bool(column) => {
                let parse = |value: &str| value.to_ascii_lowercase().parse::<bool>();
                column.append_option(given.map(parse).transpose().map_err(|_| changed())?);
            }
            Self::Int(column) => {
                column.append_option(given.map(str::parse).transpose().map_err(|_| changed())?);
            }
            Self::Float(column) => {
                column.append_option(given.map(str::parse).transpose().map_err(|_| changed())?);
            }
            Self::Text(column) => column.append_option(given),
        }
        Ok(())
    }

    pub(super) fn finish(self, num_rows: usize) -> ArrayRef {
        match self {
            Self::Null => Arc::new(NullArray::new(num_rows)),
            Self::Bool(mut column) => Arc::new(column.finish()),
            Self::Int(mut column) => Arc::new(column.finish()),
            Self::Float(mut column) => Arc::new(column.finish()),
            Self::Text(mut column) => Arc::new(column.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &DataType) {
        let mut kinds = Kinds::default();
        for value in values {
            kinds.add(value);
        }
        assert_eq!(&kinds.data_type(), expected, "{values:?}");
        let mut backwards = Kinds::default();
        for value in values.iter().rev() {
            backwards.add(value);
        }
        assert_eq!(backwards, kinds, "the order of rows decides nothing: {values:?}");
    }

    #[test]
    fn a_column_has_the_narrowest_type_that_gives_every_value_back() {
        check(&["1", "-20", "", "0", "9223372036854775807"], &DataType::Int64);
        check(&["1", "2.5", "-1e-3", ".5", "7."], &DataType::Float64);
        check(&["1.0", "NaN", "-inf", "-0"], &DataType::Float64);
        check(&["True", "false", "", "TRUE"], &DataType::Boolean);
        check(&["", ""], &DataType::Null);
        check(&["a", "1"], &DataType::Utf8);
    }

    #[test]
    fn what_a_number_would_lose_stays_text() {
        check(&["00123", "5"], &DataType::Utf8);
        check(&["+5"], &DataType::Utf8);
        check(&[" 5"], &DataType::Utf8);
        check(&["9223372036854775808"], &DataType::Utf8);
        check(&["1e400"], &DataType::Utf8);
        check(&["01.5"], &DataType::Utf8);
        check(&["1-2"], &DataType::Utf8);
        check(&["-"], &DataType::Utf8);
        check(&["2024-01-31"], &DataType::Utf8);
        check(&["true", "1"], &DataType::Utf8);
        // As a double, the integer would end in ...992.
        check(&["9007199254740993", "0.5"], &DataType::Utf8);
        check(&["9007199254740992", "0.5"], &DataType::Float64);
    }
}
