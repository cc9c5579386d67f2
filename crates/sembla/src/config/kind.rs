//! What values a setting takes: parsing, checking and naming the allowed range.
//!
//! A flag and an environment variable bring text, the TOML file brings typed values. Both end as
//! the same canonical [`toml::Value`], so that everything behind this file sees one form.

mod prices;
#[cfg(test)]
mod tests;

use toml::Value;

/// The values that a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Any text that is not empty.
    Text,
    /// A list of texts; separated by commas where it comes as one text.
    Texts,
    /// As [`Kind::Texts`], each `*` or the address of a web site without a path.
    Origins,
    /// As [`Kind::Text`], and never printed.
    Secret,
    /// An address that may carry a password, and is never printed.
    SecretAddress,
    /// As [`Kind::Texts`], and never printed.
    Secrets,
    /// The path of a file or folder.
    Path,
    /// A path, or `auto`.
    PathOrAuto,
    /// An address that begins with `http://` or `https://`.
    Url,
    /// True or false.
    Switch,
    /// A whole number in a range.
    Count { min: u64, max: u64 },
    /// A whole number in a range, or `auto`.
    CountOrAuto { min: u64, max: u64 },
    /// A number of bytes in a range, which may carry a unit.
    Bytes { min: u64, max: u64 },
    /// As [`Kind::Bytes`], or `auto`.
    BytesOrAuto { min: u64, max: u64 },
    /// Dollars by name; in one text as NAME=DOLLARS, separated by commas.
    Prices,
    /// A number of seconds in a range, with or without a fraction.
    Seconds { min: f64, max: f64 },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The text of a value that leaves the choice to the program.
pub(crate) const AUTO: &str = "auto";

impl Kind {
    /// Returns the canonical value that `text` stands for, or `None` if it is not allowed.
    pub(crate) fn parse(self, text: &str) -> Option<Value> {
        // A prompt may well end in a space; around anything else spaces mean nothing.
        let text = if self == Self::Text { text } else { text.trim() };
        match self {
            Self::Text | Self::Secret | Self::SecretAddress | Self::Path | Self::PathOrAuto => {
                non_empty(text)
            }
            Self::Texts | Self::Secrets | Self::Origins => self.list(text.split(',')),
            Self::Url => non_empty(text).filter(|_| is_http_url(text)),
            Self::Switch => parse_switch(text).map(Value::Boolean),
            Self::Count { min, max } => integer_within(parse_count(text)?, min, max),
            Self::CountOrAuto { min, max } => match text {
                AUTO => Some(Value::String(AUTO.to_owned())),
                _ => Self::Count { min, max }.parse(text),
            },
            Self::Bytes { min, max } => integer_within(parse_bytes(text)?, min, max),
            Self::BytesOrAuto { min, max } => match text {
                AUTO => Some(Value::String(AUTO.to_owned())),
                _ => Self::Bytes { min, max }.parse(text),
            },
            Self::Prices => prices::parse(text),
            Self::Seconds { min, max } => seconds_within(text.parse().ok()?, min, max),
            Self::Choice(words) => {
                let word = text.to_ascii_lowercase().replace('-', "_");
                words.contains(&word.as_str()).then_some(Value::String(word))
            }
        }
    }

