//! What follows what: crashes, hangs, updates, load, sleep, money.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::stage::{FAR, SAME, Stage, exited, starting, unhealthy};
use crate::clock::Timestamp;
use crate::planner::{Check, Room, Step};
use crate::price::Amount;
use crate::replica::{Generation, Phase};
use crate::spec::Scaling;
use crate::status::{PausedBy, State};

#[track_caller]
fn check(shown: String, expected: Expect) {
    expected.assert_eq(&shown);
}

/// Crashes the only replica and returns how long the planner waits before it starts another.
fn crash(stage: &mut Stage, reason: &str) -> Option<u64> {
    stage.put(1, 0, exited(reason));
    let crashed_at = stage.now;
    for _ in 0..10 {
        let plan = stage.plan();
        stage.apply(&plan.steps);
        if plan.steps.iter().any(|step| matches!(step, Step::Start(_))) {
            return Some(stage.now.since(crashed_at).as_secs());
        }
        stage.now = plan.look_again?;
    }
    panic!("it neither starts nor gives up");
}

#[test]
fn five_quick_crashes_are_a_failure_with_the_last_lines_of_the_log() {
    let mut stage = Stage::new(1, 1);
    stage.act();
    let waits: Vec<Option<u64>> = (0..5).map(|_| crash(&mut stage, "exit status 1")).collect();
    assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None]);
    check(
        stage.show(),
        expect![[r#"
        failed 0/0
          because crashed 5 times in a row; the last time: exit status 1; its last lines: no such file: config.json
          look never
    "#]],
    );
}

#[test]
fn a_replica_that_served_is_replaced_at_once() {
    let mut stage = Stage::running(1, 1);
    stage.pass(5);
    assert_eq!(crash(&mut stage, "killed by signal 9"), Some(0));
}

#[test]
fn a_steady_minute_forgives_all_crashes_before_it() {
    let mut stage = Stage::running(1, 1);
    for _ in 0..20 {
        stage.pass(60);
        assert_eq!(crash(&mut stage, "killed by signal 9"), Some(0));
        stage.finish_starts();
        stage.plan();
    }
}

#[test]
fn crashes_of_one_replica_do_not_fail_an_endpoint_that_others_serve() {
    let mut stage = Stage::running(2, 2);
    for _ in 0..12 {
        stage.put(1, 1, exited("exit status 1"));
        stage.act();
        stage.pass(61).act();
    }
    let plan = stage.plan();
    assert_eq!((plan.status.state, plan.routes.len()), (State::Running, 1));
}

#[test]
fn an_exit_is_counted_once_however_long_it_is_listed() {
    let mut stage = Stage::running(1, 1);
    stage.put(1, 0, exited("exit status 1"));
    for _ in 0..50 {
        // The steps are planned but never carried out.
        assert_ne!(stage.plan().status.state, State::Failed);
    }
}

#[test]
fn a_start_that_fails_counts_as_a_crash() {
    let mut stage = Stage::new(1, 1);
    for _ in 0..5 {
        assert_ne!(stage.plan().status.state, State::Failed);
        let now = stage.now;
        stage.notes.note_failed_start(Generation(1), "port 80 is taken".to_owned(), now);
        stage.pass(61);
    }
    check(
        stage.show(),
        expect![[r#"
        failed 0/0
          because crashed 5 times in a row; the last time: port 80 is taken
          look never
    "#]],
    );
}

#[test]
fn a_replica_that_hangs_is_replaced_after_its_time() {
    let mut stage = Stage::running(1, 1);
    stage.put(1, 0, unhealthy());
    check(
        stage.act(),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          look in 10 s
    "#]],
    );
    check(
        stage.pass(9).act(),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          look in 1 s
    "#]],
    );
    check(
        stage.pass(1).act(),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          stop 1-0, stuck
          start 1-1
          look never
    "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        initializing 0/1
          because replica 1 is loading model.safetensors
          look in 600 s
    "#]],
    );
}

#[test]
fn a_replica_that_recovers_in_time_stays() {
    let mut stage = Stage::running(1, 1);
    stage.put(1, 0, unhealthy());
    stage.act();
    stage.pass(9).put(1, 0, Phase::Ready);
    stage.act();
    stage.pass(9).put(1, 0, unhealthy());
    check(
        stage.act(),
        expect![[r#"
        initializing 0/1
          because replica 0 does not answer: a health check took longer than 3 s
          look in 10 s
    "#]],
    );
}

#[test]
fn an_update_takes_over_after_its_check() {
    let mut stage = Stage::running(2, 2);
    stage.update("a/b");
    check(
        stage.act(),
        expect![[r#"
        updating 2/2
          start 2-0
          routes 1-0 1-1
          look never
    "#]],
    );
    stage.finish_starts();
    check(
        stage.act(),
        expect![[r#"
        updating 2/2
          compare 1-0 with 2-0
          routes 1-0 1-1
          look in 60 s
    "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        updating 2/2
          routes 1-0 1-1
          look in 60 s
    "#]],
    );
    stage.check = Check::Done(SAME);
    check(
        stage.act(),
        expect![[r#"
        updating 2/2
          promote 2
          routes 1-0 1-1
          look never
    "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        running 1/2
          because the last update was compared with the version before: the smallest cosine of their embeddings is 0.9999
          stop 1-0, replaced
          stop 1-1, replaced
          start 2-1
          routes 2-0
          look never
    "#]],
    );
    stage.finish_stops();
    stage.finish_starts();
    check(
        stage.act(),
        expect![[r#"
        running 2/2
          because the last update was compared with the version before: the smallest cosine of their embeddings is 0.9999
          routes 2-0 2-1
          look never
    "#]],
    );
}

#[test]
fn an_update_of_the_same_model_that_answers_otherwise_is_rolled_back() {
    let mut stage = Stage::running(1, 1);
    stage.update("a/b");
    stage.act();
    stage.finish_starts();
    stage.check = Check::Done(FAR);
    check(
        stage.act(),
        expect![[r#"
        updating 1/1
          stop 2-0, replaced
          roll back 2: its embeddings differ from those of the version that serves: the cosine is 0.3100, at least 0.99 was expected of the same model
          routes 1-0
          look never
    "#]],
    );
    stage.finish_stops();
    check(
        stage.act(),
        expect![[r#"
        updateFailed 1/1
          because the update was rolled back: its embeddings differ from those of the version that serves: the cosine is 0.3100, at least 0.99 was expected of the same model
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn a_deliberate_change_of_model_is_reported_and_takes_over() {
    let mut stage = Stage::running(1, 1);
    stage.update("c/d");
    stage.act();
    stage.finish_starts();
    stage.check = Check::Done(FAR);
    let plan = stage.plan();
    assert_eq!(plan.steps, [Step::Promote(Generation(2))]);
    assert_eq!(plan.status.drift, Some(FAR));
}

#[test]
fn an_update_that_cannot_load_is_rolled_back_while_the_old_version_serves() {
    let mut stage = Stage::running(1, 1);
    stage.update("c/d");
    stage.act();
    for _ in 0..4 {
        stage.put(2, 0, exited("exit status 1"));
        let plan = stage.plan();
        assert_eq!((plan.status.state, plan.routes.len()), (State::Updating, 1));
        stage.apply(&plan.steps);
        stage.pass(20).act();
    }
    stage.put(2, 0, exited("exit status 1"));
    check(
        stage.act(),
        expect![[r#"
        updating 1/1
          roll back 2: crashed 5 times in a row; the last time: exit status 1; its last lines: no such file: config.json
          stop 2-0, ended
          routes 1-0
          look never
    "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        updateFailed 1/1
          because the update was rolled back: crashed 5 times in a row; the last time: exit status 1; its last lines: no such file: config.json
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn an_update_that_does_not_start_in_time_is_rolled_back() {
    let mut stage = Stage::running(1, 1);
    stage.update("c/d");
    stage.act();
    stage.plan();
    check(
        stage.pass(600).act(),
        expect![[r#"
        updating 1/1
          stop 2-0, stuck
          roll back 2: not ready after 600 s; it was loading model.safetensors
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn a_comparison_that_does_not_end_or_cannot_be_made_rolls_back() {
    for (state, expected) in [
        (
            Check::Running,
            expect![[r#"
            updating 1/1
              stop 2-0, replaced
              roll back 2: its comparison with what serves did not end within 60 s
              routes 1-0
              look never
        "#]],
        ),
        (
            Check::Broken("connection refused".to_owned()),
            expect![[r#"
            updating 1/1
              stop 2-0, replaced
              roll back 2: it could not be compared with the version that serves: connection refused
              routes 1-0
              look never
        "#]],
        ),
    ] {
        let mut stage = Stage::running(1, 1);
        stage.update("a/b");
        stage.act();
        stage.finish_starts();
        stage.plan();
        stage.check = state;
        check(stage.pass(60).act(), expected);
    }
}

#[test]
fn an_update_without_memory_for_two_versions_is_rolled_back_in_time() {
    let mut stage = Stage::running(1, 1);
    stage.update("c/d");
    stage.record.body.examined.memory_bytes = Some(2 << 30);
    stage.room = Room { budget_bytes: Some(3 << 30), used_bytes: 2 << 30, ..Room::default() };
    check(
        stage.act(),
        expect![[r#"
        updating 1/1
          because waits for 2.0 GiB of memory: 2.0 GiB of 3.0 GiB are taken by endpoints that are in use
          routes 1-0
          look in 1 s
    "#]],
    );
    check(
        stage.pass(600).act(),
        expect![[r#"
            updating 1/1
              because waits for 2.0 GiB of memory: 2.0 GiB of 3.0 GiB are taken by endpoints that are in use
              roll back 2: no memory came free beside the version that serves; it waits for 2.0 GiB of memory: 2.0 GiB of 3.0 GiB are taken by endpoints that are in use; to go without both at once, pause, update and resume
              routes 1-0
              look in 1 s
        "#]],
    );
}

#[test]
fn an_update_of_a_sleeping_endpoint_starts_the_new_version_alone() {
    let mut stage = Stage::running(0, 1);
    stage.pass(15 * 60).settle();
    stage.update("c/d");
    check(
        stage.act(),
        expect![[r#"
        scaledToZero 0/0
          because no request for its idle time
          look never
    "#]],
    );
    stage.record.body.wake();
    check(
        stage.act(),
        expect![[r#"
        updating 0/1
          start 2-0
          look never
    "#]],
    );
    stage.finish_starts();
    check(
        stage.act(),
        expect![[r#"
        updating 0/1
          promote 2
          look never
    "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        running 1/1
          routes 2-0
          look in 900 s
    "#]],
    );
}

#[test]
fn an_update_back_to_what_serves_drops_the_new_version() {
    let mut stage = Stage::running(1, 1);
    let old = stage.record.body.spec.clone();
    stage.update("c/d");
    stage.act();
    stage.record.body.update(old, Default::default(), Timestamp::default());
    check(
        stage.act(),
        expect![[r#"
        running 1/1
          stop 2-0, replaced
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn a_change_of_scaling_restarts_nothing() {
    let mut stage = Stage::running(1, 1);
    let mut spec = stage.record.body.spec.clone();
    spec.scaling = Scaling::new(2, 3, None).unwrap();
    stage.record.body.update(spec, Default::default(), Timestamp::default());
    check(
        stage.act(),
        expect![[r#"
        running 1/2
          start 1-1
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn load_adds_replicas_after_a_moment_and_takes_them_away_one_a_minute() {
    let mut stage = Stage::running(1, 3);
    stage.load.outstanding_tokens = 40_000;
    stage.load.outstanding_requests = 9;
    check(
        stage.act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 2 s
    "#]],
    );
    check(
        stage.pass(2).act(),
        expect![[r#"
        running 1/3
          start 1-1
          start 1-2
          routes 1-0
          look in 10 s
    "#]],
    );
    stage.finish_starts();
    stage.load = Default::default();
    check(
        stage.act(),
        expect![[r#"
        running 3/3
          routes 1-0 1-1 1-2
          look in 10 s
    "#]],
    );
    check(
        stage.pass(60).act(),
        expect![[r#"
        running 2/2
          stop 1-2, surplus
          routes 1-0 1-1
          look in 10 s
    "#]],
    );
    check(
        stage.pass(60).act(),
        expect![[r#"
        running 1/1
          stop 1-1, surplus
          routes 1-0
          look never
    "#]],
    );
    stage.finish_stops();
    check(
        stage.pass(60).act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look never
    "#]],
    );
}

#[test]
fn a_burst_adds_nothing() {
    let mut stage = Stage::running(1, 3);
    stage.load.outstanding_tokens = 40_000;
    stage.act();
    stage.pass(1).load.outstanding_tokens = 10;
    stage.act();
    stage.pass(1).load.outstanding_tokens = 40_000;
    assert_eq!(stage.plan().steps, []);
}

#[test]
fn slow_answers_add_replicas_where_they_are_the_measure() {
    let millis = |millis| Some(Duration::from_millis(millis));
    let over = |millis| {
        let scaling = Scaling::new(1, 3, None).unwrap();
        scaling.over_latency(Duration::from_millis(millis)).unwrap()
    };
    // The server's limit, the endpoint's own, how long answers take, the target with two replicas there.
    let rows = [
        (None, None, millis(3_600_000), 1),
        (millis(100), None, None, 1),
        (millis(100), None, millis(50), 1),
        (millis(100), None, millis(51), 2),
        (millis(100), None, millis(100), 2),
        (millis(100), None, millis(101), 3),
        (millis(100), Some(200), millis(101), 2),
        (millis(100), Some(200), millis(201), 3),
        (None, Some(200), millis(201), 3),
        (None, Some(200), millis(100), 1),
    ];
    for (of_server, own, latency, target) in rows {
        let mut stage = Stage::running(2, 3);
        stage.limits.latency = of_server;
        stage.record.body.spec.scaling = own.map_or(Scaling::new(1, 3, None).unwrap(), over);
        stage.load.latency = latency;
        stage.load.outstanding_requests = 1;
        stage.act();
        let shown = stage.pass(60).plan().status.target_replicas;
        assert_eq!(shown, target, "{of_server:?} {own:?} {latency:?}");
    }
}

#[test]
fn slow_answers_are_looked_for_as_long_as_there_are_requests() {
    let mut stage = Stage::running(1, 3);
    stage.limits.latency = Some(Duration::from_millis(100));
    let plan = stage.plan();
    assert_eq!((plan.alarm.requests, plan.look_again), (1, None), "nobody asks");
    stage.load.outstanding_requests = 1;
    let plan = stage.plan();
    assert_eq!(plan.alarm.requests, u64::MAX);
    assert_eq!(plan.look_again, Some(stage.now.after(Duration::from_secs(1))));
    stage.load.latency = Some(Duration::from_millis(101));
    stage.act();
    let steps = stage.pass(2).plan().steps;
    assert_eq!(steps.len(), 1, "one at a time: {steps:?}");
}

#[test]
fn slow_answers_add_nothing_while_others_start_or_nobody_asks() {
    let slow = |requests| {
        let mut stage = Stage::running(2, 4);
        stage.limits.latency = Some(Duration::from_millis(100));
        stage.load.latency = Some(Duration::from_millis(500));
        stage.load.outstanding_requests = requests;
        stage
    };
    let mut nobody_asks = slow(0);
    nobody_asks.act();
    assert_eq!(nobody_asks.pass(60).plan().status.target_replicas, 2);

    let mut stage = slow(1);
    stage.act();
    stage.pass(3).act();
    for _ in 0..20 {
        assert_eq!(stage.pass(3).plan().status.target_replicas, 3, "the third one still starts");
    }
    stage.finish_starts();
    stage.act();
    assert_eq!(stage.pass(3).plan().status.target_replicas, 4);
}

#[test]
fn waiting_requests_add_replicas_where_they_are_the_measure() {
    let mut pending = Stage::running(1, 3);
    let scaling = Scaling::new(1, 3, None).unwrap().per_pending_requests(2).unwrap();
    pending.record.body.spec.scaling = scaling;
    pending.load.outstanding_requests = 5;
    pending.act();
    assert_eq!(pending.pass(2).plan().status.target_replicas, 3);
}

#[test]
fn the_alarm_rings_just_above_what_is_enough() {
    let mut stage = Stage::running(1, 3);
    let alarm = stage.plan().alarm;
    assert_eq!((alarm.tokens, alarm.requests), (16_385, u64::MAX));
    assert_eq!(Stage::running(1, 1).plan().alarm.tokens, u64::MAX, "there is no more to add");
}

#[test]
fn the_idle_time_counts_from_ready_or_from_the_last_use() {
    let mut stage = Stage::running(0, 1);
    check(
        stage.pass(899).act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 1 s
    "#]],
    );
    stage.load.last_used = Some(stage.now);
    check(
        stage.pass(899).act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 1 s
    "#]],
    );
    stage.load.held_requests = 1;
    check(
        stage.pass(1).act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 900 s
    "#]],
    );
    stage.load.held_requests = 0;
    check(
        stage.act(),
        expect![[r#"
            running 1/1
              sleep: no request for its idle time
              routes 1-0
              look never
        "#]],
    );
    check(
        stage.act(),
        expect![[r#"
        scaledToZero 0/0
          because no request for its idle time
          stop 1-0, resting
          look never
    "#]],
    );
}

#[test]
fn an_endpoint_that_wakes_begins_its_idle_time_anew() {
    let mut stage = Stage::running(0, 1);
    stage.pass(900).settle();
    stage.pass(5_000).record.body.wake();
    check(
        stage.act(),
        expect![[r#"
        pending 0/1
          start 1-0
          look never
    "#]],
    );
    stage.pass(3).finish_starts();
    check(
        stage.act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 900 s
    "#]],
    );
}

#[test]
fn money_and_time_pause_an_endpoint() {
    let mut spent = Stage::running(1, 1);
    spent.record.body.spec.budget = Some(Amount::from_cents(4));
    spent.record.spent = Amount::from_millionths(39_999);
    check(
        spent.act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look never
    "#]],
    );
    spent.record.spent = Amount::from_cents(4);
    check(
        spent.act(),
        expect![[r#"
            running 1/1
              pause by budget
              routes 1-0
              look never
        "#]],
    );
    check(
        spent.act(),
        expect![[r#"
        paused 0/0
          because paused by budget
          stop 1-0, resting
          look never
    "#]],
    );

    let mut old = Stage::running(1, 1);
    old.record.body.spec.time_to_live = Some(Duration::from_secs(3_600));
    old.alive = Duration::from_secs(3_599);
    check(
        old.act(),
        expect![[r#"
        running 1/1
          routes 1-0
          look in 1 s
    "#]],
    );
    check(
        old.pass(1).act(),
        expect![[r#"
            running 1/1
              pause by time to live
              routes 1-0
              look never
        "#]],
    );
}

#[test]
fn an_endpoint_that_is_resumed_while_it_drains_starts_beside_what_drains() {
    let mut stage = Stage::running(1, 1);
    stage.record.body.pause(PausedBy::User("ada".to_owned()), Timestamp::default());
    stage.act();
    stage.record.body.resume(Timestamp::default());
    check(
        stage.act(),
        expect![[r#"
        pending 0/1
          start 1-1
          look never
    "#]],
    );
}

#[test]
fn the_next_start_is_announced_by_the_last_one() {
    let mut stage = Stage::new(0, 1);
    stage.act();
    assert_eq!(stage.plan().status.eta, None, "nobody knows yet");
    stage.pass(8).finish_starts();
    stage.settle();
    stage.pass(900).settle();
    assert_eq!(stage.plan().status.eta, Some(Duration::from_secs(8)));
    stage.record.body.wake();
    stage.act();
    stage.plan();
    assert_eq!(stage.pass(3).plan().status.eta, Some(Duration::from_secs(5)));
    stage.put(1, 0, starting());
}
