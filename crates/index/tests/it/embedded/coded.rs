//! Searches of namespaces that are too large to read whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use index::{
    Comparison, Condition, EmbeddedConfig, EmbeddedStore, Filter, Metric, Precision, Query,
    QueryResult, Record, Selection, VectorStore,
};

use crate::{Random, dense, name, namespace, query, record};

const DIMENSIONS: usize = 64;
/// So many matches of 4,000 rows are wanted that no list may be left out: what is missed then is
/// missed by mistake.
const ALL_LISTS: usize = 50;

/// Opens a store that may never read a namespace whole.
fn open(dir: &Path) -> EmbeddedStore {
    open_with(dir, Duration::ZERO)
}

fn open_with(dir: &Path, query_time: Duration) -> EmbeddedStore {
    EmbeddedStore::open(dir, EmbeddedConfig { query_time, ..EmbeddedConfig::for_tests() }).unwrap()
}

async fn create(store: &EmbeddedStore, metric: Metric) {
    store.create_index(&dense("a", DIMENSIONS, metric)).await.unwrap();
}

/// Records in heaps, as embeddings are, with their numbers as metadata.
fn records(random: &mut Random, ids: std::ops::Range<usize>) -> Vec<Record> {
    let heaps: Vec<Vec<f32>> = (0..20).map(|_| random.floats(DIMENSIONS)).collect();
    let mut records = Vec::new();
    for id in ids {
        let heap = &heaps[random.below(heaps.len())];
        let values: Vec<f32> = heap.iter().map(|x| x + 0.6 * random.float()).collect();
        let mut record = record(id.to_string(), &values);
        record.metadata.insert("number".to_owned(), (id as f64).into());
        records.push(record);
    }
    records
}

fn auto(vector: &[f32], top_k: usize) -> Query {
    Query { precision: Precision::Auto, ..query(vector, top_k) }
}

async fn find(store: &EmbeddedStore, query: &Query) -> QueryResult {
    store.query(&name("a"), &namespace(), query).await.unwrap()
}

fn stages(found: &QueryResult) -> Vec<(&'static str, u64, bool)> {
    let stages = found.explain.stages.iter();
    stages.map(|stage| (stage.name, stage.num_candidates, stage.is_exact)).collect()
}

fn ids(found: &QueryResult) -> BTreeSet<&str> {
    found.matches.iter().map(|found| found.id.as_str()).collect()
}

/// Returns which share of the nearest is found, over some queries near records.
async fn recall(store: &EmbeddedStore, records: &[Record], top_k: usize) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for record in records.iter().step_by(records.len() / 50) {
        let nearest = find(store, &query(&record.values, top_k)).await;
        let got = find(store, &auto(&record.values, top_k)).await;
        assert!(got.explain.stages.iter().any(|stage| !stage.is_exact), "{:?}", got.explain);
        assert_eq!(got.matches.len(), nearest.matches.len());
        wanted += nearest.matches.len();
        found += ids(&nearest).intersection(&ids(&got)).count();
    }
    found as f64 / wanted as f64
}

#[tokio::test]
async fn a_namespace_beyond_the_budget_is_searched_in_codes_and_says_so() {
    for metric in [Metric::Cosine, Metric::DotProduct, Metric::Euclidean] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        create(&store, metric).await;
        let all = records(&mut Random(1), 0..4_000);
        store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
        store.prepare(&name("a")).await.unwrap();
        let found = find(&store, &auto(&all[7].values, 10)).await;
        let [one_bit, int8, floats] = stages(&found)[..] else { panic!("{:?}", found.explain) };
        assert_eq!((one_bit.0, one_bit.2), ("one-bit", false));
        assert!((500..=4_000).contains(&one_bit.1), "{one_bit:?}");
        assert_eq!(int8, ("int8", 500, false));
        assert_eq!(floats, ("f32", 20, true));
        let exact = find(&store, &query(&all[7].values, 10)).await;
        assert_eq!(stages(&exact), [("f32", 4_000, true)]);
        assert_eq!(found.matches[0], exact.matches[0], "scores come from full precision");
        let recall = recall(&store, &all, 10).await;
        assert!(recall >= 0.97, "{metric:?}: {recall}");
    }
}

#[tokio::test]
async fn a_query_whose_filter_few_pass_reads_those_and_is_exact() {
    let dir = tempfile::tempdir().unwrap();
    // At any speed of memory, 4,000 rows take longer than this, and three of them less.
    let store = open_with(dir.path(), Duration::from_micros(5));
    create(&store, Metric::Cosine).await;
    let all = records(&mut Random(2), 0..4_000);
    store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    store.prepare(&name("a")).await.unwrap();
    for num_passing in [3, 1_000] {
        let condition = Condition::Compare(Comparison::Less, f64::from(num_passing));
        let filter = Filter::Field { field: "number".to_owned(), condition };
        let query = Query { filter: Some(filter), ..auto(&all[2].values, 5) };
        let found = find(&store, &query).await;
        assert_eq!(found.matches[0].id, "2");
        let is_passing = |id: &str| id.parse::<u32>().unwrap() < num_passing;
        assert!(found.matches.iter().all(|found| is_passing(&found.id)));
        assert_eq!(found.matches.len(), 5.min(num_passing as usize));
        let is_exact = found.explain.stages.iter().all(|stage| stage.is_exact);
        assert_eq!(is_exact, num_passing == 3, "{:?}", found.explain);
    }
}

