//! Which way a query goes: the most precise one that stays within its time.

use std::time::Duration;

use super::Way;

/// What a query may cost, on one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The time for reading vectors.
    pub time: Duration,
    /// How fast memory is read in order, as [`kernels::measure_bandwidth`] says.
    pub bytes_per_second: f64,
}

/// What there is to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows, counting those that no longer count.
    pub num_rows: u64,
    /// Rows that pass the query's filter.
    pub num_live: u64,
    /// Floats of a row.
    pub dimensions: usize,
    /// Lists of the codes.
    pub num_lists: usize,
    /// How many rows are wanted.
    pub want: usize,
}

/// How a query is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Every row that counts, in full precision.
    Exact,
    /// Compressed rows first.
    Coded(Way),
}

/// Rows that lie here and there are read at this share of the speed of rows in order.
const SCATTERED: f64 = 0.25;
/// At least so many times the square root of the number of lists are read. Of the nearest ten of
/// 1,000,000 × 384 in 4,096 lists that finds 0.991; five times (320 lists) finds 0.9895, six times 0.9935.
const LEAST_LISTS: f64 = 5.4;
/// A list is only left out where the others hold this many times the rows that are wanted.
const SPARE: f64 = 100.0;
/// Bytes beside the bits of a row: slope, offset and number.
const CODE_EXTRA: f64 = 12.0;

/// Chooses the way of a query.
pub fn plan(size: Size, budget: Budget) -> Plan {
    let room = budget.time.as_secs_f64() * budget.bytes_per_second;
    let (num_rows, num_live) = (size.num_rows as f64, size.num_live as f64);
    let dimensions = size.dimensions as f64;
    // Either all rows in order, or those that count where they lie.
    let rows_read = num_rows.min(num_live / SCATTERED);
    if rows_read * 4.0 * dimensions <= room {
        return Plan::Exact;
    }
    if rows_read * (dimensions + 8.0) <= room {
        return Plan::Coded(Way::Int8);
    }
    let share = room / (num_rows * (dimensions / 8.0 + CODE_EXTRA));
    let num_lists = size.num_lists as f64;
    let share = share.max(LEAST_LISTS / num_lists.sqrt()).max(SPARE * size.want as f64 / num_live);
    if share >= 1.0 {
        return Plan::Coded(Way::OneBit);
    }
    Plan::Coded(Way::Lists((share * num_lists).ceil() as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(num_rows: u64, num_live: u64, milliseconds: u64, expected: Plan) {
        let size = Size { num_rows, num_live, dimensions: 384, num_lists: 1_024, want: 10 };
        let budget = Budget { time: Duration::from_millis(milliseconds), bytes_per_second: 16e9 };
        assert_eq!(plan(size, budget), expected, "{num_rows} rows, {num_live} live");
    }

    #[test]
    fn the_most_precise_way_that_fits_the_time_is_chosen() {
        let coded = |way| Plan::Coded(way);
        check(0, 0, 10, Plan::Exact);
        check(100_000, 100_000, 10, Plan::Exact);
        check(110_000, 110_000, 10, coded(Way::Int8));
        check(400_000, 400_000, 10, coded(Way::Int8));
        check(420_000, 420_000, 10, coded(Way::OneBit));
        check(2_600_000, 2_600_000, 10, coded(Way::OneBit));
        check(5_000_000, 5_000_000, 10, coded(Way::Lists(547)));
        check(50_000_000, 50_000_000, 10, coded(Way::Lists(173)));
        check(1_000_000, 1_000_000, 1, coded(Way::Lists(274)));
        check(1_000_000, 1_000_000, 100, Plan::Exact);
    }

    #[test]
    fn a_filter_that_few_rows_pass_makes_a_search_more_precise() {
        check(1_000_000, 1, 10, Plan::Exact);
        check(1_000_000, 25_000, 10, Plan::Exact);
        check(1_000_000, 100_000, 10, Plan::Coded(Way::Int8));
        check(1_000_000, 200_000, 10, Plan::Coded(Way::OneBit));
        // Hardly any list holds enough of the rows that count.
        check(50_000_000, 1_500, 10, Plan::Exact);
        check(50_000_000, 1_500, 0, Plan::Coded(Way::Lists(683)));
        check(50_000_000, 900, 0, Plan::Coded(Way::OneBit));
    }
}
