//! Queries of one namespace, together: filters, one pass over the vectors, sparse terms, fusion.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::block::inverse_length;
use super::coded::Wish;
use super::fault::Step;
use super::opened::Core;
use super::record::Row;
use super::scan::{Hit, Nearest, Scan, scan};
use super::sparse::{self, SparseScores};
use super::view::View;
use crate::error::StoreError;
use crate::query::{Explain, Fusion, Match, Precision, Query, QueryResult, Stage, StageScore};
use crate::record::{Namespace, SparseVector};
use crate::spec::{IndexSpec, Metric};

/// The rank constant of reciprocal rank fusion, as the paper has it.
const RANK_CONSTANT: f32 = 60.0;
/// The fewest that each part gives to a fusion.
const MIN_FUSED: usize = 100;
/// Each part gives so many times `top_k` to a fusion.
const FUSED_PER_MATCH: usize = 4;

/// Answers queries of one namespace in one read transaction.
pub(super) fn answer(
    core: &Core,
    namespace: &Namespace,
    queries: &[&Query],
) -> Result<Vec<QueryResult>, StoreError> {
    let spec = core.spec();
    core.environment.read(|txn, tables| {
        let lsn = tables.number(txn, "lsn")?;
        let mut results = vec![QueryResult { lsn, ..QueryResult::default() }; queries.len()];
        if let Some(view) = View::of(txn, tables, namespace, spec.dimensions)? {
            let live = view.live()?;
            let found = Search { core, namespace, view, spec: &spec, live }.run(queries)?;
            for (result, (matches, explain)) in results.iter_mut().zip(found) {
                (result.matches, result.explain) = (matches, explain);
            }
        }
        Ok(results)
    })
}

struct Search<'a> {
    core: &'a Core,
    namespace: &'a Namespace,
    view: View<'a>,
    spec: &'a IndexSpec,
    live: RoaringBitmap,
}

/// A row with its score in the index's metric, or fused.
#[derive(Debug, Clone)]
struct Scored {
    row: u32,
    score: f32,
    stages: Vec<StageScore>,
}

/// A query with what is known before the pass.
struct Plan<'q> {
    query: &'q Query,
    /// The rows that pass the filter; all without one.
    passing: Option<RoaringBitmap>,
    sparse: Option<SparseScores>,
    stages: Vec<Stage>,
}

impl Plan<'_> {
    fn is_fused(&self) -> bool {
        let has_both = self.sparse.is_some() && !self.query.vector.is_empty();
        has_both && self.query.fusion == Fusion::ReciprocalRank
    }

    /// How many rows each part must find.
    fn depth(&self) -> usize {
        let top_k = self.query.top_k;
        if self.is_fused() { MIN_FUSED.max(FUSED_PER_MATCH * top_k) } else { top_k }
    }
}

