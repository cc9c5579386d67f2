//! What there is to see of endpoints, without changing them.

use std::sync::Arc;
use std::time::Duration;

use super::{Account, Control, ControlError, Detail, Endpoint, Watched};
use crate::clock::{Moment, Timestamp};
use crate::name::{EndpointName, Namespace};
use crate::price::{Estimate, PriceTable};
use crate::replica::Replica;
use crate::runtime::LogLine;
use crate::spec::Spec;

impl Control {
    /// Returns all endpoints of a namespace, by name.
    pub fn list(&self, namespace: &Namespace) -> Vec<Endpoint> {
        self.shared.of_namespace(namespace).iter().map(|live| live.endpoint()).collect()
    }

    /// Returns all endpoints of all namespaces, in the order of their creation.
    pub fn list_all(&self) -> Vec<Endpoint> {
        self.shared.all().iter().map(|live| live.endpoint()).collect()
    }

    /// Returns one endpoint.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub fn get(&self, namespace: &str, name: &str) -> Result<Endpoint, ControlError> {
        Ok(self.live(namespace, name)?.endpoint())
    }

    /// Returns the last lines of an endpoint's replicas, oldest first: at most `limit`.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], or what the runtime says.
    pub async fn logs(
        &self,
        namespace: &str,
        name: &str,
        limit: usize,
    ) -> Result<Vec<LogLine>, ControlError> {
        let id = self.live(namespace, name)?.id;
        Ok(self.shared.runtime.logs(id, limit).await?)
    }

    /// Returns the replicas of an endpoint.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], or what the runtime says.
    pub async fn replicas(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Replica>, ControlError> {
        let id = self.live(namespace, name)?.id;
        let mut replicas = self.shared.runtime.list().await?;
        replicas.retain(|replica| replica.key.endpoint == id);
        Ok(replicas)
    }

    /// Returns what was used under a name since some time, whether or not the endpoint still exists.
    /// What ended within the last second may be missing.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn usage(
        &self,
        namespace: Namespace,
        name: EndpointName,
        since: Timestamp,
        detail: Detail,
    ) -> Result<Account, ControlError> {
        let read = self.shared.write(move |_, store| {
            let total = store.usage_total(&namespace, &name, since)?;
            let rows = match detail {
                Detail::Total => Vec::new(),
                Detail::Rows => store.usage_rows(&namespace, &name, since)?,
            };
            Ok(Account { total, rows })
        });
        read.await
    }

    /// Returns what a spec would cost if it lived for `duration`.
    pub fn estimate(&self, spec: &Spec, duration: Duration) -> Estimate {
        self.shared.config.prices.estimate(spec, duration)
    }

    /// Returns what an hour of a replica costs.
    pub fn prices(&self) -> &PriceTable {
        &self.shared.config.prices
    }

    /// Returns the moment by the clock that the rates of keys are counted with.
    pub fn moment(&self) -> Moment {
        self.shared.moment()
    }

    /// Returns a gateway's view of an endpoint; `None` if there is no such endpoint. Names are compared
    /// as they are, so that a path needs no parsing first.
    pub fn watch(&self, namespace: &str, name: &str) -> Option<Watched> {
        let live = self.shared.find(namespace, name)?;
        Some(Watched::new(live, Arc::clone(&self.shared)))
    }
}
