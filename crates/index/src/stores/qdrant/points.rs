//! Records as points, and points as records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::qdrant;

use super::NAME;
use crate::error::StoreError;
use crate::metadata::{Metadata, Value};
use crate::query::{Include, Match};
use crate::record::{Namespace, Record};
use crate::spec::Metric;

/// The field of a payload with the namespace.
pub(super) const NAMESPACE: &str = "sembla_namespace";
/// The field of a payload with the id.
pub(super) const ID: &str = "sembla_id";
/// The field of a payload with the names of the metadata's fields.
pub(super) const FIELDS: &str = "sembla_fields";
/// The space of our UUIDs: any that is nobody else's.
const SPACE: Uuid = Uuid::from_u128(0x5e3b_1a00_7c1d_5a6e_9f42_0b7d_31c8_a905);

/// What a point has beside its vector.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Payload {
    sembla_id: String,
    #[serde(default)]
    sembla_namespace: String,
    #[serde(default)]
    sembla_fields: Vec<String>,
    /// The vector's length before Qdrant scaled it to 1, which it does under cosine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sembla_length: Option<f64>,
    /// By [`kept_name`].
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
}

/// The id alone of a payload.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Id {
    pub(super) sembla_id: String,
}

pub(super) fn point(
    namespace: &Namespace,
    metric: Metric,
    record: Record,
) -> qdrant::Point<Payload> {
    let length = || record.values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let sembla_length = (metric == Metric::Cosine).then(length);
    let sembla_fields = record.metadata.keys().cloned().collect();
    let metadata = record.metadata.into_iter();
    qdrant::Point {
        id: uuid(namespace, &record.id),
        vector: record.values,
        payload: Payload {
            sembla_id: record.id,
            sembla_namespace: namespace.as_str().to_owned(),
            sembla_fields,
            sembla_length,
            metadata: metadata.map(|(field, value)| (kept_name(&field), value)).collect(),
        },
    }
}

pub(super) fn uuids(namespace: &Namespace, ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| uuid(namespace, id)).collect()
}

/// Neither part has a NUL in a namespace, so that no two pairs make one name.
fn uuid(namespace: &Namespace, id: &str) -> String {
    Uuid::new_v5(&SPACE, format!("{}\0{id}", namespace.as_str()).as_bytes()).to_string()
}

/// Paths into a payload have no way to write a quotation mark or a backslash in a name.
pub(super) fn kept_name(field: &str) -> String {
    field.replace('%', "%25").replace('"', "%22").replace('\\', "%5C")
}

fn sent_name(kept: &str) -> String {
    kept.replace("%5C", "\\").replace("%22", "\"").replace("%25", "%")
}

/// A point that was asked for whole, as a record.
pub(super) fn recorded(point: qdrant::FoundPoint<Payload>) -> Result<Record, StoreError> {
    let payload = point.payload.ok_or_else(|| incomplete("payload"))?;
    let vector = point.vector.ok_or_else(|| incomplete("vector"))?;
    let values = payload.unscaled(vector);
    Ok(Record { id: payload.sembla_id, values, sparse: None, metadata: sent(payload.metadata) })
}

/// A point that a query found, as a match.
pub(super) fn matched(
    point: qdrant::FoundPoint<Payload>,
    include: Include,
    metric: Metric,
) -> Result<Match, StoreError> {
    let score = point.score.ok_or_else(|| incomplete("score"))?;
    let payload = point.payload.ok_or_else(|| incomplete("payload"))?;
    Ok(Match {
        score: match metric {
            Metric::Cosine | Metric::DotProduct => score,
            Metric::Euclidean => score * score,
        },
        values: match include.values {
            true => payload.unscaled(point.vector.ok_or_else(|| incomplete("vector"))?),
            false => Vec::new(),
        },
        sparse: None,
        id: payload.sembla_id,
        metadata: if include.metadata { sent(payload.metadata) } else { Metadata::new() },
        stages: Vec::new(),
    })
}

impl Payload {
    /// Returns a vector as it was sent, within a rounding error.
    fn unscaled(&self, mut vector: Vec<f32>) -> Vec<f32> {
        if let Some(length) = self.sembla_length {
            vector.iter_mut().for_each(|x| *x = (f64::from(*x) * length) as f32);
        }
        vector
    }
}

fn sent(metadata: BTreeMap<String, Value>) -> Metadata {
    metadata.into_iter().map(|(field, value)| (sent_name(&field), value)).collect()
}

fn incomplete(what: &str) -> StoreError {
    let message = format!("a point without the {what} that was asked for");
    StoreError::Refused { store: NAME, status: 200, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["a", "a.b", "a\"b", "a\\b", "100%", "%22", "%5C", "%2522", ""] {
            let kept = kept_name(name);
            assert!(!kept.contains(['"', '\\']));
            assert_eq!(sent_name(&kept), name);
        }
    }

    #[test]
    fn an_id_has_another_uuid_in_each_namespace() {
        let default = Namespace::default();
        assert_eq!(uuid(&default, "a"), uuid(&default, "a"));
        assert_ne!(uuid(&default, "a"), uuid(&Namespace::new("a"), "a"));
        assert_ne!(uuid(&default, "a"), uuid(&default, "b"));
    }
}
