//! The access token: static, or fetched with a refresh token and kept until it runs out.

use concord_core::port::Failure;
use futures_util::lock::Mutex;
use http::{Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::HubSpot;
use super::config::{Area, Auth, Secret};
use super::refusal;
use crate::transport::Transport;

/// A token is not used in its last seconds: a call that starts with it may reach HubSpot after its end.
const TOKEN_MARGIN_SECONDS: i64 = 60;
/// Longest life that is believed (one day; HubSpot documents 30 minutes).
const TOKEN_LIFE_SECONDS_MAX: i64 = 86_400;

/// The token that is in use, if there is one.
///
/// The lock is held while a token is fetched, so that four calls at once fetch one token and not four.
#[derive(Default)]
pub(super) struct Login(Mutex<Option<Access>>);

struct Access {
    token: Secret,
    good_until: Timestamp,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(..)")
    }
}

impl Login {
    /// Drops this token, unless somebody else has renewed it already.
    pub(super) async fn drop_token(&self, refused: &Secret) {
        let mut access = self.0.lock().await;
        if access.as_ref().is_some_and(|access| access.token == *refused) {
            *access = None;
        }
    }
}

/// HubSpot's token answer; the refresh token in it is the one that was sent.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
    hub_id: Option<u64>,
}

impl<T: Transport> HubSpot<T> {
    /// The token for the next call.
    pub(super) async fn token(&self) -> Result<Secret, Failure> {
        let (client_id, client_secret, refresh_token) = match &self.config.auth {
            Auth::Bearer(token) => return Ok(token.clone()),
            Auth::OAuth { client_id, client_secret, refresh_token } => {
                (client_id, client_secret, refresh_token)
            }
        };
        let mut access = self.login.0.lock().await;
        let now = self.config.now();
        if let Some(access) = access.as_ref().filter(|access| now < access.good_until) {
            return Ok(access.token.clone());
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", client_id)
            .append_pair("client_secret", client_secret.reveal())
            .append_pair("refresh_token", refresh_token.reveal())
            .finish();
        let renewed = self.renew(form, now).await?;
        let token = renewed.token.clone();
        *access = Some(renewed);
        Ok(token)
    }

    async fn renew(&self, form: String, now: Timestamp) -> Result<Access, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{}", self.config.base, self.config.family.path(Area::Token)))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into())
            .map_err(|_| Failure::Bug { reason: "the token request could not be built".to_owned() })?;
        let answer = self.transport.send(request).await.map_err(|lost| refusal::unanswered(&lost))?;
        if !answer.status().is_success() {
            return Err(refused_login(&answer));
        }
        let answer: TokenAnswer =
            serde_json::from_slice(answer.body()).map_err(|_| refusal::misunderstood("the token answer"))?;
        if answer.hub_id.is_some_and(|hub| hub != self.config.portal.0) {
            let reason =
                "the login belongs to another HubSpot account than the configured portal id".to_owned();
            return Err(Failure::Park { reason });
        }
        let life = answer.expires_in.clamp(0, TOKEN_LIFE_SECONDS_MAX) - TOKEN_MARGIN_SECONDS;
        let good_until = now.checked_add(SignedDuration::from_secs(life)).unwrap_or(now);
        Ok(Access { token: Secret::new(answer.access_token), good_until })
    }
}

/// A refused login waits for a person; everything else is an ordinary refusal. The `error` and `status` of
/// OAuth (`invalid_grant`, `BAD_REFRESH_TOKEN`) are codes; the message is not repeated.
fn refused_login(answer: &http::Response<bytes::Bytes>) -> Failure {
    match answer.status().as_u16() {
        400 | 401 | 403 => Failure::Park {
            reason: format!(
                "{} {}: HubSpot refuses the refresh token or the client; connect the app again",
                answer.status().as_u16(),
                refusal::oauth_code(answer.body()),
            ),
        },
        _ => refusal::Refusal::of(answer).into_failure(),
    }
}
