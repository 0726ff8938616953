//! Calendar days and instants.
//!
//! HubSpot reads as ISO 8601 but tells epoch milliseconds in webhooks and takes both; Salesforce writes its
//! offset as `+0000`. Both take what is rendered here.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Reason, from_text};
use crate::names::Side;
use crate::value::{Presence, Raw, Value};

const MS_PER_DAY: i64 = 86_400_000;
/// Years that ISO 8601 writes with four digits.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9999;

/// A day in any of: `YYYY-MM-DD`, an instant at midnight UTC, epoch milliseconds at midnight UTC. With a zone, HubSpot's
/// instants are days by its calendar.
pub(super) fn canonical_date(
    zone: Option<&TimeZone>,
    side: Side,
    raw: &Presence<Raw>,
) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| {
        let date = match (instant(text), zone) {
            (Some(at), Some(zone)) if side == Side::HubSpot => Some(zone.to_datetime(at).date()),
            (None, Some(_)) if side == Side::HubSpot => None,
            (Some(at), _) if at.as_nanosecond() % (i128::from(MS_PER_DAY) * 1_000_000) == 0 => {
                Some(utc_day(at))
            }
            (Some(_), _) => None,
            (None, _) if is_iso_day(text) => text.parse().ok(),
            (None, _) => None,
        };
        date.filter(|date| YEARS.contains(&date.year())).map(Value::Date).ok_or(Reason::Date)
    })
}

/// An instant in any of: ISO 8601 with `Z` or an offset, epoch milliseconds. Cut to the second, downwards.
pub(super) fn canonical_datetime(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| {
        let at = instant(text).filter(|at| YEARS.contains(&utc_day(*at).year())).ok_or(Reason::DateTime)?;
        let beyond_ns = at.as_nanosecond().rem_euclid(1_000_000_000);
        let cut =
            i64::try_from(beyond_ns).map(SignedDuration::from_nanos).map(|beyond| at.checked_sub(beyond));
        match cut {
            Ok(Ok(second)) => Ok(Value::DateTime(second)),
            Ok(Err(_)) | Err(_) => Err(Reason::DateTime),
        }
    })
}

fn instant(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
    } else {
        text.parse().ok()
    }
}

/// Only the plain form: the parser also takes days that are followed by a time without an offset.
fn is_iso_day(text: &str) -> bool {
    text.len() == "YYYY-MM-DD".len()
}

fn utc_day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// With a zone, HubSpot gets the day's noon there: it is the same day for people up to half a day east and west.
pub(super) fn render_date(zone: Option<&TimeZone>, side: Side, date: Date) -> Result<Raw, Reason> {
    match zone.filter(|_| side == Side::HubSpot) {
        None => Ok(Raw::Text(date.to_string())),
        Some(zone) => {
            let noon = zone.to_timestamp(date.at(12, 0, 0, 0)).map_err(|_| Reason::Date)?;
            // A zone that moved over the date line has left days out.
            let is_there = zone.to_datetime(noon).date() == date;
            is_there.then(|| render_datetime(noon)).ok_or(Reason::Date)
        }
    }
}

pub(super) fn render_datetime(at: Timestamp) -> Raw {
    Raw::Text(format!("{at:.3}"))
}
