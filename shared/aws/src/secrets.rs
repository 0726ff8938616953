//! Credentials from Secrets Manager: one JSON secret, kept in process for five minutes.
//!
//! Nothing here prints a secret: `Debug` is blank, and errors name fields, never their contents.

use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concord_core::names::RecordId;
use concord_core::value::ImageKey;
use concord_crm::hubspot::{self, AppId, PortalId};
use concord_crm::salesforce;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use thiserror::Error;

/// How long a secret is used before it is read again. Ours: a rotation takes effect within it.
const CACHE: SignedDuration = SignedDuration::from_mins(5);

/// Everything that the functions log in with.
#[derive(Clone)]
pub struct Credentials {
    /// HubSpot's.
    pub hubspot: HubSpotCredentials,
    /// Salesforce's.
    pub salesforce: SalesforceCredentials,
    /// The key of image hashes. It must never change: every base would look edited.
    pub image_key: ImageKey,
}

/// HubSpot's part.
#[derive(Clone)]
pub struct HubSpotCredentials {
    /// How to log in.
    pub auth: hubspot::Auth,
    /// What webhooks are signed with: `webhook_secret`, or else `client_secret`.
    pub webhook_secret: hubspot::Secret,
    /// The app that we are.
    pub app: AppId,
    /// The account that we expect.
    pub portal: PortalId,
}

/// Salesforce's part.
#[derive(Clone)]
pub struct SalesforceCredentials {
    /// How to log in.
    pub auth: salesforce::config::Auth,
    /// The org that events must come from.
    pub org: RecordId,
    /// The integration user; without it, the one that the login names.
    pub user: Option<RecordId>,
    /// The last part of the path to which outbound messages are sent; without it, none are taken.
    pub outbound_token: Option<Arc<str>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl std::fmt::Debug for HubSpotCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubSpotCredentials(..)")
    }
}

