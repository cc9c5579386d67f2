//! Carries out a planned search.
//!
//! A space that the index's metric measures is asked of the store. For any other, the documents that
//! pass the filter are fetched and compared one by one, up to a limit: a store orders by its own metric
//! alone, and what is nearest in one is not in another.

use std::collections::HashMap;

use index::{
    Checked, Filter, Fusion, Include, Namespace, PageRequest, Precision, Query, Record, Stats,
};
use wire::opensearch::search::{Relation, Total};

use super::namespace;
use crate::App;
use crate::dialects::opensearch::mapping::Mapped;
use crate::dialects::opensearch::plan::{Order, Plan};
use crate::dialects::opensearch::space::{Scale, Space};
use crate::error::{ErrorKind, HttpError};

/// Documents that are compared one by one, or put in order, for one search.
const MAX_SCANNED: usize = 100_000;
/// Records in memory at once while scanning: 6 MB of vectors of 1,536 floats.
const SCAN_BATCH: usize = 1_000;

/// Ids with scores, best first, and how many there are of them altogether.
struct Ranked {
    best: Vec<(String, f32)>,
    total: Total,
}

impl Ranked {
    fn all(best: Vec<(String, f32)>) -> Self {
        let total = Total { value: best.len() as u64, relation: Relation::Eq };
        Self { best, total }
    }
}

/// Returns the records of one page of hits with their scores, and how many hits there are.
///
/// # Errors
///
/// If the store fails, or too many documents would have to be compared one by one.
pub(super) async fn page(
    app: &App,
    store: &Checked,
    mapped: &Mapped,
    plan: &Plan,
) -> Result<(Vec<(Record, f32)>, Total), HttpError> {
    let search = Search { app, store, mapped, plan, namespace: namespace() };
    let Ranked { best, total } = search.ranked().await?;
    let page: Vec<(String, f32)> = best.into_iter().skip(plan.from).take(plan.size).collect();
    let ids: Vec<String> = page.iter().map(|(id, _)| id.clone()).collect();
    let mut scores: HashMap<String, f32> = page.into_iter().collect();
    let records = search.fetch(&ids).await?;
    // One that was deleted in between is no hit any more.
    let with_score = |record: Record| scores.remove(&record.id).map(|score| (record, score));
    Ok((records.into_iter().filter_map(with_score).collect(), total))
}

/// Returns how many records one namespace has.
pub(super) fn in_namespace(stats: &Stats, namespace: &Namespace) -> u64 {
    let found = stats.namespaces.iter().find(|stats| stats.namespace == *namespace);
    found.map_or(0, |stats| stats.num_records)
}

struct Search<'a> {
    app: &'a App,
    store: &'a Checked,
    mapped: &'a Mapped,
    plan: &'a Plan,
    namespace: Namespace,
}

