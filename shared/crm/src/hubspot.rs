//! HubSpot, sans IO: requests are built, answers parsed and failures classified here.
//!
//! [`HubSpot`] is the [`Crm`] port. [`webhook`] authenticates and reads what HubSpot tells by itself. Deliberately absent:
//! retries (the queue retries), search as a way to identify a record (its index lags; `find` says where it
//! cannot be avoided), v4 webhooks journal, and every delete that is not an archive.
//!
//! Read in this order: [`config`] and its path table, `call` (one request, one answer), `refusal` (what an
//! answer means), then one module for each thing that is asked of HubSpot.

mod associations;
mod call;
pub mod config;
mod find;
mod list;
mod login;
mod owners;
mod primary;
mod read;
mod refusal;
mod row;
mod schema;
mod sets;
pub mod webhook;
mod wire;
mod write;

pub use associations::{Associated, Association, AssociationType, Ends, Labelled};
pub use config::{AppId, Auth, Clock, Config, Family, PortalId, PropertyNames, Secret};

use concord_core::names::{RecordId, Side, WireName};
use concord_core::owner::Owner;
use concord_core::port::{Crm, Failure, Found, Listing, ObjectSpec, Outcome, Page, PageMark, Schema, Write};
use concord_core::row::{Reading, Row};

use crate::transport::Transport;

/// Calls of one operation that are in flight at once. HubSpot allows 110 calls in 10 s to an OAuth app
/// (reference: rate limits, "usage guidelines"); four at a time keep one worker far below it.
const CALLS_IN_FLIGHT_MAX: usize = 4;

/// One HubSpot account, seen through a transport.
#[derive(Debug)]
pub struct HubSpot<T> {
    transport: T,
    config: Config,
    login: login::Login,
}

impl<T: Transport> HubSpot<T> {
    /// A client that has not logged in yet.
    pub fn new(transport: T, config: Config) -> Self {
        Self { transport, config, login: login::Login::default() }
    }
}

impl<T: Transport> Crm for HubSpot<T> {
    fn side(&self) -> Side {
        Side::HubSpot
    }

    async fn read(&self, object: &ObjectSpec, ids: &[RecordId]) -> Result<Vec<Reading>, Failure> {
        let mut readings = self.read_rows(&sets::without(object), ids).await?;
        self.fill(object, crate::sets::rows(&mut readings)).await?;
        Ok(readings)
    }

    async fn write(&self, object: &ObjectSpec, writes: &[Write]) -> Vec<Outcome> {
        self.write_with_sets(object, writes).await
    }

    async fn find(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[String],
    ) -> Result<Vec<Found>, Failure> {
        self.find_records(object, field, values).await
    }

    async fn find_linked(&self, object: &ObjectSpec, links: &[String]) -> Result<Vec<Found>, Failure> {
        self.find_records(object, &self.config.names.link, links).await
    }

    async fn search(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        texts: &[String],
    ) -> Result<Vec<Row>, Failure> {
        self.search_rows(&sets::without(object), field, texts).await
    }

    async fn list(
        &self,
        object: &ObjectSpec,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> Result<Page, Failure> {
        let mut page = self.list_page(&sets::without(object), listing, from).await?;
        // An association touches no record's date of change: only what lists all has to show them.
        if *listing == Listing::All {
            self.fill(object, &mut page.rows).await?;
        }
        Ok(page)
    }

    async fn owners(&self) -> Result<Vec<Owner>, Failure> {
        self.list_owners().await
    }

    async fn schema(&self, object: &WireName) -> Result<Schema, Failure> {
        self.read_schema(object).await
    }
}
