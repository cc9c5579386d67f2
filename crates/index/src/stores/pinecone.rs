//! Pinecone, the hosted service.
//!
//! Indexes, namespaces and records are its own. What an index has here and not there, the model's
//! fingerprint, lies in its tags ([`notes`]). Its queries are approximate, and it answers reads from what it
//! has caught up with: [`Capabilities`] says so.
//!
//! It counts namespaces and not what passes a filter, so [`stats`](VectorStore::stats) with a filter lists the
//! ids. It does not say how many records a deletion found.

mod calls;
mod condition;
mod notes;
mod records;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use wire::pinecone;

use super::bulk::{self, Limits};
use super::http::{Http, Request, Server, escaped};
use super::listing;
use super::retry::Retry;
use super::status::{if_still_there, is_missing};
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Precision, Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, NamespaceStats, Stats};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};
use calls::Known;
use condition::Where;

const NAME: &str = "pinecone";
/// The version of the API, the first that finds records by their metadata.
const API_VERSION: &str = "2025-10";
/// The longest vector.
const MAX_DIMENSIONS: usize = 20_000;
/// A request has 1,000 records and 2 MB at most.
const LIMITS: Limits = Limits { num_records: 1_000, num_bytes: 2_000_000 };
/// Ids of one deletion.
const MAX_DELETED: usize = 1_000;
/// Ids of one fetch: they stand in the address, which has a length that somebody on the way bounds.
const MAX_FETCHED_BYTES: usize = 4_000;

/// Indexes of a Pinecone project.
pub struct PineconeStore {
    control: Http,
    config: PineconeConfig,
    /// What is known of indexes, and since when.
    known: Mutex<BTreeMap<IndexName, Known>>,
}

/// Which project, and where its new indexes are to be.
#[derive(Clone)]
pub struct PineconeConfig {
    /// Of the control plane: `https://api.pinecone.io`.
    pub url: String,
    /// The project's key.
    pub api_key: String,
    /// Such as `aws`.
    pub cloud: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// How long the service is waited for.
    pub retry: Retry,
}

impl PineconeConfig {
    /// The service, in its region of most plans.
    pub fn hosted(api_key: impl Into<String>) -> Self {
        Self {
            url: "https://api.pinecone.io".to_owned(),
            api_key: api_key.into(),
            cloud: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            retry: Retry::patient(),
        }
    }
}

impl std::fmt::Debug for PineconeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the key.
        f.debug_struct("PineconeStore").field("url", &self.config.url).finish_non_exhaustive()
    }
}

impl PineconeStore {
    /// Takes an address and a key; nothing is sent yet.
    pub fn new(config: PineconeConfig) -> Self {
        let headers = vec![
            ("api-key", config.api_key.clone()),
            ("x-pinecone-api-version", API_VERSION.to_owned()),
        ];
        let server = Server { store: NAME, base: &config.url, headers, retry: config.retry };
        Self { control: Http::new(server), config, known: Mutex::default() }
    }

