//! From any state, with any faults that stop: the plan converges, and never breaks its promises on the
//! way.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::stage::{FAR, SAME, Stage, exited, starting, unhealthy};
use crate::clock::Timestamp;
use crate::planner::{Check, Plan};
use crate::record::Wish;
use crate::replica::{Generation, Phase};
use crate::spec::Scaling;
use crate::status::{PausedBy, Slept, State};

/// Something that happens to an endpoint between two plans.
#[derive(Debug, Clone)]
enum Event {
    Ready(usize),
    Crash(usize),
    Hang(usize),
    Recover(usize),
    /// The runtime has lost a replica without a word.
    Vanish(usize),
    /// One appears that nobody asked for.
    Appear(u64, u32),
    Compared(bool),
    Incomparable,
    FailedStart,
    Load(u64),
    Update(bool),
    Scale(u32, u32),
    Pause,
    Sleep,
    Wake,
    /// The steps of the next plan are lost on the way.
    LoseSteps,
    /// The planner's notes are lost, as when the control plane is started again.
    LoseNotes,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0usize..6).prop_map(Event::Ready),
        2 => (0usize..6).prop_map(Event::Crash),
        1 => (0usize..6).prop_map(Event::Hang),
        1 => (0usize..6).prop_map(Event::Recover),
        1 => (0usize..6).prop_map(Event::Vanish),
        1 => (1u64..5, 0u32..5).prop_map(|(generation, ordinal)| Event::Appear(generation, ordinal)),
        2 => any::<bool>().prop_map(Event::Compared),
        1 => Just(Event::Incomparable),
        1 => Just(Event::FailedStart),
        2 => (0u64..90_000).prop_map(Event::Load),
        1 => any::<bool>().prop_map(Event::Update),
        1 => (0u32..4, 1u32..5).prop_map(|(min, max)| Event::Scale(min.min(max), max)),
        1 => Just(Event::Pause),
        1 => Just(Event::Sleep),
        2 => Just(Event::Wake),
        1 => Just(Event::LoseSteps),
        1 => Just(Event::LoseNotes),
        6 => (0u64..120).prop_map(Event::Pass),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(starting()),
        Just(Phase::Ready),
        Just(unhealthy()),
        Just(Phase::Stopping),
        Just(exited("exit status 1")),
    ]
}

/// Any record with any replicas, most of which no plan of ours would have led to.
fn stage() -> impl Strategy<Value = Stage> {
    let replicas = vec((1u64..4, 0u32..5, phase()), 0..6);
    (0u32..4, 1u32..5, 0usize..4, 0usize..3, replicas).prop_map(
        |(min, max, history, wish, replicas)| {
            let mut stage = Stage::new(min.min(max), max);
            if history > 0 {
                stage.record.body.promote(Generation(1));
            }
            if history > 1 {
                stage.update("c/d");
            }
            if history > 2 {
                stage.record.body.roll_back(Generation(2), "it crashed".to_owned());
            }
            match wish {
                0 => stage.record.body.pause(PausedBy::Budget, Timestamp::default()),
                1 => stage.record.body.sleep(Slept::Idle, Timestamp::default()),
                _ => {}
            }
            for (generation, ordinal, phase) in replicas {
                stage.put(generation, ordinal, phase);
            }
            stage
        },
    )
}

fn happen(stage: &mut Stage, event: Event) {
    let at =
        |index: usize, stage: &Stage| stage.replicas.get(index).map(|r| (r.key, r.phase.clone()));
    let mut turn = |index: usize, to: Phase, from: fn(&Phase) -> bool| {
        if let Some((key, phase)) = at(index, stage)
            && from(&phase)
        {
            stage.put(key.generation.0, key.ordinal, to);
        }
    };
    let is_live = |phase: &Phase| !matches!(phase, Phase::Stopping | Phase::Exited(_));
    match event {
        Event::Ready(index) => turn(index, Phase::Ready, |p| matches!(p, Phase::Starting { .. })),
        Event::Crash(index) => turn(index, exited("killed by signal 9"), is_live),
        Event::Hang(index) => turn(index, unhealthy(), |p| matches!(p, Phase::Ready)),
        Event::Recover(index) => {
            turn(index, Phase::Ready, |p| matches!(p, Phase::Unhealthy { .. }))
        }
        Event::Vanish(index) if index < stage.replicas.len() => drop(stage.replicas.remove(index)),
        Event::Appear(generation, ordinal) => stage.put(generation, ordinal, starting()),
        Event::Compared(agrees) => stage.check = Check::Done(if agrees { SAME } else { FAR }),
        Event::Incomparable => stage.check = Check::Broken("connection refused".to_owned()),
        Event::FailedStart => {
            let (generation, now) = (stage.record.body.generation, stage.now);
            stage.notes.note_failed_start(generation, "a port is taken".to_owned(), now);
        }
        Event::Load(tokens) => {
            stage.load.outstanding_tokens = tokens;
            stage.load.outstanding_requests = tokens.div_ceil(1_000);
            stage.load.last_used = Some(stage.now);
        }
        Event::Update(same) => stage.update(if same { "a/b" } else { "e/f" }),
        Event::Scale(min, max) => {
            let mut spec = stage.record.body.spec.clone();
            spec.scaling = Scaling::new(min, max, None).unwrap();
            stage.record.body.update(spec, Default::default(), Timestamp::default());
        }
        Event::Pause => stage.record.body.pause(PausedBy::Budget, Timestamp::default()),
        Event::Sleep => stage.record.body.sleep(Slept::Idle, Timestamp::default()),
        Event::Wake => stage.record.body.resume(Timestamp::default()),
        Event::LoseNotes => stage.notes = Default::default(),
        Event::Pass(seconds) => drop(stage.pass(seconds)),
        Event::Vanish(_) | Event::LoseSteps => {}
    }
}

