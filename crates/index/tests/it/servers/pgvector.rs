//! PostgreSQL 18 with pgvector.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use index::{
    Checked, Hnsw, Metric, PgVectorConfig, PgVectorStore, Retry, Selection, StoreError, VectorStore,
};

use super::{Servers, batch};
use crate::conformance::{self, all_ids, default, first_page, query, spec};

fn url(servers: &Servers) -> String {
    let hosts: Vec<String> = servers.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("postgres://postgres@{}/postgres?target_session_attrs=read-write", hosts.join(","))
}

async fn connect(servers: &Servers, config: PgVectorConfig) -> Checked {
    Checked::new(Arc::new(PgVectorStore::connect(&url(servers), None, config).await.unwrap()))
}

#[tokio::test]
async fn the_pgvector_store_conforms() {
    let servers = Servers::start("postgres", &["single"]);
    let store = index::connect(&url(&servers), None).await.unwrap();
    conformance::check(Checked::new(store)).await;
}

#[tokio::test]
async fn the_pgvector_store_with_a_graph_conforms() {
    let servers = Servers::start("postgres", &["single"]);
    let config = PgVectorConfig { hnsw: Some(Hnsw::usual()), ..PgVectorConfig::usual() };
    let store = connect(&servers, config).await;
    let refused = store.create_index(&spec("long", Metric::Cosine, 2_001)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the pgvector store cannot index vectors of over 2,000 dimensions with hnsw; connect without it"
    );
    // Another connection to the same database keeps them, exactly.
    let exact = connect(&servers, PgVectorConfig::usual()).await;
    exact.create_index(&spec("long", Metric::Cosine, 2_001)).await.unwrap();
    conformance::check_queries(store).await;
}

/// The primary dies while records are written, and the standby takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_the_death_of_a_primary() {
    let mut servers = Servers::start("postgres", &["pair"]);
    let store = connect(&servers, PgVectorConfig::usual()).await;
    let asked = spec("survives", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();

    let num_acknowledged = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn({
        let (store, asked, num_acknowledged) =
            (store.clone(), asked.clone(), num_acknowledged.clone());
        async move {
            for number in 0..120 {
                store.upsert(&asked.name, &default(), batch(number, 10)).await.unwrap();
                num_acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    while num_acknowledged.load(Ordering::SeqCst) < 30 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::task::block_in_place(|| {
        servers.order("kill");
        servers.order("promote");
    });
    writer.await.unwrap();

    let expected: Vec<String> =
        (0..120).flat_map(|number| batch(number, 10)).map(|record| record.id).collect();
    assert_eq!(all_ids(&store, &asked.name, &default()).await, expected);
    let found = store.query(&asked.name, &default(), &query(&[1.0, 2.0], 5)).await.unwrap();
    assert_eq!(found.matches.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_load_whose_server_is_gone_names_what_was_not_written() {
    let mut servers = Servers::start("postgres", &["single"]);
    let config = PgVectorConfig { retry: Retry::for_tests(), ..PgVectorConfig::usual() };
    let unchecked = Arc::new(PgVectorStore::connect(&url(&servers), None, config).await.unwrap());
    let store = Checked::new(unchecked.clone());
    let asked = spec("gone", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    store.upsert(&asked.name, &default(), batch(0, 10)).await.unwrap();
    tokio::task::block_in_place(|| servers.order("kill"));
    // Below the checks, which ask the store for the index first and so would fail before the write.
    let written = unchecked.upsert(&asked.name, &default(), batch(1, 50)).await;
    let Err(StoreError::Partial { failed_ids, num_records: 50, source }) = written else {
        panic!("{written:?}")
    };
    let expected: Vec<String> = batch(1, 50).into_iter().map(|record| record.id).collect();
    assert_eq!(failed_ids, expected);
    assert!(matches!(*source, StoreError::Unavailable { .. }), "{source:?}");
    let read = store.list(&asked.name, &default(), &first_page(5)).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");

    // It comes back with all that was acknowledged.
    tokio::task::block_in_place(|| servers.order("start"));
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_ids_do_not_block_each_other() {
    let servers = Servers::start("postgres", &["single"]);
    let store = connect(&servers, PgVectorConfig::usual()).await;
    let asked = spec("writers", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let writers: Vec<_> = (0..12)
        .map(|writer| {
            let (store, asked) = (store.clone(), asked.clone());
            tokio::spawn(async move {
                for _ in 0..5 {
                    let mut records = batch(0, 40);
                    if writer % 2 == 0 {
                        records.reverse();
                    }
                    store.upsert(&asked.name, &default(), records).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.describe_index(&asked.name).await.unwrap().num_records, 40);
    store.delete(&asked.name, &default(), &Selection::All).await.unwrap();
}
