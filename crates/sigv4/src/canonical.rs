//! The one text that stands for a request, whatever was written differently on the way.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::query::RESERVED;

const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The service that signs a path as it was sent.
pub(crate) const S3: &str = "s3";

/// Returns the path as a service signs it.
///
/// Everywhere but in S3, empty and dot segments are taken out and the path, encoded as it is already, is
/// encoded a second time. In S3 a path is the name of an object, `//` and `..` included.
///
/// # Source
///
/// botocore 1.44.5, `SigV4Auth._normalize_url_path` and `S3SigV4Auth._normalize_url_path`.
pub(crate) fn path(service: &str, path: &str) -> String {
    if service == S3 {
        return path.to_owned();
    }
    utf8_percent_encode(&without_dot_segments(path), RESERVED_IN_PATH).to_string()
}

/// Removes empty and dot segments. Differs from RFC 3986, section 5.2.4, in the empty ones, and in that `/a/.`
/// becomes `/a`.
///
/// # Source
///
/// botocore 1.44.5, `utils.remove_dot_segments`.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = kept.pop(),
            name => kept.push(name),
        }
    }
    let first = if path.is_empty() || path.starts_with('/') { "/" } else { "" };
    let last = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("{first}{}{last}", kept.join("/"))
}

/// Returns a line `name:value` for each header. The values of a repeated one are joined by `,`.
pub(crate) fn header_lines(headers: &HeaderMap, names: &[HeaderName]) -> Vec<u8> {
    let mut lines = Vec::new();
    for name in names {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b':');
        for (i, value) in headers.get_all(name).iter().enumerate() {
            if i > 0 {
                lines.push(b',');
            }
            extend_with_words(&mut lines, value);
        }
        lines.push(b'\n');
    }
    lines
}

/// Appends the words of a value with one space between them.
///
/// # Source
///
/// botocore 1.44.5, `SigV4Auth._header_value`, which treats tabs like spaces and does not spare what stands in
/// quotation marks.
fn extend_with_words(line: &mut Vec<u8>, value: &HeaderValue) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let words = value.as_bytes().split(is_blank).filter(|word| !word.is_empty());
    for (i, word) in words.enumerate() {
        if i > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_empty_and_dot_segments_and_are_encoded_again() {
        for (sent, signed) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("//a///b//", "/a/b/"),
            ("/./a/.", "/a"),
            ("/a/./", "/a/"),
            ("/a/../b", "/b"),
            ("/../..", "/"),
            ("/a/../", "/"),
            ("/a/...", "/a/..."),
            ("/a%20b", "/a%2520b"),
            ("/%2E%2E/a", "/%252E%252E/a"),
            ("/~a+(b)", "/~a%2B%28b%29"),
            ("/é", "/%C3%A9"),
            ("*", "%2A"),
        ] {
            assert_eq!(path("sts", sent), signed, "{sent}");
        }
    }

    #[test]
    fn paths_of_s3_stay_as_they_are() {
        for sent in ["/", "//a/../b/.", "/a%20b", "/a%2fb", "/a+b"] {
            assert_eq!(path("s3", sent), sent);
        }
    }

    #[test]
    fn header_values_are_words_with_a_space_between() {
        let mut headers = HeaderMap::new();
        for value in ["  a \t b  ", "", "\"c   d\"", "e,f"] {
            headers.append("x-a", HeaderValue::from_static(value));
        }
        headers.append("x-b", HeaderValue::from_static(" \t "));
        headers.append("x-c", HeaderValue::from_bytes(b"\xe9  1").unwrap());
        let names = ["x-a", "x-b", "x-c"].map(HeaderName::from_static);
        let expected = b"x-a:a b,,\"c d\",e,f\nx-b:\nx-c:\xe9 1\n";
        assert_eq!(header_lines(&headers, &names), expected);
    }
}
