//! A CRM whose calls are counted, and whose refused logins are noticed: then the secret is read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use concord_core::names::{RecordId, Side, WireName};
use concord_core::owner::Owner;
use concord_core::port::{Crm, Failure, Found, Listing, ObjectSpec, Outcome, Page, PageMark, Schema, Write};
use concord_core::row::{Reading, Row};

use crate::telemetry::{Count, Metrics};

/// A CRM and what is counted of it. Clones share both.
#[derive(Debug)]
pub struct Counted<C> {
    crm: Arc<C>,
    metrics: Metrics,
    login_refused: Arc<AtomicBool>,
}

impl<C> Clone for Counted<C> {
    fn clone(&self) -> Self {
        Self {
            crm: Arc::clone(&self.crm),
            metrics: self.metrics.clone(),
            login_refused: Arc::clone(&self.login_refused),
        }
    }
}

impl<C> Counted<C> {
    /// Counts what this CRM does; `login_refused` is set when a login is refused.
    pub fn new(crm: C, metrics: Metrics, login_refused: Arc<AtomicBool>) -> Self {
        Self { crm: Arc::new(crm), metrics, login_refused }
    }

    fn notice(&self, failure: &Failure) {
        match failure {
            Failure::RefreshLogin { .. } => self.login_refused.store(true, Ordering::Relaxed),
            Failure::Retry { .. } | Failure::Park { .. } | Failure::Conflict { .. } | Failure::Bug { .. } => {
            }
        }
    }

    fn noticed<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        answer.inspect_err(|failure| self.notice(failure))
    }
}

impl<C: Crm> Crm for Counted<C> {
    fn side(&self) -> Side {
        self.crm.side()
    }

    async fn read(&self, object: &ObjectSpec, ids: &[RecordId]) -> Result<Vec<Reading>, Failure> {
        let answer = self.noticed(self.crm.read(object, ids).await)?;
        self.metrics.add_with(self.side().name(), Count::RecordsRead, answer.len());
        Ok(answer)
    }

    async fn write(&self, object: &ObjectSpec, writes: &[Write]) -> Vec<Outcome> {
        let outcomes = self.crm.write(object, writes).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done(_))).count();
        self.metrics.add_with(self.side().name(), Count::WritesDone, done);
        self.metrics.add_with(self.side().name(), Count::WritesRefused, outcomes.len() - done);
        for outcome in &outcomes {
            match outcome {
                Outcome::Failed(failure) => self.notice(failure),
                Outcome::Done(_) | Outcome::Duplicate(_) | Outcome::Moved | Outcome::Gone => {}
            }
        }
        outcomes
    }

    async fn find(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[String],
    ) -> Result<Vec<Found>, Failure> {
        self.noticed(self.crm.find(object, field, values).await)
    }

    async fn find_linked(&self, object: &ObjectSpec, links: &[String]) -> Result<Vec<Found>, Failure> {
        self.noticed(self.crm.find_linked(object, links).await)
    }

    async fn search(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        texts: &[String],
    ) -> Result<Vec<Row>, Failure> {
        self.noticed(self.crm.search(object, field, texts).await)
    }

    async fn list(
        &self,
        object: &ObjectSpec,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> Result<Page, Failure> {
        self.noticed(self.crm.list(object, listing, from).await)
    }

    async fn owners(&self) -> Result<Vec<Owner>, Failure> {
        self.noticed(self.crm.owners().await)
    }

    async fn schema(&self, object: &WireName) -> Result<Schema, Failure> {
        self.noticed(self.crm.schema(object).await)
    }
}
