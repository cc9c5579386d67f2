//! What happens when the machine does not do as it is told.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{World, is, key, scaled, spec};
use crate::control::ControlError;
use crate::status::State;
use crate::store::StoreError;

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_killed_comes_back_within_two_seconds() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.runtime.kill(key(1, 1, 0));
    let killed = Instant::now();
    world.until("boru", |view| view.routes.is_empty()).await;
    world.until("boru", |view| !view.routes.is_empty()).await;
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_hangs_gets_no_request_and_is_replaced() {
    let world = World::new();
    world.deploy("boru", scaled(2, 2)).await;
    let view = world.until("boru", |view| view.routes.len() == 2).await;
    let hung = view.routes.iter().find(|route| route.key == key(1, 1, 1)).unwrap().launch;
    world.runtime.hang(key(1, 1, 1));
    let view = world.until("boru", |view| view.routes.len() == 1).await;
    assert_eq!((view.status.state, view.routes[0].key), (State::Running, key(1, 1, 0)));
    let is_replaced = |view: &crate::View| {
        view.routes.len() == 2 && view.routes.iter().all(|route| route.launch != hung)
    };
    world.until("boru", is_replaced).await;
}

#[tokio::test(start_paused = true)]
async fn starts_that_are_refused_are_tried_again_with_a_word() {
    let world = World::new();
    world.runtime.refuse_starts(3);
    world.create("boru", spec("a/b")).await.unwrap();
    let says = |view: &crate::View| view.status.reason.contains("the machine is tired");
    world.until("boru", says).await;
    world.until("boru", is(State::Running)).await;
    assert_eq!(world.runtime.starts(), 1);

    world.runtime.refuse_starts(u32::MAX);
    world.create("other", spec("a/b")).await.unwrap();
    let view = world.until("other", is(State::Failed)).await;
    assert!(view.status.reason.contains("failed to start a process"), "{}", view.status.reason);
    assert!(view.status.remedy.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_is_shown_and_tried_again() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.runtime.refuse_stops(3);
    world.pause("boru").await;
    let says = |view: &crate::View| view.status.reason.contains("failed to send a signal");
    world.until("boru", says).await;
    world.until_empty().await;
    let is_clean = |view: &crate::View| view.status.reason == "paused by ada";
    world.until("boru", is_clean).await;
}

#[tokio::test(start_paused = true)]
async fn five_quick_crashes_fail_and_resuming_tries_again() {
    let world = World::new();
    world.runtime.crash_model("broken/x");
    world.create("boru", spec("broken/x")).await.unwrap();
    let view = world.until("boru", is(State::Failed)).await;
    let expected = "crashed 5 times in a row; the last time: exit status 1; its last lines: no such file: config.json";
    assert_eq!(view.status.reason, expected);
    assert_eq!(world.runtime.starts(), 5);
    world.control.resume("me", "boru").await.unwrap();
    world.until("boru", is(State::Failed)).await;
    assert_eq!(world.runtime.starts(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_nothing_refuses_changes_and_keeps_serving() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.control.freeze_disk().await;
    let error = world.control.pause("me", "boru", crate::PausedBy::Budget).await.unwrap_err();
    assert!(matches!(error, ControlError::Store(StoreError::Sqlite { .. })), "{error}");
    let error = world.create("other", spec("a/b")).await.unwrap_err();
    assert!(error.is_retryable());
    tokio::time::sleep(Duration::from_secs(300)).await;
    let endpoint = world.get("boru");
    assert_eq!((endpoint.status.state, endpoint.status.ready_replicas), (State::Running, 1));
    assert_eq!(world.control.list_all().len(), 1);

    world.control.thaw_disk().await;
    world.pause("boru").await;
    assert_eq!(world.get("boru").status.state, State::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_sleep_that_cannot_be_stored_is_shown_and_tried_again() {
    let world = World::new();
    world.deploy("boru", scaled(0, 1)).await;
    world.control.freeze_disk().await;
    let says = |view: &crate::View| {
        view.status
            .reason
            .contains("its state cannot be stored: the database failed: attempt to write")
    };
    world.until("boru", says).await;
    world.control.thaw_disk().await;
    world.until("boru", is(State::ScaledToZero)).await;
}
