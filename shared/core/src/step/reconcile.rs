//! reconcile: finds what hints missed and what happened behind our back, and hints it. It writes to no CRM.
//!
//! A listing's rows decide nothing; they only tell which records are worth reading by id: those without a link,
//! and those that do not show the images that the link remembers.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Engine, StepError, digest};
use crate::contract::{Delete, Object, Views};
use crate::decide::is_flagged;
use crate::link::{Link, Refusal, Status};
use crate::names::{Generation, RecordId, RecordKey, Side};
use crate::port::{CommitError, Crm, CursorMark, Listing, Page, PageMark, Queue, Store, Whereabouts};
use crate::reference;
use crate::row::{Author, Row, Standing};

/// What a schedule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// What changed, or was deleted, since the cursors. Every minute.
    Poll,
    /// Links whose intents have waited too long. Every minute: it is also what finds an intent whose worker died between commit and queue.
    Repair,
    /// Every pair by its ids, every record on both sides, and every one in the bins. Daily, and as the first sync.
    Sweep,
}

/// How far a task came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Rows and links that were listed.
    pub listed: usize,
    /// Records that were hinted.
    pub hinted: usize,
    /// Listings, of rows or of links, that have more pages: run the task again.
    pub unfinished: usize,
}

/// Pages read per listing and run. Salesforce pages hold 2,000 rows, HubSpot's 100 or 200 and DynamoDB's some hundred links, so a
/// run stays within a Lambda's time; the cursor remembers the rest.
pub(super) const PAGES_MAX: usize = 50;
/// An intent that is open for this long is looked at: ours, well above an ordinary queue's delay.
const UNSENT_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Links repaired per run.
const REPAIRS_MAX: usize = 1_000;

/// Where a listing stands: what it lists, and the next page of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
struct Position {
    /// Start of the listing under way.
    since: Option<Timestamp>,
    /// Next page of it.
    page: Option<String>,
    /// Start of the listing after this one: no page so far has promised more.
    next_since: Option<Timestamp>,
    /// Rows that this listing has shown so far.
    shown: u64,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Does one run of a task.
    ///
    /// # Errors
    /// [`StepError`]: cursors stand where the last hinted page ended, and the next run goes on from there (I39).
    pub async fn reconcile(&self, task: Task, now: Timestamp) -> Result<Report, StepError> {
        let mut report = Report::default();
        match task {
            Task::Repair => self.repair(&mut report, now).await?,
            Task::Poll => {
                for object in self.contract.objects.values() {
                    self.poll(&*self.with_owners(object, now).await?, &mut report, now).await?;
                }
            }
            Task::Sweep => {
                for object in self.contract.objects.values() {
                    self.sweep(&*self.with_owners(object, now).await?, &mut report, now).await?;
                }
                // After the listings, which name the canaries.
                self.sweep_pairs(&mut report, now).await?;
            }
        }
        Ok(report)
    }

    /// Makes polls begin at `at` instead of at the beginning of time: what is older is left to a sweep.
    ///
    /// # Errors
    /// [`StepError`]. Cursors that have moved already stay where they are.
    pub async fn begin_polls_at(&self, at: Timestamp) -> Result<(), StepError> {
        for object in self.contract.objects.values() {
            for (side, bin) in
                Side::BOTH.into_iter().flat_map(|side| [(side, Bin::Live), (side, Bin::Deleted)])
            {
                let name = cursor_name(Task::Poll, side, object, bin);
                if self.store.cursor(&name).await?.is_none() {
                    let position = Position { since: Some(at), ..Position::default() };
                    self.advance(&name, None, write_position(&position)).await?;
                }
            }
        }
        Ok(())
    }

    /// Links whose intents have waited too long: a message or an echo was lost, or a worker died.
    async fn repair(&self, report: &mut Report, now: Timestamp) -> Result<(), StepError> {
        let Ok(before) = now.checked_sub(UNSENT_AFTER) else { return Ok(()) };
        let links = self.store.unsent(before, REPAIRS_MAX).await?;
        report.listed += links.len();
        for link in self.store.links(&links).await?.into_iter().flatten() {
            for side in Side::BOTH {
                if let Some(id) = &link.records[side] {
                    let correlation = digest(["repair", link.id.as_str(), &now.to_string()]);
                    self.hint(side, &link.object, std::slice::from_ref(id), &correlation).await?;
                    report.hinted += 1;
                    break;
                }
            }
        }
        Ok(())
    }

    /// What changed and what was deleted; where a brake was released, once more from before it was engaged.
    async fn poll(&self, object: &Object, report: &mut Report, now: Timestamp) -> Result<(), StepError> {
        let rewind = self.rewind_of(&object.name).await?;
        for side in Side::BOTH {
            for bin in [Bin::Live, Bin::Deleted] {
                self.run(object, side, (Task::Poll, bin), rewind, report, now).await?;
            }
        }
        match rewind {
            Some(rewind) => self.rewound(&object.name, rewind).await,
            None => Ok(()),
        }
    }

