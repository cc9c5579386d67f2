//! Arrays of `f32` as JSON numbers and as base64.
//!
//! Responses are nearly all floats, so they are printed straight into the buffer that is sent: never
//! through a generic JSON value, which would print `0.1_f32` as `0.10000000149011612`. JSON has no
//! word for a number that is not finite, and serde_json writes `null` in its place; here it is an
//! error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, BytesMut};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// An array holds a NaN or an infinity, which no JSON number can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("float {index} of the array is not finite")]
pub struct NotFinite {
    /// Its place in the array.
    pub index: usize,
}

/// A text that is not the base64 of little-endian `f32`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not base64 at all.
    #[error("failed to decode base64")]
    Base64(#[from] base64::DecodeError),
    /// Not a whole number of floats.
    #[error("{num_bytes} bytes are not a whole number of 4-byte floats")]
    Length {
        /// Bytes after base64 was undone.
        num_bytes: usize,
    },
}

// What the longest `f32` takes in JSON: sign, 9 digits, point, exponent, and the comma after it.
const MAX_CHARS_PER_FLOAT: usize = 17;

// Floats per round of base64. A multiple of 3, so that only the last round is padded.
const BASE64_ROUND: usize = 192;

/// Appends `values` as a JSON array in the shortest digits that read back as the same `f32`.
///
/// # Errors
///
/// [`NotFinite`] if a value is a NaN or an infinity. `out` is then as it was before the call.
pub fn write_array(out: &mut BytesMut, values: &[f32]) -> Result<(), NotFinite> {
    check_finite(values)?;
    out.reserve(2 + values.len() * MAX_CHARS_PER_FLOAT);
    let mut buffer = zmij::Buffer::new();
    out.put_u8(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        out.put_slice(buffer.format_finite(*value).as_bytes());
    }
    out.put_u8(b']');
    Ok(())
}

/// Appends the base64 of `values` as little-endian `f32`, without quotes.
///
/// # Errors
///
/// [`NotFinite`] if a value is a NaN or an infinity. `out` is then as it was before the call.
pub fn write_base64(out: &mut BytesMut, values: &[f32]) -> Result<(), NotFinite> {
    check_finite(values)?;
    out.reserve(values.len().div_ceil(3) * 16);
    let mut bytes = [0_u8; BASE64_ROUND * 4];
    let mut text = [0_u8; BASE64_ROUND / 3 * 16];
    for round in values.chunks(BASE64_ROUND) {
        for (slot, value) in bytes.chunks_exact_mut(4).zip(round) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
        let num_chars = STANDARD
            .encode_slice(&bytes[..round.len() * 4], &mut text)
            .expect("the buffer holds the base64 of a full round");
        out.put_slice(&text[..num_chars]);
    }
    Ok(())
}

