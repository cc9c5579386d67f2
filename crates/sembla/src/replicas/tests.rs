//! Replicas that start, answer, crash, hang and stop, as processes of the built program and of small
//! scripts.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use endpoints::{
    Address, EndpointId, Exit, Generation, ImageKind, Model, Phase, Replica, ReplicaKey,
    Runtime as _, RuntimeError, Spec, Start,
};
use expect_test::expect;
use hyper::body::Bytes;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use super::launch::{LaunchConfig, Program};
use super::{LocalRuntime, Sockets, http, keeper};
use crate::config::{Env, HubConfig};

/// A test that waits for something that never comes fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(30);

/// Returns the program as cargo built it beside the tests of this crate.
fn built() -> Program {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap().join("sembla");
    assert!(built.exists(), "{} is not built; run the tests of the whole package", built.display());
    Program::for_tests(built, Vec::new())
}

/// Returns a script in place of the program. The arguments of a replica are its own.
fn script(text: &str) -> Program {
    let args = ["-c", text, "replica"].map(str::to_owned).to_vec();
    Program::for_tests(PathBuf::from("/bin/sh"), args)
}

/// Returns a configuration that knows no Hub and no folder.
pub(super) fn config(program: Program) -> LaunchConfig {
    LaunchConfig {
        program,
        env: Env::new(),
        hub: HubConfig {
            endpoint: "http://hub.invalid".to_owned(),
            cache_dir: None,
            token: None,
            token_path: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            num_retries: 0,
            offline: true,
        },
        threads: NonZeroUsize::MIN,
        engine: engine::EngineConfig {
            max_queue_tokens: 262_144,
            ..engine::EngineConfig::for_tests()
        },
        payload_limit_bytes: 1_000_000,
        body_read_timeout: Duration::from_secs(30),
        write_timeout: Duration::from_secs(30),
        drain_limit: DRAIN,
    }
}

/// A runtime with a data directory of its own.
struct TestRuntime {
    runtime: LocalRuntime,
    // After the runtime, which removes its own folder from it.
    dir: TempDir,
}

impl Deref for TestRuntime {
    type Target = LocalRuntime;

    fn deref(&self) -> &LocalRuntime {
        &self.runtime
    }
}

fn runtime(program: Program) -> TestRuntime {
    with_config(config(program))
}

fn with_config(config: LaunchConfig) -> TestRuntime {
    let dir = tempfile::tempdir().unwrap();
    let sockets = Sockets::make(dir.path()).unwrap();
    TestRuntime { runtime: LocalRuntime::new(config, sockets), dir }
}

pub(super) fn model(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models");
    models.canonicalize().unwrap().join(name).display().to_string()
}

pub(super) fn spec(source: &str) -> Spec {
    Spec::of_model(Model::new(source.to_owned()).unwrap(), ImageKind::Tei)
}

fn key(ordinal: u32) -> ReplicaKey {
    ReplicaKey { endpoint: EndpointId(1), generation: Generation::FIRST, ordinal }
}

async fn start(runtime: &LocalRuntime, ordinal: u32, source: &str) {
    let start = Start { key: key(ordinal), spec: spec(source).into() };
    runtime.start(start).await.unwrap();
}

async fn find(runtime: &LocalRuntime, ordinal: u32) -> Option<Replica> {
    let replicas = runtime.list().await.unwrap();
    replicas.into_iter().find(|replica| replica.key == key(ordinal))
}

/// Waits until a replica is as wanted.
async fn wait_for(
    runtime: &LocalRuntime,
    ordinal: u32,
    is_wanted: impl Fn(&Replica) -> bool,
) -> Replica {
    let waiting = async {
        loop {
            if let Some(replica) = find(runtime, ordinal).await.filter(|replica| is_wanted(replica))
            {
                return replica;
            }
            // Not every line that is written is told of.
            let _ = timeout(Duration::from_millis(20), runtime.changed()).await;
        }
    };
    match timeout(PATIENCE, waiting).await {
        Ok(replica) => replica,
        Err(_) => panic!("it is {:?}", find(runtime, ordinal).await),
    }
}

async fn ready(runtime: &LocalRuntime, ordinal: u32) -> Replica {
    wait_for(runtime, ordinal, Replica::is_ready).await
}

async fn exit(runtime: &LocalRuntime, ordinal: u32) -> Exit {
    let has_ended = |replica: &Replica| matches!(replica.phase, Phase::Exited(_));
    let replica = wait_for(runtime, ordinal, has_ended).await;
    let Phase::Exited(exit) = replica.phase else { panic!("{replica:?}") };
    exit
}

