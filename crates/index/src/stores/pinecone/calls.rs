//! Requests to the two planes, and what is remembered of indexes between them.
//!
//! Every request about an index needs its host, and the checks above a store its spec. Both come from the
//! control plane, which is slow and counts requests, so they are kept for a while. An index that was deleted
//! or made anew meanwhile answers 404 at its old host, and is then looked up again.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use wire::pinecone;

use super::{NAME, PineconeStore, notes};
use crate::error::StoreError;
use crate::record::{Namespace, RecordPage};
use crate::spec::{IndexName, IndexSpec};
use crate::store::PageRequest;
use crate::stores::http::{Request, escaped};
use crate::stores::retry::Failure;
use crate::stores::status::{is_conflict, is_forbidden, is_missing};

/// How long what is known of an index is believed.
const FRESH: Duration = Duration::from_secs(10);
/// Ids of one page of a list.
const PAGE: usize = 100;
/// Records of one page of those that pass a filter.
const FOUND_PAGE: usize = 1_000;

/// What is known of an index.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Where its data plane is.
    host: String,
    /// None of an index of sparse vectors.
    pub(super) spec: Option<IndexSpec>,
    since: Instant,
}

impl PineconeStore {
    pub(super) async fn create(
        &self,
        index: &IndexName,
        body: &pinecone::CreateIndexRequest,
    ) -> Result<(), StoreError> {
        let made = self.control.send(&Request::post("/indexes", body).once()).await;
        made.map_err(|err| match is_conflict(&err) {
            true => StoreError::index_exists(index),
            false => err,
        })?;
        let is_ready = || async {
            let model = self.describe(index).await?;
            if model.status.ready { Ok(()) } else { Err(Failure::from(later("ready"))) }
        };
        self.config.retry.run(is_ready).await
    }

    pub(super) async fn configure(
        &self,
        index: &IndexName,
        body: &pinecone::ConfigureIndexRequest,
    ) -> Result<(), StoreError> {
        let sent = self.control.send(&Request::patch(format!("/indexes/{index}"), body)).await;
        self.forget(index);
        sent.map(drop).map_err(|err| not_found_or(index, err))
    }

    /// Deletes an index, and waits until its name is free.
    pub(super) async fn delete_and_wait(&self, index: &IndexName) -> Result<(), StoreError> {
        let sent = self.control.send(&Request::delete(format!("/indexes/{index}"))).await;
        self.forget(index);
        sent.map_err(|err| match is_forbidden(&err) {
            true => StoreError::Protected { name: index.as_str().to_owned() },
            false => not_found_or(index, err),
        })?;
        let is_gone = || async {
            match self.describe(index).await {
                Err(StoreError::IndexNotFound { .. }) => Ok(()),
                Err(err) => Err(Failure::from(err)),
                Ok(_) => Err(Failure::from(later("gone"))),
            }
        };
        self.config.retry.run(is_gone).await
    }

    async fn describe(&self, index: &IndexName) -> Result<pinecone::IndexModel, StoreError> {
        let request = Request::get(format!("/indexes/{index}"));
        self.control.json(&request).await.map_err(|err| not_found_or(index, err))
    }

    /// Returns what is known of an index, and asks if that is old.
    pub(super) async fn known(&self, index: &IndexName) -> Result<Known, StoreError> {
        let known = self.lock().get(index).cloned();
        if let Some(known) = known.filter(|known| known.since.elapsed() < FRESH) {
            return Ok(known);
        }
        let model = self.describe(index).await?;
        let host = address(&model.host);
        let known = Known { host, spec: notes::spec_of(model)?, since: Instant::now() };
        self.lock().insert(index.clone(), known.clone());
        Ok(known)
    }

    pub(super) fn forget(&self, index: &IndexName) {
        self.lock().remove(index);
    }

    fn lock(&self) -> MutexGuard<'_, std::collections::BTreeMap<IndexName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request to the data plane of an index.
    pub(super) async fn data<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        request: &Request,
    ) -> Result<T, StoreError> {
        let before = self.known(index).await?.host;
        let err = match self.control.with_base(&before).json(request).await {
            Err(err) if is_missing(&err) => err,
            answered => return answered,
        };
        self.forget(index);
        let now = self.known(index).await?.host;
        // The index is where it was, so something within it is missing.
        if now == before {
            return Err(err);
        }
        self.control.with_base(&now).json(request).await
    }

    /// Reads from the data plane; nothing if there is no such namespace.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        request: &Request,
    ) -> Result<Option<T>, StoreError> {
        match self.data(index, request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(err) if is_missing(&err) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Pinecone lists ids in the order of their bytes, from the first: pages before `after` are read over.
    pub(super) async fn list_page(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        let (namespace, prefix) = (escaped(namespace.as_str()), escaped(&page.prefix));
        let first = format!("/vectors/list?namespace={namespace}&prefix={prefix}&limit={PAGE}");
        let mut path = first.clone();
        let mut ids: Vec<String> = Vec::new();
        while ids.len() <= page.limit {
            let found: Option<pinecone::ListResponse> =
                self.read(index, &Request::get(path)).await?;
            let Some(found) = found else { break };
            let found_ids = found.vectors.into_iter().map(|item| item.id);
            let is_after = |id: &String| page.after.as_ref().is_none_or(|after| id > after);
            ids.extend(found_ids.filter(is_after));
            let Some(next) = found.pagination else { break };
            path = format!("{first}&paginationToken={}", escaped(&next.next));
        }
        let has_more = ids.len() > page.limit;
        ids.truncate(page.limit);
        Ok(RecordPage { next: ids.last().filter(|_| has_more).cloned(), ids })
    }

    /// The ids of records that pass.
    pub(super) async fn find_ids(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: serde_json::Value,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut body = pinecone::FetchByMetadataRequest {
            filter,
            namespace: Some(namespace.as_str().to_owned()),
            limit: Some(limit.min(FOUND_PAGE)),
            pagination_token: None,
        };
        let mut ids = Vec::new();
        while ids.len() < limit {
            let request = Request::post("/vectors/fetch_by_metadata", &body);
            let found: Option<pinecone::FetchResponse> = self.read(index, &request).await?;
            let Some(found) = found else { break };
            ids.extend(found.vectors.into_keys());
            let Some(next) = found.pagination else { break };
            body.pagination_token = Some(next.next);
        }
        ids.truncate(limit);
        Ok(ids)
    }
}

/// Hosts come without a scheme from the service, and with one from servers that speak its protocol.
fn address(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

/// What is asked for again until it is so.
fn later(state: &str) -> StoreError {
    StoreError::Refused {
        store: NAME,
        status: 503,
        message: format!("the index is not {state} yet"),
    }
}

fn not_found_or(index: &IndexName, err: StoreError) -> StoreError {
    match is_missing(&err) {
        true => StoreError::index_not_found(index),
        false => err,
    }
}
