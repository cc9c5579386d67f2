//! Replicas of a server that has the control plane: what becomes of them when one of the two is killed, or
//! both are stopped.

mod prepared;

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use self::prepared::Prepared;
pub(crate) use self::prepared::replicas_of;
use crate::command::{Sembla, Served, folder, signal};

/// How often to look for a state of which no log tells. Without a pause the test would take the processor
/// from the processes that it waits for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Starts a server. A replica may be ready before anything else is, so that nothing is waited for.
fn serve(sembla: &Sembla) -> Served {
    Served::listen(sembla, &["serve", "--port", "0"])
}

/// Starts a server with one endpoint and waits until its replica is ready.
fn tiny(sembla: &Sembla) -> Served {
    Prepared::new(sembla).endpoint("tiny", "tiny-bert");
    let mut served = serve(sembla);
    ready(&mut served);
    served
}

/// Waits until a replica is ready.
fn ready(served: &mut Served) {
    served.read_until("a replica is ready");
}

fn embed(served: &Served, name: &str) -> u16 {
    served.ask(&format!("/serve/me/{name}/embed"), Some(r#"{"inputs": "a"}"#)).0
}

fn is_running(process: u32) -> bool {
    fs_err::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits for the end of a process that is no child of ours.
fn wait_for_end(process: u32) {
    let begun = Instant::now();
    while is_running(process) {
        assert!(begun.elapsed() < Duration::from_secs(30), "process {process} goes on");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn only(replicas: &[u32]) -> u32 {
    match replicas {
        [only] => *only,
        _ => panic!("{replicas:?}"),
    }
}

#[test]
fn without_endpoints_the_control_plane_is_healthy_at_once_and_starts_nothing() {
    let sembla = Sembla::new();
    let served = serve(&sembla);
    assert_eq!(served.ask("/health", None).0, 200);
    assert!(replicas_of(served.pid()).is_empty());
    assert!(sembla.data_dir().join("endpoints.db").exists());
    let ended = served.stop();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("endpoints are kept in the data directory"), "{ended:?}");
}

#[test]
fn an_endpoint_that_was_asked_for_is_started_and_answers() {
    let sembla = Sembla::new();
    let served = tiny(&sembla);
    assert_eq!(embed(&served, "tiny"), 200);
    assert_eq!(replicas_of(served.pid()).len(), 1);
}

/// Returns the sockets of a process that speak TCP, listening or not.
fn tcp_sockets(process: u32) -> Vec<String> {
    let descriptors = fs_err::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let links = descriptors.filter_map(|entry| fs_err::read_link(entry.path()).ok());
    let own: Vec<String> = links.filter_map(|link| link.to_str().map(str::to_owned)).collect();
    let tables = ["tcp", "tcp6"].map(|table| fs_err::read_to_string(format!("/proc/net/{table}")));
    let tables = tables.into_iter().flatten().collect::<String>();
    let inodes = tables.lines().filter_map(|line| line.split_whitespace().nth(9));
    let sockets = inodes.map(|inode| format!("socket:[{inode}]"));
    sockets.filter(|socket| own.contains(socket)).collect()
}

#[test]
fn a_replica_listens_where_its_user_alone_can_reach_it() {
    let sembla = Sembla::new();
    let served = tiny(&sembla);
    assert_eq!(embed(&served, "tiny"), 200);
    assert_eq!(tcp_sockets(only(&replicas_of(served.pid()))), Vec::<String>::new());
    assert!(!tcp_sockets(served.pid()).is_empty(), "the server itself has a port");
    let folder = sembla.data_dir().join("run");
    assert_eq!(fs_err::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 1);
    served.signal(Signal::KILL);
    served.wait();
    // What a killed server left is replaced.
    let mut next = serve(&sembla);
    ready(&mut next);
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(next.stop().code, 0);
    assert!(!folder.exists());
}

#[test]
fn replicas_are_reached_below_a_data_directory_of_any_length() {
    let sembla = Sembla::new();
    let dir = sembla.home().join("d".repeat(120));
    Prepared::at(dir.clone()).endpoint("tiny", "tiny-bert");
    let dir = dir.display().to_string();
    let mut served = Served::listen(&sembla, &["serve", "--port", "0", "--data-dir", &dir]);
    ready(&mut served);
    assert_eq!(embed(&served, "tiny"), 200);
}

#[test]
fn a_replica_that_is_killed_has_a_successor() {
    let sembla = Sembla::new();
    let mut served = tiny(&sembla);
    let first = only(&replicas_of(served.pid()));
    signal(first, Signal::KILL);
    ready(&mut served);
    assert_eq!(embed(&served, "tiny"), 200);
    assert_ne!(only(&replicas_of(served.pid())), first);
    assert!(!is_running(first));
}

#[test]
fn a_killed_control_plane_leaves_no_replica_and_the_next_starts_its_own() {
    let sembla = Sembla::new();
    Prepared::new(&sembla).endpoint("tiny", "tiny-bert").endpoint("other", "tiny-mpnet");
    let mut served = serve(&sembla);
    ready(&mut served);
    ready(&mut served);
    let replicas = replicas_of(served.pid());
    assert_eq!(replicas.len(), 2);
    served.signal(Signal::KILL);
    served.wait();
    replicas.into_iter().for_each(wait_for_end);

    let next = serve(&sembla);
    assert_eq!(embed(&next, "tiny"), 200);
    assert_eq!(embed(&next, "other"), 200);
}

#[test]
fn a_control_plane_that_is_killed_while_a_replica_starts_leaves_none() {
    let sembla = Sembla::new();
    Prepared::new(&sembla).endpoint("tiny", "tiny-bert");
    let served = serve(&sembla);
    let replicas = loop {
        let replicas = replicas_of(served.pid());
        if !replicas.is_empty() {
            break replicas;
        }
        std::thread::park_timeout(LOOK_EVERY);
    };
    served.signal(Signal::KILL);
    served.wait();
    replicas.into_iter().for_each(wait_for_end);
}

#[test]
fn a_stop_ends_replicas_in_order() {
    let sembla = Sembla::new();
    let served = tiny(&sembla);
    let replica = only(&replicas_of(served.pid()));
    let ended = served.stop();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!is_running(replica));
    for line in ["a replica is stopped", "exit code 0", "all replicas are stopped"] {
        assert!(ended.stderr.contains(line), "{line}: {ended:?}");
    }
}

#[test]
fn a_replica_that_hangs_does_not_hold_a_stop_beyond_its_limit() {
    let sembla = Sembla::new();
    Prepared::new(&sembla).endpoint("tiny", "tiny-bert");
    let mut served = Served::listen(&sembla, &["serve", "--port", "0", "--drain-limit", "0.2"]);
    ready(&mut served);
    let replica = only(&replicas_of(served.pid()));
    signal(replica, Signal::STOP);
    let begun = Instant::now();
    let ended = served.stop();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!is_running(replica));
}

#[test]
fn a_second_server_on_one_data_directory_leaves_the_endpoints_to_the_first() {
    let sembla = Sembla::new();
    let _first = tiny(&sembla);
    let model = folder("tiny-bert");
    let second = Served::start(&sembla, &["serve", "--port", "0", "--model", &model]);
    assert!(replicas_of(second.pid()).is_empty());
    let ended = second.stop();
    assert!(ended.stderr.contains("there are no endpoints here"), "{ended:?}");
}

#[test]
fn no_endpoints_are_kept_for_inference_alone() {
    let model = folder("tiny-bert");
    let sembla = Sembla::new();
    let args = ["serve", "--port", "0", "--model", &model, "--inference-only"];
    let ended = Served::start(&sembla, &args).stop();
    assert!(ended.stderr.contains("there are no endpoints here why="), "{ended:?}");
    assert!(!sembla.data_dir().exists());
}

#[test]
fn a_standard_input_that_is_no_pipe_has_no_owner_at_its_other_end() {
    let model = folder("tiny-bert");
    let ended =
        Sembla::new().run(&["serve", "--port", "0", "--model", &model, "--exit-with-owner"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("must be a pipe for --exit-with-owner"), "{ended:?}");
}
