//! Qdrant over REST: one machine, or a cluster when one is outgrown.
//!
//! An index is a collection, whose metadata has the spec; a namespace is a field of each point's payload,
//! indexed as Qdrant recommends it for tenants. Points have UUIDs there, so ids are hashed, and the ids as
//! they came lie in the payload.
//!
//! Qdrant lists points in the order of those hashes, so [`list`](VectorStore::list) reads all ids. Its graph
//! may miss, so a query that comes back with less than `top_k` is asked once more, exactly.

mod condition;
mod points;
mod requests;

use async_trait::async_trait;
use wire::qdrant;

use super::bulk::{self, Limits};
use super::http::{Http, Request, Server};
use super::listing;
use super::retry::Retry;
use super::status::{if_still_there, is_conflict};
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Precision, Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{
    IndexChange, IndexDescription, IndexName, IndexSpec, Metric, NamespaceStats, Stats,
};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};
use condition::within;
use points::Payload;

const NAME: &str = "qdrant";
/// Before the name of each collection that is ours.
const PREFIX: &str = "sembla-";
/// Where the metadata of a collection has the spec.
const SPEC: &str = "sembla_spec";
/// The longest vector of a collection.
const MAX_DIMENSIONS: usize = 65_535;
/// A request has 32 MiB at most, unless the server is told otherwise; this leaves room.
const LIMITS: Limits = Limits { num_records: 10_000, num_bytes: 24 << 20 };
/// Points of one page of a scroll.
const PAGE: usize = 10_000;
/// Ids of one request.
const MAX_IDS: usize = 1_000;
/// The most namespaces that are counted.
const MAX_NAMESPACES: usize = 1_000_000;

/// Indexes in a Qdrant server or cluster.
#[derive(Debug)]
pub struct QdrantStore {
    http: Http,
    config: QdrantConfig,
}

/// Which server, and how indexes are spread over a cluster.
#[derive(Debug, Clone)]
pub struct QdrantConfig {
    /// Scheme, host and port: `http://127.0.0.1:6333`.
    pub url: String,
    /// Sent with each request if there is one.
    pub api_key: Option<String>,
    /// Parts of a new index; the server decides without.
    pub num_shards: Option<u32>,
    /// Copies of each part of a new index. With several, more than half must have a write before it is
    /// acknowledged, and more than half are asked by each read.
    pub num_replicas: u32,
    /// How long a server that is gone is waited for.
    pub retry: Retry,
}

impl QdrantConfig {
    /// One server without a key.
    pub fn local(url: impl Into<String>) -> Self {
        let retry = Retry::patient();
        Self { url: url.into(), api_key: None, num_shards: None, num_replicas: 1, retry }
    }
}

impl QdrantStore {
    /// Takes an address; nothing is sent yet.
    pub fn new(config: QdrantConfig) -> Self {
        let headers = config.api_key.iter().map(|key| ("api-key", key.clone())).collect();
        let server = Server { store: NAME, base: &config.url, headers, retry: config.retry };
        Self { http: Http::new(server), config }
    }
}

