//! What is refused before any store is asked, once for all stores.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::StoreError;
use crate::filter::Filter;
use crate::invalid::InvalidRequest;
use crate::metadata;
use crate::query::{Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, SparseVector, Update};
use crate::spec::{
    IndexChange, IndexDescription, IndexName, IndexSpec, Metric, Protection, SparseWeights, Stats,
    VectorKind,
};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};

/// The most matches of one query.
pub const MAX_TOP_K: usize = 10_000;
/// The most records of one upsert at this boundary; dialects have smaller limits of their own.
pub const MAX_BATCH_RECORDS: usize = 100_000;
/// The most bytes of an id, as Pinecone limits it.
const MAX_ID_BYTES: usize = 512;
/// The most bytes of a namespace's name.
const MAX_NAMESPACE_BYTES: usize = 512;
/// The most terms of a sparse vector.
const MAX_SPARSE_TERMS: usize = 2_048;

/// The length of the longest vector: the product of two such, and the square of their distance, is still
/// a finite f32.
const MAX_LENGTH: f64 = 1e18;
/// The length of the shortest vector that has a cosine: the products of its floats are no longer rounded
/// to nothing below.
const MIN_COSINE_LENGTH: f64 = 1e-15;

/// A store behind the checks that all stores share. Cheap to clone.
#[derive(Clone)]
pub struct Checked {
    store: Arc<dyn VectorStore>,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checked({})", self.capabilities().name)
    }
}

impl Checked {
    /// Puts the checks before a store.
    pub fn new(store: Arc<dyn VectorStore>) -> Self {
        Self { store }
    }

    /// Puts something between the checks and the store, such as what counts its queries.
    #[must_use]
    pub fn map_store(self, put: impl FnOnce(Arc<dyn VectorStore>) -> Arc<dyn VectorStore>) -> Self {
        Self { store: put(self.store) }
    }

    /// Returns what the store can do.
    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// Creates an empty index.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the spec contradicts itself, the name is taken or the store fails.
    pub async fn create_index(&self, spec: &IndexSpec) -> Result<IndexDescription, StoreError> {
        let can = self.capabilities();
        check_spec(spec, can.max_dimensions)?;
        if spec.kind == VectorKind::Sparse && !can.sparse {
            return Err(StoreError::Unsupported { store: can.name, what: "keep sparse vectors" });
        }
        self.store.create_index(spec).await?;
        match self.store.describe_index(&spec.name).await {
            // It was created, and deleted before anybody could look.
            Err(StoreError::IndexNotFound { .. }) => {
                Ok(IndexDescription { spec: spec.clone(), num_records: 0 })
            }
            described => described,
        }
    }

