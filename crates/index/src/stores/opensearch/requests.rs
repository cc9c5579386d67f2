//! Requests of an OpenSearch cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::opensearch::CountResponse;
use wire::opensearch::bulk::{Action, BulkResponse, Item, Outcome, Target, WriteResult};
use wire::opensearch::client as body;
use wire::opensearch::search::{Knn, OneOrMany, QueryClause, Script, ScriptParams, ScriptScore};

use super::condition::{self, within};
use super::documents::{self, Document, VECTOR};
use super::{LIMITS, NAME, OpenSearchStore, SEEN, path};
use crate::error::StoreError;
use crate::query::{Match, Precision, Query};
use crate::record::{Namespace, Record};
use crate::spec::{IndexName, IndexSpec};
use crate::stores::http::Request;
use crate::stores::retry::Failure;
use crate::stores::status::is_missing;

impl OpenSearchStore {
    /// Asks about an index that should be there.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        request: &Request,
    ) -> Result<T, StoreError> {
        self.http.json(request).await.map_err(|err| match is_missing(&err) {
            true => StoreError::index_not_found(index),
            false => err,
        })
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        index: &IndexName,
        verb: &str,
        body: &impl Serialize,
    ) -> Result<T, StoreError> {
        self.ask(index, &Request::post(path(index, verb), body)).await
    }

    pub(super) async fn mappings(&self, names: &str) -> Result<Vec<IndexSpec>, StoreError> {
        let request = Request::get(format!("/{names}/_mapping"));
        let found: BTreeMap<String, body::FoundMapping> = self.http.json(&request).await?;
        found.into_iter().map(|(name, found)| documents::spec_of(&name, found)).collect()
    }

    /// Sends actions, and returns what became of each.
    pub(super) async fn bulk(
        &self,
        index: &IndexName,
        lines: Vec<u8>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let request = Request::post_lines(path(index, &format!("_bulk?{SEEN}")), lines);
        let done: BulkResponse = self.ask(index, &request).await?;
        let outcome = |item| match item {
            Item::Index(outcome)
            | Item::Create(outcome)
            | Item::Update(outcome)
            | Item::Delete(outcome) => outcome,
        };
        Ok(done.items.into_iter().map(outcome).collect())
    }

    /// Writes one piece, again if a node was too busy for some of it.
    pub(super) async fn write_piece(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        piece: Vec<Record>,
    ) -> Result<(), StoreError> {
        let lines = documents::lines(namespace, &piece);
        let attempt = || async {
            let outcomes = self.bulk(index, lines.clone()).await?;
            documents::check(&piece, outcomes).map_err(Failure::from)
        };
        self.config.retry.run(attempt).await
    }

    pub(super) async fn search<S: DeserializeOwned>(
        &self,
        index: &IndexName,
        body: &body::SearchBody,
    ) -> Result<body::Found<S>, StoreError> {
        self.post(index, "_search", body).await
    }

    pub(super) async fn nearest(
        &self,
        spec: &IndexSpec,
        namespace: &Namespace,
        query: &Query,
        precision: Precision,
    ) -> Result<Vec<Match>, StoreError> {
        let among = within(namespace, query.filter.as_ref());
        let clause = match precision {
            Precision::Auto => approximate(query, among),
            Precision::Exact => exact(query, among, spec),
        };
        let body = body::SearchBody {
            query: clause,
            size: query.top_k,
            sort: Vec::new(),
            source: documents::fields(query.include),
            aggs: BTreeMap::new(),
            track_total_hits: false,
        };
        let found = self.search::<Document>(&spec.name, &body).await?;
        let hits = found.hits.hits.into_iter();
        hits.map(|hit| documents::matched(hit, spec.metric, precision)).collect()
    }

    pub(super) async fn count(&self, index: &IndexName) -> Result<u64, StoreError> {
        let body = body::QueryBody { query: condition::everything() };
        Ok(self.post::<CountResponse>(index, "_count", &body).await?.count)
    }

    pub(super) async fn delete_where(
        &self,
        index: &IndexName,
        query: QueryClause,
    ) -> Result<u64, StoreError> {
        let verb = "_delete_by_query?refresh=true&conflicts=proceed";
        let done: body::DeletedByQuery = self.post(index, verb, &body::QueryBody { query }).await?;
        match done.failures.first() {
            None => Ok(done.deleted),
            Some(why) => {
                let message =
                    format!("{} documents could not be deleted: {why}", done.failures.len());
                Err(StoreError::Refused { store: NAME, status: 200, message })
            }
        }
    }

    pub(super) async fn delete_ids(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<u64, StoreError> {
        let mut num_deleted = 0;
        for ids in ids.chunks(LIMITS.num_records) {
            let delete = |id: &String| {
                let id = Some(documents::hash(namespace, id));
                Action::Delete(Target { id, ..Target::default() })
            };
            let lines = documents::action_lines(ids.iter().map(delete));
            let outcomes = self.bulk(index, lines).await?;
            let is_deleted = |outcome: &&Outcome| {
                outcome.written.is_some_and(|written| written.result == WriteResult::Deleted)
            };
            num_deleted += outcomes.iter().filter(is_deleted).count() as u64;
            if let Some(failed) = outcomes.into_iter().find_map(|outcome| outcome.error) {
                let message = format!("{}: {}", failed.kind, failed.reason);
                return Err(StoreError::Refused { store: NAME, status: 200, message });
            }
        }
        Ok(num_deleted)
    }
}

/// Along the graph, among the documents that pass.
fn approximate(query: &Query, among: QueryClause) -> QueryClause {
    let filter = Some(Box::new(OneOrMany(vec![among])));
    let (vector, k) = (query.vector.clone(), query.top_k);
    let knn = Knn { vector, k, filter, method_parameters: None };
    QueryClause::Knn([(VECTOR.to_owned(), knn)].into())
}

/// Every document that passes is compared.
fn exact(query: &Query, among: QueryClause, spec: &IndexSpec) -> QueryClause {
    let params = ScriptParams {
        field: Some(VECTOR.to_owned()),
        query_value: query.vector.clone(),
        space_type: Some(documents::space(spec.metric).to_owned()),
    };
    let script = Script { source: "knn_score".to_owned(), lang: Some("knn".to_owned()), params };
    QueryClause::ScriptScore(Box::new(ScriptScore { query: among, script, min_score: None }))
}
