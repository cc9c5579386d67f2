//! How servers and commands change what is asked for, and learn what is there.
//!
//! Every change is stored first, in one transaction, shows in what the call returns and in what a
//! gateway sees, and is then left to the [`Reconciler`]. A change that fails leaves
//! everything as it was.

mod access;
mod counters;
mod documents;
mod error;
mod live;
mod look;
mod shared;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::error::ControlError;
pub(crate) use self::live::Live;
pub(crate) use self::shared::Shared;
pub use self::view::{Arrival, Held, InFlight, NotReady, Request, Route, View, Watched};
use crate::clock::{Clock, Timestamp};
use crate::name::{EndpointName, Namespace};
use crate::planner::Limits;
use crate::price::PriceTable;
use crate::reconciler::Reconciler;
use crate::record::{Body, Record, Wish};
use crate::runtime::{Examined, Runtime};
use crate::spec::Spec;
use crate::status::{PausedBy, Slept, State, Status};
use crate::store::StoreError;
use crate::usage::{UsageRow, UsageTotal};

/// What a control plane needs to know. Its creator decides every value.
#[derive(Debug, Clone)]
pub struct ControlConfig {
    /// The database file. Its folder exists, and belongs to this process alone.
    pub path: PathBuf,
    /// How long anything may take.
    pub limits: Limits,
    /// What an hour of a replica costs.
    pub prices: PriceTable,
    /// What all replicas together may take in memory; `None` for no bound.
    pub memory_budget_bytes: Option<u64>,
}

/// An endpoint as it is now.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// What is asked for.
    pub record: Arc<Record>,
    /// What is there.
    pub status: Status,
    /// When it last had a request, if it has had one since the server started.
    pub last_used: Option<Timestamp>,
}

/// What an endpoint used under its name since some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// All of it.
    pub total: UsageTotal,
    /// The requests, by minute and key, where they were asked for.
    pub rows: Vec<UsageRow>,
}