impl std::fmt::Debug for SalesforceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SalesforceCredentials(..)")
    }
}

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Secrets Manager did not give the secret.
    #[error("the secret {id} could not be read ({code}): check CONCORD_SECRET_ID and the function's role")]
    Unread {
        /// The secret.
        id: String,
        /// Secrets Manager's code.
        code: String,
    },
    /// It is no JSON object of the expected shape.
    #[error("the secret is not the JSON that infra/setup.md shows (line {line}, column {column})")]
    Unreadable {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// Fields are missing or cannot be used.
    #[error("the secret lacks: {}", .0.join("; "))]
    Lacking(Vec<&'static str>),
}

/// The JSON. Numbers may be given as text.
#[derive(Deserialize, Default)]
struct Wire {
    #[serde(default)]
    hubspot: WireHubSpot,
    #[serde(default)]
    salesforce: WireSalesforce,
    image_key: Option<String>,
}

#[derive(Deserialize, Default)]
struct WireHubSpot {
    token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    webhook_secret: Option<String>,
    app_id: Option<WireNumber>,
    portal_id: Option<WireNumber>,
}

#[derive(Deserialize, Default)]
struct WireSalesforce {
    client_id: Option<String>,
    client_secret: Option<String>,
    username: Option<String>,
    private_key_pem: Option<String>,
    audience: Option<String>,
    org_id: Option<String>,
    user_id: Option<String>,
    outbound_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireNumber {
    Number(u64),
    Text(String),
}

impl WireNumber {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// Shortest token in the path of outbound messages, in characters: what cannot be guessed.
const OUTBOUND_TOKEN_CHARS_MIN: usize = 32;

impl Credentials {
    /// Reads the secret's text.
    ///
    /// # Errors
    /// [`SecretError::Unreadable`], or [`SecretError::Lacking`] with everything that is missing.
    pub fn parse(json: &str) -> Result<Self, SecretError> {
        let wire: Wire = serde_json::from_str(json)
            .map_err(|error| SecretError::Unreadable { line: error.line(), column: error.column() })?;
        let mut lacking = Vec::new();
        let hubspot = hubspot_credentials(wire.hubspot, &mut lacking);
        let salesforce = salesforce_credentials(wire.salesforce, &mut lacking);
        let image_key = image_key(wire.image_key.as_deref());
        if image_key.is_none() {
            lacking.push("image_key (16 random bytes in base64: openssl rand -base64 16)");
        }
        match (hubspot, salesforce, image_key) {
            (Some(hubspot), Some(salesforce), Some(image_key)) => Ok(Self { hubspot, salesforce, image_key }),
            (None, _, _) | (_, None, _) | (_, _, None) => Err(SecretError::Lacking(lacking)),
        }
    }
}

fn hubspot_credentials(wire: WireHubSpot, lacking: &mut Vec<&'static str>) -> Option<HubSpotCredentials> {
    let signing = filled(wire.webhook_secret).or_else(|| filled(wire.client_secret.clone()));
    let auth = match (
        filled(wire.token),
        filled(wire.client_id),
        filled(wire.client_secret),
        filled(wire.refresh_token),
    ) {
        (Some(token), _, _, _) => Some(hubspot::Auth::Bearer(hubspot::Secret::new(token))),
        (None, Some(client_id), Some(client_secret), Some(refresh_token)) => Some(hubspot::Auth::OAuth {
            client_id,
            client_secret: hubspot::Secret::new(client_secret),
            refresh_token: hubspot::Secret::new(refresh_token),
        }),
        (None, None, _, _) | (None, _, None, _) | (None, _, _, None) => None,
    };
    let app = wire.app_id.as_ref().and_then(WireNumber::number).map(AppId);
    let portal = wire.portal_id.as_ref().and_then(WireNumber::number).map(PortalId);
    need(&auth, "hubspot.token, or hubspot.client_id with client_secret and refresh_token", lacking);
    need(&signing, "hubspot.webhook_secret, or hubspot.client_secret", lacking);
    need(&app, "hubspot.app_id (a number)", lacking);
    need(&portal, "hubspot.portal_id (a number)", lacking);
    Some(HubSpotCredentials {
        auth: auth?,
        webhook_secret: hubspot::Secret::new(signing?),
        app: app?,
        portal: portal?,
    })
}

fn salesforce_credentials(
    wire: WireSalesforce,
    lacking: &mut Vec<&'static str>,
) -> Option<SalesforceCredentials> {
    use salesforce::config::{Auth, Secret};
    let client_id = filled(wire.client_id);
    need(&client_id, "salesforce.client_id", lacking);
    let auth = match (filled(wire.client_secret), filled(wire.username), filled(wire.private_key_pem)) {
        (Some(secret), _, _) => client_id
            .map(|client_id| Auth::ClientCredentials { client_id, client_secret: Secret::new(secret) }),
        (None, Some(username), Some(private_key)) => client_id.map(|client_id| Auth::JwtBearer {
            client_id,
            username,
            private_key: Secret::new(private_key),
            audience: filled(wire.audience).unwrap_or_else(|| AUDIENCE.to_owned()),
        }),
        (None, None, _) | (None, _, None) => {
            lacking.push("salesforce.client_secret, or salesforce.username with private_key_pem");
            None
        }
    };
    let org = filled(wire.org_id).and_then(|id| salesforce::canonical_id(&id));
    need(&org, "salesforce.org_id (15 or 18 characters, beginning with 00D)", lacking);
    let user = match filled(wire.user_id) {
        None => None,
        Some(id) => {
            let user = salesforce::canonical_id(&id);
            need(&user, "salesforce.user_id is no Salesforce id: correct it or leave it out", lacking);
            user
        }
    };
    let outbound_token = filled(wire.outbound_token);
    if outbound_token.as_ref().is_some_and(|token| token.len() < OUTBOUND_TOKEN_CHARS_MIN) {
        lacking.push("salesforce.outbound_token of at least 32 characters (openssl rand -hex 16)");
        return None;
    }
    Some(SalesforceCredentials {
        auth: auth?,
        org: org?,
        user,
        outbound_token: outbound_token.map(Arc::from),
    })
}

/// Where a JWT is addressed to unless the secret says otherwise (OAuth 2.0 JWT bearer flow).
const AUDIENCE: &str = "https://login.salesforce.com";

fn need<T>(found: &Option<T>, what: &'static str, lacking: &mut Vec<&'static str>) {
    if found.is_none() {
        lacking.push(what);
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn image_key(text: Option<&str>) -> Option<ImageKey> {
    let bits = STANDARD.decode(text?.trim()).ok()?;
    bits.try_into().ok().map(ImageKey::new)
}

/// When the credentials were read, and what they were.
type Cached = (Timestamp, Arc<Credentials>);

/// The secret in Secrets Manager, with what was last read of it.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
    id: String,
    cached: Arc<RwLock<Option<Cached>>>,
}

impl Secrets {
    /// The secret of this name or ARN; it makes no call.
    #[must_use]
    pub fn new(client: Client, id: String) -> Self {
        Self { client, id, cached: Arc::default() }
    }

    /// The credentials, at most five minutes old.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn credentials(&self, now: Timestamp) -> Result<Arc<Credentials>, SecretError> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner).clone();
        match cached {
            Some((read, credentials)) if now.duration_since(read) < CACHE => Ok(credentials),
            Some(_) | None => Box::pin(self.refresh(now)).await,
        }
    }

    /// The credentials as they are now: after a login was refused, the cache may hold what was rotated away.
    ///
    /// # Errors
    /// [`SecretError`]; what was cached stays.
    pub async fn refresh(&self, now: Timestamp) -> Result<Arc<Credentials>, SecretError> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await.map_err(|error| {
            let code = error.as_service_error().and_then(|error| error.code()).unwrap_or("no answer");
            SecretError::Unread { id: self.id.clone(), code: code.to_owned() }
        })?;
        let credentials = Arc::new(Credentials::parse(answer.secret_string().unwrap_or_default())?);
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&credentials)));
        Ok(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{
        "hubspot": {"token": "pat-secret", "webhook_secret": "sign-secret", "app_id": 77, "portal_id": "4711"},
        "salesforce": {"client_id": "key", "client_secret": "sf-secret", "org_id": "00Dxx0000001gPL"},
        "image_key": "AAECAwQFBgcICQoLDA0ODw=="
    }"#;

    #[test]
    fn a_whole_secret_is_read_and_never_shown() {
        let credentials = Credentials::parse(WHOLE).unwrap();

        assert_eq!((credentials.hubspot.app, credentials.hubspot.portal), (AppId(77), PortalId(4711)));
        assert_eq!(credentials.salesforce.org.as_str().len(), 18);
        let shown = format!("{credentials:?} {:?} {:?}", credentials.hubspot, credentials.salesforce);
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let lacking =
            Credentials::parse(r#"{"hubspot": {"client_id": "x"}, "image_key": "AAAA"}"#).unwrap_err();
        assert_eq!(
            lacking,
            SecretError::Lacking(vec![
                "hubspot.token, or hubspot.client_id with client_secret and refresh_token",
                "hubspot.webhook_secret, or hubspot.client_secret",
                "hubspot.app_id (a number)",
                "hubspot.portal_id (a number)",
                "salesforce.client_id",
                "salesforce.client_secret, or salesforce.username with private_key_pem",
                "salesforce.org_id (15 or 18 characters, beginning with 00D)",
                "image_key (16 random bytes in base64: openssl rand -base64 16)",
            ])
        );
    }

    #[test]
    fn an_unreadable_secret_is_located_and_not_repeated() {
        let error = Credentials::parse(r#"{"hubspot": "pat-secret"}"#).unwrap_err();
        assert!(matches!(error, SecretError::Unreadable { .. }), "{error:?}");
        assert!(!error.to_string().contains("pat-secret"));
    }
}
