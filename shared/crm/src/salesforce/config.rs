//! What a client has to be told: where to log in, as whom, and what Concord's own fields are called.

use std::fmt;
use std::sync::Arc;

use concord_core::names::{RecordId, WireName};
use jiff::Timestamp;

/// The API version that every call names. Spring '26; a version is kept for three years (REST guide, API
/// end-of-life).
pub const API_VERSION: &str = "66.0";
/// The External ID (text, unique) that names a record's link.
pub const CONCORD_ID_FIELD: &str = "Concord_Id__c";
/// The number field (18 digits, no decimals) that holds the last intent's number.
pub const CONCORD_TOKEN_FIELD: &str = "Concord_Token__c";

/// Tells the time, for the login's expiry and the windows of listings.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How to reach an org.
#[derive(Clone)]
pub struct Config {
    /// `https://<MyDomain>.my.salesforce.com`; only a JWT may also use `https://login.salesforce.com` or
    /// `https://test.salesforce.com`.
    pub login_url: String,
    /// [`API_VERSION`], unless an operator says otherwise.
    pub api_version: String,
    /// Who logs in.
    pub auth: Auth,
    /// Concord's link id on the row.
    pub concord_id_field: WireName,
    /// Concord's token on the row.
    pub concord_token_field: WireName,
    /// The dedicated integration user. `None`: the user that the token answer names.
    pub user_id: Option<RecordId>,
    /// Tells the time.
    pub clock: Clock,
}

impl Config {
    /// The usual version and field names; the user is taken from the token answer.
    pub fn new(login_url: impl Into<String>, auth: Auth, clock: Clock) -> Self {
        Self {
            login_url: login_url.into(),
            api_version: API_VERSION.to_owned(),
            auth,
            concord_id_field: WireName::from(CONCORD_ID_FIELD),
            concord_token_field: WireName::from(CONCORD_TOKEN_FIELD),
            user_id: None,
            clock,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("login_url", &self.login_url)
            .field("api_version", &self.api_version)
            .field("auth", &self.auth)
            .field("concord_id_field", &self.concord_id_field)
            .field("concord_token_field", &self.concord_token_field)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// How to log in. Neither flow gives a refresh token: an expired login is made anew.
#[derive(Debug, Clone)]
pub enum Auth {
    /// OAuth client credentials, on the org's My Domain host only; runs as the user set in the app.
    ClientCredentials {
        /// The app's consumer key.
        client_id: String,
        /// The app's consumer secret.
        client_secret: Secret,
    },
    /// OAuth JWT bearer, signed with RS256; the user must be pre-authorised for the app.
    JwtBearer {
        /// The app's consumer key.
        client_id: String,
        /// The integration user's name.
        username: String,
        /// The RSA key whose certificate the app holds, in PEM.
        private_key: Secret,
        /// `https://login.salesforce.com`, `https://test.salesforce.com`, or the My Domain host.
        audience: String,
    },
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