#[tokio::test]
async fn every_write_is_seen_by_the_next_query_whether_it_has_codes_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    create(&store, Metric::Euclidean).await;
    let mut random = Random(3);
    let all = records(&mut random, 0..3_000);
    store.upsert(&name("a"), &namespace(), all).await.unwrap();
    store.prepare(&name("a")).await.unwrap();
    for number in 0..300 {
        let id = (number % 100).to_string();
        let new = record(id.clone(), &random.floats(DIMENSIONS));
        store.upsert(&name("a"), &namespace(), vec![new.clone()]).await.unwrap();
        let found = find(&store, &auto(&new.values, 3)).await;
        assert_eq!((&found.matches[0].id, found.matches[0].score), (&id, 0.0));
        if number % 3 == 0 {
            let gone = Selection::Ids(vec![id.clone()]);
            store.delete(&name("a"), &namespace(), &gone).await.unwrap();
            let found = find(&store, &auto(&new.values, 3)).await;
            assert!(!ids(&found).contains(id.as_str()));
            assert_eq!(found.matches.len(), 3);
        }
    }
}

#[tokio::test]
async fn queries_find_what_is_there_while_codes_are_made_learned_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    create(&store, Metric::Euclidean).await;
    let kept = records(&mut Random(4), 0..2_000);
    store.upsert(&name("a"), &namespace(), kept.clone()).await.unwrap();
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // Each round replaces all that the one before wrote, so that most rows die.
            for round in 0..12 {
                let others = records(&mut Random(50 + round), 10_000..12_000);
                store.upsert(&name("a"), &namespace(), others).await.unwrap();
            }
        })
    };
    let mut num_queries = 0;
    while !writer.is_finished() || num_queries < 200 {
        let record = &kept[num_queries * 7 % kept.len()];
        let found = find(&store, &auto(&record.values, ALL_LISTS)).await;
        assert_eq!((&found.matches[0].id, found.matches[0].score), (&record.id, 0.0));
        num_queries += 1;
    }
    writer.await.unwrap();
    store.prepare(&name("a")).await.unwrap();
    assert!(recall(&store, &kept, ALL_LISTS).await >= 0.97);
    // 28,000 rows were written; those that the cleaning took away have no codes either.
    let held = store.check(&name("a")).await.unwrap().num_vectors as usize;
    let num_bytes = store.num_code_bytes(&name("a")).unwrap();
    assert!(num_bytes < 2 * held * (DIMENSIONS + 40), "{num_bytes} bytes of {held} rows");
}

#[tokio::test]
async fn codes_are_made_again_after_a_restart_and_are_no_more_than_four_tenths_of_the_vectors() {
    const DIMENSIONS: usize = 384;
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(5);
    let all: Vec<Record> =
        (0..9_000).map(|id| record(id.to_string(), &random.floats(DIMENSIONS))).collect();
    {
        let store = open(dir.path());
        store.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
        store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    }
    let store = open(dir.path());
    store.prepare(&name("a")).await.unwrap();
    let found = find(&store, &auto(&all[123].values, 1)).await;
    assert_eq!(found.matches[0].id, "123");
    assert_eq!(stages(&found).last().unwrap(), &("f32", 20, true));
    let num_bytes = store.num_code_bytes(&name("a")).unwrap();
    let num_vector_bytes = all.len() * DIMENSIONS * 4;
    assert!(10 * num_bytes <= 4 * num_vector_bytes, "{num_bytes} of {num_vector_bytes}");
}

#[tokio::test]
async fn a_namespace_of_the_same_name_has_no_codes_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    create(&store, Metric::Cosine).await;
    for round in 0..4 {
        let all = records(&mut Random(60 + round), 0..1_500);
        store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
        for record in all.iter().step_by(100) {
            let found = find(&store, &auto(&record.values, 2)).await;
            assert_eq!(found.matches[0].id, record.id);
        }
        store.prepare(&name("a")).await.unwrap();
        let found = find(&store, &auto(&all[9].values, 2)).await;
        assert_eq!(found.matches[0].id, "9");
        store.delete(&name("a"), &namespace(), &Selection::All).await.unwrap();
        assert_eq!(find(&store, &auto(&all[9].values, 2)).await.matches, []);
    }
}

#[tokio::test]
async fn queries_at_the_same_time_get_their_own_answers() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    create(&store, Metric::Cosine).await;
    let all = records(&mut Random(6), 0..3_000);
    store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    store.prepare(&name("a")).await.unwrap();
    let queries = (0..120).map(|at| {
        let (store, record) = (Arc::clone(&store), all[at * 7].clone());
        let precision = if at % 3 == 0 { Precision::Exact } else { Precision::Auto };
        let query = Query { precision, ..query(&record.values, 2) };
        tokio::spawn(async move { (record.id, find(&store, &query).await) })
    });
    for found in queries.collect::<Vec<_>>() {
        let (id, found) = found.await.unwrap();
        assert_eq!(found.matches[0].id, id);
    }
}
