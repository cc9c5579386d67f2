//! Moments as vendors write them: `2026-11-21T08:02:03.123Z`, always in UTC, always with milliseconds.
//!
//! huggingface_hub 0.20.3 reads no other form: without a fraction its parser refuses the whole answer.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A moment of the years 1970 to 9999, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, example = "2026-11-21T08:02:03.123Z")]
pub struct Timestamp(u64);

/// The last moment that has a year of four digits.
const LAST_MS: u64 = 253_402_300_799_999;

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// The days of 400 years, after which the calendar repeats itself.
const DAYS_PER_ERA: u64 = 146_097;

/// The days from 1 March of the year 0, where such an era begins, to 1 January 1970.
const DAYS_BEFORE_1970: u64 = 719_468;

impl Timestamp {
    /// Returns the moment so many milliseconds after the beginning of 1970, or the last moment of 9999.
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms.min(LAST_MS))
    }

    /// Returns the milliseconds since the beginning of 1970.
    pub fn unix_ms(self) -> u64 {
        self.0
    }

    /// Reads the one form that is written.
    fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<u64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let days = days_since_1970(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
        let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let read = Self::from_unix_ms(days * MS_PER_DAY + seconds * 1000 + number(20, 23)?);
        // Whatever is not written the same way was another form, or no moment at all (25:00, 30 February).
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / MS_PER_DAY);
        let ms = self.0 % MS_PER_DAY;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let fraction = ms % 1000;
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"
        )
    }
}

/// Returns year, month and day. Years are counted from March, so that a leap day is the last of its year.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - first_day(year_of_era);
    // From March on, months have 31, 30, 31, 30, 31 days: 153 in five.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, years) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + years, month, day)
}

/// Returns the days from 1970 to a date, or nothing for one before 1970 or a month that does not exist.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year / 400 * DAYS_PER_ERA + first_day(year % 400) + day_of_year;
    days.checked_sub(DAYS_BEFORE_1970)
}

/// Returns the days of an era that lie before a year of it.
fn first_day(year_of_era: u64) -> u64 {
    365 * year_of_era + year_of_era / 4 - year_of_era / 100
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format_args!(
                "`{text}` is no moment as in `2026-11-21T08:02:03.123Z`, of the years 1970 to 9999"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(unix_ms: u64, expected: &str) {
        assert_eq!(Timestamp::from_unix_ms(unix_ms).to_string(), expected);
    }

    #[test]
    fn moments_are_written_with_milliseconds_and_z() {
        check(0, "1970-01-01T00:00:00.000Z");
        // What `date -u -d '…' +%s` says of each.
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(1_709_251_199_999, "2024-02-29T23:59:59.999Z");
        check(1_795_248_123_123, "2026-11-21T08:02:03.123Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn the_last_moment_is_the_end_of_9999() {
        check(LAST_MS, "9999-12-31T23:59:59.999Z");
        check(u64::MAX, "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_other_form_is_refused() {
        let others = [
            "2022-08-19T07:19:38Z",
            "2022-08-19T07:19:38.123456Z",
            "2022-08-19T07:19:38.123+00:00",
            "2022-08-19 07:19:38.123Z",
            "2022-02-30T07:19:38.123Z",
            "2022-13-01T07:19:38.123Z",
            "2022-00-01T07:19:38.123Z",
            "2022-01-00T07:19:38.123Z",
            "2022-01-01T24:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "+202-08-19T07:19:38.123Z",
            "2022-08-19T07:19:38.12éZ",
            "",
        ];
        for text in others {
            let err = serde_json::from_value::<Timestamp>(text.into()).unwrap_err();
            assert!(err.to_string().contains("is no moment"), "{text}: {err}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(unix_ms in 0..=LAST_MS) {
            let written = serde_json::to_string(&Timestamp::from_unix_ms(unix_ms)).unwrap();
            prop_assert_eq!(written.len(), r#""2026-11-21T08:02:03.123Z""#.len());
            let read: Timestamp = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read.unix_ms(), unix_ms);
        }
    }
}
