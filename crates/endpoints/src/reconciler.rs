//! Carries out what the planner decides, over and over, for all endpoints.
//!
//! Level-triggered: each pass asks the runtime what there is and plans everything anew, so that it does
//! not matter what was missed, lost or done twice. A pass comes after a change of a record, after a
//! change that the runtime tells of, after a step has ended, and at the next time that any plan asked
//! for: one timer for all. Endpoints that rest ask for none.
//!
//! Steps run beside the passes, since stopping a replica takes as long as its requests do. One that
//! fails is shown in the status and tried again after a while.

mod books;
mod flights;
mod ledger;
mod probes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use self::books::Books;
use self::flights::{Flight, Flights, Landed, Outcome};
use self::ledger::Ledger;
use self::probes::Probes;
use crate::clock::{Moment, Now};
use crate::control::{ControlError, Live, Route, Shared};
use crate::planner::{Case, Check, Load, Notes, Plan, Step, plan, stop_orphan};
use crate::record::Record;
use crate::replica::{EndpointId, LaunchId, Replica, ReplicaKey};
use crate::runtime::RuntimeError;

/// How long a runtime may take to say what there is.
const LIST_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait after a runtime that did not say what there is, or a disk that took nothing.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Between two passes: what changes in quick succession is looked at once. It delays nothing else by
/// more than this, and keeps a burst over many endpoints from costing a pass for each of them.
const BREATH: Duration = Duration::from_millis(2);
/// What was due was just looked at: time must pass before it makes sense to look again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Carries out what the planner decides.
pub struct Reconciler {
    shared: Arc<Shared>,
    notes: BTreeMap<EndpointId, Notes>,
    checks: BTreeMap<LaunchId, Check>,
    flights: Flights,
    probes: Probes,
    books: Books,
    /// Why a step of an endpoint could not be stored, until one can.
    unstored: BTreeMap<EndpointId, String>,
    look_again: Option<Duration>,
}

/// One endpoint in a pass.
struct Subject {
    live: Arc<Live>,
    record: Arc<Record>,
    load: Load,
    replicas: Vec<Replica>,
}

