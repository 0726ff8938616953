//! Events: what a side tells us by itself. Only ids and what makes the delivery unique are taken from them;
//! a value in an event is never used (I31).

use crate::names::{RecordId, Side, WireName};
use crate::port::EventKey;

/// One delivered event, parsed and authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What the side says makes it unique, hashed.
    pub key: EventKey,
    /// The side that sent it.
    pub side: Side,
    /// The object type, by the side's name: `contacts`, `Contact`.
    pub object: WireName,
    /// The records that it concerns: several for a merge or for one change that hit many.
    pub ids: Vec<RecordId>,
    /// Whether it says that they were erased, as privacy law asks.
    pub erased: bool,
}
