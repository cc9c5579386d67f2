//! OpenSearch with its k-NN plugin.
//!
//! An index is an index there, whose mapping has the spec among its notes; a namespace is a field of each
//! document. Approximate queries are `knn` with the filter inside, on the Lucene engine, and exact ones are
//! `script_score` with `knn_score`. A query that comes back with less than `top_k` is asked once more, exactly.
//!
//! Writes wait for the refresh that makes them visible, up to a second: send large batches.

mod condition;
mod documents;
mod pages;
mod requests;

use async_trait::async_trait;
use base64::Engine as _;
use wire::opensearch::CreateIndexRequest;
use wire::opensearch::client as body;

use super::bulk::{self, Limits};
use super::http::{Http, Request, Server};
use super::listing;
use super::retry::Retry;
use super::status::{if_still_there, is_missing};
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Precision, Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, NamespaceStats, Stats};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};
use condition::within;
use documents::Document;
use pages::Ids;

const NAME: &str = "opensearch";
/// Before the name of each index that is ours.
const PREFIX: &str = "sembla-";
/// The longest `knn_vector`.
const MAX_DIMENSIONS: usize = 16_000;
/// A request has 100 MB at most, unless the server is told otherwise; smaller ones are also kinder to it.
const LIMITS: Limits = Limits { num_records: 5_000, num_bytes: 20 << 20 };
/// A write is answered when every later search sees it.
const SEEN: &str = "refresh=wait_for";

/// Indexes in an OpenSearch cluster.
#[derive(Debug)]
pub struct OpenSearchStore {
    http: Http,
    config: OpenSearchConfig,
}

/// Which cluster, and how indexes are spread over it.
#[derive(Clone)]
pub struct OpenSearchConfig {
    /// Scheme, host and port: `https://search.example.org:9200`.
    pub url: String,
    /// Name and password, if the cluster asks for them.
    pub login: Option<(String, String)>,
    /// Primary shards of a new index; the cluster decides without.
    pub num_shards: Option<u32>,
    /// Copies of each shard beside the primary one; the cluster decides without.
    pub num_replicas: Option<u32>,
    /// How long a cluster that is gone is waited for.
    pub retry: Retry,
}

impl std::fmt::Debug for OpenSearchConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the password.
        f.debug_struct("OpenSearchConfig").field("url", &self.url).finish_non_exhaustive()
    }
}

impl OpenSearchConfig {
    /// One server without a login.
    pub fn local(url: impl Into<String>) -> Self {
        let (login, num_shards, num_replicas) = (None, None, None);
        Self { url: url.into(), login, num_shards, num_replicas, retry: Retry::patient() }
    }
}

impl OpenSearchStore {
    /// Takes an address; nothing is sent yet.
    pub fn new(config: OpenSearchConfig) -> Self {
        let login = config.login.iter().map(|(user, password)| {
            let text =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            ("authorization", format!("Basic {text}"))
        });
        let headers = login.collect();
        let server = Server { store: NAME, base: &config.url, headers, retry: config.retry };
        Self { http: Http::new(server), config }
    }
}

#[async_trait]
impl VectorStore for OpenSearchStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: true,
            atomic_batches: false,
            exact_queries: true,
            sparse: false,
            zero_vectors: false,
            full_filters: true,
            max_dimensions: MAX_DIMENSIONS,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let body: CreateIndexRequest = documents::mapping(spec, &self.config);
        let made = self.http.send(&Request::put(path(&spec.name, ""), &body).once()).await;
        made.map(drop).map_err(|err| match documents::is_taken(&err) {
            true => StoreError::index_exists(&spec.name),
            false => err,
        })
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let mut indexes = Vec::new();
        for spec in self.mappings(&format!("{PREFIX}*")).await? {
            let count = if_still_there(self.count(&spec.name).await)?;
            indexes.extend(count.map(|num_records| IndexDescription { spec, num_records }));
        }
        Ok(indexes)
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        let spec = self.index_spec(index).await?;
        Ok(IndexDescription { spec, num_records: self.count(index).await? })
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        let not_found = || StoreError::index_not_found(index);
        match self.mappings(&format!("{PREFIX}{index}")).await {
            Ok(specs) => specs.into_iter().next().ok_or_else(not_found),
            Err(err) if is_missing(&err) => Err(not_found()),
            Err(err) => Err(err),
        }
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        let mut spec = self.index_spec(index).await?;
        spec.apply(change);
        let body = body::MetaBody { meta: documents::notes(&spec) };
        let request = Request::put(path(index, "_mapping"), &body);
        self.ask::<serde_json::Value>(index, &request).await?;
        self.describe_index(index).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        self.ask::<serde_json::Value>(index, &Request::delete(path(index, ""))).await.map(drop)
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        // A bulk write to an index that is not there would make one, without a mapping.
        self.index_spec(index).await?;
        let write = |piece| self.write_piece(index, namespace, piece);
        bulk::write_all(&records, LIMITS, write).await
    }

    /// Reads, changes and writes: two updates of one record at once may lose one of them.
    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        let before = self.fetch(index, namespace, std::slice::from_ref(&update.id)).await?;
        let Some(mut record) = before.into_iter().next() else { return Ok(Written::default()) };
        update.apply(&mut record);
        self.write_piece(index, namespace, vec![record]).await?;
        Ok(Written { num_records: 1, lsn: 0 })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for ids in ids.chunks(pages::MAX_HITS) {
            let body = documents::by_ids(namespace, ids);
            for hit in self.search::<Document>(index, &body).await?.hits.hits {
                records.push(hit.source.into_record());
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
        let wanted =
            Ids { namespace, filter: None, prefix: &page.prefix, after: page.after.clone() };
        let mut ids = self.ids(index, wanted, page.limit.saturating_add(1)).await?;
        let has_more = ids.len() > page.limit;
        ids.truncate(page.limit);
        Ok(RecordPage { next: ids.last().filter(|_| has_more).cloned(), ids })
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let wanted = Ids { namespace, filter: Some(filter), prefix: "", after: None };
        self.ids(index, wanted, limit).await
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let num_records = match selection {
            Selection::All => self.delete_where(index, within(namespace, None)).await?,
            Selection::Filter(filter) => {
                self.delete_where(index, within(namespace, Some(filter))).await?
            }
            Selection::Ids(ids) => self.delete_ids(index, namespace, ids).await?,
        };
        Ok(Written { num_records, lsn: 0 })
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let spec = self.index_spec(index).await?;
        let mut matches = self.nearest(&spec, namespace, query, query.precision).await?;
        if matches.len() < query.top_k && query.precision == Precision::Auto {
            matches = self.nearest(&spec, namespace, query, Precision::Exact).await?;
        }
        Ok(QueryResult { matches, ..QueryResult::default() })
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let mut counts = self.groups(index, None).await?;
        if let Some(filter) = filter {
            let passing = self.groups(index, Some(filter)).await?;
            counts.iter_mut().for_each(|(name, n)| *n = passing.get(name).copied().unwrap_or(0));
        }
        let namespaces = counts.into_iter().map(|(name, num_records)| NamespaceStats {
            namespace: Namespace::new(name),
            num_records,
        });
        Ok(Stats { namespaces: namespaces.collect(), lsn: 0 })
    }
}

/// The address of something that is done with an index. The rules for names leave nothing in it that had to
/// be escaped.
fn path(index: &IndexName, verb: &str) -> String {
    let slash = if verb.is_empty() { "" } else { "/" };
    format!("/{PREFIX}{index}{slash}{verb}")
}
