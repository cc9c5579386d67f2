//! An OpenSearch index as an index of ours: its name, its mapping and what is kept of both.
//!
//! All that OpenSearch's clients are told of an index stands as JSON in its tag `opensearch`, so that it
//! is as durable as the index. A name that is no name for an index of ours becomes `os-`, what of it
//! can stay, and a hash; the tag has it as it was sent. An index without the tag was made by another
//! dialect and is not seen here.

use std::collections::{BTreeMap, BTreeSet};

use index::{IndexName, IndexSpec, Metric, Protection, SparseWeights, VectorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wire::opensearch::{CreateIndexRequest, IndexObject, Property};

use super::refuse;
use super::space::Space;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

/// The tag that makes an index one of OpenSearch's.
const TAG: &str = "opensearch";
/// The most bytes of the tag. Mappings of the clients in view have some 300.
const MAX_TAG_BYTES: usize = 64 * 1024;
/// The most bytes of a name, as OpenSearch limits it.
const MAX_NAME_BYTES: usize = 255;
/// What of a long or odd name is kept for people to recognize.
const MAX_STEM: usize = 24;

/// What the tag says.
#[derive(Debug, Serialize, Deserialize)]
struct Tag {
    name: String,
    created_ms: u64,
    body: CreateIndexRequest,
}

/// An index of ours as OpenSearch's clients see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapped {
    /// As the client calls it.
    pub(crate) name: String,
    /// As the store has it.
    pub(crate) spec: IndexSpec,
    /// The field of vectors.
    pub(crate) vector_field: String,
    /// How vectors are compared.
    pub(crate) space: Space,
    /// Paths of fields whose text is one exact value.
    pub(crate) keywords: BTreeSet<String>,
    created_ms: u64,
    body: CreateIndexRequest,
}

impl Mapped {
    /// Plans a new index.
    ///
    /// # Errors
    ///
    /// If the name breaks OpenSearch's rules, or the mapping has what is not served.
    pub(crate) fn plan(
        name: &str,
        body: CreateIndexRequest,
        created_ms: u64,
    ) -> Result<Self, HttpError> {
        let index = index_name(name)?;
        if !body.aliases.is_empty() {
            return Err(refuse("aliases", "there are no aliases; use the index's own name"));
        }
        let vectors = vector_field(&body)?;
        let tag = Tag { name: name.to_owned(), created_ms, body: body.clone() };
        let tag = serde_json::to_string(&tag).expect("a mapping has string keys only");
        if tag.len() > MAX_TAG_BYTES {
            let why = format!(
                "mappings and settings have {} bytes as JSON, and at most {MAX_TAG_BYTES} are kept",
                tag.len()
            );
            return Err(refuse("mappings", why));
        }
        let spec = IndexSpec {
            name: index,
            dimensions: vectors.dimensions,
            metric: vectors.space.metric(),
            kind: VectorKind::Dense,
            sparse_weights: SparseWeights::AsSent,
            protection: Protection::Disabled,
            tags: BTreeMap::from([(TAG.to_owned(), tag)]),
            fingerprint: None,
        };
        Ok(Self {
            name: name.to_owned(),
            spec,
            vector_field: vectors.name,
            space: vectors.space,
            keywords: keywords(&body),
            created_ms,
            body,
        })
    }

    /// Sees an index that the store has.
    ///
    /// # Errors
    ///
    /// If it is not one of OpenSearch's of this name.
    pub(crate) fn of_spec(name: &str, spec: IndexSpec) -> Result<Self, HttpError> {
        let Some(tag) = spec.tags.get(TAG) else { return Err(not_found(name)) };
        let tag: Tag = serde_json::from_str(tag).map_err(|err| {
            let message = format!("the tag `{TAG}` of index `{}` is damaged: {err}", spec.name);
            HttpError::new(ErrorKind::Index(IndexErrorKind::Failed), message)
        })?;
        if tag.name != name {
            return Err(not_found(name));
        }
        let vectors = vector_field(&tag.body)?;
        Ok(Self {
            name: tag.name,
            spec,
            vector_field: vectors.name,
            space: vectors.space,
            keywords: keywords(&tag.body),
            created_ms: tag.created_ms,
            body: tag.body,
        })
    }

    /// Returns the store's metric.
    pub(crate) fn metric(&self) -> Metric {
        self.spec.metric
    }

    /// Returns what `GET /{index}` says.
    pub(crate) fn object(&self) -> IndexObject {
        let mut settings = Map::new();
        for (name, value) in &self.body.settings {
            match (name.as_str(), value) {
                ("index", Value::Object(inner)) => settings.extend(inner.clone()),
                (name, value) => {
                    let name = name.strip_prefix("index.").unwrap_or(name);
                    settings.insert(name.to_owned(), value.clone());
                }
            }
        }
        for (name, value) in [
            ("creation_date", json!(self.created_ms)),
            ("number_of_shards", json!(1)),
            ("number_of_replicas", json!(0)),
            ("provided_name", json!(self.name)),
            ("uuid", json!(self.uuid())),
        ] {
            settings.insert(name.to_owned(), value);
        }
        let settings = Map::from_iter([("index".to_owned(), as_texts(Value::Object(settings)))]);
        IndexObject { aliases: Map::new(), mappings: self.body.mappings.clone(), settings }
    }

    // Another one for an index that was deleted and made again.
    fn uuid(&self) -> String {
        format!("{:016x}", hash(format!("{}/{}", self.name, self.created_ms).as_bytes()))
    }
}

