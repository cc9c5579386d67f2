//! What the running server answered → what a store answers.

use std::collections::BTreeMap;
use std::time::Duration;

use index::{
    Explain, Fingerprint, IndexDescription, IndexName, IndexSpec, Match, Metadata, Metric,
    Namespace, NamespaceStats, Protection, QueryResult, Record, SparseVector, SparseWeights, Stage,
    StageScore, Stats, StoreError, VectorKind,
};
use serde_json::Value;
use wire::indexes as wire;

use super::client::NAME;

/// The names of stages; one that a newer server made up has the last.
const STAGES: [&str; 9] =
    ["filter", "one-bit", "int8", "f32", "dense", "sparse", "fusion", "lists", "other"];

pub(super) fn index(from: wire::Index) -> Result<IndexDescription, StoreError> {
    let metric = match from.metric {
        wire::Metric::Cosine => Metric::Cosine,
        wire::Metric::DotProduct => Metric::DotProduct,
        wire::Metric::Euclidean => Metric::Euclidean,
    };
    let spec = IndexSpec {
        name: IndexName::try_from(from.name)?,
        dimensions: from.dimensions,
        metric,
        kind: match from.kind {
            wire::Kind::Dense => VectorKind::Dense,
            wire::Kind::Sparse => VectorKind::Sparse,
        },
        sparse_weights: if from.hybrid {
            SparseWeights::InverseDocumentFrequency
        } else {
            SparseWeights::AsSent
        },
        protection: if from.protected { Protection::Enabled } else { Protection::Disabled },
        tags: from.tags,
        fingerprint: from.fingerprint.map(|it| Fingerprint {
            model: it.model,
            weight_hash: it.weight_hash,
            pooling: it.pooling,
            normalized: it.normalized,
            document_prompt: it.document_prompt,
            query_prompt: it.query_prompt,
            dimensions: it.dimensions,
        }),
    };
    Ok(IndexDescription { spec, num_records: from.num_records })
}

pub(super) fn record(from: wire::Record) -> Result<Record, StoreError> {
    let metadata = metadata(from.metadata)?;
    Ok(Record { id: from.id, values: from.values, sparse: from.sparse.map(sparse), metadata })
}

fn metadata(fields: BTreeMap<String, Value>) -> Result<Metadata, StoreError> {
    let fields = fields.into_iter().map(|(field, value)| {
        let kept = index::Value::from_json(&value).ok_or_else(|| strange(&field))?;
        Ok((field, kept))
    });
    fields.collect()
}

fn strange(field: &str) -> StoreError {
    let message = format!("a record with a metadata field `{field}` of no known kind");
    StoreError::Refused { store: NAME, status: 200, message }
}

fn sparse(from: wire::Sparse) -> SparseVector {
    SparseVector { indices: from.indices, values: from.values }
}

pub(super) fn result(from: wire::SearchAnswer) -> Result<QueryResult, StoreError> {
    let matches: Result<Vec<Match>, StoreError> = from.hits.into_iter().map(hit).collect();
    let stages = from.explain.unwrap_or_default().into_iter().map(|stage| Stage {
        name: stage_name(&stage.name),
        num_candidates: stage.num_candidates,
        is_exact: stage.exact,
        took: Duration::from_secs_f64((stage.took_ms / 1e3).max(0.0)),
    });
    let explain = Explain { stages: stages.collect() };
    Ok(QueryResult { matches: matches?, lsn: from.lsn, explain })
}

fn hit(from: wire::Hit) -> Result<Match, StoreError> {
    let stages = from.stages.iter().map(|stage| StageScore {
        stage: stage_name(&stage.stage),
        score: stage.score,
        rank: stage.rank,
    });
    Ok(Match {
        id: from.id,
        score: from.score,
        values: from.values,
        sparse: from.sparse.map(sparse),
        metadata: metadata(from.metadata)?,
        stages: stages.collect(),
    })
}

fn stage_name(name: &str) -> &'static str {
    STAGES.into_iter().find(|known| *known == name).unwrap_or("other")
}

pub(super) fn stats(from: wire::Stats) -> Stats {
    let namespaces = from.namespaces.into_iter().map(|there| NamespaceStats {
        namespace: Namespace::new(there.namespace),
        num_records: there.num_records,
    });
    Stats { namespaces: namespaces.collect(), lsn: from.lsn }
}
