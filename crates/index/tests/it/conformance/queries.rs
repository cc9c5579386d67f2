//! The nearest records, with and without filters.

use index::{Checked, Include, Metric, Namespace, Precision, Query, Stats};
use serde_json::{Value as Json, json};

use super::{Case, always, assert_same, default, filter, ids, pair, query, record, spec, varied};

pub(super) const CASES: &[Case] = &[
    Case::new("cosine", always, |s| Box::pin(agrees(s, "by-cosine", Metric::Cosine))),
    Case::new("dot_product", always, |s| Box::pin(agrees(s, "by-dot", Metric::DotProduct))),
    Case::new("euclidean", always, |s| Box::pin(agrees(s, "by-distance", Metric::Euclidean))),
    Case::new("scores_of_known_vectors", always, |s| Box::pin(scores_of_known_vectors(s))),
    Case::new(
        "every_filter_operator",
        |can| can.full_filters,
        |s| Box::pin(every_filter_operator(s)),
    ),
    Case::new("a_rare_match_is_found", always, |s| Box::pin(a_rare_match_is_found(s))),
    Case::new("top_k_beyond_what_is_there", always, |s| Box::pin(top_k_beyond_what_is_there(s))),
    Case::new("only_what_is_asked_for_comes", always, |s| {
        Box::pin(only_what_is_asked_for_comes(s))
    }),
    Case::new(
        "a_write_is_seen_at_once",
        |can| can.read_your_writes,
        |s| Box::pin(a_write_is_seen_at_once(s)),
    ),
    Case::new(
        "exact_queries_are_exact",
        |can| can.exact_queries,
        |s| Box::pin(exact_queries_are_exact(s)),
    ),
];

/// Queries with conditions of all sizes against brute force.
async fn agrees(store: Checked, index: &'static str, metric: Metric) {
    let asked = spec(index, metric, 8);
    let oracle = pair(&store, &asked).await;
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), varied(300, 8)).await.unwrap();
    }
    let conditions =
        [None, Some(json!({"lang": "de"})), Some(json!({"year": {"$gte": 2015}, "open": true}))];
    for probe in varied(6, 8) {
        for condition in &conditions {
            let condition = condition.as_ref().map(filter);
            let asked_query = Query { filter: condition, ..query(&probe.values, 10) };
            let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
            let expected = oracle.query(&asked.name, &default(), &asked_query).await.unwrap();
            assert_same(&found, &expected);
        }
    }
}

async fn scores_of_known_vectors(store: Checked) {
    let cases = [
        (
            Metric::Cosine,
            "known-cosine",
            vec![("same", 1.0), ("between", 0.707_106_77), ("across", 0.0), ("against", -1.0)],
        ),
        (
            Metric::DotProduct,
            "known-dot",
            vec![("same", 6.0), ("between", 2.0), ("across", 0.0), ("against", -2.0)],
        ),
        (
            Metric::Euclidean,
            "known-distance",
            vec![("between", 2.0), ("same", 1.0), ("across", 5.0), ("against", 9.0)],
        ),
    ];
    for (metric, index, mut expected) in cases {
        let asked = spec(index, metric, 2);
        store.create_index(&asked).await.unwrap();
        let records = [
            ("same", [3.0, 0.0]),
            ("between", [1.0, 1.0]),
            ("across", [0.0, 1.0]),
            ("against", [-1.0, 0.0]),
        ];
        let records = records.iter().map(|(id, values)| record(id, values, &json!({})));
        store.upsert(&asked.name, &default(), records.collect()).await.unwrap();
        let found = store.query(&asked.name, &default(), &query(&[2.0, 0.0], 4)).await.unwrap();
        expected.sort_by(|a, b| {
            if metric.is_closer(a.1, b.1) {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }
        });
        for (found, (id, score)) in found.matches.iter().zip(expected) {
            assert_eq!(found.id, id, "{metric:?}");
            assert!((found.score - score).abs() < 1e-5, "{metric:?} {id}: {} {score}", found.score);
        }
    }
}