/// Reads the base64 of little-endian `f32`.
///
/// # Errors
///
/// [`DecodeError`] if `text` is not base64 or not a whole number of floats.
pub fn read_base64(text: &str) -> Result<Vec<f32>, DecodeError> {
    let bytes = STANDARD.decode(text)?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(DecodeError::Length { num_bytes: bytes.len() });
    }
    Ok(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// A JSON array of finite `f32`: reading or writing any other value is an error.
#[derive(Debug, Clone, PartialEq, Default, ToSchema)]
#[schema(value_type = Vec<f32>)]
pub struct Floats(Vec<f32>);

impl Floats {
    /// Takes `values` if all are finite.
    ///
    /// # Errors
    ///
    /// [`NotFinite`] if one is a NaN or an infinity.
    pub fn new(values: Vec<f32>) -> Result<Self, NotFinite> {
        check_finite(&values)?;
        Ok(Self(values))
    }

    /// Returns the values.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Returns the values.
    pub fn into_vec(self) -> Vec<f32> {
        self.0
    }
}

impl Serialize for Floats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        check_finite(&self.0).map_err(S::Error::custom)?;
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Floats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A number beyond the range of `f32` is read as an infinity.
        Self::new(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn check_finite(values: &[f32]) -> Result<(), NotFinite> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(NotFinite { index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::collection::vec;
    use proptest::num::f32::{NORMAL, SUBNORMAL, ZERO};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_array(values: &[f32], expected: Expect) {
        let mut out = BytesMut::new();
        match write_array(&mut out, values) {
            Ok(()) => expected.assert_eq(std::str::from_utf8(&out).unwrap()),
            Err(err) => expected.assert_eq(&format!("error: {err}; {} bytes written", out.len())),
        }
    }

    #[test]
    fn floats_are_printed_as_f32_in_the_shortest_digits() {
        check_array(&[], expect!["[]"]);
        check_array(&[0.1], expect!["[0.1]"]);
        check_array(&[1.0, -0.0, -2.5], expect!["[1.0,-0.0,-2.5]"]);
        check_array(&[f32::MAX, f32::MIN_POSITIVE], expect!["[3.4028235e+38,1.1754944e-38]"]);
        check_array(&[-1.234_567_8e-12], expect!["[-1.2345678e-12]"]);
    }

    #[test]
    fn a_float_that_is_not_finite_is_an_error_and_writes_nothing() {
        check_array(
            &[1.0, f32::NAN],
            expect![[r#"error: float 1 of the array is not finite; 0 bytes written"#]],
        );
        check_array(
            &[f32::INFINITY],
            expect![[r#"error: float 0 of the array is not finite; 0 bytes written"#]],
        );
        let mut out = BytesMut::new();
        assert_eq!(write_base64(&mut out, &[0.0, f32::NEG_INFINITY]), Err(NotFinite { index: 1 }));
        assert!(out.is_empty());
        assert_eq!(Floats::new(vec![f32::NAN]), Err(NotFinite { index: 0 }));
    }

    #[test]
    fn a_number_beyond_f32_is_refused_when_read() {
        let err = serde_json::from_str::<Floats>("[1e39]").unwrap_err();
        expect!["number out of range at line 1 column 5"].assert_eq(&err.to_string());
    }

    #[test]
    fn base64_is_of_little_endian_floats() {
        let mut out = BytesMut::new();
        write_base64(&mut out, &[1.0, -2.0]).unwrap();
        expect!["AACAPwAAAMA="].assert_eq(std::str::from_utf8(&out).unwrap());
    }

    #[test]
    fn base64_of_half_a_float_is_refused() {
        assert_eq!(read_base64("AACAPwA="), Err(DecodeError::Length { num_bytes: 5 }));
        assert!(matches!(read_base64("?"), Err(DecodeError::Base64(_))));
    }

    proptest! {
        // Lengths cross the rounds of base64; every finite value survives both forms bit for bit.
        #[test]
        fn both_forms_read_back_bit_for_bit(
            values in vec(NORMAL | SUBNORMAL | ZERO, 0..3 * BASE64_ROUND)
        ) {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();

            let mut array = BytesMut::new();
            write_array(&mut array, &values).unwrap();
            let read: Vec<f32> = std::str::from_utf8(&array[1..array.len() - 1])
                .unwrap()
                .split_terminator(',')
                .map(|number| number.parse().unwrap())
                .collect();
            prop_assert_eq!(bits(&read), bits(&values));
            serde_json::from_slice::<Floats>(&array).unwrap();

            let mut base64 = BytesMut::new();
            write_base64(&mut base64, &values).unwrap();
            let read = read_base64(std::str::from_utf8(&base64).unwrap()).unwrap();
            prop_assert_eq!(bits(&read), bits(&values));
        }

        #[test]
        fn the_reserved_room_is_enough(value in NORMAL | SUBNORMAL | ZERO) {
            let mut buffer = zmij::Buffer::new();
            prop_assert!(buffer.format_finite(value).len() < MAX_CHARS_PER_FLOAT);
        }
    }
}
