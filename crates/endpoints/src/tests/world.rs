//! A control plane that runs, and what tests ask of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::clock::{Clock, Moment, Now, Timestamp};
use crate::control::{Control, ControlConfig, ControlError, Endpoint, View, Watched};
use crate::name::{EndpointName, Namespace};
use crate::planner::Limits;
use crate::price::{Amount, PriceTable};
use crate::replica::{EndpointId, Generation, ReplicaKey};
use crate::runtime::fake::FakeRuntime;
use crate::spec::{Scaling, Spec};
use crate::status::{PausedBy, State};

/// A clock whose wall a test can move; its moments are tokio's, which stand still until all wait.
#[derive(Debug)]
pub(super) struct TestClock {
    start: Instant,
    wall: AtomicU64,
}

impl TestClock {
    /// Moves the clock on the wall, forwards or back, as somebody who sets it does.
    pub(super) fn set_wall(&self, millis: u64) {
        self.wall.store(millis, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let moment = Moment::from_start(self.start.elapsed());
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        let wall = self.wall.load(Ordering::Relaxed).saturating_add(elapsed);
        Now { moment, wall: Timestamp::from_millis(wall) }
    }
}

pub(super) struct World {
    /// Goes with the world.
    _folder: TempDir,
    pub(super) runtime: FakeRuntime,
    pub(super) clock: Arc<TestClock>,
    pub(super) control: Control,
    pub(super) config: ControlConfig,
    running: Option<Running>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut ControlConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ControlConfig {
            path: folder.path().join("control.sqlite"),
            limits: Limits::for_tests(),
            prices: PriceTable::new(BTreeMap::new(), Amount::from_cents(60)),
            memory_budget_bytes: None,
        };
        change(&mut config);
        let runtime = FakeRuntime::default();
        let wall = AtomicU64::new(1_700_000_000_000);
        let clock = Arc::new(TestClock { start: Instant::now(), wall });
        let (control, running) = run(&config, &runtime, &clock);
        Self { _folder: folder, runtime, clock, control, config, running: Some(running) }
    }

    /// Ends in order and waits for it.
    pub(super) async fn stop(&mut self) {
        let (shutdown, task) = self.running.take().unwrap();
        shutdown.send(()).unwrap();
        task.await.unwrap().unwrap();
    }

    /// Ends at once, as a signal that cannot be caught does: replicas go with their owner, and nothing
    /// is written any more.
    pub(super) async fn kill(&mut self) {
        let (_shutdown, task) = self.running.take().unwrap();
        task.abort();
        task.await.unwrap_err();
        self.runtime = FakeRuntime::default();
    }

    pub(super) fn start(&mut self) {
        let (control, running) = run(&self.config, &self.runtime, &self.clock);
        (self.control, self.running) = (control, Some(running));
    }

    pub(super) fn path(&self) -> PathBuf {
        self.config.path.clone()
    }

    pub(super) async fn create(&self, name: &str, spec: Spec) -> Result<Endpoint, ControlError> {
        self.control.create(me(), named(name), spec).await
    }

    /// Creates an endpoint and waits until it runs.
    pub(super) async fn deploy(&self, name: &str, spec: Spec) -> Watched {
        self.create(name, spec).await.unwrap();
        self.until(name, is(State::Running)).await;
        self.watch(name)
    }

    pub(super) fn watch(&self, name: &str) -> Watched {
        self.control.watch("me", name).unwrap()
    }

    pub(super) fn get(&self, name: &str) -> Endpoint {
        self.control.get("me", name).unwrap()
    }

    pub(super) async fn update(&self, name: &str, repository: &str) -> Endpoint {
        let change = |old: &Spec| {
            let mut spec = spec(repository);
            spec.scaling = old.scaling.clone();
            Ok::<_, ControlError>(spec)
        };
        self.control.update("me", name, change).await.unwrap()
    }

    pub(super) async fn pause(&self, name: &str) -> Endpoint {
        self.control.pause("me", name, PausedBy::User("ada".to_owned())).await.unwrap()
    }

    /// Waits for a state of an endpoint, however long that takes by a clock that does not tick.
    pub(super) async fn until(&self, name: &str, is_so: impl Fn(&View) -> bool) -> Arc<View> {
        let mut watched = self.watch(name);
        let wait = async {
            let mut view = watched.view();
            while !is_so(&view) {
                view = watched.changed().await;
            }
            view
        };
        match timeout(Duration::from_secs(7_200), wait).await {
            Ok(view) => view,
            Err(_) => panic!("it never came: {:?}", self.get(name).status),
        }
    }

    /// Waits until no replica is left.
    pub(super) async fn until_empty(&self) {
        let wait = async {
            while !self.runtime.keys().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(600), wait).await.expect("a replica that never went");
    }
}

type Running = (oneshot::Sender<()>, JoinHandle<Result<(), ControlError>>);

fn run(
    config: &ControlConfig,
    runtime: &FakeRuntime,
    clock: &Arc<TestClock>,
) -> (Control, Running) {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let opened = Control::open(config.clone(), Arc::new(runtime.clone()), clock);
    let (control, reconciler) = opened.unwrap();
    let (shutdown, asked) = oneshot::channel();
    let task = tokio::spawn(reconciler.run(async {
        asked.await.ok();
    }));
    (control, (shutdown, task))
}

pub(super) fn me() -> Namespace {
    "me".parse().unwrap()
}

pub(super) fn named(name: &str) -> EndpointName {
    name.parse().unwrap()
}

pub(super) fn spec(repository: &str) -> Spec {
    Spec::for_tests(repository)
}

pub(super) fn scaled(min: u32, max: u32) -> Spec {
    let mut spec = spec("a/b");
    spec.scaling = Scaling::new(min, max, None).unwrap();
    spec
}

pub(super) fn key(endpoint: i64, generation: u64, ordinal: u32) -> ReplicaKey {
    let (endpoint, generation) = (EndpointId(endpoint), Generation(generation));
    ReplicaKey { endpoint, generation, ordinal }
}

pub(super) fn is(state: State) -> impl Fn(&View) -> bool {
    move |view| view.status.state == state
}
