//! Chroma 1.5.9.

use std::sync::Arc;

use index::{Checked, ChromaConfig, ChromaStore, Metric, Retry, StoreError, VectorStore};

use super::{Servers, batch};
use crate::conformance::{self, all_ids, default, spec};

fn store(servers: &Servers, retry: Retry) -> ChromaStore {
    let url = format!("http://127.0.0.1:{}", servers.ports[0]);
    ChromaStore::new(&ChromaConfig { retry, ..ChromaConfig::local(url) })
}

#[tokio::test]
async fn the_chroma_store_conforms() {
    let servers = Servers::start("chroma", &[]);
    conformance::check(Checked::new(Arc::new(store(&servers, Retry::patient())))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_waited_for() {
    let mut servers = Servers::start("chroma", &[]);
    let store = Checked::new(Arc::new(store(&servers, Retry::patient())));
    let asked = spec("waited-for", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    store.upsert(&asked.name, &default(), batch(0, 10)).await.unwrap();
    tokio::task::block_in_place(|| servers.order("kill"));
    let writer = tokio::spawn({
        let (store, asked) = (store.clone(), asked.clone());
        async move { store.upsert(&asked.name, &default(), batch(1, 10)).await }
    });
    tokio::task::block_in_place(|| servers.order("start"));
    assert_eq!(writer.await.unwrap().unwrap().num_records, 10);
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_is_given_up() {
    let mut servers = Servers::start("chroma", &[]);
    let store = store(&servers, Retry::for_tests());
    let asked = spec("away", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    tokio::task::block_in_place(|| servers.order("kill"));
    let written = store.upsert(&asked.name, &default(), batch(0, 10)).await;
    assert!(matches!(written, Err(StoreError::Unavailable { .. })), "{written:?}");
}
