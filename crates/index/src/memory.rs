//! A store that keeps everything in memory and compares everything with everything.
//!
//! Useful for: tests, as the oracle that other stores must agree with, and for indexes that need not
//! outlive the process. Not useful for: speed, or keeping anything.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Explain, Fusion, Match, Query, QueryResult, Stage, StageScore};
use crate::record::{Namespace, Record, RecordPage, Selection, SparseVector, Update};
use crate::spec::{
    IndexChange, IndexDescription, IndexName, IndexSpec, Metric, NamespaceStats, Protection,
    SparseWeights, Stats,
};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};

#[cfg(test)]
mod tests;

/// The rank constant of reciprocal rank fusion, as the paper has it.
const RANK_CONSTANT: f32 = 60.0;

/// Indexes in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    indexes: Mutex<BTreeMap<IndexName, Index>>,
}

#[derive(Debug)]
struct Index {
    spec: IndexSpec,
    namespaces: BTreeMap<Namespace, BTreeMap<String, Record>>,
    lsn: u64,
}

impl MemoryStore {
    /// Begins without any index.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IndexName, Index>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        name: &IndexName,
        run: impl FnOnce(&mut Index) -> T,
    ) -> Result<T, StoreError> {
        let mut indexes = self.lock();
        let index = indexes.get_mut(name);
        index.map(run).ok_or_else(|| StoreError::index_not_found(name))
    }
}

#[async_trait]
impl VectorStore for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "memory",
            read_your_writes: true,
            atomic_batches: true,
            exact_queries: true,
            sparse: true,
            zero_vectors: true,
            full_filters: true,
            max_dimensions: 20_000,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let mut indexes = self.lock();
        if indexes.contains_key(&spec.name) {
            return Err(StoreError::index_exists(&spec.name));
        }
        let index = Index { spec: spec.clone(), namespaces: BTreeMap::new(), lsn: 0 };
        indexes.insert(spec.name.clone(), index);
        Ok(())
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        Ok(self.lock().values().map(Index::describe).collect())
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.with(index, |index| index.describe())
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.with(index, |index| {
            index.spec.apply(change);
            index.describe()
        })
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        let mut indexes = self.lock();
        let there = indexes.get(index).ok_or_else(|| StoreError::index_not_found(index))?;
        if there.spec.protection == Protection::Enabled {
            return Err(StoreError::Protected { name: index.as_str().to_owned() });
        }
        indexes.remove(index);
        Ok(())
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        self.with(index, |index| {
            let num_records = records.len();
            let kept = index.namespaces.entry(namespace.clone()).or_default();
            kept.extend(records.into_iter().map(|record| (record.id.clone(), record)));
            index.written(num_records)
        })
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        self.with(index, |index| {
            let records = index.namespaces.get_mut(namespace);
            let Some(record) = records.and_then(|records| records.get_mut(&update.id)) else {
                return index.unchanged();
            };
            update.apply(record);
            index.written(1)
        })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        self.with(index, |index| {
            let Some(records) = index.namespaces.get(namespace) else { return Vec::new() };
            ids.iter().filter_map(|id| records.get(id).cloned()).collect()
        })
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        self.with(index, |index| {
            let Some(records) = index.namespaces.get(namespace) else {
                return RecordPage::default();
            };
            let is_after = |id: &&String| page.after.as_ref().is_none_or(|after| *id > after);
            let mut following =
                records.keys().filter(|id| id.starts_with(&page.prefix)).filter(is_after).cloned();
            let ids: Vec<String> = following.by_ref().take(page.limit).collect();
            let next = following.next().and_then(|_| ids.last().cloned());
            RecordPage { ids, next }
        })
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.with(index, |index| {
            let records = index.namespaces.get(namespace).into_iter().flatten();
            let passing = records.filter(|(_, record)| filter.matches(&record.metadata));
            passing.take(limit).map(|(id, _)| id.clone()).collect()
        })
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        self.with(index, |index| {
            let Some(records) = index.namespaces.get_mut(namespace) else {
                return index.unchanged();
            };
            let before = records.len();
            match selection {
                Selection::Ids(ids) => ids.iter().for_each(|id| drop(records.remove(id))),
                Selection::Filter(filter) => {
                    records.retain(|_, record| !filter.matches(&record.metadata));
                }
                Selection::All => records.clear(),
            }
            let num_deleted = before - records.len();
            if records.is_empty() {
                index.namespaces.remove(namespace);
            }
            index.written(num_deleted)
        })
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        self.with(index, |index| {
            let records = index.namespaces.get(namespace);
            let mut result = QueryResult { lsn: index.lsn, ..QueryResult::default() };
            if let Some(records) = records {
                let search = Search { spec: &index.spec, records, query };
                (result.matches, result.explain) = search.run();
            }
            result
        })
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        self.with(index, |index| {
            let passes = |record: &&Record| filter.is_none_or(|f| f.matches(&record.metadata));
            let count = |(namespace, records): (&Namespace, &BTreeMap<String, Record>)| {
                let num_records = records.values().filter(passes).count() as u64;
                NamespaceStats { namespace: namespace.clone(), num_records }
            };
            Stats { namespaces: index.namespaces.iter().map(count).collect(), lsn: index.lsn }
        })
    }
}

