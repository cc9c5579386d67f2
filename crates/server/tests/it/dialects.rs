//! The same texts have the same numbers, whichever dialect asks.

use axum::http::{HeaderValue, Method, header};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::harness::{TINY, TestServer, bits, config, in_memory, request};

/// How a dialect asks for texts, and where its answer has their embeddings.
type Way = (&'static str, fn(&[String]) -> Value, fn(Value) -> Value);

const WAYS: [Way; 12] = [
    ("/embed", |texts| json!({"inputs": texts}), |answer| answer),
    ("/", |texts| json!({"inputs": texts}), |answer| answer),
    ("/invocations", |texts| json!(texts), |answer| answer),
    ("/invocations", |texts| json!({"inputs": texts}), |answer| answer),
    ("/invocations", |texts| json!({"text_inputs": texts}), |answer| answer),
    ("/invocations", |texts| json!(pairs(texts)), |answer| answer),
    ("/v1/embeddings", |texts| json!({"input": texts, "model": TINY}), listed),
    ("/embeddings", |texts| json!({"input": texts, "model": TINY}), listed),
    ("/pipeline/feature-extraction/tiny-bert", |texts| json!({"inputs": texts}), |answer| answer),
    ("/models/tiny-bert", |texts| json!({"inputs": texts}), |answer| answer),
    ("/tiny-bert/embed", |texts| json!({"inputs": texts}), |answer| answer),
    (
        "/pinecone/embed",
        |texts| {
            let inputs: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
            json!({"model": TINY, "inputs": inputs, "parameters": {"input_type": "passage"}})
        },
        |answer| column(&answer["data"], "values"),
    ),
];

fn listed(answer: Value) -> Value {
    column(&answer["data"], "embedding")
}

fn column(rows: &Value, field: &str) -> Value {
    rows.as_array().unwrap().iter().map(|row| row[field].clone()).collect()
}

// What stands before a text is part of it, wherever the two are cut apart.
fn pairs(texts: &[String]) -> Vec<[String; 2]> {
    let cut = |text: &String| {
        let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        let (instruction, rest) = text.split_at(middle);
        [instruction.to_owned(), rest.to_owned()]
    };
    texts.iter().map(cut).collect()
}

#[test]
fn every_dialect_gives_the_same_numbers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::keeping(config(), &[TINY], in_memory()));
    let mut runner =
        TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let texts = vec("[a-zäß猫 0-9.,!?\n\"\\\\]{0,40}[a-z]", 1..6);
    let checked = runner.run(&texts, |texts| {
        runtime.block_on(async {
            let expected = server.embed(json!({ "inputs": texts })).await;
            for (path, ask, find) in WAYS {
                let mut asked = request(Method::POST, path, ask(&texts).to_string());
                let json = HeaderValue::from_static("application/json");
                asked.headers_mut().insert(header::CONTENT_TYPE, json);
                let answer = server.send(asked).await;
                prop_assert!(answer.status.is_success(), "{} {}", path, answer.line());
                prop_assert_eq!(&bits(&find(answer.json())), &expected, "{} {}", path, ask(&texts));
            }
            Ok(())
        })
    });
    checked.unwrap();
}
