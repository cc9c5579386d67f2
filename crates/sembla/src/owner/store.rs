//! The store of the running server, as a store of this process.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use hyper::Method;
use index::{
    Capabilities, Filter, Fusion, IndexChange, IndexDescription, IndexName, IndexSpec, Namespace,
    PageRequest, Precision, Query, QueryResult, Record, RecordPage, Selection, Stats, StoreError,
    Update, VectorStore, Written,
};
use serde_json::Value;
use server::{MAX_FETCHED, fingerprint_object, index_object, record_object, sparse_object};
use wire::indexes as wire;

use super::client::{NAME, OwnerClient};
use super::received;
use super::sent::filter_json;

/// The most bytes of one request, about: below what a server takes by default.
const MAX_REQUEST_BYTES: usize = 8 << 20;
/// A request without a body.
const NOTHING: Option<&Value> = None;

/// Asks the running server for everything.
#[derive(Debug)]
pub(super) struct OwnerStore {
    client: OwnerClient,
}

impl OwnerStore {
    pub(super) fn new(client: OwnerClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl VectorStore for OwnerStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: true,
            // A large batch goes in several requests.
            atomic_batches: false,
            exact_queries: true,
            sparse: true,
            zero_vectors: true,
            full_filters: true,
            max_dimensions: 20_000,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let there = index_object(IndexDescription { spec: spec.clone(), num_records: 0 });
        let (tags, text_field) = split(there.tags);
        let body = wire::CreateIndex {
            name: there.name,
            dimensions: Some(there.dimensions),
            metric: there.metric,
            kind: there.kind,
            model: None,
            text_field,
            fingerprint: there.fingerprint,
            hybrid: there.hybrid,
            protected: there.protected,
            tags,
        };
        match self.client.send::<wire::Index>(Method::POST, "", Some(&body)).await {
            Ok(_) => Ok(()),
            // The name of a new index does not stand in the path.
            Err(StoreError::IndexExists { .. }) => Err(StoreError::index_exists(&spec.name)),
            Err(err) => Err(err),
        }
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let list: wire::IndexList = self.client.send(Method::GET, "", NOTHING).await?;
        list.indexes.into_iter().map(received::index).collect()
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        received::index(self.client.send(Method::GET, &format!("/{index}"), NOTHING).await?)
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        let (tags, text_field) = split(change.tags.clone());
        let body = wire::ChangeIndex {
            protected: change.protection.map(|it| it == index::Protection::Enabled),
            tags,
            text_field,
            model: None,
            fingerprint: change.fingerprint.clone().map(fingerprint_object),
            // Whoever asks has decided already.
            force: true,
        };
        let path = format!("/{index}");
        received::index(self.client.send(Method::PATCH, &path, Some(&body)).await?)
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        let wire::Done {} = self.client.send(Method::DELETE, &format!("/{index}"), NOTHING).await?;
        Ok(())
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let num_records = records.len();
        let mut left: VecDeque<wire::Record> = records.into_iter().map(record_object).collect();
        let mut done = Written::default();
        let mut max_bytes = MAX_REQUEST_BYTES;
        while !left.is_empty() {
            let (len, num_bytes) = piece(&left, max_bytes);
            let records = left.drain(..len).collect();
            let body = wire::Upsert { namespace: namespace.as_str().to_owned(), records };
            match self.client.post::<wire::Written>(index, "records", &body).await {
                Ok(wrote) => {
                    done = Written {
                        num_records: done.num_records + wrote.num_records,
                        lsn: wrote.lsn,
                    };
                }
                // The server was started with a smaller `payload_limit`.
                Err(StoreError::Refused { status: 413, .. }) if len > 1 => {
                    max_bytes = num_bytes / 2;
                    left = body.records.into_iter().chain(left).collect();
                }
                Err(err) if done.num_records == 0 => return Err(err),
                Err(err) => {
                    let failed = body.records.into_iter().chain(left).map(|record| record.id);
                    let (failed_ids, source) = (failed.collect(), Box::new(err));
                    return Err(StoreError::Partial { failed_ids, num_records, source });
                }
            }
        }
        Ok(done)
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        let metadata = Record { metadata: update.set_metadata, ..Record::default() };
        let body = wire::UpdateRecord {
            namespace: namespace.as_str().to_owned(),
            id: update.id,
            values: update.values,
            sparse: update.sparse.map(sparse_object),
            set_metadata: record_object(metadata).metadata,
        };
        let path = format!("/{index}/records");
        let wrote: wire::Written = self.client.send(Method::PATCH, &path, Some(&body)).await?;
        Ok(Written { num_records: wrote.num_records, lsn: wrote.lsn })
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_FETCHED) {
            let namespace = namespace.as_str().to_owned();
            let body = wire::Fetch { namespace, ids: ids.to_vec() };
            let got: wire::Records = self.client.post(index, "fetch", &body).await?;
            for record in got.records {
                records.push(received::record(record)?);
            }
        }
        Ok(records)
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        let path = format!("/{index}/records?{}", page_query(namespace, page));
        let got: wire::Ids = self.client.send(Method::GET, &path, NOTHING).await?;
        Ok(RecordPage { ids: got.ids, next: got.next })
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let filter = filter_json(filter);
        let body = wire::Find { namespace: namespace.as_str().to_owned(), filter, limit };
        let got: wire::Ids = self.client.post(index, "find", &body).await?;
        Ok(got.ids)
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let namespace = namespace.as_str().to_owned();
        let mut body = wire::DeleteRecords { namespace, ..wire::DeleteRecords::default() };
        match selection {
            Selection::Ids(ids) => body.ids = Some(ids.clone()),
            Selection::Filter(filter) => body.filter = Some(filter_json(filter)),
            Selection::All => body.all = true,
        }
        let wrote: wire::Written = self.client.post(index, "delete", &body).await?;
        Ok(Written { num_records: wrote.num_records, lsn: wrote.lsn })
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let body = wire::Search {
            namespace: namespace.as_str().to_owned(),
            text: None,
            model: None,
            force: false,
            vector: Some(query.vector.clone()),
            sparse: query.sparse.clone().map(sparse_object),
            top_k: Some(query.top_k),
            filter: query.filter.as_ref().map(filter_json),
            exact: query.precision == Precision::Exact,
            hybrid: Some(query.fusion == Fusion::ReciprocalRank),
            include_values: query.include.values,
            include_metadata: query.include.metadata,
            explain: true,
        };
        received::result(self.client.post(index, "search", &body).await?)
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let body = wire::CountRecords { filter: filter.map(filter_json) };
        let got: wire::Stats = self.client.post(index, "stats", &body).await?;
        Ok(received::stats(got))
    }
}

