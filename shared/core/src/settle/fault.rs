//! Why a field is set aside, as a person is told.

use thiserror::Error;

use crate::canonical::Unmappable;
use crate::names::Side;

/// Why one field cannot be settled. The field is parked and the rest of the record goes on (I11, I35).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldFault {
    /// A value has no canonical form.
    #[error(transparent)]
    Unmappable(#[from] Unmappable),
    /// HubSpot's history begins after the place where the two sides last agreed.
    #[error(
        "HubSpot no longer keeps the history of this field back to the last agreement: compare the two records and \
         set the field by hand to the same value on both sides"
    )]
    HistoryTruncated,
    /// This value was written to a side again and again, and taken away there each time (P15).
    #[error(
        "{0} keeps changing this field back: within half an hour the same value was written there twice, and replaced both \
         times; find out what does that (a workflow, a flow, another sync), end it, and give both sides the same value"
    )]
    BackAndForth(Side),
    /// A condition of the contract goes by this field, and cannot be asked (P8).
    #[error(
        "a condition of the contract goes by it and cannot be asked, so that nothing is written: {0} does not show this field, or the \
         condition fails for what it holds; let Concord's user see the field, or correct `scope` or `lead` in the contract"
    )]
    Scope(Side),
    /// Several members of a set are primary on a side, and Salesforce takes one.
    #[error(
        "{0} marks several as the primary one, of whom Salesforce takes one: leave the mark to one of them there"
    )]
    Primaries(Side),
    /// A row came from a listing: nothing is decided on that (I31).
    #[error("bug in Concord: the {0} row was not read by id")]
    NotReadById(Side),
}
