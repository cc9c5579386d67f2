//! Usage on the disk: one row for each endpoint, key and minute in which there was any.

use rusqlite::{Transaction, params};

use super::{Store, StoreError, signed, unsigned};
use crate::clock::Timestamp;
use crate::keys::KeyId;
use crate::name::{EndpointName, Namespace};
use crate::price::Amount;
use crate::replica::EndpointId;
use crate::usage::{UsageRow, UsageTotal};

/// The number under which requests without a key are written; keys begin at 1.
const NO_KEY: i64 = 0;
const MILLIS_OF_MINUTE: u64 = 60_000;

/// Minutes that replicas of an endpoint were up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) endpoint: EndpointId,
    pub(crate) namespace: Namespace,
    pub(crate) name: EndpointName,
    pub(crate) minute: u64,
    pub(crate) replica_minutes: u64,
    pub(crate) cost: Amount,
}

/// Requests that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) namespace: Namespace,
    pub(crate) name: EndpointName,
    pub(crate) key: Option<KeyId>,
    pub(crate) minute: u64,
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
}

impl Store {
    /// Writes minutes down and adds their cost to what the endpoints have spent: all or nothing.
    pub(crate) fn charge(&mut self, charges: &[Charge]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for charge in charges {
            add_charge(&transaction, charge)?;
        }
        Ok(transaction.commit()?)
    }

    /// Writes requests down: all or nothing.
    pub(crate) fn add_usage(&mut self, usage: &[Used]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for used in usage {
            add_used(&transaction, used)?;
        }
        Ok(transaction.commit()?)
    }

    /// Returns what was used under a name since a minute, by minute and key.
    pub(crate) fn usage_rows(
        &self,
        namespace: &Namespace,
        name: &EndpointName,
        since: Timestamp,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let query = "SELECT key, minute, requests, tokens FROM usage
            WHERE namespace = ?1 AND name = ?2 AND minute >= ?3 ORDER BY minute, key";
        let mut statement = self.connection.prepare(query)?;
        let values = params![namespace.as_str(), name.as_str(), signed(since.minute())];
        let mut rows = statement.query(values)?;
        let mut usage = Vec::new();
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            usage.push(UsageRow {
                key: (key != NO_KEY).then_some(KeyId(key)),
                minute: Timestamp::from_millis(unsigned(row.get(1)?) * MILLIS_OF_MINUTE),
                requests: unsigned(row.get(2)?),
                tokens: unsigned(row.get(3)?),
            });
        }
        Ok(usage)
    }

    /// Returns all that was used under a name since a minute.
    pub(crate) fn usage_total(
        &self,
        namespace: &Namespace,
        name: &EndpointName,
        since: Timestamp,
    ) -> Result<UsageTotal, StoreError> {
        let values = params![namespace.as_str(), name.as_str(), signed(since.minute())];
        let requests = "SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(tokens), 0) FROM usage
            WHERE namespace = ?1 AND name = ?2 AND minute >= ?3";
        let minutes = "SELECT COALESCE(SUM(replica_minutes), 0), COALESCE(SUM(cost), 0) FROM uptime
            WHERE namespace = ?1 AND name = ?2 AND minute >= ?3";
        let pair = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (requests, tokens) = self.connection.query_row(requests, values, pair)?;
        let (replica_minutes, cost) = self.connection.query_row(minutes, values, pair)?;
        Ok(UsageTotal {
            requests: unsigned(requests),
            tokens: unsigned(tokens),
            replica_minutes: unsigned(replica_minutes),
            cost: Amount::from_millionths(unsigned(cost)),
        })
    }
}

fn add_charge(transaction: &Transaction<'_>, charge: &Charge) -> Result<(), StoreError> {
    let cost = signed(charge.cost.millionths());
    transaction
        .prepare_cached(
            "INSERT INTO uptime (namespace, name, minute, replica_minutes, cost)
            VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (namespace, name, minute) DO UPDATE SET
            replica_minutes = replica_minutes + excluded.replica_minutes,
            cost = cost + excluded.cost",
        )?
        .execute(params![
            charge.namespace.as_str(),
            charge.name.as_str(),
            signed(charge.minute),
            signed(charge.replica_minutes),
            cost
        ])?;
    transaction
        .prepare_cached("UPDATE endpoints SET spent = spent + ?2 WHERE id = ?1")?
        .execute(params![charge.endpoint.0, cost])?;
    Ok(())
}

fn add_used(transaction: &Transaction<'_>, used: &Used) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO usage (namespace, name, key, minute, requests, tokens)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (namespace, name, minute, key) DO UPDATE SET
            requests = requests + excluded.requests, tokens = tokens + excluded.tokens",
        )?
        .execute(params![
            used.namespace.as_str(),
            used.name.as_str(),
            used.key.map_or(NO_KEY, |key| key.0),
            signed(used.minute),
            signed(used.requests),
            signed(used.tokens)
        ])?;
    Ok(())
}
