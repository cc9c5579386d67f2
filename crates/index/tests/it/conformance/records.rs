//! Records are written, read and deleted.

use index::{Checked, Include, Metric, Namespace, PageRequest, Selection, Update};
use serde_json::json;

use super::{
    Case, all_ids, always, default, filter, first_page, metadata, pair, query, record, some, spec,
    texts, varied,
};

pub(super) const CASES: &[Case] = &[
    Case::new("a_record_comes_back", always, |s| Box::pin(a_record_comes_back(s))),
    // Chroma's server itself reads `9007199254740991.0` as the number before it.
    Case::new(
        "long_numbers_come_back",
        |can| can.name != "chroma",
        |s| Box::pin(long_numbers_come_back(s)),
    ),
    Case::new("an_upsert_replaces", always, |s| Box::pin(an_upsert_replaces(s))),
    Case::new("an_update_changes_what_it_names", always, |s| {
        Box::pin(an_update_changes_what_it_names(s))
    }),
    Case::new("a_fetch_keeps_the_order", always, |s| Box::pin(a_fetch_keeps_the_order(s))),
    Case::new("ids_are_listed_by_pages", always, |s| Box::pin(ids_are_listed_by_pages(s))),
    Case::new("deletion_by_id_filter_and_all", always, |s| {
        Box::pin(deletion_by_id_filter_and_all(s))
    }),
    Case::new("namespaces_are_apart", always, |s| Box::pin(namespaces_are_apart(s))),
    Case::new("an_unknown_namespace_is_empty", always, |s| {
        Box::pin(an_unknown_namespace_is_empty(s))
    }),
    Case::new("large_batches_are_whole", always, |s| Box::pin(large_batches_are_whole(s))),
    Case::new("strange_names_are_names", always, |s| Box::pin(strange_names_are_names(s))),
    Case::new("writes_have_ascending_numbers", always, |s| {
        Box::pin(writes_have_ascending_numbers(s))
    }),
];

/// Stores that scale vectors to length 1 give them back within a rounding error.
#[track_caller]
fn assert_record(found: &index::Record, expected: &index::Record) {
    assert_eq!((&found.id, &found.metadata), (&expected.id, &expected.metadata));
    assert_eq!(found.values.len(), expected.values.len());
    for (a, b) in found.values.iter().zip(&expected.values) {
        assert!(
            (a - b).abs() <= 1e-6 * b.abs().max(1.0),
            "{:?} {:?}",
            found.values,
            expected.values
        );
    }
}

async fn a_record_comes_back(store: Checked) {
    let asked = spec("comes-back", Metric::Cosine, 3);
    store.create_index(&asked).await.unwrap();
    let fields = json!({
        "text": "a \"quoted\" text with ümlauts \n and 日本語", "empty": "", "whole": 7,
        "tiny": 1e-12, "negative": -2.5, "yes": true, "no": false, "list": ["x", "y"], "one": ["z"], "none": [],
    });
    let expected = record("a", &[0.25, -3.0, 1e-3], &fields);
    let bare = record("b", &[1.0, 2.0, 3.0], &json!({}));
    let written =
        store.upsert(&asked.name, &default(), vec![expected.clone(), bare.clone()]).await.unwrap();
    assert_eq!(written.num_records, 2);
    let found = store.fetch(&asked.name, &default(), &texts(&["a", "b"])).await.unwrap();
    assert_record(&found[0], &expected);
    assert_record(&found[1], &bare);

    let include = Include { values: true, metadata: true };
    let asked_all = index::Query { include, ..query(&[0.25, -3.0, 1e-3], 1) };
    let result = store.query(&asked.name, &default(), &asked_all).await.unwrap();
    let best = &result.matches[0];
    assert_eq!(best.metadata, expected.metadata);
    assert_eq!(best.values.len(), 3);
}

