//! PostgreSQL with pgvector.
//!
//! One table per index, with the namespace as a column: a vector column has fixed dimensions and an HNSW
//! index one metric, so indexes cannot share a table, while namespaces come and go by the thousand and a
//! table each would fill the catalog. The primary key is (namespace, id), in the order of bytes. Metadata
//! is `jsonb` with an index for containment. All of it lies in the schema `sembla`, whose table `indexes`
//! has the specs.
//!
//! A batch is one transaction. Queries scan exactly, unless [`Hnsw`] is asked for.
//!
//! **Servers that fail**: name several hosts with `target_session_attrs=read-write`. A request that finds
//! its server gone is tried again until a standby is promoted. Whether an acknowledged write is on that
//! standby is the database's to promise: set `synchronous_standby_names` there.

mod attempts;
mod codec;
mod pool;
mod rows;
mod search;
mod sql;
mod statements;

use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::listing;
use super::retry::Retry;
use crate::error::StoreError;
use crate::filter::Filter;
use crate::query::{Query, QueryResult};
use crate::record::{Namespace, Record, RecordPage, Selection, Update};
use crate::spec::{IndexChange, IndexDescription, IndexName, IndexSpec, NamespaceStats, Stats};
use crate::store::{Capabilities, PageRequest, VectorStore, Written};
use pool::Pool;
use rows::{get, lsn_of, recorded, rows, spec_of, unsigned, written};
use sql::Sql;
use statements::Table;

const NAME: &str = "pgvector";
/// The longest `vector`.
const MAX_DIMENSIONS: usize = 16_000;
/// The longest `vector` that HNSW takes.
const MAX_HNSW_DIMENSIONS: usize = 2_000;

/// Indexes in a PostgreSQL database.
pub struct PgVectorStore {
    pool: Pool,
    config: PgVectorConfig,
}

/// How a database is used.
#[derive(Debug, Clone, Copy)]
pub struct PgVectorConfig {
    /// How long a server that is gone is waited for.
    pub retry: Retry,
    /// Whether new indexes get a graph, and queries by [`Precision::Auto`](crate::Precision::Auto) use it.
    pub hnsw: Option<Hnsw>,
}

/// pgvector's graph: faster queries over large namespaces, which may miss, and slower writes.
#[derive(Debug, Clone, Copy)]
pub struct Hnsw {
    /// Links of a record, `m` in pgvector.
    pub num_links: u32,
    /// Candidates while the graph is built, `ef_construction`.
    pub build_candidates: u32,
    /// Candidates of a query, `ef_search`: 1 to 1,000.
    pub search_candidates: u32,
}

impl Hnsw {
    /// What pgvector does unless it is told otherwise, with more candidates per query: 40 miss too often.
    pub const fn usual() -> Self {
        Self { num_links: 16, build_candidates: 64, search_candidates: 100 }
    }
}

impl PgVectorConfig {
    /// Exact, and patient.
    pub const fn usual() -> Self {
        Self { retry: Retry::patient(), hnsw: None }
    }
}

impl std::fmt::Debug for PgVectorStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the connection string, which may have a password.
        f.debug_struct("PgVectorStore").field("config", &self.config).finish_non_exhaustive()
    }
}

impl PgVectorStore {
    /// Connects to a database, and makes the schema `sembla` there if there is none. A `password` goes
    /// before one in the connection string.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the connection string is none, the server is not reached in time, or lacks
    /// pgvector.
    pub async fn connect(
        url: &str,
        password: Option<&str>,
        config: PgVectorConfig,
    ) -> Result<Self, StoreError> {
        let pool = Pool::new(url, password)?;
        config.retry.run(|| async { Ok(pool.set_up(statements::SET_UP).await?) }).await?;
        Ok(Self { pool, config })
    }

    /// A write of one statement.
    async fn write(
        &self,
        index: &IndexName,
        sql: impl Fn(&Table, &Type) -> Sql + Sync,
    ) -> Result<Written, StoreError> {
        let table = Table::of(index);
        let attempt = || async {
            let lease = self.pool.lease().await?;
            Ok(written(&lease.client, &sql(&table, &lease.vector), index.as_str()).await?)
        };
        self.config.retry.run(attempt).await
    }

    /// A read of one statement.
    async fn read(&self, index: &IndexName, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        let attempt = || async {
            let lease = self.pool.lease().await?;
            Ok(rows(&lease.client, sql, index.as_str()).await?)
        };
        self.config.retry.run(attempt).await
    }
}

#[async_trait]
impl VectorStore for PgVectorStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: NAME,
            read_your_writes: true,
            atomic_batches: true,
            exact_queries: true,
            // `sparsevec` has 1,000,000,000 dimensions, and terms are any number of 32 bits.
            sparse: false,
            zero_vectors: false,
            full_filters: true,
            max_dimensions: MAX_DIMENSIONS,
        }
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        self.config.retry.run(|| self.try_create(spec)).await
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        self.config.retry.run(|| self.try_list_indexes()).await
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.config.retry.run(|| self.try_describe(index)).await
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        let rows = self.read(index, &statements::one_spec(index)).await?;
        spec_of(rows.first().ok_or_else(|| StoreError::index_not_found(index))?)
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.config.retry.run(|| self.try_configure(index, change)).await?;
        self.describe_index(index).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        self.config.retry.run(|| self.try_delete_index(index)).await
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let written = self.config.retry.run(|| self.try_upsert(index, namespace, &records)).await;
        written.map_err(|err| {
            if !err.is_retryable() {
                return err;
            }
            let num_records = records.len();
            let failed_ids = records.into_iter().map(|record| record.id).collect();
            StoreError::Partial { failed_ids, num_records, source: Box::new(err) }
        })
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        self.write(index, |table, vector| table.update(namespace, &update, vector)).await
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for row in self.read(index, &Table::of(index).fetch(namespace, ids)).await? {
            records.push(recorded(&row)?);
        }
        Ok(listing::in_order(ids, records))
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        let rows = self.read(index, &Table::of(index).list(namespace, page)).await?;
        let mut ids = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<String>, _>>()?;
        let has_more = ids.len() > page.limit;
        ids.truncate(page.limit);
        Ok(RecordPage { next: ids.last().filter(|_| has_more).cloned(), ids })
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let rows = self.read(index, &Table::of(index).find(namespace, filter, limit)).await?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        self.write(index, |table, _| table.delete(namespace, selection)).await
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        self.config.retry.run(|| self.try_query(index, namespace, query)).await
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        let (_, lsn) = {
            let rows = self.read(index, &statements::one_spec(index)).await?;
            let row = rows.first().ok_or_else(|| StoreError::index_not_found(index))?;
            (spec_of(row)?, lsn_of(row)?)
        };
        let mut namespaces = Vec::new();
        for row in self.read(index, &Table::of(index).stats(filter)).await? {
            let namespace = Namespace::new(get::<String>(&row, 0)?);
            namespaces.push(NamespaceStats { namespace, num_records: unsigned(get(&row, 1)?) });
        }
        Ok(Stats { namespaces, lsn })
    }
}
