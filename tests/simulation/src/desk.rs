//! One worker's hands: the three ports, each effect of which waits for its turn and may go wrong.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use concord_core::link::Link;
use concord_core::names::{ContractVersion, Fence, Generation, LinkId, PerSide, RecordKey, Side};
use concord_core::port::{
    Census, ClaimOutcome, Commit, CommitError, Conflict, CursorMark, EventKey, JournalEntry, LinkPage,
    Message, NaturalKey, ParkKey, Parked, Queue, QueueError, Store, StoreError, Whereabouts,
};
use concord_crm::transport::{Transport, TransportError, Waited};
use concord_sandbox::answers;
use concord_sandbox::crm::Machine as _;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::display::CONTACT_ROLE;
use crate::site::{Late, SharedSite};
use crate::turn::{Effect, Failing, Verdict};
use crate::users::SECRET_MARK;
use crate::watch::Mark;

/// The hands of one worker.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The world outside.
    pub site: SharedSite,
    /// Whose hands.
    pub worker: usize,
}

impl Desk {
    /// One call of the store: it happens, fails before, or loses its answer.
    async fn store<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let busy = |reason: &str| E::from(StoreError::Busy { operation: name, reason: reason.to_owned() });
        match self.site.turns.take(self.worker, Effect::Store(name)).await {
            Verdict::Happens | Verdict::AnswerGarbled | Verdict::DatedLate | Verdict::Twice(_) => call.await,
            Verdict::Fails(_) | Verdict::Late(_) => Err(busy("ThrottlingException")),
            Verdict::AnswerLost => {
                let _lost = call.await;
                Err(busy("no answer"))
            }
        }
    }
}

impl Store for Desk {
    async fn locate(&self, records: &[RecordKey]) -> Result<Vec<Whereabouts>, StoreError> {
        self.store("locate", self.site.store.locate(records)).await
    }

    async fn owners(&self, keys: &[NaturalKey]) -> Result<Vec<Option<LinkId>>, StoreError> {
        self.store("owners", self.site.store.owners(keys)).await
    }

    async fn links(&self, ids: &[LinkId]) -> Result<Vec<Option<Link>>, StoreError> {
        self.store("links", self.site.store.links(ids)).await
    }

