//! A replica that hangs, and a port that somebody else has.

use std::net::TcpListener;
use std::thread;

use rustix::process::Signal;

use crate::client::{TEXT, create, endpoint, serve, wait_for, wait_until, wanted};
use crate::command::{Sembla, signal};
use crate::replicas::replicas_of;

// Takes half a minute: health checks come every few seconds, two must fail, and a busy machine is given
// ten more before its replica is replaced.
#[test]
fn a_replica_that_hangs_is_replaced_and_its_requests_are_answered() {
    let served = serve(&Sembla::new(), &["--drain-limit", "1"]);
    create(&served, &wanted("tiny", "tiny-bert"));
    wait_for(&served, "tiny", "running");
    let first = replicas_of(served.pid());
    signal(first[0], Signal::STOP);
    thread::scope(|scope| {
        let asked = scope.spawn(|| served.ask("/serve/me/tiny", Some(TEXT)).0);
        wait_until("its status says what is wrong", || {
            let message = endpoint(&served, "tiny")["status"]["message"].to_string();
            message.contains("the health check failed: it did not answer within 3 s")
        });
        let came_later = served.ask("/serve/me/tiny", Some(TEXT)).0;
        assert_eq!((asked.join().unwrap(), came_later), (200, 200));
    });
    wait_until("another replica alone", || {
        let now = replicas_of(served.pid());
        now.len() == 1 && now != first
    });
    wait_for(&served, "tiny", "running");
    assert_eq!(served.stop().code, 0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sembla = Sembla::new();
    let ended = sembla.run(&["serve", "--port", &port]);
    assert_eq!(ended.code, 3, "{ended:?}");
    let why = format!("failed to listen on 127.0.0.1, port {port}: Address already in use");
    assert!(ended.stderr.contains(&why), "{ended:?}");
    assert!(!sembla.home().join(".local").exists(), "nothing is touched before");
}

#[test]
fn a_file_in_the_place_of_the_sockets_is_named() {
    let sembla = Sembla::new();
    let data = sembla.data_dir();
    fs_err::create_dir_all(&data).unwrap();
    fs_err::write(data.join("run"), "mine").unwrap();
    let ended = sembla.run(&["serve", "--port", "0"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("replicas have nowhere to listen: "), "{ended:?}");
    assert!(ended.stderr.contains(&data.join("run").display().to_string()), "{ended:?}");
    assert_eq!(fs_err::read_to_string(data.join("run")).unwrap(), "mine");
}
