//! Moments as signatures write them: `20150830T123600Z`.

use std::fmt;
use std::time::UNIX_EPOCH;

/// How to write one, for errors.
pub(crate) const EXPECTED: &str = "a time in UTC, as in 20150830T123600Z";

/// A second of the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(u64);

/// The last second that has a year of four digits.
const LAST: u64 = 253_402_300_799;

const PER_DAY: u64 = 24 * 60 * 60;

/// The days of 400 years, after which the calendar repeats itself.
const DAYS_PER_ERA: u64 = 146_097;

/// The days from 1 March of the year 0, where such an era begins, to 1 January 1970.
const DAYS_BEFORE_1970: u64 = 719_468;

impl Timestamp {
    /// Returns the moment so many seconds after the beginning of 1970, or the last one of 9999.
    pub(crate) fn from_unix(seconds: u64) -> Self {
        Self(seconds.min(LAST))
    }

    /// Returns the seconds since the beginning of 1970.
    pub(crate) fn unix(self) -> u64 {
        self.0
    }

    /// Reads `20150830T123600Z`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<u64> { text.get(from..to)?.parse().ok() };
        let days = days_since_1970(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
        let seconds = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
        let read = Self::from_unix(days * PER_DAY + seconds);
        // Whatever is not written the same way was another form, or no moment at all (25:00, 30 February).
        (read.to_string() == text).then_some(read)
    }

    /// Reads the value of a `Date` header: an HTTP date or the form of a signature.
    ///
    /// # Source
    ///
    /// botocore writes UTC as `-0000` there, as mail does.
    pub(crate) fn parse_date_header(text: &str) -> Option<Self> {
        // As it is signed: a run of blanks is one space.
        let text = text.split_whitespace().collect::<Vec<&str>>().join(" ");
        let zone = [" -0000", " +0000", " UTC"].iter().find_map(|zone| text.strip_suffix(zone));
        let http = zone.map_or_else(|| text.clone(), |date| format!("{date} GMT"));
        match httpdate::parse_http_date(&http) {
            Ok(date) => Some(Self::from_unix(date.duration_since(UNIX_EPOCH).ok()?.as_secs())),
            Err(_) => Self::parse(&text),
        }
    }

    /// Returns `20150830`.
    pub(crate) fn date(self) -> String {
        let (year, month, day) = date(self.0 / PER_DAY);
        format!("{year:04}{month:02}{day:02}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0 % PER_DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(formatter, "{}T{hour:02}{minute:02}{second:02}Z", self.date())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, unix) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160),
            ("20240229T235959Z", 1_709_251_199),
            ("99991231T235959Z", LAST),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::unix), Some(unix), "{text}");
            assert_eq!(Timestamp::from_unix(unix).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "20150830T123600",
            "20150830t123600Z",
            "2015-08-30T12:36:00Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "20150830T240000Z",
            "20150229T000000Z",
            "20151301T000000Z",
            "+0150830T123600Z",
            "19691231T235959Z",
            "20150830T123600Zé",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_header_has_several_forms() {
        for text in [
            "Sun, 30 Aug 2015 12:36:00 GMT",
            "Sun, 30 Aug 2015 12:36:00 -0000",
            "Sun, 30 Aug 2015 12:36:00 +0000",
            "Sun, 30 Aug 2015 12:36:00 UTC",
            "Sun,\t30  Aug 2015 12:36:00\t GMT",
            "20150830T123600Z",
        ] {
            let read = Timestamp::parse_date_header(text).unwrap();
            assert_eq!(read.unix(), 1_440_938_160, "{text}");
        }
        assert_eq!(Timestamp::parse_date_header("Sun, 30 Aug 2015 12:36:00 +0200"), None);
        assert_eq!(Timestamp::parse_date_header("yesterday"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unix in 0..=LAST) {
            let moment = Timestamp::from_unix(unix);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            let _ = (Timestamp::parse(&text), Timestamp::parse_date_header(&text));
        }
    }
}