impl Search<'_> {
    fn run(&self, queries: &[&Query]) -> Step<Vec<(Vec<Match>, Explain)>> {
        let mut plans = queries.iter().map(|query| self.plan(query)).collect::<Step<Vec<_>>>()?;
        let dense = self.dense(&mut plans)?;
        let mut found = Vec::with_capacity(plans.len());
        for (mut plan, dense) in plans.into_iter().zip(dense) {
            let best = if plan.query.vector.is_empty() {
                self.sparse(&plan, Need::TopK)
            } else if plan.is_fused() {
                self.fuse(&mut plan, dense)?
            } else {
                dense
            };
            let matches = best.into_iter().map(|scored| self.found(plan.query, scored));
            found.push((matches.collect::<Step<_>>()?, Explain { stages: plan.stages }));
        }
        Ok(found)
    }

    fn plan<'q>(&self, query: &'q Query) -> Step<Plan<'q>> {
        let mut plan = Plan { query, passing: None, sparse: None, stages: Vec::new() };
        if let Some(filter) = &query.filter {
            let start = Instant::now();
            plan.passing = Some(self.view.passing(filter, &self.live)?);
            plan.stages.push(stage("filter", self.live.len(), start.elapsed()));
        }
        if let Some(sparse) = &query.sparse {
            let start = Instant::now();
            let scores = self.sparse_scores(sparse)?;
            plan.stages.push(stage("sparse", scores.rows().len(), start.elapsed()));
            plan.sparse = Some(scores);
        }
        Ok(plan)
    }

    fn sparse_scores(&self, query: &SparseVector) -> Step<SparseScores> {
        let View { txn, tables, space, .. } = self.view;
        let counts = (space.id, space.num_live);
        let weighted = sparse::weigh(txn, tables, counts, query, self.spec.sparse_weights)?;
        SparseScores::of(txn, tables, space.id, &weighted)
    }

    fn counting<'p>(&'p self, plan: &'p Plan) -> &'p RoaringBitmap {
        plan.passing.as_ref().unwrap_or(&self.live)
    }

    /// Finds the nearest vectors of all plans that have one, in one pass.
    fn dense(&self, plans: &mut [Plan]) -> Step<Vec<Vec<Scored>>> {
        let mut promising = Vec::new();
        for plan in plans.iter_mut() {
            let found = self.promising(plan).map(|(rows, stages)| {
                plan.stages.extend(stages);
                rows
            });
            promising.push(found);
        }
        let start = Instant::now();
        let mut scans: Vec<Scan> = Vec::new();
        for (plan, promising) in plans.iter().zip(&promising) {
            let rows = promising.as_ref().unwrap_or_else(|| self.counting(plan));
            scans.push(self.scan_of(plan, rows));
        }
        scan(&self.view, &mut scans)?;
        let took = start.elapsed();
        let found: Vec<_> =
            scans.into_iter().map(|scan| (scan.rows.len(), scan.nearest.into_hits())).collect();
        let mut all = Vec::with_capacity(plans.len());
        for (plan, (num_compared, hits)) in plans.iter_mut().zip(found) {
            let scored =
                |hit: Hit| Scored { row: hit.row, score: hit.nearness, stages: Vec::new() };
            let hits: Vec<Scored> = hits.into_iter().map(scored).collect();
            if !plan.query.vector.is_empty() {
                plan.stages.push(stage("f32", num_compared, took));
            }
            all.push(match self.spec.metric {
                Metric::Cosine | Metric::DotProduct => hits,
                Metric::Euclidean => self.distances(plan, hits)?,
            });
        }
        Ok(all)
    }

    /// Returns the rows that codes say are worth comparing, and how they were found; `None` if all
    /// that count must be.
    fn promising(&self, plan: &Plan) -> Option<(RoaringBitmap, Vec<Stage>)> {
        // The codes know nothing of what a sparse part adds to a score.
        let is_sum = plan.sparse.is_some() && !plan.is_fused();
        if plan.query.vector.is_empty() || is_sum || plan.query.precision == Precision::Exact {
            return None;
        }
        let (vector, counting) = (&plan.query.vector[..], self.counting(plan));
        let wish = Wish { vector, counting, want: plan.depth() };
        self.core.coded.promising(self.namespace, self.view.space, wish)
    }

    fn scan_of<'p>(&self, plan: &'p Plan, rows: &'p RoaringBitmap) -> Scan<'p> {
        let metric = self.spec.metric;
        // Near-ties may change places when distances are computed again, in f64.
        let spare = if metric == Metric::Euclidean { plan.depth() + 32 } else { 0 };
        let k = if plan.query.vector.is_empty() { 0 } else { plan.depth() + spare };
        Scan {
            metric,
            vector: &plan.query.vector,
            inverse_length: inverse_length(&plan.query.vector),
            sparse: plan.sparse.as_ref().filter(|_| !plan.is_fused()),
            rows,
            nearest: Nearest::new(k),
        }
    }

    /// Computes the squares of the distances without the cancellation of `|x|² − 2qx`.
    fn distances(&self, plan: &Plan, mut hits: Vec<Scored>) -> Step<Vec<Scored>> {
        for hit in &mut hits {
            let block = self.view.block_of(hit.row)?;
            let pairs = plan.query.vector.iter().zip(block.vector(hit.row));
            let distance = pairs.map(|(q, x)| (f64::from(*q) - f64::from(*x)).powi(2)).sum::<f64>();
            let sparse = plan.sparse.as_ref().filter(|_| !plan.is_fused());
            hit.score = distance as f32 + sparse.and_then(|s| s.get(hit.row)).unwrap_or(0.0);
        }
        hits.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.row.cmp(&b.row)));
        hits.truncate(plan.depth());
        Ok(hits)
    }

    /// Orders rows by their sparse score.
    fn sparse(&self, plan: &Plan, need: Need) -> Vec<Scored> {
        let Some(scores) = &plan.sparse else { return Vec::new() };
        let counting = self.counting(plan);
        let mut nearest = Nearest::new(plan.depth());
        let mut num_positive = 0;
        for row in counting & scores.rows() {
            let score = scores.get(row).unwrap_or(0.0);
            num_positive += usize::from(score > 0.0);
            if need == Need::TopK || score > 0.0 {
                nearest.offer(row, score);
            }
        }
        // Rows without a common term score 0, which counts where nothing better is left.
        if need == Need::TopK && num_positive < plan.depth() {
            (counting - scores.rows())
                .iter()
                .take(plan.depth())
                .for_each(|r| nearest.offer(r, 0.0));
        }
        let hits = nearest.into_hits().into_iter();
        hits.map(|hit| Scored { row: hit.row, score: hit.nearness, stages: Vec::new() }).collect()
    }

    /// Makes one order of the two parts.
    fn fuse(&self, plan: &mut Plan, dense: Vec<Scored>) -> Step<Vec<Scored>> {
        let start = Instant::now();
        let mut stages: BTreeMap<u32, Vec<StageScore>> = BTreeMap::new();
        let sparse = self.sparse(plan, Need::Positive);
        for (stage, order) in [("dense", dense), ("sparse", sparse)] {
            for (at, Scored { row, score, .. }) in order.into_iter().enumerate() {
                stages.entry(row).or_default().push(StageScore { stage, score, rank: at + 1 });
            }
        }
        let num_candidates = stages.len() as u64;
        let mut fused: Vec<Scored> = stages
            .into_iter()
            .map(|(row, stages)| {
                let shares = stages.iter().map(|stage| 1.0 / (RANK_CONSTANT + stage.rank as f32));
                Scored { row, score: shares.sum(), stages }
            })
            .collect();
        fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        fused.truncate(plan.query.top_k);
        plan.stages.push(stage("fusion", num_candidates, start.elapsed()));
        Ok(fused)
    }

    fn found(&self, query: &Query, scored: Scored) -> Step<Match> {
        let Row { id, sparse, metadata } = self.view.record(scored.row)?;
        let mut found = Match {
            id,
            score: scored.score,
            values: Vec::new(),
            sparse: None,
            metadata: BTreeMap::new(),
            stages: scored.stages,
        };
        if query.include.values {
            found.values = self.view.vector(scored.row)?;
            found.sparse = sparse;
        }
        if query.include.metadata {
            found.metadata = metadata;
        }
        Ok(found)
    }
}

/// Which rows an order by sparse scores may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// As many as asked for, whatever they score.
    TopK,
    /// Those with a score above 0.
    Positive,
}

fn stage(name: &'static str, num_candidates: u64, took: Duration) -> Stage {
    Stage { name, num_candidates, is_exact: true, took }
}