/// Says that there is no such index.
pub(crate) fn not_found(name: &str) -> HttpError {
    let kind = ErrorKind::Index(IndexErrorKind::UnknownIndex);
    HttpError::new(kind, format!("no such index [{name}]"))
}

/// Returns what an OpenSearch index of this name is called here.
///
/// # Errors
///
/// If the name breaks OpenSearch's rules, or means several indexes.
pub(crate) fn index_name(name: &str) -> Result<IndexName, HttpError> {
    check_name(name)?;
    if let Ok(same) = IndexName::try_from(name)
        && !name.starts_with("os-")
    {
        return Ok(same);
    }
    let stem: String = name
        .chars()
        .take(MAX_STEM)
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let ours = format!("os-{}-{:016x}", stem.trim_matches('-'), hash(name.as_bytes()));
    Ok(IndexName::try_from(ours).expect("3, at most 24, 1 and 16 characters, all of them good"))
}

fn check_name(name: &str) -> Result<(), HttpError> {
    let wrong = |why: &str| {
        let message = format!("invalid index name [{name}]: {why}");
        Err(HttpError::new(ErrorKind::BadField, message).param("index"))
    };
    const FORBIDDEN: &str = "\\/*?\"<>| ,#:";
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return wrong("a name has 1 to 255 bytes");
    }
    if let Some(c) = name.chars().find(|c| FORBIDDEN.contains(*c) || c.is_control()) {
        return wrong(&format!(
            "it must not have {c:?}; name one index, without patterns or lists"
        ));
    }
    if name.chars().any(char::is_uppercase) {
        return wrong("it must be lowercase");
    }
    if name.starts_with(['_', '-', '+']) || name == "." || name == ".." {
        return wrong("it must not begin with `_`, `-` or `+`, nor be `.` or `..`");
    }
    Ok(())
}

// FNV-1a, whose result must never change: it is a part of names on disk.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

struct VectorField {
    name: String,
    dimensions: usize,
    space: Space,
}

fn vector_field(body: &CreateIndexRequest) -> Result<VectorField, HttpError> {
    let mut found = None;
    for (name, property) in &body.mappings.properties {
        check_kind(&format!("mappings.properties.{name}"), property, 0)?;
        if property.kind.as_deref() == Some("knn_vector")
            && found.replace((name, property)).is_some()
        {
            return Err(refuse(
                "mappings.properties",
                "an index here has one knn_vector field, and this mapping has several",
            ));
        }
    }
    let Some((name, property)) = found else {
        return Err(refuse(
            "mappings.properties",
            "an index here needs one field of the type knn_vector, with its dimension; none can be added later",
        ));
    };
    let field = format!("mappings.properties.{name}");
    let Some(dimensions) = property.dimension else {
        return Err(refuse(&field, "a knn_vector needs a dimension"));
    };
    if property.model_id.is_some() {
        return Err(refuse(&field, "there are no trained models; use a method"));
    }
    if let Some(kind) = property.data_type.as_deref().filter(|kind| *kind != "float") {
        return Err(refuse(
            &field,
            format!("vectors of the data type `{kind}` are not kept; use float"),
        ));
    }
    let space = space(body, property, &field)?;
    Ok(VectorField { name: name.clone(), dimensions, space })
}

// The field says it, or its method, or an old setting of the index.
fn space(body: &CreateIndexRequest, property: &Property, field: &str) -> Result<Space, HttpError> {
    let method = property.method.as_ref().and_then(|method| method.space_type.as_deref());
    let direct = property.space_type.as_deref();
    if let (Some(method), Some(direct)) = (method, direct)
        && method != direct
    {
        let why = format!("the field has the space `{direct}` and its method `{method}`; send one");
        return Err(refuse(field, why));
    }
    let index = body.settings.get("index").and_then(|index| index.get("knn.space_type"));
    let setting = index.or_else(|| body.settings.get("index.knn.space_type"));
    let name = method.or(direct).or_else(|| setting.and_then(Value::as_str)).unwrap_or("l2");
    Space::named(name, field)
}

/// Types whose fields filters can look at as they do.
const KINDS: [&str; 17] = [
    "knn_vector",
    "text",
    "keyword",
    "boolean",
    "long",
    "integer",
    "short",
    "byte",
    "double",
    "float",
    "half_float",
    "scaled_float",
    "unsigned_long",
    "date",
    "ip",
    "object",
    "match_only_text",
];

fn check_kind(field: &str, property: &Property, depth: usize) -> Result<(), HttpError> {
    let kind = property.kind.as_deref().unwrap_or("object");
    if !KINDS.contains(&kind) {
        let why =
            format!("fields of the type `{kind}` are not served; there are {}", KINDS.join(", "));
        return Err(refuse(field, why));
    }
    if kind == "knn_vector" && depth > 0 {
        return Err(refuse(
            field,
            "a knn_vector within an object is not served; put it at the top",
        ));
    }
    for (name, inner) in &property.properties {
        check_kind(&format!("{field}.{name}"), inner, depth + 1)?;
    }
    Ok(())
}

fn keywords(body: &CreateIndexRequest) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_keywords("", &body.mappings.properties, &mut found);
    found
}

fn collect_keywords(
    before: &str,
    properties: &BTreeMap<String, Property>,
    found: &mut BTreeSet<String>,
) {
    for (name, property) in properties {
        let path = format!("{before}{name}");
        collect_keywords(&format!("{path}."), &property.properties, found);
        if matches!(property.kind.as_deref(), Some("keyword" | "date" | "ip")) {
            found.insert(path);
        }
    }
}

// OpenSearch shows every setting as text.
fn as_texts(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, as_texts(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(as_texts).collect(),
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        Value::Null | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests;
