//! What Chroma found, and the search of all records for what its graph may miss.

use wire::chroma;

use super::condition::{self, Where};
use super::{ChromaStore, asked};
use crate::error::StoreError;
use crate::memory::score;
use crate::query::{Match, Query};
use crate::record::Record;
use crate::spec::Metric;

/// Records of one page of a scan.
const PAGE: usize = 1_000;

impl ChromaStore {
    /// Compares every record that passes with the query, here.
    pub(super) async fn scan(
        &self,
        collection: &str,
        query: &Query,
        condition: &Where,
        metric: Metric,
    ) -> Result<Vec<Match>, StoreError> {
        let Some(condition) = asked(condition) else { return Ok(Vec::new()) };
        let mut best: Vec<Match> = Vec::new();
        let mut offset = 0;
        loop {
            let body = chroma::Get {
                ids: None,
                condition: condition.clone(),
                limit: Some(PAGE),
                offset: Some(offset),
                include: vec![chroma::Include::Embeddings, chroma::Include::Metadatas],
            };
            let got: chroma::Got = self.post(collection, "get", &body).await?;
            let num_got = got.ids.len();
            best.extend(records(got).map(|record| compared(record, query, metric)));
            best.sort_by(|a, b| {
                let closer = |a: &Match, b: &Match| metric.is_closer(a.score, b.score);
                closer(b, a).cmp(&closer(a, b)).then_with(|| a.id.cmp(&b.id))
            });
            best.truncate(query.top_k);
            offset += num_got;
            if num_got < PAGE {
                return Ok(best);
            }
        }
    }
}

fn compared(record: Record, query: &Query, metric: Metric) -> Match {
    Match {
        score: score(metric, &query.vector, &record.values),
        id: record.id,
        values: if query.include.values { record.values } else { Vec::new() },
        sparse: None,
        metadata: if query.include.metadata { record.metadata } else { Default::default() },
        stages: Vec::new(),
    }
}

/// Records that were asked for with their vectors and metadata.
pub(super) fn records(got: chroma::Got) -> impl Iterator<Item = Record> {
    let fields =
        got.embeddings.unwrap_or_default().into_iter().zip(got.metadatas.unwrap_or_default());
    got.ids.into_iter().zip(fields).map(|(id, (values, metadata))| Record {
        id,
        values,
        sparse: None,
        metadata: condition::sent(metadata.as_ref()),
    })
}

/// What a query of one vector found.
pub(super) fn matches(found: chroma::Found, metric: Metric) -> Vec<Match> {
    let ids = found.ids.into_iter().next().unwrap_or_default();
    let distances = found.distances.and_then(|all| all.into_iter().next()).unwrap_or_default();
    let mut values = found.embeddings.and_then(|all| all.into_iter().next()).map(Vec::into_iter);
    let mut metadata = found.metadatas.and_then(|all| all.into_iter().next()).map(Vec::into_iter);
    let mut matches = Vec::with_capacity(ids.len());
    for (id, distance) in ids.into_iter().zip(distances) {
        let distance = distance.unwrap_or(f32::NAN);
        matches.push(Match {
            id,
            score: match metric {
                Metric::Cosine | Metric::DotProduct => 1.0 - distance,
                Metric::Euclidean => distance,
            },
            values: values.as_mut().and_then(Iterator::next).unwrap_or_default(),
            sparse: None,
            metadata: condition::sent(
                metadata.as_mut().and_then(Iterator::next).flatten().as_ref(),
            ),
            stages: Vec::new(),
        });
    }
    matches
}
