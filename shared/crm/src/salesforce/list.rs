//! Listings: SOQL by keyset, so that a page is never found by counting and a changed row never shifts one.

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Listing, ObjectSpec, Page, PageMark};
use concord_core::row::{Standing, Versions};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Salesforce;
use super::answer::{Answer, unreadable};
use super::columns::{Columns, Record, id, instant, modified_by};
use super::id::canonical;
use super::login::Session;
use super::query::{Rows, Scope, first_page};
use super::request::{encode, get, identifier, literal};
use super::schema;
use crate::transport::Transport;

/// Rows of a page; a query's answer holds no more (REST guide, Query Options header).
const PAGE_ROWS_MAX: usize = 2_000;
/// How late a row may become visible under an earlier stamp, where Salesforce does not tell: its longest call
/// (limits cheat sheet: 10 minutes).
const LATE_COMMIT: SignedDuration = SignedDuration::from_mins(10);
/// The shortest window of getUpdated that stays one when its seconds are cut off (REST guide, getUpdated).
const WINDOW_MIN: SignedDuration = SignedDuration::from_mins(2);
/// The longest window of getUpdated is 30 days back, that of getDeleted 15 (REST guide); a day less for skew.
const UPDATED_MAX: SignedDuration = SignedDuration::from_hours(29 * 24);
const DELETED_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The window asked for when a listing has none of its own: only its watermark is of interest.
const WINDOW_OF_ALL: SignedDuration = SignedDuration::from_hours(1);

/// Deleted records, as the side lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletions {
    /// Them.
    pub records: Vec<Deleted>,
    /// Deletes before this are no longer known: if it is later than what was asked for, some are missing.
    pub earliest_available: Timestamp,
    /// Where to go on.
    pub latest_covered: Timestamp,
}

/// One deleted record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The record.
    pub id: RecordId,
    /// When.
    pub at: Timestamp,
}

pub(super) async fn page<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    listing: &Listing,
    from: Option<&PageMark>,
) -> Result<Page, Failure> {
    let mut columns = Columns::all(&client.config, spec)?;
    let from = from.map(Mark::parse).transpose()?;
    let session = client.login().await?;
    // The watermark comes before the first row: what is committed by now, the pages will show.
    let covered = watermark(client, &session, columns.object(), listing, from.as_ref()).await?;
    let after = from.as_ref().map(|mark| &mark.place);
    let mut answer = first_page(client, &session, &soql(&columns, listing, after), scope(listing)).await?;
    if answer.refused_a_field() {
        columns.narrow(&schema::visible(client, &session, columns.object()).await?)?;
        answer = first_page(client, &session, &soql(&columns, listing, after), scope(listing)).await?;
    }
    let rows: Rows = answer.object()?;
    let complete_until = complete_until(covered, &answer)?;
    let next = next(&rows, after, complete_until)?;
    let row = |record: &Record| {
        let standing = match listing {
            Listing::Changed { .. } | Listing::All => Standing::Alive,
            Listing::Archived { .. } => {
                Standing::Archived { by: session.author(modified_by(record).as_ref()) }
            }
        };
        columns.row(record, standing, Versions::Listed)
    };
    Ok(Page { rows: rows.records.iter().map(row).collect::<Result<_, _>>()?, next, complete_until })
}

/// Rows that belong to records: those that changed, or were deleted.
pub(super) struct ChangedRows {
    pub(super) records: Vec<Record>,
    pub(super) next: Option<PageMark>,
    pub(super) complete_until: Timestamp,
}

/// One page of the rows of an object that changed or were deleted, with one of their fields.
pub(super) async fn changed_rows<T: Transport>(
    client: &Salesforce<T>,
    object: &str,
    field: &str,
    since: Timestamp,
    from: Option<&PageMark>,
) -> Result<ChangedRows, Failure> {
    let from = from.map(Mark::parse).transpose()?;
    let session = client.login().await?;
    let covered = watermark(client, &session, object, &Listing::Changed { since }, from.as_ref()).await?;
    let after = from.as_ref().map(|mark| &mark.place);
    let soql = format!(
        "SELECT Id, {field}, SystemModstamp FROM {object} WHERE {} ORDER BY SystemModstamp, Id LIMIT {PAGE_ROWS_MAX}",
        by_stamp(since, after)
    );
    let answer = first_page(client, &session, &soql, Scope::WithBin).await?;
    if answer.refused_an_object() {
        // Hidden from us. Once it is shown, a sweep finds what changed meanwhile.
        return Ok(ChangedRows { records: Vec::new(), next: None, complete_until: Timestamp::MAX });
    }
    let rows: Rows = answer.object()?;
    let complete_until = complete_until(covered, &answer)?;
    let next = next(&rows, after, complete_until)?;
    Ok(ChangedRows { records: rows.records, next, complete_until })
}

/// Up to when a listing is complete, without a watermark by its answer's date.
fn complete_until(covered: Option<Timestamp>, answer: &Answer) -> Result<Timestamp, Failure> {
    match covered {
        Some(covered) => Ok(covered),
        None => Ok(answer.asked()? - LATE_COMMIT),
    }
}

/// Where a listing goes on after this page.
fn next(rows: &Rows, after: Option<&Place>, complete_until: Timestamp) -> Result<Option<PageMark>, Failure> {
    let more = !rows.done || rows.records.len() >= PAGE_ROWS_MAX;
    match (more, rows.records.last()) {
        (true, Some(last)) => {
            let place = Place::of(last)?;
            if after == Some(&place) {
                return Err(unreadable("ANSWER_LEADS_BACK"));
            }
            Ok(Some(Mark { complete_until, place }.write()))
        }
        (true, None) => Err(unreadable("ANSWER_WITHOUT_ROWS")),
        (false, _) => Ok(None),
    }
}

