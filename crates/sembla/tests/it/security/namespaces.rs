//! The owner of one namespace learns nothing of another.

use serde_json::{Value, json};

use crate::client::{ask_as, serve, wait_until, wanted};
use crate::command::{Sembla, Served, folder};

const OPERATOR: &str = "operator-key";

fn key_of(served: &Served, namespace: &str) -> String {
    let key = json!({"name": namespace, "scopes": ["admin"], "namespace": namespace});
    let (status, made) = ask_as(served, OPERATOR, "POST", "/api/keys", Some(&key));
    assert_eq!(status, 201, "{made}");
    made["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_of_one_namespace_sees_nothing_of_another() {
    let served = serve(&Sembla::new(), &["--api-key", OPERATOR]);
    let (ada, bob) = (key_of(&served, "ada"), key_of(&served, "bob"));
    let mut private = wanted("secret-plan", "tiny-bert");
    private["type"] = json!("private");
    let created = ask_as(&served, &ada, "POST", "/v2/endpoint/ada", Some(&private));
    assert_eq!(created.0, 202, "{}", created.1);
    let state = || ask_as(&served, &ada, "GET", "/v2/endpoint/ada/secret-plan", None).1;
    wait_until("it runs", || state()["status"]["state"] == "running");
    let text = json!({"inputs": "a"});
    assert_eq!(ask_as(&served, &ada, "POST", "/serve/ada/secret-plan", Some(&text)).0, 200);
    let index = json!({"name": "notes", "dimension": 2, "metric": "cosine",
        "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}});
    let made = ask_as(&served, OPERATOR, "POST", "/pinecone/indexes", Some(&index));
    assert!(made.0 < 300, "{}", made.1);

    let change = json!({"compute": {"scaling": {"maxReplica": 2}}});
    let vectors = json!({"vectors": [{"id": "1", "values": [0.0, 1.0]}]});
    let other_key = json!({"name": "x", "scopes": ["read"], "namespace": "ada"});
    let everywhere = json!({"name": "x", "scopes": ["read"]});
    for (method, path, body) in [
        ("GET", "/v2/endpoint/ada", None),
        ("GET", "/v2/endpoint/ada/secret-plan", None),
        ("PUT", "/v2/endpoint/ada/secret-plan", Some(&change)),
        ("DELETE", "/v2/endpoint/ada/secret-plan", None),
        ("POST", "/v2/endpoint/ada/secret-plan/pause", None),
        ("GET", "/v2/endpoint/ada/secret-plan/logs", None),
        ("GET", "/v2/endpoint/ada/secret-plan/replicas", None),
        ("POST", "/v2/endpoint/ada", Some(&private)),
        ("GET", "/api/endpoints/ada/secret-plan/cost", None),
        ("POST", "/serve/ada/secret-plan", Some(&text)),
        ("POST", "/api/keys", Some(&other_key)),
        ("POST", "/api/keys", Some(&everywhere)),
        ("GET", "/pinecone/indexes", None),
        ("GET", "/pinecone/indexes/notes", None),
        ("GET", "/v1/indexes", None),
        ("POST", "/pinecone/i/notes/vectors/upsert", Some(&vectors)),
    ] {
        let (status, answer) = ask_as(&served, &bob, method, path, body);
        assert!([403, 404].contains(&status), "{method} {path}: {status} {answer}");
        // What was sent is no secret to its sender; what is there is.
        assert!(!answer.to_string().contains("tiny-bert"), "{answer}");
    }
    // What does not exist is answered as what exists.
    let of = |name: &str| {
        let path = format!("/serve/ada/{name}");
        let (status, answer) = ask_as(&served, &bob, "POST", &path, Some(&text));
        (status, answer.to_string().replace(name, "NAME"))
    };
    assert_eq!(of("secret-plan"), of("no-such-plan"));
    let (_, keys) = ask_as(&served, &bob, "GET", "/api/keys", None);
    let names: Vec<&Value> =
        keys["keys"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
    assert_eq!(names, ["bob"]);
    let used =
        |key: &str| ask_as(&served, key, "GET", "/api/endpoints/ada/secret-plan/cost", None).0;
    assert_eq!((used(&ada), used(&bob)), (200, 403));
    assert_eq!(folder("tiny-bert"), state()["model"]["repository"].as_str().unwrap());
}
