//! Prices: dollars by name, as one text or as a table of the file.

use toml::{Table, Value};

/// What an error message says was expected.
pub(super) const EXPECTED: &str = "dollars from 0 to 1000000 by instance type, as TYPE=DOLLARS or TYPE/SIZE=DOLLARS, separated by \
     commas, or as a table of the file";

const MOST_DOLLARS: f64 = 1e6;

/// Reads `nvidia-a10g/x1=1,nvidia-t4=0.5`.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut table = Table::new();
    for row in text.split(',') {
        let (name, dollars) = row.rsplit_once('=')?;
        let dollars: f64 = dollars.trim().parse().ok()?;
        let is_new = table.insert(name.trim().to_owned(), Value::Float(dollars)).is_none();
        is_new.then_some(())?;
    }
    check(&table)
}

/// Checks a table, and makes every price a float.
pub(super) fn check(table: &Table) -> Option<Value> {
    let row = |(name, value): (&String, &Value)| {
        let dollars = match value {
            Value::Float(dollars) => *dollars,
            Value::Integer(dollars) => u32::try_from(*dollars).ok()?.into(),
            Value::String(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => return None,
        };
        let is_allowed = is_name(name) && (0.0..=MOST_DOLLARS).contains(&dollars);
        is_allowed.then(|| (name.clone(), Value::Float(dollars)))
    };
    Some(Value::Table(table.iter().map(row).collect::<Option<Table>>()?))
}

/// Whether this is a type, or a type and a size.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    name.matches('/').count() <= 1 && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_text(text: &str, expected: Expect) {
        let shown = parse(text).map_or("refused".to_owned(), |value| value.to_string());
        expected.assert_eq(&shown);
    }

    #[test]
    fn prices_are_read_from_one_text() {
        check_text(
            "nvidia-a10g/x1 = 1, intel-icl=0.032",
            expect![[r#"{ intel-icl = 0.032, "nvidia-a10g/x1" = 1.0 }"#]],
        );
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in
            ["", "t4", "t4=", "=1", "t4=-1", "t4=nan", "t4=inf", "t4=1,t4=2", "a/b/c=1", "t4=1e9"]
        {
            check_text(text, expect!["refused"]);
        }
    }

    #[test]
    fn a_table_of_the_file_may_have_whole_dollars() {
        let table: Table = toml::from_str("t4 = 1\n'a10g/x4' = 5.0").unwrap();
        let shown = check(&table).unwrap().to_string();
        expect![[r#"{ "a10g/x4" = 5.0, t4 = 1.0 }"#]].assert_eq(&shown);
        for wrong in ["t4 = 'free'", "t4 = -1", "t4 = [1]", "'a b' = 1"] {
            assert_eq!(check(&toml::from_str(wrong).unwrap()), None, "{wrong}");
        }
    }
}