impl Index {
    fn describe(&self) -> IndexDescription {
        let num_records = self.namespaces.values().map(BTreeMap::len).sum::<usize>() as u64;
        IndexDescription { spec: self.spec.clone(), num_records }
    }

    fn written(&mut self, num_records: usize) -> Written {
        self.lsn += 1;
        Written { num_records: num_records as u64, lsn: self.lsn }
    }

    fn unchanged(&self) -> Written {
        Written { num_records: 0, lsn: self.lsn }
    }
}

/// One query over the records of one namespace.
struct Search<'a> {
    spec: &'a IndexSpec,
    records: &'a BTreeMap<String, Record>,
    query: &'a Query,
}

impl<'a> Search<'a> {
    fn run(&self) -> (Vec<Match>, Explain) {
        let start = Instant::now();
        let passes = |record: &&Record| {
            self.query.filter.as_ref().is_none_or(|f| f.matches(&record.metadata))
        };
        let candidates: Vec<&Record> = self.records.values().filter(passes).collect();
        let has_dense = !self.query.vector.is_empty();
        let matches = match self.query.sparse.as_ref() {
            Some(sparse) if has_dense && self.query.fusion == Fusion::ReciprocalRank => {
                self.fuse(&candidates, sparse)
            }
            sparse => self.sum(&candidates, sparse),
        };
        let stage = Stage {
            name: "f32",
            num_candidates: candidates.len() as u64,
            is_exact: true,
            took: start.elapsed(),
        };
        (matches, Explain { stages: vec![stage] })
    }

