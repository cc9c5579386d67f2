//! One try of each request that takes a transaction or several statements.

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{Json, ToSql, Type};

use super::codec::Floats;
use super::rows::{count, failed, look_up, matched, rows, spec_of, written};
use super::search::{Scan, Search};
use super::statements::{self, Table};
use super::{MAX_HNSW_DIMENSIONS, NAME, PgVectorStore};
use crate::error::StoreError;
use crate::query::{Precision, Query, QueryResult};
use crate::record::{Namespace, Record};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec};
use crate::store::Written;
use crate::stores::retry::Failure;

impl PgVectorStore {
    pub(super) async fn try_create(&self, spec: &IndexSpec) -> Result<(), Failure> {
        if self.config.hnsw.is_some() && spec.dimensions > MAX_HNSW_DIMENSIONS {
            let what = "index vectors of over 2,000 dimensions with hnsw; connect without it";
            return Err(StoreError::Unsupported { store: NAME, what }.into());
        }
        let name = spec.name.as_str();
        let mut lease = self.pool.lease().await?;
        let transaction = lease.client.transaction().await.map_err(failed(name))?;
        if written(&transaction, &statements::insert_spec(spec), name).await?.num_records == 0 {
            return Err(StoreError::IndexExists { name: name.to_owned() }.into());
        }
        let create = Table::of(&spec.name).create(spec, self.config.hnsw);
        transaction.batch_execute(&create).await.map_err(failed(name))?;
        Ok(transaction.commit().await.map_err(failed(name))?)
    }

    pub(super) async fn try_list_indexes(&self) -> Result<Vec<IndexDescription>, Failure> {
        let lease = self.pool.lease().await?;
        let mut indexes = Vec::new();
        for row in rows(&lease.client, &statements::all_specs(), "").await? {
            let spec = spec_of(&row)?;
            match count(&lease.client, &spec.name).await {
                Ok(num_records) => indexes.push(IndexDescription { spec, num_records }),
                // It was deleted since the specs were read.
                Err(StoreError::IndexNotFound { .. }) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(indexes)
    }

    pub(super) async fn try_describe(
        &self,
        index: &IndexName,
    ) -> Result<IndexDescription, Failure> {
        let lease = self.pool.lease().await?;
        let (spec, _) = look_up(&lease.client, index).await?;
        Ok(IndexDescription { spec, num_records: count(&lease.client, index).await? })
    }

    pub(super) async fn try_configure(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<(), Failure> {
        let name = index.as_str();
        let mut lease = self.pool.lease().await?;
        let transaction = lease.client.transaction().await.map_err(failed(name))?;
        let locked = rows(&transaction, &statements::lock_spec(index), name).await?;
        let mut spec = spec_of(locked.first().ok_or_else(|| StoreError::index_not_found(index))?)?;
        spec.apply(change);
        written(&transaction, &statements::update_spec(&spec), name).await?;
        Ok(transaction.commit().await.map_err(failed(name))?)
    }

    pub(super) async fn try_delete_index(&self, index: &IndexName) -> Result<(), Failure> {
        let name = index.as_str();
        let mut lease = self.pool.lease().await?;
        let transaction = lease.client.transaction().await.map_err(failed(name))?;
        if written(&transaction, &statements::delete_spec(index), name).await?.num_records == 0 {
            return Err(StoreError::index_not_found(index).into());
        }
        transaction.batch_execute(&Table::of(index).drop()).await.map_err(failed(name))?;
        Ok(transaction.commit().await.map_err(failed(name))?)
    }

    pub(super) async fn try_upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: &[Record],
    ) -> Result<Written, Failure> {
        let name = index.as_str();
        let mut lease = self.pool.lease().await?;
        let types = [Type::TEXT, lease.vector.clone(), Type::JSONB];
        let transaction = lease.client.transaction().await.map_err(failed(name))?;
        let sink = transaction.copy_in(statements::COPY).await.map_err(failed(name))?;
        let mut writer = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
        for record in records {
            let (values, metadata) = (Floats(&record.values), Json(&record.metadata));
            let row: [&(dyn ToSql + Sync); 3] = [&record.id, &values, &metadata];
            writer.as_mut().write(&row).await.map_err(failed(name))?;
        }
        writer.finish().await.map_err(failed(name))?;
        let insert = Table::of(index).insert_staged(namespace);
        let written = written(&transaction, &insert, name).await?;
        transaction.commit().await.map_err(failed(name))?;
        Ok(written)
    }

    pub(super) async fn try_query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, Failure> {
        let mut lease = self.pool.lease().await?;
        let (spec, lsn) = look_up(&lease.client, index).await?;
        let search = Search { spec: &spec, namespace, query, vector: lease.vector.clone() };
        let mut found = Vec::new();
        if let (Precision::Auto, Some(hnsw)) = (query.precision, self.config.hnsw) {
            found = search.approximate(&mut lease.client, hnsw).await?;
        }
        // The graph's search ends at a bound of memory, perhaps with less than there is.
        if found.len() < query.top_k {
            found = rows(&lease.client, &search.sql(Scan::Exact), index.as_str()).await?;
        }
        let found = found.iter().map(|row| matched(row, query, spec.metric));
        let matches = found.collect::<Result<_, _>>()?;
        Ok(QueryResult { matches, lsn, ..QueryResult::default() })
    }
}
