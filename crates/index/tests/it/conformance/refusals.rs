//! What no store may take, each with its words.

use expect_test::{Expect, expect};
use index::{
    Checked, Filter, IndexChange, IndexName, Metric, Namespace, Query, Record, SparseVector,
    StoreError, Update, VectorKind,
};
use serde_json::{Value as Json, json};

use super::{
    Case, always, default, filter, first_page, metadata, name, query, record, some, spec, texts,
};

pub(super) const CASES: &[Case] = &[
    Case::new("vectors_that_do_not_fit", always, |s| Box::pin(vectors_that_do_not_fit(s))),
    Case::new("ids_that_are_none", always, |s| Box::pin(ids_that_are_none(s))),
    Case::new("metadata_that_is_too_large", always, |s| Box::pin(metadata_that_is_too_large(s))),
    Case::new("counts_out_of_bounds", always, |s| Box::pin(counts_out_of_bounds(s))),
    Case::new("indexes_that_cannot_be", always, |s| Box::pin(indexes_that_cannot_be(s))),
    Case::new("an_index_that_is_not_there", always, |s| Box::pin(an_index_that_is_not_there(s))),
    Case::new(
        "sparse_vectors_where_there_are_none",
        |can| !can.sparse,
        |s| Box::pin(sparse_vectors_where_there_are_none(s)),
    ),
];

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: Expect) {
    expected.assert_eq(&result.unwrap_err().to_string());
}

async fn upsert(
    store: &Checked,
    index: &str,
    records: Vec<Record>,
) -> Result<index::Written, StoreError> {
    store.upsert(&name(index), &default(), records).await
}

async fn vectors_that_do_not_fit(store: Checked) {
    store.create_index(&spec("unfit", Metric::Cosine, 2)).await.unwrap();
    let one = |values: &[f32]| {
        vec![record("good", &[1.0, 0.0], &json!({})), record("bad", values, &json!({}))]
    };
    let wrong = upsert(&store, "unfit", one(&[1.0])).await;
    refused(wrong, expect!["record `bad` has 1 dimensions, and index `unfit` has 2"]);
    let nan = upsert(&store, "unfit", one(&[1.0, f32::NAN])).await;
    refused(nan, expect!["record `bad` has NaN at position 1; all numbers must be finite"]);
    let infinite = upsert(&store, "unfit", one(&[f32::NEG_INFINITY, 0.0])).await;
    refused(infinite, expect!["record `bad` has -inf at position 0; all numbers must be finite"]);
    let zero = upsert(&store, "unfit", one(&[0.0, -0.0])).await;
    refused(zero, expect!["record `bad` is all zeros, which has no direction and so no cosine"]);
    let long = upsert(&store, "unfit", one(&[1e19, 0.0])).await;
    refused(
        long,
        expect![
            "record `bad` has the length 1.00e19, and scores are finite for lengths up to 1e18; scale your vectors down"
        ],
    );
    let short = upsert(&store, "unfit", one(&[0.0, 1e-20])).await;
    refused(
        short,
        expect![
            "record `bad` has the length 1.00e-20, and a cosine needs 1e-15 at least; scale your vectors up"
        ],
    );
    let asked = |vector: &[f32]| (store.clone(), query(vector, 1));
    for (store, query) in [asked(&[1.0]), asked(&[f32::INFINITY, 0.0]), asked(&[0.0, 0.0])] {
        let found = store.query(&name("unfit"), &default(), &query).await;
        assert!(matches!(found, Err(StoreError::Invalid(_))), "{found:?}");
    }
    let update = Update { id: "good".to_owned(), values: Some(vec![1.0; 3]), ..Update::default() };
    let changed = store.update(&name("unfit"), &default(), update).await;
    refused(changed, expect!["record `good` has 3 dimensions, and index `unfit` has 2"]);
    // Nothing of a batch with one bad record is kept.
    assert_eq!(store.describe_index(&name("unfit")).await.unwrap().num_records, 0);
}