async fn logs(runtime: &LocalRuntime) -> Vec<String> {
    let lines = runtime.logs(EndpointId(1), usize::MAX).await.unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

fn socket(replica: &Replica) -> &Path {
    match &replica.address {
        Some(Address::Socket(path)) => path,
        Some(Address::Tcp(_)) | None => panic!("{replica:?}"),
    }
}

/// Returns the process of the one replica, of which a script wrote the number.
async fn process(runtime: &LocalRuntime) -> Pid {
    wait_for(runtime, 0, |replica| {
        matches!(&replica.phase, Phase::Starting { doing } if doing.contains("its last line"))
    })
    .await;
    let lines = logs(runtime).await;
    Pid::from_raw(lines[0].parse().unwrap()).unwrap()
}

fn is_gone(process: Pid) -> bool {
    test_kill_process(process).is_err()
}

#[tokio::test]
async fn a_replica_becomes_ready_answers_and_stops() {
    let runtime = runtime(built());
    start(&runtime, 0, &model("tiny-bert")).await;
    assert!(find(&runtime, 0).await.unwrap().is_live());
    let replica = ready(&runtime, 0).await;
    runtime.probe(key(0)).await.unwrap();
    assert!(replica.memory_bytes > Some(1 << 20), "{replica:?}");
    let request = Bytes::from(r#"{"inputs": ["a"]}"#);
    let answer = http::post(socket(&replica), "/embed", request).await.unwrap();
    assert!(answer.starts_with(b"[["));
    let lines = logs(&runtime).await;
    assert!(lines.iter().any(|line| line.contains("model is ready")), "{lines:?}");

    let begun = Instant::now();
    runtime.stop(key(0), DRAIN).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "nothing was under way");
    assert_eq!(find(&runtime, 0).await, None);
    assert!(matches!(runtime.probe(key(0)).await, Err(RuntimeError::NoReplica { .. })));
    assert!(http::health(socket(&replica)).await.is_err());
    assert!(!socket(&replica).exists(), "its socket goes with it");
    assert!(!logs(&runtime).await.is_empty(), "logs outlive their replica");
}

#[tokio::test]
async fn a_replica_that_was_killed_is_listed_until_another_takes_its_place() {
    let runtime = runtime(script("echo $$; exec sleep 1000"));
    start(&runtime, 0, &model("tiny-bert")).await;
    let launch = find(&runtime, 0).await.unwrap().launch;
    kill_process(process(&runtime).await, Signal::KILL).unwrap();
    let exit = exit(&runtime, 0).await;
    assert_eq!(exit.reason, "killed by signal 9, as the system does when memory runs out");
    assert_eq!(exit.log_tail.len(), 1);
    start(&runtime, 0, &model("tiny-bert")).await;
    let next = wait_for(&runtime, 0, Replica::is_live).await;
    assert!(next.launch > launch);
    runtime.stop(key(0), DRAIN).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_ended_says_how_and_is_forgotten_when_it_is_stopped() {
    let runtime = runtime(script("echo no such file: config.json >&2; exit 3"));
    start(&runtime, 0, &model("tiny-bert")).await;
    expect!["ended with exit code 3; its last lines: no such file: config.json"]
        .assert_eq(&exit(&runtime, 0).await.to_string());
    let health = runtime.probe(key(0)).await.unwrap_err();
    assert_eq!(health.to_string(), "the health check failed: it does not listen");
    runtime.stop(key(0), DRAIN).await.unwrap();
    assert_eq!(find(&runtime, 0).await, None);
    runtime.stop(key(0), DRAIN).await.unwrap();
}

#[tokio::test]
async fn starting_what_is_there_starts_nothing() {
    let runtime = runtime(script("echo $$; exec sleep 1000"));
    start(&runtime, 0, &model("tiny-bert")).await;
    let launch = find(&runtime, 0).await.unwrap().launch;
    start(&runtime, 0, &model("tiny-bert")).await;
    assert_eq!(find(&runtime, 0).await.unwrap().launch, launch);
    process(&runtime).await;
    runtime.stop(key(0), DRAIN).await.unwrap();
    assert_eq!(logs(&runtime).await.len(), 1);
}

#[tokio::test]
async fn a_replica_that_will_not_stop_is_ended_by_force() {
    let runtime = runtime(script("trap '' TERM; echo $$; while :; do sleep 0.05; done"));
    start(&runtime, 0, &model("tiny-bert")).await;
    let process = process(&runtime).await;
    let stopping = {
        let runtime = LocalRuntime::clone(&runtime);
        tokio::spawn(async move { runtime.stop(key(0), Duration::from_millis(300)).await })
    };
    wait_for(&runtime, 0, |replica| replica.phase == Phase::Stopping).await;
    assert!(!is_gone(process), "it has its time");
    stopping.await.unwrap().unwrap();
    assert!(is_gone(process));
    assert_eq!(find(&runtime, 0).await, None);
}

#[tokio::test]
async fn a_stop_under_way_can_be_given_less_time() {
    let runtime = runtime(script("trap '' TERM; echo $$; while :; do sleep 0.05; done"));
    start(&runtime, 0, &model("tiny-bert")).await;
    process(&runtime).await;
    let begun = Instant::now();
    let stopping = runtime.stop(key(0), Duration::from_secs(3600));
    let hurrying = async { runtime.end_by(Instant::now() + Duration::from_millis(100)) };
    let (stopped, ()) =
        timeout(PATIENCE, async { tokio::join!(stopping, hurrying) }).await.unwrap();
    stopped.unwrap();
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_socket_whose_name_is_taken_is_named_and_the_next_launch_has_another() {
    let runtime = runtime(built());
    let taken = runtime.dir.path().join("run/1");
    fs_err::write(&taken, "").unwrap();
    start(&runtime, 0, &model("tiny-bert")).await;
    let exit = exit(&runtime, 0).await.to_string();
    let named = format!("failed to listen on {}: Address already in use", taken.display());
    assert!(exit.contains(&named), "{exit}");
    start(&runtime, 0, &model("tiny-bert")).await;
    ready(&runtime, 0).await;
    runtime.stop(key(0), DRAIN).await.unwrap();
}

#[tokio::test]
async fn what_does_not_get_ready_says_what_it_is_at() {
    let runtime = runtime(script("echo loading >&2; exec sleep 1000"));
    start(&runtime, 0, &model("tiny-bert")).await;
    let doing = |replica: Replica| {
        let Phase::Starting { doing } = replica.phase else { panic!("{replica:?}") };
        doing.replace(&model(""), "")
    };
    let has_line = |replica: &Replica| matches!(&replica.phase, Phase::Starting { doing } if doing.ends_with("loading"));
    expect!["starting a process for the model tiny-bert; its last line: loading"]
        .assert_eq(&doing(wait_for(&runtime, 0, has_line).await));

    // It says that it listens, and nobody does.
    let runtime_of_liar = self::runtime(script("echo listening on nothing; exec sleep 1000"));
    start(&runtime_of_liar, 0, &model("tiny-bert")).await;
    let liar = wait_for(&runtime_of_liar, 0, |replica| replica.address.is_some()).await;
    assert!(!liar.is_ready());
    let said = doing(liar);
    assert!(said.starts_with("loading the model tiny-bert and listening"), "{said}");
    for runtime in [runtime, runtime_of_liar] {
        runtime.stop(key(0), DRAIN).await.unwrap();
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_refused() {
    let runtime = runtime(Program::for_tests("/no/such/program".into(), Vec::new()));
    let start = Start { key: key(0), spec: spec(&model("tiny-bert")).into() };
    let error = runtime.start(start).await.unwrap_err().to_string();
    assert!(error.starts_with("failed to start a process: No such file"), "{error}");
    assert_eq!(find(&runtime, 0).await, None);
}

#[tokio::test]
async fn a_replica_ends_with_the_pipe_to_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("1");
    let command = config(built()).command(&spec(&model("tiny-bert")), &socket).unwrap();
    let mut child = keeper::spawn(command).unwrap();
    // As a killed owner closes all of them at once.
    drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(129));
}

#[tokio::test]
async fn versions_are_compared_by_what_they_answer() {
    let runtime = runtime(built());
    for (ordinal, name) in [(0, "tiny-bert"), (1, "tiny-bert"), (2, "tiny-bert-plain")] {
        start(&runtime, ordinal, &model(name)).await;
    }
    for ordinal in 0..3 {
        ready(&runtime, ordinal).await;
    }
    let same = runtime.compare(key(0), key(1)).await.unwrap();
    assert!(same.cosine > Some(0.9999), "{same:?}");
    let other = runtime.compare(key(0), key(2)).await.unwrap();
    let is_other = other.cosine.is_none_or(|cosine| cosine < 0.9);
    assert!(is_other, "{other:?}");
    let none = runtime.compare(key(0), key(7)).await;
    assert!(matches!(none, Err(RuntimeError::NoReplica { .. })));
    for ordinal in 0..3 {
        runtime.stop(key(ordinal), DRAIN).await.unwrap();
    }
}

#[tokio::test]
async fn a_spec_is_looked_at_before_anything_starts() {
    let runtime = runtime(script("exit 1"));
    let mut gpu = spec(&model("tiny-bert"));
    gpu.labels.accelerator = "gpu".to_owned();
    gpu.labels.instance_type = "nvidia-a10g".to_owned();
    gpu.labels.instance_size = "x1".to_owned();
    let examined = runtime.examine(&gpu).await.unwrap();
    assert!(examined.memory_bytes > Some(48 << 20), "{examined:?}");
    expect!["a GPU was asked for (nvidia-a10g x1); this runs on this machine's CPU"]
        .assert_eq(&examined.note.unwrap());
    assert_eq!(runtime.examine(&spec(&model("tiny-bert"))).await.unwrap().note, None);

    let missing = runtime.examine(&spec("./no-such-model")).await.unwrap_err();
    expect![
        "model `./no-such-model` cannot be loaded: there is no model directory at ./no-such-model"
    ]
    .assert_eq(&missing.to_string());
    let mut config = config(script("exit 1"));
    config.hub.cache_dir = Some("/no/cache".into());
    let offline = with_config(config).examine(&spec("org/name")).await.unwrap_err();
    expect!["model `org/name` cannot be loaded: the model `org/name` at `main` is not in /no/cache, and `offline` is set; unset it, or name a directory"]
        .assert_eq(&offline.to_string());
}
