//! A server that is told to stop while requests wait, and one whose logs nobody reads any more.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::json;

use crate::client::{TEXT, ask, create, serve, wait_for, wait_until, wanted};
use crate::command::{Sembla, agent, folder, signal};
use crate::replicas::replicas_of;

#[test]
fn a_request_that_waits_for_a_replica_is_told_that_the_server_stops() {
    let served = serve(&Sembla::new(), &["--drain-limit", "100"]);
    let mut sleepy = wanted("tiny", "tiny-bert");
    sleepy["compute"]["scaling"]["minReplica"] = json!(0);
    create(&served, &sleepy);
    wait_for(&served, "tiny", "running");
    loop {
        assert_eq!(ask(&served, "POST", "/v2/endpoint/me/tiny/scale-to-zero", None).0, 200);
        wait_until("no replica", || replicas_of(served.pid()).is_empty());
        let (status, said) = thread::scope(|scope| {
            let asked = scope.spawn(|| served.ask("/serve/me/tiny", Some(TEXT)));
            wait_until("a replica that starts", || !replicas_of(served.pid()).is_empty());
            let replica = replicas_of(served.pid())[0];
            signal(replica, Signal::STOP);
            let is_ready = ask(&served, "GET", "/v2/endpoint/me/tiny", None).1["status"]["state"]
                == json!("running");
            if is_ready {
                signal(replica, Signal::CONT);
            } else {
                served.signal(Signal::TERM);
            }
            let answer = asked.join().unwrap();
            signal(replica, Signal::KILL);
            answer
        });
        // It may have been ready before it could be stopped.
        if status == 200 {
            continue;
        }
        assert_eq!(status, 503, "{said}");
        assert!(said.contains("the server is shutting down"), "{said}");
        break;
    }
    assert_eq!(served.wait().code, 0);
}

#[test]
fn a_server_whose_logs_nobody_reads_any_more_serves_on() {
    let sembla = Sembla::new();
    let model = folder("tiny-bert");
    let mut command = sembla.command(&["serve", "--port", "0", "--model", &model]);
    command.args(["--log-level", "trace"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first_line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
    let url = first_line.trim().strip_prefix("listening on ").unwrap().to_owned();
    drop(child.stderr.take());
    let agent = agent();
    wait_until("an answer", || {
        let asked = agent.post(format!("{url}/embed")).content_type("application/json").send(TEXT);
        asked.unwrap().status() == 200
    });
    signal(child.id(), Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
