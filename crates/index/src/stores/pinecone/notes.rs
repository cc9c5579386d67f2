//! What an index is, in Pinecone's words, and in its tags what it has no word for.
//!
//! A tag has 120 characters at most, of letters, digits and a few signs, so the fingerprint is written in
//! base64 and cut into several.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use wire::pinecone;

use super::NAME;
use crate::error::StoreError;
use crate::spec::{
    Fingerprint, IndexName, IndexSpec, Metric, Protection, SparseWeights, VectorKind,
};

/// Before the number of each tag that is ours.
const PREFIX: &str = "sembla-";
/// The longest value of a tag.
const MAX_CHARS: usize = 120;
/// Tags of an index, at most.
const MAX_TAGS: usize = 20;

/// What has no place of its own.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "is_usual")]
    sparse_weights: SparseWeights,
    /// Tags with names that it does not take.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

fn is_usual(weights: &SparseWeights) -> bool {
    *weights == SparseWeights::default()
}

/// The tags of an index: the caller's and ours.
pub(super) fn tags(spec: &IndexSpec) -> Result<BTreeMap<String, String>, StoreError> {
    if spec.tags.keys().any(|tag| tag.starts_with(PREFIX)) {
        return Err(unsupported("keep a tag that begins with `sembla-`"));
    }
    let (mut tags, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        spec.tags.clone().into_iter().partition(|(tag, _)| is_taken(tag));
    let notes = Notes {
        fingerprint: spec.fingerprint.clone(),
        sparse_weights: spec.sparse_weights,
        tags: others,
    };
    if notes != Notes::default() {
        let json = serde_json::to_vec(&notes).expect("notes have string keys and no floats");
        let text = URL_SAFE_NO_PAD.encode(json);
        for (at, part) in text.as_bytes().chunks(MAX_CHARS).enumerate() {
            let part = String::from_utf8_lossy(part).into_owned();
            tags.insert(format!("{PREFIX}{at:02}"), part);
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(unsupported(
            "keep more than 20 tags, those with the model's fingerprint included",
        ));
    }
    Ok(tags)
}

/// Whether the service takes a tag of this name.
fn is_taken(tag: &str) -> bool {
    tag.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-'))
}

/// The tags to send so that an index has those of `after`: an empty value removes one.
pub(super) fn changed_tags(
    before: &IndexSpec,
    after: &IndexSpec,
) -> Result<BTreeMap<String, String>, StoreError> {
    let (before, after) = (tags(before)?, tags(after)?);
    let mut changed: BTreeMap<String, String> = before
        .keys()
        .filter(|tag| !after.contains_key(*tag))
        .map(|tag| (tag.clone(), String::new()))
        .collect();
    changed.extend(after.into_iter().filter(|(tag, value)| before.get(tag) != Some(value)));
    Ok(changed)
}

/// What an index is here; none if it is of sparse vectors.
pub(super) fn spec_of(model: pinecone::IndexModel) -> Result<Option<IndexSpec>, StoreError> {
    if model.vector_type == pinecone::VectorType::Sparse {
        return Ok(None);
    }
    let malformed = |what: &str| StoreError::Refused {
        store: NAME,
        status: 200,
        message: format!("index `{}` with {what}", model.name),
    };
    let dimensions = model.dimension.ok_or_else(|| malformed("no dimension"))?;
    let name = IndexName::try_from(model.name.as_str()).map_err(|_| malformed("a strange name"))?;
    let (ours, mut tags): (BTreeMap<_, _>, BTreeMap<_, _>) = model
        .tags
        .clone()
        .unwrap_or_default()
        .into_iter()
        .partition(|(tag, _)| tag.starts_with(PREFIX));
    let notes = read_notes(&ours).ok_or_else(|| malformed("tags of ours that somebody changed"))?;
    tags.extend(notes.tags);
    Ok(Some(IndexSpec {
        name,
        dimensions,
        metric: match model.metric {
            pinecone::Metric::Cosine => Metric::Cosine,
            pinecone::Metric::DotProduct => Metric::DotProduct,
            pinecone::Metric::Euclidean => Metric::Euclidean,
        },
        kind: VectorKind::Dense,
        sparse_weights: notes.sparse_weights,
        protection: match model.deletion_protection {
            pinecone::DeletionProtection::Enabled => Protection::Enabled,
            pinecone::DeletionProtection::Disabled => Protection::Disabled,
        },
        tags,
        fingerprint: notes.fingerprint,
    }))
}

fn read_notes(tags: &BTreeMap<String, String>) -> Option<Notes> {
    if tags.is_empty() {
        return Some(Notes::default());
    }
    let text: String = tags.values().map(String::as_str).collect();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

pub(super) fn metric(metric: Metric) -> pinecone::Metric {
    match metric {
        Metric::Cosine => pinecone::Metric::Cosine,
        Metric::DotProduct => pinecone::Metric::DotProduct,
        Metric::Euclidean => pinecone::Metric::Euclidean,
    }
}

pub(super) fn protection(protection: Protection) -> pinecone::DeletionProtection {
    match protection {
        Protection::Enabled => pinecone::DeletionProtection::Enabled,
        Protection::Disabled => pinecone::DeletionProtection::Disabled,
    }
}

fn unsupported(what: &'static str) -> StoreError {
    StoreError::Unsupported { store: NAME, what }
}
