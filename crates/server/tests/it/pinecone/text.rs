//! Texts: embedding them, and records whose index embeds them.

use axum::http::{Method, StatusCode};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Pinecone, with_type};
use crate::harness::{PROMPTED, Reply, TINY, TestServer, bits, config, in_memory};

async fn with_models(models: &[&str]) -> Pinecone {
    Pinecone(TestServer::keeping(config(), models, in_memory()).await)
}

async fn create_for(client: &Pinecone, model: &str) -> Reply {
    let embed = json!({ "model": model, "field_map": { "text": "chunk" } });
    let body = json!({ "name": "docs", "cloud": "aws", "region": "us-east-1", "embed": embed });
    client.control(Method::POST, "/indexes/create-for-model", body).await
}

async fn upsert_lines(client: &Pinecone, lines: &str) -> Reply {
    let path = "/pinecone/i/docs/records/namespaces/faq/upsert";
    client.0.send(with_type(Method::POST, path, lines.to_owned(), "application/x-ndjson")).await
}

async fn search(client: &Pinecone, body: Value) -> Reply {
    client.post("/records/namespaces/faq/search", body).await
}

const LINES: &str = r#"{"_id":"1","chunk":"a cat sits on a mat","kind":"pet"}
{"id":"2","chunk":"the train leaves at noon","kind":"travel"}
"#;

