//! Our own routes of indexes: text in, hits out.

mod refused;

use axum::body::Body;
use expect_test::{Expect, expect};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{TestServer, config, in_memory, request};

async fn start() -> TestServer {
    TestServer::keeping(config(), &["tiny-bert", "tiny-bert-compact"], in_memory()).await
}

async fn send(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, Value) {
    let mut request = request(method, path, Body::from(body.to_string()));
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let reply = server.send(request).await;
    (reply.status.as_u16(), reply.json())
}

async fn post(server: &TestServer, path: &str, body: Value) -> Value {
    let (status, answer) = send(server, Method::POST, path, body).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

#[track_caller]
fn check_message((status, answer): (u16, Value), expected_status: u16, expected: Expect) {
    assert_eq!(status, expected_status, "{answer}");
    expected.assert_eq(answer["error"]["message"].as_str().unwrap());
}

const FAQ: [(&str, &str, &str); 4] = [
    ("card", "How do I get a replacement card?", "en"),
    ("part-b", "How do I sign up for part B?", "en"),
    ("doctor", "Where can I find a doctor near me?", "en"),
    ("carte", "Comment obtenir une nouvelle carte ?", "fr"),
];

async fn fill(server: &TestServer, name: &str) {
    let record = |(id, text, lang): &(&str, &str, &str)| json!({"id": id, "text": text, "metadata": {"lang": lang}});
    let records: Vec<Value> = FAQ.iter().map(record).collect();
    let path = format!("/v1/indexes/{name}/records");
    let written = post(server, &path, json!({"records": records})).await;
    assert_eq!(written["num_records"], 4);
}

fn ids(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_text_finds_the_texts_that_are_nearest_to_it() {
    let server = start().await;
    let created = post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    assert_eq!((&created["dimensions"], &created["num_records"]), (&json!(32), &json!(0)));
    fill(&server, "faq").await;
    let ask = json!({"text": FAQ[1].1, "top_k": 2, "explain": true});
    let answer = post(&server, "/v1/indexes/faq/search", ask).await;
    assert_eq!(ids(&answer)[0], "part-b");
    assert_eq!(answer["hits"].as_array().unwrap().len(), 2);
    assert!((answer["hits"][0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-5, "{answer}");
    assert_eq!(answer["hits"][0]["metadata"], json!({"lang": "en", "text": FAQ[1].1}));
    let stage = &answer["explain"][0];
    assert_eq!((&stage["num_candidates"], &stage["exact"]), (&json!(4), &json!(true)), "{answer}");
    assert!(stage["took_ms"].is_number());

    let filtered = json!({"text": FAQ[1].1, "filter": {"lang": "fr"}});
    assert_eq!(ids(&post(&server, "/v1/indexes/faq/search", filtered).await), ["carte"]);
    let shown = server.get("/v1/indexes/faq").await.json();
    assert_eq!(shown["num_records"], 4);
}

#[tokio::test]
async fn a_hybrid_index_says_what_meaning_and_words_gave() {
    let server = start().await;
    let hybrid = json!({"name": "faq", "model": "tiny-bert", "hybrid": true});
    post(&server, "/v1/indexes", hybrid).await;
    fill(&server, "faq").await;
    let ask = json!({"text": "carte", "explain": true});
    let answer = post(&server, "/v1/indexes/faq/search", ask).await;
    let carte = answer["hits"].as_array().unwrap().iter().find(|hit| hit["id"] == "carte").unwrap();
    let stages = carte["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 2, "{answer}");
    assert_eq!((&stages[1]["stage"], &stages[1]["rank"]), (&json!("sparse"), &json!(1)));
    let ranks = stages.iter().map(|stage| 1.0 / (60.0 + stage["rank"].as_f64().unwrap()));
    assert!((carte["score"].as_f64().unwrap() - ranks.sum::<f64>()).abs() < 1e-6, "{answer}");

    let dense = json!({"text": "carte", "explain": true, "hybrid": false});
    let answer = post(&server, "/v1/indexes/faq/search", dense).await;
    assert_eq!(answer["hits"][0]["stages"], Value::Null);
}

#[tokio::test]
async fn a_client_may_send_learned_sparse_vectors_beside_dense_ones() {
    let server = start().await;
    let create = json!({"name": "own", "dimensions": 2, "metric": "dotproduct"});
    post(&server, "/v1/indexes", create).await;
    let records = json!([
        {"id": "a", "values": [1.0, 0.0], "sparse": {"indices": [7], "values": [0.5]}},
        {"id": "b", "values": [0.9, 0.0], "sparse": {"indices": [7, 9], "values": [2.0, 1.0]}}
    ]);
    post(&server, "/v1/indexes/own/records", json!({"records": records})).await;
    let ask = |hybrid: bool| json!({"vector": [1.0, 0.0], "sparse": {"indices": [7], "values": [1.0]}, "hybrid": hybrid});
    let summed = post(&server, "/v1/indexes/own/search", ask(false)).await;
    assert_eq!(ids(&summed), ["b", "a"]);
    assert!((summed["hits"][0]["score"].as_f64().unwrap() - 2.9).abs() < 1e-6, "{summed}");
    let fused = post(&server, "/v1/indexes/own/search", ask(true)).await;
    let expected = 1.0 / 61.0 + 1.0 / 62.0;
    assert!((fused["hits"][0]["score"].as_f64().unwrap() - expected).abs() < 1e-6, "{fused}");
}

#[tokio::test]
async fn a_text_is_refused_where_no_model_or_another_is_bound() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "bare", "dimensions": 32})).await;
    let bare = json!({"records": [{"id": "x", "values": vec![0.5; 32]}]});
    post(&server, "/v1/indexes/bare/records", bare).await;
    let search = "/v1/indexes/bare/search";
    check_message(
        send(&server, Method::POST, search, json!({"text": "card"})).await,
        412,
        expect![[
            r#"index `bare` has no model, since it was filled with vectors from elsewhere; send vectors, or bind the model that they came from: PATCH /v1/indexes/bare with {"model": NAME}, or PATCH /pinecone/indexes/bare with {"embed": {"model": NAME}}"#
        ]],
    );
    let forced = json!({"text": "card", "model": "tiny-bert", "force": true});
    assert_eq!(ids(&post(&server, search, forced).await), ["x"]);
    let (status, bound) =
        send(&server, Method::PATCH, "/v1/indexes/bare", json!({"model": "tiny-bert"})).await;
    assert_eq!(status, 200, "{bound}");
    assert_eq!(ids(&post(&server, search, json!({"text": "card"})).await), ["x"]);
}

async fn create_of_another_model(server: &TestServer) {
    let fingerprint = json!({
        "model": "org/elsewhere", "weight_hash": "ab", "pooling": "cls", "normalized": true,
        "document_prompt": "", "query_prompt": "", "dimensions": 32
    });
    post(server, "/v1/indexes", json!({"name": "faq", "fingerprint": fingerprint})).await;
    let record = json!({"records": [{"id": "x", "values": vec![0.5; 32]}]});
    post(server, "/v1/indexes/faq/records", record).await;
}

#[tokio::test]
async fn another_model_is_refused_with_both_names_unless_it_is_forced() {
    let server = start().await;
    create_of_another_model(&server).await;
    let search = "/v1/indexes/faq/search";
    let other = json!({"text": "card", "model": "tiny-bert"});
    check_message(
        send(&server, Method::POST, search, other).await,
        412,
        expect![[
            r#"index `faq` was built with org/elsewhere, not with fixtures/tiny-bert: the weights differ (ab there, af0f3b4eca85 here); send "force": true if that is meant"#
        ]],
    );
    let forced = json!({"text": "card", "model": "tiny-bert", "force": true});
    assert_eq!(ids(&post(&server, search, forced).await), ["x"]);

    let change = |body: Value| send(&server, Method::PATCH, "/v1/indexes/faq", body);
    assert_eq!(change(json!({"model": "tiny-bert"})).await.0, 412);
    assert_eq!(change(json!({"model": "tiny-bert", "force": true})).await.0, 200);
    assert_eq!(ids(&post(&server, search, json!({"text": "card"})).await), ["x"]);
}

#[tokio::test]
async fn a_text_for_a_model_that_is_not_served_names_both() {
    let server = start().await;
    create_of_another_model(&server).await;
    let asked = send(&server, Method::POST, "/v1/indexes/faq/search", json!({"text": "a"})).await;
    check_message(
        asked,
        412,
        expect![[
            "index `faq` was built with model `org/elsewhere`, and served here are tiny-bert, tiny-bert-compact; serve that model, or send vectors"
        ]],
    );
}

#[tokio::test]
async fn recall_compares_the_live_index_with_exact_search() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    fill(&server, "faq").await;
    let measured = server.get("/v1/indexes/faq/recall?top_k=2&samples=3").await.json();
    assert_eq!(measured["num_queries"], 3, "{measured}");
    assert_eq!((&measured["top_k"], &measured["recall"]), (&json!(2), &json!(1.0)), "{measured}");
    let refused = server.get("/v1/indexes/faq/recall?samples=0").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let refused = server.get("/v1/indexes/faq/recall?top_k=0").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[tokio::test]
async fn bad_searches_name_the_field_and_the_remedy() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    fill(&server, "faq").await;
    let search = |body: Value| send(&server, Method::POST, "/v1/indexes/faq/search", body);
    check_message(
        search(json!({"text": "a", "top_k": 0})).await,
        400,
        expect![["top_k is 1 to 10000, not 0"]],
    );
    check_message(
        search(json!({"text": "a", "top_k": 10_001})).await,
        400,
        expect![["top_k is 1 to 10000, not 10001"]],
    );
    check_message(
        search(json!({})).await,
        400,
        expect![["`text`: say what to look for with text or vector"]],
    );
    check_message(search(json!({"text": ""})).await, 400, expect![["`text`: the input is empty"]]);
    check_message(
        search(json!({"text": "a", "filter": {"a": {"$regex": "x"}}})).await,
        400,
        expect![[
            "`filter`: unknown filter operator `$regex`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters"
        ]],
    );
    check_message(
        search(json!({"text": "a", "hybrid": true})).await,
        400,
        expect![[
            "`hybrid`: index `faq` keeps no words beside its vectors; create it with --hybrid for queries with both"
        ]],
    );
    check_message(
        search(json!({"text": "a", "force": true})).await,
        400,
        expect![["`force`: say with which model: send its name as model"]],
    );
    check_message(
        search(json!({"text": "a", "vector": [1.0]})).await,
        400,
        expect![["`text`: vector is given too; send one of the two"]],
    );
    check_message(
        search(json!({"vector": [1.0, 2.0]})).await,
        400,
        expect![["the query has 2 dimensions, and index `faq` has 32"]],
    );
    check_message(
        search(json!({"text": "a", "topk": 5})).await,
        400,
        expect![
            "`topk`: unknown field `topk`, expected one of `namespace`, `text`, `model`, `force`, `vector`, `sparse`, `top_k`, `filter`, `exact`, `hybrid`, `include_values`, `include_metadata`, `explain` at line 1 column 18"
        ],
    );
    let unknown = send(&server, Method::POST, "/v1/indexes/nowhere/search", json!({"text": "a"}));
    check_message(unknown.await, 404, expect![["there is no index `nowhere`"]]);
}

