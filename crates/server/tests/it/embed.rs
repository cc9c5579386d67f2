//! `/embed`, `/embed_all`, `/similarity` and the routes that stand for them.

use axum::http::StatusCode;
use serde_json::{Value, json};
use server::{RootTask, ServerConfig};

use crate::harness::{PROMPTED, TINY, TestServer, bits, config, fixture};

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_are_those_of_the_reference() {
    let server = TestServer::start().await;
    let folder = fixture(TINY).join("reference");
    let texts = fs_err::read_to_string(folder.join("texts.json")).unwrap();
    let texts: Vec<String> = serde_json::from_str(&texts).unwrap();
    let expected = fs_err::read(folder.join("embeddings.f32")).unwrap();
    let expected: Vec<f32> =
        expected.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();

    // The reference embeds the empty text as well, which a server refuses.
    let rows = texts.iter().zip(expected.chunks(32)).filter(|(text, _)| !text.is_empty());
    let (texts, expected): (Vec<_>, Vec<_>) = rows.unzip();
    assert!(texts.len() > 30);
    let rows = server.post_ok("/embed", json!({ "inputs": texts })).await;
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows).unwrap();
    for ((text, row), expected) in texts.iter().zip(&rows).zip(&expected) {
        let differences = row.iter().zip(*expected).map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        assert!(largest < 1e-5, "{text:?} differs by {largest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_text_gives_a_list_too() {
    let server = TestServer::start().await;
    let one = server.embed(json!({ "inputs": "a cat" })).await;
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].len(), 32);
    let two = server.embed(json!({ "inputs": ["a dog", "a cat"] })).await;
    assert_eq!(two[1], one[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_the_root_embeds_alike() {
    let server = TestServer::start().await;
    let body = json!({ "inputs": ["a cat", "a dog"], "truncate": true });
    let expected = server.embed(body.clone()).await;
    for path in ["/", "/invocations", "/tiny-bert", "/tiny-bert/", "/tiny-bert/embed"] {
        assert_eq!(bits(&server.post_ok(path, body.clone()).await), expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_json_whatever_its_content_type() {
    let server = TestServer::start().await;
    for content_type in ["application/x-www-form-urlencoded", "text/plain", "application/json"] {
        let request = axum::http::Request::post("/embed")
            .header("host", "localhost")
            .header("content-type", content_type);
        let reply = server.send(request.body(r#"{"inputs":"a"}"#.into()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK, "{content_type}");
        assert_eq!(reply.header("content-type"), "application/json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn normalize_and_dimensions_do_what_they_say() {
    let server = TestServer::with(config(), &[PROMPTED]).await;
    let length = |rows: &Value| {
        let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
        rows[0].iter().map(|value| f64::from(value * value)).sum::<f64>().sqrt()
    };
    let default = server.post_ok("/embed", json!({ "inputs": "a cat" })).await;
    assert!((length(&default) - 1.0).abs() < 1e-6);
    let raw = server.post_ok("/embed", json!({ "inputs": "a cat", "normalize": false })).await;
    assert!((length(&raw) - 1.0).abs() > 1e-3, "the model's own modules do not normalize");
    let short = server.post_ok("/embed", json!({ "inputs": "a cat", "dimensions": 4 })).await;
    assert_eq!(bits(&short)[0].len(), 4);
    assert!((length(&short) - 1.0).abs() < 1e-6, "scaled after it was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_stands_before_the_text() {
    let server = TestServer::with(config(), &[PROMPTED]).await;
    let info = server.get("/info").await.json();
    let prompt = info["prompts"]["document"].as_str().unwrap();
    let query = info["prompts"]["query"].as_str().unwrap();
    assert_eq!(info["default_prompt_name"], "query");
    assert_ne!(prompt, query);

    let named = server.embed(json!({ "inputs": "a cat", "prompt_name": "document" })).await;
    let default = server.embed(json!({ "inputs": "a cat" })).await;
    let explicit = server.embed(json!({ "inputs": "a cat", "prompt_name": "query" })).await;
    assert_eq!(default, explicit);
    assert_ne!(default, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_used_as_they_are() {
    let server = TestServer::start().await;
    let tokens = server.post_ok("/tokenize", json!({ "inputs": "a cat" })).await;
    let ids: Vec<u64> =
        tokens[0].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect();
    let text = server.embed(json!({ "inputs": "a cat" })).await;
    assert_eq!(server.embed(json!({ "inputs": ids })).await, text);
    let inner = &ids[1..ids.len() - 1];
    assert_eq!(server.embed(json!({ "inputs": [inner] })).await, text);
    let mixed = server.embed(json!({ "inputs": ["a dog", ids] })).await;
    assert_eq!(mixed[1], text[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_say_what_a_request_took() {
    let server = TestServer::start().await;
    let long = "word ".repeat(100);
    let body = json!({ "inputs": ["a cat", long] });
    let reply = server.post("/embed", body.to_string()).await;
    assert_eq!(reply.header("x-compute-type"), "cpu");
    assert_eq!(reply.header("x-compute-characters"), "505");
    assert_eq!(reply.header("x-truncated-inputs"), "1");
    let num_tokens: usize = reply.header("x-compute-tokens").parse().unwrap();
    assert!((49..=60).contains(&num_tokens), "{num_tokens} tokens");
    for name in [
        "x-compute-time",
        "x-total-time",
        "x-tokenization-time",
        "x-queue-time",
        "x-inference-time",
    ] {
        reply.header(name).parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncation_cuts_the_side_that_is_asked_for() {
    let server = TestServer::start().await;
    let words = |words: &[&str]| words.join(" ");
    let head = vec!["cat"; 100];
    let tail = [&head[..], &["dog"; 46]].concat();
    let right = server.embed(json!({ "inputs": words(&tail) })).await;
    assert_eq!(right, server.embed(json!({ "inputs": words(&head) })).await);
    let left =
        server.embed(json!({ "inputs": words(&tail), "truncation_direction": "left" })).await;
    assert_ne!(left, right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_of_each_input_and_fails_none_of_the_others() {
    let server = TestServer::start().await;
    let long = "word ".repeat(100);
    let body = json!({ "inputs": ["a cat", "", long, [5000]], "report": true });
    let reply = server.post("/embed", body.to_string()).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let report = reply.json();
    let plain = server.embed(json!({ "inputs": "a cat" })).await;
    assert_eq!(bits(&json!([report["embeddings"][0]])), plain);
    assert_eq!(report["embeddings"][1], Value::Null);
    assert_eq!(report["embeddings"][3], Value::Null);
    let inputs = report["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 4);
    assert_eq!(inputs[0]["error"], Value::Null);
    assert_eq!(inputs[0]["truncated_from"], Value::Null);
    assert_eq!(inputs[1]["error"]["error_type"], "Empty");
    assert_eq!(inputs[1]["tokens"], Value::Null);
    assert_eq!(inputs[2]["tokens"], 48);
    assert!(inputs[2]["truncated_from"].as_u64().unwrap() > 100);
    assert_eq!(inputs[3]["error"]["error_type"], "Validation");

    let refusing = json!({ "inputs": long, "truncate": false, "report": true });
    let report = server.post_ok("/embed", refusing).await;
    assert_eq!(report["inputs"][0]["error"]["error_type"], "Validation");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_has_an_embedding() {
    let server = TestServer::start().await;
    let rows = server.post_ok("/embed_all", json!({ "inputs": ["a cat", "a"] })).await;
    for (text, rows) in ["a cat", "a"].iter().zip(rows.as_array().unwrap()) {
        let tokens = server.post_ok("/tokenize", json!({ "inputs": text })).await;
        assert_eq!(rows.as_array().unwrap().len(), tokens[0].as_array().unwrap().len());
        assert!(bits(rows).iter().all(|row| row.len() == 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn similarity_is_the_cosine_with_each_sentence() {
    let server = TestServer::start().await;
    let inputs = json!({ "source_sentence": "a cat", "sentences": ["a cat", "a dog"] });
    let body = json!({ "inputs": inputs, "parameters": {} });
    let scores = server.post_ok("/similarity", body.clone()).await;
    let scores: Vec<f32> = serde_json::from_value(scores).unwrap();
    assert_eq!(scores[0], 1.0);

    let rows = server.post_ok("/embed", json!({ "inputs": ["a cat", "a dog"] })).await;
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows).unwrap();
    let cosine: f32 = rows[0].iter().zip(&rows[1]).map(|(a, b)| a * b).sum();
    assert!((scores[1] - cosine).abs() < 1e-6, "{scores:?} and {cosine}");

    for path in ["/", "/invocations"] {
        let again = server.post_ok(path, body.clone()).await;
        assert_eq!(serde_json::from_value::<Vec<f32>>(again).unwrap(), scores, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_similarity_refuses_texts_at_its_root_alone() {
    let config = ServerConfig { root_task: RootTask::Similarity, ..config() };
    let server = TestServer::with(config, &[TINY]).await;
    let reply = server.post("/", r#"{"inputs":"a"}"#).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.text().contains("source_sentence"), "{}", reply.text());
    server.embed(json!({ "inputs": "a" })).await;
    let inputs = json!({ "source_sentence": "a", "sentences": ["b"] });
    server.post_ok("/", json!({ "inputs": inputs })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_embeds_alike_alone_and_beside_any_others() {
    let server = TestServer::start().await;
    let texts: Vec<String> = (0..40).map(|n| format!("text {n} {}", "word ".repeat(n))).collect();
    let mut alone = Vec::new();
    for text in &texts {
        alone.extend(server.embed(json!({ "inputs": text })).await);
    }
    let requests = (0..16).map(|shift| {
        let mut texts = texts.clone();
        texts.rotate_left(shift);
        let server = &server;
        async move { server.embed(json!({ "inputs": texts })).await }
    });
    for (shift, mut together) in join_all(requests).await.into_iter().enumerate() {
        together.rotate_right(shift);
        assert_eq!(together, alone);
    }
}

async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(result) = future.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
