//! Sparse vectors, alone and beside dense ones.

use index::{
    Capabilities, Checked, Fusion, Include, IndexSpec, Metric, Query, Record, SparseVector,
    SparseWeights, VectorKind,
};
use serde_json::json;

use super::{Case, assert_same, default, filter, ids, pair, query, record, spec};

pub(super) const CASES: &[Case] = &[
    Case::new("sparse_alone", has_sparse, |s| Box::pin(sparse_alone(s))),
    Case::new("sparse_beside_dense_is_added", has_sparse, |s| {
        Box::pin(beside_dense(s, "beside-sum", Fusion::Sum))
    }),
    Case::new("sparse_beside_dense_is_fused", has_sparse, |s| {
        Box::pin(beside_dense(s, "beside-fused", Fusion::ReciprocalRank))
    }),
    Case::new("rare_terms_weigh_more", has_sparse, |s| Box::pin(rare_terms_weigh_more(s))),
];

fn has_sparse(can: &Capabilities) -> bool {
    can.sparse
}

fn terms(pairs: &[(u32, f32)]) -> SparseVector {
    let (indices, values) = pairs.iter().copied().unzip();
    SparseVector::sorted(indices, values)
}

fn random_terms(random: &mut fastrand::Rng) -> SparseVector {
    let mut indices: Vec<u32> = (0..5).map(|_| random.u32(0..40)).collect();
    indices.sort_unstable();
    indices.dedup();
    let values = indices.iter().map(|_| random.f32() + 0.1).collect();
    SparseVector { indices, values }
}

async fn sparse_alone(store: Checked) {
    let asked = IndexSpec { kind: VectorKind::Sparse, ..spec("alone", Metric::DotProduct, 0) };
    store.create_index(&asked).await.unwrap();
    let one = |id: &str, pairs| Record {
        sparse: Some(terms(pairs)),
        ..record(id, &[], &json!({"id": id}))
    };
    let records = vec![
        one("a", &[(7, 1.0), (4_000_000_000, 2.0)]),
        one("b", &[(7, 3.0)]),
        one("c", &[(9, 1.0)]),
    ];
    store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
    let include = Include { values: true, metadata: true };
    let asked_query =
        Query { sparse: Some(terms(&[(4_000_000_000, 2.0), (7, 1.0)])), include, ..query(&[], 2) };
    let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
    assert_eq!(ids(&found), ["a", "b"]);
    assert_eq!((found.matches[0].score, found.matches[1].score), (5.0, 3.0));
    assert_eq!(found.matches[0].sparse, records[0].sparse);
    let fetched = store.fetch(&asked.name, &default(), &["c".to_owned()]).await.unwrap();
    assert_eq!(fetched, [records[2].clone()]);
    let none = store.upsert(&asked.name, &default(), vec![record("d", &[], &json!({}))]).await;
    assert!(none.is_err());
}

async fn beside_dense(store: Checked, index: &'static str, fusion: Fusion) {
    let asked = spec(index, Metric::DotProduct, 4);
    let oracle = pair(&store, &asked).await;
    let mut random = fastrand::Rng::with_seed(11);
    let mut records = super::varied(200, 4);
    for record in records.iter_mut().filter(|record| !record.id.ends_with('3')) {
        record.sparse = Some(random_terms(&mut random));
    }
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
    }
    for condition in [None, Some(filter(&json!({"lang": "en"})))] {
        for probe in &records[..5] {
            let sparse = Some(random_terms(&mut random));
            let asked_query =
                Query { sparse, fusion, filter: condition.clone(), ..query(&probe.values, 10) };
            let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
            let expected = oracle.query(&asked.name, &default(), &asked_query).await.unwrap();
            assert_same(&found, &expected);
            let has_stages = found.matches.iter().all(|found| !found.stages.is_empty());
            assert_eq!(has_stages, fusion == Fusion::ReciprocalRank);
        }
    }
}

async fn rare_terms_weigh_more(store: Checked) {
    let asked = IndexSpec {
        kind: VectorKind::Sparse,
        sparse_weights: SparseWeights::InverseDocumentFrequency,
        ..spec("weighted", Metric::DotProduct, 0)
    };
    let oracle = pair(&store, &asked).await;
    // Everybody has term 1, and one record has term 2.
    let records: Vec<Record> = (0..20)
        .map(|i| {
            let pairs: &[(u32, f32)] = if i == 5 { &[(1, 1.0), (2, 1.0)] } else { &[(1, 1.5)] };
            Record { sparse: Some(terms(pairs)), ..record(&format!("{i:02}"), &[], &json!({})) }
        })
        .collect();
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
    }
    let asked_query = Query { sparse: Some(terms(&[(1, 1.0), (2, 1.0)])), ..query(&[], 3) };
    let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
    assert_eq!(ids(&found)[0], "05");
    assert_same(&found, &oracle.query(&asked.name, &default(), &asked_query).await.unwrap());
}
