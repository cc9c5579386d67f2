//! Requests about the records of a collection.

use std::collections::BTreeMap;

use wire::chroma;

use super::condition::{self, Where};
use super::{ChromaStore, MAX_REQUEST_BYTES, asked, scan};
use crate::error::StoreError;
use crate::query::{Match, Query};
use crate::record::Record;
use crate::spec::Metric;
use crate::store::Written;
use crate::stores::bulk::Limits;
use crate::stores::http::Request;
use crate::stores::listing;

impl ChromaStore {
    pub(super) async fn limits(&self) -> Result<Limits, StoreError> {
        let ask = || async {
            let answer: chroma::PreFlight =
                self.http.json(&Request::get("/pre-flight-checks")).await?;
            Ok::<_, StoreError>(answer.max_batch_size.max(1))
        };
        let num_records = *self.max_batch.get_or_try_init(ask).await?;
        Ok(Limits { num_records, num_bytes: MAX_REQUEST_BYTES })
    }

    pub(super) async fn post<T: serde::de::DeserializeOwned>(
        &self,
        collection: &str,
        verb: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, StoreError> {
        self.http.json(&Request::post(self.collections.path(collection, verb), body)).await
    }

    /// Writes one piece, and takes away the fields that records had and have no more.
    pub(super) async fn write_piece(
        &self,
        collection: &str,
        piece: Vec<Record>,
    ) -> Result<(), StoreError> {
        let ids: Vec<String> = piece.iter().map(|record| record.id.clone()).collect();
        let mut before = self.metadata_of(collection, &ids).await?;
        let mut embeddings = Vec::with_capacity(piece.len());
        let mut metadatas = Vec::with_capacity(piece.len());
        for record in piece {
            let before = before.remove(&record.id);
            metadatas.push(Some(condition::kept(&record.metadata, before.as_ref())?));
            embeddings.push(record.values);
        }
        let body = chroma::Upsert { ids, embeddings, metadatas };
        self.post::<serde_json::Value>(collection, "upsert", &body).await.map(drop)
    }

    pub(super) async fn metadata_of(
        &self,
        collection: &str,
        ids: &[String],
    ) -> Result<BTreeMap<String, chroma::Metadata>, StoreError> {
        let include = vec![chroma::Include::Metadatas];
        let body = chroma::Get { ids: Some(ids.to_vec()), include, ..chroma::Get::default() };
        let got: chroma::Got = self.post(collection, "get", &body).await?;
        let found = got.ids.into_iter().zip(got.metadatas.unwrap_or_default());
        Ok(found.filter_map(|(id, metadata)| Some((id, metadata?))).collect())
    }

    pub(super) async fn records(
        &self,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for ids in ids.chunks(self.limits().await?.num_records) {
            let include = vec![chroma::Include::Embeddings, chroma::Include::Metadatas];
            let body = chroma::Get { ids: Some(ids.to_vec()), include, ..chroma::Get::default() };
            let got: chroma::Got = self.post(collection, "get", &body).await?;
            records.extend(scan::records(got));
        }
        Ok(listing::in_order(ids, records))
    }

    /// The ids that pass, at most `limit`.
    pub(super) async fn ids(
        &self,
        collection: &str,
        condition: &Where,
        limit: Option<usize>,
    ) -> Result<Vec<String>, StoreError> {
        let Some(condition) = asked(condition) else { return Ok(Vec::new()) };
        let body = chroma::Get { condition, limit, ..chroma::Get::default() };
        Ok(self.post::<chroma::Got>(collection, "get", &body).await?.ids)
    }

    /// The nearest by the graph.
    pub(super) async fn nearest(
        &self,
        collection: &str,
        query: &Query,
        condition: &Where,
        metric: Metric,
    ) -> Result<Vec<Match>, StoreError> {
        let Some(condition) = asked(condition) else { return Ok(Vec::new()) };
        let mut include = vec![chroma::Include::Distances];
        include.extend(query.include.values.then_some(chroma::Include::Embeddings));
        include.extend(query.include.metadata.then_some(chroma::Include::Metadatas));
        let query_embeddings = vec![query.vector.clone()];
        let body = chroma::Query { query_embeddings, n_results: query.top_k, condition, include };
        Ok(scan::matches(self.post(collection, "query", &body).await?, metric))
    }

    /// Returns whether as much was found as there is.
    pub(super) async fn is_all(
        &self,
        collection: &str,
        condition: &Where,
        num_found: usize,
        top_k: usize,
    ) -> Result<bool, StoreError> {
        if num_found >= top_k {
            return Ok(true);
        }
        Ok(self.ids(collection, condition, Some(num_found + 1)).await?.len() <= num_found)
    }

    pub(super) async fn count(&self, collection: &str) -> Result<u64, StoreError> {
        self.http.json(&Request::get(self.collections.path(collection, "count"))).await
    }

    pub(super) async fn delete_ids(
        &self,
        collection: &str,
        ids: &[String],
    ) -> Result<Written, StoreError> {
        let mut num_records = 0;
        for ids in ids.chunks(self.limits().await?.num_records) {
            // Chroma counts the ids that it was told, there or not.
            let body = chroma::Get { ids: Some(ids.to_vec()), ..chroma::Get::default() };
            num_records +=
                self.post::<chroma::Got>(collection, "get", &body).await?.ids.len() as u64;
            let body = chroma::Delete { ids: Some(ids.to_vec()), condition: None };
            self.post::<chroma::Deleted>(collection, "delete", &body).await?;
        }
        Ok(Written { num_records, lsn: 0 })
    }
}
