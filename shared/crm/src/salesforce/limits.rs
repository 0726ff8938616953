//! `GET /limits`.

use std::collections::BTreeMap;

use concord_core::port::Failure;
use serde::Deserialize;

use super::Salesforce;
use super::request::get;
use crate::transport::Transport;

/// The org's limits, by Salesforce's names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Limits(BTreeMap<String, Limit>);

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Limit {
    /// How many there are.
    pub max: i64,
    /// How many are left; approximate, and negative where Salesforce lets an org overrun.
    pub remaining: i64,
}

impl Limits {
    /// A limit by its name: `DailyBulkV2QueryJobs`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Limit> {
        self.0.get(name).copied()
    }

    /// API calls in a rolling 24 hours, over the whole org.
    #[must_use]
    pub fn daily_calls(&self) -> Option<Limit> {
        self.named("DailyApiRequests")
    }
}

pub(super) async fn read<T: Transport>(client: &Salesforce<T>) -> Result<Limits, Failure> {
    let session = client.login().await?;
    client.call(&session, get(&session, "/limits")?).await?.object()
}