async fn ids_that_are_none(store: Checked) {
    store.create_index(&spec("ids", Metric::Cosine, 2)).await.unwrap();
    let with = |id: &str| vec![record(id, &[1.0, 0.0], &json!({}))];
    refused(
        upsert(&store, "ids", with("")).await,
        expect!["an id has 1 to 512 bytes; record 0 has one of 0"],
    );
    let long = upsert(&store, "ids", with(&"x".repeat(513))).await;
    refused(long, expect!["an id has 1 to 512 bytes; record 0 has one of 513"]);
    let twice = upsert(&store, "ids", [with("a"), with("b"), with("a")].concat()).await;
    refused(twice, expect!["id `a` comes twice in one batch; send each id once"]);
    let fetched = store.fetch(&name("ids"), &default(), &texts(&["a", ""])).await;
    refused(fetched, expect!["an id has 1 to 512 bytes; record 1 has one of 0"]);
    let deleted = store.delete(&name("ids"), &default(), &some(&[""])).await;
    refused(deleted, expect!["an id has 1 to 512 bytes; record 0 has one of 0"]);
    let namespace = Namespace::new("n".repeat(513));
    let written = store.upsert(&name("ids"), &namespace, with("a")).await;
    refused(
        written,
        expect!["a namespace's name has at most 512 bytes and no NUL; this one has 513 bytes"],
    );
}

/// Nested metadata and null are refused where JSON becomes metadata, before any store.
async fn metadata_that_is_too_large(store: Checked) {
    store.create_index(&spec("metadata", Metric::Cosine, 2)).await.unwrap();
    let large = json!({"a": "x".repeat(40_953)});
    let written = upsert(&store, "metadata", vec![record("a", &[1.0, 0.0], &large)]).await;
    refused(
        written,
        expect!["record `a`: metadata has 40961 bytes as JSON, and a record takes at most 40960"],
    );
    let largest = record("a", &[1.0, 0.0], &json!({"a": "x".repeat(40_952)}));
    upsert(&store, "metadata", vec![largest.clone()]).await.unwrap();
    let found = store.fetch(&name("metadata"), &default(), &texts(&["a"])).await.unwrap();
    assert_eq!(found[0].metadata, largest.metadata);
    let update_of = |id: &str| Update { id: id.to_owned(), ..Update::default() };
    let update = Update { set_metadata: metadata(&large), ..update_of("a") };
    let changed = store.update(&name("metadata"), &default(), update).await;
    refused(
        changed,
        expect!["record `a`: metadata has 40961 bytes as JSON, and a record takes at most 40960"],
    );
    // What fits alone, and not with what is there.
    let more = Update { set_metadata: metadata(&json!({"b": 1})), ..update_of("a") };
    let changed = store.update(&name("metadata"), &default(), more).await;
    refused(
        changed,
        expect![
            "record `a` with what the update adds: metadata has 40968 bytes as JSON, and a record takes at most 40960"
        ],
    );
    let replaced = Update { set_metadata: metadata(&json!({"a": 1})), ..update_of("a") };
    store.update(&name("metadata"), &default(), replaced).await.unwrap();
    let found = store.fetch(&name("metadata"), &default(), &texts(&["a"])).await.unwrap();
    assert_eq!(found[0].metadata, metadata(&json!({"a": 1})));
}

async fn counts_out_of_bounds(store: Checked) {
    store.create_index(&spec("counts", Metric::Cosine, 2)).await.unwrap();
    let asked = |top_k| query(&[1.0, 0.0], top_k);
    let index = name("counts");
    let none = store.query(&index, &default(), &asked(0)).await;
    refused(none, expect!["top_k is 1 to 10000, not 0"]);
    let many = store.query(&index, &default(), &asked(10_001)).await;
    refused(many, expect!["top_k is 1 to 10000, not 10001"]);
    refused(
        upsert(&store, "counts", Vec::new()).await,
        expect!["a batch has 1 to 100000 records, not 0"],
    );
    let listed = store.list(&index, &default(), &first_page(0)).await;
    refused(listed, expect!["a batch has 1 to 100000 records, not 0"]);
    assert!(store.query(&index, &default(), &asked(10_000)).await.unwrap().matches.is_empty());
}