/// What holds of any plan, wherever the endpoint came from.
fn promises(stage: &Stage, plan: &Plan) -> Result<(), TestCaseError> {
    for key in &plan.routes {
        let replica = stage.replicas.iter().find(|replica| replica.key == *key);
        prop_assert!(replica.is_some_and(|replica| replica.is_ready()), "{key} is not ready");
        prop_assert_eq!(key.generation, stage.record.body.lead(), "two versions serve");
        prop_assert_eq!(&stage.record.body.wish, &Wish::Run);
    }
    let mut after = stage.clone();
    after.apply(&plan.steps);
    let (lead, max) = (stage.record.body.lead(), stage.record.body.spec.scaling.max() as usize);
    let live = |lead_only: bool| {
        let live = after.replicas.iter().filter(|replica| replica.is_live());
        live.filter(|replica| !lead_only || replica.key.generation == lead).count()
    };
    prop_assert!(live(true) <= max, "{} of {max} replicas of the serving version", live(true));
    prop_assert!(live(false) <= max + 1, "{} replicas, at most {max} and one", live(false));
    prop_assert_eq!(plan.status.ready_replicas as usize, plan.routes.len());
    if plan.routes.is_empty() {
        let is_explained = !plan.status.reason.is_empty()
            || plan.status.state == State::Pending
            || !plan.steps.is_empty();
        prop_assert!(is_explained, "{} and no word why", plan.status.state);
    }
    Ok(())
}

/// Lets a sound world go on: whatever starts becomes ready, whatever hangs recovers or is replaced.
fn converge(stage: &mut Stage) -> Result<Plan, TestCaseError> {
    // Replicas that crashed too often before are given up: somebody asks again.
    if stage.record.body.wish == Wish::Run {
        stage.record.body.resume(Timestamp::default());
    }
    stage.load = Default::default();
    for _ in 0..400 {
        let plan = stage.plan();
        promises(stage, &plan)?;
        if stage.is_converged(&plan) {
            return Ok(plan);
        }
        stage.apply(&plan.steps);
        stage.finish_starts();
        stage.finish_stops();
        if matches!(stage.check, Check::Running | Check::Broken(_)) {
            stage.check = Check::Done(SAME);
        }
        let next = plan.look_again.filter(|_| plan.steps.is_empty());
        let next = next.unwrap_or(stage.now.after(Duration::from_millis(100)));
        stage.now = next.max(stage.now);
    }
    Err(TestCaseError::fail(format!("no end: {:?}", stage.plan())))
}

proptest! {
    // Two seconds: states are many, and rare ones are the point.
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_state_with_any_faults_that_stop_converges_to_the_spec(
        mut stage in stage(),
        events in vec(event(), 0..60),
    ) {
        for event in events {
            let is_lost = matches!(event, Event::LoseSteps);
            happen(&mut stage, event);
            let plan = stage.plan();
            promises(&stage, &plan)?;
            if !is_lost {
                stage.apply(&plan.steps);
                stage.replicas.retain(|r| !matches!(r.phase, Phase::Stopping) || r.launch.0 % 2 == 0);
            }
        }
        let plan = converge(&mut stage)?;
        let scaling = &stage.record.body.spec.scaling;
        let live = stage.replicas.iter().filter(|replica| replica.is_live()).count();
        match &stage.record.body.wish {
            Wish::Run => {
                let least = scaling.min().max(1) as usize;
                prop_assert!((least..=scaling.max() as usize).contains(&plan.routes.len()));
                prop_assert!(matches!(plan.status.state, State::Running | State::UpdateFailed));
            }
            Wish::Paused(_) => prop_assert_eq!((live, plan.status.state), (0, State::Paused)),
            Wish::ScaledToZero(_) => {
                prop_assert_eq!((live, plan.status.state), (0, State::ScaledToZero));
            }
        }
    }
}
