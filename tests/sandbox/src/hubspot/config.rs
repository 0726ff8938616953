//! What a portal is set to. Everything has a default that a real portal could have; numbers carry their source.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rules;

/// API page "usage guidelines": calls in ten seconds, Professional and Enterprise.
pub const TEN_SECOND_CALLS_MAX: usize = 190;
/// API page "usage guidelines": calls in a day, Professional (the changelog says 650,000).
pub const DAY_CALLS_MAX: usize = 625_000;
/// API page "search": searches in a second, per account.
pub const SECOND_SEARCHES_MAX: usize = 5;
/// API page "manage OAuth tokens": how long an access token lives.
pub const ACCESS_TOKEN_SECONDS: i64 = 1_800;
/// Recorded traffic of 2022: misses of new records in search at 0 to 5 s, first hits at 1 to 4 s.
pub const INDEX_LAG_MS: i64 = 3_000;
/// Recorded traffic of 2022: the second bump of a new contact came after 4 to 20 s.
pub const CONTACT_BUMP_MS: i64 = 6_000;
/// Recorded traffic of 2022: the second bump of a new company came after 1.9 to 3.9 s.
pub const COMPANY_BUMP_MS: i64 = 3_000;

/// A portal and the app installed in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Drives event ids, correlation ids and the order of events and batch results.
    pub seed: u64,
    /// The account.
    pub portal_id: u64,
    /// The app whose token the API callers hold; the `sourceId` of its writes.
    pub app_id: u64,
    /// The person at the screen: `userId:...` in sources.
    pub user_id: u64,
    /// Static bearers: private-app tokens and service keys.
    pub tokens: BTreeSet<String>,
    /// The app's OAuth credentials, if it logs in that way.
    pub oauth: Option<OAuthClient>,
    /// Scopes that the app lacks: calls that need one are answered 403.
    pub missing_scopes: BTreeSet<String>,
    /// How many calls are let through.
    pub limits: Limits,
    /// How far the search index is behind.
    pub index_lag_ms: i64,
    /// When the portal stamps a new record a second time without another write.
    pub bumps: Bumps,
    /// How many versions of a property the history shows, newest first. The real depth is unverified.
    pub history_depth: Option<usize>,
    /// Records in a page of a listing or a search, whatever was asked for.
    pub page_max: usize,
    /// The first id of every object type: ids of different types collide, and exceed 32 bits.
    pub first_record_id: u64,
    /// Whether records carry their `url`, as answers since about 2024 do.
    pub record_urls: RecordUrls,
    /// What the app is told about.
    pub subscriptions: Subscriptions,
    /// Which events come with a merge.
    pub merge_events: MergeEvents,
    /// How the portal rewrites what is written to it.
    pub rules: Rules,
    /// Object types beside contacts, companies and deals.
    pub custom_types: Vec<CustomType>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            portal_id: 48_000_001,
            app_id: 39_000_001,
            user_id: 75_000_001,
            tokens: BTreeSet::new(),
            oauth: None,
            missing_scopes: BTreeSet::new(),
            limits: Limits::default(),
            index_lag_ms: INDEX_LAG_MS,
            bumps: Bumps::default(),
            history_depth: None,
            page_max: usize::MAX,
            first_record_id: 508_000_000_001,
            record_urls: RecordUrls::Shown,
            subscriptions: Subscriptions::default(),
            merge_events: MergeEvents::MergeOnly,
            rules: Rules::default(),
            custom_types: Vec::new(),
        }
    }
}

/// Credentials of an OAuth app. The refresh token does not rotate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// The app's client id.
    pub id: String,
    /// The app's client secret.
    pub secret: String,
    /// The refresh token of this portal's installation.
    pub refresh_token: String,
}

/// Limits on API calls; `None` switches one off. People have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls in any ten seconds, searches aside.
    pub ten_seconds: Option<usize>,
    /// Calls in a day, searches included. A day begins at midnight UTC, as if that were the account's zone.
    pub day: Option<usize>,
    /// Searches in any one second.
    pub searches: Option<usize>,
}

impl Limits {
    /// No limits at all.
    pub const NONE: Self = Self { ten_seconds: None, day: None, searches: None };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ten_seconds: Some(TEN_SECOND_CALLS_MAX),
            day: Some(DAY_CALLS_MAX),
            searches: Some(SECOND_SEARCHES_MAX),
        }
    }
}

/// When a new record's modified date moves once more by itself; `None` never. Custom objects never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bumps {
    /// After a contact's creation, in milliseconds.
    pub contact_ms: Option<i64>,
    /// After a company's creation, in milliseconds.
    pub company_ms: Option<i64>,
}

impl Default for Bumps {
    fn default() -> Self {
        Self { contact_ms: Some(CONTACT_BUMP_MS), company_ms: Some(COMPANY_BUMP_MS) }
    }
}

/// Whether records carry a `url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordUrls {
    /// As today.
    Shown,
    /// As in 2022.
    Hidden,
}

/// What the app has subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriptions {
    /// Subscription types without `propertyChange`: `contact.creation`, `company.merge`, ...
    pub events: BTreeSet<String>,
    /// Which properties have a `propertyChange` subscription.
    pub properties: WatchedProperties,
}

/// Which properties are watched. The modified dates cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchedProperties {
    /// Every property that a caller may write.
    Writable,
    /// These, by plural object type name.
    Only(BTreeMap<String, BTreeSet<String>>),
}

impl Default for Subscriptions {
    fn default() -> Self {
        let kinds = ["creation", "deletion", "merge", "restore", "associationChange"];
        let mut events: BTreeSet<String> = ["contact", "company", "deal"]
            .iter()
            .flat_map(|object| kinds.iter().map(move |kind| format!("{object}.{kind}")))
            .collect();
        events.insert("contact.privacyDeletion".to_owned());
        let of_custom = ["creation", "deletion", "merge", "restore"];
        events.extend(of_custom.map(|kind| format!("object.{kind}")));
        Self { events, properties: WatchedProperties::Writable }
    }
}

/// Which events a merge causes is not established, so that each variant can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeEvents {
    /// `*.merge` alone.
    MergeOnly,
    /// Also a `*.deletion` of both old ids.
    WithDeletions,
    /// Also a `*.creation` of the new id.
    WithCreation,
}

/// A custom object type with text properties; more can be added by the properties API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomType {
    /// `2-1234567`.
    pub type_id: String,
    /// `car`.
    pub singular: String,
    /// `cars`.
    pub plural: String,
    /// Names of its text properties; the first is its display property.
    pub properties: Vec<String>,
}
