//! A clock on the wall that jumps, by a library loaded before the system's own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{TEXT, ask, create, endpoint, serve, state, wait_for, wanted};
use crate::command::{Sembla, Served};

const DAY: i64 = 86_400;

/// A clock that a test moves under a server.
struct Clock {
    folder: TempDir,
}

impl Clock {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/clock.c");
        let library = folder.path().join("clock.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
        assert!(compiler.status().unwrap().success());
        let clock = Self { folder };
        clock.shift(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shift")
    }

    /// Moves the clock to so many seconds after the true time. Nobody reads half a number.
    fn shift(&self, seconds: i64) {
        let staged = self.folder.path().join("staged");
        fs_err::write(&staged, seconds.to_string()).unwrap();
        fs_err::rename(&staged, self.file()).unwrap();
    }

    fn home(&self) -> Sembla {
        let library = self.folder.path().join("clock.so");
        Sembla::new()
            .with_env("LD_PRELOAD", library.display().to_string())
            .with_env("SHIFTED_BY", self.file().display().to_string())
    }
}

/// What an endpoint used since the beginning of time.
fn used(served: &Served, name: &str) -> Value {
    ask(served, "GET", &format!("/api/endpoints/me/{name}/cost"), None).1
}

/// Lets the server look at everything anew, and returns the year in which it does.
fn year(served: &Served, name: &str) -> i64 {
    create(served, &wanted(name, "tiny-mpnet"));
    wait_for(served, name, "running");
    let created = endpoint(served, name)["status"]["createdAt"].as_str().unwrap().to_owned();
    assert_eq!(ask(served, "DELETE", &format!("/v2/endpoint/me/{name}"), None).0 / 100, 2);
    created[..4].parse().unwrap()
}

#[test]
fn a_clock_that_jumps_costs_nothing_and_stops_nothing() {
    let clock = Clock::new();
    let sembla = clock.home();
    let served = serve(&sembla, &["--prices", "intel-icl=60"]);
    let begun = Instant::now();
    let mut guarded = wanted("tiny", "tiny-bert");
    guarded["compute"]["scaling"] =
        json!({"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 30});
    // A dollar a minute; each of the jumps is worth thousands.
    guarded["compute"]["budget"] = json!(100);
    guarded["compute"]["timeToLive"] = json!(600);
    create(&served, &guarded);
    wait_for(&served, "tiny", "running");
    let now = year(&served, "before");
    let jumps = [(1_000, 2..4), (-1_000, -4..-1), (0, 0..1)];
    for (jump, (days, years)) in jumps.into_iter().enumerate() {
        clock.shift(days * DAY);
        assert!(years.contains(&(year(&served, &format!("after-{jump}")) - now)), "{days} days");
        assert_eq!(served.ask("/serve/me/tiny", Some(TEXT)).0, 200);
        assert_eq!(state(&served, "tiny"), "running", "{days} days");
    }
    let used = used(&served, "tiny");
    let minutes = used["replica_minutes"].as_u64().unwrap();
    let true_minutes = begun.elapsed().as_secs() / 60 + 1;
    assert!((1..=true_minutes).contains(&minutes), "{true_minutes} minutes: {used}");
    assert_eq!(used["cost"]["millionths"], json!(minutes * 1_000_000));

    // Back beyond its creation, which is in the future now; its time to live is not over and not endless.
    served.signal(Signal::KILL);
    served.wait();
    clock.shift(-1_000 * DAY);
    let next = serve(&sembla, &["--prices", "intel-icl=60"]);
    wait_for(&next, "tiny", "running");
    assert_eq!(next.ask("/serve/me/tiny", Some(TEXT)).0, 200);
}