#[async_trait]
impl VectorStore for QdrantStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: true,
            atomic_batches: false,
            exact_queries: true,
            // Qdrant keeps them, but has no order by the sum of a dense and a sparse score.
            sparse: false,
            zero_vectors: false,
            full_filters: true,
            max_dimensions: MAX_DIMENSIONS,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let num_replicas = self.config.num_replicas;
        let body = qdrant::CreateCollection {
            vectors: qdrant::VectorParams {
                size: spec.dimensions,
                distance: match spec.metric {
                    Metric::Cosine => qdrant::Distance::Cosine,
                    Metric::DotProduct => qdrant::Distance::Dot,
                    Metric::Euclidean => qdrant::Distance::Euclid,
                },
            },
            shard_number: self.config.num_shards,
            replication_factor: (num_replicas > 1).then_some(num_replicas),
            write_consistency_factor: (num_replicas > 1).then_some(num_replicas / 2 + 1),
            metadata: metadata_of(spec),
        };
        let made = self.http.send(&Request::put(collection(&spec.name), &body).once()).await;
        made.map_err(|err| match is_conflict(&err) {
            true => StoreError::index_exists(&spec.name),
            false => err,
        })?;
        if let Err(err) = self.make_namespace_index(&spec.name).await {
            // Without its index the collection is of no use, and would stand in the way of the next try.
            let _ = self.delete_index(&spec.name).await;
            return Err(err);
        }
        Ok(())
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let request = Request::get("/collections");
        let listed: qdrant::Answer<qdrant::CollectionList> = self.http.json(&request).await?;
        let names = listed.result.collections.into_iter();
        let mut names: Vec<IndexName> = names
            .filter_map(|one| IndexName::try_from(one.name.strip_prefix(PREFIX)?).ok())
            .collect();
        names.sort();
        let mut indexes = Vec::new();
        for name in names {
            indexes.extend(if_still_there(self.describe_index(&name).await)?);
        }
        Ok(indexes)
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        let spec = self.index_spec(index).await?;
        Ok(IndexDescription {
            spec,
            num_records: self.count(index, qdrant::Filter::default()).await?,
        })
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        let info: qdrant::CollectionInfo =
            self.ask(index, &Request::get(collection(index))).await?;
        let spec = info.config.metadata.and_then(|mut metadata| metadata.remove(SPEC));
        spec.and_then(|spec| serde_json::from_value(spec).ok()).ok_or_else(|| {
            let message = format!(
                "collection `{PREFIX}{index}` without the spec of an index in its metadata, which Qdrant keeps from 1.16 on"
            );
            StoreError::Refused { store: NAME, status: 200, message }
        })
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        let mut spec = self.index_spec(index).await?;
        spec.apply(change);
        let body = qdrant::UpdateCollection { metadata: metadata_of(&spec) };
        self.ask::<bool>(index, &Request::patch(collection(index), &body)).await?;
        self.describe_index(index).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        // Qdrant answers `false` where there was none.
        self.index_spec(index).await?;
        self.ask::<bool>(index, &Request::delete(collection(index))).await.map(drop)
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let metric = self.index_spec(index).await?.metric;
        let write = |piece| self.write_piece(index, namespace, metric, piece);
        bulk::write_all(&records, LIMITS, write).await
    }

    /// Reads, changes and writes: two updates of one record at once may lose one of them.
    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        let metric = self.index_spec(index).await?.metric;
        let before = self.fetch(index, namespace, std::slice::from_ref(&update.id)).await?;
        let Some(mut record) = before.into_iter().next() else { return Ok(Written::default()) };
        update.apply(&mut record);
        self.write_piece(index, namespace, metric, vec![record]).await?;
        Ok(Written { num_records: 1, lsn: 0 })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for ids in ids.chunks(MAX_IDS) {
            let ids = points::uuids(namespace, ids);
            let with_payload = qdrant::Fields::Whether(true);
            let body = qdrant::GetPoints { ids, with_payload, with_vector: true };
            let found: Vec<qdrant::FoundPoint<Payload>> = self.read(index, "points", &body).await?;
            for point in found {
                records.push(points::recorded(point)?);
            }
        }
        Ok(listing::in_order(ids, records))
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        let ids = self.ids(index, within(namespace, None), usize::MAX).await?;
        Ok(listing::page_of(ids, page))
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.ids(index, within(namespace, Some(filter)), limit).await
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let filters = match selection {
            Selection::All => vec![within(namespace, None)],
            Selection::Filter(filter) => vec![within(namespace, Some(filter))],
            Selection::Ids(ids) => {
                let some = |ids| condition::among(points::uuids(namespace, ids));
                ids.chunks(MAX_IDS).map(some).collect()
            }
        };
        let mut num_records = 0;
        for filter in filters {
            num_records += self.count(index, filter.clone()).await?;
            let body = qdrant::DeletePoints { filter };
            let request = Request::post(Self::write_path(index, "points/delete"), &body);
            self.ask::<serde_json::Value>(index, &request).await?;
        }
        Ok(Written { num_records, lsn: 0 })
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let spec = self.index_spec(index).await?;
        let exact = query.precision == Precision::Exact;
        let mut matches = self.search(&spec, namespace, query, exact).await?;
        if matches.len() < query.top_k && !exact {
            matches = self.search(&spec, namespace, query, true).await?;
        }
        Ok(QueryResult { matches, ..QueryResult::default() })
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let mut counts = self.facet(index, qdrant::Filter::default()).await?;
        if let Some(filter) = filter {
            let passing = self.facet(index, condition::filter(filter)).await?;
            counts
                .iter_mut()
                .for_each(|(name, count)| *count = passing.get(name).copied().unwrap_or(0));
        }
        let namespaces = counts.into_iter().map(|(name, num_records)| NamespaceStats {
            namespace: Namespace::new(name),
            num_records,
        });
        Ok(Stats { namespaces: namespaces.collect(), lsn: 0 })
    }
}

/// The address of an index. The rules for names leave nothing in it that had to be escaped.
fn collection(index: &IndexName) -> String {
    format!("/collections/{PREFIX}{index}")
}

fn metadata_of(spec: &IndexSpec) -> serde_json::Map<String, serde_json::Value> {
    [(SPEC.to_owned(), serde_json::json!(spec))].into_iter().collect()
}
