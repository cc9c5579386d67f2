//! `sembla endpoint …` as a person at a terminal and a script meet it, against the real server.

use expect_test::{Expect, expect};
use rustix::process::Signal;
use serde_json::Value;

use crate::command::{Ended, Sembla, Served, fixture_models, folder};

/// A server, and whoever gives commands beside it.
struct World {
    sembla: Sembla,
    served: Served,
}

impl World {
    fn start(args: &[&str]) -> Self {
        let sembla = Sembla::new();
        let served = Served::start(&sembla, &[&["serve", "--port", "0"], args].concat());
        Self { sembla, served }
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.sembla.run(&[&["endpoint"], args].concat())
    }

    /// Runs a command that must be done, and returns what it prints.
    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.stdout
    }

    /// The same with `--json`.
    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[args, &["--json"]].concat())).unwrap()
    }

    /// Creates an endpoint of the smallest model and waits until it runs.
    #[track_caller]
    fn create(&self, name: &str, args: &[&str]) -> String {
        let model = folder("tiny-bert");
        self.done(&[&["create", name, "--model", &model, "--wait"], args].concat())
    }

    #[track_caller]
    fn check(&self, args: &[&str], expected: Expect) {
        let transcript = self.sembla.transcript(&[&["endpoint"], args].concat());
        let folder = fixture_models().display().to_string();
        expected.assert_eq(&transcript.replace(&folder, "$MODELS"));
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/serve/me/{name}", self.served.address())
    }
}

/// Returns the lines of a table or a card whose first word is this.
fn rows<'a>(text: &'a str, first: &str) -> Vec<Vec<&'a str>> {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.first() == Some(&first)).collect()
}

