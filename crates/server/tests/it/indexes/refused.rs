//! Requests that would do, or answer, something else than their senders mean.

use axum::body::Body;
use expect_test::expect;
use hyper::Method;
use serde_json::{Value, json};

use super::{check_message, fill, post, send, start};
use crate::harness::{Reply, TestServer, request};

async fn get(server: &TestServer, path: &str) -> (u16, Value) {
    let reply = server.get(path).await;
    (reply.status.as_u16(), reply.json())
}

async fn post_text(server: &TestServer, path: &str, body: impl Into<Body>) -> Reply {
    let mut request = request(Method::POST, path, body);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    server.send(request).await
}

/// An index of two dimensions, with vectors as they are sent.
async fn with_points() -> TestServer {
    let server = start().await;
    let create = json!({"name": "points", "dimensions": 2, "metric": "dotproduct"});
    post(&server, "/v1/indexes", create).await;
    let records = json!([{"id": "a", "values": [1.0, 0.0]}, {"id": "b", "values": [0.0, 1.0]}]);
    post(&server, "/v1/indexes/points/records", json!({"records": records})).await;
    server
}

#[tokio::test]
async fn an_empty_filter_deletes_nothing() {
    let server = with_points().await;
    let path = "/v1/indexes/points/delete";
    check_message(
        send(&server, Method::POST, path, json!({"filter": {}})).await,
        400,
        expect![[
            r#"`filter`: an empty filter chooses every record; to delete all, send "all": true"#
        ]],
    );
    assert_eq!(server.get("/v1/indexes/points").await.json()["num_records"], 2);
    assert_eq!(post(&server, path, json!({"all": true})).await["num_records"], 2);
}

