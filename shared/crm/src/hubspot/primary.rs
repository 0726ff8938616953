//! A deal's primary company: shown as a property, and written as an association.
//!
//! HubSpot says that `hs_primary_associated_company` is read-only. So an insert names the company among its associations,
//! and an update makes or takes away the association before it writes the properties: what dies in between looks like
//! somebody's edit to the value that both sides want. An association carries no token; a landing is known by its value.

use std::collections::BTreeMap;

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Operation, Write};
use concord_core::value::{Presence, Raw};
use serde_json::{Value, json};

use super::HubSpot;
use super::associations::{AssociationType, Ends};
use super::config::plural;
use crate::transport::Transport;

/// The property, the type that has it, and the type that it points to.
const PROPERTY: &str = "hs_primary_associated_company";
const FROM: &str = "deals";
const TO: &str = "companies";
/// Deal to primary company (associations v4 guide, "association type id values").
const TYPE_ID: u32 = 5;

/// The company that a write chooses; `None`: none.
pub(super) type Choice = Option<RecordId>;

/// Whether a property is written as an association.
pub(super) fn is_association(object: &WireName, property: &str) -> bool {
    property == PROPERTY && plural(object.as_str()).as_str() == FROM
}

/// Takes the choice of a company out of a write.
pub(super) fn take(object: &WireName, write: &mut Write) -> Option<Choice> {
    let values = match &mut write.operation {
        Operation::Insert { values } | Operation::Update { values, .. } => values,
        Operation::Archive { .. } | Operation::Undelete { .. } => return None,
    };
    let at = values.iter().position(|(name, _)| is_association(object, name.as_str()))?;
    match values.remove(at).1 {
        Presence::Value(Raw::Text(id)) => Some(Some(RecordId::new(id))),
        Presence::Value(Raw::Boolean(_) | Raw::Number(_)) | Presence::Blank | Presence::Unknown => Some(None),
    }
}

/// The associations of an insert.
pub(super) fn of_insert(choice: &Choice) -> Value {
    let association = |id: &RecordId| {
        json!({
            "to": { "id": id.as_str() },
            "types": [{ "associationCategory": kind().category, "associationTypeId": TYPE_ID }],
        })
    };
    choice.iter().map(association).collect()
}

fn kind() -> AssociationType {
    AssociationType { category: "HUBSPOT_DEFINED".to_owned(), type_id: TYPE_ID }
}

impl<T: Transport> HubSpot<T> {
    /// Makes these deals' primary companies those that were chosen. What went wrong, by deal.
    pub(super) async fn choose_primaries(
        &self,
        choices: Vec<(RecordId, Choice)>,
    ) -> BTreeMap<RecordId, Failure> {
        let (from, to) = (WireName::from(FROM), WireName::from(TO));
        let (mut chosen, mut cleared) = (Vec::new(), Vec::new());
        for (deal, choice) in choices {
            match choice {
                Some(company) => chosen.push(Ends { from: deal, to: company }),
                None => cleared.push(deal),
            }
        }
        let mut failed = BTreeMap::new();
        if !cleared.is_empty() {
            let pairs = match self.associations(&from, &to, &cleared).await {
                Err(failure) => {
                    failed.extend(cleared.into_iter().map(|deal| (deal, failure.clone())));
                    Vec::new()
                }
                Ok(all) => all
                    .into_iter()
                    .flat_map(|of| of.to.into_iter().map(move |other| (of.from.clone(), other)))
                    .filter(|(_, other)| other.types.iter().any(|of| of.type_id == TYPE_ID))
                    .map(|(from, other)| Ends { from, to: other.to })
                    .collect(),
            };
            let results = self.dissociate(&from, &to, &pairs).await;
            failed.extend(failures(pairs, results));
        }
        let results = self.label(&from, &to, &chosen, &[kind()]).await;
        failed.extend(failures(chosen, results));
        failed
    }
}

fn failures(
    pairs: Vec<Ends>,
    results: Vec<Result<(), Failure>>,
) -> impl Iterator<Item = (RecordId, Failure)> {
    pairs.into_iter().zip(results).filter_map(|(pair, result)| Some((pair.from, result.err()?)))
}
