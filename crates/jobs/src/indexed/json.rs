//! Metadata as JSON that people read.

use index::Value;

/// Whole numbers below this are the same as 64-bit integers and as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns a metadata value as JSON, whole numbers without a point.
pub fn value_to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Number(number) if is_whole(*number) => serde_json::Value::from(*number as i64),
        Value::Number(_) | Value::Bool(_) | Value::String(_) | Value::Strings(_) => {
            serde_json::json!(value)
        }
    }
}

pub(super) fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < EXACT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_point() {
        let shown = |number: f64| value_to_json(&Value::Number(number)).to_string();
        assert_eq!(
            [2020.0, -3.0, 0.5, EXACT].map(shown),
            ["2020", "-3", "0.5", "9007199254740992.0"]
        );
        assert_eq!(value_to_json(&Value::Strings(vec!["a".to_owned()])).to_string(), r#"["a"]"#);
    }
}