    async fn page_of_links(&self, from: Option<&str>) -> Result<LinkPage, StoreError> {
        self.store("page_of_links", self.site.store.page_of_links(from)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let site = &self.site;
        let happen = async {
            let seen = commit.clone();
            let done = site.store.commit(commit).await;
            let mut watch = site.watch();
            match &done {
                Ok(()) => {
                    watch.committed(&seen, site.clock.now());
                    if site.unshared.load(Ordering::Relaxed) {
                        watch.committed_unshared(&seen);
                    }
                }
                Err(CommitError::Moved) => watch.mark(Mark::CommitMoved),
                Err(CommitError::Taken { .. }) => watch.mark(Mark::CommitTaken),
                Err(CommitError::Store(error)) => {
                    watch.broken("I29", format!("a commit was refused: {error}"))
                }
            }
            watch.log(format_args!("commit {} generation {}: {done:?}", seen.link.id, seen.link.generation));
            done
        };
        self.store("commit", happen).await
    }

    async fn collect(&self, link: &Link, line: JournalEntry) -> Result<(), CommitError> {
        let site = &self.site;
        let happen = async {
            let done = site.store.collect(link, line).await;
            let mut watch = site.watch();
            match &done {
                Ok(()) => watch.collected(link, site.unshared.load(Ordering::Relaxed), site.clock.now()),
                Err(_) => watch.mark(Mark::CommitMoved),
            }
            watch.log(format_args!("collect {} generation {}: {done:?}", link.id, link.generation));
            done
        };
        self.store("collect", happen).await
    }

    async fn unsent(&self, before: Timestamp, max: usize) -> Result<Vec<LinkId>, StoreError> {
        let verdict = self.site.turns.take(self.worker, Effect::Store("unsent")).await;
        let mut found = self.site.store.unsent(before, max).await?;
        if verdict == Verdict::AnswerGarbled {
            found.truncate(found.len() / 2); // The index has not caught up.
        }
        if !found.is_empty() {
            self.site.watch().mark(Mark::RepairHinted);
        }
        Ok(found)
    }

    async fn claim(
        &self,
        events: &[EventKey],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<Vec<ClaimOutcome>, StoreError> {
        let happen = async {
            let outcomes = self.site.store.claim(events, now, lease_ms).await?;
            let mut watch = self.site.watch();
            for (event, outcome) in events.iter().zip(&outcomes) {
                match outcome {
                    ClaimOutcome::Claimed(fence) => watch.claimed(self.worker, event, *fence),
                    ClaimOutcome::InProgress => watch.mark(Mark::EventInProgress),
                    ClaimOutcome::Done => watch.mark(Mark::EventRepeated),
                }
            }
            Ok(outcomes)
        };
        self.store("claim", happen).await
    }

    async fn complete(
        &self,
        events: &[(EventKey, Fence)],
        now: Timestamp,
        keep_ms: u64,
    ) -> Result<(), StoreError> {
        if !events.is_empty() {
            self.site.watch().completed(self.worker);
        }
        self.store("complete", self.site.store.complete(events, now, keep_ms)).await
    }

    async fn release(&self, events: &[(EventKey, Fence)]) -> Result<(), StoreError> {
        self.store("release", self.site.store.release(events)).await
    }

    async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        self.site.watch().parked(parked);
        self.store("park", self.site.store.park(parked)).await
    }

    async fn unpark(&self, key: &ParkKey) -> Result<(), StoreError> {
        self.store("unpark", self.site.store.unpark(key)).await
    }

    async fn parked(&self, max: usize) -> Result<Vec<Parked>, StoreError> {
        self.store("parked", self.site.store.parked(max)).await
    }

    async fn wait_for(&self, target: &RecordKey, waiting: &RecordKey) -> Result<bool, StoreError> {
        self.store("wait_for", self.site.store.wait_for(target, waiting)).await
    }

    async fn set_apart(&self, records: &PerSide<RecordKey>, apart: bool) -> Result<(), StoreError> {
        self.store("set_apart", self.site.store.set_apart(records, apart)).await
    }

    async fn kept_apart(&self, records: &[RecordKey]) -> Result<Vec<BTreeSet<RecordKey>>, StoreError> {
        self.store("kept_apart", self.site.store.kept_apart(records)).await
    }

    async fn merged_into(&self, winners: &[RecordKey]) -> Result<Vec<(RecordKey, LinkId)>, StoreError> {
        self.store("merged_into", self.site.store.merged_into(winners)).await
    }

    async fn waiting_for(&self, targets: &[RecordKey]) -> Result<Vec<RecordKey>, StoreError> {
        self.store("waiting_for", self.site.store.waiting_for(targets)).await
    }

    async fn stop_waiting_for(&self, targets: &[RecordKey]) -> Result<(), StoreError> {
        self.store("stop_waiting_for", self.site.store.stop_waiting_for(targets)).await
    }

    async fn conflicts(&self, max: usize) -> Result<Vec<Conflict>, StoreError> {
        self.store("conflicts", self.site.store.conflicts(max)).await
    }

    async fn cursor(&self, name: &str) -> Result<Option<CursorMark>, StoreError> {
        self.store("cursor", self.site.store.cursor(name)).await
    }

    async fn move_cursor(&self, name: &str, read: Generation, text: &str) -> Result<(), CommitError> {
        self.store("move_cursor", self.site.store.move_cursor(name, read, text)).await
    }

    async fn contract(&self) -> Result<Option<String>, StoreError> {
        self.store("contract", self.site.store.contract()).await
    }

    async fn take_contract(&self, version: ContractVersion, text: &str) -> Result<(), CommitError> {
        self.store("take_contract", self.site.store.take_contract(version, text)).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.store("census", self.site.store.census()).await
    }

    async fn journal(&self, link: &LinkId, max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.store("journal", self.site.store.journal(link, max)).await
    }
}

impl Queue for Desk {
    async fn send(&self, messages: &[Message]) -> Result<(), QueueError> {
        let refused = |reason: &str| QueueError {
            count: messages.len(),
            of: messages.len(),
            reason: reason.to_owned(),
        };
        for message in messages {
            let body = serde_json::to_string(&message.body).unwrap_or_default();
            if body.contains(SECRET_MARK) {
                self.site.watch().broken("I42", format!("a value stands in a message: {body}"));
            }
        }
        match self.site.turns.take(self.worker, Effect::Send).await {
            Verdict::Happens | Verdict::AnswerGarbled | Verdict::DatedLate | Verdict::Twice(_) => {
                let sent = self.site.queue.send(messages).await;
                let mut watch = self.site.watch();
                if sent.is_ok() {
                    watch.hinted(self.worker);
                }
                watch.log(format_args!("send {} messages: {sent:?}", messages.len()));
                sent
            }
            Verdict::Fails(_) | Verdict::Late(_) => Err(refused("ServiceUnavailable")),
            Verdict::AnswerLost => {
                let _lost = self.site.queue.send(messages).await;
                Err(refused("no answer"))
            }
        }
    }
}

/// A worker's way to one CRM.
#[derive(Debug, Clone)]
pub struct Line {
    /// Whose.
    pub desk: Desk,
    /// Where to.
    pub side: Side,
}

impl Line {
    fn kind(&self, request: &Request<Bytes>) -> &'static str {
        match self.side {
            Side::HubSpot => self.desk.site.hubspot.machine().kind(request).name,
            Side::Salesforce => self.desk.site.salesforce.machine().kind(request).name,
        }
    }

