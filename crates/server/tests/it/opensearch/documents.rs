//! Documents: in bulk and one at a time.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::{Value, json};

use super::{OpenSearch, reason};

/// Shows what became of each item: its action, its id, its status and its result or error.
fn shown(answer: &Value) -> String {
    let mut text = format!("errors: {}\n", answer["errors"]);
    for item in answer["items"].as_array().unwrap() {
        let (action, outcome) = item.as_object().unwrap().iter().next().unwrap();
        let what = match outcome.get("error") {
            None => outcome["result"].to_string(),
            Some(error) => format!(
                "{}: {}",
                error["type"].as_str().unwrap(),
                error["reason"].as_str().unwrap()
            ),
        };
        text += &format!(
            "{action} {} {} {} {what}\n",
            outcome["_index"], outcome["_id"], outcome["status"]
        );
    }
    text
}

#[tokio::test]
async fn a_bulk_answers_for_each_item() {
    let client = OpenSearch::with_docs("l2").await;
    let lines = [
        r#"{"index":{"_index":"docs","_id":"1"}}"#,
        r#"{"v":[1,0],"text":"one"}"#,
        r#"{"create":{"_index":"docs","_id":"1"}}"#,
        r#"{"v":[1,0]}"#,
        r#"{"create":{"_index":"docs","_id":"2"}}"#,
        r#"{"v":[0,1]}"#,
        r#"{"index":{"_index":"docs","_id":"1"}}"#,
        r#"{"v":[0.5,0],"text":"one again"}"#,
        r#"{"delete":{"_index":"docs","_id":"2"}}"#,
        r#"{"delete":{"_index":"docs","_id":"none"}}"#,
        r#"{"update":{"_index":"docs","_id":"1"}}"#,
        r#"{"doc":{"lang":"en"}}"#,
        r#"{"update":{"_index":"docs","_id":"none"}}"#,
        r#"{"doc":{"lang":"en"}}"#,
        r#"{"index":{"_index":"nope","_id":"1"}}"#,
        r#"{"v":[1,0]}"#,
        r#"{"index":{"_id":"1"}}"#,
        r#"{"v":[1,0]}"#,
    ];
    let answer = client.bulk("/_bulk", lines.join("\n") + "\n").await;
    assert_eq!(answer.status, StatusCode::OK);
    expect![[r#"
        errors: true
        index "docs" "1" 201 "created"
        create "docs" "1" 409 version_conflict_engine_exception: [1]: version conflict, document already exists (current version [1])
        create "docs" "2" 201 "created"
        index "docs" "1" 200 "updated"
        delete "docs" "2" 200 "deleted"
        delete "docs" "none" 404 "not_found"
        update "docs" "1" 200 "updated"
        update "docs" "none" 404 document_missing_exception: [none]: document missing
        index "nope" "1" 404 index_not_found_exception: no such index [nope]
        index "" "1" 400 illegal_argument_exception: invalid index name []: a name has 1 to 255 bytes
    "#]].assert_eq(&shown(&answer.json()));
    let kept = client.get("/docs/_doc/1").await;
    expect![[r#"200 {"_index":"docs","_id":"1","_version":3,"found":true,"_source":{"lang":"en","text":"one again","v":[0.5,0.0]}}"#]].assert_eq(&kept.line());
    assert_eq!(client.search(json!({})).await["hits"]["total"]["value"], json!(1));
}

#[tokio::test]
async fn an_item_that_cannot_be_kept_spoils_no_other() {
    let client = OpenSearch::with_docs("cosinesimil").await;
    let mut lines = String::new();
    let mut add = |id: &str, document: &str| {
        lines += &format!("{}\n{document}\n", json!({"index": {"_id": id}}));
    };
    let vector = r#""v":[1,2]"#;
    add("good", &format!("{{{vector}}}"));
    add("short", r#"{"v":[1]}"#);
    add("not-a-number", r#"{"v":[1,NaN]}"#);
    add("infinite", r#"{"v":[1,1e39]}"#);
    add("zeros", r#"{"v":[0,0]}"#);
    add("without", r#"{"text":"a"}"#);
    add("text", r#"{"v":"1,2"}"#);
    add("broken", r#"{"v":[1,2]"#);
    add("list", "[1,2]");
    add("", &format!("{{{vector}}}"));
    add(&"x".repeat(513), &format!("{{{vector}}}"));
    add("long", &format!(r#"{{{vector},"text":"{}"}}"#, "word ".repeat(10_000)));
    add("deep", &format!(r#"{{{vector},"a":{}1{}}}"#, r#"{"a":"#.repeat(100), "}".repeat(100)));
    add("good-too", &format!(r#"{{{vector},"none":null,"nested":{{"a":[1,null]}}}}"#));
    let answer = client.bulk("/docs/_bulk", lines).await.json();
    let text = shown(&answer).replace(&"x".repeat(513), "x…");
    expect![[r#"
        errors: true
        index "docs" "good" 201 "created"
        index "docs" "short" 400 mapper_parsing_exception: record `short` has 1 dimensions, and index `docs` has 2
        index "docs" "not-a-number" 400 mapper_parsing_exception: failed to parse the document: expected value at line 1 column 9
        index "docs" "infinite" 400 mapper_parsing_exception: record `infinite` has inf at position 1; all numbers must be finite
        index "docs" "zeros" 400 mapper_parsing_exception: record `zeros` is all zeros, which has no direction and so no cosine
        index "docs" "without" 400 mapper_parsing_exception: the document has no field [v]; every document of index [docs] needs its vector
        index "docs" "text" 400 mapper_parsing_exception: failed to parse field [v] as a list of numbers: invalid type: string "1,2", expected a sequence at line 1 column 5
        index "docs" "broken" 400 mapper_parsing_exception: failed to parse the document: EOF while parsing an object at line 1 column 10
        index "docs" "list" 400 mapper_parsing_exception: failed to parse the document: invalid type: sequence, expected an object at line 1 column 0
        index "docs" "" 400 mapper_parsing_exception: an id has 1 to 512 bytes; record 9 has one of 0
        index "docs" "x…" 400 mapper_parsing_exception: an id has 1 to 512 bytes; record 10 has one of 513
        index "docs" "long" 400 mapper_parsing_exception: document [long] takes 50100 bytes, and one of index [docs] at most 40960: its JSON without [v] (50020 bytes) and what filters look at, which is the words of its texts once more; split it into smaller ones
        index "docs" "deep" 400 mapper_parsing_exception: field [a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a] is nested more than 20 deep
        index "docs" "good-too" 201 "created"
    "#]].assert_eq(&text);
    assert_eq!(client.search(json!({})).await["hits"]["total"]["value"], json!(2));
}

#[tokio::test]
async fn a_document_that_a_bulk_changes_again_and_again_is_written_once() {
    let client = OpenSearch::with_docs("l2").await;
    let mut lines = String::new();
    for at in 0..100 {
        lines += &format!("{{\"index\":{{\"_id\":\"1\"}}}}\n{{\"v\":[{at},0]}}\n");
        lines += "{\"index\":{\"_id\":\"2\"}}\n{\"v\":[1,0]}\n{\"delete\":{\"_id\":\"2\"}}\n";
    }
    let answer = client.bulk("/docs/_bulk", lines).await.json();
    let items = answer["items"].as_array().unwrap();
    let of = |id: &str, field: &str| -> Vec<u64> {
        let items = items.iter().flat_map(|item| item.as_object().unwrap().values());
        items.filter(|item| item["_id"] == id).map(|item| item[field].as_u64().unwrap()).collect()
    };
    assert_eq!(of("1", "_version"), (1..=100).collect::<Vec<_>>());
    assert_eq!(of("1", "_seq_no"), [1; 100]);
    assert_eq!(of("2", "_version"), [1, 2].repeat(100));
    let hits = client.search(json!({})).await["hits"]["hits"].take();
    assert_eq!(hits.as_array().unwrap().len(), 1);
    assert_eq!(hits[0]["_source"], json!({"v": [99.0, 0.0]}));
}

#[tokio::test]
async fn a_bulk_that_cannot_be_read_writes_nothing() {
    let client = OpenSearch::with_docs("l2").await;
    let good = r#"{"index":{"_index":"docs","_id":"1"}}"#.to_owned() + "\n{\"v\":[1,0]}\n";
    let refusals = [
        (String::new(), expect!["400 illegal_argument_exception: the bulk request has no actions"]),
        (
            good.clone() + "{\"v\":[1,0]}\n",
            expect![
                "400 illegal_argument_exception: malformed action line [3]: unknown variant `v`, expected one of `index`, `create`, `update`, `delete` at line 1 column 4; nothing was written"
            ],
        ),
        (
            good.clone() + "{\"delete\":{\"_index\":\"docs\"}}\n",
            expect![
                "400 illegal_argument_exception: malformed action line [3]: an update or a delete needs an _id; nothing was written"
            ],
        ),
        (
            good.clone() + "{\"index\":{\"_index\":\"docs\"}}\n",
            expect![
                "400 illegal_argument_exception: malformed action line [3]: no document follows; nothing was written"
            ],
        ),
        (
            good.clone() + "{\"index\":{\"pipeline\":\"p\"}}\n{}\n",
            expect![
                "400 illegal_argument_exception: malformed action line [3]: unknown field `pipeline`, expected one of `_index`, `_id`, `routing`, `retry_on_conflict`, `require_alias` at line 1 column 20; nothing was written"
            ],
        ),
    ];
    for (lines, expected) in refusals {
        expected.assert_eq(&reason(&client.bulk("/_bulk", lines).await));
    }
    let broken = [good.as_bytes(), b"{\"index\":{\"_id\":\"\xff\"}}\n{}\n"].concat();
    expect!["400 parse_exception: the body is not valid UTF-8 from byte 67"]
        .assert_eq(&reason(&client.bulk("/_bulk", broken).await));
    assert_eq!(client.search(json!({})).await["hits"]["total"]["value"], json!(0));
}

#[tokio::test]
async fn a_document_is_written_read_changed_and_deleted() {
    let client = OpenSearch::with_docs("l2").await;
    let document = json!({"v": [1.0, 0.25], "text": "one", "metadata": {"page": 3, "tags": ["a"]}});
    let written = client.put("/docs/_doc/1", document.clone()).await;
    expect![[r#"201 {"_index":"docs","_id":"1","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1}"#]].assert_eq(&written.line());
    let again = client.put("/docs/_doc/1", document.clone()).await;
    assert_eq!((again.status, again.json()["_version"].clone()), (StatusCode::OK, json!(2)));
    assert_eq!(client.get("/docs/_doc/1").await.json()["_source"], document);
    assert_eq!(client.head("/docs/_doc/1").await.status, StatusCode::OK);
    assert_eq!(client.head("/docs/_doc/2").await.status, StatusCode::NOT_FOUND);
    expect![[r#"404 {"_index":"docs","_id":"2","found":false}"#]]
        .assert_eq(&client.get("/docs/_doc/2").await.line());

    let change = json!({"doc": {"metadata": {"page": 4}}});
    let changed = client.post("/docs/_update/1", change.clone()).await.json();
    assert_eq!(changed["result"], json!("updated"));
    assert_eq!(client.post("/docs/_update/1", change).await.json()["result"], json!("noop"));
    let source = client.get("/docs/_doc/1?_source_includes=metadata").await.json();
    assert_eq!(source["_source"], json!({"metadata": {"page": 4, "tags": ["a"]}}));

    let gone = client.delete("/docs/_doc/1").await;
    assert_eq!((gone.status, gone.json()["result"].clone()), (StatusCode::OK, json!("deleted")));
    let missing = client.delete("/docs/_doc/1").await;
    assert_eq!(
        (missing.status, missing.json()["result"].clone()),
        (StatusCode::NOT_FOUND, json!("not_found"))
    );
}

#[tokio::test]
async fn a_document_without_an_id_gets_one_of_its_own() {
    let client = OpenSearch::with_docs("l2").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let written = client.post("/docs/_doc", json!({"v": [1, 0]})).await;
        assert_eq!(written.status, StatusCode::CREATED);
        let id = written.json()["_id"].as_str().unwrap().to_owned();
        assert!(!seen.contains(&id), "{id}");
        seen.push(id);
    }
    assert_eq!(client.search(json!({})).await["hits"]["total"]["value"], json!(3));
}

#[tokio::test]
async fn a_document_is_created_once() {
    let client = OpenSearch::with_docs("l2").await;
    let document = json!({"v": [1, 0]});
    assert_eq!(client.put("/docs/_create/1", document.clone()).await.status, StatusCode::CREATED);
    let expected = expect![
        "409 version_conflict_engine_exception: [1]: version conflict, document already exists (current version [1])"
    ];
    expected.assert_eq(&reason(&client.put("/docs/_create/1", document.clone()).await));
    let expected = expect![
        "409 version_conflict_engine_exception: [1]: version conflict, document already exists (current version [1])"
    ];
    expected.assert_eq(&reason(&client.put("/docs/_doc/1?op_type=create", document.clone()).await));
    let expected = expect![
        "400 illegal_argument_exception: request [/os/docs/_doc/1] contains unrecognized parameter: [if_seq_no]"
    ];
    expected.assert_eq(&reason(&client.put("/docs/_doc/1?if_seq_no=3", document).await));
    let expected = expect![
        "400 mapper_parsing_exception: failed to parse the update: unknown field `script`, expected one of `doc`, `doc_as_upsert`, `upsert`, `detect_noop` at line 1 column 9"
    ];
    expected.assert_eq(&reason(&client.post("/docs/_update/1", json!({"script": {}})).await));
    let expected = expect!["404 document_missing_exception: [2]: document missing"];
    expected.assert_eq(&reason(&client.post("/docs/_update/2", json!({"doc": {}})).await));
}

#[tokio::test]
async fn ids_may_have_any_characters() {
    let client = OpenSearch::with_docs("l2").await;
    let id = "a/b c%d\u{2603}?";
    let encoded = "a%2Fb%20c%25d%E2%98%83%3F";
    let line = json!({"index": {"_index": "docs", "_id": id}});
    client.bulk("/_bulk", format!("{line}\n{{\"v\":[1,0]}}\n")).await;
    assert_eq!(client.get(&format!("/docs/_doc/{encoded}")).await.json()["_id"], json!(id));
    assert_eq!(client.ids(json!({"query": {"ids": {"values": [id]}}})).await, id);
    assert_eq!(client.delete(&format!("/docs/_doc/{encoded}")).await.status, StatusCode::OK);
}
