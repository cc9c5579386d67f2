//! The grammar of filters, over the wire.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Pinecone, ids};

async fn filtered() -> Pinecone {
    let client = Pinecone::with_docs("cosine").await;
    let vectors = json!([
        { "id": "a", "values": [1, 0, 0], "metadata": { "genre": "comedy", "year": 2019, "hit": true } },
        { "id": "b", "values": [1, 0, 0], "metadata": { "genre": ["drama", "comedy"], "year": 2020 } },
        { "id": "c", "values": [1, 0, 0], "metadata": { "genre": "drama", "year": 2021.5, "hit": false } },
        { "id": "d", "values": [1, 0, 0] },
    ]);
    client.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operator_chooses_the_records_that_it_should() {
    let client = filtered().await;
    for (filter, expected) in [
        (json!({}), "a b c d"),
        (json!({ "genre": "comedy" }), "a b"),
        (json!({ "genre": { "$eq": "drama" } }), "b c"),
        (json!({ "genre": { "$ne": "drama" } }), "a d"),
        (json!({ "genre": { "$in": ["drama", "news"] } }), "b c"),
        (json!({ "genre": { "$nin": ["drama"] } }), "a d"),
        (json!({ "year": 2020 }), "b"),
        (json!({ "year": { "$gt": 2019 } }), "b c"),
        (json!({ "year": { "$gte": 2019, "$lt": 2021 } }), "a b"),
        (json!({ "year": { "$lte": 2019 } }), "a"),
        (json!({ "hit": true }), "a"),
        (json!({ "hit": { "$exists": true } }), "a c"),
        (json!({ "hit": { "$exists": false } }), "b d"),
        (json!({ "genre": "comedy", "hit": true }), "a"),
        (json!({ "$and": [{ "genre": "drama" }, { "year": { "$gt": 2020 } }] }), "c"),
        (json!({ "$or": [{ "hit": true }, { "year": { "$gt": 2021 } }] }), "a c"),
        (json!({ "$not": { "genre": "comedy" } }), "c d"),
        (json!({ "genre": { "$not": { "$eq": "comedy" } } }), "c d"),
        (
            json!({ "$or": [{ "$and": [{ "hit": false }, { "genre": "drama" }] }, { "year": 2019 }] }),
            "a c",
        ),
    ] {
        let body = json!({ "vector": [1, 0, 0], "topK": 10, "filter": filter });
        let mut found = ids(&client.ok("/query", body).await["matches"]);
        found.sort();
        assert_eq!(found.join(" "), expected, "{filter}");
        let stats = client.ok("/describe_index_stats", json!({ "filter": filter })).await;
        assert_eq!(stats["totalVectorCount"], found.len(), "{filter}");
    }
}

async fn check(client: &Pinecone, filter: Value, expected: Expect) {
    let body = json!({ "vector": [1, 0, 0], "topK": 10, "filter": filter });
    let query = client.post("/query", body).await;
    expected.assert_eq(&query.line());
    for (path, body) in [
        ("/vectors/delete", json!({ "filter": filter })),
        ("/vectors/update", json!({ "filter": filter, "setMetadata": { "a": 1 } })),
        ("/vectors/fetch_by_metadata", json!({ "filter": filter })),
        ("/describe_index_stats", json!({ "filter": filter })),
    ] {
        assert_eq!(client.post(path, body).await.line(), query.line(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_filter_is_refused_on_every_route() {
    let client = filtered().await;
    check(&client, json!({ "year": { "$near": 2020 } }), expect![[r#"400 {"code":3,"message":"unknown filter operator `$near`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters","details":[]}"#]]).await;
    check(&client, json!({ "$xor": [{ "a": 1 }] }), expect![[r#"400 {"code":3,"message":"unknown filter operator `$xor`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters","details":[]}"#]]).await;
    check(&client, json!({ "year": { "$gt": "2020" } }), expect![[r#"400 {"code":3,"message":"`$gt` on field `year` takes a number, not a string","details":[]}"#]]).await;
    check(&client, json!({ "genre": { "$in": "drama" } }), expect![[r#"400 {"code":3,"message":"`$in` on field `genre` takes a list of strings, numbers and booleans, not a string","details":[]}"#]]).await;
    check(&client, json!({ "$and": [] }), expect![[r#"400 {"code":3,"message":"`$and` takes a list of filters with at least one, not an empty list","details":[]}"#]]).await;
    check(&client, json!({ "genre": null }), expect![[r#"400 {"code":3,"message":"`$eq` on field `genre` takes a string, a number or a boolean, not null","details":[]}"#]]).await;
    check(&client, json!([]), expect![[r#"400 {"code":3,"message":"a filter must be an object of conditions, not a list","details":[]}"#]]).await;
    check(&client, json!("genre"), expect![[r#"400 {"code":3,"message":"a filter must be an object of conditions, not a string","details":[]}"#]]).await;
    assert_eq!(client.ids("").await, ["a", "b", "c", "d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_nested_too_deep_is_refused_at_any_depth() {
    let client = filtered().await;
    let nested = |depth: usize| {
        let filter =
            format!("{}{}{}", r#"{"$and":["#.repeat(depth), r#"{"a":1}"#, "]}".repeat(depth));
        format!(r#"{{"vector":[1,0,0],"topK":1,"filter":{filter}}}"#)
    };
    let reply = client.post_text("/query", &nested(40)).await;
    expect![[r#"400 {"code":3,"message":"the filter is nested more than 32 deep","details":[]}"#]]
        .assert_eq(&reply.line());
    let reply = client.post_text("/query", &nested(1_000)).await;
    expect![[r#"400 {"code":3,"message":"`filter`: nested more than 127 deep","details":[]}"#]]
        .assert_eq(&reply.line());
    let reply = client.post_text("/query", &nested(100_000)).await;
    expect![[r#"400 {"code":3,"message":"`filter`: nested more than 127 deep","details":[]}"#]]
        .assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_filter_chooses_nothing_to_delete_or_change() {
    let client = filtered().await;
    let reply = client.post("/vectors/delete", json!({ "filter": {} })).await;
    expect![[r#"400 {"code":3,"message":"`filter`: an empty filter chooses every record; to delete all, send `deleteAll`","details":[]}"#]].assert_eq(&reply.line());
    let body = json!({ "filter": {}, "setMetadata": { "a": 1 } });
    let reply = client.post("/vectors/update", body).await;
    expect![[r#"400 {"code":3,"message":"`filter`: an empty filter chooses every record; say which are to be changed","details":[]}"#]].assert_eq(&reply.line());
    let reply = client.post("/vectors/fetch_by_metadata", json!({ "filter": {} })).await;
    expect![[r#"400 {"code":3,"message":"`filter`: an empty filter chooses every record; say which are wanted, or list all ids with GET vectors/list","details":[]}"#]].assert_eq(&reply.line());
    assert_eq!(client.ids("").await, ["a", "b", "c", "d"]);
}
