//! Which model an index was built with, and whether another's vectors may come near it.

use engine::Engine;
use index::{Fingerprint, IndexName};

use crate::embed::EmbedSpec;

const DIMENSIONS: &str = "dimensions";
const WEIGHTS: &str = "weights";
/// Stands between the names of poolings that are concatenated.
const AND: &str = "+";
/// The names of prompts that stand before queries and before documents, as `encode_query` and
/// `encode_document` of sentence-transformers try them, in their order.
const QUERY: &[&str] = &["query"];
const DOCUMENT: &[&str] = &["document", "passage", "corpus"];

/// Why vectors of one model mean nothing among those of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "index `{index}` was built with {recorded}, not with {given}: the {what} differ ({recorded_value} there, {given_value} here)"
)]
pub struct FingerprintMismatch {
    /// The index.
    pub index: Box<str>,
    /// The model of the index.
    pub recorded: Box<str>,
    /// The model at hand.
    pub given: Box<str>,
    /// What differs.
    pub what: &'static str,
    /// In the index.
    pub recorded_value: Box<str>,
    /// Of the model at hand.
    pub given_value: Box<str>,
}

impl FingerprintMismatch {
    /// Returns whether the vectors could stand side by side at all, were somebody to vouch for them.
    pub fn may_be_forced(&self) -> bool {
        self.what != DIMENSIONS
    }
}

/// Returns the text that stands before a query to this model, empty if none does.
pub fn query_prompt(engine: &Engine) -> String {
    prompt(engine, QUERY)
}

/// Returns the text that stands before a document of this model, empty if none does.
pub fn document_prompt(engine: &Engine) -> String {
    prompt(engine, DOCUMENT)
}

/// Returns the prompt of the first of these names that the model has, or its default.
fn prompt(engine: &Engine, names: &[&str]) -> String {
    let spec = engine.spec();
    let named = names.iter().find_map(|name| spec.prompts.get(*name));
    named.or(spec.default_prompt.as_ref()).cloned().unwrap_or_default()
}

/// Returns what an index keeps about a model, which is called `model`, where nothing else is said
/// about its prompts.
pub fn model_fingerprint(model: &str, engine: &Engine) -> Fingerprint {
    let spec = engine.spec();
    let pooling: Vec<&str> = spec.pooling.iter().map(|pooling| pooling.name()).collect();
    Fingerprint {
        model: model.to_owned(),
        weight_hash: spec.weight_hash.clone(),
        pooling: pooling.join(AND),
        normalized: spec.normalizes,
        document_prompt: document_prompt(engine),
        query_prompt: query_prompt(engine),
        dimensions: spec.dimensions,
    }
}

/// Returns what an index keeps about vectors that were made like this, or `None` if nobody knows how
/// they were.
pub fn fingerprint(spec: &EmbedSpec) -> Option<Fingerprint> {
    if spec.weight_hash.is_empty() {
        return None;
    }
    let document_prompt = spec.prompt.clone().unwrap_or_default();
    Some(Fingerprint {
        model: spec.model.clone(),
        weight_hash: spec.weight_hash.clone(),
        pooling: spec.pooling.join(AND),
        normalized: spec.normalized,
        query_prompt: spec.query_prompt.clone().unwrap_or_else(|| document_prompt.clone()),
        document_prompt,
        dimensions: spec.dimensions,
    })
}

/// Returns how the vectors of an index were made, for a dataset of them. Of an index without a
/// fingerprint only the dimensions are known.
pub(super) fn embed_spec(fingerprint: Option<&Fingerprint>, dimensions: usize) -> EmbedSpec {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    EmbedSpec {
        model: fingerprint.map_or_else(String::new, |known| known.model.clone()),
        weight_hash: fingerprint.map_or_else(String::new, |known| known.weight_hash.clone()),
        pooling: fingerprint
            .map_or_else(Vec::new, |known| known.pooling.split(AND).map(str::to_owned).collect()),
        prompt_name: None,
        prompt: fingerprint.and_then(|known| text(&known.document_prompt)),
        query_prompt: fingerprint.map(|known| known.query_prompt.clone()),
        normalized: fingerprint.is_some_and(|known| known.normalized),
        dimensions,
        max_tokens: 0,
    }
}

