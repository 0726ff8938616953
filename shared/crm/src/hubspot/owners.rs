//! The account's users and queues, who can own a record.

use concord_core::owner::{Owner, OwnerStanding};
use concord_core::port::Failure;
use serde::Deserialize;

use super::HubSpot;
use super::call::{Call, Unsuccessful, with_query};
use super::config::Area;
use super::refusal;
use super::wire::{Paged, text_or_number};
use crate::transport::Transport;

/// Most owners of one page (owners API: `limit`; 100 is what HubSpot's own SDK asks for).
const PAGE_OWNERS_MAX: &str = "100";
/// Most pages that are read: 100,000 owners are more than any account has.
const PAGES_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnerRecord {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    email: Option<String>,
}

impl<T: Transport> HubSpot<T> {
    /// Everybody, the deactivated ones last.
    pub(super) async fn list_owners(&self) -> Result<Vec<Owner>, Failure> {
        let mut owners = self.owners_standing(OwnerStanding::Active, "false").await?;
        owners.extend(self.owners_standing(OwnerStanding::Inactive, "true").await?);
        Ok(owners)
    }

    async fn owners_standing(
        &self,
        standing: OwnerStanding,
        archived: &'static str,
    ) -> Result<Vec<Owner>, Failure> {
        let mut owners = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = vec![("archived", archived), ("limit", PAGE_OWNERS_MAX)];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let target = with_query(&self.config.family.path(Area::Owners), &query);
            let answer = self.send(Call::get(target)).await.map_err(Unsuccessful::into_failure)?;
            let page: Paged<OwnerRecord> = answer.full_body()?;
            after = page.after().map(str::to_owned);
            owners.extend(page.results.into_iter().map(|owner| Owner {
                id: owner.id,
                email: owner.email,
                standing,
            }));
            if after.is_none() {
                return Ok(owners);
            }
        }
        Err(refusal::misunderstood("a list of owners without an end"))
    }
}
