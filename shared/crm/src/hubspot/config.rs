//! What a client has to be told, and the table of paths.

use std::fmt;
use std::sync::Arc;

use concord_core::names::WireName;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Tells the time. Time is an input: the client never looks at a clock of its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a client has to be told.
#[derive(Clone)]
pub struct Config {
    /// Scheme and authority without a slash at the end: `https://api.hubapi.com`.
    pub base: String,
    /// Which generation of paths to call.
    pub family: Family,
    /// How to log in.
    pub auth: Auth,
    /// The app that we are, as property history names it.
    pub app: AppId,
    /// The account that we expect to reach.
    pub portal: PortalId,
    /// The names of Concord's own properties.
    pub names: PropertyNames,
    /// Tells the time.
    pub clock: Clock,
}

impl Config {
    /// HubSpot's production host.
    pub const BASE: &str = "https://api.hubapi.com";

    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base", &self.base)
            .field("family", &self.family)
            .field("auth", &self.auth)
            .field("app", &self.app)
            .field("portal", &self.portal)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// A HubSpot app's id. Property history shows it as `sourceId` beside `sourceType: INTEGRATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppId(pub u64);

/// A HubSpot account's id: `portalId` in webhooks, `hub_id` in token answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalId(pub u64);

/// Concord's own properties, which the setup makes on every object type that is kept in agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyNames {
    /// Holds the link's id; unique.
    pub link: WireName,
    /// Holds the number of the last intent.
    pub token: WireName,
}

impl Default for PropertyNames {
    fn default() -> Self {
        Self { link: "concord_id".into(), token: "concord_token".into() }
    }
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A private app's token or a service key: sent as it is, never renewed.
    Bearer(Secret),
    /// An installed app: short-lived tokens (30 minutes, but `expires_in` is the truth) from a refresh token
    /// that does not rotate.
    OAuth {
        /// The app's client id.
        client_id: String,
        /// The app's client secret.
        client_secret: Secret,
        /// What the installation gave.
        refresh_token: Secret,
    },
}

/// Text that must not be shown: it has no `Display`, and its `Debug` is blank.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends or hashes it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A generation of HubSpot's paths. Bodies are the same in both, as far as anybody has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Date-versioned, generally available since 2026-03-30, supported for at least 18 months.
    #[default]
    V2026_03,
    /// `v3`, and `v4` for associations; unsupported from September 2027 and March 2027.
    V3,
}

/// What of an object type is called. The prefixes of the two families follow no common pattern, so they
/// stand in a table and not in a format string (reference: section 0, path map).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area<'a> {
    /// Rows of an object type.
    Objects(&'a WireName),
    /// Batches of associations between two object types.
    Associations(&'a WireName, &'a WireName),
    /// Property definitions of an object type.
    Properties(&'a WireName),
    /// The account's users and queues.
    Owners,
    /// Access tokens.
    Token,
}

impl Family {
    /// The path of an area, without a slash at the end.
    pub(super) fn path(self, area: Area<'_>) -> String {
        match (self, area) {
            (Self::V3, Area::Objects(t)) => format!("/crm/v3/objects/{}", segment(t.as_str())),
            (Self::V2026_03, Area::Objects(t)) => format!("/crm/objects/2026-03/{}", segment(t.as_str())),
            (Self::V3, Area::Associations(from, to)) => {
                format!("/crm/v4/associations/{}/{}", segment(from.as_str()), segment(to.as_str()))
            }
            (Self::V2026_03, Area::Associations(from, to)) => {
                format!("/crm/associations/2026-03/{}/{}", segment(from.as_str()), segment(to.as_str()))
            }
            (Self::V3, Area::Properties(t)) => format!("/crm/v3/properties/{}", segment(t.as_str())),
            (Self::V2026_03, Area::Properties(t)) => {
                format!("/crm/properties/2026-03/{}", segment(t.as_str()))
            }
            (Self::V3, Area::Owners) => "/crm/v3/owners".to_owned(),
            (Self::V2026_03, Area::Owners) => "/crm/owners/2026-03".to_owned(),
            (Self::V3, Area::Token) => "/oauth/v3/token".to_owned(),
            (Self::V2026_03, Area::Token) => "/oauth/2026-03/token".to_owned(),
        }
    }
}

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One path segment, escaped: a name from a contract must not be able to leave its place.
fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// The object type's plural name, whichever of HubSpot's spellings is used (`CONTACT`, `contact`, `0-1`).
/// Custom object types (`2-123`) have no other name here.
#[must_use]
pub fn plural(object: &str) -> WireName {
    let lower = object.to_ascii_lowercase();
    let name = match lower.as_str() {
        "contact" | "contacts" | "0-1" => "contacts",
        "company" | "companies" | "0-2" => "companies",
        "deal" | "deals" | "0-3" => "deals",
        "ticket" | "tickets" | "0-5" => "tickets",
        "product" | "products" | "0-7" => "products",
        "line_item" | "line_items" | "0-8" => "line_items",
        "lead" | "leads" | "0-136" => "leads",
        _ => return WireName::new(object),
    };
    WireName::new(name)
}

/// The property that holds the instant of the last change. A search by the wrong one finds nothing and
/// says nothing (reference: 3.3).
pub(super) fn modified_property(object: &WireName) -> &'static str {
    match plural(object.as_str()).as_str() == "contacts" {
        true => "lastmodifieddate",
        false => "hs_lastmodifieddate",
    }
}