    /// Returns all indexes, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store fails.
    pub async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        self.store.list_indexes().await
    }

    /// Returns one index.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is none of this name, or the store fails.
    pub async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.store.describe_index(index).await
    }

    /// Changes an index, and returns it as it is then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is none of this name, the model's dimensions differ, or the store
    /// fails.
    pub async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        if let Some(fingerprint) = &change.fingerprint {
            let spec = self.store.index_spec(index).await?;
            check_spec(
                &IndexSpec { fingerprint: Some(fingerprint.clone()), ..spec },
                self.capabilities().max_dimensions,
            )?;
        }
        self.store.configure_index(index, change).await
    }

    /// Deletes an index with all that it holds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is protected or not there, or the store fails.
    pub async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        let spec = self.store.index_spec(index).await?;
        if spec.protection == Protection::Enabled {
            return Err(StoreError::Protected { name: index.as_str().to_owned() });
        }
        self.store.delete_index(index).await
    }

    /// Writes records, replacing those with the same ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a record does not fit the index, or the store fails.
    pub async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        check_namespace(namespace)?;
        check_batch(records.len())?;
        let spec = self.store.index_spec(index).await?;
        let mut ids = BTreeSet::new();
        for (position, record) in records.iter().enumerate() {
            self.check_record(&spec, position, record)?;
            if !ids.insert(record.id.as_str()) {
                return Err(InvalidRequest::DuplicateId { id: record.id.clone() }.into());
            }
        }
        drop(ids);
        self.store.upsert(index, namespace, records).await
    }

    /// Checks the record at `position` of a batch against an index, as [`upsert`](Self::upsert) does,
    /// for callers that write what is good of a batch and report the rest.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the record does not fit the index.
    pub fn check_record(
        &self,
        spec: &IndexSpec,
        position: usize,
        record: &Record,
    ) -> Result<(), StoreError> {
        check_id(position, &record.id)?;
        let checks = self.vector_checks(spec);
        let place = || format!("record `{}`", record.id);
        checks.dense(&record.values, &place)?;
        checks.sparse(record.sparse.as_ref(), &place)?;
        check_has_sparse(spec, record.sparse.as_ref(), &place)?;
        Ok(check_metadata(&record.metadata, &place)?)
    }

    /// Changes one record; `num_records` is 0 if there is none of this id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the change does not fit the index, or the store fails.
    pub async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        check_namespace(namespace)?;
        check_id(0, &update.id)?;
        let spec = self.store.index_spec(index).await?;
        let checks = self.vector_checks(&spec);
        let place = || format!("record `{}`", update.id);
        if let Some(values) = &update.values {
            checks.dense(values, &place)?;
        }
        checks.sparse(update.sparse.as_ref(), &place)?;
        if update.sparse.is_some() {
            check_has_sparse(&spec, update.sparse.as_ref(), &place)?;
        }
        check_metadata(&update.set_metadata, &place)?;
        self.check_metadata_together(index, namespace, &update).await?;
        self.store.update(index, namespace, update).await
    }

    // Fields that fit one by one must not add up to more than a record may have.
    async fn check_metadata_together(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: &Update,
    ) -> Result<(), StoreError> {
        if update.set_metadata.is_empty() {
            return Ok(());
        }
        let ids = std::slice::from_ref(&update.id);
        for mut record in self.store.fetch(index, namespace, ids).await? {
            record.metadata.extend(update.set_metadata.clone());
            let place = || format!("record `{}` with what the update adds", update.id);
            check_metadata(&record.metadata, &place)?;
        }
        Ok(())
    }

    /// Returns the records of these ids that are there, in the order asked.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if an id is none, or the store fails.
    pub async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        check_namespace(namespace)?;
        check_ids(ids)?;
        self.store.fetch(index, namespace, ids).await
    }

    /// Returns a page of ids, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store fails.
    pub async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        check_namespace(namespace)?;
        check_batch(page.limit)?;
        self.store.list(index, namespace, page).await
    }

    /// Returns the ids of records whose metadata passes, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store fails.
    pub async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        check_namespace(namespace)?;
        self.store.find(index, namespace, filter, limit).await
    }

    /// Deletes records.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if an id is none, or the store fails.
    pub async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        check_namespace(namespace)?;
        if let Selection::Ids(ids) = selection {
            check_ids(ids)?;
        }
        self.store.delete(index, namespace, selection).await
    }

    /// Returns the nearest records.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the query does not fit the index, or the store fails.
    pub async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        check_namespace(namespace)?;
        if !(1..=MAX_TOP_K).contains(&query.top_k) {
            return Err(InvalidRequest::TopK { got: query.top_k, max: MAX_TOP_K }.into());
        }
        let spec = self.store.index_spec(index).await?;
        let checks = self.vector_checks(&spec);
        let place = || "the query".to_owned();
        checks.dense(&query.vector, &place)?;
        checks.sparse(query.sparse.as_ref(), &place)?;
        if spec.kind == VectorKind::Sparse {
            check_has_sparse(&spec, query.sparse.as_ref(), &place)?;
        }
        self.store.query(index, namespace, query).await
    }

    /// Counts records, all or those that pass a filter.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store fails.
    pub async fn stats(
        &self,
        index: &IndexName,
        filter: Option<&Filter>,
    ) -> Result<Stats, StoreError> {
        self.store.stats(index, filter).await
    }

    fn vector_checks<'a>(&self, spec: &'a IndexSpec) -> VectorChecks<'a> {
        VectorChecks { spec, can: self.capabilities() }
    }
}

/// The checks of vectors against one index of one store.
struct VectorChecks<'a> {
    spec: &'a IndexSpec,
    can: Capabilities,
}

