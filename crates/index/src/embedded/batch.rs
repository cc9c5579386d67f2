//! Carries out writes in one transaction.

use std::collections::BTreeMap;

use heed::{Env, WithoutTls};

use super::clean;
use super::fault::{Fault, Step};
use super::keys;
use super::record::RowRef;
use super::rows::{OpenSpace, Rows};
use super::tables::{Space, Tables};
use crate::record::{Namespace, Record, Selection, Update};
use crate::spec::{IndexChange, IndexSpec, Protection, VectorKind};
use crate::store::Written;

/// One write of a caller.
#[derive(Debug)]
pub(super) enum Write {
    Upsert(Namespace, Vec<Record>),
    Update(Namespace, Update),
    Delete(Namespace, Selection),
    Configure(IndexChange),
    /// The last one: the index is about to be deleted.
    Retire,
}

impl Write {
    /// Returns how many records it carries, which says how long it takes.
    pub(super) fn num_records(&self) -> usize {
        match self {
            Self::Upsert(_, records) => records.len(),
            Self::Update(..) | Self::Delete(..) | Self::Configure(_) | Self::Retire => 1,
        }
    }

    /// Returns whether its vectors are such as the index keeps.
    pub(super) fn fits(&self, spec: &IndexSpec) -> bool {
        let is_dense = spec.kind == VectorKind::Dense;
        match self {
            Self::Upsert(_, records) => records.iter().all(|record| {
                record.values.len() == spec.dimensions && (is_dense || record.sparse.is_some())
            }),
            Self::Update(_, update) => {
                update.values.as_ref().is_none_or(|values| values.len() == spec.dimensions)
            }
            Self::Delete(..) | Self::Configure(_) | Self::Retire => true,
        }
    }
}

/// A transaction with some writes. Nothing of it is kept before [`Batch::commit`] has returned.
pub(super) struct Batch<'e> {
    rows: Rows<'e>,
    spaces: BTreeMap<Namespace, OpenSpace>,
    lsn: u64,
    new_spec: Option<IndexSpec>,
    is_last: bool,
}

/// What a committed batch changed beside records.
pub(super) struct Committed {
    pub(super) new_spec: Option<IndexSpec>,
    /// The index takes no more writes.
    pub(super) is_last: bool,
}

impl<'e> Batch<'e> {
    pub(super) fn begin(
        env: &'e Env<WithoutTls>,
        tables: &'e Tables,
        spec: &'e IndexSpec,
    ) -> Step<Self> {
        let txn = env.write_txn()?;
        let lsn = tables.number(&txn, "lsn")?;
        let rows = Rows::new(txn, tables, spec);
        Ok(Self { rows, spaces: BTreeMap::new(), lsn, new_spec: None, is_last: false })
    }

    /// Carries out one write.
    pub(super) fn apply(&mut self, write: &Write) -> Step<Written> {
        if self.is_last {
            return Err(Fault::Retired);
        }
        match write {
            Write::Upsert(namespace, records) => self.upsert(namespace, records),
            Write::Update(namespace, update) => self.update(namespace, update),
            Write::Delete(namespace, selection) => self.delete(namespace, selection),
            Write::Configure(change) => {
                let spec = self.new_spec.get_or_insert_with(|| self.rows.spec.clone());
                spec.apply(change);
                Ok(self.unchanged())
            }
            Write::Retire => {
                let spec = self.new_spec.as_ref().unwrap_or(self.rows.spec);
                if spec.protection == Protection::Enabled {
                    return Err(Fault::Protected);
                }
                self.is_last = true;
                Ok(self.unchanged())
            }
        }
    }

    /// Makes everything durable.
    pub(super) fn commit(mut self) -> Step<Committed> {
        for (namespace, open) in &mut self.spaces {
            self.rows.flush(open)?;
            clean::clean(&mut self.rows, open)?;
            let key = keys::namespace(namespace.as_str());
            self.rows.tables.namespaces.put(&mut self.rows.txn, &key, &open.space.encode())?;
        }
        if let Some(spec) = &self.new_spec {
            self.rows.tables.set_spec(&mut self.rows.txn, spec)?;
        }
        self.rows.tables.set_number(&mut self.rows.txn, "lsn", self.lsn)?;
        self.rows.txn.commit()?;
        Ok(Committed { new_spec: self.new_spec, is_last: self.is_last })
    }

