//! What the statuses of refusals mean to several stores.

use crate::error::StoreError;

/// Returns whether a store said that there is no such thing.
pub(super) fn is_missing(err: &StoreError) -> bool {
    matches!(err, StoreError::Refused { status: 404, .. })
}

/// Returns whether a store said that this is not allowed.
pub(super) fn is_forbidden(err: &StoreError) -> bool {
    matches!(err, StoreError::Refused { status: 403, .. })
}

/// Returns whether a store said that there is such a thing already.
pub(super) fn is_conflict(err: &StoreError) -> bool {
    matches!(err, StoreError::Refused { status: 409, .. })
}

/// Returns what was read of an index; `None` if it was deleted since its name was read.
pub(super) fn if_still_there<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(StoreError::IndexNotFound { .. }) => Ok(None),
        Err(err) => Err(err),
    }
}