impl VectorChecks<'_> {
    fn dense(&self, values: &[f32], place: &dyn Fn() -> String) -> Result<(), InvalidRequest> {
        if values.len() != self.spec.dimensions {
            return Err(InvalidRequest::Dimensions {
                place: place(),
                index: self.spec.name.clone(),
                expected: self.spec.dimensions,
                got: values.len(),
            });
        }
        check_finite(values, place)?;
        let length = check_length(values, place)?;
        if self.spec.metric != Metric::Cosine || values.is_empty() {
            return Ok(());
        }
        if length == 0.0 {
            return Err(InvalidRequest::ZeroVector { place: place() });
        }
        if length < MIN_COSINE_LENGTH {
            return Err(InvalidRequest::TooShort {
                place: place(),
                length,
                min: MIN_COSINE_LENGTH,
            });
        }
        Ok(())
    }

    fn sparse(
        &self,
        sparse: Option<&SparseVector>,
        place: &dyn Fn() -> String,
    ) -> Result<(), StoreError> {
        let Some(sparse) = sparse else { return Ok(()) };
        if !self.can.sparse {
            let what = "keep sparse vectors";
            return Err(StoreError::Unsupported { store: self.can.name, what });
        }
        let wrong = |problem| InvalidRequest::Sparse { place: place(), problem };
        let may_have = self.spec.kind == VectorKind::Sparse
            || self.spec.metric == Metric::DotProduct
            || self.spec.sparse_weights == SparseWeights::InverseDocumentFrequency;
        if !may_have {
            return Err(wrong(
                "has a sparse vector, which beside a dense one needs an index with the metric dotproduct or with text terms",
            )
            .into());
        }
        if sparse.indices.len() != sparse.values.len() {
            return Err(wrong("has not as many sparse indices as sparse values").into());
        }
        if sparse.indices.len() > MAX_SPARSE_TERMS {
            return Err(wrong("has more than 2048 sparse terms").into());
        }
        if !sparse.indices.is_sorted_by(|a, b| a < b) {
            return Err(wrong("names a sparse index twice").into());
        }
        check_finite(&sparse.values, place)?;
        check_length(&sparse.values, place)?;
        Ok(())
    }
}

fn check_spec(spec: &IndexSpec, max_dimensions: usize) -> Result<(), InvalidRequest> {
    let wrong = |what| Err(InvalidRequest::Spec { what });
    match spec.kind {
        VectorKind::Sparse if spec.dimensions != 0 => {
            return wrong("an index of sparse vectors has no dimensions");
        }
        VectorKind::Sparse if spec.metric != Metric::DotProduct => {
            return wrong("an index of sparse vectors has the metric dotproduct");
        }
        VectorKind::Dense if !(1..=max_dimensions).contains(&spec.dimensions) => {
            let got = spec.dimensions;
            return Err(InvalidRequest::IndexDimensions { got, max: max_dimensions });
        }
        VectorKind::Sparse | VectorKind::Dense => {}
    }
    if let Some(fingerprint) = &spec.fingerprint
        && fingerprint.dimensions != spec.dimensions
    {
        return Err(InvalidRequest::ModelDimensions {
            model: fingerprint.model.clone(),
            got: fingerprint.dimensions,
            index: spec.name.clone(),
            expected: spec.dimensions,
        });
    }
    Ok(())
}

fn check_namespace(namespace: &Namespace) -> Result<(), InvalidRequest> {
    let name = namespace.as_str();
    if name.len() > MAX_NAMESPACE_BYTES || name.contains('\0') {
        return Err(InvalidRequest::Namespace { got: name.len(), max: MAX_NAMESPACE_BYTES });
    }
    Ok(())
}

fn check_batch(got: usize) -> Result<(), InvalidRequest> {
    if (1..=MAX_BATCH_RECORDS).contains(&got) {
        return Ok(());
    }
    Err(InvalidRequest::BatchSize { got, max: MAX_BATCH_RECORDS })
}

fn check_ids(ids: &[String]) -> Result<(), InvalidRequest> {
    check_batch(ids.len())?;
    ids.iter().enumerate().try_for_each(|(position, id)| check_id(position, id))
}

fn check_id(position: usize, id: &str) -> Result<(), InvalidRequest> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) {
        return Ok(());
    }
    Err(InvalidRequest::Id { position, got: id.len(), max: MAX_ID_BYTES })
}

fn check_finite(values: &[f32], place: &dyn Fn() -> String) -> Result<(), InvalidRequest> {
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(position) => {
            Err(InvalidRequest::NotFinite { place: place(), position, value: values[position] })
        }
    }
}

/// Checks that products with other vectors are finite, and returns the length.
fn check_length(values: &[f32], place: &dyn Fn() -> String) -> Result<f64, InvalidRequest> {
    let length = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length > MAX_LENGTH {
        return Err(InvalidRequest::TooLong { place: place(), length, max: MAX_LENGTH });
    }
    Ok(length)
}

fn check_has_sparse(
    spec: &IndexSpec,
    sparse: Option<&SparseVector>,
    place: &dyn Fn() -> String,
) -> Result<(), InvalidRequest> {
    if spec.kind == VectorKind::Sparse && sparse.is_none_or(|sparse| sparse.indices.is_empty()) {
        let problem = "needs a sparse vector with at least one term";
        return Err(InvalidRequest::Sparse { place: place(), problem });
    }
    Ok(())
}

fn check_metadata(
    metadata: &crate::Metadata,
    place: &dyn Fn() -> String,
) -> Result<(), InvalidRequest> {
    metadata::check_size(metadata)
        .map_err(|source| InvalidRequest::Metadata { place: place(), source })
}
