//! A filter as a bitmap of rows, from the postings.

use std::ops::Bound;

use heed::RoTxn;
use roaring::RoaringBitmap;

use super::changes::{decode, union};
use super::fault::Step;
use super::keys;
use super::postings::{self, Place};
use super::record::Row;
use super::tables::{Space, Tables};
use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::Value;

/// The rows of one namespace, for filters to choose from.
pub(super) struct Candidates<'a> {
    pub(super) txn: &'a RoTxn<'a>,
    pub(super) tables: &'a Tables,
    pub(super) space: Space,
    /// All rows with a record.
    pub(super) live: &'a RoaringBitmap,
}

impl Candidates<'_> {
    /// Returns the rows whose records pass a filter, exactly those for which
    /// [`Filter::matches`] holds.
    pub(super) fn passing(&self, filter: &Filter) -> Step<RoaringBitmap> {
        match filter {
            Filter::And(filters) => {
                let mut rows = self.live.clone();
                for filter in filters {
                    rows &= self.passing(filter)?;
                }
                Ok(rows)
            }
            Filter::Or(filters) => {
                let mut rows = RoaringBitmap::new();
                for filter in filters {
                    rows |= self.passing(filter)?;
                }
                Ok(rows)
            }
            Filter::Not(filter) => Ok(self.live - self.passing(filter)?),
            Filter::Field { field, condition } => {
                self.holding(field, &keys::field(self.space.id, field), condition)
            }
        }
    }

    fn holding(&self, field: &str, key: &[u8], condition: &Condition) -> Step<RoaringBitmap> {
        let one = std::slice::from_ref::<Value>;
        match condition {
            Condition::Equal(value) => self.with_any(field, key, one(value)),
            Condition::NotEqual(value) => Ok(self.live - self.with_any(field, key, one(value))?),
            Condition::In(values) => self.with_any(field, key, values),
            Condition::NotIn(values) => Ok(self.live - self.with_any(field, key, values)?),
            Condition::Compare(comparison, than) => self.compared(key, *comparison, *than),
            Condition::Exists(true) => self.union(&postings::exists(key)),
            Condition::Exists(false) => Ok(self.live - self.union(&postings::exists(key))?),
        }
    }

    /// Returns the rows whose field is, or contains, one of the values.
    fn with_any(&self, field: &str, key: &[u8], values: &[Value]) -> Step<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        for value in values {
            match postings::place(key, value) {
                Place::Exact(posting) => rows |= self.union(&posting)?,
                Place::Shared(posting) => rows |= self.compare(field, &posting, value)?,
                Place::Nowhere => {}
            }
        }
        Ok(rows)
    }

    /// Looks into the records of a posting that others share.
    fn compare(&self, field: &str, posting: &[u8], value: &Value) -> Step<RoaringBitmap> {
        let mut rows = self.union(posting)?;
        let condition = Condition::Equal(value.clone());
        let filter = Filter::Field { field: field.to_owned(), condition };
        for row in rows.clone() {
            let record = self.tables.records.get(self.txn, &keys::row(self.space.id, row))?;
            if !record.map(Row::decode).transpose()?.is_some_and(|r| filter.matches(&r.metadata)) {
                rows.remove(row);
            }
        }
        Ok(rows)
    }

    /// Returns the rows whose field is a number in this relation.
    fn compared(&self, key: &[u8], comparison: Comparison, than: f64) -> Step<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        let Some(number) = keys::number(than) else { return Ok(rows) };
        let numbers = postings::numbers(key);
        let first = [&numbers[..], &number].concat();
        // Behind the number stands which rows a bitmap covers: after all of these come larger ones.
        let last = [&first[..], &[u8::MAX; 3]].concat();
        let end = [&numbers[..], &[u8::MAX; 11]].concat();
        let range = match comparison {
            Comparison::Greater => (Bound::Excluded(&last[..]), Bound::Excluded(&end[..])),
            Comparison::GreaterOrEqual => (Bound::Included(&first[..]), Bound::Excluded(&end[..])),
            Comparison::Less => (Bound::Included(&numbers[..]), Bound::Excluded(&first[..])),
            Comparison::LessOrEqual => (Bound::Included(&numbers[..]), Bound::Excluded(&last[..])),
        };
        for entry in self.tables.postings.range(self.txn, &range)? {
            rows |= decode(entry?.1)?;
        }
        Ok(rows)
    }

    fn union(&self, posting: &[u8]) -> Step<RoaringBitmap> {
        union(self.txn, &self.tables.postings, posting)
    }
}