/// Checks that queries embedded by `given` may be compared with vectors of `recorded`. The model's
/// name may differ, since a folder may have moved.
///
/// # Errors
///
/// [`FingerprintMismatch`] with the first difference.
pub fn check_query_model(
    index: &IndexName,
    recorded: &Fingerprint,
    given: &Fingerprint,
) -> Result<(), FingerprintMismatch> {
    let shown = |normalized: bool| if normalized { "length 1" } else { "any length" }.to_owned();
    let rows = [
        (DIMENSIONS, recorded.dimensions.to_string(), given.dimensions.to_string()),
        (WEIGHTS, recorded.weight_hash.clone(), given.weight_hash.clone()),
        ("pooling modes", recorded.pooling.clone(), given.pooling.clone()),
        ("normalizations", shown(recorded.normalized), shown(given.normalized)),
    ];
    first_difference(index, recorded, given, &rows)
}

/// Checks that vectors of documents made by `given` may stand beside those of `recorded`.
///
/// # Errors
///
/// [`FingerprintMismatch`] with the first difference, which may be the prompt.
pub fn check_document_model(
    index: &IndexName,
    recorded: &Fingerprint,
    given: &Fingerprint,
) -> Result<(), FingerprintMismatch> {
    check_query_model(index, recorded, given)?;
    let shown = |prompt: &str| format!("{prompt:?}");
    let prompts = (shown(&recorded.document_prompt), shown(&given.document_prompt));
    first_difference(index, recorded, given, &[("prompts", prompts.0, prompts.1)])
}

fn first_difference(
    index: &IndexName,
    recorded: &Fingerprint,
    given: &Fingerprint,
    rows: &[(&'static str, String, String)],
) -> Result<(), FingerprintMismatch> {
    match rows.iter().find(|(_, recorded, given)| recorded != given) {
        None => Ok(()),
        Some((what, recorded_value, given_value)) => Err(FingerprintMismatch {
            index: index.as_str().into(),
            recorded: recorded.model.as_str().into(),
            given: given.model.as_str().into(),
            what,
            recorded_value: shown(what, recorded_value),
            given_value: shown(what, given_value),
        }),
    }
}

/// Writes a value as people compare it: of a hash, the beginning.
fn shown(what: &str, value: &str) -> Box<str> {
    if what == WEIGHTS { value.chars().take(12).collect() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn spec() -> EmbedSpec {
        EmbedSpec {
            model: "org/one".to_owned(),
            weight_hash: "aa11".to_owned(),
            pooling: vec!["cls".to_owned(), "mean".to_owned()],
            prompt_name: None,
            prompt: Some("passage: ".to_owned()),
            query_prompt: Some("query: ".to_owned()),
            normalized: true,
            dimensions: 8,
            max_tokens: 16,
        }
    }

    #[test]
    fn a_fingerprint_becomes_a_dataset_again_but_for_what_no_index_keeps() {
        let back = embed_spec(fingerprint(&spec()).as_ref(), 8);
        assert_eq!(back, EmbedSpec { max_tokens: 0, ..spec() });
        let bare = embed_spec(None, 8);
        assert_eq!(fingerprint(&bare), None);
        assert_eq!(bare.dimensions, 8);
    }

    #[test]
    fn a_mismatch_names_both_models_and_what_differs() {
        let index = IndexName::try_from("faq").unwrap();
        let recorded = fingerprint(&spec()).unwrap();
        let moved = Fingerprint { model: "./one".to_owned(), ..recorded.clone() };
        assert_eq!(check_document_model(&index, &recorded, &moved), Ok(()));

        let model = "org/two".to_owned();
        let other = Fingerprint { model, weight_hash: "bb22".to_owned(), ..recorded.clone() };
        expect!["index `faq` was built with org/one, not with org/two: the weights differ (aa11 there, bb22 here)"]
            .assert_eq(&check_query_model(&index, &recorded, &other).unwrap_err().to_string());

        let bare = Fingerprint { document_prompt: String::new(), ..recorded.clone() };
        assert_eq!(check_query_model(&index, &recorded, &bare), Ok(()), "no query has that prompt");
        expect![[r#"index `faq` was built with org/one, not with org/one: the prompts differ ("passage: " there, "" here)"#]]
            .assert_eq(&check_document_model(&index, &recorded, &bare).unwrap_err().to_string());
    }
}