    /// Every record, and every one in the bin. The brake goes by how many there are.
    async fn sweep(&self, object: &Object, report: &mut Report, now: Timestamp) -> Result<(), StepError> {
        for side in Side::BOTH {
            if let Some(count) = self.run(object, side, (Task::Sweep, Bin::Live), None, report, now).await? {
                self.count_records(&object.name, side, count).await?;
            }
            self.run(object, side, (Task::Sweep, Bin::Deleted), None, report, now).await?;
        }
        Ok(())
    }

    /// Reads on where the last run stopped. The number of rows, if that was the listing's end.
    async fn run(
        &self,
        object: &Object,
        side: Side,
        (task, bin): (Task, Bin),
        rewind: Option<Timestamp>,
        report: &mut Report,
        now: Timestamp,
    ) -> Result<Option<u64>, StepError> {
        let name = cursor_name(task, side, object, bin);
        let mut mark = self.store.cursor(&name).await?;
        let mut position: Position = match &mark {
            Some(mark) => read_position(&mark.text),
            None => Position::default(),
        };
        if let Some(rewind) = rewind {
            let since = position.since.map(|since| since.min(rewind));
            position = Position { since, ..Position::default() };
        }
        let mut named = BTreeSet::new();
        for _ in 0..PAGES_MAX {
            let since = position.since.unwrap_or(Timestamp::UNIX_EPOCH);
            let listing = match (task, bin) {
                (Task::Sweep | Task::Repair, Bin::Live) => Listing::All,
                (Task::Sweep | Task::Repair, Bin::Deleted) => {
                    Listing::Archived { since: Timestamp::UNIX_EPOCH }
                }
                (Task::Poll, Bin::Live) => Listing::Changed { since },
                (Task::Poll, Bin::Deleted) => Listing::Archived { since },
            };
            let from = position.page.clone().map(PageMark);
            let page = self.page(side, object, &listing, from.as_ref()).await?;
            if listing == Listing::All {
                self.name_canaries(object, side, &page.rows, &mut named, now).await?;
            }
            report.listed += page.rows.len();
            report.hinted += self.hint_page(object, side, &page, since).await?;
            let next_since =
                position.next_since.map_or(page.complete_until, |next| next.min(page.complete_until));
            let shown = position.shown + page.rows.len() as u64;
            let last = page.next.is_none();
            position = match page.next {
                Some(PageMark(next)) => {
                    Position { page: Some(next), next_since: Some(next_since), shown, ..position }
                }
                None => Position { since: Some(next_since.max(since)), ..Position::default() },
            };
            mark = Some(self.advance(&name, mark.as_ref(), write_position(&position)).await?);
            if last {
                return Ok(Some(shown));
            }
        }
        report.unfinished += 1;
        Ok(None)
    }

    /// Up to when the last sweep has seen everything that is there of an object type on both sides. `None`: there was none.
    pub(super) async fn swept_until(&self, object: &Object) -> Result<Option<Timestamp>, StepError> {
        let mut until = Timestamp::MAX;
        for side in Side::BOTH {
            for bin in [Bin::Live, Bin::Deleted] {
                let mark = self.store.cursor(&cursor_name(Task::Sweep, side, object, bin)).await?;
                let Some(since) = mark.and_then(|mark| read_position(&mark.text).since) else {
                    return Ok(None);
                };
                until = until.min(since);
            }
        }
        Ok(Some(until))
    }

