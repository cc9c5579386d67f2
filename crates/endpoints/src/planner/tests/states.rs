//! One row for each state of an endpoint and each phase of a replica.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::stage::{Stage, exited, starting, unhealthy};
use crate::clock::Timestamp;
use crate::planner::{Needs, Room, Unloadable};
use crate::replica::{EndpointId, Phase};
use crate::status::{PausedBy, Slept};

#[track_caller]
fn check(mut stage: Stage, expected: Expect) {
    expected.assert_eq(&stage.show());
}

fn created(phase: Option<Phase>) -> Stage {
    let mut stage = Stage::new(1, 1);
    if let Some(phase) = phase {
        stage.put(1, 0, phase);
    }
    stage
}

fn serving(phase: Phase) -> Stage {
    let mut stage = Stage::running(1, 1);
    stage.put(1, 0, phase);
    stage
}

#[test]
fn pending_starts_the_first_replica_even_if_the_minimum_is_zero() {
    check(
        created(None),
        expect![[r#"
        pending 0/1
          start 1-0
          look never
    "#]],
    );
    check(
        Stage::new(0, 3),
        expect![[r#"
        pending 0/1
          start 1-0
          look never
    "#]],
    );
    check(
        Stage::new(2, 3),
        expect![[r#"
        pending 0/2
          start 1-0
          start 1-1
          look never
    "#]],
    );
}

#[test]
fn initializing_waits_for_its_replica_and_promotes_it() {
    check(
        created(Some(starting())),
        expect![[r#"
        initializing 0/1
          because replica 0 is loading model.safetensors
          look in 600 s
    "#]],
    );
    check(
        created(Some(Phase::Ready)),
        expect![[r#"
        initializing 0/1
          promote 1
          look never
    "#]],
    );
    check(
        created(Some(unhealthy())),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          look in 10 s
    "#]],
    );
    check(
        created(Some(Phase::Stopping)),
        expect![[r#"
        pending 0/1
          start 1-1
          look never
    "#]],
    );
    check(
        created(Some(exited("exit status 1"))),
        expect![[r#"
        initializing 0/1
          because crashed once, to be started again: exit status 1; its last lines: no such file: config.json
          stop 1-0, ended
          look in 1 s
    "#]],
    );
}

#[test]
fn running_routes_to_what_is_ready_and_replaces_what_is_not() {
    check(
        serving(Phase::Ready),
        expect![[r#"
        running 1/1
          routes 1-0
          look never
    "#]],
    );
    check(
        serving(starting()),
        expect![[r#"
        initializing 0/1
          because replica 0 is loading model.safetensors
          look in 600 s
    "#]],
    );
    check(
        serving(unhealthy()),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          look in 10 s
    "#]],
    );
    check(
        serving(Phase::Stopping),
        expect![[r#"
        pending 0/1
          start 1-1
          look never
    "#]],
    );
    check(
        serving(exited("killed by signal 9")),
        expect![[r#"
        initializing 0/1
          start 1-0
          look never
    "#]],
    );
}

#[test]
fn too_many_replicas_lose_the_least_useful_ones_first() {
    let mut stage = Stage::running(2, 4);
    stage.put(1, 2, Phase::Ready);
    stage.put(1, 3, starting());
    stage.put(1, 4, unhealthy());
    check(
        stage,
        expect![[r#"
        running 2/2
          stop 1-4, surplus
          stop 1-3, surplus
          stop 1-2, surplus
          routes 1-0 1-1
          look in 10 s
    "#]],
    );
}

#[test]
fn paused_stops_whatever_is_live_and_starts_nothing() {
    for (phase, expected) in [
        (
            Phase::Ready,
            expect![[r#"
            paused 0/0
              because paused by ada
              stop 1-0, resting
              look never
        "#]],
        ),
        (
            starting(),
            expect![[r#"
            paused 0/0
              because paused by ada
              stop 1-0, resting
              look never
        "#]],
        ),
        (
            Phase::Stopping,
            expect![[r#"
            paused 0/0
              because paused by ada
              look never
        "#]],
        ),
        (
            exited("exit status 0"),
            expect![[r#"
            paused 0/0
              because paused by ada
              stop 1-0, ended
              look never
        "#]],
        ),
    ] {
        let mut stage = serving(phase);
        stage.record.body.pause(PausedBy::User("ada".to_owned()), Timestamp::default());
        check(stage, expected);
    }
}

#[test]
fn scaled_to_zero_stops_whatever_is_live_and_never_looks_again() {
    let mut stage = serving(Phase::Ready);
    stage.record.body.sleep(Slept::Idle, Timestamp::default());
    check(
        stage.clone(),
        expect![[r#"
        scaledToZero 0/0
          because no request for its idle time
          stop 1-0, resting
          look never
    "#]],
    );
    stage.replicas.clear();
    check(
        stage,
        expect![[r#"
        scaledToZero 0/0
          because no request for its idle time
          look never
    "#]],
    );
}

#[test]
fn updating_keeps_the_old_version_serving_while_the_new_one_starts() {
    let mut stage = Stage::running(1, 1);
    stage.update("a/b");
    check(
        stage.clone(),
        expect![[r#"
        updating 1/1
          start 2-0
          routes 1-0
          look never
    "#]],
    );
    stage.put(2, 0, starting());
    check(
        stage.clone(),
        expect![[r#"
        updating 1/1
          because replica 0 is loading model.safetensors
          routes 1-0
          look in 600 s
    "#]],
    );
    stage.put(2, 0, Phase::Ready);
    check(
        stage.clone(),
        expect![[r#"
        updating 1/1
          compare 1-0 with 2-0
          routes 1-0
          look in 60 s
    "#]],
    );
    stage.put(2, 0, unhealthy());
    check(
        stage.clone(),
        expect![[r#"
        updating 1/1
          because replica 0 does not answer: a health check took longer than 3 s
          routes 1-0
          look in 10 s
    "#]],
    );
    stage.put(2, 0, exited("exit status 1"));
    check(
        stage,
        expect![[r#"
        updating 1/1
          because crashed once, to be started again: exit status 1; its last lines: no such file: config.json
          stop 2-0, ended
          routes 1-0
          look in 1 s
    "#]],
    );
}

#[test]
fn update_failed_stops_the_new_version_and_says_why() {
    let mut stage = Stage::running(1, 1);
    stage.update("a/b");
    stage.put(2, 0, Phase::Ready);
    let generation = stage.record.body.generation;
    stage.record.body.roll_back(generation, "it does not load".to_owned());
    check(
        stage,
        expect![[r#"
        updateFailed 1/1
          because the update was rolled back: it does not load
          stop 2-0, replaced
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn failed_stays_failed_until_somebody_asks_again() {
    let mut stage = Stage::new(1, 1);
    stage.put(1, 0, starting());
    stage.plan();
    stage.pass(600);
    check(
        stage.clone(),
        expect![[r#"
        failed 0/0
          because not ready after 600 s; it was loading model.safetensors
          stop 1-0, stuck
          look never
    "#]],
    );
    stage.act();
    stage.finish_stops();
    check(
        stage.pass(100_000).clone(),
        expect![[r#"
        failed 0/0
          because not ready after 600 s; it was loading model.safetensors
          look never
    "#]],
    );
    stage.record.body.resume(Timestamp::default());
    check(
        stage,
        expect![[r#"
        pending 0/1
          start 1-0
          look never
    "#]],
    );
}

#[test]
fn a_replica_that_does_not_fit_is_told_apart_from_one_that_must_wait() {
    let mut stage = Stage::new(1, 1);
    stage.record.body.examined.memory_bytes = Some(2 << 30);
    let other = Unloadable {
        endpoint: EndpointId(3),
        bytes: 1 << 30,
        needs: Needs::Nothing,
        last_used: stage.now,
    };
    let room = |budget: u64, unloadable: Vec<Unloadable>| Room {
        budget_bytes: Some(budget << 30),
        used_bytes: 3 << 30,
        releasing_bytes: 0,
        unloadable,
    };
    stage.room = room(1, vec![]);
    check(
        stage.clone(),
        expect![[r#"
        failed 0/0
          because a replica takes 2.0 GiB, and the memory budget is 1.0 GiB
          look never
    "#]],
    );
    stage.room = room(4, vec![other]);
    check(
        stage.clone(),
        expect![[r#"
        pending 0/1
          because waits for an endpoint that is not in use to be unloaded
          unload 3
          look in 1 s
    "#]],
    );
    stage.room = room(4, vec![]);
    check(
        stage.clone(),
        expect![[r#"
        pending 0/1
          because waits for 2.0 GiB of memory: 3.0 GiB of 4.0 GiB are taken by endpoints that are in use
          look in 1 s
    "#]],
    );
    stage.plan();
    stage.pass(600);
    check(
        stage.clone(),
        expect![[r#"
        failed 0/0
          because no memory came free within 600 s; it waits for 2.0 GiB of memory: 3.0 GiB of 4.0 GiB are taken by endpoints that are in use
          look never
    "#]],
    );
    stage.room = room(5, vec![]);
    check(
        stage,
        expect![[r#"
        pending 0/1
          start 1-0
          look never
    "#]],
    );
}

#[test]
fn an_unloaded_endpoint_is_not_needed_for_a_second_replica() {
    let mut stage = Stage::running(2, 2);
    stage.replicas.pop();
    stage.record.body.examined.memory_bytes = Some(2 << 30);
    let other = Unloadable {
        endpoint: EndpointId(3),
        bytes: 4 << 30,
        needs: Needs::Nothing,
        last_used: stage.now,
    };
    stage.room = Room {
        budget_bytes: Some(6 << 30),
        used_bytes: 6 << 30,
        releasing_bytes: 0,
        unloadable: vec![other],
    };
    check(
        stage,
        expect![[r#"
        running 1/2
          because waits for an endpoint that is not in use to be unloaded
          routes 1-0
          look in 1 s
    "#]],
    );
}

#[test]
fn an_endpoint_that_never_was_ready_does_not_sleep() {
    let mut stage = Stage::new(0, 1);
    stage.put(1, 0, starting());
    stage.limits.start = Duration::from_secs(100_000);
    stage.plan();
    check(
        stage.pass(90_000).clone(),
        expect![[r#"
        initializing 0/1
          because replica 0 is loading model.safetensors
          look in 10000 s
    "#]],
    );
}
