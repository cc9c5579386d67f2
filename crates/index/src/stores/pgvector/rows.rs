//! Statements sent, and rows taken apart.

use tokio_postgres::types::{FromSql, Json};
use tokio_postgres::{GenericClient, Row};

use super::NAME;
use super::codec::Vector;
use super::pool::failure;
use super::sql::Sql;
use super::statements::{self, Table};
use crate::error::StoreError;
use crate::metadata::Metadata;
use crate::query::{Match, Query};
use crate::record::Record;
use crate::spec::{IndexName, IndexSpec, Metric};
use crate::store::Written;

/// Says what an error means for a request about an index.
pub(super) fn failed(index: &str) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |err| failure(err, Some(index))
}

pub(super) async fn rows(
    client: &(impl GenericClient + Sync),
    sql: &Sql,
    index: &str,
) -> Result<Vec<Row>, StoreError> {
    client.query_typed(&sql.text, &sql.params()).await.map_err(failed(index))
}

/// Runs a statement that says how many rows it wrote.
pub(super) async fn written(
    client: &(impl GenericClient + Sync),
    sql: &Sql,
    index: &str,
) -> Result<Written, StoreError> {
    let rows = rows(client, sql, index).await?;
    let row = rows.first().ok_or_else(|| malformed("no row"))?;
    Ok(Written { num_records: unsigned(get(row, 0)?), lsn: lsn_of(row)? })
}

pub(super) async fn look_up(
    client: &(impl GenericClient + Sync),
    index: &IndexName,
) -> Result<(IndexSpec, u64), StoreError> {
    let rows = rows(client, &statements::one_spec(index), index.as_str()).await?;
    let row = rows.first().ok_or_else(|| StoreError::index_not_found(index))?;
    Ok((spec_of(row)?, lsn_of(row)?))
}

pub(super) async fn count(
    client: &(impl GenericClient + Sync),
    index: &IndexName,
) -> Result<u64, StoreError> {
    let rows = rows(client, &Table::of(index).count(), index.as_str()).await?;
    Ok(unsigned(get(rows.first().ok_or_else(|| malformed("no row"))?, 0)?))
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|err| malformed(&err.to_string()))
}

pub(super) fn spec_of(row: &Row) -> Result<IndexSpec, StoreError> {
    get::<Json<IndexSpec>>(row, 0).map(|spec| spec.0)
}

/// The number of the last write, where it is the second column.
pub(super) fn lsn_of(row: &Row) -> Result<u64, StoreError> {
    get(row, 1).map(unsigned)
}

/// A record from its id, vector and metadata.
pub(super) fn recorded(row: &Row) -> Result<Record, StoreError> {
    let values = get::<Vector>(row, 1)?.0;
    let metadata = get::<Json<Metadata>>(row, 2)?.0;
    Ok(Record { id: get(row, 0)?, values, sparse: None, metadata })
}

/// A match from its id, its distance in pgvector's measure, and what was asked for beside them.
pub(super) fn matched(row: &Row, query: &Query, metric: Metric) -> Result<Match, StoreError> {
    let distance: f64 = get(row, 1)?;
    let score = match metric {
        Metric::Cosine => 1.0 - distance,
        Metric::DotProduct => -distance,
        Metric::Euclidean => distance * distance,
    };
    let include = query.include;
    let values = if include.values { get::<Vector>(row, 2)?.0 } else { Vec::new() };
    let metadata = match include.metadata {
        true => get::<Json<Metadata>>(row, 2 + usize::from(include.values))?.0,
        false => Metadata::new(),
    };
    let (score, stages) = (score as f32, Vec::new());
    Ok(Match { id: get(row, 0)?, score, values, sparse: None, metadata, stages })
}

/// A count, which is never negative.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn malformed(what: &str) -> StoreError {
    let message = format!("something that is not what was asked for: {what}");
    StoreError::Refused { store: NAME, status: 0, message }
}
