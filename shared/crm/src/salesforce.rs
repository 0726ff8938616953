//! Salesforce: the [`Crm`] port over the REST API, with SOAP where REST has nothing (`undelete`).
//!
//! The files follow a call: [`config`] and `login` make a session, `request` puts a call together, `answer`
//! takes the answer apart, `classify` says what a refusal asks for; `read`, `write`, `find`, `list` and
//! `schema` are the port's methods, and `leads` asks two types where some of the records are leads. [`events`] reads what Salesforce tells by itself and needs no session.
//!
//! Deliberately absent: retries (the queue does them), Bulk API 2.0, search (SOSL's index lags behind
//! writes), and upserts by external id (a blind write loses user edits, P6).

mod answer;
mod classify;
mod columns;
pub mod config;
pub mod events;
mod find;
mod id;
mod junctions;
mod leads;
mod limits;
mod list;
mod login;
mod outcome;
mod owners;
mod plan;
mod query;
mod read;
mod request;
mod roles;
mod schema;
mod soap;
mod write;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concord_core::names::{RecordId, Side, WireName};
use concord_core::owner::Owner;
use concord_core::port::{
    Crm, Failure, Found, Listing, ObjectSpec, Outcome, Page, PageMark, Schema, Write as Attempt,
};
use concord_core::row::{Reading, Row};
use http::{Request, StatusCode};
use jiff::Timestamp;

pub use config::Config;
pub use id::canonical as canonical_id;
pub use limits::{Limit, Limits};
pub use list::{Deleted, Deletions};

use crate::transport::{Transport, TransportError};
use answer::Answer;
use login::Session;

/// Milliseconds to wait after an outage or a lost answer. Ours: Salesforce sends no `Retry-After`.
const RETRY_OUTAGE_MS: u64 = 5_000;

/// A Salesforce org, as one integration user sees it.
pub struct Salesforce<T> {
    config: Config,
    transport: T,
    /// The login in use; none before the first call and after a refused one.
    session: Mutex<Option<Arc<Session>>>,
}

impl<T: Transport> Salesforce<T> {
    /// A client that has not logged in yet.
    pub const fn new(config: Config, transport: T) -> Self {
        Self { config, transport, session: Mutex::new(None) }
    }

    /// The org's limits and what is left of them. Needs the permission "View Setup".
    ///
    /// # Errors
    /// One for the whole call.
    pub async fn limits(&self) -> Result<Limits, Failure> {
        limits::read(self).await
    }

    /// The side's own listing of deletes. It may miss some: Salesforce trims the log when it is over a limit
    /// (REST guide, getDeleted), so [`Listing::Archived`] asks the rows themselves.
    ///
    /// # Errors
    /// One for the whole call; a window of less than a minute or over 15 days is refused.
    pub async fn deleted(
        &self,
        object: &WireName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Deletions, Failure> {
        let session = self.login().await?;
        list::deleted(self, &session, object, since, until).await
    }

    /// The login in use, or a new one. Two calls at once may both log in; the later login stays, and both
    /// tokens are good.
    async fn login(&self) -> Result<Arc<Session>, Failure> {
        if let Some(session) = self.cached().as_ref() {
            return Ok(Arc::clone(session));
        }
        let answer = self.send(login::request(&self.config)?).await?;
        let session = Arc::new(login::session(&self.config, &answer)?);
        *self.cached() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Sends a call made with this session. A refused session is dropped; any other status is an answer.
    async fn call(&self, session: &Session, request: Request<bytes::Bytes>) -> Result<Answer, Failure> {
        let answer = self.send(request).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.drop_login(session);
            return Err(answer.failure());
        }
        if let Some(fault) = soap::refused_session(&answer) {
            self.drop_login(session);
            return Err(classify::one(&fault));
        }
        Ok(answer)
    }

    async fn send(&self, request: Request<bytes::Bytes>) -> Result<Answer, Failure> {
        match self.transport.send(request).await {
            Ok(response) => Ok(Answer::of(&response)),
            // Both come again; that a lost call may have taken effect is part of `Retry`.
            Err(TransportError::NotSent(_)) => {
                Err(Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason: "NOT_SENT".to_owned() })
            }
            Err(TransportError::Lost(_)) => {
                Err(Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason: "ANSWER_LOST".to_owned() })
            }
        }
    }

    /// Forgets this login unless a newer one has taken its place.
    fn drop_login(&self, refused: &Session) {
        let mut cached = self.cached();
        if cached.as_ref().is_some_and(|session| session.same_token(refused)) {
            *cached = None;
        }
    }

    /// A session is replaced whole, so one seen after a panic elsewhere is still sound.
    fn cached(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport> Crm for Salesforce<T> {
    fn side(&self) -> Side {
        Side::Salesforce
    }

    async fn read(&self, object: &ObjectSpec, ids: &[RecordId]) -> Result<Vec<Reading>, Failure> {
        junctions::read(self, object, ids).await
    }

    async fn write(&self, object: &ObjectSpec, writes: &[Attempt]) -> Vec<Outcome> {
        junctions::write(self, object, writes).await
    }

    async fn find(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[String],
    ) -> Result<Vec<Found>, Failure> {
        leads::find(self, object, field, values).await
    }

    async fn find_linked(&self, object: &ObjectSpec, links: &[String]) -> Result<Vec<Found>, Failure> {
        leads::find_linked(self, object, links).await
    }

    async fn search(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        texts: &[String],
    ) -> Result<Vec<Row>, Failure> {
        leads::search(self, &junctions::without(object), field, texts).await
    }

    async fn list(
        &self,
        object: &ObjectSpec,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> Result<Page, Failure> {
        junctions::page(self, object, listing, from).await
    }

    async fn owners(&self) -> Result<Vec<Owner>, Failure> {
        owners::list(self).await
    }

    async fn schema(&self, object: &WireName) -> Result<Schema, Failure> {
        schema::read(self, object).await
    }
}
