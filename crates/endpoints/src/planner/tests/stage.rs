//! An endpoint on a stage: a record, replicas and a clock that a test moves, and the steps applied as
//! a runtime and a store would.

use std::time::Duration;

use crate::clock::{Moment, Now, Timestamp};
use crate::name::{EndpointName, Namespace};
use crate::planner::{Case, Check, Drift, Limits, Load, Notes, Plan, Room, Step, StopReason, plan};
use crate::price::Amount;
use crate::record::{Body, Record, Wish};
use crate::replica::{EndpointId, Exit, Generation, LaunchId, Phase, Replica, ReplicaKey};
use crate::runtime::Examined;
use crate::spec::{Scaling, Spec};

impl Limits {
    /// The limits that [`Limits`] names.
    pub(crate) fn for_tests() -> Self {
        Self {
            start: Duration::from_secs(600),
            unhealthy: Duration::from_secs(10),
            pending: Duration::from_secs(600),
            compare: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            tokens_per_replica: 16_384,
            latency: None,
            least_cosine: 0.99,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) record: Record,
    pub(super) replicas: Vec<Replica>,
    pub(super) notes: Notes,
    pub(super) load: Load,
    pub(super) check: Check,
    pub(super) room: Room,
    pub(super) limits: Limits,
    pub(super) now: Moment,
    pub(super) alive: Duration,
    launches: u64,
}

pub(super) const SAME: Drift =
    Drift { cosine: Some(0.9999), live_dimensions: 4, next_dimensions: 4 };
pub(super) const FAR: Drift = Drift { cosine: Some(0.31), live_dimensions: 4, next_dimensions: 4 };

impl Stage {
    /// An endpoint that was just created.
    pub(super) fn new(min: u32, max: u32) -> Self {
        let mut spec = Spec::for_tests("a/b");
        spec.scaling = Scaling::new(min, max, None).unwrap();
        let body = Body::new(spec, Examined::default(), Timestamp::default());
        Self {
            record: Record {
                id: EndpointId(7),
                namespace: Namespace::try_from("me".to_owned()).unwrap(),
                name: EndpointName::try_from("boru".to_owned()).unwrap(),
                body,
                spent: Amount::ZERO,
            },
            replicas: Vec::new(),
            notes: Notes::default(),
            load: Load::default(),
            check: Check::Open,
            room: Room::default(),
            limits: Limits::for_tests(),
            now: Moment::from_start(Duration::from_secs(1_000)),
            alive: Duration::ZERO,
            launches: 0,
        }
    }

    /// An endpoint whose replicas serve.
    pub(super) fn running(min: u32, max: u32) -> Self {
        let mut stage = Self::new(min, max);
        stage.settle();
        stage
    }

    pub(super) fn plan(&mut self) -> Plan {
        let wall =
            Timestamp::from_millis(u64::try_from(self.now.from_beginning().as_millis()).unwrap());
        let case = Case {
            record: &self.record,
            replicas: &self.replicas,
            load: self.load,
            alive: self.alive,
            check: &self.check,
            room: &self.room,
            limits: &self.limits,
            now: Now { moment: self.now, wall },
        };
        let plan = plan(&case, &self.notes);
        self.notes = plan.notes.clone();
        plan
    }

    /// Plans and renders: the state, the reason, the steps, the routes, the next look.
    pub(super) fn show(&mut self) -> String {
        let plan = self.plan();
        self.render(&plan)
    }

    /// Plans, carries the steps out, and renders what was planned.
    pub(super) fn act(&mut self) -> String {
        let plan = self.plan();
        self.apply(&plan.steps);
        self.render(&plan)
    }

    /// Acts until nothing is left to do, each start becoming ready at once.
    pub(super) fn settle(&mut self) {
        for _ in 0..20 {
            let plan = self.plan();
            if plan.steps.is_empty() {
                return;
            }
            self.apply(&plan.steps);
            self.finish_starts();
            self.finish_stops();
        }
        panic!("no end of steps: {:?}", self.plan().steps);
    }

    pub(super) fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.alive += Duration::from_secs(seconds);
        self
    }

    pub(super) fn update(&mut self, repository: &str) {
        let mut spec = Spec::for_tests(repository);
        spec.scaling = self.record.body.spec.scaling.clone();
        // The same repository at another revision is a new version of the same model.
        spec.model.revision = Some(format!("after {}", self.record.body.latest));
        self.record.body.update(spec, Examined::default(), Timestamp::default());
    }

    pub(super) fn key(&self, generation: u64, ordinal: u32) -> ReplicaKey {
        ReplicaKey { endpoint: self.record.id, generation: Generation(generation), ordinal }
    }

