//! Who may call, and how often: tokens, OAuth, scopes, limits.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::HubSpot;
use super::config::ACCESS_TOKEN_SECONDS;
use super::route::Call;
use super::schema::TypeIndex;
use super::wire::{Refusal, Reply, plus_ms};
use crate::crm::Request;

const TEN_SECONDS_MS: i64 = 10_000;
const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// OAuth access tokens that were given out, and when they end.
#[derive(Debug, Default)]
pub(super) struct Issued(BTreeMap<String, Timestamp>);

/// The calls of the recent past.
#[derive(Debug, Default)]
pub(super) struct Windows {
    calls: VecDeque<Timestamp>,
    searches: VecDeque<Timestamp>,
    day: i64,
    today: usize,
}

/// How a caller came in: calls of an OAuth app do not count for the day, and show no daily headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Static,
    OAuth,
}

/// Limit headers.
pub(super) type LimitHeaders = Vec<(&'static str, String)>;

impl HubSpot {
    /// The refresh-token grant. Refresh tokens do not rotate.
    pub(super) fn token(&mut self, now: Timestamp, body: &Bytes) -> Result<Reply, Refusal> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let denied = |error: &str, status: &str, message: &str| {
            Refusal::new(400, message)
                .with("status", json!(status))
                .with("error", json!(error))
                .with("error_description", json!(message))
        };
        if field("grant_type") != "refresh_token" {
            return Err(denied("unsupported_grant_type", "BAD_GRANT_TYPE", "unsupported grant type"));
        }
        let Some(client) = &self.config.oauth else {
            return Err(denied("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id"));
        };
        if field("client_id") != client.id {
            return Err(denied("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id"));
        }
        if field("client_secret") != client.secret {
            return Err(denied("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret"));
        }
        if field("refresh_token") != client.refresh_token {
            let message = "refresh token is invalid, expired or revoked";
            return Err(denied("invalid_grant", "BAD_REFRESH_TOKEN", message));
        }
        let refresh_token = client.refresh_token.clone();
        let access_token = format!("sandbox-{:016x}{:016x}", self.chance(), self.chance());
        let ends = plus_ms(now, ACCESS_TOKEN_SECONDS * 1_000);
        self.issued.0.insert(access_token.clone(), ends);
        Ok(Reply::ok(json!({
            "token_type": "bearer", "refresh_token": refresh_token, "access_token": access_token,
            "hub_id": self.config.portal_id, "scopes": ["oauth"], "expires_in": ACCESS_TOKEN_SECONDS,
        })))
    }

    /// Checks the bearer token of a call.
    pub(super) fn authenticate(&self, now: Timestamp, request: &Request) -> Result<Pass, Refusal> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
        let token = token.unwrap_or_default();
        if self.config.tokens.contains(token) {
            return Ok(Pass::Static);
        }
        match self.issued.0.get(token) {
            Some(ends) if now < *ends => Ok(Pass::OAuth),
            Some(ends) => {
                let ago = (now.as_millisecond() - ends.as_millisecond()) / SECOND_MS;
                let message = format!("The OAuth token used to make this call expired {ago} second(s) ago.");
                Err(Refusal::new(401, message).with("category", json!("EXPIRED_AUTHENTICATION")))
            }
            None => {
                let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication \
                               and you can find more details at \
                               https://developers.hubspot.com/docs/methods/auth/oauth-overview";
                Err(Refusal::new(401, message).with("category", json!("INVALID_AUTHENTICATION")))
            }
        }
    }

    /// Refuses a call whose scope the app lacks.
    pub(super) fn authorize(&self, call: &Call) -> Result<(), Refusal> {
        let Some(scope) = self.scope_of(call).filter(|scope| self.config.missing_scopes.contains(scope))
        else {
            return Ok(());
        };
        let message = "This app hasn't been granted all required scopes to make this call. Read more about \
                       required scopes here: https://developers.hubspot.com/scopes.";
        Err(Refusal::new(403, message)
            .with("category", json!("MISSING_SCOPES"))
            .with("links", json!({"scopes": "https://developers.hubspot.com/scopes"}))
            .with(
                "errors",
                json!([{"message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": [scope]}}]),
            ))
    }

    fn scope_of(&self, call: &Call) -> Option<String> {
        let objects = |object: &TypeIndex, right: &str| {
            Some(format!("crm.objects.{}.{right}", self.types[object.0].plural))
        };
        let schemas = |object: &TypeIndex, right: &str| {
            Some(format!("crm.schemas.{}.{right}", self.types[object.0].plural))
        };
        match call {
            Call::Token | Call::Rewrite => None,
            Call::List(object)
            | Call::Read(object, _)
            | Call::Search(object)
            | Call::BatchRead(object)
            | Call::PairsOf(object, _, _)
            | Call::BatchPairsOf(object, _)
            | Call::Labels(object, _) => objects(object, "read"),
            Call::Create(object)
            | Call::Update(object, _)
            | Call::Archive(object, _)
            | Call::Restore(object, _)
            | Call::Merge(object)
            | Call::Erase(object)
            | Call::BatchCreate(object)
            | Call::BatchUpdate(object)
            | Call::BatchUpsert(object)
            | Call::BatchArchive(object)
            | Call::BatchPair(object, _)
            | Call::BatchPairDefault(object, _)
            | Call::BatchUnpair(object, _)
            | Call::BatchUnlabel(object, _) => objects(object, "write"),
            Call::PairDefault(ends) | Call::PairLabels(ends) | Call::PairRemove(ends) => {
                objects(&ends.from, "write")
            }
            Call::Properties(object) | Call::Property(object, _) | Call::Pipelines(object) => {
                schemas(object, "read")
            }
            Call::PropertyCreate(object)
            | Call::PropertyUpdate(object, _)
            | Call::PropertyArchive(object, _)
            | Call::LabelCreate(object, _)
            | Call::LabelRemove(object, _, _) => schemas(object, "write"),
            Call::Owners | Call::Owner(_) => Some("crm.objects.owners.read".to_owned()),
        }
    }

    /// Lets a call through or refuses it by a limit. A refused call does not count.
    pub(super) fn admit(
        &mut self,
        now: Timestamp,
        pass: Pass,
        call: &Call,
    ) -> (LimitHeaders, Result<(), Refusal>) {
        let limits = self.config.limits;
        let windows = &mut self.windows;
        windows.forget_before(now);
        let search = matches!(call, Call::Search(_));
        let admitted = if pass == Pass::Static && limits.day.is_some_and(|most| windows.today >= most) {
            Err(exhausted("You have reached your daily limit.", "DAILY"))
        } else if search && limits.searches.is_some_and(|most| windows.searches.len() >= most) {
            Err(Refusal::new(429, "You have reached your secondly limit.")
                .with("category", json!("RATE_LIMITS")))
        } else if !search && limits.ten_seconds.is_some_and(|most| windows.calls.len() >= most) {
            Err(exhausted("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"))
        } else {
            Ok(())
        };
        if admitted.is_ok() {
            windows.today += 1;
            let window = if search { &mut windows.searches } else { &mut windows.calls };
            window.push_back(now);
        }
        let mut headers = LimitHeaders::new();
        if let (Pass::Static, Some(most)) = (pass, limits.day) {
            headers.push(("X-HubSpot-RateLimit-Daily", most.to_string()));
            let left = most.saturating_sub(windows.today);
            headers.push(("X-HubSpot-RateLimit-Daily-Remaining", left.to_string()));
        }
        // A search tells nothing of the ten seconds.
        if let (false, Some(most)) = (search, limits.ten_seconds) {
            let left = most.saturating_sub(windows.calls.len());
            headers.push(("X-HubSpot-RateLimit-Interval-Milliseconds", TEN_SECONDS_MS.to_string()));
            headers.push(("X-HubSpot-RateLimit-Max", most.to_string()));
            headers.push(("X-HubSpot-RateLimit-Remaining", left.to_string()));
            headers.push(("X-HubSpot-RateLimit-Secondly", (most / 10).to_string()));
            headers.push(("X-HubSpot-RateLimit-Secondly-Remaining", (left / 10).to_string()));
        }
        (headers, admitted)
    }
}

impl Windows {
    fn forget_before(&mut self, now: Timestamp) {
        let calls_since = plus_ms(now, -TEN_SECONDS_MS);
        while self.calls.front().is_some_and(|at| *at <= calls_since) {
            self.calls.pop_front();
        }
        let searches_since = plus_ms(now, -SECOND_MS);
        while self.searches.front().is_some_and(|at| *at <= searches_since) {
            self.searches.pop_front();
        }
        let day = now.as_millisecond().div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.today = 0;
        }
    }
}

fn exhausted(message: &str, policy: &str) -> Refusal {
    let refusal = Refusal::new(429, message).with("errorType", json!("RATE_LIMIT"));
    refusal.with("policyName", Value::String(policy.to_owned()))
}
