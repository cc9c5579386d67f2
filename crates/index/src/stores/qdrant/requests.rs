//! Requests of a Qdrant server, and the pages that its answers come in.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::qdrant;

use super::condition::within;
use super::points::{self, ID, NAMESPACE, Payload};
use super::{MAX_NAMESPACES, PAGE, QdrantStore, collection};
use crate::error::StoreError;
use crate::query::{Match, Query};
use crate::record::{Namespace, Record};
use crate::spec::{IndexName, IndexSpec, Metric};
use crate::stores::http::Request;
use crate::stores::status::is_missing;

impl QdrantStore {
    /// The address of something that changes points, and is answered when it is done.
    pub(super) fn write_path(index: &IndexName, verb: &str) -> String {
        format!("{}/{verb}?wait=true", collection(index))
    }

    /// The address of something that reads points.
    pub(super) fn read_path(&self, index: &IndexName, verb: &str) -> String {
        let consistency = if self.config.num_replicas > 1 { "?consistency=majority" } else { "" };
        format!("{}/{verb}{consistency}", collection(index))
    }

    /// Asks about an index that should be there.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        request: &Request,
    ) -> Result<T, StoreError> {
        match self.http.json::<qdrant::Answer<T>>(request).await {
            Ok(answer) => Ok(answer.result),
            Err(err) if is_missing(&err) => Err(StoreError::index_not_found(index)),
            Err(err) => Err(err),
        }
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        verb: &str,
        body: &impl Serialize,
    ) -> Result<T, StoreError> {
        self.ask(index, &Request::post(self.read_path(index, verb), body)).await
    }

    pub(super) async fn make_namespace_index(&self, index: &IndexName) -> Result<(), StoreError> {
        let field_schema = qdrant::KeywordIndex { kind: "keyword".to_owned(), is_tenant: true };
        let body = qdrant::CreateFieldIndex { field_name: NAMESPACE.to_owned(), field_schema };
        let request = Request::put(Self::write_path(index, "index"), &body);
        self.ask::<serde_json::Value>(index, &request).await.map(drop)
    }

    pub(super) async fn write_piece(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        metric: Metric,
        piece: Vec<Record>,
    ) -> Result<(), StoreError> {
        let point = |record| points::point(namespace, metric, record);
        let body = qdrant::UpsertPoints { points: piece.into_iter().map(point).collect() };
        let request = Request::put(Self::write_path(index, "points"), &body);
        self.ask::<serde_json::Value>(index, &request).await.map(drop)
    }

    /// The ids that pass, at most `limit`.
    pub(super) async fn ids(
        &self,
        index: &IndexName,
        filter: qdrant::Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let with_payload = qdrant::Fields::Some(vec![ID.to_owned()]);
        let limit_of_page = limit.min(PAGE);
        let mut body = qdrant::Scroll {
            filter,
            limit: limit_of_page,
            offset: None,
            with_payload,
            with_vector: false,
        };
        let mut ids = Vec::new();
        loop {
            let page: qdrant::ScrollResult<points::Id> =
                self.read(index, "points/scroll", &body).await?;
            ids.extend(page.points.into_iter().filter_map(|point| Some(point.payload?.sembla_id)));
            body.offset = page.next_page_offset;
            if body.offset.is_none() || ids.len() >= limit {
                ids.truncate(limit);
                return Ok(ids);
            }
        }
    }

    pub(super) async fn count(
        &self,
        index: &IndexName,
        filter: qdrant::Filter,
    ) -> Result<u64, StoreError> {
        let body = qdrant::CountPoints { filter, exact: true };
        Ok(self.read::<qdrant::CountResult>(index, "points/count", &body).await?.count)
    }

    /// How many points of each namespace pass.
    pub(super) async fn facet(
        &self,
        index: &IndexName,
        filter: qdrant::Filter,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let (key, limit) = (NAMESPACE.to_owned(), MAX_NAMESPACES);
        let body = qdrant::Facet { key, limit, filter, exact: true };
        let found: qdrant::FacetResult = self.read(index, "facet", &body).await?;
        Ok(found.hits.into_iter().map(|hit| (hit.value, hit.count)).collect())
    }

    pub(super) async fn search(
        &self,
        spec: &IndexSpec,
        namespace: &Namespace,
        query: &Query,
        exact: bool,
    ) -> Result<Vec<Match>, StoreError> {
        let with_payload = match query.include.metadata || query.include.values {
            true => qdrant::Fields::Whether(true),
            false => qdrant::Fields::Some(vec![ID.to_owned()]),
        };
        let body = qdrant::QueryPoints {
            query: query.vector.clone(),
            filter: within(namespace, query.filter.as_ref()),
            params: qdrant::SearchParams { exact },
            limit: query.top_k,
            with_payload,
            with_vector: query.include.values,
        };
        let found: qdrant::QueryResult<Payload> =
            self.read(&spec.name, "points/query", &body).await?;
        let matches = found.points.into_iter();
        matches.map(|point| points::matched(point, query.include, spec.metric)).collect()
    }
}
