//! Logins and sessions (reference 5): client credentials, JWT bearer. A session lives a fixed time from its
//! login; a real org also prolongs sessions in use, which is deliberately absent: expiry must be met.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Salesforce;
use super::answer::Answer;
use super::call::Call;
use super::instant;

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Tokens and when they end.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    ends: BTreeMap<String, Timestamp>,
    issued: u64,
}

impl Sessions {
    pub(crate) fn is_live(&self, token: &str, now: Timestamp) -> bool {
        self.ends.get(token).is_some_and(|end| *end > now)
    }
}

/// What an assertion says; `exp` may be a text (simple-salesforce).
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: Value,
}

impl Salesforce {
    /// `POST /services/oauth2/token`
    pub(crate) fn log_in(&mut self, now: Timestamp, call: &Call) -> Answer {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
        let said = |name: &str| form.get(name).cloned().unwrap_or_default();
        let refused = match said("grant_type").as_str() {
            "client_credentials" => {
                let (id, secret) =
                    basic_credentials(call).unwrap_or_else(|| (said("client_id"), said("client_secret")));
                if id != self.config.client_id {
                    Some(("invalid_client_id", "client identifier invalid"))
                } else if secret != self.config.client_secret {
                    Some(("invalid_client", "invalid client credentials"))
                } else {
                    None
                }
            }
            JWT_GRANT => self.refuses_assertion(now, &said("assertion")),
            _other => Some(("unsupported_grant_type", "grant type not supported")),
        };
        match refused {
            Some((error, description)) => {
                Answer::json(400, json!({"error": error, "error_description": description}))
            }
            None => self.open_session(now, call),
        }
    }

    fn refuses_assertion(&self, now: Timestamp, assertion: &str) -> Option<(&'static str, &'static str)> {
        let claims = match &self.config.jwt_public_key_pem {
            Some(pem) => {
                let mut validation = Validation::new(Algorithm::RS256);
                // The machine's clock is `now`, not the system's: the expiry is compared below.
                validation.validate_exp = false;
                validation.validate_aud = false;
                validation.required_spec_claims.clear();
                DecodingKey::from_rsa_pem(pem.as_bytes())
                    .and_then(|key| jsonwebtoken::decode::<Claims>(assertion, &key, &validation))
                    .map(|token| token.claims)
                    .ok()
            }
            None => unsigned_claims(assertion),
        };
        let Some(claims) = claims else { return Some(("invalid_grant", "invalid assertion")) };
        if claims.iss != self.config.client_id {
            return Some(("invalid_client_id", "client identifier invalid"));
        }
        if claims.sub != self.config.username {
            return Some(("invalid_grant", "user hasn't approved this consumer"));
        }
        let expiry = claims.exp.as_i64().or_else(|| claims.exp.as_str().and_then(|text| text.parse().ok()));
        match expiry {
            Some(expiry) if expiry > now.as_second() => None,
            Some(_) | None => Some(("invalid_grant", "assertion expired")),
        }
    }

    fn open_session(&mut self, now: Timestamp, call: &Call) -> Answer {
        self.sessions.ends.retain(|_, end| *end > now);
        self.sessions.issued += 1;
        let seed = format!("{} {} {}", self.config.client_secret, self.sessions.issued, now.as_nanosecond());
        let token = format!(
            "{}!AQ{}",
            &self.org.as_str()[..15],
            URL_SAFE_NO_PAD.encode(Sha256::digest(seed.as_bytes()))
        );
        let end = instant::seconds_after(now, self.config.session_seconds);
        self.sessions.ends.insert(token.clone(), end);
        let host = call.header("host").map(|host| format!("http://{host}"));
        let instance = self.config.instance_url.clone().or(host).unwrap_or_default();
        Answer::ok(json!({
            "access_token": token,
            "instance_url": instance,
            "id": format!("https://login.salesforce.com/id/{}/{}", self.org, self.integration_user),
            "token_type": "Bearer",
            "issued_at": now.as_millisecond().to_string(),
            "signature": URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())),
            "scope": "api",
        }))
    }
}

fn basic_credentials(call: &Call) -> Option<(String, String)> {
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

fn unsigned_claims(assertion: &str) -> Option<Claims> {
    let claims = assertion.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// The token of `Authorization: Bearer` or the older `OAuth`.
pub(crate) fn token_of(call: &Call) -> Option<&str> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth")).then(|| token.trim())
}
