//! What HubSpot tells by itself: `POST`s of up to 100 events, signed with the app's client secret.
//!
//! First [`verify`] on the raw bytes, then [`parse`] (I41). An event is a hint: ids are taken from it, and
//! what makes the delivery unique; values never are. Order is not guaranteed, deliveries repeat, and
//! `eventId` is not unique, so the key of an event is a hash of all that tells it from others.

mod event;
mod signature;

pub use event::{Delivered, Limits, parse};
pub use signature::{Accept, Post, verify};

use thiserror::Error;

/// Largest body that is looked at, in bytes. 100 events of the documented shape are about 50 KB; a property
/// value (at most 65,536 characters) can be in each.
pub const BODY_BYTES_MAX: usize = 1_048_576;
/// Most events of one delivery (webhooks guide: "up to 100").
pub const EVENTS_MAX: usize = 100;
/// Most losers of one merge: HubSpot refuses a merge that gives a record more than 250 identities (error 414,
/// "Cannot have more than 250 identities on a profile").
pub const MERGED_IDS_MAX: usize = 250;

/// Why a delivery is refused. HubSpot repeats a refused delivery up to 10 times within 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// No signature of an accepted version.
    #[error("not signed: check that HubSpot sends to this address, and nobody else does")]
    Unsigned,
    /// The signature is of other bytes, another address or another secret.
    #[error("wrongly signed: check the client secret and the configured target URL")]
    Forged,
    /// Signed too long ago, in the future, or at no time at all.
    #[error("signed outside the five-minute window: check this machine's clock")]
    Stale,
    /// Too many bytes or events.
    #[error("larger than HubSpot's documented deliveries")]
    TooLarge,
    /// Not a JSON array of objects.
    #[error("not a list of events")]
    Unreadable,
    /// Events of another account.
    #[error("of another HubSpot account: check the configured portal id, and where the app is installed")]
    OtherPortal,
}

impl Refused {
    /// The HTTP status that the sender deserves.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unsigned | Self::Forged | Self::Stale => 401,
            Self::TooLarge => 413,
            Self::Unreadable | Self::OtherPortal => 400,
        }
    }
}