    async fn page(
        &self,
        side: Side,
        object: &Object,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> Result<Page, StepError> {
        let spec = object.spec(side);
        let page = match side {
            Side::HubSpot => self.hubspot.list(&spec, listing, from).await,
            Side::Salesforce => self.salesforce.list(&spec, listing, from).await,
        };
        let mut page = page.map_err(|failure| StepError::Crm { side, failure })?;
        self.name_references(side, object, &mut page.rows).await?;
        Ok(page)
    }

    /// Moves a cursor, after its page was hinted. If another run moved it, that run goes on.
    pub(super) async fn advance(
        &self,
        name: &str,
        mark: Option<&CursorMark>,
        text: String,
    ) -> Result<CursorMark, StepError> {
        let generation = mark.map_or(Generation(0), |mark| mark.generation);
        match self.store.move_cursor(name, generation, &text).await {
            Ok(()) => Ok(CursorMark { text, generation: generation.next() }),
            Err(error @ (CommitError::Moved | CommitError::Taken { .. } | CommitError::Store(_))) => {
                Err(error.into())
            }
        }
    }

    /// Hints the rows of a page that are worth a by-id read.
    async fn hint_page(
        &self,
        object: &Object,
        side: Side,
        page: &Page,
        since: Timestamp,
    ) -> Result<usize, StepError> {
        let keys: Vec<RecordKey> = page
            .rows
            .iter()
            .map(|row| RecordKey { side, object: object.name.clone(), id: row.id.clone() })
            .collect();
        let located = self.store.locate(&keys).await?;
        let mut ids: Vec<_> = located
            .iter()
            .filter_map(|whereabouts| match whereabouts {
                Whereabouts::Linked(link) => Some(link.clone()),
                Whereabouts::Nowhere | Whereabouts::Alias(_) => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let links = self.store.links(&ids).await?;
        let link_of = |whereabouts: &Whereabouts| match whereabouts {
            Whereabouts::Linked(id) => {
                ids.binary_search(id).ok().and_then(|index| links.get(index)?.as_ref())
            }
            Whereabouts::Nowhere | Whereabouts::Alias(_) => None,
        };
        let views = object.views();
        let worth: Vec<&Row> = page
            .rows
            .iter()
            .zip(&located)
            .filter(|(row, whereabouts)| self.is_worth_a_read(&views, side, row, link_of(whereabouts)))
            .map(|(row, _)| row)
            .collect();
        let worth_ids: Vec<RecordId> = worth.iter().map(|row| row.id.clone()).collect();
        let seen: Vec<String> = worth.iter().map(|row| format!("{}@{}", row.id, row.revision)).collect();
        // The queue swallows what it was told a moment ago, but not what another listing has found once more.
        let correlation = digest(["listed", side.name(), &since.to_string(), &seen.join(" ")]);
        self.hint(side, &object.name, &worth_ids, &correlation).await?;
        Ok(worth_ids.len())
    }

    fn is_worth_a_read(&self, views: &Views<'_>, side: Side, row: &Row, link: Option<&Link>) -> bool {
        let object = views.of(link.is_some_and(Link::is_lead));
        let Some(link) = link else {
            // Something in the bin that we never knew is nobody's business, nor is what is out of scope.
            let left_out =
                object.scope.as_ref().is_some_and(|scope| scope.admits(object, side, row) == Ok(false));
            return row.standing == Standing::Alive && !left_out;
        };
        if link.refused[side] == Refusal::Unseen || link.waits_in_vain(object) {
            return true;
        }
        let archives = object.delete == Delete::Archive;
        match (&row.standing, &link.status) {
            // Put there by an archive of ours: news, unless that is what the link remembers.
            (Standing::Archived { by: Author::Us }, status) if archives => {
                *status != Status::Flagged { deleted: side.other() }
            }
            (Standing::Alive, Status::Flagged { .. }) if archives => true,
            (Standing::Archived { .. }, Status::Live) => true,
            (Standing::Archived { .. }, Status::Flagged { deleted } | Status::Unlinked { deleted }) => {
                *deleted != side && link.gone.is_none()
            }
            (Standing::Alive, Status::Flagged { deleted } | Status::Unlinked { deleted }) => {
                *deleted == side || link.gone.is_some()
            }
            (_, Status::Apart { settled }) => !settled,
            (_, Status::Erased { purge }) => purge[side],
            (Standing::Alive, Status::Live) => {
                link.open_since().is_some()
                    // Whatever a refused write was about may be nobody's by now.
                    || Side::BOTH.iter().any(|side| link.refused[*side] == Refusal::Parked)
                    || link.records[side.other()].is_none()
                    || is_flagged(object, side, row)
                    || object.fields.values().any(|field| {
                        self.differs(field, side, row, link) || reference::awaits_somebody(field, side, row)
                    })
            }
        }
    }

    /// Whether a listed row shows something else than the link remembers of this side.
    fn differs(&self, field: &crate::contract::Field, side: Side, row: &Row, link: &Link) -> bool {
        let Ok(value) = row.shows(field, side) else { return true };
        let Some(hash) = self.key.of(&value) else { return false };
        let memory = link.fields.get(&field.name);
        let held = memory.and_then(|memory| memory.held);
        if held.is_some_and(|held| held.taken.is_some()) {
            return true;
        }
        let held = held.map(|held| held.values[side]);
        let base = memory.and_then(|memory| memory.base.as_ref()).map(|base| base.images[side].hash);
        held.or(base) != Some(hash)
    }
}

/// Which half of a side is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bin {
    Live,
    Deleted,
}

impl Bin {
    const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
        }
    }
}

impl Task {
    /// The name used in cursors, schedules and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Repair => "repair",
            Self::Sweep => "sweep",
        }
    }
}

fn cursor_name(task: Task, side: Side, object: &Object, bin: Bin) -> String {
    format!("{}/{side}/{}/{}", task.name(), object.name, bin.name())
}

/// A cursor that cannot be read is started anew: listing twice is harmless.
fn read_position(text: &str) -> Position {
    let mut parts = text.splitn(4, '|');
    let mut instant = || parts.next().and_then(|part| part.parse().ok());
    let (since, next_since) = (instant(), instant());
    let shown: Option<u64> = parts.next().and_then(|part| part.parse().ok());
    let page = shown.and_then(|_| parts.next()).filter(|page| !page.is_empty()).map(str::to_owned);
    Position { since, page, next_since, shown: shown.unwrap_or_default() }
}

fn write_position(position: &Position) -> String {
    let instant = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
    let page = position.page.as_deref().unwrap_or_default();
    let Position { since, next_since, shown, .. } = position;
    format!("{}|{}|{shown}|{page}", instant(*since), instant(*next_since))
}
