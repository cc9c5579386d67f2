//! What has no bound is read page by page: ids in their order, and namespaces with their counts.

use std::collections::BTreeMap;

use wire::opensearch::client as body;
use wire::opensearch::search::{QueryClause, Range, Scalar};

use super::condition::{clause, every, everything, in_namespace};
use super::documents::{self, ID, NAMESPACE};
use super::{OpenSearchStore, documents::Document};
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::Include;
use crate::record::Namespace;
use crate::spec::IndexName;

/// Hits of one search, at most, unless an index is told otherwise.
pub(super) const MAX_HITS: usize = 10_000;
/// Namespaces of one page.
const MAX_GROUPS: usize = 1_000;
/// What we call the groups.
const GROUPS: &str = "namespaces";

/// Which ids are wanted.
pub(super) struct Ids<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) filter: Option<&'a Filter>,
    pub(super) prefix: &'a str,
    pub(super) after: Option<String>,
}

impl Ids<'_> {
    /// The next page. Ids with the prefix follow each other, the prefix itself first.
    fn body(&self, size: usize) -> body::SearchBody {
        let mut clauses = vec![in_namespace(self.namespace)];
        clauses.extend(self.filter.map(clause));
        let range = match &self.after {
            Some(after) if after.as_str() >= self.prefix => {
                Range { gt: Some(Scalar::Text(after.clone())), ..Range::default() }
            }
            _ => Range { gte: Some(Scalar::Text(self.prefix.to_owned())), ..Range::default() },
        };
        clauses.push(QueryClause::Range([(ID.to_owned(), range)].into()));
        body::SearchBody {
            query: every(clauses),
            size,
            sort: vec![[(ID.to_owned(), body::Order::Asc)].into()],
            source: documents::fields(Include::default()),
            aggs: BTreeMap::new(),
            track_total_hits: false,
        }
    }
}

impl OpenSearchStore {
    /// Returns ids in the order of their bytes, at most `limit`.
    pub(super) async fn ids(
        &self,
        index: &IndexName,
        mut wanted: Ids<'_>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut ids = Vec::new();
        while ids.len() < limit {
            let size = (limit - ids.len()).min(MAX_HITS);
            let found = self.search::<documents::Id>(index, &wanted.body(size)).await?.hits.hits;
            let num_found = found.len();
            let before = ids.len();
            let found = found.into_iter().map(|hit| hit.source.id);
            ids.extend(found.take_while(|id| id.starts_with(wanted.prefix)));
            // The page was the last one, or went beyond the prefix.
            if num_found < size || ids.len() - before < num_found {
                break;
            }
            wanted.after = ids.last().cloned();
        }
        Ok(ids)
    }

    /// Returns how many documents of each namespace pass.
    pub(super) async fn groups(
        &self,
        index: &IndexName,
        filter: Option<&Filter>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        let mut after = None;
        loop {
            let field = body::GroupField { field: NAMESPACE.to_owned() };
            let source = [(NAMESPACE.to_owned(), body::GroupSource { terms: field })];
            let composite =
                body::Composite { size: MAX_GROUPS, sources: vec![source.into()], after };
            let body = body::SearchBody {
                query: filter.map_or_else(everything, clause),
                size: 0,
                sort: Vec::new(),
                source: documents::fields(Include::default()),
                aggs: [(GROUPS.to_owned(), body::Aggregation { composite })].into(),
                track_total_hits: false,
            };
            let mut found = self.search::<Document>(index, &body).await?;
            let groups = found.aggregations.remove(GROUPS);
            let Some(groups) = groups else { return Ok(counts) };
            for bucket in groups.buckets {
                let name = bucket.key.get(NAMESPACE).and_then(|name| name.as_str());
                counts.insert(name.unwrap_or_default().to_owned(), bucket.doc_count);
            }
            after = groups.after_key;
            if after.is_none() {
                return Ok(counts);
            }
        }
    }
}
