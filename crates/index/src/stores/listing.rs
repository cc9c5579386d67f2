//! Pages of ids, for stores that have no order of their own.

use crate::record::RecordPage;
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
