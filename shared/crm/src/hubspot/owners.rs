//! The account's users and queues, who can own a record.

use concord_core::port::Failure;
use serde::Deserialize;

use super::HubSpot;
use super::call::{Call, Unsuccessful, with_query};
use super::config::Area;
use super::refusal;
use super::wire::{Paged, optional_text_or_number, text_or_number};
use crate::transport::Transport;

/// Most owners of one page (owners API: `limit`; 100 is what HubSpot's own SDK asks for).
const PAGE_OWNERS_MAX: &str = "100";
/// Most pages that are read: 100,000 owners are more than any account has.
const PAGES_MAX: usize = 1_000;

/// Someone who can own a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What `hubspot_owner_id` holds. Not the user's id.
    pub id: String,
    /// The user's id; a deactivated user and a queue have none.
    pub user: Option<String>,
    /// The address by which the same person is found on the other side.
    pub email: Option<String>,
    /// Whether new records can be given to them.
    pub standing: OwnerStanding,
}

/// Whether an owner is in use. Records keep a deactivated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerStanding {
    /// In use.
    Active,
    /// Deactivated.
    Deactivated,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnerRecord {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    #[serde(default, deserialize_with = "optional_text_or_number")]
    user_id: Option<String>,
    email: Option<String>,
}

impl<T: Transport> HubSpot<T> {
    /// Everybody, the deactivated ones last.
    ///
    /// # Errors
    /// One for the whole listing.
    pub async fn owners(&self) -> Result<Vec<Owner>, Failure> {
        let mut owners = self.owners_standing(OwnerStanding::Active).await?;
        owners.extend(self.owners_standing(OwnerStanding::Deactivated).await?);
        Ok(owners)
    }

    async fn owners_standing(&self, standing: OwnerStanding) -> Result<Vec<Owner>, Failure> {
        let archived = match standing {
            OwnerStanding::Active => "false",
            OwnerStanding::Deactivated => "true",
        };
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
                user: owner.user_id,
                email: owner.email.filter(|email| !email.is_empty()),
                standing,
            }));
            if after.is_none() {
                return Ok(owners);
            }
        }
        Err(refusal::misunderstood("a list of owners without an end"))
    }
}
