//! What a gateway sees of an endpoint, and what it tells of its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{ControlError, Live, Shared};
use crate::clock::Moment;
use crate::keys::KeyId;
use crate::record::{Record, Wish};
use crate::replica::{Address, LaunchId, ReplicaKey};
use crate::spec::{Access, Answers};
use crate::status::{Paused, State, Status};

/// An endpoint at one moment. It never changes; a later one takes its place.
#[derive(Debug, Clone)]
pub struct View {
    /// What is asked for.
    pub record: Arc<Record>,
    /// What is there.
    pub status: Status,
    /// Where requests may go; never anything but ready replicas of the version that serves.
    pub routes: Vec<Route>,
    /// Whether it was deleted since it was looked up.
    pub is_deleted: bool,
}

/// A replica that requests may go to.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which replica.
    pub key: ReplicaKey,
    /// Which launch of it.
    pub launch: LaunchId,
    /// Where it answers.
    pub address: Address,
    outstanding: Arc<AtomicU64>,
}

/// What to do with a request that arrives.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// Send it to one of the routes.
    Go,
    /// Wait: a replica is on its way, or will be once somebody wakes the endpoint.
    Wait,
    /// Refuse: it is paused.
    Paused(Paused),
    /// Refuse: it was given up.
    Failed,
    /// Refuse: it was deleted.
    Deleted,
}

/// Why a request could not be sent on.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Somebody, its budget or its time to live paused it.
    #[error("the endpoint is paused by {}; resume it", .0.by)]
    Paused(Paused),
    /// It was given up.
    #[error("the endpoint has failed: {}", .0.reason)]
    Failed(Box<Status>),
    /// It was deleted while the request waited.
    #[error("the endpoint was deleted")]
    Deleted,
    /// No replica became ready in the time that the request may wait. One is on its way.
    #[error("the endpoint is {}: no replica is ready yet", .0.state)]
    Late(Box<Status>),
    /// It could not be woken.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// A request that a gateway is about to send on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Whose it is.
    pub key: Option<KeyId>,
    /// How many tokens it has, as well as that is known.
    pub tokens: u64,
}

/// A gateway's view of one endpoint. Get one for each request or keep it; both are cheap.
pub struct Watched {
    live: Arc<Live>,
    shared: Arc<Shared>,
    receiver: watch::Receiver<Arc<View>>,
}

/// Counts a request that waits for a replica, until it is dropped.
pub struct Held {
    live: Arc<Live>,
}

/// Counts a request that a replica has, until it is dropped.
pub struct InFlight {
    live: Arc<Live>,
    shared: Arc<Shared>,
    outstanding: Arc<AtomicU64>,
    request: Request,
    began: Moment,
}

impl View {
    /// Returns what to do with a request that arrives now.
    pub fn arrival(&self) -> Arrival {
        if self.is_deleted {
            return Arrival::Deleted;
        }
        if let Wish::Paused(paused) = &self.record.body.wish {
            return Arrival::Paused(paused.clone());
        }
        match self.status.state {
            _ if !self.routes.is_empty() => Arrival::Go,
            State::Failed => Arrival::Failed,
            State::Pending
            | State::Initializing
            | State::Running
            | State::Updating
            | State::UpdateFailed
            | State::Paused
            | State::ScaledToZero => Arrival::Wait,
        }
    }

    /// Returns the route with the fewest outstanding tokens, other than `except`: the replica that a
    /// first attempt did not reach.
    pub fn least_loaded(&self, except: Option<LaunchId>) -> Option<&Route> {
        let others = self.routes.iter().filter(|route| Some(route.launch) != except);
        others.min_by_key(|route| route.outstanding_tokens())
    }

    /// Who may ask it.
    pub fn access(&self) -> Access {
        self.record.body.spec.access
    }

    /// The shape of its answers to a plain request.
    pub fn answers(&self) -> Answers {
        self.record.body.spec.answers()
    }
}

impl Route {
    pub(crate) fn new(
        key: ReplicaKey,
        launch: LaunchId,
        address: Address,
        before: &[Self],
    ) -> Self {
        // The same replica keeps its count from view to view.
        let same = before.iter().find(|route| route.launch == launch && route.key == key);
        let outstanding = same.map(|route| Arc::clone(&route.outstanding)).unwrap_or_default();
        Self { key, launch, address, outstanding }
    }

