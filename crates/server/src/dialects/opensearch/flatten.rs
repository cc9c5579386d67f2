//! What filters look at of a document: its fields by path, as our flat metadata.
//!
//! As OpenSearch maps fields that no mapping names: a text is kept as its words under its path, and
//! whole under its path and `.keyword`; objects give their fields with dots between, and a list the
//! values of its items. A field that the mapping calls a `keyword` is kept whole under its path.
//!
//! Metadata has no lists of numbers: several numbers or booleans in one field are kept as texts, which
//! `term`, `terms`, `match` and `exists` find, and `range` does not.

use std::collections::{BTreeMap, BTreeSet};

use index::{Metadata, Value as Kept};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation as _;

/// Names the objects of a document, which have no value of their own, for `exists`.
pub(super) const OBJECTS: &str = "_objects";
/// Behind a path: the text whole.
pub(super) const KEYWORD: &str = ".keyword";

/// OpenSearch keeps no longer texts whole either.
const MAX_KEYWORD_CHARS: usize = 256;
/// Objects within objects, as OpenSearch limits it.
const MAX_DEPTH: usize = 20;
/// Fields of one document, as OpenSearch limits those of an index.
const MAX_FIELDS: usize = 1_000;

/// Collects the values of a document's fields.
pub(super) struct Flattened<'a> {
    keywords: &'a BTreeSet<String>,
    leaves: BTreeMap<String, Vec<Kept>>,
    objects: BTreeSet<String>,
}

impl<'a> Flattened<'a> {
    pub(super) fn new(keywords: &'a BTreeSet<String>) -> Self {
        Self { keywords, leaves: BTreeMap::new(), objects: BTreeSet::new() }
    }

    /// Takes a field of the document.
    ///
    /// # Errors
    ///
    /// Why it cannot be taken, if it is nested too deep or has too many fields.
    pub(super) fn add(&mut self, path: &str, value: &Value) -> Result<(), String> {
        self.add_at(path, value, 1)
    }

    fn add_at(&mut self, path: &str, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("field [{path}] is nested more than {MAX_DEPTH} deep"));
        }
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    self.add_at(path, item, depth + 1)?;
                }
            }
            Value::Object(fields) => {
                self.objects.insert(path.to_owned());
                for (name, inner) in fields {
                    self.add_at(&format!("{path}.{name}"), inner, depth + 1)?;
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let kept = Kept::from_json(value).expect("no number is too large for an f64");
                self.leaves.entry(path.to_owned()).or_default().push(kept);
            }
        }
        let num_fields = self.leaves.len() + self.objects.len();
        if num_fields > MAX_FIELDS {
            return Err(format!("the document has more than {MAX_FIELDS} fields"));
        }
        Ok(())
    }

    /// Returns all that filters look at.
    pub(super) fn into_metadata(self) -> Metadata {
        let mut metadata = Metadata::new();
        for (path, mut values) in self.leaves {
            let is_text = values.iter().all(|value| matches!(value, Kept::String(_)));
            if values.len() == 1 && !is_text {
                metadata.insert(path, values.remove(0));
                continue;
            }
            let texts: Vec<String> = values.into_iter().map(as_text).collect();
            if !is_text || self.keywords.contains(&path) {
                metadata.insert(path, Kept::Strings(texts));
                continue;
            }
            let all_words: BTreeSet<String> = texts.iter().flat_map(|text| words(text)).collect();
            let whole: Vec<String> = texts.into_iter().filter(|text| is_short(text)).collect();
            if !whole.is_empty() {
                metadata.insert(format!("{path}{KEYWORD}"), Kept::Strings(whole));
            }
            metadata.insert(path, Kept::Strings(all_words.into_iter().collect()));
        }
        if !self.objects.is_empty() {
            metadata.insert(OBJECTS.to_owned(), Kept::Strings(self.objects.into_iter().collect()));
        }
        metadata
    }
}

/// Returns the words of a text, in lower case, as OpenSearch's standard analyzer finds them: by the
/// rules of Unicode.
pub(super) fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

/// Returns a value as text, as it is written in JSON.
pub(super) fn as_text(value: Kept) -> String {
    match value {
        Kept::Bool(truth) => truth.to_string(),
        Kept::Number(number) => number.to_string(),
        Kept::String(text) => text,
        Kept::Strings(texts) => texts.join(" "),
    }
}

fn is_short(text: &str) -> bool {
    text.chars().nth(MAX_KEYWORD_CHARS).is_none()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(document: Value, expected: Expect) {
        let keywords = BTreeSet::from(["code".to_owned()]);
        let mut flattened = Flattened::new(&keywords);
        for (name, value) in document.as_object().unwrap() {
            flattened.add(name, value).unwrap();
        }
        let mut text = String::new();
        for (path, value) in flattened.into_metadata() {
            text += &format!("{path} = {}\n", serde_json::to_string(&value).unwrap());
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn texts_are_kept_as_words_and_whole() {
        check(
            json!({"text": "The Fox's 3.5 lbs, THE end.", "code": "A-1 b", "long": "x ".repeat(200)}),
            expect![[r#"
                code = ["A-1 b"]
                long = ["x"]
                text = ["3.5","end","fox's","lbs","the"]
                text.keyword = ["The Fox's 3.5 lbs, THE end."]
            "#]],
        );
    }

    #[test]
    fn objects_and_lists_are_flattened() {
        check(
            json!({"metadata": {
                "page": 3, "draft": false, "none": null, "tags": ["a b", "c"], "box": [1, 2.5],
                "one": [7], "mixed": ["x", 1], "authors": [{"name": "Ann"}, {"name": "Bob"}], "empty": {}
            }}),
            expect![[r#"
                _objects = ["metadata","metadata.authors","metadata.empty"]
                metadata.authors.name = ["ann","bob"]
                metadata.authors.name.keyword = ["Ann","Bob"]
                metadata.box = ["1","2.5"]
                metadata.draft = false
                metadata.mixed = ["x","1"]
                metadata.one = 7.0
                metadata.page = 3.0
                metadata.tags = ["a","b","c"]
                metadata.tags.keyword = ["a b","c"]
            "#]],
        );
    }

    #[test]
    fn depth_and_fields_have_limits() {
        let none = BTreeSet::new();
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!({ "a": deep });
        }
        let err = Flattened::new(&none).add("x", &deep).unwrap_err();
        assert!(err.ends_with("is nested more than 20 deep"), "{err}");
        let wide: Value = (0..1_001).map(|n| (n.to_string(), json!(n))).collect();
        expect!["the document has more than 1000 fields"]
            .assert_eq(&Flattened::new(&none).add("x", &wide).unwrap_err());
    }
}
