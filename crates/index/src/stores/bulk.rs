//! A bulk write in pieces that a store takes, and what becomes of the rest when one fails.

use crate::error::StoreError;
use crate::record::Record;
use crate::store::Written;

/// The most that a store takes at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) num_records: usize,
    /// Of a request's body.
    pub(super) num_bytes: usize,
}

/// The most bytes of a float as JSON, with its comma: `-1.1754944e-38,`.
const FLOAT_BYTES: usize = 15;
/// Field names, braces and hidden fields of one record.
const FRAME_BYTES: usize = 256;

/// Writes records piece by piece with `write`, which tries each one again by itself.
///
/// # Errors
///
/// What the first piece failed with if the request itself is wrong; else [`StoreError::Partial`] with
/// the ids of the piece that failed and of all after it. A piece that itself says which of its records
/// failed does not stop the others.
pub(super) async fn write_all<Write>(
    records: &[Record],
    limits: Limits,
    mut write: impl FnMut(Vec<Record>) -> Write,
) -> Result<Written, StoreError>
where
    Write: Future<Output = Result<(), StoreError>>,
{
    let mut failed_ids: Vec<String> = Vec::new();
    let mut why = None;
    let mut num_done = 0;
    for piece in pieces(records, limits) {
        match write(piece.to_vec()).await {
            Ok(()) => {}
            Err(StoreError::Partial { failed_ids: some, source, .. }) => {
                failed_ids.extend(some);
                why.get_or_insert(source);
            }
            Err(err) if num_done == 0 && !err.is_retryable() => return Err(err),
            Err(err) => {
                failed_ids.extend(records[num_done..].iter().map(|record| record.id.clone()));
                why = Some(Box::new(err));
                break;
            }
        }
        num_done += piece.len();
    }
    match why {
        None => Ok(Written { num_records: records.len() as u64, lsn: 0 }),
        Some(source) => Err(StoreError::Partial { failed_ids, num_records: records.len(), source }),
    }
}

/// Cuts records into pieces within the limits; a record that is too large alone is a piece alone, which
/// the store then refuses in its own words.
pub(super) fn pieces(records: &[Record], limits: Limits) -> impl Iterator<Item = &[Record]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let (mut end, mut num_bytes) = (0, 0);
        for record in rest.iter().take(limits.num_records) {
            num_bytes += most_bytes(record);
            if end > 0 && num_bytes > limits.num_bytes {
                break;
            }
            end += 1;
        }
        let (piece, following) = rest.split_at(end);
        rest = following;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The most bytes that a record takes as JSON.
fn most_bytes(record: &Record) -> usize {
    let sparse = record.sparse.as_ref().map_or(0, |sparse| sparse.indices.len());
    let metadata = serde_json::to_vec(&record.metadata).map_or(0, |json| json.len());
    // Stores get the metadata with a list of its fields, and ids may be escaped.
    FRAME_BYTES
        + 6 * record.id.len()
        + FLOAT_BYTES * (record.values.len() + 2 * sparse)
        + 2 * metadata
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use expect_test::expect;

    use super::*;

    fn records(num: usize) -> Vec<Record> {
        let record =
            |i: usize| Record { id: format!("{i}"), values: vec![0.5; 100], ..Record::default() };
        (0..num).map(record).collect()
    }

    fn busy() -> StoreError {
        StoreError::Refused { store: "test", status: 503, message: "busy".to_owned() }
    }

    const LIMITS: Limits = Limits { num_records: 4, num_bytes: 10_000 };

    #[test]
    fn pieces_keep_to_both_limits_and_lose_nothing() {
        let records = records(10);
        let sizes = |limits| pieces(&records, limits).map(<[Record]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(LIMITS), [4, 4, 2]);
        assert_eq!(sizes(Limits { num_bytes: 6_000, ..LIMITS }), [3, 3, 3, 1]);
        assert_eq!(sizes(Limits { num_bytes: 1, ..LIMITS }), [1; 10]);
        assert_eq!(pieces(&[], LIMITS).count(), 0);
    }

    #[tokio::test]
    async fn a_store_that_goes_away_leaves_the_ids_that_are_not_there() {
        let pieces = Cell::new(0);
        let written = write_all(&records(10), LIMITS, async |_| {
            pieces.set(pieces.get() + 1);
            if pieces.get() == 2 { Err(busy()) } else { Ok(()) }
        })
        .await;
        let Err(StoreError::Partial { failed_ids, num_records: 10, source }) = written else {
            panic!("{written:?}")
        };
        assert_eq!(failed_ids, ["4", "5", "6", "7", "8", "9"]);
        expect!["the test store answered 503: busy"].assert_eq(&source.to_string());
    }

    #[tokio::test]
    async fn a_piece_that_names_its_failures_does_not_stop_the_others() {
        let written = write_all(&records(10), LIMITS, async |piece: Vec<Record>| {
            let failed_ids = vec![piece[1].id.clone()];
            Err(StoreError::Partial { failed_ids, num_records: 4, source: Box::new(busy()) })
        })
        .await;
        let Err(StoreError::Partial { failed_ids, .. }) = written else { panic!("{written:?}") };
        assert_eq!(failed_ids, ["1", "5", "9"]);
    }

    #[tokio::test]
    async fn a_request_that_is_wrong_stays_what_it_is() {
        let gone = || StoreError::IndexNotFound { name: "a".to_owned() };
        let written = write_all(&records(10), LIMITS, async |_| Err(gone())).await;
        assert!(matches!(written, Err(StoreError::IndexNotFound { .. })));
    }
}
