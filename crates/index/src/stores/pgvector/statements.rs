//! The tables and all that is said to them.

use tokio_postgres::types::{Json, Type};

use super::Hnsw;
use super::codec::Vector;
use super::sql::Sql;
use crate::filter::Filter;
use crate::record::{Namespace, Selection, Update};
use crate::spec::{IndexName, IndexSpec, Metric};
use crate::store::PageRequest;

/// What a database needs before the first request. Two that begin at once wait for each other.
pub(super) const SET_UP: &str = r#"
    BEGIN;
    SELECT pg_advisory_xact_lock(7306931475412345);
    CREATE EXTENSION IF NOT EXISTS vector;
    CREATE SCHEMA IF NOT EXISTS sembla;
    CREATE TABLE IF NOT EXISTS sembla.indexes (name text COLLATE "C" PRIMARY KEY, spec jsonb NOT NULL);
    COMMIT;
"#;

pub(super) const COPY: &str = "COPY sembla_staging (id, embedding, metadata) FROM STDIN BINARY";

/// Where the log of the database stands: ascends with each write, on a promoted standby too.
const LSN: &str = "(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8";

/// The table of an index.
#[derive(Debug)]
pub(super) struct Table {
    /// In quotes; the rules for names leave nothing in it that could end them.
    name: String,
}

/// Makes a statement that writes return how many rows it wrote, and the number of the write.
fn counted(statement: Sql) -> Sql {
    let mut sql = statement;
    sql.text =
        format!("WITH written AS ({} RETURNING 1) SELECT count(*), {LSN} FROM written", sql.text);
    sql
}

pub(super) fn insert_spec(spec: &IndexSpec) -> Sql {
    let mut sql = Sql::new("INSERT INTO sembla.indexes (name, spec) VALUES (");
    sql.bind(spec.name.as_str().to_owned(), Type::TEXT).push(", ");
    sql.bind(Json(spec.clone()), Type::JSONB).push(") ON CONFLICT DO NOTHING");
    counted(sql)
}

pub(super) fn update_spec(spec: &IndexSpec) -> Sql {
    let mut sql = Sql::new("UPDATE sembla.indexes SET spec = ");
    sql.bind(Json(spec.clone()), Type::JSONB).push(" WHERE name = ");
    sql.bind(spec.name.as_str().to_owned(), Type::TEXT);
    counted(sql)
}

pub(super) fn delete_spec(index: &IndexName) -> Sql {
    let mut sql = Sql::new("DELETE FROM sembla.indexes WHERE name = ");
    sql.bind(index.as_str().to_owned(), Type::TEXT);
    counted(sql)
}

pub(super) fn all_specs() -> Sql {
    Sql::new("SELECT spec FROM sembla.indexes ORDER BY name")
}

/// The spec, and the number of the last write.
pub(super) fn one_spec(index: &IndexName) -> Sql {
    let mut sql = Sql::new(format!("SELECT spec, {LSN} FROM sembla.indexes WHERE name = "));
    sql.bind(index.as_str().to_owned(), Type::TEXT);
    sql
}

pub(super) fn lock_spec(index: &IndexName) -> Sql {
    let mut sql = one_spec(index);
    sql.push(" FOR UPDATE");
    sql
}

impl Table {
    pub(super) fn of(index: &IndexName) -> Self {
        Self { name: format!("sembla.\"index_{index}\"") }
    }

    pub(super) fn create(&self, spec: &IndexSpec, hnsw: Option<Hnsw>) -> String {
        let (table, dimensions) = (&self.name, spec.dimensions);
        let mut text = format!(
            "CREATE TABLE {table} (namespace text COLLATE \"C\" NOT NULL, id text COLLATE \"C\" NOT NULL, \
             embedding vector({dimensions}) NOT NULL, metadata jsonb NOT NULL, PRIMARY KEY (namespace, id)); \
             CREATE INDEX ON {table} USING gin (metadata jsonb_path_ops);"
        );
        if let Some(hnsw) = hnsw {
            let class = match spec.metric {
                Metric::Cosine => "vector_cosine_ops",
                Metric::DotProduct => "vector_ip_ops",
                Metric::Euclidean => "vector_l2_ops",
            };
            let (links, candidates) = (hnsw.num_links, hnsw.build_candidates);
            text.push_str(&format!(
                " CREATE INDEX ON {table} USING hnsw (embedding {class}) \
                 WITH (m = {links}, ef_construction = {candidates});"
            ));
        }
        text
    }

