//! Fields that hold one of several words.

use serde::de::{Deserialize, Deserializer, IntoDeserializer};

/// Reads one of several words, for serde's `deserialize_with`. Of anything else but a string the parser
/// would say that it is not JSON.
///
/// # Errors
///
/// If it is no string, or none of the words.
pub fn one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

/// Reads one of several words or null, for serde's `deserialize_with` beside `default`.
///
/// # Errors
///
/// If it is neither, or none of the words.
pub fn option<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    word.map(|word| T::deserialize(word.into_deserializer())).transpose()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        Small,
        Large,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Sizes {
        #[serde(deserialize_with = "super::one")]
        one: Size,
        #[serde(default, deserialize_with = "super::option")]
        option: Option<Size>,
    }

    #[track_caller]
    fn check_refused(json: &str, expected: Expect) {
        let err = serde_json::from_str::<Sizes>(json).unwrap_err();
        assert!(err.is_data(), "{err}");
        expected.assert_eq(&err.to_string());
    }

    #[test]
    fn what_is_no_word_is_named() {
        check_refused(
            r#"{"one":5}"#,
            expect!["invalid type: integer `5`, expected a string at line 1 column 8"],
        );
        check_refused(
            r#"{"one":"small","option":["large"]}"#,
            expect!["invalid type: sequence, expected a string at line 1 column 24"],
        );
        check_refused(
            r#"{"one":"huge"}"#,
            expect!["unknown variant `huge`, expected `small` or `large` at line 1 column 14"],
        );
    }

    #[test]
    fn words_are_read_as_ever() {
        let read: Sizes = serde_json::from_str(r#"{"one":"small","option":"large"}"#).unwrap();
        assert_eq!(read, Sizes { one: Size::Small, option: Some(Size::Large) });
        let read: Sizes = serde_json::from_str(r#"{"one":"large","option":null}"#).unwrap();
        assert_eq!(read, Sizes { one: Size::Large, option: None });
    }
}
