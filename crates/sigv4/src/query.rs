//! The parameters of a query, as they stand on the request line.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::Incomplete;

/// All bytes but the unreserved ones of RFC 3986.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parameter that is not signed, since it is the signature.
const SIGNATURE: &[u8] = b"X-Amz-Signature";

/// Pairs of a name and a value, still encoded, in the order of the request line.
pub(crate) struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    /// Splits a query. A name without `=` has an empty value, and so does the nothing between `&&`.
    ///
    /// # Source
    ///
    /// botocore 1.44.5, `SigV4Auth._canonical_query_string_url`.
    pub(crate) fn parse(query: &'a str) -> Self {
        if query.is_empty() {
            return Self(Vec::new());
        }
        Self(query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
    }

    /// Returns the decoded value of a parameter.
    ///
    /// # Errors
    ///
    /// If it is there twice, or is no UTF-8.
    pub(crate) fn parameter(&self, name: &'static str) -> Result<Option<String>, Incomplete> {
        let mut values = self.0.iter().filter(|(key, _)| decode(key) == name.as_bytes());
        let Some((_, value)) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Incomplete::Repeated { part: name });
        }
        let value = String::from_utf8(decode(value).into_owned());
        value.map(Some).map_err(|_| Incomplete::NotText { part: name })
    }

    /// Returns whether a parameter is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| decode(key) == name.as_bytes())
    }

    /// Returns the texts that may have been signed, the likelier first.
    ///
    /// The first has names and values as they were sent, as botocore signs a URL. The second has them
    /// decoded and encoded once more, as AWS's guide says: clients differ in how they send a space, and
    /// what passes a request on may write `%2f` as `%2F`. No two queries that decode differently share
    /// a text, since the second form contains only what decodes to the same.
    pub(crate) fn canonical(&self) -> Vec<String> {
        let signed: Vec<(&str, &str)> =
            self.0.iter().copied().filter(|(name, _)| decode(name) != SIGNATURE).collect();
        let anew = signed.iter().map(|(name, value)| (encode_anew(name), encode_anew(value)));
        let anew = join(anew.collect());
        let as_sent = join(signed);
        if anew == as_sent { vec![as_sent] } else { vec![as_sent, anew] }
    }
}

/// Sorts by name and then by value, which is not the order of the joined pairs: `a=2` stands before `a-b=1`.
fn join<T: AsRef<str> + Ord>(mut pairs: Vec<(T, T)>) -> String {
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", name.as_ref(), value.as_ref()));
    pairs.collect::<Vec<String>>().join("&")
}

fn encode_anew(text: &str) -> String {
    percent_encode(&decode(text), RESERVED).to_string()
}

/// Decodes as forms do: `+` is a space.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        Cow::Owned(percent_decode(text.replace('+', " ").as_bytes()).collect())
    } else {
        percent_decode(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(query: &str, expected: &[&str]) {
        assert_eq!(Query::parse(query).canonical(), expected, "{query}");
    }

    #[test]
    fn pairs_are_sorted_by_name_and_then_by_value() {
        check("", &[""]);
        check("b=2&a=1", &["a=1&b=2"]);
        check("a=2&a=1&a=&A=9", &["A=9&a=&a=1&a=2"]);
        check("a-b=1&a=2", &["a=2&a-b=1"]);
        check("flag&&x==y", &["=&flag=&x==y", "=&flag=&x=%3Dy"]);
    }

    #[test]
    fn what_was_sent_in_an_unusual_way_has_a_second_form() {
        check("a=b+c", &["a=b+c", "a=b%20c"]);
        check("a=%2f&%7e=1", &["%7e=1&a=%2f", "a=%2F&~=1"]);
        check("a=b%2Bc", &["a=b%2Bc"]);
        check("a=%ff%zz", &["a=%ff%zz", "a=%FF%25zz"]);
    }

    #[test]
    fn the_signature_is_not_signed() {
        check(
            "X-Amz-Date=1&X-Amz-Signature=ab&x-amz-signature=c",
            &["X-Amz-Date=1&x-amz-signature=c"],
        );
        check("X-Amz-Signatur%65=ab", &[""]);
    }

    #[test]
    fn a_parameter_is_there_once() {
        let query = Query::parse("a=1%2F2+3&b=1&b=1&c=%FF");
        assert_eq!(query.parameter("a").unwrap().as_deref(), Some("1/2 3"));
        assert_eq!(query.parameter("d").unwrap(), None);
        assert!(matches!(query.parameter("b"), Err(Incomplete::Repeated { part: "b" })));
        assert!(matches!(query.parameter("c"), Err(Incomplete::NotText { part: "c" })));
    }

    proptest! {
        // What is signed says all that a server can read from a query.
        #[test]
        fn encoding_anew_keeps_the_meaning(query in "[a-c=&+%2fF0]{0,24}") {
            let meaning = |text: &str| {
                let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Query::parse(text)
                    .0
                    .iter()
                    .map(|(name, value)| (decode(name).into_owned(), decode(value).into_owned()))
                    .collect();
                pairs.sort();
                pairs
            };
            for canonical in Query::parse(&query).canonical() {
                prop_assert_eq!(meaning(&canonical), meaning(&query));
            }
        }
    }
}
