//! Numbers as people read them.

use std::time::Duration;

/// Writes a count with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a count with what is counted.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number)) }
}

/// Writes a number of bytes in the decimal unit that leaves at most three digits before the point.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be rounded to 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Writes a duration in its two largest units.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 if duration < Duration::from_secs(10) => format!("{:.1} s", duration.as_secs_f64()),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Aligns rows into columns two spaces apart; the last one is as long as it likes.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: Vec<usize> = (0..N)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Writes a title, and below it what each label says, aligned.
pub(crate) fn card(title: &str, rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let rows = rows.iter().map(|(label, text)| format!("  {label:<width$}  {text}"));
    std::iter::once(title.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

/// Says which names there are, beside one that was not found.
pub(crate) fn there_are(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "there is none at all yet".to_owned(),
        names => format!("there are {}", names.join(", ")),
    }
}

/// Puts replacement characters in place of control characters: what somebody else wrote must not steer
/// the terminal that it is shown on.
pub(crate) fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let written = [0, 999, 1000, 12_345, 1_234_567].map(count);
        assert_eq!(written, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn one_is_singular() {
        let written = [0, 1, 2, 1000].map(|number| plural(number, "row"));
        assert_eq!(written, ["0 rows", "1 row", "2 rows", "1,000 rows"]);
    }

    #[test]
    fn bytes_have_one_decimal_in_the_right_unit() {
        let written = [0, 999, 1000, 999_949, 999_950, 90_868_376, u64::MAX].map(bytes);
        assert_eq!(
            written,
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "90.9 MB", "18446.7 PB"]
        );
    }

    #[test]
    fn durations_have_two_units() {
        let written =
            [0, 9_940, 59_900, 125_000, 7_265_000].map(Duration::from_millis).map(duration);
        assert_eq!(written, ["0.0 s", "9.9 s", "59 s", "2 min 5 s", "2 h 1 min"]);
    }

    #[test]
    fn a_card_has_its_texts_in_one_column() {
        let rows = [("state", "running".to_owned()), ("url", "none".to_owned())];
        assert_eq!(card("tiny", &rows), "tiny\n  state  running\n  url    none");
    }

    #[test]
    fn what_is_known_is_named() {
        assert_eq!(there_are(["a", "b"].iter()), "there are `a`, `b`");
        assert_eq!(there_are(Vec::<String>::new().iter()), "there is none at all yet");
    }
}