/// How much of an account is read. A month of use has tens of thousands of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The total alone.
    Total,
    /// The requests by minute and key too.
    Rows,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    /// Opens the database, and returns the control plane and what carries its wishes out. Blocks for
    /// as long as reading takes.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened or read.
    pub fn open(
        config: ControlConfig,
        runtime: Arc<dyn Runtime>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Reconciler), StoreError> {
        let shared = Arc::new(Shared::open(config, runtime, clock)?);
        Ok((Self { shared: Arc::clone(&shared) }, Reconciler::new(shared)))
    }

    /// Creates an endpoint, which begins to start at least one replica.
    ///
    /// # Errors
    ///
    /// [`ControlError::Taken`], [`ControlError::Examine`] if the model cannot be loaded here, or
    /// [`ControlError::DoesNotFit`].
    pub async fn create(
        &self,
        namespace: Namespace,
        name: EndpointName,
        spec: Spec,
    ) -> Result<Endpoint, ControlError> {
        if self.shared.find(namespace.as_str(), name.as_str()).is_some() {
            return Err(ControlError::Taken { namespace, name });
        }
        let examined = self.examine(&spec).await?;
        let created = self.shared.write(move |shared, store| {
            let now = shared.clock.now();
            let body = Body::new(spec, examined, now.wall);
            let Some(id) = store.insert(&namespace, &name, &body)? else {
                return Err(ControlError::Taken { namespace, name });
            };
            let record = Record { id, namespace, name, body, spent: crate::Amount::ZERO };
            Ok(shared.add(record, Duration::ZERO))
        });
        created.await
    }

    /// Asks for another spec, which `change` makes of the present one. It may be called again if
    /// somebody else changed the endpoint meanwhile.
    ///
    /// # Errors
    ///
    /// Those of `change`, and those of [`Control::create`] but for the name.
    pub async fn update<E: From<ControlError>>(
        &self,
        namespace: &str,
        name: &str,
        change: impl Fn(&Spec) -> Result<Spec, E>,
    ) -> Result<Endpoint, E> {
        loop {
            let live = self.live(namespace, name)?;
            let before = live.record();
            let spec = change(&before.body.spec)?;
            let examined = self.examine_change(&before, &spec).await?;
            let edition = before.body.edition;
            let amended = self.shared.amend(live, move |body, shared, _| {
                if body.edition != edition {
                    return Ok(false);
                }
                body.update(spec, examined, shared.clock.now().wall);
                Ok(true)
            });
            if let Some(endpoint) = amended.await? {
                return Ok(endpoint);
            }
        }
    }

    /// Stops an endpoint until somebody resumes it. It drains after this returns. One that is paused
    /// stays as it was.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub async fn pause(
        &self,
        namespace: &str,
        name: &str,
        by: PausedBy,
    ) -> Result<Endpoint, ControlError> {
        self.amend(namespace, name, move |body, shared, _| {
            if matches!(body.wish, Wish::Paused(_)) {
                return Ok(false);
            }
            body.pause(by, shared.clock.now().wall);
            Ok(true)
        })
        .await
    }

    /// Runs an endpoint that is paused, sleeps or was given up.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyRunning`], or [`ControlError::OverBudget`] if it would be paused again
    /// at once.
    pub async fn resume(&self, namespace: &str, name: &str) -> Result<Endpoint, ControlError> {
        self.amend(namespace, name, move |body, shared, live| {
            let is_given_up = live.view().status.state == State::Failed;
            if body.wish == Wish::Run && !is_given_up {
                return Err(ControlError::AlreadyRunning { name: live.name.clone() });
            }
            let spent = live.record().spent;
            if let Some(budget) = body.spec.budget.filter(|budget| spent >= *budget) {
                return Err(ControlError::OverBudget { name: live.name.clone(), spent, budget });
            }
            let now = shared.clock.now();
            body.resume(now.wall);
            live.restart_life(now.moment);
            Ok(true)
        })
        .await
    }

    /// Stops an endpoint until a request comes. It drains after this returns.
    ///
    /// # Errors
    ///
    /// [`ControlError::IsPaused`]: a request must not wake what somebody paused.
    pub async fn scale_to_zero(
        &self,
        namespace: &str,
        name: &str,
        by: String,
    ) -> Result<Endpoint, ControlError> {
        self.amend(namespace, name, move |body, shared, live| {
            if let Wish::Paused(paused) = &body.wish {
                let (name, paused) = (live.name.clone(), paused.clone());
                return Err(ControlError::IsPaused { name, paused });
            }
            body.sleep(Slept::User(by), shared.clock.now().wall);
            Ok(true)
        })
        .await
    }

    /// Deletes an endpoint. It is gone when this returns; its replicas drain after that, and its usage
    /// stays.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub async fn delete(&self, namespace: &str, name: &str) -> Result<(), ControlError> {
        let live = self.live(namespace, name)?;
        let deleted = self.shared.write(move |shared, store| {
            if shared.remove_if_stored(&live, || Ok(store.delete(live.id)?))? {
                return Ok(());
            }
            Err(live.not_found())
        });
        deleted.await
    }

    async fn amend(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Body, &Shared, &Live) -> Result<bool, ControlError> + Send + 'static,
    ) -> Result<Endpoint, ControlError> {
        let live = self.live(namespace, name)?;
        let amended = self.shared.amend(Arc::clone(&live), change).await?;
        Ok(amended.unwrap_or_else(|| live.endpoint()))
    }

    fn live(&self, namespace: &str, name: &str) -> Result<Arc<Live>, ControlError> {
        let live = self.shared.find(namespace, name);
        live.ok_or_else(|| ControlError::NotFound { name: format!("{namespace}/{name}") })
    }

    async fn examine_change(&self, before: &Record, spec: &Spec) -> Result<Examined, ControlError> {
        // Scaling an endpoint must work when the Hub does not.
        if before.body.spec.needs_new_replicas(spec) || before.body.rejected.is_some() {
            return self.examine(spec).await;
        }
        Ok(before.body.examined.clone())
    }

    async fn examine(&self, spec: &Spec) -> Result<Examined, ControlError> {
        let examined = self.shared.runtime.examine(spec).await?;
        let budget = self.shared.config.memory_budget_bytes;
        match (examined.memory_bytes, budget) {
            (Some(needed_bytes), Some(budget_bytes)) if needed_bytes > budget_bytes => {
                let model = spec.source().to_owned();
                Err(ControlError::DoesNotFit { model, needed_bytes, budget_bytes })
            }
            (Some(_) | None, _) => Ok(examined),
        }
    }
}

#[cfg(test)]
impl Control {
    /// Makes the database refuse every write.
    pub(crate) async fn freeze_disk(&self) {
        self.set_query_only("ON").await;
    }

    /// Makes the database take writes again.
    pub(crate) async fn thaw_disk(&self) {
        self.set_query_only("OFF").await;
    }

    async fn set_query_only(&self, value: &'static str) {
        let set = self.shared.write(move |_, store| {
            store.set_query_only(value);
            Ok(())
        });
        set.await.unwrap();
    }
}