#[test]
fn filters_that_are_none_are_refused_before_any_store() {
    // Not `json!`, which copies what it nests.
    let nest =
        |deep| Json::Object([("$and".to_owned(), Json::Array(vec![deep]))].into_iter().collect());
    let deep = (0..1000).fold(json!({"a": 1}), |deep, _| nest(deep));
    let refusals = [
        (json!({"a": {"$regex": "x"}}), "unknown filter operator `$regex`"),
        (deep, "the filter is nested more than 32 deep"),
        (json!({"a": null}), "`$eq` on field `a` takes a string, a number or a boolean, not null"),
    ];
    for (json, expected) in refusals {
        let refused = Filter::from_json(&json).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
}

async fn indexes_that_cannot_be(store: Checked) {
    let max = store.capabilities().max_dimensions;
    for dimensions in [0, max + 1] {
        let created = store.create_index(&spec("impossible", Metric::Cosine, dimensions)).await;
        assert!(matches!(created, Err(StoreError::Invalid(_))), "{created:?}");
    }
    for bad in ["", "Upper", "under_score", "-a", "a/../b"] {
        assert!(IndexName::try_from(bad).is_err(), "{bad}");
    }
    let listed = store.list_indexes().await.unwrap();
    assert!(listed.iter().all(|index| index.spec.name.as_str() != "impossible"));
}

async fn an_index_that_is_not_there(store: Checked) {
    let index = name("nowhere");
    let here = default();
    let one = vec![record("a", &[1.0, 0.0], &json!({}))];
    let update = Update { id: "a".to_owned(), ..Update::default() };
    let all = filter(&json!({"a": 1}));
    let errors = [
        store.describe_index(&index).await.err(),
        store.configure_index(&index, &IndexChange::default()).await.err(),
        store.delete_index(&index).await.err(),
        store.upsert(&index, &here, one).await.err(),
        store.update(&index, &here, update).await.err(),
        store.fetch(&index, &here, &texts(&["a"])).await.err(),
        store.list(&index, &here, &first_page(1)).await.err(),
        store.find(&index, &here, &all, 1).await.err(),
        store.delete(&index, &here, &index::Selection::All).await.err(),
        store.delete(&index, &here, &some(&["a"])).await.err(),
        store.query(&index, &here, &query(&[1.0, 0.0], 1)).await.err(),
        store.stats(&index, None).await.err(),
    ];
    for (call, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("call {call} succeeded"));
        assert!(matches!(error, StoreError::IndexNotFound { .. }), "call {call}: {error:?}");
    }
}

async fn sparse_vectors_where_there_are_none(store: Checked) {
    let asked = spec("no-sparse", Metric::DotProduct, 2);
    store.create_index(&asked).await.unwrap();
    let sparse = Some(SparseVector { indices: vec![1], values: vec![1.0] });
    let one = Record { sparse: sparse.clone(), ..record("a", &[1.0, 0.0], &json!({})) };
    let written = store.upsert(&asked.name, &default(), vec![one]).await;
    assert!(matches!(written, Err(StoreError::Unsupported { .. })), "{written:?}");
    let found =
        store.query(&asked.name, &default(), &Query { sparse, ..query(&[1.0, 0.0], 1) }).await;
    assert!(matches!(found, Err(StoreError::Unsupported { .. })), "{found:?}");
    let alone = index::IndexSpec {
        kind: VectorKind::Sparse,
        ..spec("sparse-alone", Metric::DotProduct, 0)
    };
    let created = store.create_index(&alone).await;
    assert!(matches!(created, Err(StoreError::Unsupported { .. })), "{created:?}");
}