#[tokio::test]
async fn bad_indexes_name_the_field_and_the_remedy() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    let create = |body: Value| send(&server, Method::POST, "/v1/indexes", body);
    check_message(
        create(json!({"name": "FAQ", "dimensions": 2})).await,
        400,
        expect![[
            "`FAQ` is no name for an index; use 1 to 45 lower-case letters, digits and `-`, with a letter or a digit at both ends"
        ]],
    );
    check_message(
        create(json!({"name": "faq", "dimensions": 2})).await,
        409,
        expect![["there is an index `faq` already"]],
    );
    check_message(
        create(json!({"name": "b"})).await,
        400,
        expect![["`dimensions`: an index needs dimensions, or a model to take them from"]],
    );
    check_message(
        create(json!({"name": "b", "model": "tiny-bert", "dimensions": 7})).await,
        400,
        expect![[
            "model `fixtures/tiny-bert` gives embeddings of 32 dimensions, and index `b` has 7"
        ]],
    );
    check_message(
        create(json!({"name": "b", "model": "nobody"})).await,
        404,
        expect![["model `nobody` is not served here; served are tiny-bert, tiny-bert-compact"]],
    );
}

#[tokio::test]
async fn bad_records_name_the_field_and_the_remedy() {
    let server = start().await;
    post(&server, "/v1/indexes", json!({"name": "faq", "model": "tiny-bert"})).await;
    let upsert = |record: Value| {
        let body = json!({"records": [record]});
        send(&server, Method::POST, "/v1/indexes/faq/records", body)
    };
    check_message(
        upsert(json!({"id": "", "text": "a"})).await,
        400,
        expect![["an id has 1 to 512 bytes; record 0 has one of 0"]],
    );
    check_message(
        upsert(json!({"id": "7", "text": "a", "metadata": {"text": "b"}})).await,
        400,
        expect![["`metadata`: record `7` has a field `text`, and that is where its text is kept"]],
    );
    check_message(
        upsert(json!({"id": "7", "values": [1.0], "text": "a"})).await,
        400,
        expect![["`text`: record `7` has values too; send one of the two"]],
    );
}
