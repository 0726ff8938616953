//! Associations: rows of a junction object, such as the roles that contacts have in an opportunity, with what they say where
//! that is anybody's business.
//!
//! They are rows of their own: a change of one touches neither of the records that it joins, and whoever changes one between our
//! reading and our writing is overwritten.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::contract::{IS_PRIMARY, Junction, PRIMARY, ROLE};
use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Listing, ObjectSpec, Outcome, Page, PageMark, Write};
use concord_core::reference;
use concord_core::row::{Reading, Row, Standing, Versions};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::unreadable;
use super::columns::{Record, id};
use super::id::canonical;
use super::plan::Sent;
use super::query::{Scope, all_pages, first_page, in_lists};
use super::request::{identifier, literal};
use super::roles::{Joint, Mark, Plan};
use super::{Salesforce, leads, list, write};
use crate::sets::{self, Change, Said};
use crate::transport::Transport;

/// Where the listing of records ends and that of the rows of a junction object begins.
const ROWS: &str = "rows";

/// An object with its associations apart from its own fields.
struct Sets {
    plain: ObjectSpec,
    junctions: Vec<(WireName, Junction)>,
    roles: BTreeMap<WireName, BTreeSet<String>>,
}

impl Sets {
    fn of(spec: &ObjectSpec) -> Self {
        let plain = without(spec);
        let junction = |wire: &WireName| Some((wire.clone(), Junction::named(wire)?));
        let junctions = spec.fields.iter().filter_map(junction).collect();
        Self { plain, junctions, roles: spec.roles.clone() }
    }
}

/// Which roles of a junction object's rows are anybody's business.
type Roles<'a> = Option<&'a BTreeSet<String>>;

/// An object's own fields alone.
pub(super) fn without(spec: &ObjectSpec) -> ObjectSpec {
    sets::without(spec, is_set)
}

fn is_set(wire: &WireName) -> bool {
    Junction::named(wire).is_some()
}

pub(super) async fn read<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    ids: &[RecordId],
) -> Result<Vec<Reading>, Failure> {
    let sets = Sets::of(spec);
    let mut readings = leads::read(client, &sets.plain, ids).await?;
    fill(client, &sets, crate::sets::rows(&mut readings)).await?;
    Ok(readings)
}

/// Shows the associations of records that are alive; those in the bin tell nothing.
async fn fill<T: Transport>(
    client: &Salesforce<T>,
    sets: &Sets,
    rows: impl Iterator<Item = &mut Row>,
) -> Result<(), Failure> {
    let mut alive: Vec<&mut Row> =
        rows.filter(|row| row.standing == Standing::Alive && !row.id.is_lead()).collect();
    let ids: BTreeSet<RecordId> = alive.iter().map(|row| row.id.clone()).collect();
    for (wire, junction) in sets.junctions.iter().filter(|_| !ids.is_empty()) {
        let mut found: BTreeMap<RecordId, BTreeSet<String>> = BTreeMap::new();
        let roles = sets.roles.get(wire);
        // Hidden from us, or what the rows say is: nothing is known, and nothing changes (P8).
        let Some(joints) = joints(client, junction, roles, &ids).await? else { continue };
        for joint in joints {
            let shown = joint.roles().filter(|role| roles.is_some_and(|roles| roles.contains(*role)));
            let shown = shown.map(|role| reference::with_role(joint.to.as_str(), role));
            let elements = found.entry(joint.from.clone()).or_default();
            elements.extend(shown.chain([joint.to.as_str().to_owned()]));
        }
        for row in &mut alive {
            let others = found.get(&row.id).into_iter().flatten().map(String::as_str);
            row.fields.insert(wire.clone(), reference::holding(others));
        }
    }
    Ok(())
}

