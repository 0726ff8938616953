//! Logging in: the token request, and the session that its answer opens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use concord_core::names::RecordId;
use concord_core::port::Failure;
use concord_core::row::Author;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::config::{Auth, Config, Secret};
use super::id::canonical;

/// How long a JWT bearer assertion is good, in seconds: three minutes (OAuth 2.0 JWT bearer flow).
const ASSERTION_SECONDS: i64 = 180;
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An open login.
pub(super) struct Session {
    token: Secret,
    /// `https://acme.my.salesforce.com`, always from the token answer: an org may move.
    pub(super) instance_url: String,
    pub(super) api_version: String,
    user: Option<RecordId>,
}

impl Session {
    pub(super) const fn token(&self) -> &Secret {
        &self.token
    }

    pub(super) fn same_token(&self, other: &Self) -> bool {
        self.token == other.token
    }

    /// Compares a `LastModifiedById` with our dedicated user.
    pub(super) fn author(&self, user: Option<&RecordId>) -> Author {
        match (&self.user, user) {
            (Some(us), Some(user)) if us == user => Author::Us,
            (Some(_), Some(user)) => Author::Other(user.as_str().to_owned()),
            (Some(_) | None, None) | (None, Some(_)) => Author::Unknown,
        }
    }
}

/// The token request.
pub(super) fn request(config: &Config) -> Result<Request<Bytes>, Failure> {
    let url = format!("{}/services/oauth2/token", config.login_url.trim_end_matches('/'));
    let builder = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut form = form_urlencoded::Serializer::new(String::new());
    let builder = match &config.auth {
        Auth::ClientCredentials { client_id, client_secret } => {
            form.append_pair("grant_type", "client_credentials");
            let basic = STANDARD.encode(format!("{client_id}:{}", client_secret.reveal()));
            builder.header(AUTHORIZATION, secret_header(&format!("Basic {basic}"))?)
        }
        Auth::JwtBearer { client_id, username, private_key, audience } => {
            let claims = Claims {
                iss: client_id,
                sub: username,
                aud: audience,
                exp: config.now().as_second() + ASSERTION_SECONDS,
            };
            form.append_pair("grant_type", JWT_BEARER);
            form.append_pair("assertion", &assertion(&claims, private_key)?);
            builder
        }
    };
    builder
        .body(Bytes::from(form.finish()))
        .map_err(|_| Failure::Bug { reason: "the login URL is no URL".to_owned() })
}

/// A header that the `http` crate does not show.
pub(super) fn secret_header(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Failure::RefreshLogin { reason: "the token does not fit a header".to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

fn assertion(claims: &Claims<'_>, private_key: &Secret) -> Result<String, Failure> {
    let unusable = |_| Failure::RefreshLogin {
        reason: "the private key is no RSA key in PEM: store the key that belongs to the app's certificate"
            .to_owned(),
    };
    let key = EncodingKey::from_rsa_pem(private_key.reveal().as_bytes()).map_err(unusable)?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).map_err(unusable)
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    instance_url: String,
    /// `https://login.salesforce.com/id/<org>/<user>`.
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Opens a session from the token answer.
pub(super) fn session(config: &Config, answer: &Answer) -> Result<Session, Failure> {
    if answer.status != StatusCode::OK {
        return Err(match serde_json::from_slice::<Refusal>(&answer.body) {
            Ok(refusal) if answer.status.is_client_error() => {
                Failure::RefreshLogin { reason: super::classify::code(&refusal.error) }
            }
            Ok(_) | Err(_) => answer.failure(),
        });
    }
    let token: Token = answer.object()?;
    let user = config
        .user_id
        .as_ref()
        .map_or_else(|| token.id.rsplit('/').next().and_then(canonical), |user| canonical(user.as_str()));
    Ok(Session {
        token: Secret::new(token.access_token),
        instance_url: token.instance_url.trim_end_matches('/').to_owned(),
        api_version: config.api_version.clone(),
        user,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use serde_json::{Value, json};

    use super::{Auth, Config, Secret, request};

    /// Made for these tests alone.
    const PRIVATE: &str = include_str!("fixtures/jwt_private.pem");
    const PUBLIC: &str = include_str!("fixtures/jwt_public.pem");

    #[test]
    fn the_jwt_bearer_login_signs_who_for_whom_and_three_minutes() {
        let now: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let auth = Auth::JwtBearer {
            client_id: "consumer-key".to_owned(),
            username: "concord@example.com".to_owned(),
            private_key: Secret::new(PRIVATE),
            audience: "https://login.salesforce.com".to_owned(),
        };
        let config = Config::new("https://login.salesforce.com/", auth, Arc::new(move || now));

        let request = request(&config).unwrap();

        assert_eq!(request.uri(), "https://login.salesforce.com/services/oauth2/token");
        assert!(!request.headers().contains_key("authorization"));
        let form: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        assert_eq!(form.len(), 2);
        assert_eq!(
            form[0],
            ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned())
        );
        assert_eq!(form[1].0, "assertion");
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["https://login.salesforce.com"]);
        validation.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
        let claims = decode::<Value>(&form[1].1, &key, &validation).unwrap().claims;
        assert_eq!(
            claims,
            json!({
                "iss": "consumer-key",
                "sub": "concord@example.com",
                "aud": "https://login.salesforce.com",
                "exp": now.as_second() + 180,
            })
        );
    }

    #[test]
    fn no_secret_is_shown_by_debug() {
        let auth =
            Auth::ClientCredentials { client_id: "key".to_owned(), client_secret: Secret::new("hush") };
        let config = Config::new("https://acme.my.salesforce.com", auth, Arc::new(Timestamp::now));

        let shown = format!("{config:?} {:?}", request(&config).unwrap());

        assert!(!shown.contains("hush"), "{shown}");
        assert!(!shown.contains("a2V5Omh1c2g"), "{shown}");
    }
}
