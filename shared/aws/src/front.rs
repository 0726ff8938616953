//! The front door: what the CRMs tell by themselves comes in here, is proved to be theirs, and becomes hints.
//!
//! [`route`] is pure and trusts nothing: it authenticates the raw bytes before anything reads them (I41).
//! [`serve`] hands what it let through to the engine and answers. A refusal leaves a metric and nothing else, so
//! that a flood of forged requests costs no writes and no log. Takes plain structs: one machine serves the same
//! door without Lambda.

use std::error::Error;
use std::fmt::Display;

use concord_core::event::Event;
use concord_core::names::RecordId;
use concord_core::step::TakenIn;
use concord_crm::hubspot::webhook::{self, Accept, Limits, Post};
use concord_crm::hubspot::{PortalId, Secret};
use concord_crm::salesforce::events::{self, Source, Told, acknowledgement, outbound_message};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::telemetry::{Count, Metrics};

/// Where HubSpot's webhooks are sent to: the Function URL itself, or this path behind a proxy of one's own.
pub const HUBSPOT_PATHS: [&str; 2] = ["/", "/hubspot"];
/// Where Salesforce's outbound messages are sent to, followed by the secret's `outbound_token`.
pub const OUTBOUND_PATH: &str = "/salesforce/outbound/";

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path, without the query.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body: the raw bytes.
    pub body: &'a [u8],
}

/// What a request is proved with.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// The target URL as it is configured in HubSpot.
    pub webhook_url: &'a str,
    /// What HubSpot signs with.
    pub webhook_secret: &'a Secret,
    /// The HubSpot account.
    pub portal: PortalId,
    /// The Salesforce org.
    pub org: &'a RecordId,
    /// The last part of the path of outbound messages. They carry no signature and no header of ours, so an
    /// address that nobody can guess is what they can be known by; `None` takes none.
    pub outbound_token: Option<&'a str>,
}

/// What a request turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// HubSpot's events.
    HubSpot(Vec<Event>),
    /// Salesforce's outbound message.
    Outbound(Vec<Event>),
}

/// A request that is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status that it deserves.
    pub status: u16,
    /// Why, for the metric.
    pub reason: &'static str,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body's type, if there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl Answer {
    const fn bare(status: u16) -> Self {
        Self { status, content_type: None, body: String::new() }
    }
}

/// Lets a request in, or says why not.
///
/// # Errors
/// [`Refused`].
pub fn route(request: Request<'_>, door: Door<'_>, now: Timestamp) -> Result<Arrived, Refused> {
    let post_only = match *request.method == Method::POST {
        true => Ok(()),
        false => Err(Refused { status: 405, reason: "method" }),
    };
    if HUBSPOT_PATHS.contains(&request.path) {
        post_only?;
        return hubspot(request, door, now);
    }
    match (request.path.strip_prefix(OUTBOUND_PATH), door.outbound_token) {
        (Some(token), Some(ours)) => {
            post_only?;
            match bool::from(token.as_bytes().ct_eq(ours.as_bytes())) {
                true => outbound(request, door),
                false => Err(Refused { status: 401, reason: "forged" }),
            }
        }
        (None, _) | (_, None) => Err(Refused { status: 404, reason: "path" }),
    }
}

fn hubspot(request: Request<'_>, door: Door<'_>, now: Timestamp) -> Result<Arrived, Refused> {
    let refused = |refused: webhook::Refused| Refused {
        status: refused.status(),
        reason: match refused {
            webhook::Refused::Unsigned => "unsigned",
            webhook::Refused::Forged => "forged",
            webhook::Refused::Stale => "stale",
            webhook::Refused::TooLarge => "too_large",
            webhook::Refused::Unreadable => "unreadable",
            webhook::Refused::OtherPortal => "other_account",
        },
    };
    let post = Post {
        method: request.method,
        target: door.webhook_url,
        headers: request.headers,
        body: request.body,
    };
    webhook::verify(post, door.webhook_secret, Accept::V3, now).map_err(refused)?;
    let delivered = webhook::parse(request.body, door.portal, Limits::default()).map_err(refused)?;
    Ok(Arrived::HubSpot(delivered.events))
}

