//! Keys, tokens and texts are in no log and in no error, however much is logged.

use serde_json::{Value, json};

use crate::client::{ask_as, wait_until, wanted};
use crate::command::{Sembla, Served, fixture_models, folder};

const OPERATOR: &str = "operator-key-7f3a";
const HUB_TOKEN: &str = "hf_HubTokenOfTheServer";
const IMAGE_TOKEN: &str = "hf_TokenOfAnEndpoint";
const HIDDEN: &str = "value-of-a-secret-variable";
const WRONG_KEY: &str = "sembla-wrong-key-4b1d";
const TEXT: &str = "the-patient-is-called-Ada";
const VECTOR: &str = "0.123456789";

fn post(served: &Served, path: &str, body: &Value) -> (u16, Value) {
    ask_as(served, OPERATOR, "POST", path, Some(body))
}

/// Sends requests with all of them, good ones and bad ones, and returns what errors said.
fn provoke(served: &Served) -> Vec<(String, Value)> {
    let good = json!({"inputs": TEXT});
    let mut errors = Vec::new();
    for base in ["", "/serve/me/tiny"] {
        for path in ["", "/embed", "/embed_all", "/similarity", "/v1/embeddings", "/tokenize"] {
            let path = if base.is_empty() && path.is_empty() { "/" } else { path };
            let path = format!("{base}{path}");
            for body in [
                good.clone(),
                json!({"input": TEXT, "model": "nowhere"}),
                json!({"inputs": {"source_sentence": TEXT, "sentences": [TEXT, 7]}}),
                json!({"inputs": [TEXT, 7]}),
                json!({"inputs": TEXT, "truncate": TEXT}),
                json!({"inputs": TEXT.repeat(400), "truncate": false}),
                json!({"inputs": {"text": TEXT}}),
                json!(TEXT),
            ] {
                for key in [OPERATOR, WRONG_KEY] {
                    let (status, answer) = ask_as(served, key, "POST", &path, Some(&body));
                    if status >= 400 {
                        errors.push((format!("POST {path} {body}"), answer));
                    }
                }
            }
        }
    }
    errors
}

fn use_an_index(served: &Served) {
    let index = json!({"name": "notes", "dimension": 2, "metric": "cosine",
        "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}});
    let (status, answer) = post(served, "/pinecone/indexes", &index);
    assert!(status < 300, "{answer}");
    let vector: f64 = VECTOR.parse().unwrap();
    let record =
        json!({"vectors": [{"id": "1", "values": [vector, 1.0], "metadata": {"text": TEXT}}]});
    let (status, answer) = post(served, "/pinecone/i/notes/vectors/upsert", &record);
    assert_eq!(status, 200, "{answer}");
    let query = json!({"vector": [vector, 1.0], "topK": 1, "filter": {"text": {"$eq": TEXT}}});
    assert_eq!(post(served, "/pinecone/i/notes/query", &query).0, 200);
}

fn start(served: &Served) {
    let mut asked = wanted("tiny", "tiny-bert");
    asked["model"]["env"] = json!({"HF_TOKEN": IMAGE_TOKEN});
    asked["model"]["secrets"] = json!({"DATABASE_URL": HIDDEN});
    let (status, answer) = post(served, "/v2/endpoint/me", &asked);
    assert_eq!(status, 202, "{answer}");
    let state = || ask_as(served, OPERATOR, "GET", "/v2/endpoint/me/tiny", None).1;
    wait_until("it runs", || state()["status"]["state"] == "running");
    assert!(!state().to_string().contains(HIDDEN));
}

#[test]
fn no_key_token_or_text_is_in_a_log_or_in_an_error() {
    let sembla = Sembla::new().with_env("HF_TOKEN", HUB_TOKEN);
    let (models, model) = (fixture_models().display().to_string(), folder("tiny-bert"));
    let served = Served::start(
        &sembla,
        &[
            "serve",
            "--port",
            "0",
            "--model-dir",
            &models,
            "--model",
            &model,
            "--api-key",
            OPERATOR,
            "--log-level",
            "trace",
        ],
    );
    start(&served);
    let key = json!({"name": "ci", "scopes": ["admin", "invoke", "read"]});
    let (_, made) = post(&served, "/api/keys", &key);
    let made = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(ask_as(&served, &made, "GET", "/v2/endpoint/me/tiny", None).0, 200);
    use_an_index(&served);
    let errors = provoke(&served);
    assert!(errors.len() > 50, "{} errors", errors.len());

    let (_, lines) = ask_as(&served, OPERATOR, "GET", "/v2/endpoint/me/tiny/logs", None);
    assert!(lines.to_string().contains("model is ready"), "{lines}");
    let ended = served.stop();
    assert!(ended.stderr.contains("DEBUG request"), "as much is logged as there is");
    let secrets = [OPERATOR, HUB_TOKEN, IMAGE_TOKEN, HIDDEN, WRONG_KEY, TEXT, VECTOR, &made];
    for secret in secrets {
        let line = ended.stderr.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in a log");
        assert!(!lines.to_string().contains(secret), "{secret} is in a replica's log");
        let error = errors.iter().find(|(_, answer)| answer.to_string().contains(secret));
        assert_eq!(error, None, "{secret} is in an error");
    }
}
