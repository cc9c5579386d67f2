//! The memory of an open index.

use index::{EmbeddedConfig, EmbeddedStore, Metric, Precision, Query, Record, VectorStore};

use crate::durability::{Told, child, child_dir, tell};
use crate::{Random, dense, name, namespace, query, record};

const NUM_RECORDS: usize = 50_000;
const DIMENSIONS: usize = 384;
const BATCH: usize = 5_000;

#[tokio::test]
async fn an_open_index_takes_at_most_twice_the_memory_of_its_vectors() {
    if let Some(dir) = child_dir() {
        return search(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path()).await;
    let test = "embedded::memory::an_open_index_takes_at_most_twice_the_memory_of_its_vectors";
    let mut child = child(test, dir.path(), &[]).spawn().unwrap();
    let resident: Vec<usize> = Told::by(&mut child).map(|told| told.parse().unwrap()).collect();
    assert!(child.wait().unwrap().success());
    let vectors = NUM_RECORDS * DIMENSIONS * size_of::<f32>();
    // Before it was opened, after exact searches, and with codes for all searches.
    let [before, exact, coded] = resident[..] else { panic!("{resident:?}") };
    assert!(exact > before + vectors, "all vectors were read: {before}, then {exact}");
    assert!(exact <= 2 * vectors, "{exact} bytes for vectors of {vectors}");
    assert!(coded <= 2 * vectors, "{coded} bytes for vectors of {vectors}");
}

async fn fill(dir: &std::path::Path) {
    let store = EmbeddedStore::open(dir, EmbeddedConfig::for_tests()).unwrap();
    store.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    let mut random = Random(1);
    for first in (0..NUM_RECORDS).step_by(BATCH) {
        let ids = first..first + BATCH;
        let records: Vec<Record> =
            ids.map(|id| record(id.to_string(), &random.floats(DIMENSIONS))).collect();
        store.upsert(&name("a"), &namespace(), records).await.unwrap();
    }
}

/// Opens the index, searches it in both ways, and tells how much memory the process has, mapped pages
/// included.
async fn search(dir: &std::path::Path) {
    tell(&resident().to_string());
    let store = EmbeddedStore::open(dir, EmbeddedConfig::for_tests()).unwrap();
    let mut random = Random(2);
    for _ in 0..10 {
        let exact = query(&random.floats(DIMENSIONS), 10);
        store.query(&name("a"), &namespace(), &exact).await.unwrap();
    }
    // What an index does when it is opened is done then.
    store.prepare(&name("a")).await.unwrap();
    tell(&resident().to_string());
    drop(store);
    let query_time = std::time::Duration::ZERO;
    let config = EmbeddedConfig { query_time, ..EmbeddedConfig::for_tests() };
    let store = EmbeddedStore::open(dir, config).unwrap();
    store.prepare(&name("a")).await.unwrap();
    for _ in 0..10 {
        let query = query(&random.floats(DIMENSIONS), 10);
        let auto = Query { precision: Precision::Auto, ..query };
        store.query(&name("a"), &namespace(), &auto).await.unwrap();
    }
    tell(&resident().to_string());
}

fn resident() -> usize {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}