    /// Returns the tokens of requests that it has and has not answered.
    pub fn outstanding_tokens(&self) -> u64 {
        self.outstanding.load(Ordering::Relaxed)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        (self.key, self.launch, &self.address) == (other.key, other.launch, &other.address)
    }
}

impl Watched {
    pub(super) fn new(live: Arc<Live>, shared: Arc<Shared>) -> Self {
        let receiver = live.subscribe();
        Self { live, shared, receiver }
    }

    /// Returns the endpoint as it is now.
    pub fn view(&self) -> Arc<View> {
        self.live.view()
    }

    /// Waits until the endpoint is otherwise than it was when this was last called, and returns it.
    pub async fn changed(&mut self) -> Arc<View> {
        // `self.live` holds the sender, so that it cannot be gone.
        self.receiver.changed().await.expect("its sender lives as long as this");
        Arc::clone(&self.receiver.borrow_and_update())
    }

    /// Counts a request that waits, until the result is dropped.
    pub fn hold(&self) -> Held {
        self.live.hold(self.shared.moment());
        Held { live: Arc::clone(&self.live) }
    }

    /// Starts an endpoint that sleeps, because a request came. Any other stays as it is.
    ///
    /// # Errors
    ///
    /// If that could not be stored.
    pub async fn wake(&self) -> Result<(), ControlError> {
        let amend = self.shared.amend(Arc::clone(&self.live), |body, _, _| {
            let sleeps = matches!(body.wish, Wish::ScaledToZero(_));
            if sleeps {
                body.wake();
            }
            Ok(sleeps)
        });
        amend.await.map(drop)
    }

    /// Waits until a request can be sent on, at most for `limit`; wakes the endpoint if it sleeps, even
    /// if `limit` is zero.
    ///
    /// # Errors
    ///
    /// [`NotReady::Late`] after `limit`, the others as soon as waiting makes no sense.
    pub async fn ready(&mut self, limit: Duration) -> Result<Arc<View>, NotReady> {
        let view = self.view();
        if view.arrival() == Arrival::Go {
            return Ok(view);
        }
        let _held = self.hold();
        let deadline = Instant::now() + limit.min(LONGEST);
        loop {
            let view = Arc::clone(&self.receiver.borrow_and_update());
            match view.arrival() {
                Arrival::Go => return Ok(view),
                Arrival::Deleted => return Err(NotReady::Deleted),
                Arrival::Paused(paused) => return Err(NotReady::Paused(paused)),
                Arrival::Failed => return Err(NotReady::Failed(Box::new(view.status.clone()))),
                Arrival::Wait => self.wake_if_asleep(&view).await?,
            }
            if timeout_at(deadline, self.receiver.changed()).await.is_err() {
                return Err(NotReady::Late(Box::new(self.view().status.clone())));
            }
        }
    }

    async fn wake_if_asleep(&self, view: &View) -> Result<(), ControlError> {
        match view.record.body.wish {
            Wish::ScaledToZero(_) => self.wake().await,
            Wish::Run | Wish::Paused(_) => Ok(()),
        }
    }

    /// Counts a request that is sent to a replica, until the result is dropped.
    pub fn begin(&self, route: &Route, request: Request) -> InFlight {
        let began = self.shared.moment();
        self.live.begin(request.tokens, began);
        route.outstanding.fetch_add(request.tokens, Ordering::Relaxed);
        InFlight {
            live: Arc::clone(&self.live),
            shared: Arc::clone(&self.shared),
            outstanding: Arc::clone(&route.outstanding),
            request,
            began,
        }
    }
}

impl InFlight {
    /// Takes note that the answer begins. How long its client takes to read it says nothing about replicas.
    pub fn answer_begins(&self) {
        let now = self.shared.moment();
        self.live.counters.note_latency(now.since(self.began), now);
    }

    /// Writes the request down as answered, with as many tokens as it turned out to have. One that is
    /// dropped without this is not counted as used.
    pub fn answered(self, tokens: u64) {
        self.live.count(self.request.key, tokens);
        self.shared.note_usage();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.outstanding.fetch_sub(self.request.tokens, Ordering::Relaxed);
        self.live.end(self.request.tokens, self.shared.moment());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.live.release();
    }
}

/// The longest that a request waits, whatever it asks for: a deadline must be a time that there is.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
