//! What the control plane, the gateways and the reconciler share.
//!
//! The store's lock is the one writer: whatever changes a record or a key holds it from reading the old
//! value until the new one is stored and shown. Nothing waits for the disk on an async thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::documents::Documents;
use super::{ControlConfig, ControlError, Endpoint, Live};
use crate::clock::{Clock, Moment};
use crate::keys::Keyring;
use crate::name::{EndpointName, Namespace};
use crate::record::{Body, Record};
use crate::replica::EndpointId;
use crate::runtime::Runtime;
use crate::store::{Charge, Store, StoreError, Used};

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) config: ControlConfig,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Tells the reconciler to look now.
    pub(crate) signal: Arc<Notify>,
    /// Tells whoever keeps the books that requests have ended.
    pub(crate) has_usage: Notify,
    is_usage_known: AtomicBool,
    store: Mutex<Store>,
    table: RwLock<Table>,
    keyring: RwLock<Keyring>,
    documents: RwLock<Documents>,
}

#[derive(Default)]
struct Table {
    by_id: BTreeMap<EndpointId, Arc<Live>>,
    by_name: BTreeMap<Namespace, BTreeMap<EndpointName, Arc<Live>>>,
}

impl Shared {
    pub(crate) fn open(
        config: ControlConfig,
        runtime: Arc<dyn Runtime>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store = Store::open(&config.path)?;
        let (records, keys, now) = (store.endpoints()?, store.keys()?, clock.now());
        let documents = Documents::new(store.documents()?);
        let shared = Self {
            config,
            runtime,
            clock,
            signal: Arc::default(),
            has_usage: Notify::new(),
            is_usage_known: AtomicBool::new(false),
            store: Mutex::new(store),
            table: RwLock::default(),
            keyring: RwLock::new(Keyring::new(keys, now.moment)),
            documents: RwLock::new(documents),
        };
        for record in records {
            let age = now.wall.since(record.body.alive_since);
            shared.add(record, age);
        }
        Ok(shared)
    }

    /// Makes a change on a thread that may block, as the only writer.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&Self, &mut Store) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let shared = Arc::clone(self);
        let write = tokio::task::spawn_blocking(move || change(&shared, &mut shared.store()));
        match write.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Changes what is asked for of an endpoint, unless `change` says that there is nothing to change.
    pub(crate) async fn amend(
        self: &Arc<Self>,
        live: Arc<Live>,
        change: impl FnOnce(&mut Body, &Self, &Live) -> Result<bool, ControlError> + Send + 'static,
    ) -> Result<Option<Endpoint>, ControlError> {
        let amended = self.write(move |shared, store| {
            if shared.by_id(live.id).is_none() {
                return Err(live.not_found());
            }
            let mut record = (*live.record()).clone();
            if !change(&mut record.body, shared, &live)? {
                return Ok(None);
            }
            record.body.edition += 1;
            store.put(live.id, &record.body)?;
            let endpoint = live.show_record(record, shared.clock.now().wall);
            shared.signal.notify_one();
            Ok(Some(endpoint))
        });
        amended.await
    }

    /// Adds an endpoint that is stored, of which so much of its time to live is over. Returns it as it
    /// is before anybody else sees it.
    pub(crate) fn add(&self, record: Record, age: Duration) -> Endpoint {
        let (id, namespace, name) = (record.id, record.namespace.clone(), record.name.clone());
        let live = Arc::new(Live::new(record, self.clock.now(), age, Arc::clone(&self.signal)));
        let endpoint = live.endpoint();
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.by_id.insert(id, Arc::clone(&live));
        table.by_name.entry(namespace).or_default().insert(name, live);
        drop(table);
        self.signal.notify_one();
        endpoint
    }

    /// Removes an endpoint once `delete` has; returns whether it was there.
    pub(crate) fn remove_if_stored(
        &self,
        live: &Live,
        delete: impl FnOnce() -> Result<(), ControlError>,
    ) -> Result<bool, ControlError> {
        if self.by_id(live.id).is_none() {
            return Ok(false);
        }
        delete()?;
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.by_id.remove(&live.id);
        if let Some(names) = table.by_name.get_mut(&live.namespace) {
            names.remove(&live.name);
            if names.is_empty() {
                table.by_name.remove(&live.namespace);
            }
        }
        drop(table);
        live.show_deleted();
        self.signal.notify_one();
        Ok(true)
    }

    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<Arc<Live>> {
        self.table().by_name.get(namespace)?.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: EndpointId) -> Option<Arc<Live>> {
        self.table().by_id.get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.table().by_id.values().cloned().collect()
    }

    pub(crate) fn of_namespace(&self, namespace: &Namespace) -> Vec<Arc<Live>> {
        let table = self.table();
        table.by_name.get(namespace).map(|n| n.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn keyring(&self) -> RwLockReadGuard<'_, Keyring> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keyring_mut(&self) -> RwLockWriteGuard<'_, Keyring> {
        self.keyring.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn documents(&self) -> RwLockReadGuard<'_, Documents> {
        self.documents.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn documents_mut(&self) -> RwLockWriteGuard<'_, Documents> {
        self.documents.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moment(&self) -> Moment {
        self.clock.now().moment
    }

    /// Takes note that a request has ended, so that it is soon written down.
    pub(crate) fn note_usage(&self) {
        if !self.is_usage_known.swap(true, Ordering::Relaxed) {
            self.has_usage.notify_one();
        }
    }

    /// Writes down all requests that ended since the last call. If that fails they are kept.
    pub(crate) async fn flush_usage(self: &Arc<Self>) -> Result<(), ControlError> {
        self.is_usage_known.store(false, Ordering::Relaxed);
        let flushed = self.write(|shared, store| {
            let minute = shared.clock.now().wall.minute();
            let mut used: Vec<(Arc<Live>, Used)> = Vec::new();
            for live in shared.all() {
                used.extend(live.take_usage(minute).into_iter().map(|u| (Arc::clone(&live), u)));
            }
            let rows: Vec<Used> = used.iter().map(|(_, used)| used.clone()).collect();
            if rows.is_empty() {
                return Ok(());
            }
            let written = store.add_usage(&rows);
            if written.is_err() {
                used.iter().for_each(|(live, used)| live.give_back(used));
            }
            Ok(written?)
        });
        flushed.await
    }

    /// Writes down minutes that replicas were up, and shows what the endpoints have spent.
    pub(crate) async fn charge(self: &Arc<Self>, charges: Vec<Charge>) -> Result<(), ControlError> {
        let charged = self.write(move |shared, store| {
            store.charge(&charges)?;
            for charge in &charges {
                if let Some(live) = shared.by_id(charge.endpoint) {
                    live.show_spent(charge.cost);
                }
            }
            Ok(())
        });
        charged.await
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
