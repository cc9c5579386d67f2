//! A disk that takes no more: what is asked for is refused, nothing changes, and all goes on afterwards.

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use serde_json::{Value, json};

use crate::client::{TEXT, ask, create, endpoint, serve, state, wait_for, wait_until, wanted};
use crate::command::{Sembla, Served};

/// Lets no file of a server grow, or all again.
fn limit_files(served: &Served, most: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(served.pid()).unwrap()).unwrap();
    let limit = Rlimit { current: most, maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit).unwrap();
}

fn names(served: &Served) -> Vec<Value> {
    let (_, list) = ask(served, "GET", "/v2/endpoint/me", None);
    list["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
}

fn requests_of(served: &Served, name: &str) -> Value {
    ask(served, "GET", &format!("/api/endpoints/me/{name}/cost"), None).1["requests"].clone()
}

#[test]
fn a_full_disk_refuses_changes_and_loses_nothing() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let before = endpoint(&served, "tiny");

    limit_files(&served, Some(0));
    let key = json!({"name": "ci", "scopes": ["admin"]});
    let other = wanted("other", "tiny-mpnet");
    let larger = json!({"compute": {"scaling": {"maxReplica": 3}}});
    for (method, path, body) in [
        ("POST", "/v2/endpoint/me", Some(&other)),
        ("PUT", "/v2/endpoint/me/tiny", Some(&larger)),
        ("POST", "/v2/endpoint/me/tiny/pause", None),
        ("POST", "/v2/endpoint/me/tiny/scale-to-zero", None),
        ("DELETE", "/v2/endpoint/me/tiny", None),
        ("POST", "/api/keys", Some(&key)),
    ] {
        let (status, answer) = ask(&served, method, path, body);
        assert!(status >= 500, "{method} {path}: {status} {answer}");
        let said = answer.to_string();
        assert!(said.contains("the disk") && said.contains("nothing was changed"), "{said}");
    }
    assert_eq!(endpoint(&served, "tiny"), before);
    assert_eq!(names(&served), ["tiny"]);
    assert_eq!(ask(&served, "GET", "/api/keys", None).1["keys"], json!([]));
    for _ in 0..3 {
        assert_eq!(served.ask("/serve/me/tiny", Some(TEXT)).0, 200, "it serves on");
    }

    limit_files(&served, None);
    create(&served, &other);
    wait_for(&served, "other", "running");
    assert_eq!(served.ask("/serve/me/tiny", Some(TEXT)).0, 200);
    wait_until("all requests are written", || requests_of(&served, "tiny") == json!(4));

    served.signal(Signal::KILL);
    served.wait();
    let next = serve(&sembla, &[]);
    assert_eq!(names(&next), ["other", "tiny"]);
    assert_eq!(requests_of(&next, "tiny"), json!(4));
    assert_ne!(state(&next, "tiny"), "paused");
}
