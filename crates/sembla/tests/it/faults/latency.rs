//! Answers that take too long bring another replica.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::client::{Over, TEXT, ask, create, endpoint, serve, wait_for, wait_until, wanted};
use crate::command::Sembla;
use crate::replicas::replicas_of;

#[test]
fn an_endpoint_whose_answers_are_slow_gets_another_replica_and_one_without_a_limit_does_not() {
    let served = serve(&Sembla::new(), &[]);
    for (name, measure) in [("slow", json!({"latency": 0.000_001})), ("patient", json!(null))] {
        let mut asked = wanted(name, "tiny-bert");
        asked["compute"]["scaling"] = json!({"minReplica": 1, "maxReplica": 2, "measure": measure});
        create(&served, &asked);
        wait_for(&served, name, "running");
    }
    assert_eq!(replicas_of(served.pid()).len(), 2);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (served, is_over) = (&served, &is_over);
        for name in ["slow", "patient"] {
            scope.spawn(move || {
                // No answer comes within a microsecond.
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(served.ask(&format!("/serve/me/{name}"), Some(TEXT)).0, 200);
                }
            });
        }
        let _over = Over(is_over);
        wait_until("another replica", || {
            endpoint(served, "slow")["status"]["readyReplica"] == json!(2)
        });
    });
    assert_eq!(endpoint(&served, "patient")["status"]["targetReplica"], json!(1));
    let shown = &endpoint(&served, "slow")["compute"]["scaling"]["measure"];
    assert_eq!(*shown, json!({"latency": 0.000_001}));
}

#[test]
fn a_latency_that_cannot_be_is_refused_by_name() {
    let served = serve(&Sembla::new(), &[]);
    for latency in [json!(0), json!(-1), json!(1e9)] {
        let mut asked = wanted("tiny", "tiny-bert");
        asked["compute"]["scaling"]["measure"] = json!({"latency": latency});
        let (status, answer) = ask(&served, "POST", "/v2/endpoint/me", Some(&asked));
        assert!((400..500).contains(&status), "{status} {answer}");
        assert!(answer.to_string().contains("latency"), "{answer}");
    }
}
