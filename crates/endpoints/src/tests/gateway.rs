//! What a gateway sees and tells.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{World, is, key, scaled, spec};
use crate::control::{Arrival, NotReady, Request};
use crate::planner::{Limits, shown};
use crate::runtime::fake::START;
use crate::spec::Spec;
use crate::status::State;

const REQUEST: Request = Request { key: None, tokens: 100 };

fn patient() -> Duration {
    Duration::from_secs(120)
}

#[tokio::test(start_paused = true)]
async fn a_request_to_a_sleeping_endpoint_is_held_until_a_replica_is_ready() {
    let world = World::new();
    world.deploy("boru", scaled(0, 1)).await;
    world.until("boru", is(State::ScaledToZero)).await;
    world.until_empty().await;
    let began = Instant::now();
    let view = world.watch("boru").ready(patient()).await.unwrap();
    assert_eq!(view.arrival(), Arrival::Go);
    let took = began.elapsed();
    assert!(took < START + Duration::from_millis(50), "{took:?} for a start of {START:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_patience_is_told_the_eta_and_wakes_the_endpoint_all_the_same() {
    let world = World::new();
    world.deploy("boru", scaled(0, 1)).await;
    let sleeps = is(State::ScaledToZero);
    world.until("boru", |view| sleeps(view) && view.status.eta.is_some()).await;
    let late = world.watch("boru").ready(Duration::ZERO).await.unwrap_err();
    let NotReady::Late(status) = late else { panic!("{late}") };
    let eta = status.eta.unwrap();
    assert!(eta <= START && eta > Duration::ZERO, "{eta:?}");
    world.until("boru", is(State::Running)).await;
}

#[tokio::test(start_paused = true)]
async fn paused_failed_and_deleted_are_told_apart_from_waking() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    world.pause("boru").await;
    let paused = world.watch("boru").ready(patient()).await.unwrap_err();
    assert!(paused.to_string().contains("paused by ada"), "{paused}");

    world.runtime.crash_model("broken/x");
    world.create("broken", spec("broken/x")).await.unwrap();
    let failed = world.watch("broken").ready(patient()).await.unwrap_err();
    assert!(matches!(&failed, NotReady::Failed(_)), "{failed}");
    assert!(failed.to_string().contains("no such file: config.json"), "{failed}");

    world.create("gone", spec("a/b")).await.unwrap();
    let mut watched = world.watch("gone");
    let waits = tokio::spawn(async move { watched.ready(patient()).await.map(drop) });
    tokio::task::yield_now().await;
    world.control.delete("me", "gone").await.unwrap();
    assert!(matches!(waits.await.unwrap(), Err(NotReady::Deleted)));
}

#[tokio::test(start_paused = true)]
async fn requests_go_to_the_replica_with_the_fewest_tokens() {
    let world = World::new();
    world.deploy("boru", scaled(2, 2)).await;
    let view = world.until("boru", |view| view.routes.len() == 2).await;
    let watched = world.watch("boru");
    let first = view.least_loaded(None).unwrap();
    let busy = watched.begin(first, REQUEST);
    let second = view.least_loaded(None).unwrap();
    assert_ne!(first.key, second.key);
    assert_eq!(view.least_loaded(Some(second.launch)).unwrap().key, first.key);
    drop(busy);
    assert_eq!(first.outstanding_tokens(), 0);
}

#[tokio::test(start_paused = true)]
async fn load_brings_more_replicas_without_anybody_looking_in_between() {
    let world = World::new();
    world.deploy("boru", scaled(1, 3)).await;
    let watched = world.watch("boru");
    let view = watched.view();
    let route = view.least_loaded(None).unwrap();
    let tokens = Limits::for_tests().tokens_per_replica + 1;
    let _busy = watched.begin(route, Request { key: None, tokens });
    world.until("boru", |view| view.routes.len() == 2).await;
    assert_eq!(world.get("boru").status.target_replicas, 2);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_does_not_sleep_under_a_request() {
    let world = World::new();
    world.deploy("boru", scaled(0, 1)).await;
    let watched = world.watch("boru");
    let view = watched.view();
    let long = watched.begin(view.least_loaded(None).unwrap(), REQUEST);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(world.get("boru").status.state, State::Running);
    let ended = Instant::now();
    drop(long);
    world.until("boru", is(State::ScaledToZero)).await;
    let idle = ended.elapsed().as_secs();
    assert!((900..=901).contains(&idle), "it slept {idle} s after its last request");
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_makes_room_and_wakes_again() {
    let world = World::with(|config| config.memory_budget_bytes = Some(250));
    world.runtime.set_memory(100);
    for name in ["first", "second"] {
        world.deploy(name, spec("a/b")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let watched = world.watch("first");
    drop(watched.begin(watched.view().least_loaded(None).unwrap(), REQUEST));
    world.deploy("third", spec("a/b")).await;
    assert_eq!(world.get("first").status.state, State::Running);
    let second = world.get("second").status;
    assert_eq!(second.state, State::ScaledToZero);
    assert_eq!(second.reason, "another endpoint needed its memory");
    world.watch("second").ready(patient()).await.unwrap();
    assert_eq!(world.get("first").status.state, State::ScaledToZero);
    assert!(world.runtime.peak() <= 2, "{} at once in {}", world.runtime.peak(), shown(250));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_is_not_unloaded() {
    let world = World::with(|config| config.memory_budget_bytes = Some(150));
    world.runtime.set_memory(100);
    let watched = world.deploy("first", spec("a/b")).await;
    let busy = watched.begin(watched.view().least_loaded(None).unwrap(), REQUEST);
    world.create("second", spec("a/b")).await.unwrap();
    let waits = |view: &crate::View| view.status.reason.contains("waits for 100 bytes of memory");
    let view = world.until("second", waits).await;
    assert_eq!(view.status.state, State::Pending);
    assert_eq!(world.get("first").status.state, State::Running);
    drop(busy);
    world.until("second", is(State::Running)).await;
}

#[tokio::test(start_paused = true)]
async fn a_view_names_the_replicas_of_its_endpoint_and_its_access() {
    let world = World::new();
    let private = Spec { access: crate::Access::Private, ..spec("a/b") };
    let view = world.deploy("boru", private).await.view();
    assert_eq!(view.access(), crate::Access::Private);
    assert_eq!(view.answers(), crate::Answers::Lists);
    assert_eq!(view.routes[0].key, key(1, 1, 0));
}
