//! Indexes come, change and go.

use index::{Checked, Fingerprint, IndexChange, Metric, Protection, StoreError};
use serde_json::json;

use super::{Case, always, default, name, record, spec};

pub(super) const CASES: &[Case] = &[
    Case::new("created_listed_deleted", always, |s| Box::pin(created_listed_deleted(s))),
    Case::new("a_name_is_taken_once", always, |s| Box::pin(a_name_is_taken_once(s))),
    Case::new("a_change_keeps_the_rest", always, |s| Box::pin(a_change_keeps_the_rest(s))),
    Case::new("a_protected_index_stays", always, |s| Box::pin(a_protected_index_stays(s))),
    Case::new("a_deleted_index_leaves_nothing", always, |s| {
        Box::pin(a_deleted_index_leaves_nothing(s))
    }),
    Case::new("records_are_counted", always, |s| Box::pin(records_are_counted(s))),
];

async fn created_listed_deleted(store: Checked) {
    let mut asked = spec("created-b", Metric::DotProduct, 3);
    asked.tags = [("owner".to_owned(), "me".to_owned())].into();
    let described = store.create_index(&asked).await.unwrap();
    assert_eq!(described.spec, asked);
    assert_eq!(described.num_records, 0);
    store.create_index(&spec("created-a", Metric::Cosine, 2)).await.unwrap();
    assert_eq!(store.describe_index(&asked.name).await.unwrap(), described);
    let names = |listed: Vec<index::IndexDescription>| {
        let names = listed.into_iter().map(|index| index.spec.name.as_str().to_owned());
        names.filter(|name| name.starts_with("created-")).collect::<Vec<_>>()
    };
    assert_eq!(names(store.list_indexes().await.unwrap()), ["created-a", "created-b"]);
    store.delete_index(&asked.name).await.unwrap();
    assert_eq!(names(store.list_indexes().await.unwrap()), ["created-a"]);
    let gone = store.describe_index(&asked.name).await;
    assert!(matches!(gone, Err(StoreError::IndexNotFound { name }) if name == "created-b"));
}

async fn a_name_is_taken_once(store: Checked) {
    store.create_index(&spec("taken", Metric::Cosine, 2)).await.unwrap();
    let again = store.create_index(&spec("taken", Metric::Euclidean, 3)).await;
    assert!(
        matches!(again, Err(StoreError::IndexExists { ref name }) if name == "taken"),
        "{again:?}"
    );
    let kept = store.describe_index(&name("taken")).await.unwrap().spec;
    assert_eq!((kept.metric, kept.dimensions), (Metric::Cosine, 2));
}

async fn a_change_keeps_the_rest(store: Checked) {
    let mut asked = spec("changed", Metric::Cosine, 2);
    asked.tags = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into();
    store.create_index(&asked).await.unwrap();
    store
        .upsert(&asked.name, &default(), vec![record("x", &[1.0, 0.0], &json!({}))])
        .await
        .unwrap();
    let tags = [("b".to_owned(), String::new()), ("c".to_owned(), "3".to_owned())].into();
    let change = IndexChange { tags, ..IndexChange::default() };
    let changed = store.configure_index(&asked.name, &change).await.unwrap();
    assert_eq!(
        changed.spec.tags,
        [("a".to_owned(), "1".to_owned()), ("c".to_owned(), "3".to_owned())].into()
    );
    assert_eq!((changed.spec.metric, changed.num_records), (Metric::Cosine, 1));

    let fingerprint = Fingerprint {
        model: "sentence-transformers/all-MiniLM-L6-v2".to_owned(),
        weight_hash: "0123456789abcdef".repeat(4),
        pooling: "mean".to_owned(),
        normalized: true,
        document_prompt: String::new(),
        query_prompt: "query: ".to_owned(),
        dimensions: 2,
    };
    let change = IndexChange { fingerprint: Some(fingerprint.clone()), ..IndexChange::default() };
    store.configure_index(&asked.name, &change).await.unwrap();
    let kept = store.describe_index(&asked.name).await.unwrap().spec;
    assert_eq!((kept.fingerprint, kept.tags.len()), (Some(fingerprint), 2));
}

async fn a_protected_index_stays(store: Checked) {
    let asked = spec("kept", Metric::Cosine, 2);
    store
        .create_index(&index::IndexSpec { protection: Protection::Enabled, ..asked.clone() })
        .await
        .unwrap();
    let refused = store.delete_index(&asked.name).await;
    assert!(matches!(refused, Err(StoreError::Protected { name }) if name == "kept"));
    let open = IndexChange { protection: Some(Protection::Disabled), ..IndexChange::default() };
    store.configure_index(&asked.name, &open).await.unwrap();
    store.delete_index(&asked.name).await.unwrap();
}

async fn a_deleted_index_leaves_nothing(store: Checked) {
    let asked = spec("again", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    for namespace in ["", "a"] {
        let namespace = index::Namespace::new(namespace);
        store
            .upsert(&asked.name, &namespace, vec![record("x", &[1.0, 0.0], &json!({"a": 1}))])
            .await
            .unwrap();
    }
    store.delete_index(&asked.name).await.unwrap();
    let other = spec("again", Metric::Euclidean, 3);
    let described = store.create_index(&other).await.unwrap();
    assert_eq!((described.spec, described.num_records), (other.clone(), 0));
    assert_eq!(store.stats(&other.name, None).await.unwrap().num_records(), 0);
}

async fn records_are_counted(store: Checked) {
    let asked = spec("counted", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    for namespace in ["", "a", "b"] {
        let records =
            vec![record("x", &[1.0, 0.0], &json!({})), record("y", &[0.0, 1.0], &json!({}))];
        store.upsert(&asked.name, &index::Namespace::new(namespace), records).await.unwrap();
    }
    assert_eq!(store.describe_index(&asked.name).await.unwrap().num_records, 6);
    let listed = store.list_indexes().await.unwrap();
    let counted = listed.iter().find(|index| index.spec.name == asked.name).unwrap();
    assert_eq!(counted.num_records, 6);
}