#[test]
fn an_endpoint_is_created_and_answers_at_the_url_that_is_shown() {
    let world = World::start(&[]);
    let card = world.create("tiny", &[]);
    assert!(card.starts_with("me/tiny\n"), "{card}");
    assert_eq!(rows(&card, "state"), [["state", "running"]]);
    assert_eq!(rows(&card, "url"), [["url", &world.url("tiny")]]);
    assert_eq!(rows(&card, "type"), [["type", "authenticated"]]);
    assert_eq!(world.served.ask("/serve/me/tiny", Some(r#"{"inputs": "a"}"#)).0, 200);
    let list = world.done(&["list"]);
    let cells = ["me/tiny", "running", "1", "of", "1", "$0.00", &folder("tiny-bert")];
    assert_eq!(rows(&list, "me/tiny")[0][..7], cells, "{list}");
    assert!(list.contains(&world.url("tiny")), "{list}");
    assert_eq!(
        world.done(&["wait", "tiny"]),
        "endpoint me/tiny is running, 1 of 1 replicas ready\n"
    );
    let logs = world.done(&["logs", "tiny", "--tail", "3"]);
    assert!(logs.lines().all(|line| line.starts_with("tiny-1-0  ")), "{logs}");
    assert!((1..=3).contains(&logs.lines().count()), "{logs}");
    assert_eq!(world.done(&["logs", "tiny", "--replica", "tiny-9-9"]), "");
}

#[test]
fn json_is_what_the_server_shows_with_the_namespace_and_the_usage() {
    let world = World::start(&[]);
    let args =
        ["--min", "0", "--max", "2", "--to-zero-after", "5", "--env", "A=b", "--tag", "mine"];
    world.create("tiny", &args);
    let shown = world.json(&["show", "tiny"]);
    assert_eq!(shown["namespace"], "me");
    assert_eq!(shown["name"], "tiny");
    assert_eq!(shown["status"]["url"], world.url("tiny"));
    assert_eq!(shown["compute"]["scaling"]["scaleToZeroTimeout"], 5);
    assert_eq!(shown["model"]["env"]["A"], "b");
    assert_eq!(shown["tags"][0], "mine");
    assert_eq!(shown["usage"]["cost"]["millionths"], 0);
    let list = world.json(&["list"]);
    assert_eq!(list[0]["status"]["state"], "running");
    assert_eq!(world.json(&["wait", "tiny"])["status"]["readyReplica"], 1);
    assert_eq!(world.json(&["logs", "tiny"])[0]["replica_id"], "tiny-1-0");
    assert_eq!(world.json(&["scale", "tiny", "--max", "3"])["compute"]["scaling"]["maxReplica"], 3);
    assert_eq!(world.json(&["update", "tiny", "--type", "public"])["type"], "public");
    assert_eq!(world.json(&["pause", "tiny"])["status"]["state"], "paused");
    assert_eq!(world.json(&["resume", "tiny", "--wait"])["status"]["state"], "running");
    assert_eq!(world.json(&["cost", "tiny"])["endpoints"][0]["name"], "tiny");
    assert_eq!(world.json(&["delete", "tiny"])["deleted"], true);
    assert_eq!(world.run(&["list", "--json"]).stdout, "[]\n");
}

#[test]
fn an_endpoint_is_paused_resumed_scaled_and_deleted() {
    let world = World::start(&[]);
    world.create("tiny", &[]);
    world.check(
        &["pause", "tiny"],
        expect![[r#"
            endpoint me/tiny is paused (paused by me; resume it)
            exit code 0
        "#]],
    );
    world.check(
        &["wait", "tiny"],
        expect![[r#"
            stderr: sembla: endpoint me/tiny is paused (paused by me; resume it); start it with `sembla endpoint resume tiny`
            exit code 1
        "#]],
    );
    world.check(
        &["scale", "tiny", "--to-zero"],
        expect![[r#"
            stderr: sembla: endpoint `tiny` is paused by me; resume it first
            exit code 3
        "#]],
    );
    let resumed = world.done(&["resume", "tiny", "--wait"]);
    assert_eq!(resumed, "endpoint me/tiny is running, 1 of 1 replicas ready\n");
    world.done(&["scale", "tiny", "--min", "0", "--max", "2", "--to-zero-after", "5"]);
    let card = world.done(&["show", "tiny"]);
    assert!(card.contains("ready; 0 to 2, none after 5 min without a request"), "{card}");
    let asleep = world.done(&["scale", "tiny", "--to-zero"]);
    assert!(
        asleep.starts_with("endpoint me/tiny is scaledToZero (scaled to zero by me"),
        "{asleep}"
    );
    assert_eq!(world.run(&["wait", "tiny"]).code, 1);
    assert_eq!(world.done(&["delete", "tiny"]), "endpoint me/tiny is gone\n");
    world.check(
        &["list"],
        expect![[r#"
            stderr: no endpoints yet; make one with `sembla endpoint create NAME --model MODEL`
            exit code 1
        "#]],
    );
}

#[test]
fn an_update_changes_what_is_given_and_nothing_else() {
    let world = World::start(&[]);
    world.create("tiny", &["--budget", "2.5", "--time-to-live", "90"]);
    let before = world.json(&["show", "tiny"]);
    assert_eq!(before["usage"]["budget"]["shown"], "$2.50");
    let after =
        world.json(&["update", "tiny", "--budget", "none", "--task", "sentence-embeddings"]);
    assert_eq!(after["compute"].get("budget"), None);
    assert_eq!(after["compute"]["timeToLive"], 90);
    assert_eq!(after["model"]["task"], "sentence-embeddings");
    assert_eq!(after["model"]["repository"], before["model"]["repository"]);
    // Another image needs other replicas, which take over when they are ready.
    world.done(&["update", "tiny", "--image", "huggingface", "--wait"]);
    let (_, answer) = world.served.ask("/serve/me/tiny", Some(r#"{"inputs": "a"}"#));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["embeddings"].as_array().map(Vec::len), Some(32), "{answer}");
}

#[test]
fn a_gpu_that_was_asked_for_is_a_note_and_a_price() {
    let world = World::start(&["--prices", "nvidia-a10g=1"]);
    let gpu = ["--accelerator", "gpu", "--instance-type", "nvidia-a10g", "--max", "2"];
    let model = folder("tiny-bert");
    let create = [&["create", "tiny", "--model", &model][..], &gpu].concat();
    world.check(
        &[&create[..], &["--dry-run"]].concat(),
        expect![[r#"
            me/tiny would cost $1.00 an hour for each replica, $720.00 to $1440.00 in 30 days
            exit code 0
        "#]],
    );
    assert_eq!(
        world.json(&[&create[..], &["--dry-run"]].concat())["replica_hour"]["shown"],
        "$1.00"
    );
    assert_eq!(world.run(&["list"]).code, 1);
    let created = world.run(&[&create[..], &["--wait"]].concat());
    assert!(created.stderr.starts_with("note: me/tiny will cost $1.00 an hour"), "{created:?}");
    let note = "note      a GPU was asked for (nvidia-a10g x1); this runs on this machine's CPU";
    assert!(created.stdout.contains(note), "{created:?}");
    // The minute in which it became ready is paid for within a second.
    let mut cost = world.done(&["cost"]);
    while rows(&cost, "me/tiny")[0][1] == "0" {
        cost = world.done(&["cost"]);
    }
    expect![[r#"
        ENDPOINT  REPLICA MINUTES  PRICE/HOUR  REQUESTS  TOKENS  COST
        me/tiny   1                $1.00       0         0       $0.016667
        total     1                            0         0       $0.016667
    "#]]
    .assert_eq(&cost);
    world.done(&["delete", "tiny", "--yes"]);
    let cost = world.done(&["cost", "tiny"]);
    assert_eq!(rows(&cost, "me/tiny"), [["me/tiny", "1", "deleted", "0", "0", "$0.016667"]]);
}

#[test]
fn a_folder_is_that_of_the_command_and_a_secret_that_of_its_environment() {
    let sembla = Sembla::new().with_env("QUIET", "hidden");
    let served = Served::start(&sembla, &["serve", "--port", "0"]);
    let world = World { sembla, served };
    let below = world.sembla.home().join("below");
    fs_err::create_dir(&below).unwrap();
    fs_err::os::unix::fs::symlink(fixture_models().join("tiny-bert"), below.join("tiny")).unwrap();
    let args = ["endpoint", "create", "tiny", "--model", "q=./tiny", "--secret", "QUIET", "--json"];
    let created = world.sembla.command(&args).current_dir(&below).output().unwrap();
    let created = Ended::from(created);
    assert_eq!(created.code, 0, "{created:?}");
    let shown: Value = serde_json::from_str(&created.stdout).unwrap();
    let folder = below.join("tiny").display().to_string();
    assert_eq!(shown["model"]["repository"], format!("q={folder}"));
    assert!(!created.stdout.contains("hidden"), "{created:?}");
    world.done(&["wait", "tiny"]);
}

#[test]
fn what_the_server_refuses_is_named_with_the_remedy() {
    let world = World::start(&["--offline"]);
    world.create("tiny", &[]);
    world.check(
        &["create", "tiny", "--model", &folder("tiny-bert")],
        expect![[r#"
            stderr: sembla: there is an endpoint `me/tiny` already; choose another name or delete it
            exit code 3
        "#]],
    );
    world.check(
        &["show", "tidy"],
        expect![[r#"
            stderr: sembla: there is no endpoint `me/tidy` (there are `tiny`); create it with `sembla endpoint create tidy --model MODEL`
            exit code 3
        "#]],
    );
    world.check(
        &["cost", "tidy"],
        expect![[r#"
            stderr: sembla: there is no endpoint `me/tidy` (there are `tiny`); create it with `sembla endpoint create tidy --model MODEL`
            exit code 3
        "#]],
    );
    world.check(
        &["resume", "tiny"],
        expect![[r#"
            stderr: sembla: endpoint `tiny` is already running
            exit code 3
        "#]],
    );
    world.check(
        &["scale", "tiny", "--min", "3"],
        expect![[r#"
            stderr: sembla: min_replica 3 is over max_replica 1; lower the one or raise the other
            exit code 3
        "#]],
    );
    world.check(
        &["create", "other", "--model", "org/nowhere"],
        expect![[r#"
            stderr: sembla: model `org/nowhere` cannot be loaded: the model `org/nowhere` at `main` is not in $HOME/.cache/huggingface/hub, and `offline` is set; unset it, or name a directory
            exit code 3
        "#]],
    );
    let late = world.run(&["update", "tiny", "--env", "A=b", "--wait", "--timeout", "0"]);
    assert_eq!(late.code, 1, "{late:?}");
    assert!(late.stderr.contains("after 0 s; wait longer with --timeout"), "{late:?}");
    assert_eq!(rows(&world.done(&["list"]), "me/tiny").len(), 1);
}

#[test]
fn a_timeout_bounds_the_wait_for_a_server_that_hangs() {
    let world = World::start(&[]);
    world.create("tiny", &[]);
    world.served.signal(Signal::STOP);
    for args in [&["wait", "tiny"][..], &["wait", "tiny", "--namespace", "me"]] {
        let late = world.run(&[args, &["--timeout", "0.1"]].concat());
        assert_eq!(late.code, 3, "{late:?}");
        assert!(late.stderr.contains("the running server does not answer"), "{late:?}");
    }
    world.served.signal(Signal::CONT);
    world.done(&["wait", "tiny", "--timeout", "0"]);
}

/// Checks the error of a command that no server is asked for: none runs.
#[track_caller]
fn check_usage(args: &[&str], expected: Expect) {
    let ended = Sembla::new().run(&[&["endpoint"], args].concat());
    assert_eq!(ended.code, 2, "{args:?}: {ended:?}");
    expected.assert_eq(ended.stderr.lines().next().unwrap_or_default());
}

#[test]
fn what_cannot_be_is_refused_before_anybody_is_asked() {
    let model = folder("tiny-bert");
    let create = |args: &[&str], expected: Expect| {
        check_usage(&[&["create", "tiny", "--model", &model], args].concat(), expected);
    };
    create(
        &["--min", "3", "--max", "2"],
        expect!["sembla: min_replica 3 is over max_replica 2; lower the one or raise the other"],
    );
    create(
        &["--to-zero-after", "0"],
        expect!["sembla: scale_to_zero_timeout is 0; leave it out or ask for 1 or more"],
    );
    create(
        &["--budget", "-1"],
        expect![
            "error: invalid value '-1' for '--budget <DOLLARS|none>': expected dollars over 0, or `none` for no budget"
        ],
    );
    create(
        &["--image", "vllm"],
        expect![
            "error: invalid value 'vllm' for '--image <tei|huggingface|URL>': expected `tei`, `huggingface`, or the URL of a container, such as ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
        ],
    );
    create(
        &["--secret", "UNSET"],
        expect![
            "sembla: --secret UNSET has no value, and no variable UNSET is set; set it, or write --secret NAME=VALUE"
        ],
    );
    check_usage(
        &["create", "Tiny", "--model", &model],
        expect![
            "error: invalid value 'Tiny' for '<NAME>': `Tiny` cannot name an endpoint: use 1 to 32 lower-case letters, digits and `-`, beginning and ending with a letter or a digit"
        ],
    );
    check_usage(
        &["create", "tiny", "--model", "./nowhere"],
        expect!["sembla: there is no model directory at ./nowhere"],
    );
    check_usage(
        &["scale", "tiny", "--max", "65"],
        expect!["sembla: max_replica 65 is over the limit of 64; ask for fewer"],
    );
    check_usage(
        &["scale", "tiny"],
        expect![
            "sembla: nothing to scale is given; give one of --min N, --max N, --to-zero-after MINUTES and --to-zero"
        ],
    );
    check_usage(
        &["update", "tiny"],
        expect![
            "sembla: nothing to change is given; `sembla endpoint update --help` lists what can be"
        ],
    );
}

#[test]
fn endpoints_need_a_running_server() {
    let sembla = Sembla::new();
    let dir = "$HOME/.local/share/sembla";
    for args in [&["list"][..], &["show", "tiny"], &["create", "tiny", "--model", "org/name"]] {
        let transcript = sembla.transcript(&[&["endpoint"], args].concat());
        let expected = format!(
            "stderr: sembla: no server runs on the data directory {dir}, and only a running server \
             has endpoints; start one with `sembla serve`, or give the directory of the one that \
             runs with --data-dir\nexit code 3\n"
        );
        assert_eq!(transcript, expected, "{args:?}");
    }
    assert!(!sembla.home().join(".local").exists());
}

#[test]
fn namespaces_are_apart() {
    let world = World::start(&[]);
    world.create("tiny", &["--namespace", "team"]);
    assert_eq!(world.run(&["show", "tiny"]).code, 3);
    assert_eq!(rows(&world.done(&["list"]), "team/tiny").len(), 1);
    assert_eq!(world.run(&["list", "--namespace", "me"]).code, 1);
    let url = world.json(&["show", "tiny", "--namespace", "team"])["status"]["url"].clone();
    assert_eq!(url, format!("http://{}/serve/team/tiny", world.served.address()));
}