/// Every row that joins one of these records to another. `None`: they are hidden from us, or there is no such object.
async fn joints<T: Transport>(
    client: &Salesforce<T>,
    junction: &Junction,
    roles: Roles<'_>,
    ids: &BTreeSet<RecordId>,
) -> Result<Option<Vec<Joint>>, Failure> {
    let session = client.login().await?;
    let [object, from, to] = names(junction)?;
    let literals: Vec<String> = ids.iter().map(|id| literal(id.as_str())).collect();
    let mut found = Vec::new();
    let asks = |of: fn(&str) -> bool| roles.is_some_and(|roles| roles.iter().any(|role| of(role)));
    let role = if asks(|role| role != PRIMARY) { format!(", {ROLE}") } else { String::new() };
    let mark = if asks(|role| role == PRIMARY) { format!(", {IS_PRIMARY}") } else { String::new() };
    let select = format!("SELECT Id, {from}, {to}{role}{mark} FROM {object} WHERE {to} != null AND {from}");
    for soql in in_lists(&select, &literals) {
        let first = first_page(client, &session, &soql, Scope::Live).await?;
        if first.refused_an_object() {
            return Ok(None);
        }
        for (_, records) in all_pages(client, &session, first).await? {
            for record in &records {
                let marked = record.get(IS_PRIMARY).and_then(Value::as_bool) == Some(true);
                found.push(Joint {
                    id: id(record)?,
                    from: end(record, from)?,
                    to: end(record, to)?,
                    role: record.get(ROLE).and_then(Value::as_str).map(str::to_owned),
                    mark: if marked { Mark::Primary } else { Mark::Plain },
                });
            }
        }
    }
    Ok(Some(found))
}

fn names(junction: &Junction) -> Result<[&str; 3], Failure> {
    Ok([identifier(&junction.object)?, identifier(&junction.from)?, identifier(&junction.to)?])
}

fn end(record: &Record, field: &str) -> Result<RecordId, Failure> {
    let id = record.get(field).and_then(Value::as_str).and_then(canonical);
    id.ok_or_else(|| unreadable("ANSWER_WITHOUT_ID"))
}

/// Writes records with their associations: those of updates before, those of inserts afterwards. What a new record lacks, its next
/// reading shows.
pub(super) async fn write<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    writes: &[Write],
) -> Vec<Outcome> {
    let (said, plain) = (Said::of(writes, is_set), without(spec));
    let ids = said.records();
    let readings = leads::read(client, &plain, &ids).await.map(|found| ids.into_iter().zip(found).collect());
    let (admitted, mut came_to) = said.admitted(readings);
    came_to.extend(associate(client, spec, &admitted).await);
    let (places, open) = said.open(&came_to);
    came_to.extend(places.into_iter().zip(leads::write(client, &plain, &open).await));
    // Every write has its place among the two.
    let outcomes: Vec<Outcome> = came_to.into_values().collect();
    for outcome in associate(client, spec, &said.of_made(&outcomes)).await.into_values() {
        tracing::warn!(object = %spec.object, ?outcome, "a new record lacks associations as yet");
    }
    outcomes
}

/// Makes the rows that are wanted and not there, and deletes those that are there and not wanted. What came in the way, by
/// write.
async fn associate<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    changes: &[(RecordId, Change)],
) -> BTreeMap<usize, Outcome> {
    let mut came_to = BTreeMap::new();
    let wires: BTreeSet<&WireName> = changes.iter().map(|(_, change)| &change.wire).collect();
    for wire in wires {
        let changes: Vec<&(RecordId, Change)> =
            changes.iter().filter(|(_, change)| change.wire == *wire).collect();
        if let Err(failure) = associate_by(client, wire, spec.roles.get(wire), &changes, &mut came_to).await {
            came_to.extend(changes.iter().map(|(_, change)| (change.at, Outcome::Failed(failure.clone()))));
        }
    }
    came_to
}

/// The same for one junction object.
async fn associate_by<T: Transport>(
    client: &Salesforce<T>,
    wire: &WireName,
    roles: Roles<'_>,
    changes: &[&(RecordId, Change)],
    came_to: &mut BTreeMap<usize, Outcome>,
) -> Result<(), Failure> {
    let Some(junction) = Junction::named(wire) else { return Ok(()) };
    let [object, from, to] = names(&junction)?;
    let ids = changes.iter().map(|(id, _)| id.clone()).collect();
    let hidden =
        || Failure::Park { reason: format!("{object}: hidden from Concord; let its user see and edit it") };
    let known = joints(client, &junction, roles, &ids).await?.ok_or_else(hidden)?;
    let session = client.login().await?;
    let mut rows = Rows::default();
    for (record, change) in changes {
        let there: Vec<&Joint> = known.iter().filter(|joint| joint.from == *record).collect();
        let has = there.iter().flat_map(|joint| joint.roles().map(|role| (&joint.to, role)));
        if change.is_outdone(has.filter(|(_, role)| roles.is_some_and(|roles| roles.contains(*role)))) {
            came_to.insert(change.at, Outcome::Moved);
            continue;
        }
        for (other, said) in &change.members {
            let of_both: Vec<&Joint> = there.iter().filter(|joint| joint.to == *other).copied().collect();
            let ends = [(from, record), (to, other)];
            rows.add(change.at, object, ends, Plan::of(&of_both, said));
        }
    }
    let Rows { mut changed, made, deleted } = rows;
    // Whoever is unmarked goes first: marking another does it too.
    changed.sort_by_key(|row| row.what[IS_PRIMARY] == true);
    for (at, outcome) in write::rows(client, &session, [&changed, &made], &deleted).await {
        match outcome {
            // One that somebody else has deleted is gone as well.
            Outcome::Done(_) | Outcome::Gone => {}
            failed @ Outcome::Failed(_) => drop(came_to.insert(at, failed)),
            other @ (Outcome::Duplicate(_) | Outcome::Moved) => {
                let reason = format!("{object}: the row was answered with {other:?}");
                came_to.insert(at, Outcome::Failed(Failure::Conflict { reason }));
            }
        }
    }
    Ok(())
}

