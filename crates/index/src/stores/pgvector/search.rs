//! The nearest records, by a scan of all or by the graph.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::Hnsw;
use super::codec::Vector;
use super::rows::{failed, rows};
use super::sql::Sql;
use super::statements::{Table, signed};
use crate::error::StoreError;
use crate::query::Query;
use crate::record::Namespace;
use crate::spec::{IndexSpec, Metric};

/// One query of one index.
pub(super) struct Search<'a> {
    pub(super) spec: &'a IndexSpec,
    pub(super) namespace: &'a Namespace,
    pub(super) query: &'a Query,
    pub(super) vector: Type,
}

/// How records are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// All that pass.
    Exact,
    /// Along the graph.
    Graph,
}

impl Search<'_> {
    /// Id, distance, and the vector and the metadata if they are asked for.
    pub(super) fn sql(&self, scan: Scan) -> Sql {
        let operator = match self.spec.metric {
            Metric::Cosine => "<=>",
            Metric::DotProduct => "<#>",
            Metric::Euclidean => "<->",
        };
        let mut sql = Sql::new(format!("SELECT id, embedding {operator} "));
        sql.bind(Vector(self.query.vector.clone()), self.vector.clone());
        if self.query.include.values {
            sql.push(", embedding");
        }
        if self.query.include.metadata {
            sql.push(", metadata");
        }
        let table = Table::of(&self.spec.name);
        table.within(sql.push(&table.from()), self.namespace);
        if let Some(filter) = &self.query.filter {
            sql.push(" AND ").filter(filter);
        }
        // An order by an expression around the operator is one that no graph knows.
        let (open, close) = match scan {
            Scan::Exact => ("(", ") + 0"),
            Scan::Graph => ("", ""),
        };
        sql.push(&format!(" ORDER BY {open}embedding {operator} $1{close}, id LIMIT "));
        sql.bind(signed(self.query.top_k), Type::INT8);
        sql
    }

    /// Follows the graph, and goes on where a filter leaves too few, as far as memory allows.
    pub(super) async fn approximate(
        &self,
        client: &mut Client,
        hnsw: Hnsw,
    ) -> Result<Vec<Row>, StoreError> {
        let index = self.spec.name.as_str();
        let transaction = client.transaction().await.map_err(failed(index))?;
        let settings = format!(
            "SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL hnsw.ef_search = {}; \
             SET LOCAL hnsw.max_scan_tuples = 2147483647",
            hnsw.search_candidates
        );
        transaction.batch_execute(&settings).await.map_err(failed(index))?;
        let found = rows(&transaction, &self.sql(Scan::Graph), index).await?;
        transaction.commit().await.map_err(failed(index))?;
        Ok(found)
    }
}