fn page_query(namespace: &Namespace, page: &PageRequest) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("namespace", namespace.as_str());
    query.append_pair("prefix", &page.prefix);
    query.append_pair("limit", &page.limit.to_string());
    if let Some(after) = &page.after {
        query.append_pair("after", after);
    }
    query.finish()
}

/// Takes the field of texts, which has a place of its own in a request, out of the tags.
fn split(mut tags: BTreeMap<String, String>) -> (BTreeMap<String, String>, Option<String>) {
    let text_field = tags.remove(jobs::TEXT_FIELD_TAG);
    (tags, text_field)
}

/// Returns how many of the records go into one request, and about how many bytes that has.
fn piece(records: &VecDeque<wire::Record>, max_bytes: usize) -> (usize, usize) {
    let (mut len, mut num_bytes) = (0, 0);
    for record in records {
        let more = most_bytes(record);
        if len > 0 && num_bytes + more > max_bytes {
            break;
        }
        (len, num_bytes) = (len + 1, num_bytes + more);
    }
    (len, num_bytes)
}

/// The most bytes that a record takes as JSON, about.
fn most_bytes(record: &wire::Record) -> usize {
    // `-1.1754944e-38,` and the names of the fields.
    const FLOAT: usize = 15;
    const FRAME: usize = 64;
    let num_terms = record.sparse.as_ref().map_or(0, |sparse| sparse.indices.len());
    let metadata = serde_json::to_vec(&record.metadata).map_or(0, |json| json.len());
    FRAME + 6 * record.id.len() + FLOAT * (record.values.len() + 2 * num_terms) + metadata
}