/// Rows as they are sent.
#[derive(Default)]
struct Rows {
    changed: Vec<Sent<Value>>,
    made: Vec<Sent<Value>>,
    deleted: Vec<Sent<RecordId>>,
}

impl Rows {
    fn add(&mut self, at: usize, object: &str, ends: [(&str, &RecordId); 2], plan: Plan) {
        let row = |mut fields: Map<String, Value>| {
            fields.insert("attributes".to_owned(), json!({ "type": object }));
            fields
        };
        self.changed.extend(plan.changed.into_iter().map(|(id, fields)| {
            let mut what = row(fields);
            what.insert("id".to_owned(), Value::from(id.as_str()));
            Sent { at, what: Value::Object(what) }
        }));
        self.made.extend(plan.made.into_iter().map(|fields| {
            let mut what = row(fields);
            what.extend(ends.map(|(field, id)| (field.to_owned(), Value::from(id.as_str()))));
            Sent { at, what: Value::Object(what) }
        }));
        self.deleted.extend(plan.deleted.into_iter().map(|what| Sent { at, what }));
    }
}

/// The pages of the records; where what changed is asked for, then the records whose rows have changed or were deleted.
pub(super) async fn page<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    listing: &Listing,
    from: Option<&PageMark>,
) -> Result<Page, Failure> {
    let sets = Sets::of(spec);
    let Some(rest) = from.and_then(|mark| mark.0.strip_prefix(ROWS)) else {
        let mut page = leads::page(client, &sets.plain, listing, from).await?;
        match listing {
            Listing::All => fill(client, &sets, page.rows.iter_mut()).await?,
            Listing::Changed { .. } if !sets.junctions.is_empty() => {
                page.next = page.next.or_else(|| Some(PageMark(format!("{ROWS}0"))));
            }
            Listing::Changed { .. } | Listing::Archived { .. } => {}
        }
        return Ok(page);
    };
    let (number, mark) = rest.split_once(' ').unwrap_or((rest, ""));
    let number: usize = number.parse().map_err(|_| list::not_ours())?;
    let Some((_, junction)) = sets.junctions.get(number) else {
        // The contract had more of them as this listing began.
        return Ok(Page { rows: Vec::new(), next: None, complete_until: Timestamp::MAX });
    };
    let Listing::Changed { since } = listing else { return Err(list::not_ours()) };
    let mark = Some(mark).filter(|mark| !mark.is_empty()).map(|mark| PageMark(mark.to_owned()));
    let [object, from, _] = names(junction)?;
    let changed = list::changed_rows(client, object, from, *since, mark.as_ref()).await?;
    let ids: BTreeSet<RecordId> =
        changed.records.iter().filter_map(|record| end(record, from).ok()).collect();
    let ids: Vec<RecordId> = ids.into_iter().collect();
    let row = |reading| match reading {
        Reading::Row(row) => Some(Row { versions: Versions::Listed, ..*row }),
        Reading::MergedInto(_) | Reading::NotFound => None,
    };
    let rows = read(client, spec, &ids).await?.into_iter().filter_map(row).collect();
    let next = match changed.next {
        Some(PageMark(mark)) => Some(format!("{ROWS}{number} {mark}")),
        None => (number + 1 < sets.junctions.len()).then(|| format!("{ROWS}{}", number + 1)),
    };
    Ok(Page { rows, next: next.map(PageMark), complete_until: changed.complete_until })
}
