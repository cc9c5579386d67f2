//! Names that would lead elsewhere, and folders of the machine that a client has no business with.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::client::{ask, create, endpoint, serve, wait_for, wanted};
use crate::command::{Sembla, Served, folder};
use crate::fake_hub::{COMMIT, ID};

fn refused(served: &Served, path: &str, body: &Value) -> String {
    let (status, answer) = ask(served, "POST", path, Some(body));
    assert!((400..500).contains(&status), "{path} {body}: {status} {answer}");
    answer.to_string()
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    for name in ["..", ".", "../up", "a/b", "a\\b", "%2e%2e", "", " ", "a b", "-a", "a\0b"] {
        refused(&served, "/v2/endpoint/me", &wanted(name, "tiny-bert"));
    }
    for namespace in ["..", "%2e%2e", "%2e%2e%2fup", "a%2fb", "a%00b", "%20", "a..b"] {
        let path = format!("/v2/endpoint/{namespace}");
        refused(&served, &path, &wanted("tiny", "tiny-bert"));
    }
    for path in ["/serve/../../etc/passwd", "/serve/%2e%2e/%2e%2e", "/serve/me/..%2f..%2fetc"] {
        let (status, answer) = ask(&served, "GET", path, None);
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }
    let (_, list) = ask(&served, "GET", "/v2/endpoint/me", None);
    assert_eq!(list["items"], json!([]));
}

#[test]
fn a_client_may_name_no_folder_outside_those_for_models() {
    let sembla = Sembla::new();
    let elsewhere = sembla.home().join("private");
    fs_err::create_dir(&elsewhere).unwrap();
    fs_err::write(elsewhere.join("config.json"), "{}").unwrap();
    let elsewhere = elsewhere.display().to_string();
    let served = serve(&sembla, &["--offline"]);
    let there = [elsewhere.as_str(), "/etc", "./private", "~", "/", "../.."];
    let nowhere = ["/no/such/folder", "./nowhere", "../../nowhere"];
    let climbing = format!("{}/../../../etc", folder("tiny-bert"));
    let mut words = std::collections::BTreeSet::new();
    for repository in there.iter().chain(&nowhere).chain([&climbing.as_str()]) {
        let mut asked = wanted("tiny", "tiny-bert");
        asked["model"]["repository"] = json!(repository);
        let said = refused(&served, "/v2/endpoint/me", &asked);
        words.insert(said.replace(&format!("`{repository}`"), "NAME"));
        // A variable names a model as well.
        asked = wanted("tiny", "tiny-bert");
        asked["model"]["env"] = json!({"MODEL_ID": repository});
        refused(&served, "/v2/endpoint/me", &asked);
    }
    // Nobody learns which of them exist: all but one, which is no id either, are answered alike.
    assert!(words.iter().any(|said| said.contains("name a model of the Hub, or start the server")));
    assert!(words.len() <= 2, "{words:#?}");
    // What could be an id of the Hub is one, whether or not the server works beside a folder of that name.
    for repository in ["private", "nowhere"] {
        let mut asked = wanted("tiny", "tiny-bert");
        asked["model"]["repository"] = json!(repository);
        let said = refused(&served, "/v2/endpoint/me", &asked);
        let why = format!("the model `{repository}` at `main` is not in ");
        assert!(said.contains(&why), "{said}");
    }

    create(&served, &wanted("tiny", "tiny-bert"));
    let change = json!({"model": {"repository": elsewhere}});
    let (status, answer) = ask(&served, "PUT", "/v2/endpoint/me/tiny", Some(&change));
    assert_eq!(status, 400, "{answer}");
    assert_eq!(endpoint(&served, "tiny")["model"]["repository"], folder("tiny-bert"));
}

#[test]
fn an_id_of_the_hub_is_no_folder_that_the_server_works_beside() {
    let sembla = Sembla::new();
    fs_err::create_dir_all(sembla.home().join("org/tiny")).unwrap();
    let cached = sembla.hub_cache().join("models--org--tiny");
    for folder in ["refs", "snapshots"] {
        fs_err::create_dir_all(cached.join(folder)).unwrap();
    }
    fs_err::write(cached.join("refs/main"), COMMIT).unwrap();
    let snapshot = cached.join("snapshots").join(COMMIT);
    fs_err::os::unix::fs::symlink(folder("tiny-bert"), snapshot).unwrap();
    let served = serve(&sembla, &["--offline"]);
    let mut asked = wanted("tiny", "tiny-bert");
    asked["model"]["repository"] = json!(ID);
    create(&served, &asked);
    wait_for(&served, "tiny", "running");
}

/// Asks through the socket of the data directory, which the user of the server alone can open.
fn ask_as_owner(sembla: &Sembla, path: &str, body: &Value) -> String {
    let socket = sembla.data_dir().join("sembla.sock");
    let mut stream = UnixStream::connect(socket).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_owner_of_the_server_may_name_any_folder_and_clients_may_then_scale_it() {
    let sembla = Sembla::new();
    let served = Served::start(&sembla, &["serve", "--port", "0"]);
    let asked = wanted("tiny", "tiny-bert");
    refused(&served, "/v2/endpoint/me", &asked);
    let answer = ask_as_owner(&sembla, "/v2/endpoint/me", &asked);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    wait_for(&served, "tiny", "running");
    let change = json!({"compute": {"scaling": {"maxReplica": 2}}});
    assert_eq!(ask(&served, "PUT", "/v2/endpoint/me/tiny", Some(&change)).0, 200);
}
