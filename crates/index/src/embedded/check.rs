//! Reads a whole index and compares everything with everything that says the same.

use std::collections::BTreeMap;

use heed::RoTxn;
use roaring::RoaringBitmap;

use super::EmbeddedStore;
use super::block::{self, Block};
use super::changes::{decode, union};
use super::environment::Environment;
use super::fault::{Fault, Step};
use super::keys;
use super::postings;
use super::record::Row;
use super::rows::decode_row;
use super::sparse;
use super::store::on_a_thread;
use super::tables::{Space, Table, Tables};
use crate::error::StoreError;
use crate::spec::IndexName;

/// Problems that are listed one by one, at most.
const MAX_PROBLEMS: usize = 1_000;

/// What a check of an index found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexCheck {
    /// Records that were read.
    pub num_records: u64,
    /// Blocks of vectors whose checksums were computed.
    pub num_blocks: u64,
    /// Vectors in those blocks, also those of records that are gone and not yet cleaned up.
    pub num_vectors: u64,
    /// What is wrong, the first thousand of it; nothing in a good index.
    pub problems: Vec<String>,
}

impl EmbeddedStore {
    /// Checks an index as it is now, while it goes on being used: every checksum, and that ids,
    /// records, vectors, postings and sparse terms say the same.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is no such index or it cannot be read. What is wrong in it is no
    /// error but a part of the answer.
    pub async fn check(&self, index: &IndexName) -> Result<IndexCheck, StoreError> {
        let index = self.index(index)?;
        on_a_thread(move || check(&index.core.environment)).await
    }
}

/// Checks an index.
pub(super) fn check(environment: &Environment) -> Result<IndexCheck, StoreError> {
    environment.read(|txn, tables| {
        let dimensions = tables.spec(txn)?.dimensions;
        let mut found = IndexCheck::default();
        let spaces = tables.spaces(txn)?;
        for (name, space) in &spaces {
            let mut checker =
                Checker { txn, tables, name, space: *space, dimensions, found: &mut found };
            if let Err(fault) = checker.run() {
                checker.problem(problem_of(fault));
            }
        }
        check_strays(txn, tables, &spaces, &mut found)?;
        found.problems.truncate(MAX_PROBLEMS);
        Ok(found)
    })
}

fn problem_of(fault: Fault) -> String {
    match fault {
        Fault::Damaged(what) => what,
        Fault::Lmdb(error) => format!("a table cannot be read: {error}"),
        Fault::OutOfRows => "it has no more row numbers".to_owned(),
        // Said of writes alone.
        Fault::Protected | Fault::Retired => "it is being deleted".to_owned(),
    }
}

/// Finds what belongs to no namespace.
fn check_strays(
    txn: &RoTxn,
    tables: &Tables,
    spaces: &[(String, Space)],
    found: &mut IndexCheck,
) -> Step<()> {
    let Tables { meta: _, namespaces: _, ids, records, blocks, live, postings, sparse } = tables;
    for table in [ids, records, blocks, live, postings, sparse] {
        for entry in table.iter(txn)? {
            let (key, _) = entry?;
            if !spaces.iter().any(|(_, space)| key.starts_with(&space.id.to_be_bytes())) {
                found.problems.push("an entry belongs to no namespace".to_owned());
                break;
            }
        }
    }
    Ok(())
}

struct Checker<'a> {
    txn: &'a RoTxn<'a>,
    tables: &'a Tables,
    name: &'a str,
    space: Space,
    dimensions: usize,
    found: &'a mut IndexCheck,
}

/// What the records say that other tables must say too.
#[derive(Default)]
struct Expected {
    rows: RoaringBitmap,
    postings: BTreeMap<Vec<u8>, RoaringBitmap>,
    sparse: BTreeMap<Vec<u8>, BTreeMap<u16, f32>>,
}