    /// Puts a replica on the stage, or into another phase.
    pub(super) fn put(&mut self, generation: u64, ordinal: u32, phase: Phase) {
        let key = self.key(generation, ordinal);
        match self.replicas.iter_mut().find(|replica| replica.key == key) {
            Some(replica) => replica.phase = phase,
            None => self.launch(key, phase),
        }
    }

    fn launch(&mut self, key: ReplicaKey, phase: Phase) {
        self.launches += 1;
        self.replicas.retain(|replica| replica.key != key);
        let launch = LaunchId(self.launches);
        self.replicas.push(Replica { key, launch, phase, address: None, memory_bytes: None });
    }

    pub(super) fn finish_starts(&mut self) {
        for replica in &mut self.replicas {
            if matches!(replica.phase, Phase::Starting { .. }) {
                replica.phase = Phase::Ready;
            }
        }
    }

    pub(super) fn finish_stops(&mut self) {
        self.replicas.retain(|replica| !matches!(replica.phase, Phase::Stopping));
    }

    pub(super) fn apply(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Start(key) => self.launch(*key, starting()),
                Step::Stop { replica, .. } => self.stop(*replica),
                Step::Compare { .. } => self.check = Check::Running,
                Step::Promote(generation) => self.record.body.promote(*generation),
                Step::RollBack { generation, why } => {
                    self.record.body.roll_back(*generation, why.clone());
                }
                Step::Pause(by) => self.record.body.pause(by.clone(), Timestamp::default()),
                Step::Sleep(why) => self.record.body.sleep(why.clone(), Timestamp::default()),
                Step::Unload(_) => {}
            }
        }
    }

    fn stop(&mut self, key: ReplicaKey) {
        self.replicas.retain(|r| r.key != key || !matches!(r.phase, Phase::Exited(_)));
        for replica in self.replicas.iter_mut().filter(|replica| replica.key == key) {
            replica.phase = Phase::Stopping;
        }
    }

    fn render(&self, plan: &Plan) -> String {
        let status = &plan.status;
        let counts = format!("{}/{}", status.ready_replicas, status.target_replicas);
        let mut lines = vec![format!("{} {counts}", status.state)];
        if !status.reason.is_empty() {
            lines.push(format!("  because {}", status.reason));
        }
        lines.extend(plan.steps.iter().map(|step| format!("  {}", step_line(step))));
        let routes: Vec<String> = plan.routes.iter().map(|key| key_text(*key)).collect();
        if !routes.is_empty() {
            lines.push(format!("  routes {}", routes.join(" ")));
        }
        let look = plan.look_again.map(|moment| moment.since(self.now).as_secs());
        lines.push(look.map_or("  look never".to_owned(), |s| format!("  look in {s} s")));
        lines.join("\n") + "\n"
    }

    /// Whether the endpoint is as its spec has it.
    pub(super) fn is_converged(&self, plan: &Plan) -> bool {
        let live = self.replicas.iter().filter(|replica| replica.is_live()).count();
        let wanted = match self.record.body.wish {
            Wish::Run => usize::try_from(plan.status.target_replicas).unwrap(),
            Wish::Paused(_) | Wish::ScaledToZero(_) => 0,
        };
        let is_settled = self.record.body.candidate().is_none() || wanted == 0;
        is_settled && plan.steps.is_empty() && live == wanted && plan.routes.len() == wanted
    }
}

pub(super) fn starting() -> Phase {
    Phase::Starting { doing: "loading model.safetensors".to_owned() }
}

pub(super) fn exited(reason: &str) -> Phase {
    let log_tail = vec!["no such file: config.json".to_owned()];
    Phase::Exited(Exit { reason: reason.to_owned(), log_tail })
}

pub(super) fn unhealthy() -> Phase {
    Phase::Unhealthy { reason: "a health check took longer than 3 s".to_owned() }
}

fn key_text(key: ReplicaKey) -> String {
    format!("{}-{}", key.generation, key.ordinal)
}

fn step_line(step: &Step) -> String {
    match step {
        Step::Start(key) => format!("start {}", key_text(*key)),
        Step::Stop { replica, why } => format!("stop {}, {}", key_text(*replica), reason(*why)),
        Step::Compare { live, next } => {
            format!("compare {} with {}", key_text(*live), key_text(*next))
        }
        Step::Promote(generation) => format!("promote {generation}"),
        Step::RollBack { generation, why } => format!("roll back {generation}: {why}"),
        Step::Pause(by) => format!("pause by {by}"),
        Step::Sleep(why) => format!("sleep: {why}"),
        Step::Unload(endpoint) => format!("unload {endpoint}"),
    }
}

fn reason(why: StopReason) -> &'static str {
    match why {
        StopReason::Resting => "resting",
        StopReason::Surplus => "surplus",
        StopReason::Replaced => "replaced",
        StopReason::Stuck => "stuck",
        StopReason::Ended => "ended",
    }
}