impl Search<'_> {
    async fn ranked(&self) -> Result<Ranked, HttpError> {
        match &self.plan.order {
            Order::Unordered { score } => self.unordered(*score).await,
            Order::Nearest { vector, space, scale, k } => {
                let nearest = Nearest { vector, space: *space, scale: *scale };
                match k {
                    Some(k) => self.k_nearest(&nearest, *k).await,
                    None => self.all_by_nearness(&nearest).await,
                }
            }
        }
    }

    async fn unordered(&self, score: f32) -> Result<Ranked, HttpError> {
        if self.plan.min_score.is_some_and(|min_score| score < min_score) {
            return Ok(Ranked::all(Vec::new()));
        }
        let filter = self.whole_filter();
        let ids = match &filter {
            Some(filter) => self.passing(filter).await?,
            None => return self.first_of_all(score).await,
        };
        Ok(Ranked::all(ids.into_iter().map(|id| (id, score)).collect()))
    }

    // Without a filter the store pages through the ids in their order.
    async fn first_of_all(&self, score: f32) -> Result<Ranked, HttpError> {
        let limit = (self.plan.from + self.plan.size).max(1);
        let page = PageRequest { prefix: String::new(), limit, after: None };
        let page = self.store.list(&self.mapped.spec.name, &self.namespace, &page).await?;
        let value = self.count(None).await?;
        let best = page.ids.into_iter().map(|id| (id, score)).collect();
        Ok(Ranked { best, total: Total { value, relation: Relation::Eq } })
    }

    // The post filter chooses among the k that were found, and so may leave fewer.
    async fn k_nearest(&self, nearest: &Nearest<'_>, k: usize) -> Result<Ranked, HttpError> {
        let filter = self.plan.filter.as_ref();
        let mut best = if nearest.space.is_measured_by(self.mapped.metric()) {
            self.query(nearest, filter, k, Precision::Auto).await?
        } else {
            let mut scanned = self.scan(nearest, filter).await?;
            scanned.truncate(k);
            scanned
        };
        self.drop_low(&mut best);
        if let Some(post_filter) = &self.plan.post_filter {
            let ids: Vec<String> = best.iter().map(|(id, _)| id.clone()).collect();
            let records = self.fetch(&ids).await?;
            let passes = |record: &Record| post_filter.matches(&record.metadata);
            let kept: std::collections::HashSet<String> =
                records.into_iter().filter(passes).map(|record| record.id).collect();
            best.retain(|(id, _)| kept.contains(id));
        }
        Ok(Ranked::all(best))
    }

    async fn all_by_nearness(&self, nearest: &Nearest<'_>) -> Result<Ranked, HttpError> {
        let filter = self.whole_filter();
        if !nearest.space.is_measured_by(self.mapped.metric()) {
            let mut scanned = self.scan(nearest, filter.as_ref()).await?;
            self.drop_low(&mut scanned);
            return Ok(Ranked::all(scanned));
        }
        let wanted = (self.plan.from + self.plan.size).max(1);
        let mut best = self.query(nearest, filter.as_ref(), wanted, Precision::Exact).await?;
        let num_found = best.len();
        self.drop_low(&mut best);
        if best.len() < num_found || num_found < wanted {
            return Ok(Ranked::all(best));
        }
        // All that were asked for are good enough. How many more are is known without a bound.
        let total = match self.plan.min_score {
            Some(min_score) if min_score > 0.0 => {
                Total { value: best.len() as u64, relation: Relation::Gte }
            }
            _ => Total { value: self.count(filter.as_ref()).await?, relation: Relation::Eq },
        };
        Ok(Ranked { best, total })
    }

    async fn query(
        &self,
        nearest: &Nearest<'_>,
        filter: Option<&Filter>,
        top_k: usize,
        precision: Precision,
    ) -> Result<Vec<(String, f32)>, HttpError> {
        let query = Query {
            vector: nearest.vector.to_vec(),
            sparse: None,
            fusion: Fusion::Sum,
            top_k,
            filter: filter.cloned(),
            include: Include::default(),
            precision,
        };
        let found = self.store.query(&self.mapped.spec.name, &self.namespace, &query).await?;
        let score = |measured| nearest.space.score(measured, nearest.scale);
        Ok(found.matches.into_iter().map(|found| (found.id, score(found.score))).collect())
    }

    async fn scan(
        &self,
        nearest: &Nearest<'_>,
        filter: Option<&Filter>,
    ) -> Result<Vec<(String, f32)>, HttpError> {
        let everything = Filter::And(Vec::new());
        let ids = self.passing(filter.unwrap_or(&everything)).await?;
        let mut scored = Vec::with_capacity(ids.len());
        for ids in ids.chunks(SCAN_BATCH) {
            let records = self.store.fetch(&self.mapped.spec.name, &self.namespace, ids).await?;
            let (vector, space, scale) = (nearest.vector.to_vec(), nearest.space, nearest.scale);
            let score = move |record: Record| {
                (record.id, space.score(space.measure(&vector, &record.values), scale))
            };
            let batch = move || records.into_iter().map(score).collect::<Vec<_>>();
            scored.extend(self.app.offload().run(batch).await);
        }
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(scored)
    }

    // In the order of the ids.
    async fn passing(&self, filter: &Filter) -> Result<Vec<String>, HttpError> {
        let index = &self.mapped.spec.name;
        let mut ids = self.store.find(index, &self.namespace, filter, MAX_SCANNED + 1).await?;
        if ids.len() > MAX_SCANNED {
            let message = format!(
                "more than {MAX_SCANNED} documents pass the filter, and here each would have to be looked \
                 at: narrow the filter, or ask by `knn` or by a script in the space of the index, which a \
                 store can put in order by itself"
            );
            return Err(HttpError::new(ErrorKind::BadField, message).param("query"));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    async fn count(&self, filter: Option<&Filter>) -> Result<u64, HttpError> {
        let stats = self.store.stats(&self.mapped.spec.name, filter).await?;
        Ok(in_namespace(&stats, &self.namespace))
    }

    async fn fetch(&self, ids: &[String]) -> Result<Vec<Record>, HttpError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.fetch(&self.mapped.spec.name, &self.namespace, ids).await?)
    }

    // Where all that pass are found, the post filter is one more condition.
    fn whole_filter(&self) -> Option<Filter> {
        match (self.plan.filter.clone(), self.plan.post_filter.clone()) {
            (Some(a), Some(b)) => Some(Filter::And(vec![a, b])),
            (a, b) => a.or(b),
        }
    }

    fn drop_low(&self, best: &mut Vec<(String, f32)>) {
        if let Some(min_score) = self.plan.min_score {
            best.retain(|(_, score)| *score >= min_score);
        }
    }
}

struct Nearest<'a> {
    vector: &'a [f32],
    space: Space,
    scale: Scale,
}