#[track_caller]
fn check(reply: &Reply, expected: Expect) {
    assert_eq!(reply.header("content-type"), "application/json");
    expected.assert_eq(&reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_are_those_of_the_model_with_their_tokens() {
    let client = with_models(&[TINY]).await;
    let inputs = json!([{ "text": "a cat" }, { "text": "a dog" }]);
    let parameters = json!({ "input_type": "passage", "truncate": "END" });
    let body = json!({ "model": TINY, "inputs": inputs, "parameters": parameters });
    let reply = client.control(Method::POST, "/embed", body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let answer = reply.json();
    assert_eq!((&answer["model"], &answer["vector_type"]), (&json!(TINY), &json!("dense")));
    assert_eq!(answer["data"][0]["vector_type"], "dense");
    let rows = json!([answer["data"][0]["values"], answer["data"][1]["values"]]);
    assert_eq!(bits(&rows), client.0.embed(json!({ "inputs": ["a cat", "a dog"] })).await);
    assert_eq!(answer["usage"]["total_tokens"].to_string(), reply.header("x-compute-tokens"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_text_is_for_chooses_its_prompt_where_the_model_has_one() {
    let client = with_models(&[PROMPTED]).await;
    for (input_type, prompt) in [("query", "query"), ("passage", "document")] {
        let parameters = json!({ "input_type": input_type });
        let body =
            json!({ "model": PROMPTED, "inputs": [{ "text": "a cat" }], "parameters": parameters });
        let answer = client.control(Method::POST, "/embed", body).await.json();
        let rows = json!([answer["data"][0]["values"]]);
        let known = client.0.get("/info").await.json();
        assert!(known.to_string().contains(prompt), "the fixture has the prompt {prompt}: {known}");
        // The fixture does not normalize, and this dialect leaves that to the model.
        let plain = json!({ "inputs": "a cat", "prompt_name": prompt, "normalize": false });
        let expected = client.0.embed(plain).await;
        assert_eq!(bits(&rows), expected, "{input_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_cannot_be_embedded_are_named() {
    let client = with_models(&[TINY, PROMPTED]).await;
    let embed = |body: Value| client.control(Method::POST, "/embed", body);
    check(
        &embed(json!({ "model": TINY, "inputs": [] })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`inputs`: the request has no inputs"},"status":400}"#
        ]],
    );
    let empty = json!({ "model": TINY, "inputs": [{ "text": "a" }, { "text": "" }] });
    check(
        &embed(empty).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`inputs[1]`: the input is empty"},"status":400}"#
        ]],
    );
    let long = json!({
        "model": TINY, "inputs": [{ "text": "word ".repeat(100) }],
        "parameters": { "truncate": "NONE" },
    });
    check(
        &embed(long).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`inputs[0]`: the input has 302 tokens, and the model takes at most 48; shorten it or allow truncation"},"status":400}"#
        ]],
    );
    let none = json!({
        "model": TINY, "inputs": [{ "text": "a" }], "parameters": { "dimension": 0 },
    });
    check(
        &embed(none).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`parameters.dimension`: must be from 1 to 32, and 0 was asked for"},"status":400}"#
        ]],
    );
    check(
        &embed(json!({ "model": "nope", "inputs": [{ "text": "a" }] })).await,
        expect![[
            r#"404 {"error":{"code":"NOT_FOUND","message":"model `nope` is not served here; served are tiny-bert, tiny-bert-compact"},"status":404}"#
        ]],
    );
    check(
        &embed(json!({ "inputs": [{ "text": "a" }] })).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"missing field `model` at line 1 column 25"},"status":400}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_for_a_model_says_so_to_both_clients() {
    let client = with_models(&[TINY]).await;
    let created = create_for(&client, TINY).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    let created = created.json();
    expect![[r#"{"dimension":32,"field_map":{"text":"chunk"},"metric":"cosine","model":"tiny-bert","vector_type":"dense"}"#]].assert_eq(&created["embed"].to_string());
    expect![[
        r#"{"fields":{"chunk":{"metric":"cosine","model":"tiny-bert","type":"semantic_text"}}}"#
    ]]
    .assert_eq(&created["schema"].to_string());
    assert_eq!(created["dimension"], 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_for_a_model_that_is_not_served_is_not_created() {
    let client = with_models(&[TINY]).await;
    check(
        &create_for(&client, "multilingual-e5-large").await,
        expect![[
            r#"404 {"error":{"code":"NOT_FOUND","message":"model `multilingual-e5-large` is not served here; served are tiny-bert"},"status":404}"#
        ]],
    );
    let embed = json!({ "model": TINY, "field_map": { "text": "chunk" }, "dimension": 1024 });
    let body = json!({ "name": "docs", "cloud": "aws", "region": "us-east-1", "embed": embed });
    let wrong = client.control(Method::POST, "/indexes/create-for-model", body).await;
    check(
        &wrong,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`embed.dimension`: model `tiny-bert` gives 32 dimensions, not 1024"},"status":400}"#
        ]],
    );
    let embed = json!({ "model": TINY, "field_map": { "image": "chunk" } });
    let body = json!({ "name": "docs", "cloud": "aws", "region": "us-east-1", "embed": embed });
    let wrong = client.control(Method::POST, "/indexes/create-for-model", body).await;
    check(
        &wrong,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`embed.field_map`: must be {\"text\": FIELD}, where FIELD is the field of a record that is embedded"},"status":400}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_go_in_and_hits_come_out() {
    let client = with_models(&[TINY]).await;
    create_for(&client, TINY).await;
    let written = upsert_lines(&client, LINES).await;
    assert_eq!((written.status, written.text()), (StatusCode::CREATED, String::new()));
    assert!(!written.header("x-pinecone-request-lsn").is_empty());

    let query = json!({ "inputs": { "text": "a cat sits on a mat" }, "top_k": 2 });
    let reply = search(&client, json!({ "query": query })).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let answer = reply.json();
    let best = &answer["result"]["hits"][0];
    assert_eq!(best["_id"], "1");
    assert!((best["_score"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    assert_eq!(best["fields"], json!({ "chunk": "a cat sits on a mat", "kind": "pet" }));
    assert_eq!(answer["result"]["hits"].as_array().unwrap().len(), 2);
    let tokens = answer["usage"]["embed_total_tokens"].as_u64().unwrap();
    assert!(tokens > 6, "{tokens}");

    let filtered =
        json!({ "inputs": { "text": "a cat" }, "top_k": 2, "filter": { "kind": "travel" } });
    let answer = search(&client, json!({ "query": filtered, "fields": ["kind"] })).await.json();
    let hits = answer["result"]["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!((&hits[0]["_id"], &hits[0]["fields"]), (&json!("2"), &json!({ "kind": "travel" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_also_found_by_vector_and_by_id() {
    let client = with_models(&[TINY]).await;
    create_for(&client, TINY).await;
    upsert_lines(&client, LINES).await;
    let by_id = json!({ "query": { "id": "2", "top_k": 1 }, "fields": [] });
    let answer = search(&client, by_id).await.json();
    assert_eq!(answer["result"]["hits"][0]["_id"], "2");
    let text = json!({ "model": TINY, "inputs": [{ "text": "the train leaves at noon" }] });
    let embedded = client.control(Method::POST, "/embed", text).await.json();
    let vector = json!({ "values": embedded["data"][0]["values"] });
    let by_vector = json!({ "query": { "vector": vector, "top_k": 1 } });
    let answer = search(&client, by_vector).await.json();
    assert_eq!(answer["result"]["hits"][0]["_id"], "2");
    assert_eq!(answer["usage"], json!({ "read_units": 1 }));
    let missing = json!({ "query": { "id": "nope", "top_k": 1 } });
    assert_eq!(search(&client, missing).await.json()["result"], json!({ "hits": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_record_names_itself_and_nothing_is_written() {
    let client = with_models(&[TINY]).await;
    create_for(&client, TINY).await;
    for (line, expected) in [
        (
            r#"{"chunk":"no id"}"#,
            expect![[
                r#"400 {"code":3,"message":"line 3: a record needs an `_id` that is a string","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"3"}"#,
            expect![[
                r#"400 {"code":3,"message":"line 3: the text of a record of this index is in the field `chunk`, which is missing or is not a string","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"3","chunk":""}"#,
            expect![[
                r#"400 {"code":3,"message":"`records[2]`: the input is empty","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"3","chunk":"a","more":{"b":1}}"#,
            expect![[
                r#"400 {"code":3,"message":"record `3`: metadata field `more` is an object; a field holds a string, a number, true, false or a list of strings (leave a field out rather than send null)","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"1","chunk":"a"}"#,
            expect![[
                r#"400 {"code":3,"message":"id `1` comes twice in one batch; send each id once","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"3","chunk":"a""#,
            expect![[
                r#"400 {"code":3,"message":"line 3 is not a JSON object: EOF while parsing an object at column 22","details":[]}"#
            ]],
        ),
        (
            r#"{"_id":"3","chunk":"a","kind":"b","kind":"c"}"#,
            expect![[
                r#"400 {"code":3,"message":"line 3: key `kind` comes twice in one object at column 40","details":[]}"#
            ]],
        ),
        (
            r#"["_id"]"#,
            expect![[
                r#"400 {"code":3,"message":"line 3: invalid type: sequence, expected an object at column 0","details":[]}"#
            ]],
        ),
    ] {
        check(&upsert_lines(&client, &format!("{LINES}{line}")).await, expected);
    }
    check(
        &upsert_lines(&client, "").await,
        expect![[
            r#"400 {"code":3,"message":"`records`: the request has no inputs","details":[]}"#
        ]],
    );
    assert_eq!(client.ids("faq").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_cannot_be_is_refused() {
    let client = with_models(&[TINY]).await;
    create_for(&client, TINY).await;
    let text = json!({ "text": "a" });
    for (body, expected) in [
        (
            json!({ "query": { "top_k": 1 } }),
            expect![[
                r#"400 {"code":3,"message":"`query`: send one of `inputs`, `vector` and `id`","details":[]}"#
            ]],
        ),
        (
            json!({ "query": { "inputs": text, "id": "1", "top_k": 1 } }),
            expect![[
                r#"400 {"code":3,"message":"`query`: send one of `inputs`, `vector` and `id`","details":[]}"#
            ]],
        ),
        (
            json!({ "query": { "inputs": text, "top_k": 0 } }),
            expect![[
                r#"400 {"code":3,"message":"`query.top_k`: 1 to 10000 matches in one answer, not 0","details":[]}"#
            ]],
        ),
        (
            json!({ "query": { "inputs": { "text": "" }, "top_k": 1 } }),
            expect![[
                r#"400 {"code":3,"message":"`query.inputs.text`: the input is empty","details":[]}"#
            ]],
        ),
        (
            json!({ "query": { "inputs": text, "top_k": 1 }, "rerank": { "model": "m" } }),
            expect![[
                r#"400 {"code":3,"message":"`rerank`: no reranker is loaded; leave it out, since the hits are in the order of their scores","details":[]}"#
            ]],
        ),
        (
            json!({ "query": { "inputs": text, "top_k": 1, "match_terms": { "terms": ["a"] } } }),
            expect![[
                r#"400 {"code":3,"message":"`query.match_terms`: no sparse model is loaded that knows terms; use a filter","details":[]}"#
            ]],
        ),
    ] {
        check(&search(&client, body).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_need_an_index_with_a_model_which_can_be_bound_later() {
    let client = with_models(&[TINY, PROMPTED]).await;
    let body = json!({ "name": "docs", "dimension": 32 });
    client.control(Method::POST, "/indexes", body).await;
    let query = json!({ "query": { "inputs": { "text": "a" }, "top_k": 1 } });
    check(
        &search(&client, query.clone()).await,
        expect![[
            r#"412 {"code":9,"message":"index `docs` has no model, since it was filled with vectors from elsewhere; send vectors, or bind the model that they came from: PATCH /v1/indexes/docs with {\"model\": NAME}, or PATCH /pinecone/indexes/docs with {\"embed\": {\"model\": NAME}}","details":[]}"#
        ]],
    );
    check(
        &upsert_lines(&client, LINES).await,
        expect![[
            r#"412 {"code":9,"message":"index `docs` has no model, since it was filled with vectors from elsewhere; send vectors, or bind the model that they came from: PATCH /v1/indexes/docs with {\"model\": NAME}, or PATCH /pinecone/indexes/docs with {\"embed\": {\"model\": NAME}}","details":[]}"#
        ]],
    );

    let bind = |model: &str| {
        let embed = json!({ "model": model, "field_map": { "text": "chunk" } });
        client.control(Method::PATCH, "/indexes/docs", json!({ "embed": embed }))
    };
    check(
        &bind(PROMPTED).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"model `tiny-bert-compact` gives embeddings of 16 dimensions, and index `docs` has 32"},"status":400}"#
        ]],
    );
    let bound = bind(TINY).await;
    assert_eq!(bound.json()["embed"]["model"], TINY, "{}", bound.text());
    assert_eq!(upsert_lines(&client, LINES).await.status, StatusCode::CREATED);
    assert_eq!(search(&client, query).await.status, StatusCode::OK);
    check(
        &bind(PROMPTED).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`embed.model`: the vectors of this index are of model `tiny-bert`, and those of `tiny-bert-compact` cannot be compared with them; create another index"},"status":400}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reranker_is_loaded() {
    let client = with_models(&[TINY]).await;
    let body =
        json!({ "model": "bge-reranker-v2-m3", "query": "a", "documents": [{ "text": "b" }] });
    check(
        &client.control(Method::POST, "/rerank", body).await,
        expect![[
            r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"no reranker is loaded; order the documents by how near their embeddings are to that of the query, both from /pinecone/embed"},"status":400}"#
        ]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_with_what_they_take() {
    let client = with_models(&[TINY]).await;
    let listed = client.control(Method::GET, "/models", Value::Null).await.json();
    let pretty = serde_json::to_string_pretty(&listed["models"][0]).unwrap();
    expect![[r#"
        {
          "default_dimension": 32,
          "max_sequence_length": 48,
          "modality": "text",
          "model": "tiny-bert",
          "provider_name": "Sembla",
          "short_description": "A bert model, served by Sembla.",
          "supported_metrics": [
            "cosine",
            "dotproduct",
            "euclidean"
          ],
          "supported_parameters": [
            {
              "allowed_values": [
                "query",
                "passage"
              ],
              "parameter": "input_type",
              "required": false,
              "type": "one_of",
              "value_type": "string"
            },
            {
              "allowed_values": [
                "END",
                "START",
                "NONE"
              ],
              "default": "END",
              "parameter": "truncate",
              "required": false,
              "type": "one_of",
              "value_type": "string"
            }
          ],
          "type": "embed",
          "vector_type": "dense"
        }"#]]
    .assert_eq(&pretty);
    for (query, count) in [("type=embed&vector_type=dense", 1), ("type=rerank", 0)] {
        let listed = client.control(Method::GET, &format!("/models?{query}"), Value::Null).await;
        assert_eq!(listed.json()["models"].as_array().unwrap().len(), count, "{query}");
    }
    let described = client.control(Method::GET, &format!("/models/{TINY}"), Value::Null).await;
    assert_eq!(described.json(), listed["models"][0]);
    check(
        &client.control(Method::GET, "/models/nope", Value::Null).await,
        expect![[
            r#"404 {"error":{"code":"NOT_FOUND","message":"model `nope` is not served here; served are tiny-bert"},"status":404}"#
        ]],
    );
}
