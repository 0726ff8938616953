//! A deal's primary company: shown as a property, and written as an association.
//!
//! HubSpot says that `hs_primary_associated_company` is read-only. So an insert names the company among its associations,
//! and an update makes or takes away the association before it writes the properties: what dies in between looks like
//! somebody's edit to the value that both sides want. An association carries no token; a landing is known by its value.

use std::collections::BTreeMap;

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Outcome, Write};
use concord_core::row::{Reading, Standing};
use concord_core::value::{Presence, Raw};
use serde_json::{Value, json};

use super::HubSpot;
use super::associations::{Associated, AssociationType, Ends, Labelled};
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

/// Takes the choice of a company out of a write. What is no choice stays, and is refused with the properties.
pub(super) fn take(object: &WireName, write: &mut Write) -> Option<Choice> {
    let values = write.operation.values_mut()?;
    let at = values.iter().position(|(name, _)| is_association(object, name.as_str()))?;
    let choice = match &values[at].1 {
        Presence::Value(Raw::Text(id)) => Some(RecordId::new(id)),
        Presence::Blank => None,
        Presence::Value(Raw::Boolean(_) | Raw::Number(_)) | Presence::Unknown => return None,
    };
    values.remove(at);
    Some(choice)
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
    /// Makes these deals' primary companies those that were chosen, and leaves every other label as it is. What came in the
    /// way, by deal. A deal is read first: a call for one that was merged into another would change that other one.
    pub(super) async fn choose_primaries(
        &self,
        object: &ObjectSpec,
        choices: Vec<(RecordId, Choice)>,
    ) -> BTreeMap<RecordId, Outcome> {
        let mut came_to = BTreeMap::new();
        if choices.is_empty() {
            return came_to;
        }
        let failed = |choices: &[(RecordId, Choice)], failure: &Failure| {
            let failed = |(deal, _): &(RecordId, Choice)| (deal.clone(), Outcome::Failed(failure.clone()));
            choices.iter().map(failed).collect::<Vec<_>>()
        };
        let ids: Vec<RecordId> = choices.iter().map(|(deal, _)| deal.clone()).collect();
        let readings = match self.read_rows(object, &ids).await {
            Ok(readings) => readings,
            Err(failure) => return failed(&choices, &failure).into_iter().collect(),
        };
        let mut alive = Vec::new();
        for (choice, reading) in choices.into_iter().zip(readings) {
            match reading {
                Reading::Row(row) if row.standing == Standing::Alive => alive.push(choice),
                Reading::Row(_) | Reading::MergedInto(_) | Reading::NotFound => {
                    came_to.insert(choice.0, Outcome::Gone);
                }
            }
        }
        let (from, to) = (WireName::from(FROM), WireName::from(TO));
        let ids: Vec<RecordId> = alive.iter().map(|(deal, _)| deal.clone()).collect();
        let known = match self.associations(&from, &to, &ids).await {
            Ok(known) => known,
            Err(failure) => {
                came_to.extend(failed(&alive, &failure));
                return came_to;
            }
        };
        let (chosen, cleared) = plan(alive, known);
        let results = self.label(&from, &to, &chosen).await;
        let chosen = chosen.into_iter().map(|(ends, _)| ends).zip(results);
        let results = self.unlabel(&from, &to, &cleared).await;
        let all = chosen.chain(cleared.into_iter().map(|(ends, _)| ends).zip(results));
        came_to.extend(all.filter_map(|(ends, result)| Some((ends.from, Outcome::Failed(result.err()?)))));
        came_to
    }
}

/// The pairs that get the label, with all their labels, and those that lose it.
fn plan(choices: Vec<(RecordId, Choice)>, known: Vec<Associated>) -> (Vec<Labelled>, Vec<Labelled>) {
    let (mut chosen, mut cleared) = (Vec::new(), Vec::new());
    for ((deal, choice), known) in choices.into_iter().zip(known) {
        let ends = |to: &RecordId| Ends { from: deal.clone(), to: to.clone() };
        match choice {
            Some(company) => {
                let before = known.to.iter().find(|other| other.to == company);
                let mut types = before.map(|other| other.types.clone()).unwrap_or_default();
                if !types.contains(&kind()) {
                    types.push(kind());
                    chosen.push((ends(&company), types));
                }
            }
            None => {
                let primary = known.to.iter().filter(|other| other.types.contains(&kind()));
                cleared.extend(primary.map(|other| (ends(&other.to), vec![kind()])));
            }
        }
    }
    (chosen, cleared)
}