    fn upsert(&mut self, namespace: &Namespace, records: &[Record]) -> Step<Written> {
        let open = open_or_create(&mut self.spaces, &mut self.rows, namespace)?;
        for record in records {
            if let Some(row) = self.rows.find(&open.space, &record.id)? {
                let old = self.rows.record(&open.space, row)?;
                self.rows.remove(open, row, &old)?;
            }
            let new = RowRef {
                id: &record.id,
                sparse: record.sparse.as_ref(),
                metadata: &record.metadata,
            };
            self.rows.add(open, new, &record.values)?;
        }
        Ok(self.written(records.len()))
    }

    fn update(&mut self, namespace: &Namespace, update: &Update) -> Step<Written> {
        let Some(open) = open(&mut self.spaces, &self.rows, namespace)? else {
            return Ok(self.unchanged());
        };
        let Some(row) = self.rows.find(&open.space, &update.id)? else {
            return Ok(self.unchanged());
        };
        let old = self.rows.record(&open.space, row)?;
        let mut new = old.clone();
        if update.sparse.is_some() {
            new.sparse.clone_from(&update.sparse);
        }
        new.metadata.extend(update.set_metadata.clone());
        match &update.values {
            None => self.rows.replace_record(&open.space, row, (&old, &new))?,
            Some(values) => {
                self.rows.remove(open, row, &old)?;
                self.rows.add(open, new.borrowed(), values)?;
            }
        }
        Ok(self.written(1))
    }

    fn delete(&mut self, namespace: &Namespace, selection: &Selection) -> Step<Written> {
        let Some(open) = open(&mut self.spaces, &self.rows, namespace)? else {
            return Ok(self.unchanged());
        };
        let before = open.space.num_live;
        match selection {
            Selection::All => open.space.num_live = 0,
            Selection::Ids(ids) => {
                for id in ids {
                    if let Some(row) = self.rows.find(&open.space, id)? {
                        delete_row(&mut self.rows, open, row)?;
                    }
                }
            }
            Selection::Filter(filter) => {
                self.rows.flush(open)?;
                for row in self.rows.passing(&open.space, filter)? {
                    delete_row(&mut self.rows, open, row)?;
                }
            }
        }
        let after = open.space.num_live;
        if after == 0 {
            self.drop_space(namespace)?;
        }
        Ok(self.written((before - after) as usize))
    }

    fn drop_space(&mut self, namespace: &Namespace) -> Step<()> {
        let Some(mut open) = self.spaces.remove(namespace) else { return Ok(()) };
        // What is gathered of it must not be written behind its end.
        self.rows.flush(&mut open)?;
        self.rows.clear(&open.space)?;
        let key = keys::namespace(namespace.as_str());
        self.rows.tables.namespaces.delete(&mut self.rows.txn, &key)?;
        Ok(())
    }

    fn written(&mut self, num_records: usize) -> Written {
        self.lsn += 1;
        Written { num_records: num_records as u64, lsn: self.lsn }
    }

    fn unchanged(&self) -> Written {
        Written { num_records: 0, lsn: self.lsn }
    }
}

fn delete_row(rows: &mut Rows, open: &mut OpenSpace, row: u32) -> Step<()> {
    let record = rows.record(&open.space, row)?;
    rows.remove(open, row, &record)?;
    rows.forget_id(&open.space, &record.id)
}

/// Returns a namespace that is there.
fn open<'a>(
    spaces: &'a mut BTreeMap<Namespace, OpenSpace>,
    rows: &Rows,
    namespace: &Namespace,
) -> Step<Option<&'a mut OpenSpace>> {
    if !spaces.contains_key(namespace) {
        let Some(space) = rows.tables.space(&rows.txn, namespace.as_str())? else {
            return Ok(None);
        };
        spaces.insert(namespace.clone(), OpenSpace::new(space));
    }
    Ok(spaces.get_mut(namespace))
}

/// Returns a namespace, new if it is not there.
fn open_or_create<'a>(
    spaces: &'a mut BTreeMap<Namespace, OpenSpace>,
    rows: &mut Rows,
    namespace: &Namespace,
) -> Step<&'a mut OpenSpace> {
    if open(spaces, rows, namespace)?.is_none() {
        let number = rows.tables.number(&rows.txn, "next_namespace")?;
        // The last number is left out, because it has no successor.
        let id = u32::try_from(number).ok().filter(|id| *id < u32::MAX).ok_or(Fault::OutOfRows)?;
        rows.tables.set_number(&mut rows.txn, "next_namespace", number + 1)?;
        let space = Space { id, next_row: 0, num_live: 0, num_held: 0 };
        spaces.insert(namespace.clone(), OpenSpace::new(space));
    }
    Ok(spaces.get_mut(namespace).expect("it was opened or inserted above"))
}
