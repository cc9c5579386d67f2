//! Chroma 1.5.9.

use std::sync::Arc;
use std::time::Duration;

use index::{Checked, ChromaConfig, ChromaStore, Metric, Retry, StoreError};

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

/// A server that goes away in the middle of a bulk load: who gives up is told what was not written, and who is
/// patient writes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_load_outlives_its_server_or_names_what_was_not_written() {
    let mut servers = Servers::start("chroma", &[]);
    let impatient = Checked::new(Arc::new(store(&servers, Retry::for_tests())));
    let patient = Checked::new(Arc::new(store(&servers, Retry::patient())));
    let asked = spec("interrupted", Metric::Cosine, 2);
    patient.create_index(&asked).await.unwrap();
    // Five batches: Chroma takes 5,461 records at once. When it has more, the first one is acknowledged.
    let records = batch(1, 22_000);
    let writer = tokio::spawn({
        let (asked, records) = (asked.clone(), records.clone());
        async move { impatient.upsert(&asked.name, &default(), records).await }
    });
    while patient.describe_index(&asked.name).await.unwrap().num_records <= 5_461 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| servers.order("kill"));
    let written = writer.await.unwrap();
    let Err(StoreError::Partial { failed_ids, num_records: 22_000, source }) = written else {
        panic!("{written:?}")
    };
    assert!(matches!(*source, StoreError::Unavailable { .. }), "{source:?}");
    let (kept, failed) = records.split_at(records.len() - failed_ids.len());
    assert!(failed.iter().map(|record| &record.id).eq(&failed_ids));
    assert!(!kept.is_empty());

    let writer = tokio::spawn({
        let (patient, asked, failed) = (patient.clone(), asked.clone(), failed.to_vec());
        async move { patient.upsert(&asked.name, &default(), failed).await }
    });
    tokio::task::block_in_place(|| servers.order("start"));
    assert_eq!(writer.await.unwrap().unwrap().num_records, failed_ids.len() as u64);
    let expected: Vec<String> = records.into_iter().map(|record| record.id).collect();
    assert_eq!(all_ids(&patient, &asked.name, &default()).await, expected);
}