fn outbound(request: Request<'_>, door: Door<'_>) -> Result<Arrived, Refused> {
    outbound_message(request.body, door.org)
        .map(Arrived::Outbound)
        .map_err(|refusal| Refused { status: refusal.status(), reason: reason(refusal) })
}

const fn reason(refusal: events::Refusal) -> &'static str {
    match refusal {
        events::Refusal::WrongSender => "other_account",
        events::Refusal::TooLarge | events::Refusal::TooMany => "too_large",
        events::Refusal::Forbidden => "forbidden_xml",
        events::Refusal::Malformed(_) => "unreadable",
    }
}

/// Lets a request in, hands its events on, and answers. 503 makes either side deliver again: HubSpot for a day,
/// Salesforce likewise.
pub async fn serve<E: Display>(
    request: Request<'_>,
    door: Door<'_>,
    metrics: &Metrics,
    now: Timestamp,
    take_in: impl AsyncFnOnce(&[Event]) -> Result<TakenIn, E>,
) -> Answer {
    let arrived = match route(request, door, now) {
        Ok(arrived) => arrived,
        Err(Refused { status, reason }) => {
            metrics.add_with(reason, Count::WebhookRefused, 1);
            return Answer::bare(status);
        }
    };
    let events = match &arrived {
        Arrived::HubSpot(events) | Arrived::Outbound(events) => events,
    };
    match take_in(events).await {
        Ok(taken) => {
            count(taken, metrics);
            match (taken.in_progress, &arrived) {
                (0, Arrived::HubSpot(_)) => Answer::bare(204),
                (0, Arrived::Outbound(_)) => {
                    Answer { status: 200, content_type: Some("text/xml"), body: acknowledgement(true) }
                }
                // Another worker holds some of them and may die: the side must come again.
                (_, Arrived::HubSpot(_) | Arrived::Outbound(_)) => Answer::bare(503),
            }
        }
        Err(error) => {
            tracing::error!(events = events.len(), %error, "{} events could not be taken in", events.len());
            Answer::bare(503)
        }
    }
}

/// Why an envelope has to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotTaken<E: Error> {
    /// It could not be taken in.
    #[error(transparent)]
    Failed(E),
    /// As with webhooks: the one who holds it may be dead, so nobody says yet that it is done with.
    #[error("another worker holds the event at the moment")]
    InProgress,
}

/// Takes in one EventBridge envelope. What is not ours, or names no record, is counted and done with.
///
/// # Errors
/// [`NotTaken`]: EventBridge has to deliver it again.
pub async fn relayed<E: Error>(
    envelope: &Value,
    source: &Source,
    metrics: &Metrics,
    take_in: impl AsyncFnOnce(&[Event]) -> Result<TakenIn, E>,
) -> Result<(), NotTaken<E>> {
    match events::change_event(envelope, source) {
        Ok(Told::Records(event)) => {
            let taken = take_in(std::slice::from_ref(&event)).await.map_err(NotTaken::Failed)?;
            count(taken, metrics);
            if taken.in_progress == 0 { Ok(()) } else { Err(NotTaken::InProgress) }
        }
        Ok(Told::NeedsSweep { key: _, object }) => {
            tracing::warn!(%object, "Salesforce does not say which {object} records changed; the next poll tells");
            metrics.add(Count::ChangeGaps, 1);
            Ok(())
        }
        Err(refusal) => {
            metrics.add_with(reason(refusal), Count::WebhookRefused, 1);
            Ok(())
        }
    }
}

fn count(taken: TakenIn, metrics: &Metrics) {
    metrics.add(Count::EventsReceived, taken.hinted);
    metrics.add(Count::EventsRepeated, taken.repeated);
}

#[cfg(test)]
mod tests;
