//! Scores: for each space and each way to ask, what OpenSearch's documentation says.

use serde_json::{Value, json};

use super::OpenSearch;

const VECTORS: [[f64; 2]; 5] = [[1.0, 2.0], [-3.0, 0.5], [0.25, -4.0], [2.0, 4.0], [-1.0, -2.0]];
const QUERY: [f64; 2] = [2.0, 1.5];

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn cosine(a: [f64; 2], b: [f64; 2]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn difference(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [(a[0] - b[0]).abs(), (a[1] - b[1]).abs()]
}

/// The score of a `knn` query.
fn knn_score(space: &str, vector: [f64; 2]) -> f64 {
    let apart = difference(QUERY, vector);
    match space {
        "l1" => 1.0 / (1.0 + apart[0] + apart[1]),
        "l2" => 1.0 / (1.0 + dot(apart, apart)),
        "linf" => 1.0 / (1.0 + apart[0].max(apart[1])),
        "cosinesimil" => (1.0 + cosine(QUERY, vector)) / 2.0,
        "innerproduct" => match dot(QUERY, vector) {
            likeness if likeness > 0.0 => 1.0 + likeness,
            likeness => 1.0 / (1.0 - likeness),
        },
        other => panic!("no space {other}"),
    }
}

/// The score of a script: that of `knn`, but for the cosine, of which it is twice as much.
fn script_score(space: &str, vector: [f64; 2]) -> f64 {
    if space == "cosinesimil" { 1.0 + cosine(QUERY, vector) } else { knn_score(space, vector) }
}

async fn start(space: &str) -> OpenSearch {
    let client = OpenSearch::with_docs(space).await;
    client.fill(&VECTORS.map(|vector| json!({ "v": vector }))).await;
    client
}

/// Checks ids, order and scores of an answer with all documents.
#[track_caller]
fn check(answer: &Value, what: &str, score: impl Fn([f64; 2]) -> f64) {
    let mut expected: Vec<(f64, String)> = VECTORS
        .iter()
        .enumerate()
        .map(|(at, vector)| (score(*vector), (at + 1).to_string()))
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let hits = answer["hits"]["hits"].as_array().unwrap();
    assert_eq!(hits.len(), expected.len(), "{what}: {answer}");
    for (hit, (score, id)) in hits.iter().zip(&expected) {
        assert_eq!(hit["_id"].as_str().unwrap(), id, "{what}: {answer}");
        let got = hit["_score"].as_f64().unwrap();
        assert!((got - score).abs() < 1e-6 * score.max(1.0), "{what}: {id} has {got}, not {score}");
    }
    assert_eq!(answer["hits"]["max_score"], hits[0]["_score"], "{what}");
}

const SPACES: [&str; 5] = ["l1", "l2", "linf", "cosinesimil", "innerproduct"];

#[tokio::test]
async fn knn_scores_are_those_of_the_index_s_space() {
    for space in SPACES {
        let client = start(space).await;
        let query = json!({"knn": {"v": {"vector": QUERY, "k": 5}}});
        let answer = client.search(json!({ "query": query })).await;
        check(&answer, space, |vector| knn_score(space, vector));
    }
}

#[tokio::test]
async fn a_script_scores_in_its_own_space_whatever_the_index_s_is() {
    for index_space in SPACES {
        let client = start(index_space).await;
        for space in SPACES {
            let params = json!({"field": "v", "query_value": QUERY, "space_type": space});
            let script = json!({"source": "knn_score", "lang": "knn", "params": params});
            let query = json!({"script_score": {"query": {"match_all": {}}, "script": script}});
            let answer = client.search(json!({"query": query, "min_score": 0.0})).await;
            let what = format!("{space} over {index_space}");
            check(&answer, &what, |vector| script_score(space, vector));
        }
    }
}

#[tokio::test]
async fn the_three_painless_scripts_score_as_they_say() {
    let client = start("l2").await;
    for (source, space) in [
        ("(1.0 + cosineSimilarity(params.query_value, doc['v']))", "cosinesimil"),
        ("1/(1.0 + l2Squared(params.query_value, doc['v']))", "l2"),
        ("1/(1.0 + l1Norm(params.query_value, doc['v']))", "l1"),
    ] {
        let script = json!({"source": source, "params": {"field": "v", "query_value": QUERY}});
        let query = json!({"script_score": {"query": {"match_all": {}}, "script": script}});
        let answer = client.search(json!({ "query": query })).await;
        check(&answer, source, |vector| script_score(space, vector));
    }
}

#[tokio::test]
async fn without_a_vector_all_scores_are_alike() {
    let client = start("l2").await;
    for (query, score) in [
        (json!({"match_all": {}}), 1.0),
        (json!({"ids": {"values": ["1"]}}), 1.0),
        (json!({"bool": {"filter": {"match_all": {}}}}), 0.0),
    ] {
        let answer = client.search(json!({ "query": query })).await;
        assert_eq!(answer["hits"]["max_score"], json!(score), "{query}");
    }
}