impl Reconciler {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            notes: BTreeMap::new(),
            checks: BTreeMap::new(),
            flights: Flights::default(),
            probes: Probes::default(),
            books: Books::default(),
            unstored: BTreeMap::new(),
            look_again: None,
        }
    }

    /// Runs until `shutdown` is ready; then stops every replica, within the drain limit, and writes
    /// the books.
    ///
    /// # Errors
    ///
    /// If the last usage could not be written. Everything is stopped all the same.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ControlError> {
        let shared = Arc::clone(&self.shared);
        // The books are never done by themselves: this ends with the first.
        tokio::select! {
            () = self.reconcile(shutdown) => {}
            () = books::keep(&shared) => {}
        }
        self.stop_everything().await;
        self.shared.flush_usage().await
    }

    async fn reconcile(&mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let (runtime, signal) = (Arc::clone(&self.shared.runtime), Arc::clone(&self.shared.signal));
        loop {
            self.pass().await;
            sleep(BREATH).await;
            // An hour is as good as never, and a timer that is always there reads more easily.
            let pause = self.look_again.unwrap_or(Duration::from_secs(3_600)).max(SHORTEST_PAUSE);
            tokio::select! {
                () = signal.notified() => {}
                () = runtime.changed() => {}
                Some(landed) = self.flights.next() => self.land(landed),
                () = sleep(pause) => {}
                () = &mut shutdown => return,
            }
            while let Some(landed) = self.flights.try_next() {
                self.land(landed);
            }
        }
    }

    /// Looks at everything once.
    async fn pass(&mut self) {
        self.look_again = None;
        let replicas = match self.list().await {
            Ok(replicas) => replicas,
            Err(error) => return self.cannot_list(&error),
        };
        let now = self.shared.clock.now();
        let replicas = self.probes.applied(replicas);
        let mut subjects = self.subjects(&replicas, now.moment);
        self.forget_what_is_gone(&replicas, &subjects);
        let budget = self.shared.config.memory_budget_bytes;
        let mut ledger = Ledger::new(budget, &subjects, &self.notes);
        for subject in &mut subjects {
            let plan = self.plan(subject, &ledger, now);
            ledger.account(subject, &plan.steps);
            self.carry_out(subject, plan, now).await;
        }
        self.stop_orphans(&replicas, &subjects);
        self.probe(&replicas, now);
        self.meter(&subjects, now).await;
        if let Some(moment) = self.flights.next_try() {
            self.look_after(moment.since(now.moment));
        }
    }

    async fn list(&self) -> Result<Vec<Replica>, RuntimeError> {
        let listed = timeout(LIST_LIMIT, self.shared.runtime.list()).await;
        listed.unwrap_or(Err(RuntimeError::TimedOut { what: "the list", limit: LIST_LIMIT }))
    }

    /// Without a list nothing is known, so nothing is done; what was known is still shown.
    fn cannot_list(&mut self, error: &RuntimeError) {
        for live in self.shared.all() {
            let view = live.view();
            let mut status = view.status.clone();
            status.reason = format!("the replicas cannot be listed: {error}");
            live.show_plan(view.record.body.edition, status, view.routes.clone());
        }
        self.look_after(TRY_AGAIN);
    }

    fn subjects(&self, replicas: &[Replica], now: Moment) -> Vec<Subject> {
        let mut by_endpoint: BTreeMap<EndpointId, Vec<Replica>> = BTreeMap::new();
        for replica in replicas {
            by_endpoint.entry(replica.key.endpoint).or_default().push(replica.clone());
        }
        let subject = |live: Arc<Live>| Subject {
            record: live.record(),
            load: live.load(now),
            replicas: by_endpoint.remove(&live.id).unwrap_or_default(),
            live,
        };
        self.shared.all().into_iter().map(subject).collect()
    }

    fn forget_what_is_gone(&mut self, replicas: &[Replica], subjects: &[Subject]) {
        let endpoints: BTreeSet<EndpointId> = subjects.iter().map(|s| s.live.id).collect();
        let launches: BTreeSet<LaunchId> = replicas.iter().map(|r| r.launch).collect();
        self.notes.retain(|id, _| endpoints.contains(id));
        self.unstored.retain(|id, _| endpoints.contains(id));
        self.checks.retain(|launch, _| launches.contains(launch));
        self.probes.retain(&launches);
        self.flights.retain_troubles(replicas);
    }

    fn plan(&self, subject: &Subject, ledger: &Ledger, now: Now) -> Plan {
        let open = Check::Open;
        let candidate = subject.record.body.candidate();
        let next = subject.replicas.iter().find(|r| Some(r.key.generation) == candidate);
        let check = next.and_then(|replica| self.checks.get(&replica.launch)).unwrap_or(&open);
        let case = Case {
            record: &subject.record,
            replicas: &subject.replicas,
            load: subject.load,
            alive: subject.live.alive(now.moment),
            check,
            room: &ledger.room_for(subject.live.id),
            limits: &self.shared.config.limits,
            now,
        };
        let notes = self.notes.get(&subject.live.id).cloned().unwrap_or_default();
        plan(&case, &notes)
    }

    /// Shows a plan, then carries its steps out: whoever is about to be stopped gets no new request.
    async fn carry_out(&mut self, subject: &Subject, plan: Plan, now: Now) {
        let Plan { steps, mut status, routes, notes, look_again, alarm } = plan;
        self.notes.insert(subject.live.id, notes);
        if let Some(moment) = look_again {
            self.look_after(moment.since(now.moment));
        }
        let troubles = self.flights.troubles(subject.live.id);
        for trouble in troubles.chain(self.unstored.get(&subject.live.id).map(String::as_str)) {
            let divider = if status.reason.is_empty() { "" } else { "; " };
            status.reason = format!("{}{divider}{trouble}", status.reason);
        }
        let before = subject.live.view();
        let routes = routes_to(&routes, &subject.replicas, &before.routes);
        status.ready_replicas = u32::try_from(routes.len()).unwrap_or(u32::MAX);
        subject.live.set_alarm(alarm);
        subject.live.show_plan(subject.record.body.edition, status, routes);
        for step in steps {
            self.take_step(subject, step, now).await;
        }
    }

    fn stop_orphans(&mut self, replicas: &[Replica], subjects: &[Subject]) {
        let now = self.shared.clock.now();
        let known: BTreeSet<EndpointId> = subjects.iter().map(|s| s.live.id).collect();
        for replica in replicas.iter().filter(|r| !known.contains(&r.key.endpoint)) {
            if let Some(Step::Stop { replica, .. }) = stop_orphan(replica) {
                self.stop(replica, now);
            }
        }
    }

    fn probe(&mut self, replicas: &[Replica], now: Now) {
        for (key, launch) in self.probes.due(replicas, now.moment) {
            let runtime = Arc::clone(&self.shared.runtime);
            self.flights.take_off(Flight::Probe(key, launch), now.moment, async move {
                let probed = timeout(probes::LIMIT, runtime.probe(key)).await;
                let late = RuntimeError::TimedOut { what: "a health check", limit: probes::LIMIT };
                Ok(Outcome::Probed(probed.unwrap_or(Err(late))))
            });
        }
        if let Some(moment) = self.probes.next_due(replicas) {
            self.look_after(moment.since(now.moment));
        }
    }

    async fn meter(&mut self, subjects: &[Subject], now: Now) {
        let prices = &self.shared.config.prices;
        self.books.observe(subjects, prices, now);
        if let Err(wait) = self.books.write(&self.shared).await {
            self.look_after(wait);
        }
        if let Some(moment) = self.books.next_due() {
            self.look_after(moment.since(now.moment));
        }
    }

    /// Takes note of how a step ended.
    fn land(&mut self, landed: Landed) {
        let now = self.shared.clock.now().moment;
        match (landed.flight, landed.result) {
            (Flight::Start(key), Err(error)) => {
                let notes = self.notes.entry(key.endpoint).or_default();
                notes.note_failed_start(key.generation, error.to_string(), now);
            }
            (Flight::Compare(_, launch), Ok(Outcome::Compared(drift))) => {
                self.checks.insert(launch, Check::Done(drift));
            }
            (Flight::Compare(_, launch), Err(error)) => {
                self.checks.insert(launch, Check::Broken(error.to_string()));
                self.look_after(TRY_AGAIN);
            }
            (Flight::Probe(_, launch), Ok(Outcome::Probed(answer))) => {
                self.probes.note(launch, answer, now);
            }
            (Flight::Stop(_) | Flight::Start(_) | Flight::Compare(..) | Flight::Probe(..), _) => {}
        }
    }

    fn look_after(&mut self, pause: Duration) {
        self.look_again = Some(self.look_again.map_or(pause, |sooner| sooner.min(pause)));
    }

    /// Ends in order: no routes, then every replica, all at the same time.
    async fn stop_everything(&mut self) {
        for live in self.shared.all() {
            let view = live.view();
            let status = crate::Status { ready_replicas: 0, ..view.status.clone() };
            live.show_plan(view.record.body.edition, status, Vec::new());
        }
        // What is still being started would be missed by the list.
        self.flights.finish(|flight| matches!(flight, Flight::Start(_))).await;
        self.flights.forget_troubles();
        let now = self.shared.clock.now();
        for replica in self.list().await.unwrap_or_default() {
            self.stop(replica.key, now);
        }
        self.flights.finish(|flight| matches!(flight, Flight::Stop(_))).await;
    }
}

/// Returns the routes to replicas. One whose address is not known yet has none.
fn routes_to(keys: &[ReplicaKey], replicas: &[Replica], before: &[Route]) -> Vec<Route> {
    let of_plan = replicas.iter().filter(|replica| keys.contains(&replica.key));
    let route = |replica: &Replica| {
        let address = replica.address.clone()?;
        Some(Route::new(replica.key, replica.launch, address, before))
    };
    of_plan.filter_map(route).collect()
}