impl Checker<'_> {
    fn run(&mut self) -> Step<()> {
        let held = self.blocks()?;
        let expected = self.records()?;
        let live = union(self.txn, &self.tables.live, &self.prefix())?;
        if live != expected.rows {
            let both = live.intersection_len(&expected.rows);
            let (live, records) = (live.len(), expected.rows.len());
            self.problem(format!("{live} rows live and {records} have records, {both} both"));
        }
        if self.space.num_live != expected.rows.len() {
            let (says, has) = (self.space.num_live, expected.rows.len());
            self.problem(format!("it says that it has {says} records and has {has}"));
        }
        if self.dimensions > 0 && !expected.rows.is_subset(&held) {
            let num_missing = expected.rows.difference_len(&held);
            self.problem(format!("{num_missing} records have no vector"));
        }
        self.ids(&expected.rows)?;
        self.postings(expected.postings)?;
        self.sparse(expected.sparse)
    }

    fn problem(&mut self, what: String) {
        self.found.problems.push(format!("namespace `{}`: {what}", self.name));
    }

    fn prefix(&self) -> [u8; 4] {
        self.space.id.to_be_bytes()
    }

    /// Returns the rows that blocks hold.
    fn blocks(&mut self) -> Step<RoaringBitmap> {
        let mut held = RoaringBitmap::new();
        for entry in self.tables.blocks.prefix_iter(self.txn, &self.prefix())? {
            let (key, bytes) = entry?;
            self.found.num_blocks += 1;
            let first_row = keys::row_of(key).unwrap_or(u32::MAX);
            match Block::read(bytes, first_row, self.dimensions) {
                Err(fault) => self.problem(problem_of(fault)),
                Ok(block) => {
                    let num_rows = u64::from(block.num_rows());
                    self.found.num_vectors += num_rows;
                    if held.insert_range(first_row..block.end()) != num_rows {
                        self.problem(format!("the block of row {first_row} overlaps another"));
                    }
                    if !block::is_intact(bytes) {
                        self.problem(format!(
                            "the checksum of the block of row {first_row} is wrong"
                        ));
                    }
                }
            }
        }
        if held.len() != self.space.num_held {
            let (says, has) = (self.space.num_held, held.len());
            self.problem(format!("it says that its blocks hold {says} rows and they hold {has}"));
        }
        if held.max().is_some_and(|last| last >= self.space.next_row) {
            self.problem("a block has rows that are still to come".to_owned());
        }
        Ok(held)
    }

    /// Reads all records and gathers what they say.
    fn records(&mut self) -> Step<Expected> {
        let mut expected = Expected::default();
        for entry in self.tables.records.prefix_iter(self.txn, &self.prefix())? {
            let (key, bytes) = entry?;
            self.found.num_records += 1;
            let row = keys::row_of(key).unwrap_or(u32::MAX);
            expected.rows.insert(row);
            let record = match Row::decode(bytes) {
                Ok(record) => record,
                Err(fault) => {
                    self.problem(format!("row {row}: {}", problem_of(fault)));
                    continue;
                }
            };
            let named = self.tables.ids.get(self.txn, &keys::id(self.space.id, &record.id))?;
            if named.map(decode_row).transpose()? != Some(row) {
                self.problem(format!("id `{}` does not name its row {row}", record.id));
            }
            expected.add(self.space.id, row, &record);
        }
        Ok(expected)
    }

    fn ids(&mut self, rows: &RoaringBitmap) -> Step<()> {
        let mut num_ids = 0;
        for entry in self.tables.ids.prefix_iter(self.txn, &self.prefix())? {
            num_ids += 1;
            let (key, row) = entry?;
            if !rows.contains(decode_row(row)?) {
                let id = String::from_utf8_lossy(&key[4..]).into_owned();
                self.problem(format!("id `{id}` names a row without a record"));
            }
        }
        if num_ids != rows.len() {
            self.problem(format!("there are {num_ids} ids and {} records", rows.len()));
        }
        Ok(())
    }

    fn postings(&mut self, expected: BTreeMap<Vec<u8>, RoaringBitmap>) -> Step<()> {
        let table = self.tables.postings;
        self.compare("posting", &table, expected, |rows, bytes| Ok(*rows == decode(bytes)?))
    }

    fn sparse(&mut self, expected: BTreeMap<Vec<u8>, BTreeMap<u16, f32>>) -> Step<()> {
        let table = self.tables.sparse;
        self.compare("sparse term", &table, expected, |list, bytes| {
            Ok(sparse::encode(list) == bytes)
        })
    }

    /// Compares a table with what the records say.
    fn compare<T>(
        &mut self,
        what: &str,
        table: &Table,
        mut expected: BTreeMap<Vec<u8>, T>,
        is_equal: impl Fn(&T, &[u8]) -> Step<bool>,
    ) -> Step<()> {
        for entry in table.prefix_iter(self.txn, &self.prefix())? {
            let (key, bytes) = entry?;
            match expected.remove(key) {
                None => self.problem(format!("a {what} is of no record")),
                Some(expected) if is_equal(&expected, bytes).unwrap_or(false) => {}
                Some(_) => self.problem(format!("a {what} differs from the records")),
            }
        }
        if !expected.is_empty() {
            self.problem(format!("{} of kind {what} are missing", expected.len()));
        }
        Ok(())
    }
}

impl Expected {
    fn add(&mut self, space: u32, row: u32, record: &Row) {
        for posting in postings::of_record(space, &record.metadata) {
            self.postings.entry(keys::bitmap(&posting, row)).or_default().insert(row);
        }
        let Some(sparse) = &record.sparse else { return };
        for (term, weight) in sparse.indices.iter().zip(&sparse.values) {
            let list = self.sparse.entry(keys::sparse(space, *term, row)).or_default();
            list.insert((row & ((1 << keys::SPARSE_BITS) - 1)) as u16, *weight);
        }
    }
}