const fn scope(listing: &Listing) -> Scope {
    match listing {
        Listing::Changed { .. } | Listing::All => Scope::Live,
        Listing::Archived { .. } => Scope::WithBin,
    }
}

fn soql(columns: &Columns<'_>, listing: &Listing, after: Option<&Place>) -> String {
    let names = columns.names(&["LastModifiedDate", "LastModifiedById", "SystemModstamp"]).join(", ");
    let (condition, order) = match listing {
        Listing::All => (after.map(Place::by_id), "Id"),
        Listing::Changed { since } => (Some(by_stamp(*since, after)), "SystemModstamp, Id"),
        Listing::Archived { since } => {
            (Some(format!("IsDeleted = true AND ({})", by_stamp(*since, after))), "SystemModstamp, Id")
        }
    };
    let condition = condition.map(|text| format!(" WHERE {text}")).unwrap_or_default();
    format!("SELECT {names} FROM {}{condition} ORDER BY {order} LIMIT {PAGE_ROWS_MAX}", columns.object())
}

/// Rows of one second may fall on two pages: the id decides between them.
fn by_stamp(since: Timestamp, after: Option<&Place>) -> String {
    match after {
        None => format!("SystemModstamp >= {}", instant_literal(since)),
        Some(place) => {
            let at = instant_literal(place.stamp);
            format!(
                "(SystemModstamp = {at} AND Id > {}) OR SystemModstamp > {at}",
                literal(place.id.as_str())
            )
        }
    }
}

/// To the millisecond, which is what Salesforce reads; rounded down, so that a listing begins no later.
fn instant_literal(at: Timestamp) -> String {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at).to_string()
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    stamp: Timestamp,
    id: RecordId,
}

impl Place {
    fn of(record: &Record) -> Result<Self, Failure> {
        Ok(Self { stamp: instant(record, "SystemModstamp")?, id: id(record)? })
    }

    fn by_id(&self) -> String {
        format!("Id > {}", literal(self.id.as_str()))
    }
}

/// What a [`PageMark`] says: the watermark taken before the first page, and the last row seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    complete_until: Timestamp,
    place: Place,
}

impl Mark {
    fn write(&self) -> PageMark {
        PageMark(format!("{} {} {}", self.complete_until, self.place.stamp, self.place.id))
    }

    fn parse(mark: &PageMark) -> Result<Self, Failure> {
        Self::words(&mark.0).ok_or_else(not_ours)
    }

    fn words(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let complete_until = words.next()?.parse().ok()?;
        let place = Place { stamp: words.next()?.parse().ok()?, id: canonical(words.next()?)? };
        Some(Self { complete_until, place })
    }
}

pub(super) fn not_ours() -> Failure {
    Failure::Bug { reason: "a page mark is not one of ours".to_owned() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Covered {
    latest_date_covered: Timestamp,
}

/// Up to where every committed change is visible, as a listing's first page has found it. `latestDateCovered` is the only
/// mark that Salesforce vouches for: it stays behind while a long transaction runs. If it cannot be had, nothing is returned, and the
/// caller stays behind by [`LATE_COMMIT`], which a longer transaction would break; the sweep finds such rows.
async fn watermark<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    object: &str,
    listing: &Listing,
    from: Option<&Mark>,
) -> Result<Option<Timestamp>, Failure> {
    if let Some(mark) = from {
        return Ok(Some(mark.complete_until));
    }
    let until = client.config.now();
    let (resource, since, longest) = match listing {
        Listing::Changed { since } => ("updated", *since, UPDATED_MAX),
        Listing::All => ("updated", until - WINDOW_OF_ALL, UPDATED_MAX),
        Listing::Archived { since } => ("deleted", *since, DELETED_MAX),
    };
    let since = since.clamp(until - longest, until - WINDOW_MIN);
    let answer = client.call(session, get(session, &window(object, resource, since, until))?).await?;
    match answer.object::<Covered>() {
        // Our clock may be ahead; the server's is the one that counts.
        Ok(covered) => Ok(Some(covered.latest_date_covered.min(answer.asked()?))),
        Err(failure @ (Failure::Retry { .. } | Failure::RefreshLogin { .. })) => Err(failure),
        Err(failure @ (Failure::Park { .. } | Failure::Conflict { .. } | Failure::Bug { .. })) => {
            tracing::warn!(object, %failure, "no safe watermark: the listing stays ten minutes behind");
            Ok(None)
        }
    }
}

fn window(object: &str, resource: &str, since: Timestamp, until: Timestamp) -> String {
    let to_the_second = |at: Timestamp| encode(&at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string());
    format!("/sobjects/{object}/{resource}/?start={}&end={}", to_the_second(since), to_the_second(until))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDeletions {
    deleted_records: Vec<WireDeleted>,
    earliest_date_available: Timestamp,
    latest_date_covered: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDeleted {
    id: String,
    deleted_date: Timestamp,
}

pub(super) async fn deleted<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    object: &WireName,
    since: Timestamp,
    until: Timestamp,
) -> Result<Deletions, Failure> {
    let path = window(identifier(object)?, "deleted", since, until);
    let wire: WireDeletions = client.call(session, get(session, &path)?).await?.object()?;
    let record = |record: WireDeleted| {
        let id = canonical(&record.id).ok_or_else(|| unreadable("ANSWER_WITHOUT_ID"))?;
        Ok(Deleted { id, at: record.deleted_date })
    };
    Ok(Deletions {
        records: wire.deleted_records.into_iter().map(record).collect::<Result<_, Failure>>()?,
        earliest_available: wire.earliest_date_available,
        latest_covered: wire.latest_date_covered,
    })
}
