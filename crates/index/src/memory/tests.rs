//! The oracle against small cases that a person can check.

use super::*;
use crate::{Checked, Include, Precision, Protection, VectorKind};

fn spec(metric: Metric) -> IndexSpec {
    IndexSpec {
        name: "a".try_into().unwrap(),
        dimensions: 2,
        metric,
        kind: VectorKind::Dense,
        sparse_weights: SparseWeights::default(),
        protection: Protection::Disabled,
        tags: BTreeMap::new(),
        fingerprint: None,
    }
}

fn query(vector: [f32; 2]) -> Query {
    Query {
        vector: vector.to_vec(),
        sparse: None,
        fusion: Fusion::Sum,
        top_k: 2,
        filter: None,
        include: Include::default(),
        precision: Precision::Auto,
    }
}

async fn nearest(metric: Metric) -> Vec<(String, f32)> {
    let store = Checked::new(std::sync::Arc::new(MemoryStore::new()));
    let spec = spec(metric);
    store.create_index(&spec).await.unwrap();
    let record = |id: &str, values: [f32; 2]| Record {
        id: id.to_owned(),
        values: values.to_vec(),
        ..Record::default()
    };
    let records =
        vec![record("x", [1.0, 0.0]), record("far", [10.0, 1.0]), record("y", [0.0, 1.0])];
    store.upsert(&spec.name, &Namespace::default(), records).await.unwrap();
    let found = store.query(&spec.name, &Namespace::default(), &query([2.0, 0.0])).await.unwrap();
    found.matches.into_iter().map(|found| (found.id, found.score)).collect()
}

#[tokio::test]
async fn each_metric_has_its_own_order() {
    let cosine = nearest(Metric::Cosine).await;
    assert_eq!(cosine[0], ("x".to_owned(), 1.0));
    assert_eq!(nearest(Metric::DotProduct).await[0], ("far".to_owned(), 20.0));
    let euclidean = nearest(Metric::Euclidean).await;
    assert_eq!(euclidean, [("x".to_owned(), 1.0), ("y".to_owned(), 5.0)]);
}
