//! Which fields of a document come with its hit.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wire::opensearch::search::SourceChoice;

/// Which fields come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// All.
    #[default]
    All,
    /// None, not even an empty object.
    None,
    /// Those that a pattern includes, or all without one, and that no pattern excludes.
    Some { includes: Vec<String>, excludes: Vec<String> },
}

impl Chosen {
    /// Takes the choice of a request's body.
    pub(crate) fn from_body(choice: Option<SourceChoice>) -> Self {
        match choice {
            None | Some(SourceChoice::Whether(true)) => Self::All,
            Some(SourceChoice::Whether(false)) => Self::None,
            Some(SourceChoice::Fields(fields)) => Self::patterns(fields.0, Vec::new()),
            Some(SourceChoice::Both(both)) => Self::patterns(both.includes.0, both.excludes.0),
        }
    }

    /// Takes the choice of a query string; `None` if it makes none.
    pub(crate) fn from_parameters(
        source: Option<&str>,
        includes: Option<&str>,
        excludes: Option<&str>,
    ) -> Option<Self> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        match source {
            Some("true") => Some(Self::All),
            Some("false") => Some(Self::None),
            Some(fields) => Some(Self::patterns(list(fields), Vec::new())),
            None if includes.is_none() && excludes.is_none() => None,
            None => Some(Self::patterns(
                includes.map(list).unwrap_or_default(),
                excludes.map(list).unwrap_or_default(),
            )),
        }
    }

    fn patterns(includes: Vec<String>, excludes: Vec<String>) -> Self {
        if includes.is_empty() && excludes.is_empty() {
            return Self::All;
        }
        Self::Some { includes, excludes }
    }

    /// Returns what of a document comes with its hit.
    pub(crate) fn of(&self, source: Box<RawValue>) -> Option<Box<RawValue>> {
        match self {
            Self::All => Some(source),
            Self::None => None,
            Self::Some { includes, excludes } => {
                // What was kept is an object; anything else would come whole.
                let Ok(Value::Object(fields)) = serde_json::from_str(source.get()) else {
                    return Some(source);
                };
                let kept = Value::Object(choose(fields, "", includes, excludes));
                RawValue::from_string(kept.to_string()).ok()
            }
        }
    }
}

fn choose(
    fields: Map<String, Value>,
    before: &str,
    includes: &[String],
    excludes: &[String],
) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in fields {
        let path = format!("{before}{name}");
        if names(excludes, &path) {
            continue;
        }
        let is_included = includes.is_empty() || names(includes, &path);
        let inner_includes = if is_included { &[] } else { includes };
        if let Value::Object(inner) = value {
            let inner = choose(inner, &format!("{path}."), inner_includes, excludes);
            if is_included || !inner.is_empty() {
                kept.insert(name, Value::Object(inner));
            }
        } else if is_included {
            kept.insert(name, value);
        }
    }
    kept
}

fn names(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, path))
}

// `*` stands for any characters. From the last `*` on there is one place where the rest can fit, so
// this takes no longer than the lengths multiplied.
fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(includes: &[&str], excludes: &[&str], expected: Expect) {
        let document = r#"{"text":"t","vector_field":[1,2],"metadata":{"a":1,"b":{"c":2}}}"#;
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let chosen = Chosen::patterns(list(includes), list(excludes));
        let source = RawValue::from_string(document.to_owned()).unwrap();
        expected.assert_eq(chosen.of(source).unwrap().get());
    }

    #[test]
    fn fields_are_chosen_by_patterns_of_paths() {
        check(&[], &["vector_field"], expect![[r#"{"metadata":{"a":1,"b":{"c":2}},"text":"t"}"#]]);
        check(&["metadata"], &[], expect![[r#"{"metadata":{"a":1,"b":{"c":2}}}"#]]);
        check(&["metadata.*"], &["*.c"], expect![[r#"{"metadata":{"a":1,"b":{}}}"#]]);
        check(&["metadata.b.c"], &[], expect![[r#"{"metadata":{"b":{"c":2}}}"#]]);
        check(&["t*t"], &["metadata"], expect![[r#"{"text":"t"}"#]]);
        check(&["nothing"], &[], expect!["{}"]);
    }

    #[test]
    fn a_pattern_fits_with_stars_anywhere() {
        for (pattern, path, does) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(fits(pattern, path), does, "{pattern} {path}");
        }
    }
}
