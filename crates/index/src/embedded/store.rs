//! [`VectorStore`] for the embedded store: who does what on which thread.

use std::sync::Arc;

use async_trait::async_trait;

use super::batch::Write;
use super::opened::{Core, Index};
use super::view::View;
use super::{EmbeddedStore, NAME};
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, NamespaceStats, Stats};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};

/// Runs what may wait for a disk on a thread that may wait.
pub(super) async fn on_a_thread<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StoreError::Closed),
        },
    }
}

impl EmbeddedStore {
    /// Reads from an index.
    async fn read<T: Send + 'static>(
        &self,
        index: &IndexName,
        run: impl FnOnce(&Core) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let index = self.index(index)?;
        on_a_thread(move || run(&index.core)).await
    }

    async fn write(&self, index: &IndexName, write: Write) -> Result<Written, StoreError> {
        let there = self.index(index)?;
        if !write.fits(&there.core.spec()) {
            return Err(replaced(index));
        }
        there.writer.write(write).await
    }
}

/// Says that the index which a request was checked against is gone: another has its name now.
fn replaced(index: &IndexName) -> StoreError {
    StoreError::index_not_found(index)
}

#[async_trait]
impl VectorStore for EmbeddedStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: true,
            atomic_batches: true,
            exact_queries: true,
            sparse: true,
            zero_vectors: true,
            full_filters: true,
            max_dimensions: 20_000,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let (data, spec) = (Arc::clone(&self.data), spec.clone());
        on_a_thread(move || data.create(&spec)).await
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        let indexes = self.data.all();
        on_a_thread(move || indexes.iter().map(|index| index.core.describe()).collect()).await
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.read(index, Core::describe).await
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.write(index, Write::Configure(change.clone())).await?;
        self.describe_index(index).await
    }

    /// Refuses a protected index itself: between the check above the store and here, somebody may have
    /// been told that it is protected now.
    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        let there = self.index(index)?;
        there.writer.write(Write::Retire).await?;
        let (data, index) = (Arc::clone(&self.data), index.clone());
        let deleted = on_a_thread(move || data.delete(&index)).await;
        if deleted.is_err() {
            there.core.set_retired(false);
        }
        deleted
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        self.write(index, Write::Upsert(namespace.clone(), records)).await
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        self.write(index, Write::Update(namespace.clone(), update)).await
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let (namespace, ids) = (namespace.clone(), ids.to_vec());
        self.read(index, move |core| view(core, &namespace, |view| view.fetch(&ids))).await
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        let (namespace, page) = (namespace.clone(), page.clone());
        self.read(index, move |core| view(core, &namespace, |view| view.list(&page))).await
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (namespace, filter) = (namespace.clone(), filter.clone());
        self.read(index, move |core| view(core, &namespace, |view| view.find(&filter, limit))).await
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        self.write(index, Write::Delete(namespace.clone(), selection.clone())).await
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let there: Arc<Index> = self.index(index)?;
        if !query.vector.is_empty() && query.vector.len() != there.core.spec().dimensions {
            return Err(replaced(index));
        }
        self.queue.query(there, namespace, query).await
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let filter = filter.cloned();
        self.read(index, move |core| stats(core, filter.as_ref())).await
    }
}

/// Reads from a namespace; nothing comes from one that is not there.
fn view<T: Default>(
    core: &Core,
    namespace: &Namespace,
    run: impl FnOnce(&View) -> super::fault::Step<T>,
) -> Result<T, StoreError> {
    let dimensions = core.spec().dimensions;
    core.environment.read(|txn, tables| match View::of(txn, tables, namespace, dimensions)? {
        Some(view) => run(&view),
        None => Ok(T::default()),
    })
}

fn stats(core: &Core, filter: Option<&Filter>) -> Result<Stats, StoreError> {
    let dimensions = core.spec().dimensions;
    core.environment.read(|txn, tables| {
        let mut namespaces = Vec::new();
        for (name, space) in tables.spaces(txn)? {
            let view = View { txn, tables, space, dimensions };
            let num_records = match filter {
                Some(filter) => view.passing(filter, &view.live()?)?.len(),
                None => space.num_live,
            };
            namespaces.push(NamespaceStats { namespace: Namespace::new(name), num_records });
        }
        Ok(Stats { namespaces, lsn: tables.number(txn, "lsn")? })
    })
}
