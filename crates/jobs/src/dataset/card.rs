//! `README.md`: the dataset card that the Hub and `datasets` read, and the provenance for people.
//!
//! # Source
//!
//! `datasets` 5.2.0, `info.py` and `utils/metadata.py`: the keys and their order, as `push_to_hub`
//! writes them.

use std::fmt::Write;

use serde_json::Value;

use super::features::Features;
use super::ordered::Ordered;
use super::provenance::Provenance;
use crate::job::Summary;

/// How large a dataset is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes {
    pub(super) num_rows: u64,
    /// As Arrow arrays.
    pub(super) num_bytes: u64,
    /// As Parquet files.
    pub(super) download_bytes: u64,
}

/// Returns the text of the card.
pub(super) fn write(
    features: &Features,
    sizes: Sizes,
    provenance: &Provenance,
    source_name: &str,
    summary: &Summary,
) -> String {
    let mut text = String::from("---\n");
    write_yaml(&mut text, &front_matter(features, sizes), 0);
    text.push_str("---\n\n");
    write_provenance(&mut text, provenance, source_name, summary);
    text
}

fn front_matter(features: &Features, sizes: Sizes) -> Ordered {
    let split = Ordered::map([
        ("name", Ordered::text("train")),
        ("num_bytes", Ordered::number(sizes.num_bytes)),
        ("num_examples", Ordered::number(sizes.num_rows)),
    ]);
    let mut info = Vec::new();
    info.extend(features.card().map(|features| ("features".to_owned(), features)));
    info.push(("splits".to_owned(), Ordered::List(vec![split])));
    info.push(("download_size".to_owned(), Ordered::number(sizes.download_bytes)));
    info.push(("dataset_size".to_owned(), Ordered::number(sizes.num_bytes)));
    let data_files =
        Ordered::map([("split", Ordered::text("train")), ("path", Ordered::text("data/train-*"))]);
    let config = Ordered::map([
        ("config_name", Ordered::text("default")),
        ("data_files", Ordered::List(vec![data_files])),
    ]);
    Ordered::map([("dataset_info", Ordered::Map(info)), ("configs", Ordered::List(vec![config]))])
}

/// Writes block style as Python's `yaml` does: an item's dash stands below its key, not indented.
fn write_yaml(out: &mut String, value: &Ordered, indent: usize) {
    match value {
        Ordered::Scalar(value) => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
        Ordered::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                out.push_str("- ");
                write_yaml(out, item, indent + 2);
            }
        }
        Ordered::Map(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let _ = write!(out, "{}:", quoted(key));
                write_yaml_value(out, value, indent);
            }
        }
    }
}

fn write_yaml_value(out: &mut String, value: &Ordered, indent: usize) {
    let inner = match value {
        Ordered::Scalar(_) => {
            out.push(' ');
            return write_yaml(out, value, indent);
        }
        Ordered::List(_) => indent,
        Ordered::Map(_) => indent + 2,
    };
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', inner));
    write_yaml(out, value, inner);
}

fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) => quoted(text),
        None => value.to_string(),
    }
}

/// A plain word where YAML surely takes it for one, else in double quotes.
fn quoted(text: &str) -> String {
    let is_word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '*'))
    };
    // What YAML 1.1 takes for a boolean or for nothing.
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if is_word(text) && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}' => {
                quoted.push(c);
            }
            '\u{10000}'.. => quoted.push(c),
            // Not printable by YAML's rules, or a line break to it.
            _ => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn write_provenance(
    out: &mut String,
    provenance: &Provenance,
    source_name: &str,
    summary: &Summary,
) {
    let encoder = &provenance.encoder;
    let prompt = match (&encoder.prompt_name, &encoder.prompt) {
        (Some(name), Some(text)) => format!("{} = {}", code(name), code(text)),
        (None, Some(text)) => code(text),
        (_, None) => "none".to_owned(),
    };
    let max_tokens = match encoder.max_tokens {
        0 => "not known".to_owned(),
        max => max.to_string(),
    };
    let normalization = if encoder.normalized { "each embedding has length 1" } else { "none" };
    let rows = [
        ("Source", code(source_name)),
        ("Column", code(&provenance.column)),
        (
            "Embeddings",
            format!("{}, {} dimensions", code(&provenance.embedding_column), encoder.dimensions),
        ),
        ("Model", code(&encoder.model)),
        ("Weights", format!("SHA-256 {}", code(&encoder.weight_hash))),
        ("Pooling", encoder.pooling.join(", ")),
        ("Prompt", prompt),
        ("Normalization", normalization.to_owned()),
        ("Max tokens", max_tokens),
        ("Rows", summary.num_rows.to_string()),
        ("Truncated rows", summary.num_truncated.to_string()),
        ("Tokens", summary.num_tokens.to_string()),
        ("Seconds", format!("{:.1}", summary.elapsed.as_secs_f64())),
    ];
    let (column, version) = (code(&provenance.column), &provenance.version);
    let _ = writeln!(out, "# Embeddings of {column}\n");
    let _ = writeln!(
        out,
        "Written by Sembla {version}. The same facts about the model stand, for machines,"
    );
    let _ = writeln!(out, "under the key `sembla` in the metadata of each Parquet file.\n");
    let _ = writeln!(out, "## Provenance\n");
    for (name, value) in rows {
        let _ = writeln!(out, "- {name}: {value}");
    }
}

/// A code span, on one line whatever is in the text.
fn code(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let text = text.replace('\r', "\\r").replace('\n', "\\n");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // White space at both ends of a span is dropped by readers, and that of a prompt matters.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_takes_every_name_for_a_text() {
        for (name, expected) in [
            ("question", "question"),
            ("data/train-*", "data/train-*"),
            ("No", "\"No\""),
            ("null", "\"null\""),
            ("1e5", "\"1e5\""),
            ("", "\"\""),
            ("a: b # c", "\"a: b # c\""),
            ("say \"hi\\\"", "\"say \\\"hi\\\\\\\"\""),
            ("naïve 😀", "\"naïve 😀\""),
            ("a\nb\u{0}\u{85}\u{2028}", "\"a\\u000ab\\u0000\\u0085\\u2028\""),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }

    #[test]
    fn code_spans_hold_any_text_on_one_line() {
        for (text, expected) in [
            ("a", "`a`"),
            ("", "(empty)"),
            ("query: ", "` query:  `"),
            ("a`b``c", "```a`b``c```"),
            ("`", "`` ` ``"),
            ("a\nb", "`a\\nb`"),
        ] {
            assert_eq!(code(text), expected);
        }
    }
}
