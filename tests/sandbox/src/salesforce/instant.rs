//! Dates and instants as Salesforce writes and reads them. Stamps have whole seconds (reference 1.10).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// RFC 7231, as in `Date` and `If-Unmodified-Since`.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// The instant with its fraction of a second cut off.
pub(crate) fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_millisecond().div_euclid(1000)).unwrap_or(instant)
}

/// The instant with its seconds cut off, as getUpdated and getDeleted do.
pub(crate) fn whole_minute(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second().div_euclid(60) * 60).unwrap_or(instant)
}

/// `2015-06-25T21:54:38.000+0000`, the REST form.
pub(crate) fn rest_text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// `2015-06-25T21:54:38.000Z`, the form of SOAP and of change events.
pub(crate) fn zulu_text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The `Date` header's form.
pub(crate) fn http_text(instant: Timestamp) -> String {
    instant.strftime(HTTP_DATE).to_string()
}

/// Reads `yyyy-MM-ddTHH:mm:ss[.SSS]` with `Z` or an offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    text.parse::<Timestamp>().ok().map(whole_second)
}

/// Reads `yyyy-MM-dd` and nothing longer.
pub(crate) fn parse_day(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    text.parse().ok()
}

/// Reads an RFC 7231 date.
pub(crate) fn parse_http(text: &str) -> Option<Timestamp> {
    let broken_down = jiff::fmt::strtime::parse(HTTP_DATE, text.trim()).ok()?;
    TimeZone::UTC.to_timestamp(broken_down.to_datetime().ok()?).ok()
}

/// The instant so many seconds later.
pub(crate) fn seconds_after(instant: Timestamp, seconds: i64) -> Timestamp {
    instant.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
