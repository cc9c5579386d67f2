//! Which column to embed.

use crate::progress::say;

// What the `datasets` library calls the column of texts of a dataset that has but one, and the only
// column of a txt source.
const USUAL_COLUMN: &str = "text";

/// Returns the column that was named, or the usual one, and says so. A source that lacks it is
/// refused with a list of the columns that it has.
pub(crate) fn choose(named: Option<&str>) -> &str {
    named.unwrap_or_else(|| {
        say(&format!("note: no --column is given, so `{USUAL_COLUMN}` is embedded"));
        USUAL_COLUMN
    })
}
