//! Updates from one version to the next, as clients see them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::client::{Over, ask, create, endpoint, serve, state, wait_for, wait_until, wanted};
use crate::command::{Sembla, Served, fixture_models, folder};
use crate::replicas::replicas_of;

fn embed(served: &Served) -> Value {
    let (status, rows) = ask(served, "POST", "/serve/me/tiny", Some(&json!({"inputs": "a"})));
    assert_eq!(status, 200, "{rows}");
    rows
}

fn update(served: &Served, change: &Value) {
    let (status, answer) = ask(served, "PUT", "/v2/endpoint/me/tiny", Some(change));
    assert_eq!(status, 200, "{answer}");
}

fn message(served: &Served) -> String {
    endpoint(served, "tiny")["status"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn an_update_takes_over_at_once_and_reports_how_far_it_is_from_what_was() {
    let served = serve(&Sembla::new(), &[]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let old = embed(&served);
    let answers = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                answers.lock().unwrap().push(embed(&served));
            }
        });
        let _over = Over(&is_over);
        update(&served, &json!({"model": {"repository": folder("tiny-bert-plain")}}));
        wait_until("the new version alone", || {
            state(&served, "tiny") == "running" && replicas_of(served.pid()).len() == 1
        });
        let count = answers.lock().unwrap().len();
        wait_until("answers of it", || answers.lock().unwrap().len() > count + 1);
    });
    let answers = answers.into_inner().unwrap();
    let switch = answers.iter().position(|answer| *answer != old).unwrap();
    let new = &answers[switch];
    assert!(answers[switch..].iter().all(|answer| answer == new), "there is one switch");
    let said = message(&served);
    assert!(said.contains("the last update"), "{said}");
}

#[test]
fn the_same_model_with_other_vectors_is_rolled_back() {
    let served = serve(&Sembla::new(), &[]);
    let mut asked = wanted("tiny", "tiny-bert");
    asked["model"]["env"] = json!({"POOLING": "mean"});
    create(&served, &asked);
    wait_for(&served, "tiny", "running");
    let old = embed(&served);
    update(&served, &json!({"model": {"env": {"POOLING": "cls"}}}));
    wait_for(&served, "tiny", "updateFailed");
    let said = message(&served);
    assert!(said.contains("the update was rolled back: its embeddings differ"), "{said}");
    assert!(said.contains("the cosine is ") && said.contains("at least 0.99"), "{said}");
    assert_eq!(embed(&served), old);
    wait_until("the old version alone", || replicas_of(served.pid()).len() == 1);
}

/// Copies a model and spoils its weights, which nobody notices before they are loaded.
fn spoiled(sembla: &Sembla) -> PathBuf {
    let spoiled = sembla.home().join("models/spoiled");
    copy(&fixture_models().join("tiny-bert"), &spoiled);
    let weights = spoiled.join("model.safetensors");
    let mut bytes = fs_err::read(&weights).unwrap();
    // Behind the header and its length all bits are set, which is no number.
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    bytes[8 + usize::try_from(header).unwrap()..].fill(0xff);
    fs_err::write(&weights, bytes).unwrap();
    spoiled
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

// Takes a quarter of a minute: a version is given up after five tries, with growing pauses.
#[test]
fn an_update_that_cannot_load_says_why_and_leaves_the_old_version_serving() {
    let sembla = Sembla::new();
    let spoiled = spoiled(&sembla).display().to_string();
    let models = sembla.home().join("models").display().to_string();
    let served = serve(&sembla, &["--model-dir", &models]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let old = embed(&served);
    update(&served, &json!({"model": {"repository": spoiled}}));
    wait_until("a verdict", || {
        assert_eq!(embed(&served), old, "the old version serves all the while");
        state(&served, "tiny") == "updateFailed"
    });
    let said = message(&served);
    assert!(said.contains("the update was rolled back: crashed 5 times in a row"), "{said}");
    assert!(said.contains("not finite"), "{said}");
    assert_eq!(
        endpoint(&served, "tiny")["status"]["errorMessage"],
        said.split("; mend").next().unwrap()
    );
    assert_eq!(embed(&served), old);
    // Asking for what serves ends it.
    update(&served, &json!({"model": {"repository": folder("tiny-bert")}}));
    wait_for(&served, "tiny", "running");
    assert_eq!(replicas_of(served.pid()).len(), 1);
}
