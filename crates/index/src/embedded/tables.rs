//! The tables of an index, and what stands in them of a namespace as a whole.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `meta` | `format`, `spec`, `lsn`, `next_namespace` | a number, or the spec as JSON |
//! | `namespaces` | `n` + name | [`Space`] |
//! | `ids` | namespace, id | row |
//! | `records` | namespace, row | id, sparse vector, metadata (`record.rs`) |
//! | `blocks` | namespace, first row | vectors (`block.rs`) |
//! | `live` | namespace, row >> 16 | roaring bitmap of rows |
//! | `postings` | namespace, field, kind, value, row >> 16 | roaring bitmap of rows |
//! | `sparse` | namespace, term, row >> 12 | rows and weights (`sparse.rs`) |

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, RwTxn, WithoutTls};

use super::fault::{Fault, Step};
use super::keys;
use crate::spec::IndexSpec;

/// What is written at present. Another number is another layout of the tables.
pub(super) const FORMAT: u64 = 1;

const NAMES: [&str; 8] =
    ["meta", "namespaces", "ids", "records", "blocks", "live", "postings", "sparse"];

/// One table.
pub(super) type Table = Database<'static, Bytes, Bytes>;

/// All tables of an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    pub(super) meta: Table,
    pub(super) namespaces: Table,
    pub(super) ids: Table,
    pub(super) records: Table,
    pub(super) blocks: Table,
    pub(super) live: Table,
    pub(super) postings: Table,
    pub(super) sparse: Table,
}

/// A namespace as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    /// Never used again after the namespace is gone.
    pub(super) id: u32,
    /// The row that the next record gets.
    pub(super) next_row: u32,
    /// Records.
    pub(super) num_live: u64,
    /// Rows that blocks hold, living or dead.
    pub(super) num_held: u64,
}

impl Tables {
    pub(super) const NUM: u32 = NAMES.len() as u32;

    /// Creates the tables of an empty index.
    pub(super) fn create(env: &Env<WithoutTls>, spec: &IndexSpec) -> Step<Self> {
        let txn = env.write_txn()?;
        let made = env.create_databases_and_commit(txn, |opener, txn| {
            let mut create =
                |at: usize| opener.create_database::<Bytes, Bytes>(txn, Some(NAMES[at]));
            let made = [
                create(0)?,
                create(1)?,
                create(2)?,
                create(3)?,
                create(4)?,
                create(5)?,
                create(6)?,
                create(7)?,
            ];
            made[0].put(txn, b"format", &FORMAT.to_be_bytes())?;
            made[0].put(txn, b"spec", &encode_spec(spec))?;
            Ok::<_, Fault>(CommitOrAbort::<_, ()>::Commit(made))
        })?;
        Ok(Self::of(made.unwrap_commit()))
    }

    /// Opens the tables that are there.
    pub(super) fn open(env: &Env<WithoutTls>) -> Step<Self> {
        let txn = env.read_txn()?;
        let made = env.open_databases_and_commit(txn, |opener, txn| {
            let open =
                |at: usize| match opener.open_database::<Bytes, Bytes>(txn, Some(NAMES[at]))? {
                    Some(table) => Ok(table),
                    None => Err(Fault::Damaged(format!("there is no table `{}`", NAMES[at]))),
                };
            let made =
                [open(0)?, open(1)?, open(2)?, open(3)?, open(4)?, open(5)?, open(6)?, open(7)?];
            Ok::<_, Fault>(CommitOrAbort::<_, ()>::Commit(made))
        })?;
        Ok(Self::of(made.unwrap_commit()))
    }

    fn of(made: [Table; NAMES.len()]) -> Self {
        let [meta, namespaces, ids, records, blocks, live, postings, sparse] = made;
        Self { meta, namespaces, ids, records, blocks, live, postings, sparse }
    }

    /// Returns the number under a key of `meta`; 0 if there is none.
    pub(super) fn number(&self, txn: &RoTxn, key: &str) -> Step<u64> {
        let Some(bytes) = self.meta.get(txn, key.as_bytes())? else { return Ok(0) };
        let bytes = bytes.try_into();
        let bytes = bytes.map_err(|_| Fault::Damaged(format!("`{key}` is no number")))?;
        Ok(u64::from_be_bytes(bytes))
    }

    pub(super) fn set_number(&self, txn: &mut RwTxn, key: &str, number: u64) -> Step<()> {
        Ok(self.meta.put(txn, key.as_bytes(), &number.to_be_bytes())?)
    }

    pub(super) fn spec(&self, txn: &RoTxn) -> Step<IndexSpec> {
        let bytes = self.meta.get(txn, b"spec")?;
        let bytes = bytes.ok_or_else(|| Fault::Damaged("there is no spec".to_owned()))?;
        serde_json::from_slice(bytes).map_err(|e| Fault::Damaged(format!("the spec is none: {e}")))
    }

    pub(super) fn set_spec(&self, txn: &mut RwTxn, spec: &IndexSpec) -> Step<()> {
        Ok(self.meta.put(txn, b"spec", &encode_spec(spec))?)
    }

    /// Returns the namespace of a name.
    pub(super) fn space(&self, txn: &RoTxn, name: &str) -> Step<Option<Space>> {
        self.namespaces.get(txn, &keys::namespace(name))?.map(Space::decode).transpose()
    }

    /// Returns all namespaces, by name.
    pub(super) fn spaces(&self, txn: &RoTxn) -> Step<Vec<(String, Space)>> {
        let mut spaces = Vec::new();
        for entry in self.namespaces.iter(txn)? {
            let (key, value) = entry?;
            let name = String::from_utf8_lossy(&key[1..]).into_owned();
            spaces.push((name, Space::decode(value)?));
        }
        Ok(spaces)
    }
}

fn encode_spec(spec: &IndexSpec) -> Vec<u8> {
    serde_json::to_vec(spec).expect("a spec has nothing that JSON has not")
}

impl Space {
    const NUM_BYTES: usize = 24;

    pub(super) fn encode(&self) -> [u8; Self::NUM_BYTES] {
        let mut bytes = [0; Self::NUM_BYTES];
        bytes[..4].copy_from_slice(&self.id.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.next_row.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.num_live.to_be_bytes());
        bytes[16..].copy_from_slice(&self.num_held.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Step<Self> {
        let damaged = || Fault::Damaged("a namespace's entry has another length".to_owned());
        let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (next_row, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (num_live, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let num_held: [u8; 8] = rest.try_into().map_err(|_| damaged())?;
        Ok(Self {
            id: u32::from_be_bytes(*head),
            next_row: u32::from_be_bytes(*next_row),
            num_live: u64::from_be_bytes(*num_live),
            num_held: u64::from_be_bytes(num_held),
        })
    }
}