    fn sum(&self, candidates: &[&'a Record], sparse: Option<&SparseVector>) -> Vec<Match> {
        let weighted = sparse.map(|sparse| self.weigh(sparse));
        let score = |record: &Record| {
            let dense = self.dense(record);
            match (&weighted, &record.sparse) {
                (Some(query), Some(sparse)) => Some(dense + query.dot(sparse)),
                // Records without any of the terms are found by their dense part alone.
                (Some(_), None) if self.query.vector.is_empty() => None,
                _ => Some(dense),
            }
        };
        let ranked = self.rank(candidates, self.spec.metric, self.query.top_k, score);
        ranked.into_iter().map(|(record, score)| self.found(record, score, Vec::new())).collect()
    }

    /// Reciprocal rank fusion of the two orders.
    fn fuse(&self, candidates: &[&'a Record], sparse: &SparseVector) -> Vec<Match> {
        let depth = (4 * self.query.top_k).max(100);
        let weighted = self.weigh(sparse);
        let dense = self.rank(candidates, self.spec.metric, depth, |r| Some(self.dense(r)));
        let lexical = self.rank(candidates, Metric::DotProduct, depth, |record| {
            record.sparse.as_ref().map(|sparse| weighted.dot(sparse)).filter(|score| *score > 0.0)
        });
        let mut fused: BTreeMap<&str, (&Record, Vec<StageScore>)> = BTreeMap::new();
        for (stage, order) in [("dense", dense), ("sparse", lexical)] {
            for (at, (record, score)) in order.into_iter().enumerate() {
                let entry = fused.entry(&record.id).or_insert((record, Vec::new()));
                entry.1.push(StageScore { stage, score, rank: at + 1 });
            }
        }
        let sum = |stages: &[StageScore]| {
            stages.iter().map(|stage| 1.0 / (RANK_CONSTANT + stage.rank as f32)).sum::<f32>()
        };
        let mut matches: Vec<Match> = fused
            .into_values()
            .map(|(record, stages)| self.found(record, sum(&stages), stages))
            .collect();
        matches.sort_by(|a, b| b.score.total_cmp(&a.score));
        matches.truncate(self.query.top_k);
        matches
    }

    /// The best of the candidates that have a score, best first; equal scores by id.
    fn rank(
        &self,
        candidates: &[&'a Record],
        metric: Metric,
        k: usize,
        score: impl Fn(&Record) -> Option<f32>,
    ) -> Vec<(&'a Record, f32)> {
        let mut scored: Vec<(&Record, f32)> =
            candidates.iter().filter_map(|record| Some((*record, score(record)?))).collect();
        scored.sort_by(|a, b| {
            if metric.is_closer(a.1, b.1) {
                Ordering::Less
            } else if metric.is_closer(b.1, a.1) {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        });
        scored.truncate(k);
        scored
    }

    fn dense(&self, record: &Record) -> f32 {
        score(self.spec.metric, &self.query.vector, &record.values)
    }

    /// Weights the terms of a query as the index says.
    fn weigh(&self, sparse: &SparseVector) -> SparseVector {
        if self.spec.sparse_weights == SparseWeights::AsSent {
            return sparse.clone();
        }
        let num_all = self.records.len() as f32;
        let has = |term: u32| {
            let terms = self.records.values().filter_map(|record| record.sparse.as_ref());
            terms.filter(|sparse| sparse.indices.binary_search(&term).is_ok()).count() as f32
        };
        let rarity = |n: f32| (1.0 + (num_all - n + 0.5) / (n + 0.5)).ln();
        let weigh = |(term, value): (&u32, &f32)| value * rarity(has(*term));
        let values = sparse.indices.iter().zip(&sparse.values).map(weigh).collect();
        SparseVector { indices: sparse.indices.clone(), values }
    }

    fn found(&self, record: &Record, score: f32, stages: Vec<StageScore>) -> Match {
        let include = self.query.include;
        let mut found = Match {
            id: record.id.clone(),
            score,
            values: Vec::new(),
            sparse: None,
            metadata: BTreeMap::new(),
            stages,
        };
        if include.values {
            found.values.clone_from(&record.values);
            found.sparse.clone_from(&record.sparse);
        }
        if include.metadata {
            found.metadata.clone_from(&record.metadata);
        }
        found
    }
}

/// The score of two vectors, summed in double precision; 0 for empty ones.
pub(crate) fn score(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    let sum = |f: fn(f64, f64) -> f64| {
        a.iter().zip(b).map(|(x, y)| f(f64::from(*x), f64::from(*y))).sum::<f64>()
    };
    let length = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let score = match metric {
        Metric::DotProduct => sum(|x, y| x * y),
        Metric::Euclidean => sum(|x, y| (x - y).powi(2)),
        // A vector of zeros has no direction, so it is not near to anything.
        Metric::Cosine => match length(a) * length(b) {
            0.0 => 0.0,
            lengths => sum(|x, y| x * y) / lengths,
        },
    };
    score as f32
}
