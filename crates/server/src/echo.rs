//! How much of a request an error repeats.
//!
//! A client that sends ten megabytes as the name of a field knows it by its beginning; an answer that
//! has all of it, once for each time that a message names it, would be larger than the request.

/// The most characters of a name or a value that is repeated.
const MAX_QUOTED: usize = 100;
/// The most characters of a message; more of them are what is repeated without quotation marks, or
/// has some within.
const MAX_MESSAGE: usize = 2_000;
/// The last characters of such a message that are kept, which have the remedy.
const KEPT_AT_THE_END: usize = 500;

/// Cuts what a message repeats between quotation marks, and a message that is still too long.
pub(crate) fn shorten(message: String) -> String {
    // Most of them, and counted in bytes, of which there are never fewer.
    if message.len() <= MAX_QUOTED {
        return message;
    }
    let message = shorten_quoted(&message);
    let num_chars = message.chars().count();
    if num_chars <= MAX_MESSAGE {
        return message;
    }
    let begin: String = message.chars().take(MAX_MESSAGE - KEPT_AT_THE_END).collect();
    let end: String = message.chars().skip(num_chars - KEPT_AT_THE_END).collect();
    format!("{begin}…{end}")
}

/// Cuts a name or a value.
pub(crate) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_QUOTED) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn shorten_quoted(message: &str) -> String {
    let mut short = String::new();
    let mut rest = message;
    while let Some(begin) = rest.find(['`', '"']) {
        let (before, quoted) = rest.split_at(begin + 1);
        let mark = &before[begin..];
        let Some(end) = end_of(quoted, mark) else { break };
        short.push_str(before);
        short.push_str(&cut(quoted[..end].to_owned()));
        short.push_str(mark);
        rest = &quoted[end + mark.len()..];
    }
    short.push_str(rest);
    short
}

// Where the quotation ends. The parser writes strings as Rust does, with marks within them escaped.
fn end_of(quoted: &str, mark: &str) -> Option<usize> {
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        if quoted[at..].starts_with(mark) {
            return Some(at);
        }
        if char == '\\' && mark == "\"" {
            chars.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(message: &str, expected: Expect) {
        // Repeated signs are shown by how many they are.
        let short = shorten(message.to_owned());
        let xs = short.split(|sign| sign != 'x').map(str::len).max().unwrap_or_default();
        expected.assert_eq(&short.replace(&"x".repeat(xs.max(2)), &format!("({xs} x)")));
    }

    #[test]
    fn a_name_or_a_value_is_cut_and_the_rest_is_kept() {
        let long = "x".repeat(5_000);
        check(&format!("`{long}` is no name; use `-`"), expect!["`(100 x)…` is no name; use `-`"]);
        check(
            &format!(r#"`a`: invalid type: string "\"\\{long}", expected a list at line 1"#),
            expect![[r#"`a`: invalid type: string "\"\\(96 x)…", expected a list at line 1"#]],
        );
        check(
            &"é".repeat(60),
            expect!["éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"],
        );
    }

    #[test]
    fn a_name_of_a_hundred_characters_is_kept() {
        let name = "é".repeat(MAX_QUOTED);
        let message = format!("there is no model `{name}`, and that is all");
        assert_eq!(shorten(message.clone()), message);
        assert_eq!(cut(name.clone()), name);
        assert_eq!(cut(format!("{name}é")), format!("{name}…"));
    }

    #[test]
    fn no_message_is_longer_than_its_limit_whatever_is_in_it() {
        for part in ["x", "`", "\"", "`x", "\\\"", "a`b\"c ", "…`"] {
            let message = format!("`{}` is no name; use `-`", part.repeat(100_000));
            let short = shorten(message);
            assert!(short.chars().count() <= MAX_MESSAGE + 1, "{part}: {}", short.len());
            assert!(short.ends_with("is no name; use `-`"), "{part}: {short}");
        }
    }
}