fn filters() -> Vec<Json> {
    vec![
        json!({}),
        json!({"lang": "en"}),
        json!({"lang": {"$eq": "en"}}),
        json!({"lang": {"$ne": "en"}}),
        json!({"tags": "x"}),
        json!({"tags": {"$ne": "x"}}),
        json!({"tags": {"$in": ["t1", "t2"]}}),
        json!({"tags": {"$nin": ["t1", "t2"]}}),
        json!({"open": true}),
        json!({"open": {"$ne": true}}),
        json!({"year": 2003}),
        json!({"year": {"$ne": 2003}}),
        json!({"year": {"$in": [2001, 2002.0]}}),
        json!({"mixed": {"$in": ["7", 7, true]}}),
        json!({"mixed": 7}),
        json!({"mixed": "7"}),
        json!({"mixed": {"$nin": [7, false]}}),
        json!({"lang": {"$in": []}}),
        json!({"lang": {"$nin": []}}),
        json!({"year": {"$gt": 2010}}),
        json!({"year": {"$gte": 2010}}),
        json!({"year": {"$lt": 2010}}),
        json!({"year": {"$lte": 2010, "$gt": 2005}}),
        json!({"score": {"$gt": 1.4}}),
        json!({"score": {"$lt": 0.7}}),
        json!({"mixed": {"$gte": 0}}),
        json!({"score": {"$exists": true}}),
        json!({"score": {"$exists": false}}),
        json!({"none": {"$exists": true}}),
        json!({"none": {"$ne": "x"}}),
        json!({"$and": [{"lang": "en"}, {"open": true}]}),
        json!({"$or": [{"lang": "en"}, {"year": {"$lt": 2002}}]}),
        json!({"$or": [{"$and": [{"lang": "de"}, {"tags": "x"}]}, {"score": {"$gte": 3}}], "open": true}),
        json!({"$not": {"lang": "en"}}),
        json!({"$not": {"lang": "en", "open": true}}),
        json!({"$not": {"$or": [{"lang": "en"}, {"open": true}]}}),
        json!({"year": {"$not": {"$gt": 2010}}}),
        json!({"score": {"$not": {"$gt": 1}}}),
        json!({"mixed": {"$not": {"$lte": 7}}}),
        json!({"$not": {"tags": {"$in": ["t1", "t3"]}}}),
        json!({"$not": {"$not": {"tags": {"$exists": true}}}}),
        json!({"absent": {"$gt": 0}}),
        json!({"absent": {"$exists": false}}),
    ]
}

/// Each operator, over fields that are there, are missing, are lists, are empty, or are of two kinds.
async fn every_filter_operator(store: Checked) {
    let asked = spec("filters", Metric::Euclidean, 4);
    let oracle = pair(&store, &asked).await;
    let mut records = varied(60, 4);
    let mixed = [json!(7), json!("7"), json!(true), json!(["7", "8"]), json!(7.5), json!([])];
    for (record, value) in records.iter_mut().zip(mixed.iter().cycle()) {
        record.metadata.insert("mixed".to_owned(), index::Value::from_json(value).unwrap());
    }
    for record in records.iter_mut().step_by(11) {
        record.metadata.insert("none".to_owned(), index::Value::Strings(Vec::new()));
    }
    records[59].metadata.clear();
    let nowhere = Namespace::new("other");
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
        store.upsert(&asked.name, &nowhere, records[..10].to_vec()).await.unwrap();
    }
    for json in filters() {
        let condition = filter(&json);
        let mut found = store.find(&asked.name, &default(), &condition, 100).await.unwrap();
        let mut expected = oracle.find(&asked.name, &default(), &condition, 100).await.unwrap();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "find {json}");
        let asked_query =
            Query { filter: Some(condition.clone()), ..query(&records[3].values, 100) };
        let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
        assert_same(&found, &oracle.query(&asked.name, &default(), &asked_query).await.unwrap());
        let found = store.stats(&asked.name, Some(&condition)).await.unwrap();
        let expected = oracle.stats(&asked.name, Some(&condition)).await.unwrap();
        assert_eq!(counts(&found), counts(&expected), "stats {json}");
    }
}

