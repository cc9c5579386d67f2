//! Half a surrogate pair in a JSON text, for which the parser has no clear word.

/// Returns the first escaped half of a surrogate pair whose other half is not beside it.
pub(super) fn lone_surrogate(text: &str) -> Option<u16> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at..];
        let (half, length) = match (escaped_unit(rest), rest.get(6..).and_then(escaped_unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (None, 12),
            (Some(half @ 0xd800..0xe000), _) => (Some(half), 6),
            // Any other escape; its first two characters are enough to pass over a backslash.
            _ => (None, 2),
        };
        if half.is_some() {
            return half;
        }
        rest = rest.get(length..)?;
    }
    None
}

/// 0xd800, of a text that begins with `\ud800`.
fn escaped_unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_without_their_other_half_are_found() {
        for (text, expected) in [
            (r"no escapes", None),
            (r"\n \u00e9 \ud83d\ude00", None),
            (r"\\ud800 is a backslash and letters", None),
            (r"a\ud83dz", Some(0xd83d)),
            (r"a\ud83d\ud83d\ude00", Some(0xd83d)),
            (r"\ude00", Some(0xde00)),
            (r"\ud83d", Some(0xd83d)),
            (r"\ud83", None),
            ("\\é\\", None),
            ("\\ud8é", None),
        ] {
            assert_eq!(lone_surrogate(text), expected, "{text}");
        }
    }
}