    fn put_off(&self, request: &Request<Bytes>, ms: u64, seen: u64) {
        let wait = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let due = self.desk.site.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        self.desk.site.late().push(Late { due, side: self.side, request: request.clone(), seen });
    }

    fn failing(&self, failing: Failing, kind: &str) -> Result<Response<Bytes>, TransportError> {
        Ok(match failing {
            Failing::Silence => return Err(TransportError::Lost("timed out".to_owned())),
            Failing::TooMany(after_s) => answers::too_many(self.side, kind, after_s),
            Failing::Server(status) => answers::server_error(self.side, status),
            Failing::Login => answers::login_expired(self.side),
        })
    }
}

impl Transport for Line {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let began = self.desk.site.clock.now();
        let mut answer = self.exchange(request).await?;
        answer.extensions_mut().insert(Waited(self.desk.site.clock.now().duration_since(began)));
        Ok(answer)
    }
}

impl Line {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let site = &self.desk.site;
        let kind = self.kind(&request);
        let lost = || TransportError::Lost("timed out".to_owned());
        let verdict = site.turns.take(self.desk.worker, Effect::Call { side: self.side, kind }).await;
        if kind == "association_batch_read" || request.uri().to_string().contains(CONTACT_ROLE) {
            site.watch().looks(self.desk.worker, self.side);
        }
        let seen = site.watch().looked(self.desk.worker, self.side);
        match verdict {
            Verdict::Happens => Ok(site.arrive_of_concord(self.side, &request, seen).await),
            Verdict::Fails(failing) => self.failing(failing, kind),
            Verdict::AnswerLost => {
                let _lost = site.arrive_of_concord(self.side, &request, seen).await;
                Err(lost())
            }
            Verdict::AnswerGarbled => {
                let _lost = site.arrive_of_concord(self.side, &request, seen).await;
                let mut answer = Response::new(Bytes::from_static(b"<html><body>Please wait</body></html>"));
                *answer.status_mut() = StatusCode::OK;
                Ok(answer)
            }
            Verdict::DatedLate => {
                let mut answer = site.arrive_of_concord(self.side, &request, seen).await;
                site.turns.take(self.desk.worker, Effect::Answer).await;
                site.date(self.side, &mut answer);
                Ok(answer)
            }
            Verdict::Late(ms) => {
                self.put_off(&request, ms, seen);
                Err(lost())
            }
            Verdict::Twice(ms) => {
                self.put_off(&request, ms, seen);
                Ok(site.arrive_of_concord(self.side, &request, seen).await)
            }
        }
    }
}
