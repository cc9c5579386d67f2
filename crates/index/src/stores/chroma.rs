//! Chroma over HTTP.
//!
//! An index is a collection without records that has the spec, and one collection per namespace: Chroma
//! counts and deletes a collection at once, while a namespace among others would have to be searched for.
//! Its graph may miss, so a query that comes back with less than passes, and every query by
//! [`Precision::Exact`], compares all records here.
//!
//! Chroma lists records in the order that they came in, so [`list`](VectorStore::list) reads all ids.
//! Batches are cut to what the server says it takes.

mod collections;
mod condition;
mod requests;
mod scan;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use wire::chroma;

use super::bulk;
use super::http::{Http, Server};
use super::listing;
use super::negation::pushed_down;
use super::retry::Retry;
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Precision, Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, NamespaceStats, Stats};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};
use collections::Collections;
use condition::Where;

const NAME: &str = "chroma";
/// Chroma names no limit; this is what the longest published models need, and room.
const MAX_DIMENSIONS: usize = 20_000;
/// Chroma takes a request of any size; this keeps one within what proxies take.
const MAX_REQUEST_BYTES: usize = 32 << 20;

/// Indexes in a Chroma server.
#[derive(Debug)]
pub struct ChromaStore {
    http: Http,
    collections: Collections,
    max_batch: OnceCell<usize>,
}

/// Which server and which database of it.
#[derive(Debug, Clone)]
pub struct ChromaConfig {
    /// Scheme, host and port: `http://127.0.0.1:8000`.
    pub url: String,
    /// Sent as a bearer token if there is one.
    pub token: Option<String>,
    /// `default_tenant` unless the server has others.
    pub tenant: String,
    /// `default_database` unless the tenant has others.
    pub database: String,
    /// How long a server that is gone is waited for.
    pub retry: Retry,
}

impl ChromaConfig {
    /// The default database of a server without keys.
    pub fn local(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            tenant: "default_tenant".to_owned(),
            database: "default_database".to_owned(),
            retry: Retry::patient(),
        }
    }
}

impl ChromaStore {
    /// Takes an address; nothing is sent yet.
    pub fn new(config: &ChromaConfig) -> Self {
        let token = config.token.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
        let base = format!("{}/api/v2", config.url.trim_end_matches('/'));
        let headers = token.into_iter().collect();
        let http = Http::new(Server { store: NAME, base: &base, headers, retry: config.retry });
        let collections = Collections::new(http.clone(), &config.tenant, &config.database);
        Self { http, collections, max_batch: OnceCell::new() }
    }
}

/// A condition as a request has it; `None` if no record can pass.
fn asked(condition: &Where) -> Option<Option<serde_json::Value>> {
    match condition {
        Where::All => Some(None),
        Where::None => None,
        Where::If(json) => Some(Some(json.clone())),
    }
}

fn translated(filter: Option<&Filter>) -> Result<Where, StoreError> {
    filter.map_or(Ok(Where::All), |filter| Where::from(&pushed_down(filter)))
}

#[async_trait]
impl VectorStore for ChromaStore {
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
        self.collections.create_index(spec).await
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let mut indexes = Vec::new();
        for (spec, namespaces) in self.collections.all_indexes().await? {
            let mut num_records = 0;
            for (_, collection) in namespaces {
                num_records += self.count(&collection).await?;
            }
            indexes.push(IndexDescription { spec, num_records });
        }
        Ok(indexes)
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        let spec = self.collections.spec(index).await?;
        Ok(IndexDescription { spec, num_records: self.stats(index, None).await?.num_records() })
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        self.collections.spec(index).await
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.collections.change(index, change).await?;
        self.describe_index(index).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        self.collections.delete_index(index).await
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let collection = self.collections.namespace_made(index, namespace).await?;
        let limits = self.limits().await?;
        bulk::write_all(&records, limits, |piece| self.write_piece(&collection, piece)).await
    }

    /// Reads, changes and writes: two updates of one record at once may lose one of them.
    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        let found = self.collections.namespace(index, namespace).await?;
        let Some(collection) = found else { return Ok(Written::default()) };
        let before = self.records(&collection, std::slice::from_ref(&update.id)).await?;
        let Some(mut record) = before.into_iter().next() else { return Ok(Written::default()) };
        update.apply(&mut record);
        self.write_piece(&collection, vec![record]).await?;
        Ok(Written { num_records: 1, lsn: 0 })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        match self.collections.namespace(index, namespace).await? {
            Some(collection) => self.records(&collection, ids).await,
            None => Ok(Vec::new()),
        }
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        match self.collections.namespace(index, namespace).await? {
            Some(collection) => {
                Ok(listing::page_of(self.ids(&collection, &Where::All, None).await?, page))
            }
            None => Ok(RecordPage::default()),
        }
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let condition = translated(Some(filter))?;
        match self.collections.namespace(index, namespace).await? {
            Some(collection) => self.ids(&collection, &condition, Some(limit)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let found = self.collections.namespace(index, namespace).await?;
        let Some(collection) = found else { return Ok(Written::default()) };
        let condition = match selection {
            Selection::All => Where::All,
            Selection::Filter(filter) => translated(Some(filter))?,
            Selection::Ids(ids) => return self.delete_ids(&collection, ids).await,
        };
        let num_records = match asked(&condition) {
            None => 0,
            Some(None) => {
                let num_records = self.count(&collection).await?;
                self.collections.delete_namespace(index, namespace).await?;
                num_records
            }
            Some(condition) => {
                let body = chroma::Delete { ids: None, condition };
                self.post::<chroma::Deleted>(&collection, "delete", &body).await?.deleted
            }
        };
        Ok(Written { num_records, lsn: 0 })
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let condition = translated(query.filter.as_ref())?;
        let metric = self.collections.spec(index).await?.metric;
        let found = self.collections.namespace(index, namespace).await?;
        let Some(collection) = found else { return Ok(QueryResult::default()) };
        let mut matches = Vec::new();
        let mut is_done = false;
        if query.precision == Precision::Auto {
            matches = self.nearest(&collection, query, &condition, metric).await?;
            is_done = self.is_all(&collection, &condition, matches.len(), query.top_k).await?;
        }
        if !is_done {
            matches = self.scan(&collection, query, &condition, metric).await?;
        }
        Ok(QueryResult { matches, ..QueryResult::default() })
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let condition = translated(filter)?;
        let mut namespaces = Vec::new();
        for (namespace, collection) in self.collections.namespaces(index).await? {
            let num_all = self.count(&collection).await?;
            let num_records = match &condition {
                Where::All => num_all,
                Where::None | Where::If(_) => {
                    self.ids(&collection, &condition, None).await?.len() as u64
                }
            };
            if num_all > 0 {
                namespaces.push(NamespaceStats { namespace, num_records });
            }
        }
        Ok(Stats { namespaces, lsn: 0 })
    }
}