/// Namespaces of which something passes.
fn counts(stats: &Stats) -> Vec<(&str, u64)> {
    let counts = stats.namespaces.iter().map(|one| (one.namespace.as_str(), one.num_records));
    counts.filter(|(_, num_records)| *num_records > 0).collect()
}

/// A filter that few records pass must not make a search come back with less than there is.
async fn a_rare_match_is_found(store: Checked) {
    let asked = spec("rare", Metric::Cosine, 8);
    store.create_index(&asked).await.unwrap();
    let mut records = varied(2_000, 8);
    for at in [5, 777, 1_234, 1_999] {
        records[at].metadata.insert("rare".to_owned(), index::Value::Bool(true));
    }
    let probe = records[100].values.clone();
    store.upsert(&asked.name, &default(), records).await.unwrap();
    let condition = Some(filter(&json!({"rare": true})));
    for top_k in [3, 4, 50] {
        let asked_query = Query { filter: condition.clone(), ..query(&probe, top_k) };
        let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
        assert_eq!(found.matches.len(), top_k.min(4), "top {top_k}");
    }
}

async fn top_k_beyond_what_is_there(store: Checked) {
    let asked = spec("beyond", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    store.upsert(&asked.name, &default(), varied(5, 4)).await.unwrap();
    let found =
        store.query(&asked.name, &default(), &query(&[1.0, 0.0, 0.0, 0.0], 10_000)).await.unwrap();
    assert_eq!(found.matches.len(), 5);
    assert!(found.matches.is_sorted_by(|a, b| a.score >= b.score), "{:?}", found.matches);
}

async fn only_what_is_asked_for_comes(store: Checked) {
    let asked = spec("included", Metric::DotProduct, 2);
    store.create_index(&asked).await.unwrap();
    let kept = record("a", &[1.0, 2.0], &json!({"x": "y"}));
    store.upsert(&asked.name, &default(), vec![kept.clone()]).await.unwrap();
    for (values, with_metadata) in [(false, false), (true, false), (false, true), (true, true)] {
        let include = Include { values, metadata: with_metadata };
        let asked_query = Query { include, ..query(&[1.0, 0.0], 1) };
        let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
        assert_eq!(found.matches[0].values, if values { kept.values.clone() } else { Vec::new() });
        assert_eq!(found.matches[0].metadata.len(), usize::from(with_metadata));
    }
}

async fn a_write_is_seen_at_once(store: Checked) {
    let asked = spec("at-once", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    for i in 0..20 {
        let id = format!("{i}");
        let angle = i as f32 / 10.0;
        let at = [angle.cos(), angle.sin()];
        store.upsert(&asked.name, &default(), vec![record(&id, &at, &json!({}))]).await.unwrap();
        let found = store.query(&asked.name, &default(), &query(&at, 1)).await.unwrap();
        assert_eq!(ids(&found), [id.as_str()]);
        if i % 3 == 0 {
            store.delete(&asked.name, &default(), &super::some(&[&id])).await.unwrap();
            let found = store.query(&asked.name, &default(), &query(&at, 20)).await.unwrap();
            assert!(!ids(&found).contains(&id.as_str()));
        }
    }
}

async fn exact_queries_are_exact(store: Checked) {
    let asked = spec("exactly", Metric::Euclidean, 16);
    let oracle = pair(&store, &asked).await;
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), varied(1_500, 16)).await.unwrap();
    }
    for probe in varied(5, 16) {
        let asked_query = Query { precision: Precision::Exact, ..query(&probe.values, 100) };
        let found = store.query(&asked.name, &default(), &asked_query).await.unwrap();
        assert_same(&found, &oracle.query(&asked.name, &default(), &asked_query).await.unwrap());
    }
}
