//! How much of what is nearest an index really finds.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use index::{
    Checked, Fusion, Include, IndexName, Namespace, PageRequest, Precision, Query, QueryResult,
    Record, StoreError,
};

/// The most queries of one measurement.
pub const MAX_SAMPLES: usize = 1_000;
/// Ids of one page while samples are drawn.
const PAGE_IDS: usize = 10_000;

/// What a measurement found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Recall {
    /// Queries, each a stored vector.
    pub num_queries: usize,
    /// Matches of each.
    pub top_k: usize,
    /// The part of the exact matches that the live index found, from 0 to 1.
    pub recall: f64,
    /// The median time of a query as the live index answers it.
    pub p50: Duration,
    /// The median time of an exact query.
    pub exact_p50: Duration,
}

/// Compares [`Precision::Auto`] with [`Precision::Exact`] on vectors drawn from the namespace, the
/// same ones as long as its ids are the same. An empty namespace gives no queries.
///
/// # Errors
///
/// [`StoreError`] if the store fails.
///
/// # Cost
///
/// Reads all ids, and runs two queries a sample.
pub async fn recall(
    indexes: &Checked,
    index: &IndexName,
    namespace: &Namespace,
    top_k: usize,
    num_samples: usize,
) -> Result<Recall, StoreError> {
    let ids = sample_ids(indexes, index, namespace, num_samples).await?;
    if ids.is_empty() {
        return Ok(Recall { top_k, ..Recall::default() });
    }
    let (mut found, mut wanted) = (0, 0);
    let (mut live, mut exact) = (Vec::new(), Vec::new());
    for record in indexes.fetch(index, namespace, &ids).await? {
        let query = |precision| query(&record, top_k, precision);
        let truth = timed(indexes, index, namespace, &query(Precision::Exact), &mut exact).await?;
        let answer = timed(indexes, index, namespace, &query(Precision::Auto), &mut live).await?;
        let truth: HashSet<&str> = truth.matches.iter().map(|hit| hit.id.as_str()).collect();
        found += answer.matches.iter().filter(|hit| truth.contains(hit.id.as_str())).count();
        wanted += truth.len();
    }
    Ok(Recall {
        num_queries: live.len(),
        top_k,
        recall: if wanted == 0 { 0.0 } else { found as f64 / wanted as f64 },
        p50: median(&mut live),
        exact_p50: median(&mut exact),
    })
}

/// Draws ids, each as likely as any other, in one pass (reservoir sampling).
async fn sample_ids(
    indexes: &Checked,
    index: &IndexName,
    namespace: &Namespace,
    num_samples: usize,
) -> Result<Vec<String>, StoreError> {
    let mut page = PageRequest { prefix: String::new(), limit: PAGE_IDS, after: None };
    let mut reservoir: Vec<String> = Vec::with_capacity(num_samples);
    let (mut num_seen, mut random) = (0_u64, Random(0x9e37_79b9_7f4a_7c15));
    loop {
        let got = indexes.list(index, namespace, &page).await?;
        for id in got.ids {
            num_seen += 1;
            if reservoir.len() < num_samples {
                reservoir.push(id);
            } else if let Some(slot) = usize::try_from(random.below(num_seen))
                .ok()
                .and_then(|slot| reservoir.get_mut(slot))
            {
                *slot = id;
            }
        }
        match got.next {
            Some(after) => page.after = Some(after),
            None => return Ok(reservoir),
        }
    }
}

fn query(record: &Record, top_k: usize, precision: Precision) -> Query {
    Query {
        vector: record.values.clone(),
        // The words of a text are found exactly either way; what may miss are the dense vectors.
        sparse: if record.values.is_empty() { record.sparse.clone() } else { None },
        fusion: Fusion::Sum,
        top_k,
        filter: None,
        include: Include::default(),
        precision,
    }
}

async fn timed(
    indexes: &Checked,
    index: &IndexName,
    namespace: &Namespace,
    query: &Query,
    times: &mut Vec<Duration>,
) -> Result<QueryResult, StoreError> {
    let began = Instant::now();
    let result = indexes.query(index, namespace, query).await?;
    times.push(began.elapsed());
    Ok(result)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// xorshift64*: good enough to draw samples, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}
