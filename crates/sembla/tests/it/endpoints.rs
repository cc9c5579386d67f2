//! Endpoints of the real server, in Hugging Face's words: created, asked through the gateway, killed under
//! load, put to sleep, refused and deleted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::json;

use crate::client::{TEXT, ask, create, serve, state, wait_for, wait_until, wanted};
use crate::command::{Sembla, folder, signal};
use crate::count;
use crate::replicas::replicas_of;

#[test]
fn an_endpoint_is_created_answers_and_leaves_nothing_when_it_is_deleted() {
    let served = serve(&Sembla::new(), &[]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let (status, rows) = ask(&served, "POST", "/serve/me/tiny", Some(&json!({"inputs": "a"})));
    assert_eq!((status, rows[0].as_array().map(Vec::len)), (200, Some(32)), "{rows}");
    assert_eq!(ask(&served, "GET", "/serve/me/tiny/health", None).0, 200);
    assert_eq!(ask(&served, "DELETE", "/v2/endpoint/me/tiny", None).0 / 100, 2);
    assert_eq!(ask(&served, "GET", "/v2/endpoint/me/tiny", None).0, 404);
    wait_until("no replica", || replicas_of(served.pid()).is_empty());
}

#[test]
fn the_toolkits_image_answers_with_an_object_that_is_flat_for_one_text() {
    let served = serve(&Sembla::new(), &[]);
    let mut toolkit = wanted("tiny", "tiny-bert");
    toolkit["model"]["image"] = json!({"huggingface": {}});
    toolkit["model"]["task"] = json!("sentence-embeddings");
    create(&served, &toolkit);
    wait_for(&served, "tiny", "running");
    let (_, one) = ask(&served, "POST", "/serve/me/tiny", Some(&json!({"inputs": "a"})));
    assert_eq!(one["embeddings"].as_array().map(Vec::len), Some(32), "{one}");
    let (_, two) = ask(&served, "POST", "/serve/me/tiny", Some(&json!({"inputs": ["a", "b"]})));
    assert_eq!(two["embeddings"][1].as_array().map(Vec::len), Some(32), "{two}");
}

#[test]
fn a_model_that_cannot_be_loaded_is_refused_and_nothing_is_kept() {
    let served = serve(&Sembla::new(), &["--offline"]);
    let mut unknown = wanted("tiny", "tiny-bert");
    for (repository, why) in [
        (folder("nowhere"), "there is no model directory at "),
        ("org/nowhere".to_owned(), "and `offline` is set; unset it, or name a directory"),
    ] {
        unknown["model"]["repository"] = json!(repository);
        let (status, answer) = ask(&served, "POST", "/v2/endpoint/me", Some(&unknown));
        assert!((400..500).contains(&status), "{status} {answer}");
        assert!(answer.to_string().contains(why), "{answer}");
    }
    let (_, list) = ask(&served, "GET", "/v2/endpoint/me", None);
    assert_eq!(list["items"], json!([]));
}

#[test]
fn a_model_that_does_not_fit_is_refused() {
    let served = serve(&Sembla::new(), &["--replica-memory", "10MB"]);
    let (status, answer) =
        ask(&served, "POST", "/v2/endpoint/me", Some(&wanted("tiny", "tiny-bert")));
    assert!((400..500).contains(&status), "{status} {answer}");
    assert!(answer.to_string().contains("the memory budget is 9 MiB"), "{answer}");
}

#[test]
fn clients_do_not_notice_that_a_replica_was_killed() {
    let served = serve(&Sembla::new(), &[]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let (status, _) = served.ask("/serve/me/tiny", Some(TEXT));
                answers.push(status);
            }
            answers
        });
        let first = replicas_of(served.pid());
        signal(first[0], Signal::KILL);
        wait_until("another replica", || {
            let now = replicas_of(served.pid());
            !now.is_empty() && now != first
        });
        wait_for(&served, "tiny", "running");
        is_over.store(true, Ordering::Relaxed);
        let answers = client.join().unwrap();
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    });
}

#[test]
fn an_endpoint_that_sleeps_is_woken_by_the_first_request() {
    let served = serve(&Sembla::new(), &[]);
    let mut sleepy = wanted("tiny", "tiny-bert");
    sleepy["compute"]["scaling"]["minReplica"] = json!(0);
    create(&served, &sleepy);
    wait_for(&served, "tiny", "running");
    assert_eq!(ask(&served, "POST", "/v2/endpoint/me/tiny/scale-to-zero", None).0, 200);
    assert_eq!(state(&served, "tiny"), "scaledToZero");
    wait_until("no replica", || replicas_of(served.pid()).is_empty());
    assert_eq!(served.ask("/serve/me/tiny", Some(TEXT)).0, 200);
}

#[test]
fn endpoints_keys_and_a_pause_outlive_a_killed_server() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    create(&served, &wanted("tiny", "tiny-bert"));
    create(&served, &wanted("quiet", "tiny-mpnet"));
    assert_eq!(ask(&served, "POST", "/v2/endpoint/me/quiet/pause", None).0, 200);
    served.signal(Signal::KILL);
    served.wait();
    let next = serve(&sembla, &[]);
    wait_for(&next, "tiny", "running");
    assert_eq!(next.ask("/serve/me/tiny", Some(TEXT)).0, 200);
    assert_eq!(state(&next, "quiet"), "paused");
}

/// Counts the open descriptors of a process.
fn num_descriptors(process: u32) -> usize {
    fs_err::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

// Takes some seconds: each of the cycles starts a process that loads a model.
#[test]
fn endpoints_that_come_and_go_leave_nothing() {
    const FIRST: u32 = 5;
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    let mut after_first = 0;
    for cycle in 0..count("endpoint_cycles") {
        create(&served, &wanted("tiny", "tiny-bert"));
        // Some are deleted while they start.
        if cycle % 2 == 0 {
            wait_for(&served, "tiny", "running");
        }
        assert_eq!(ask(&served, "DELETE", "/v2/endpoint/me/tiny", None).0 / 100, 2);
        wait_until("no replica", || replicas_of(served.pid()).is_empty());
        if cycle == FIRST {
            after_first = num_descriptors(served.pid());
        }
    }
    wait_until("no descriptor more", || num_descriptors(served.pid()) <= after_first + 2);
    let run = sembla.data_dir().join("run");
    wait_until("no socket", || fs_err::read_dir(&run).unwrap().count() == 0);
    let zombies = fs_err::read_to_string(format!("/proc/{0}/task/{0}/children", served.pid()));
    assert_eq!(zombies.unwrap_or_default().trim(), "");
    assert_eq!(served.stop().code, 0);
}
