//! What is metered, what it costs, and what keys do.

use std::time::Duration;

use super::world::{World, is, me, named, scaled, spec};
use crate::clock::Timestamp;
use crate::control::{Account, ControlError, Detail, Request};
use crate::keys::{AuthError, KeyRequest, LastKey, Scope, Scopes};
use crate::price::Amount;
use crate::spec::Spec;
use crate::status::{PausedBy, State};

async fn account(world: &World, name: &str) -> Account {
    world.control.usage(me(), named(name), Timestamp::default(), Detail::Rows).await.unwrap()
}

fn ci() -> KeyRequest {
    KeyRequest {
        name: "ci".to_owned(),
        scopes: Scopes::new([Scope::Invoke]).unwrap(),
        namespace: None,
        tokens_per_minute: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_begun_is_paid_and_a_paused_endpoint_pays_nothing() {
    let world = World::new();
    world.deploy("boru", spec("a/b")).await;
    tokio::time::sleep(Duration::from_secs(3 * 60 + 30)).await;
    world.pause("boru").await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let total = account(&world, "boru").await.total;
    assert_eq!((total.replica_minutes, total.cost), (4, Amount::from_cents(4)));
    assert_eq!(world.get("boru").record.spent.to_string(), "$0.04");
    world.control.delete("me", "boru").await.unwrap();
    assert_eq!(account(&world, "boru").await.total, total, "the books outlive the endpoint");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_changes_no_bill_and_pauses_nobody() {
    let world = World::new();
    let short = Spec { time_to_live: Some(Duration::from_secs(7_200)), ..spec("a/b") };
    world.deploy("boru", short).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    for wall in [4_000_000_000_000, 0, 1_700_000_000_000] {
        world.clock.set_wall(wall);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let total = account(&world, "boru").await.total;
    assert_eq!(total.replica_minutes, 5, "four and a half minutes");
    assert_eq!(world.get("boru").status.state, State::Running);
    world.until("boru", is(State::Paused)).await;
    assert_eq!(world.get("boru").status.paused.unwrap().by, PausedBy::TimeToLive);
}

#[tokio::test(start_paused = true)]
async fn a_budget_pauses_and_only_a_larger_one_lets_it_run_again() {
    let world = World::new();
    let cheap = Spec { budget: Some(Amount::from_cents(3)), ..spec("a/b") };
    world.deploy("boru", cheap).await;
    world.until("boru", is(State::Paused)).await;
    let endpoint = world.get("boru");
    assert_eq!(endpoint.status.paused.unwrap().by, PausedBy::Budget);
    assert_eq!(endpoint.record.spent, Amount::from_cents(3));
    let refused = world.control.resume("me", "boru").await.unwrap_err();
    assert!(refused.to_string().contains("has spent $0.03 of its budget of $0.03"), "{refused}");
    let richer = |old: &Spec| {
        let budget = Some(Amount::from_cents(100));
        Ok::<_, ControlError>(Spec { budget, ..old.clone() })
    };
    world.control.update("me", "boru", richer).await.unwrap();
    world.control.resume("me", "boru").await.unwrap();
    world.until("boru", is(State::Running)).await;
}

#[tokio::test(start_paused = true)]
async fn usage_is_counted_by_key_and_survives_a_kill() {
    let mut world = World::new();
    let key = world.control.create_key(ci()).await.unwrap();
    let watched = world.deploy("boru", spec("a/b")).await;
    let view = watched.view();
    let route = view.least_loaded(None).unwrap();
    let caller = world.control.identify(Some(&key.secret)).unwrap();
    let request = Request { key: caller.key(), tokens: 10 };
    watched.begin(route, request).answered(12);
    watched.begin(route, request).answered(30);
    drop(watched.begin(route, request));
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.kill().await;
    world.start();
    let account = account(&world, "boru").await;
    assert_eq!((account.total.requests, account.total.tokens), (2, 42));
    assert_eq!(account.rows[0].key, Some(key.key.id));
    assert_eq!(world.control.identify(Some(&key.secret)).unwrap().key(), Some(key.key.id));
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_writes_the_last_requests_down() {
    let mut world = World::new();
    let watched = world.deploy("boru", spec("a/b")).await;
    let view = watched.view();
    watched.begin(view.least_loaded(None).unwrap(), Request { key: None, tokens: 1 }).answered(5);
    world.stop().await;
    world.start();
    assert_eq!(account(&world, "boru").await.total.tokens, 5);
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_rotated_and_revoked() {
    let world = World::new();
    assert!(world.control.identify(Some("anything")).is_ok() && !world.control.has_keys());
    let made = world.control.create_key(ci()).await.unwrap();
    assert_eq!(world.control.identify(Some("anything")).unwrap_err(), AuthError::Unknown);
    let rotated = world.control.rotate_key(made.key.id).await.unwrap();
    assert_eq!(world.control.identify(Some(&made.secret)).unwrap_err(), AuthError::Unknown);
    assert!(world.control.identify(Some(&rotated.secret)).is_ok());
    assert_eq!(world.control.keys(), std::slice::from_ref(&rotated.key));
    assert!(!format!("{rotated:?}").contains(&rotated.secret));
    let last = world.control.revoke_key(made.key.id, LastKey::Keep).await.unwrap_err();
    assert!(last.to_string().contains("key 1 is the last one"), "{last}");
    assert!(world.control.has_keys());
    world.control.revoke_key(made.key.id, LastKey::Revoke).await.unwrap();
    let again = world.control.revoke_key(made.key.id, LastKey::Keep).await.unwrap_err();
    assert!(again.to_string().contains("there is no key 1"), "{again}");
    let useless = KeyRequest { tokens_per_minute: Some(0), ..ci() };
    assert!(world.control.create_key(useless).await.is_err());
    assert!(!world.control.has_keys());
}

#[tokio::test(start_paused = true)]
async fn an_estimate_is_what_it_then_costs() {
    let world = World::new();
    let estimate = world.control.estimate(&scaled(0, 2), Duration::from_secs(3_600));
    assert_eq!((estimate.least, estimate.most), (Amount::ZERO, Amount::from_cents(120)));
}