    pub(super) fn drop(&self) -> String {
        format!("DROP TABLE {}", self.name)
    }

    /// In the order of ids, so that batches with the same ids do not wait for each other in a circle.
    pub(super) fn insert_staged(&self, namespace: &Namespace) -> Sql {
        let mut sql = Sql::new(format!(
            "INSERT INTO {} AS kept (namespace, id, embedding, metadata) SELECT ",
            self.name
        ));
        sql.bind(namespace.as_str().to_owned(), Type::TEXT).push(
            ", id, embedding, metadata FROM sembla_staging ORDER BY id ON CONFLICT (namespace, id) \
             DO UPDATE SET embedding = excluded.embedding, metadata = excluded.metadata",
        );
        counted(sql)
    }

    pub(super) fn update(&self, namespace: &Namespace, update: &Update, vector: &Type) -> Sql {
        let mut sql = Sql::new(format!("UPDATE {} SET metadata = metadata || ", self.name));
        sql.bind(Json(update.set_metadata.clone()), Type::JSONB);
        if let Some(values) = &update.values {
            sql.push(", embedding = ").bind(Vector(values.clone()), vector.clone());
        }
        self.within(&mut sql, namespace).push(" AND id = ").bind(update.id.clone(), Type::TEXT);
        counted(sql)
    }

    pub(super) fn delete(&self, namespace: &Namespace, selection: &Selection) -> Sql {
        let mut sql = Sql::new(format!("DELETE FROM {}", self.name));
        self.within(&mut sql, namespace);
        match selection {
            Selection::Ids(ids) => {
                sql.push(" AND id = ANY(").bind(ids.clone(), Type::TEXT_ARRAY).push(")");
            }
            Selection::Filter(filter) => {
                sql.push(" AND ").filter(filter);
            }
            Selection::All => {}
        }
        counted(sql)
    }

    pub(super) fn fetch(&self, namespace: &Namespace, ids: &[String]) -> Sql {
        let mut sql = Sql::new(format!("SELECT id, embedding, metadata FROM {}", self.name));
        self.within(&mut sql, namespace);
        sql.push(" AND id = ANY(").bind(ids.to_vec(), Type::TEXT_ARRAY).push(")");
        sql
    }

    /// One more than asked for, which tells whether there are more.
    pub(super) fn list(&self, namespace: &Namespace, page: &PageRequest) -> Sql {
        let mut sql = Sql::new(format!("SELECT id FROM {}", self.name));
        self.within(&mut sql, namespace);
        if let Some(after) = &page.after {
            sql.push(" AND id > ").bind(after.clone(), Type::TEXT);
        }
        // The first condition lets the scan begin at the prefix, the second one ends it.
        sql.push(" AND id >= ").bind(page.prefix.clone(), Type::TEXT);
        sql.push(" AND starts_with(id, ").bind(page.prefix.clone(), Type::TEXT);
        sql.push(") ORDER BY id LIMIT ").bind(signed(page.limit.saturating_add(1)), Type::INT8);
        sql
    }

    pub(super) fn find(&self, namespace: &Namespace, filter: &Filter, limit: usize) -> Sql {
        let mut sql = Sql::new(format!("SELECT id FROM {}", self.name));
        self.within(&mut sql, namespace).push(" AND ").filter(filter);
        sql.push(" LIMIT ").bind(signed(limit), Type::INT8);
        sql
    }

    pub(super) fn stats(&self, filter: Option<&Filter>) -> Sql {
        let mut sql = Sql::new("SELECT namespace, count(*)");
        if let Some(filter) = filter {
            sql.push(" FILTER (WHERE ").filter(filter).push(")");
        }
        sql.push(&format!(" FROM {} GROUP BY namespace ORDER BY namespace", self.name));
        sql
    }

    pub(super) fn count(&self) -> Sql {
        Sql::new(format!("SELECT count(*) FROM {}", self.name))
    }

    pub(super) fn from(&self) -> String {
        format!(" FROM {}", self.name)
    }

    /// Adds the condition that all share.
    pub(super) fn within<'a>(&self, sql: &'a mut Sql, namespace: &Namespace) -> &'a mut Sql {
        sql.push(" WHERE namespace = ").bind(namespace.as_str().to_owned(), Type::TEXT)
    }
}

pub(super) fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