#[tokio::test]
async fn a_fetch_takes_a_thousand_ids_and_answers_each_once() {
    let server = with_points().await;
    let path = "/v1/indexes/points/fetch";
    let fetched = post(&server, path, json!({"ids": ["b", "a", "b", "c", "a"]})).await;
    let records = fetched["records"].as_array().unwrap();
    let ids: Vec<&Value> = records.iter().map(|record| &record["id"]).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(
        post(&server, path, json!({"ids": vec!["a"; 1_000]})).await["records"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    check_message(
        send(&server, Method::POST, path, json!({"ids": vec!["a"; 1_001]})).await,
        400,
        expect!["`ids`: a fetch takes 1 to 1000 ids, not 1001; fetch in several requests"],
    );
    check_message(
        send(&server, Method::POST, path, json!({"ids": []})).await,
        400,
        expect!["`ids`: a fetch takes 1 to 1000 ids, not 0"],
    );
}

#[tokio::test]
async fn a_text_does_not_change_without_what_was_made_of_it() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    fill(&server, "faq").await;
    let change = |body: Value| send(&server, Method::PATCH, "/v1/indexes/faq/records", body);
    check_message(
        change(json!({"id": "card", "set_metadata": {"text": "giraffe"}})).await,
        400,
        expect![
            "`set_metadata`: record `card` is found by the text in its field `text`, which an update does not embed anew; upsert the record with its new `text` instead"
        ],
    );
    assert_eq!(change(json!({"id": "card", "set_metadata": {"lang": "de"}})).await.0, 200);
    let whole = json!({"id": "card", "values": vec![0.5; 32], "set_metadata": {"text": "giraffe"}});
    assert_eq!(change(whole).await.0, 200);

    // Words are what remains of a text where no model is bound.
    let hybrid = json!({"name": "words", "dimensions": 2, "hybrid": true, "text_field": "body"});
    post(&server, "/v1/indexes", hybrid).await;
    let change = |body: Value| send(&server, Method::PATCH, "/v1/indexes/words/records", body);
    let body = json!({"body": "giraffe"});
    let alone = json!({"id": "a", "values": [1.0, 0.0], "set_metadata": body});
    assert_eq!(change(alone).await.0, 400);
    let words = json!({"indices": [7], "values": [1.0]});
    assert_eq!(change(json!({"id": "a", "sparse": words, "set_metadata": body})).await.0, 200);
    assert_eq!(change(json!({"id": "a", "set_metadata": {"text": "giraffe"}})).await.0, 200);
}

#[tokio::test]
async fn a_text_field_of_bare_vectors_changes_like_any_other() {
    let server = with_points().await;
    let body = json!({"id": "a", "set_metadata": {"text": "giraffe"}});
    assert_eq!(send(&server, Method::PATCH, "/v1/indexes/points/records", body).await.0, 200);
}

#[tokio::test]
async fn a_count_that_is_none_names_its_field_in_plain_words() {
    let server = with_points().await;
    let search = "/v1/indexes/points/search";
    for (top_k, expected) in [
        (
            json!(-1),
            expect![
                "`top_k`: invalid value: integer `-1`, expected a whole number from 0 at line 1 column 11"
            ],
        ),
        (
            json!(1.5),
            expect![
                "`top_k`: invalid type: floating point `1.5`, expected a whole number from 0 at line 1 column 12"
            ],
        ),
        (
            json!("5"),
            expect![
                "`top_k`: invalid type: string, expected a whole number from 0 at line 1 column 12"
            ],
        ),
    ] {
        check_message(
            send(&server, Method::POST, search, json!({"top_k": top_k})).await,
            400,
            expected,
        );
    }
    let records = "/v1/indexes/points/records";
    check_message(
        get(&server, &format!("{records}?limit=0")).await,
        400,
        expect!["`limit`: a page has 1 to 100000 ids, not 0"],
    );
    check_message(
        get(&server, &format!("{records}?limit=100001")).await,
        400,
        expect!["`limit`: a page has 1 to 100000 ids, not 100001"],
    );
    check_message(
        get(&server, &format!("{records}?limit=-1")).await,
        400,
        expect!["`limit`: must be a whole number, not `-1`"],
    );
    check_message(
        get(&server, &format!("{records}?limt=1")).await,
        400,
        expect!["`limt`: there is no such parameter; there are namespace, prefix, limit, after"],
    );
    check_message(
        get(&server, "/v1/indexes/points/recall?top_k=1&top_k=2").await,
        400,
        expect!["`top_k`: it comes twice; send it once"],
    );
}

#[tokio::test]
async fn what_is_no_object_and_no_known_word_is_named_without_types_of_rust() {
    let server = with_points().await;
    let upsert = |record: Value| {
        send(&server, Method::POST, "/v1/indexes/points/records", json!({"records": [record]}))
    };
    check_message(
        upsert(json!(["a", [1.0, 0.0]])).await,
        400,
        expect!["`records[0]`: invalid type: sequence, expected an object at line 1 column 12"],
    );
    check_message(
        upsert(json!({"id": "a", "sparse": [[7], [1.0]]})).await,
        400,
        expect![
            "`records[0].sparse`: invalid type: sequence, expected an object at line 1 column 31"
        ],
    );
    check_message(
        upsert(json!({"id": "a", "values": ["1"]})).await,
        400,
        expect![[
            r#"`records[0].values[0]`: invalid type: string, expected a number at line 1 column 35"#
        ]],
    );
    check_message(
        upsert(json!({"id": "a", "values": {}})).await,
        400,
        expect!["`records[0].values`: invalid type: map, expected a sequence at line 1 column 31"],
    );
    check_message(
        upsert(json!({"id": "a", "metadata": 5})).await,
        400,
        expect![
            "`records[0].metadata`: invalid type: integer `5`, expected an object at line 1 column 34"
        ],
    );
    let create = |field: &str, value: Value| {
        let body = json!({"name": "new", "dimensions": 2, field: value});
        send(&server, Method::POST, "/v1/indexes", body)
    };
    check_message(
        create("metric", json!(5)).await,
        400,
        expect!["`metric`: invalid type: integer `5`, expected a string at line 1 column 26"],
    );
    check_message(
        create("metric", json!("cos")).await,
        400,
        expect![
            "`metric`: unknown variant `cos`, expected one of `cosine`, `dotproduct`, `euclidean` at line 1 column 30"
        ],
    );
    check_message(
        create("kind", json!({"dense": 1})).await,
        400,
        expect!["`kind`: invalid type: map, expected a string at line 1 column 23"],
    );
    check_message(
        create("fingerprint", json!("m")).await,
        400,
        expect![[r#"`fingerprint`: invalid type: string, expected an object at line 1 column 33"#]],
    );
    check_message(
        create("tags", json!({"a": 1})).await,
        400,
        expect!["`tags.a`: invalid type: integer `1`, expected a string at line 1 column 42"],
    );
}

#[tokio::test]
async fn a_key_that_comes_twice_is_refused() {
    let server = with_points().await;
    let refused = |path: &'static str, body: &'static str| {
        let server = &server;
        async move {
            let reply = post_text(server, &format!("/v1/indexes/points/{path}"), body).await;
            (reply.status.as_u16(), reply.json())
        }
    };
    check_message(
        refused("delete", r#"{"filter":{"a":1,"a":2}}"#).await,
        400,
        expect!["`filter`: key `a` comes twice in one object at line 1 column 20"],
    );
    check_message(
        refused("search", r#"{"vector":[1,0],"filter":{"a":{"$gt":1,"$gt":2}}}"#).await,
        400,
        expect!["`filter.a`: key `$gt` comes twice in one object at line 1 column 44"],
    );
    check_message(
        refused("records", r#"{"records":[{"id":"a","values":[1,0],"metadata":{"a":1,"a":2}}]}"#)
            .await,
        400,
        expect!["`records[0].metadata`: key `a` comes twice in one object at line 1 column 58"],
    );
}

#[tokio::test]
async fn names_that_are_not_utf8_are_refused() {
    let server = with_points().await;
    check_message(
        get(&server, "/v1/indexes/%FF").await,
        400,
        expect![
            "the path is not valid UTF-8 once its percent-encoding is decoded; send the name of the index as UTF-8"
        ],
    );
    check_message(
        get(&server, "/v1/indexes/points/records?prefix=%FF").await,
        400,
        expect![
            "`prefix` in the query string is not valid UTF-8 once its percent-encoding is decoded; send it as UTF-8"
        ],
    );
}

#[tokio::test]
async fn an_error_repeats_no_more_than_a_little_of_the_request() {
    let server = with_points().await;
    let long = "x".repeat(1_000_000);
    for (path, body) in [
        ("search", format!(r#"{{"{long}":1}}"#)),
        ("search", format!(r#"{{"vector":[1,0],"filter":{{"a":{{"${long}":1}}}}}}"#)),
        ("search", format!(r#"{{"vector":[1,0],"top_k":"{long}"}}"#)),
        ("search", format!(r#"{{"text":"a","model":"{long}"}}"#)),
        ("fetch", format!(r#"{{"ids":["{long}"]}}"#)),
        ("records", format!(r#"{{"records":[{{"id":"{long}","metadata":{{"a":null}}}}]}}"#)),
        ("records", format!(r#"{{"records":[{{"id":"a","metadata":{{"{long}":null}}}}]}}"#)),
        ("records", format!(r#"{{"records":[{{"id":"a","{}":0}}]}}"#, "\\\"`".repeat(300_000))),
        ("search", format!(r#"{{"vector":[1,0],"filter":{{"{long}":1,"{long}":2}}}}"#)),
    ] {
        let reply = post_text(&server, &format!("/v1/indexes/points/{path}"), body).await;
        assert!(reply.status.is_client_error(), "{}", reply.text());
        assert!(reply.body.len() < 8_000, "{} bytes: {}", reply.body.len(), reply.text());
    }
    let named = post_text(&server, "/v1/indexes/points/search", format!(r#"{{"{long}":1}}"#)).await;
    let error = &named.json()["error"];
    let xs = "x".repeat(100);
    let expected = format!("`{xs}…`: unknown field `{xs}…`, expected one of `namespace`, ");
    assert!(error["message"].as_str().unwrap().starts_with(&expected), "{error}");
    assert_eq!(error["field"], format!("{xs}…"));
}
