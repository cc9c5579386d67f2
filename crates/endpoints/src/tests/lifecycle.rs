//! Create, update, pause, resume, sleep, delete: what their answers say and what follows.

use std::time::Duration;

use super::world::{World, is, key, me, named, scaled, spec};
use crate::control::ControlError;
use crate::planner::Drift;
use crate::runtime::ExamineError;
use crate::spec::{Scaling, Spec};
use crate::status::{PausedBy, State};
use crate::store::StoreError;

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_created_runs() {
    let world = World::new();
    let created = world.create("boru", scaled(0, 1)).await.unwrap();
    assert_eq!((created.status.state, created.status.target_replicas), (State::Pending, 1));
    let view = world.until("boru", is(State::Running)).await;
    assert_eq!(view.routes.len(), 1);
    assert_eq!(world.control.list(&me()).len(), 1);
    assert_eq!(world.control.list(&"you".parse().unwrap()).len(), 0);
    assert_eq!(world.control.replicas("me", "boru").await.unwrap().len(), 1);
    assert_eq!(world.control.logs("me", "boru", 9).await.unwrap()[0].text, "ready");
}

#[tokio::test(start_paused = true)]
async fn bad_input_leaves_everything_as_it_was() {
    let world = World::with(|config| config.memory_budget_bytes = Some(1_000));
    world.deploy("boru", spec("a/b")).await;
    let before = world.get("boru");

    let taken = world.create("boru", spec("c/d")).await.unwrap_err();
    assert!(matches!(taken, ControlError::Taken { .. }));
    let missing = world.create("other", spec("missing/x")).await.unwrap_err();
    assert!(matches!(missing, ControlError::Examine(ExamineError::Model { .. })));
    let resumed = world.control.resume("me", "boru").await.unwrap_err();
    assert!(resumed.to_string().contains("already running"));
    let change = |_: &Spec| Ok::<_, ControlError>(spec("missing/x"));
    assert!(world.control.update("me", "boru", change).await.is_err());
    world.runtime.set_memory(1_001);
    let large = world.create("large", spec("c/d")).await.unwrap_err();
    assert!(
        large.to_string().contains("takes about 1001 bytes, and the memory budget is 1000 bytes")
    );
    let unknown = world.control.delete("me", "nobody").await.unwrap_err();
    assert!(matches!(unknown, ControlError::NotFound { .. }));

    assert_eq!(world.control.list_all().len(), 1);
    let after = world.get("boru");
    assert_eq!((&after.record, &after.status), (&before.record, &before.status));
    assert_eq!(world.runtime.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_that_create_the_same_name_at_once_get_one_endpoint() {
    let world = World::new();
    let creates = (0..8).map(|_| {
        let control = world.control.clone();
        tokio::spawn(async move { control.create(me(), named("boru"), spec("a/b")).await })
    });
    let creates: Vec<_> = creates.collect();
    let mut created = 0;
    for create in creates {
        created += u32::from(create.await.unwrap().is_ok());
    }
    assert_eq!((created, world.control.list_all().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn pause_shows_at_once_and_resume_brings_it_back() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    let paused = world.pause("boru").await;
    assert_eq!((paused.status.state, paused.status.ready_replicas), (State::Paused, 0));
    assert_eq!(paused.status.paused.unwrap().by, PausedBy::User("ada".to_owned()));
    assert!(world.watch("boru").view().routes.is_empty(), "a gateway sees it as soon");
    assert!(!world.runtime.keys().is_empty(), "it drains behind that");
    world.until_empty().await;
    let asleep = world.control.scale_to_zero("me", "boru", "ada".to_owned()).await.unwrap_err();
    assert!(matches!(asleep, ControlError::IsPaused { .. }));

    let resumed = world.control.resume("me", "boru").await.unwrap();
    assert_eq!(resumed.status.state, State::Pending);
    world.until("boru", is(State::Running)).await;
}

#[tokio::test(start_paused = true)]
async fn delete_shows_at_once_and_the_name_is_free() {
    let world = World::new();
    let mut watched = world.deploy("boru", spec("a/b")).await;
    world.control.delete("me", "boru").await.unwrap();
    assert!(world.control.get("me", "boru").is_err());
    assert!(world.control.watch("me", "boru").is_none());
    assert!(watched.changed().await.is_deleted, "whoever watches it is told");
    let again = world.create("boru", spec("a/b")).await.unwrap();
    assert_ne!(again.record.id, watched.view().record.id);
    world.until("boru", is(State::Running)).await;
    assert_eq!(world.runtime.keys(), [key(2, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_endpoint_sleeps_and_a_change_of_scaling_restarts_nothing() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    let change = |old: &Spec| {
        let mut spec = old.clone();
        spec.scaling = Scaling::new(0, 1, Some(Duration::from_secs(60))).unwrap();
        Ok::<_, ControlError>(spec)
    };
    world.control.update("me", "boru", change).await.unwrap();
    let view = world.until("boru", is(State::ScaledToZero)).await;
    assert_eq!(view.status.reason, "no request for its idle time");
    world.until_empty().await;
    assert_eq!(world.runtime.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_update_moves_traffic_once_the_new_version_is_ready() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    let updated = world.update("boru", "c/d").await;
    assert_eq!((updated.status.state, updated.status.ready_replicas), (State::Updating, 1));
    let view =
        world.until("boru", |view| view.routes.iter().any(|r| r.key.generation.0 == 2)).await;
    assert_eq!(view.routes.len(), 1);
    world.until("boru", is(State::Running)).await;
    assert_eq!(world.get("boru").status.drift.unwrap().cosine, Some(1.0));
    assert_eq!(world.runtime.peak(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_crashes_or_drifts_is_rolled_back_and_says_why() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.runtime.crash_model("broken/x");
    world.update("boru", "broken/x").await;
    let view = world.until("boru", is(State::UpdateFailed)).await;
    assert!(view.status.reason.contains("no such file: config.json"), "{}", view.status.reason);
    assert_eq!(view.routes.len(), 1, "the old version serves");

    world.runtime.set_drift(Drift { cosine: Some(0.2), live_dimensions: 4, next_dimensions: 4 });
    let change = |_: &Spec| {
        let mut spec = spec("a/b");
        spec.model.revision = Some("other".to_owned());
        Ok::<_, ControlError>(spec)
    };
    world.control.update("me", "boru", change).await.unwrap();
    let is_drift = |view: &crate::View| view.status.reason.contains("the cosine is 0.2000");
    let view = world.until("boru", is_drift).await;
    assert_eq!((view.status.state, view.routes.len()), (State::UpdateFailed, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_survives_a_kill_and_new_replicas_come() {
    let mut world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.deploy("other", spec("a/b")).await;
    world.pause("other").await;
    world.kill().await;
    world.start();
    assert_eq!(world.get("other").status.state, State::Paused);
    world.until("boru", is(State::Running)).await;
    assert_eq!(world.runtime.keys(), [key(1, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_leaves_no_replica() {
    let mut world = World::new();
    world.deploy("boru", scaled(3, 3)).await;
    world.stop().await;
    assert!(world.runtime.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_newer_database_is_refused() {
    let mut world = World::new();
    world.stop().await;
    let connection = rusqlite::Connection::open(world.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let runtime = std::sync::Arc::new(world.runtime.clone());
    let clock = std::sync::Arc::new(crate::SystemClock::start());
    let opened = crate::Control::open(world.config.clone(), runtime, clock);
    assert!(matches!(opened.map(drop), Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test(start_paused = true)]
async fn many_cycles_leave_nothing_behind() {
    let world = World::new();
    for _ in 0..50 {
        world.deploy("boru", spec("a/b")).await;
        world.control.delete("me", "boru").await.unwrap();
    }
    world.until_empty().await;
    assert!(world.control.list_all().is_empty());
    assert_eq!(world.runtime.starts(), 50);
}

// Two seconds: each of two thousand changes waits for the disk.
#[tokio::test(start_paused = true)]
async fn a_thousand_sleeping_endpoints_cost_no_work_and_little_memory() {
    let world = World::new();
    for index in 0..1_000 {
        let name = format!("e-{index}");
        world.create(&name, scaled(0, 1)).await.unwrap();
    }
    for endpoint in world.control.list_all() {
        let name = endpoint.record.name.as_str();
        world.control.scale_to_zero("me", name, "ada".to_owned()).await.unwrap();
    }
    world.until_empty().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = world.runtime.lists();
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    let passes = world.runtime.lists() - before;
    assert!(passes <= 24, "{passes} looks in a day at endpoints that sleep");
    assert!(resident_mib() < 100, "{} MiB", resident_mib());
}

/// What this process holds in memory, by the word of the kernel.
fn resident_mib() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

// Handlers of a server run on any thread.
#[tokio::test(start_paused = true)]
async fn what_servers_wait_for_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let world = World::new();
    let mut watched = world.deploy("boru", spec("a/b")).await;
    is_send(&world.control.update("me", "boru", |old: &Spec| Ok::<_, ControlError>(old.clone())));
    is_send(&world.control.resume("me", "boru"));
    is_send(&watched.ready(Duration::ZERO));
}