    /// Returns the canonical value of a typed value from a file, or `None` if it is not allowed.
    pub(crate) fn check(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Texts | Self::Secrets | Self::Origins, Value::Array(items)) => {
                let texts = items.iter().map(Value::as_str).collect::<Option<Vec<&str>>>()?;
                self.list(texts.into_iter())
            }
            // A list of one may be written without brackets; commas then belong to the text.
            (Self::Texts | Self::Secrets | Self::Origins, Value::String(text)) => {
                self.list([text.as_str()].into_iter())
            }
            (Self::Switch, Value::Boolean(_)) => Some(value.clone()),
            (
                Self::Count { min, max }
                | Self::CountOrAuto { min, max }
                | Self::BytesOrAuto { min, max }
                | Self::Bytes { min, max },
                Value::Integer(number),
            ) => integer_within(u64::try_from(*number).ok()?, min, max),
            (Self::Prices, Value::Table(table)) => prices::check(table),
            (Self::Seconds { min, max }, Value::Float(number)) => seconds_within(*number, min, max),
            (Self::Seconds { min, max }, Value::Integer(number)) => {
                seconds_within(u32::try_from(*number).ok()?.into(), min, max)
            }
            (Self::Switch | Self::Count { .. } | Self::Seconds { .. }, _) => None,
            (_, Value::String(text)) => self.parse(text),
            _ => None,
        }
    }

    fn list<'a>(self, items: impl Iterator<Item = &'a str>) -> Option<Value> {
        let is_allowed = |item: &&str| self != Self::Origins || is_origin(item);
        let checked = items.map(|item| Some(item.trim()).filter(is_allowed).and_then(non_empty));
        Some(Value::Array(checked.collect::<Option<_>>()?))
    }

    /// Returns what an error message says was expected.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret | Self::SecretAddress => {
                "a text that is not empty".to_owned()
            }
            Self::Texts | Self::Secrets => {
                "texts that are not empty, separated by commas".to_owned()
            }
            Self::Origins => "`*`, or addresses such as https://example.com, without a path and \
                              separated by commas"
                .to_owned(),
            Self::Path => "a path".to_owned(),
            Self::PathOrAuto => "a path, or `auto`".to_owned(),
            Self::Url => "an address that begins with http:// or https://".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::CountOrAuto { min, max } => {
                format!("a whole number from {min} to {max}, or `auto`")
            }
            Self::Bytes { min, max } => {
                format!("a number of bytes from {min} to {max}, such as 500000, 32MB or 16MiB")
            }
            Self::BytesOrAuto { .. } => "a number of bytes, such as 16GiB, or `auto`".to_owned(),
            Self::Prices => prices::EXPECTED.to_owned(),
            Self::Seconds { min, max } => format!("a number of seconds from {min} to {max}"),
            Self::Choice(words) => match words {
                [only] => format!("`{only}`"),
                _ => format!("one of {}", words.join(", ")),
            },
        }
    }

    /// Returns what stands for the value in help texts.
    pub(crate) fn value_name(self) -> String {
        let name = match self {
            Self::Choice(words) => return words.join("|"),
            Self::Text => "TEXT",
            Self::Texts => "NAME",
            Self::Origins => "ORIGIN",
            Self::Secret | Self::Secrets => "SECRET",
            Self::SecretAddress => "ADDRESS",
            Self::Path | Self::PathOrAuto => "PATH",
            Self::Url => "URL",
            Self::Switch => "true|false",
            Self::Count { .. } | Self::CountOrAuto { .. } => "N",
            Self::Bytes { .. } | Self::BytesOrAuto { .. } => "BYTES",
            Self::Prices => "TYPE=DOLLARS,…",
            Self::Seconds { .. } => "SECONDS",
        };
        name.to_owned()
    }

    /// Returns whether the value must never be printed.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretAddress | Self::Secrets)
    }

    /// Returns whether the flag may be given several times.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::Secrets | Self::Origins)
    }
}

fn non_empty(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::String(text.to_owned()))
}

fn is_http_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(' '))
}

/// Whether a text is what a browser sends as `Origin`, or `*` for any.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_host = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@".contains(&byte))
    };
    text == "*" || host.is_some_and(is_host)
}

/// Reads a switch as the Hub's own variables spell it: `HF_HUB_OFFLINE=1`, `ON`, `YES`, `TRUE`.
fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

fn parse_count(text: &str) -> Option<u64> {
    // `+5` and ` 5` parse in Rust, and are not what anybody means.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    parse_count(number)?.checked_mul(factor)
}

fn integer_within(number: u64, min: u64, max: u64) -> Option<Value> {
    if !(min..=max).contains(&number) {
        return None;
    }
    Some(Value::Integer(i64::try_from(number).ok()?))
}

fn seconds_within(number: f64, min: f64, max: f64) -> Option<Value> {
    (min..=max).contains(&number).then_some(Value::Float(number))
}
