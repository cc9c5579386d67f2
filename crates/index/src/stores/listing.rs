//! Order, for stores that have none of their own.

use std::collections::BTreeMap;

use crate::record::{Record, RecordPage};
use crate::store::PageRequest;

/// Returns one page out of all ids of a namespace.
pub(super) fn page_of(mut ids: Vec<String>, page: &PageRequest) -> RecordPage {
    let is_after = |id: &String| page.after.as_ref().is_none_or(|after| id > after);
    ids.retain(|id| id.starts_with(&page.prefix) && is_after(id));
    ids.sort_unstable();
    let has_more = ids.len() > page.limit;
    ids.truncate(page.limit);
    RecordPage { next: ids.last().filter(|_| has_more).cloned(), ids }
}

/// Returns records in the order in which their ids were asked for; those that are not there are left out.
pub(super) fn in_order(ids: &[String], records: Vec<Record>) -> Vec<Record> {
    let records: BTreeMap<&str, &Record> = records.iter().map(|r| (r.id.as_str(), r)).collect();
    ids.iter().filter_map(|id| records.get(id.as_str()).copied().cloned()).collect()
}