    /// Deletes some records. That there is no such namespace is no error.
    async fn delete_some(
        &self,
        index: &IndexName,
        body: pinecone::DeleteRequest,
    ) -> Result<(), StoreError> {
        let request = Request::post("/vectors/delete", &body);
        match self.data::<serde_json::Value>(index, &request).await {
            Err(err) if !is_missing(&err) => Err(err),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl VectorStore for PineconeStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: false,
            atomic_batches: false,
            exact_queries: false,
            // Pinecone keeps them, but neither weighs them by rarity nor fuses two orders.
            sparse: false,
            zero_vectors: false,
            // It does not negate comparisons, which also holds of what is no number.
            full_filters: false,
            max_dimensions: MAX_DIMENSIONS,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let place = pinecone::Place {
            cloud: self.config.cloud.clone(),
            region: self.config.region.clone(),
            source_collection: None,
        };
        let body = pinecone::CreateIndexRequest {
            name: spec.name.as_str().to_owned(),
            dimension: Some(spec.dimensions),
            metric: Some(notes::metric(spec.metric)),
            vector_type: Some(pinecone::VectorType::Dense),
            spec: Some(pinecone::PlaceSpec { serverless: Some(place), pod: None }),
            deletion_protection: Some(notes::protection(spec.protection)),
            tags: Some(notes::tags(spec)?).filter(|tags| !tags.is_empty()),
            ..pinecone::CreateIndexRequest::default()
        };
        self.create(&spec.name, &body).await
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let listed: pinecone::IndexList = self.control.json(&Request::get("/indexes")).await?;
        let mut indexes = Vec::new();
        for model in listed.indexes {
            // Sparse ones are not ours to search.
            let Some(spec) = notes::spec_of(model)? else { continue };
            let stats = if_still_there(self.stats(&spec.name, None).await)?;
            let num_records = stats.map(|stats| stats.num_records());
            indexes.extend(num_records.map(|num_records| IndexDescription { spec, num_records }));
        }
        indexes.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        Ok(indexes)
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.forget(index);
        let spec = self.index_spec(index).await?;
        Ok(IndexDescription { spec, num_records: self.stats(index, None).await?.num_records() })
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        let known = self.known(index).await?;
        known.spec.ok_or(StoreError::Unsupported { store: NAME, what: "search sparse vectors" })
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.forget(index);
        let before = self.index_spec(index).await?;
        let mut spec = before.clone();
        spec.apply(change);
        let body = pinecone::ConfigureIndexRequest {
            deletion_protection: change.protection.map(notes::protection),
            tags: Some(notes::changed_tags(&before, &spec)?).filter(|tags| !tags.is_empty()),
            ..pinecone::ConfigureIndexRequest::default()
        };
        self.configure(index, &body).await?;
        self.describe_index(index).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        self.delete_and_wait(index).await
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let write = async |piece: Vec<Record>| {
            let body = records::upsert(namespace, piece)?;
            let request = Request::post("/vectors/upsert", &body);
            self.data::<serde_json::Value>(index, &request).await.map(drop)
        };
        bulk::write_all(&records, LIMITS, write).await
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        // Pinecone does not say whether there was such a record.
        if self.fetch(index, namespace, std::slice::from_ref(&update.id)).await?.is_empty() {
            return Ok(Written::default());
        }
        let request = Request::post("/vectors/update", &records::update(namespace, update)?);
        self.data::<serde_json::Value>(index, &request).await?;
        Ok(Written { num_records: 1, lsn: 0 })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for ids in records::short_queries(ids, MAX_FETCHED_BYTES) {
            let path = format!("/vectors/fetch?namespace={}{ids}", escaped(namespace.as_str()));
            let Some(found) = self.read(index, &Request::get(path)).await? else { continue };
            let found: pinecone::FetchResponse = found;
            for vector in found.vectors.into_values() {
                records.push(records::recorded(vector)?);
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
        self.list_page(index, namespace, page).await
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        match Where::from(filter)? {
            Where::None => self.index_spec(index).await.map(|_| Vec::new()),
            Where::All => {
                let page = PageRequest { prefix: String::new(), limit, after: None };
                Ok(self.list_page(index, namespace, &page).await?.ids)
            }
            Where::If(filter) => self.find_ids(index, namespace, filter, limit).await,
        }
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let namespace = Some(namespace.as_str().to_owned());
        let none = pinecone::DeleteRequest { namespace, ..pinecone::DeleteRequest::default() };
        let condition = match selection {
            Selection::All => Where::All,
            Selection::Filter(filter) => Where::from(filter)?,
            Selection::Ids(ids) => {
                for ids in ids.chunks(MAX_DELETED) {
                    let ids = Some(ids.to_vec());
                    self.delete_some(index, pinecone::DeleteRequest { ids, ..none.clone() })
                        .await?;
                }
                return Ok(Written::default());
            }
        };
        let body = match condition {
            Where::None => return self.index_spec(index).await.map(|_| Written::default()),
            Where::All => pinecone::DeleteRequest { delete_all: Some(true), ..none },
            Where::If(filter) => pinecone::DeleteRequest { filter: Some(filter), ..none },
        };
        self.delete_some(index, body).await?;
        Ok(Written::default())
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        if query.precision == Precision::Exact {
            let what = "search exactly; ask without `exact`";
            return Err(StoreError::Unsupported { store: NAME, what });
        }
        let filter = match query.filter.as_ref().map_or(Ok(Where::All), Where::from)? {
            Where::None => return self.index_spec(index).await.map(|_| QueryResult::default()),
            Where::All => None,
            Where::If(filter) => Some(filter),
        };
        let request = Request::post("/query", &records::query(namespace, query, filter));
        let found: Option<pinecone::QueryResponse> = self.read(index, &request).await?;
        let matches = found.map_or_else(Vec::new, |found| found.matches).into_iter();
        let matches = matches.map(|found| records::matched(found, query.include));
        Ok(QueryResult { matches: matches.collect::<Result<_, _>>()?, ..QueryResult::default() })
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let request = Request::post("/describe_index_stats", &pinecone::StatsRequest::default());
        let counts: pinecone::NamespaceCounts = self.data(index, &request).await?;
        let mut namespaces = Vec::new();
        for (name, summary) in counts.namespaces {
            let namespace = Namespace::new(name);
            let num_records = match filter {
                None => summary.vector_count,
                Some(filter) => {
                    self.find(index, &namespace, filter, usize::MAX).await?.len() as u64
                }
            };
            if summary.vector_count > 0 {
                namespaces.push(NamespaceStats { namespace, num_records });
            }
        }
        namespaces.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Ok(Stats { namespaces, lsn: 0 })
    }
}
