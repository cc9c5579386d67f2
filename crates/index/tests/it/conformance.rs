//! What every store must do, said once. A store's capabilities choose the cases.
//!
//! Each case has an index of its own. What is right is what a [`MemoryStore`] answers, wherever a case can
//! ask it.

mod indexes;
mod queries;
mod records;
mod refusals;
mod sparse;

use std::pin::Pin;
use std::sync::Arc;

use index::{
    Capabilities, Checked, Filter, Fusion, Include, IndexName, IndexSpec, MemoryStore, Metadata,
    Metric, Namespace, PageRequest, Precision, Protection, Query, QueryResult, Record, Selection,
    SparseWeights, VectorKind,
};
use serde_json::{Value as Json, json};

/// One thing that a store must do.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    name: &'static str,
    /// Whether it is asked of a store that can do this.
    concerns: fn(&Capabilities) -> bool,
    run: Run,
}

type Run = fn(Checked) -> Pin<Box<dyn Future<Output = ()> + Send>>;

impl Case {
    const fn new(name: &'static str, concerns: fn(&Capabilities) -> bool, run: Run) -> Self {
        Self { name, concerns, run }
    }
}

/// Runs all cases that concern a store, and fails with the names of those that it does not pass.
pub(crate) async fn check(store: Checked) {
    let all = [indexes::CASES, records::CASES, queries::CASES, refusals::CASES, sparse::CASES];
    let num_run = check_cases(&store, &all.concat()).await;
    let name = store.capabilities().name;
    assert!(num_run >= 25, "only {num_run} cases concern the {name} store");
}

/// Runs the cases about queries, for another way to search in a store that has passed all cases.
pub(crate) async fn check_queries(store: Checked) {
    check_cases(&store, queries::CASES).await;
}

async fn check_cases(store: &Checked, cases: &[Case]) -> usize {
    let can = store.capabilities();
    let mut failed = Vec::new();
    let mut num_run = 0;
    for case in cases.iter().filter(|case| (case.concerns)(&can)) {
        num_run += 1;
        // A task of its own, so that one panic does not hide the other cases.
        if tokio::spawn((case.run)(store.clone())).await.is_err() {
            failed.push(case.name);
        }
    }
    let num_failed = failed.len();
    assert!(
        failed.is_empty(),
        "the {} store fails {num_failed} of {num_run} cases: {failed:#?}",
        can.name
    );
    num_run
}

#[tokio::test]
async fn the_memory_store_conforms() {
    check(Checked::new(Arc::new(MemoryStore::new()))).await;
}

#[tokio::test]
async fn the_embedded_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    check(Checked::new(Arc::new(crate::open(folder.path())))).await;
}

fn always(_: &Capabilities) -> bool {
    true
}

fn name(name: &str) -> IndexName {
    IndexName::try_from(name).unwrap()
}

pub(crate) fn spec(index: &str, metric: Metric, dimensions: usize) -> IndexSpec {
    IndexSpec {
        name: name(index),
        dimensions,
        metric,
        kind: VectorKind::Dense,
        sparse_weights: SparseWeights::AsSent,
        protection: Protection::Disabled,
        tags: [].into(),
        fingerprint: None,
    }
}

/// Makes an empty index in the store, and one like it in a memory store.
async fn pair(store: &Checked, spec: &IndexSpec) -> Checked {
    store.create_index(spec).await.unwrap();
    let oracle = Checked::new(Arc::new(MemoryStore::new()));
    oracle.create_index(spec).await.unwrap();
    oracle
}

pub(crate) fn metadata(json: &Json) -> Metadata {
    serde_json::from_value(json.clone()).unwrap()
}

pub(crate) fn record(id: &str, values: &[f32], fields: &Json) -> Record {
    Record { id: id.to_owned(), values: values.to_vec(), sparse: None, metadata: metadata(fields) }
}

pub(crate) fn filter(json: &Json) -> Filter {
    Filter::from_json(json).unwrap()
}

pub(crate) fn query(vector: &[f32], top_k: usize) -> Query {
    Query {
        vector: vector.to_vec(),
        sparse: None,
        fusion: Fusion::Sum,
        top_k,
        filter: None,
        include: Include::default(),
        precision: Precision::Auto,
    }
}

pub(crate) fn default() -> Namespace {
    Namespace::default()
}

fn ids(result: &QueryResult) -> Vec<&str> {
    result.matches.iter().map(|found| found.id.as_str()).collect()
}

fn texts(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn some(selected: &[&str]) -> Selection {
    Selection::Ids(texts(selected))
}

pub(crate) fn first_page(limit: usize) -> PageRequest {
    PageRequest { prefix: String::new(), limit, after: None }
}

/// All ids of a namespace.
pub(crate) async fn all_ids(
    store: &Checked,
    index: &IndexName,
    namespace: &Namespace,
) -> Vec<String> {
    store.list(index, namespace, &first_page(100_000)).await.unwrap().ids
}

/// Records with vectors that are not near to each other by accident, and fields of every kind.
pub(crate) fn varied(num: usize, dimensions: usize) -> Vec<Record> {
    let mut random = fastrand::Rng::with_seed(7);
    let langs = ["en", "de", "fr"];
    (0..num)
        .map(|i| {
            let values: Vec<f32> = (0..dimensions).map(|_| random.f32() * 2.0 - 1.0).collect();
            let mut fields =
                json!({"lang": langs[i % 3], "year": 2000 + (i % 20), "open": i % 2 == 0});
            if i % 5 == 0 {
                fields["tags"] = json!(["x", format!("t{}", i % 4)]);
            }
            if i % 7 == 0 {
                fields["score"] = json!(i as f64 / 10.0);
            }
            record(&format!("r{i:04}"), &values, &fields)
        })
        .collect()
}

/// Compares what two stores found: the same records in the same order, unless two are equally near.
#[track_caller]
fn assert_same(found: &QueryResult, expected: &QueryResult) {
    assert_eq!(
        found.matches.len(),
        expected.matches.len(),
        "{:?}\n{:?}",
        ids(found),
        ids(expected)
    );
    for (at, (found, expected)) in found.matches.iter().zip(&expected.matches).enumerate() {
        let tolerance = 1e-4 * expected.score.abs().max(1.0);
        assert!((found.score - expected.score).abs() < tolerance, "{at}: {found:?} {expected:?}");
    }
    let sorted = |result: &QueryResult| {
        let mut ids: Vec<String> = result.matches.iter().map(|found| found.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(sorted(found), sorted(expected));
}