async fn long_numbers_come_back(store: Checked) {
    let asked = spec("long-numbers", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let numbers = [
        9_007_199_254_740_991.0,
        0.1 + 0.2,
        1.0 / 3.0,
        5e-324,
        f64::MAX,
        -1.234_567_890_123_456_7e-300,
    ];
    let fields = numbers
        .iter()
        .enumerate()
        .map(|(at, number)| (format!("n{at}"), index::Value::from(*number)));
    let one = index::Record { metadata: fields.collect(), ..record("a", &[1.0, 0.0], &json!({})) };
    store.upsert(&asked.name, &default(), vec![one.clone()]).await.unwrap();
    let found = store.fetch(&asked.name, &default(), &texts(&["a"])).await.unwrap();
    assert_eq!(found[0].metadata, one.metadata);
}

async fn an_upsert_replaces(store: Checked) {
    let asked = spec("replaces", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let first = record("a", &[1.0, 0.0], &json!({"old": "x", "both": 1}));
    store.upsert(&asked.name, &default(), vec![first]).await.unwrap();
    let second = record("a", &[0.0, 1.0], &json!({"new": ["y"], "both": "now text"}));
    store
        .upsert(&asked.name, &default(), vec![second.clone(), record("b", &[1.0, 1.0], &json!({}))])
        .await
        .unwrap();
    let found = store.fetch(&asked.name, &default(), &texts(&["a"])).await.unwrap();
    assert_record(&found[0], &second);
    assert_eq!(all_ids(&store, &asked.name, &default()).await, ["a", "b"]);
    for (condition, expected) in
        [(json!({"old": {"$exists": true}}), 0), (json!({"both": 1}), 0), (json!({"new": "y"}), 1)]
    {
        let found = store.find(&asked.name, &default(), &filter(&condition), 10).await.unwrap();
        assert_eq!(found.len(), expected, "{condition}");
    }
}

async fn an_update_changes_what_it_names(store: Checked) {
    let asked = spec("updated", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    store
        .upsert(
            &asked.name,
            &default(),
            vec![record("a", &[1.0, 0.0], &json!({"x": 1, "y": "old"}))],
        )
        .await
        .unwrap();
    let set_metadata = metadata(&json!({"y": "new", "z": ["t"]}));
    let update = Update { id: "a".to_owned(), set_metadata, ..Update::default() };
    let written = store.update(&asked.name, &default(), update).await.unwrap();
    assert_eq!(written.num_records, 1);
    let update = Update { id: "a".to_owned(), values: Some(vec![0.0, 2.0]), ..Update::default() };
    store.update(&asked.name, &default(), update).await.unwrap();
    let found = store.fetch(&asked.name, &default(), &texts(&["a"])).await.unwrap();
    assert_record(&found[0], &record("a", &[0.0, 2.0], &json!({"x": 1, "y": "new", "z": ["t"]})));
    let found = store
        .find(&asked.name, &default(), &filter(&json!({"z": {"$exists": true}, "y": "new"})), 9)
        .await
        .unwrap();
    assert_eq!(found, ["a"]);

    let missing = Update { id: "b".to_owned(), values: Some(vec![0.0, 2.0]), ..Update::default() };
    for namespace in [default(), Namespace::new("nowhere")] {
        let written = store.update(&asked.name, &namespace, missing.clone()).await.unwrap();
        assert_eq!(written.num_records, 0);
    }
    assert_eq!(all_ids(&store, &asked.name, &default()).await, ["a"]);
}

async fn a_fetch_keeps_the_order(store: Checked) {
    let asked = spec("fetched", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    store.upsert(&asked.name, &default(), varied(20, 4)).await.unwrap();
    let wanted = texts(&["r0013", "nothing", "r0002", "r0019"]);
    let found = store.fetch(&asked.name, &default(), &wanted).await.unwrap();
    let found: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(found, ["r0013", "r0002", "r0019"]);
}

async fn ids_are_listed_by_pages(store: Checked) {
    let asked = spec("listed", Metric::Cosine, 2);
    let oracle = pair(&store, &asked).await;
    // The order is of bytes: capitals before small letters, and all of ASCII before the rest.
    let strange = ["Z", "a", "é", "zz", "a b", "a%b", "a_b", "日"];
    let numbered: Vec<String> = (0..30).map(|i| format!("n#{i:02}")).collect();
    let all = strange.iter().map(|id| (*id).to_owned()).chain(numbered);
    let records: Vec<_> = all.map(|id| record(&id, &[1.0, 0.5], &json!({}))).collect();
    for store in [&store, &oracle] {
        store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
    }
    for (prefix, limit) in [("", 7), ("n#", 30), ("n#1", 4), ("a", 100), ("a%", 1), ("none", 5)] {
        let mut page = PageRequest { prefix: prefix.to_owned(), limit, after: None };
        loop {
            let found = store.list(&asked.name, &default(), &page).await.unwrap();
            let expected = oracle.list(&asked.name, &default(), &page).await.unwrap();
            assert_eq!(found, expected, "{page:?}");
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
    }
}

async fn deletion_by_id_filter_and_all(store: Checked) {
    let asked = spec("deleted", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    store.upsert(&asked.name, &default(), varied(30, 4)).await.unwrap();
    store.delete(&asked.name, &default(), &some(&["r0001", "nothing", "r0002"])).await.unwrap();
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 28);
    let english = Selection::Filter(filter(&json!({"lang": "en"})));
    store.delete(&asked.name, &default(), &english).await.unwrap();
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 18);
    let nothing = Selection::Filter(filter(&json!({"lang": "it"})));
    store.delete(&asked.name, &default(), &nothing).await.unwrap();
    assert_eq!(store.stats(&asked.name, None).await.unwrap().num_records(), 18);
    store.delete(&asked.name, &default(), &Selection::All).await.unwrap();
    assert!(all_ids(&store, &asked.name, &default()).await.is_empty());
    assert!(store.stats(&asked.name, None).await.unwrap().namespaces.is_empty());
    // And the namespace can be filled again.
    store.upsert(&asked.name, &default(), varied(3, 4)).await.unwrap();
    assert_eq!(store.describe_index(&asked.name).await.unwrap().num_records, 3);
}

async fn namespaces_are_apart(store: Checked) {
    let asked = spec("apart", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let (a, b) = (Namespace::new("a"), Namespace::new("b / ü?&"));
    for (namespace, value, mark) in [(&default(), 1.0, "none"), (&a, 2.0, "a"), (&b, 3.0, "b")] {
        let records = vec![
            record("same", &[value, 1.0], &json!({"mark": mark})),
            record(mark, &[1.0, 1.0], &json!({})),
        ];
        store.upsert(&asked.name, namespace, records).await.unwrap();
    }
    let found = store.fetch(&asked.name, &a, &texts(&["same", "b", "none"])).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].metadata, metadata(&json!({"mark": "a"})));
    assert_eq!(all_ids(&store, &asked.name, &b).await, ["b", "same"]);
    let result = store.query(&asked.name, &b, &query(&[1.0, 1.0], 10)).await.unwrap();
    assert_eq!(super::ids(&result), ["b", "same"]);

    // The default namespace has two names.
    assert_eq!(
        all_ids(&store, &asked.name, &Namespace::new("__default__")).await,
        ["none", "same"]
    );
    let counts = |stats: index::Stats| {
        let each = stats.namespaces.into_iter();
        each.map(|one| (one.namespace.as_str().to_owned(), one.num_records)).collect::<Vec<_>>()
    };
    let stats = store.stats(&asked.name, None).await.unwrap();
    assert_eq!(counts(stats), [(String::new(), 2), ("a".to_owned(), 2), ("b / ü?&".to_owned(), 2)]);
    store.delete(&asked.name, &a, &Selection::All).await.unwrap();
    let stats = store.stats(&asked.name, None).await.unwrap();
    assert_eq!(counts(stats), [(String::new(), 2), ("b / ü?&".to_owned(), 2)]);
}

async fn an_unknown_namespace_is_empty(store: Checked) {
    let asked = spec("unknown-namespace", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let nowhere = Namespace::new("nowhere");
    assert!(
        store
            .query(&asked.name, &nowhere, &query(&[1.0, 0.0], 3))
            .await
            .unwrap()
            .matches
            .is_empty()
    );
    assert!(store.fetch(&asked.name, &nowhere, &texts(&["a"])).await.unwrap().is_empty());
    assert!(store.list(&asked.name, &nowhere, &first_page(5)).await.unwrap().ids.is_empty());
    assert!(store.find(&asked.name, &nowhere, &filter(&json!({})), 5).await.unwrap().is_empty());
    store.delete(&asked.name, &nowhere, &some(&["a"])).await.unwrap();
    store.delete(&asked.name, &nowhere, &Selection::All).await.unwrap();
    assert!(store.stats(&asked.name, None).await.unwrap().namespaces.is_empty());
}

/// More than any store takes at once.
async fn large_batches_are_whole(store: Checked) {
    let asked = spec("large-batch", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    let records = varied(5_600, 4);
    let written = store.upsert(&asked.name, &default(), records.clone()).await.unwrap();
    assert_eq!(written.num_records, 5_600);
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 5_600);
    let english = filter(&json!({"lang": "en"}));
    let stats = store.stats(&asked.name, Some(&english)).await.unwrap();
    assert_eq!(stats.num_records(), 1_867);
    let found = store.find(&asked.name, &default(), &english, 1_500).await.unwrap();
    assert_eq!(found.len(), 1_500);
    let wanted: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
    let found = store.fetch(&asked.name, &default(), &wanted).await.unwrap();
    assert_eq!(found.len(), 5_600);
    store.delete(&asked.name, &default(), &Selection::Ids(wanted[..5_590].to_vec())).await.unwrap();
    assert_eq!(all_ids(&store, &asked.name, &default()).await.len(), 10);
}

async fn strange_names_are_names(store: Checked) {
    let asked = spec("strange", Metric::Cosine, 2);
    let oracle = pair(&store, &asked).await;
    let fields = ["a.b", "a", "a b", "a[0]", "it's", "a\"b", "ü", "x-y", "A"];
    let ids =
        ["'; DROP TABLE x; --", "a/b?c=d&e#f", "100%", "\"", "ü\n", &"x".repeat(512), "{}", "\\"];
    for store in [&store, &oracle] {
        let records = ids.iter().zip(fields.iter().cycle());
        let records = records.map(|(id, field)| record(id, &[1.0, 0.5], &json!({ *field: *id })));
        store.upsert(&asked.name, &default(), records.collect()).await.unwrap();
    }
    assert_eq!(
        all_ids(&store, &asked.name, &default()).await,
        all_ids(&oracle, &asked.name, &default()).await
    );
    for (id, field) in ids.iter().zip(fields) {
        let condition = filter(&json!({ field: *id }));
        let found = store.find(&asked.name, &default(), &condition, 9).await.unwrap();
        assert_eq!(found, [*id], "{field}");
        assert_eq!(store.fetch(&asked.name, &default(), &texts(&[id])).await.unwrap().len(), 1);
        store.delete(&asked.name, &default(), &some(&[id])).await.unwrap();
    }
    assert!(all_ids(&store, &asked.name, &default()).await.is_empty());
}

async fn writes_have_ascending_numbers(store: Checked) {
    let asked = spec("numbers", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    let mut last = 0;
    for i in 0..5 {
        let written = store
            .upsert(&asked.name, &default(), vec![record(&format!("{i}"), &[1.0, 0.0], &json!({}))])
            .await
            .unwrap();
        // Stores without numbers have 0 always.
        assert!(written.lsn > last || (written.lsn == 0 && last == 0));
        last = written.lsn;
        let seen = store.query(&asked.name, &default(), &query(&[1.0, 0.0], 1)).await.unwrap().lsn;
        assert!(seen >= last, "{seen} {last}");
    }
}
