//! People at both screens: they see what their side shows, and edit, create, delete, restore and merge.
//!
//! Every value that is typed is typed once, so that a value names its edit. What their author saw is written down
//! beside it: that is all the oracle needs to say what was lost.

mod belonging;
mod leads;
mod removal;
mod roles;

use bytes::Bytes;
use concord_core::names::Side;
use concord_sandbox::crm::{Caller, Machine as _};
use http::{Method, Request};
use jiff::{SignedDuration, civil};
use serde_json::{Map, Value, json};

use crate::chance::Chance;
use crate::display::{
    COMPANY, CONTACT, DEAL, Form, INTERESTS, Mapped, OBJECTS, PIPELINE, STAGES, Shown, records,
};
use crate::profile::{OUT_OF_SCOPE, People, Removes};
use crate::site::Site;

pub use {belonging::Involved, removal::restore, roles::Cast};

/// Stands in every text that is typed, and in nothing else.
pub const SECRET_MARK: &str = "zq";

/// How a value came to stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Typed, never before.
    Typed,
    /// An earlier value, or nothing: it names no edit.
    TakenBack,
    /// What a merge left.
    Merged,
}

/// One edit of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub side: Side,
    /// Index into [`OBJECTS`].
    pub object: usize,
    /// The record.
    pub id: String,
    /// Index into the object's fields.
    pub field: usize,
    /// What stood there afterwards, in compared form.
    pub value: String,
    /// What its author saw there before.
    pub saw: Vec<String>,
    /// See [`How`].
    pub how: How,
}

/// Everything that people did.
#[derive(Debug, Default)]
pub struct Users {
    /// In order.
    pub edits: Vec<Edit>,
    /// Records that somebody deleted and nobody has restored, and those that were ever deleted.
    pub deleted: Vec<(Side, usize, String)>,
    /// Two records that became one: the side, the object, the loser and the winner.
    pub merged: Vec<(Side, usize, String, String)>,
    /// Companies that somebody chose for a record: the side, the object, the record and the company there.
    pub chosen: Vec<(Side, usize, String, String)>,
    /// Records for which somebody chose none.
    pub cleared: Vec<(Side, usize, String)>,
    /// Records that were erased, or that an operator was asked to erase.
    pub erased: Vec<(Side, usize, String)>,
    /// Contacts that somebody gave to a person, or to nobody.
    pub given: Vec<(Side, String, Option<usize>)>,
    /// Contacts that somebody put into a deal, or took out, in order.
    pub involved: Vec<Involved>,
    /// Roles that somebody gave to a deal's contact, or took, in order.
    pub cast: Vec<Cast>,
    /// Leads that somebody converted, and the contacts that were made of them.
    pub converted: Vec<(String, String)>,
    /// Whether there are leads, so that HubSpot's contacts say for whom they work.
    pub leads: bool,
    typed: usize,
}

/// What a person does next.
enum Act {
    Associate,
    Involve,
    Give,
    Edit,
    Create,
    CreateTwice,
    Delete,
    Restore,
    Merge,
}

impl Users {
    /// Somebody does something.
    pub fn act(&mut self, site: &Site, people: People, chance: &mut Chance) {
        if people.erase && chance.happens(16) {
            let shown = self.look(site, Side::HubSpot, CONTACT);
            if let Some(contact) = chance.pick(&shown) {
                self.erase(site, &contact.id);
            }
            return;
        }
        if people.convert && chance.happens(24) {
            return self.convert(site, chance);
        }
        let side = Side::BOTH[chance.below(2)];
        let object = usize::from(chance.happens(64));
        let often = if people.cast { 200 } else { 112 }; // A role takes a deal that has a contact.
        let object = if people.sell && chance.happens(often) { DEAL } else { object };
        let act = match (chance.byte(), people.remove) {
            (0..=199, Removes::Often) if chance.happens(112) => {
                if chance.happens(128) {
                    Act::Delete
                } else {
                    Act::Restore
                }
            }
            (0..=199, _) | (212.., Removes::Never) => Act::Edit,
            (200..=205, _) => Act::Create,
            (206..=211, _) => Act::CreateTwice,
            (212..=226, Removes::Sometimes | Removes::Often) => Act::Delete,
            (227..=240, Removes::Sometimes | Removes::Often) => Act::Restore,
            (241.., Removes::Sometimes | Removes::Often) => Act::Merge,
        };
        let associates = people.associate && object != COMPANY;
        let act =
            if associates && matches!(act, Act::Edit) && chance.happens(96) { Act::Associate } else { act };
        let involves = people.involve && object == DEAL && matches!(act, Act::Edit);
        let act = if involves && chance.happens(often) { Act::Involve } else { act };
        let gives = people.own && object == CONTACT && matches!(act, Act::Edit);
        let act = if gives && chance.happens(64) { Act::Give } else { act };
        let (shown, binned): (Vec<Shown>, Vec<Shown>) =
            self.look(site, side, object).into_iter().partition(|shown| shown.alive);
        match act {
            Act::Associate => {
                if let Some(record) = chance.pick(&shown) {
                    self.associate(site, side, object, record, chance);
                }
            }
            Act::Involve => {
                if let Some(deal) = chance.pick(&shown) {
                    self.involve_somebody(site, side, deal, people, chance);
                }
            }
            Act::Give => {
                if let Some(contact) = chance.pick(&shown) {
                    self.give(site, side, &contact.id, chance);
                }
            }
            Act::Edit => match chance.pick(&shown) {
                Some(record) => self.edit(site, side, object, record, people, chance),
                None => drop(self.create(site, side, object, None)),
            },
            Act::Create => {
                let key = self.an_old_key(object, chance);
                self.create(site, side, object, key);
            }
            Act::CreateTwice => {
                if people.alike && object == CONTACT && chance.happens(128) {
                    self.create_two_alike(site, side);
                } else {
                    let key = self.create(site, side, object, None);
                    self.create(site, side.other(), object, key);
                }
            }
            Act::Delete => {
                if let Some(record) = chance.pick(&shown) {
                    self.delete(site, side, object, &record.id);
                }
            }
            Act::Restore => {
                let mine = self.deleted.iter().filter(|(at, of, _)| (*at, *of) == (side, object));
                let archived = binned.iter().filter(|shown| shown.archived_by_us).map(|shown| &shown.id);
                let bin: Vec<&String> = mine.map(|(_, _, id)| id).chain(archived).collect();
                if let Some(id) = chance.pick(&bin) {
                    restore(site, side, object, id);
                }
            }
            // Salesforce merges no opportunities (SOAP API, `merge()`).
            Act::Merge if (side, object) == (Side::Salesforce, DEAL) => {}
            Act::Merge => {
                if let [winner, loser, ..] = shown.as_slice() {
                    self.merge(site, side, object, winner, loser);
                }
            }
        }
    }

    /// A pair that both sides will agree on, before anything goes wrong.
    pub fn create(&mut self, site: &Site, side: Side, object: usize, key: Option<String>) -> Option<String> {
        let key = key.unwrap_or_else(|| self.key(object));
        self.create_named(site, side, object, key, None)
    }

    /// Two contacts of one name, each with an address of its own.
    fn create_two_alike(&mut self, site: &Site, side: Side) {
        let names = [self.text(), self.text()];
        for side in [side, side.other()] {
            let key = self.key(CONTACT);
            self.create_named(site, side, CONTACT, key, Some(&names));
        }
    }

    /// With a name of its own, or one that names no edit, since another has it too.
    fn create_named(
        &mut self,
        site: &Site,
        side: Side,
        object: usize,
        key: String,
        named: Option<&[String; 2]>,
    ) -> Option<String> {
        let [name, first] = match named {
            Some(names) => names.clone(),
            None if object == CONTACT => [self.text(), self.text()],
            None => [self.text(), String::new()],
        };
        let values: Vec<(usize, Vec<String>)> = match OBJECTS[object].name {
            "contact" => {
                let title = self.text();
                vec![(0, vec![key.clone()]), (1, vec![first, name]), (3, vec![title])]
            }
            "deal" => {
                let stage = match side {
                    Side::HubSpot => vec![PIPELINE.to_owned(), STAGES[0].0.to_owned()],
                    Side::Salesforce => vec![STAGES[0].1.to_owned()],
                };
                let day = sent(&OBJECTS[DEAL].fields[2], side, &self.day());
                vec![(0, vec![name]), (1, stage), (2, vec![day])]
            }
            _company => vec![(0, vec![name]), (1, vec![key.clone()])],
        };
        let of = &OBJECTS[object];
        let mut body = Map::new();
        for (field, texts) in &values {
            let wires = of.fields[*field].wire(side);
            body.extend(wires.iter().zip(texts).map(|(wire, text)| ((*wire).to_owned(), json!(text))));
        }
        let made_as = self.employ(side, object, &mut body);
        let (path, body) = match side {
            Side::HubSpot => (format!("/crm/v3/objects/{made_as}"), json!({ "properties": body })),
            Side::Salesforce => (format!("/services/data/v66.0/sobjects/{made_as}/"), Value::Object(body)),
        };
        let made = person(site, side, Method::POST, &path, &body)?;
        let id = made["id"].as_str()?.to_owned();
        for (field, texts) in values {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let value = crate::display::compared(of.fields[field].form, &texts);
            let chosen = of.fields[field].form == Form::Stage;
            let shared = named.is_some_and(|[name, _]| texts.contains(&name.as_str()));
            let how = if texts == [key.as_str()] || chosen || shared { How::TakenBack } else { How::Typed };
            self.note(
                site,
                Edit { side, object, id: id.clone(), field, value, saw: vec![String::new()], how },
            );
        }
        Some(key)
    }

    fn edit(
        &mut self,
        site: &Site,
        side: Side,
        object: usize,
        record: &Shown,
        people: People,
        chance: &mut Chance,
    ) {
        let of = &OBJECTS[object];
        // The last fields twice as often as the keys, which stand first.
        let field = chance.below(of.fields.len() * 2).saturating_sub(of.fields.len()).max(chance.below(2));
        let mapped = &of.fields[field];
        let saw = record.values[field].clone();
        let mut how = How::Typed;
        let mut parts: Vec<String> = match mapped.wire(side).len() {
            1 => vec![saw.clone()],
            count => {
                let mut parts: Vec<String> = saw.split('|').map(str::to_owned).collect();
                parts.resize(count, String::new());
                parts
            }
        };
        let at = match mapped.form {
            Form::Stage => parts.len() - 1,
            Form::Amount => 0,
            Form::Text | Form::Phone | Form::Set | Form::Day => chance.below(parts.len()),
        };
        let earlier: Vec<String> = self
            .edits
            .iter()
            .filter(|edit| (edit.object, edit.field) == (object, field))
            .map(|edit| edit.value.clone())
            .collect();
        parts[at] = match (mapped.form, people.take_back && chance.happens(80)) {
            (Form::Set, _) => {
                how = How::TakenBack;
                toggled(&saw, chance)
            }
            (Form::Text, false) if mapped.name == "job_title" && people.leave && chance.happens(96) => {
                format!("{OUT_OF_SCOPE} {}", self.text())
            }
            (Form::Text, true) if mapped.name == "job_title" || mapped.name == "description" => {
                how = How::TakenBack;
                chance.pick(&earlier).filter(|_| chance.happens(128)).cloned().unwrap_or_default()
            }
            (Form::Phone, true) => {
                how = How::TakenBack;
                String::new()
            }
            (Form::Text, _) if mapped.name == "email" || mapped.name == "domain" => self.key(object),
            (Form::Text, _) => self.text(),
            (Form::Phone, false) => self.phone(),
            (Form::Stage, _) => {
                how = How::TakenBack;
                STAGES[chance.below(STAGES.len())].0.to_owned()
            }
            (Form::Day, _) => self.day(),
            (Form::Amount, _) => (1_000 + self.next()).to_string(),
        };
        let (id, text) = (record.id.as_str(), parts[at].clone());
        if self.write(site, side, object, id, (field, at), &text) {
            let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let value = crate::display::compared(mapped.form, &texts);
            if value != saw {
                self.note(
                    site,
                    Edit { side, object, id: record.id.clone(), field, value, saw: vec![saw], how },
                );
            }
        }
    }

    /// Somebody puts this text into the last part of a field. `false` if the side refused it.
    pub fn put(
        &mut self,
        site: &Site,
        side: Side,
        object: usize,
        record: &Shown,
        put: (usize, &str),
    ) -> bool {
        let (field, text) = put;
        let mapped = &OBJECTS[object].fields[field];
        let at = mapped.wire(side).len() - 1;
        if !self.write(site, side, object, &record.id, (field, at), text) {
            return false;
        }
        let saw = record.values[field].clone();
        let now = self.look(site, side, object).into_iter().find(|shown| shown.id == record.id);
        let value = now.map_or_else(String::new, |shown| shown.values[field].clone());
        let new = !matches!(mapped.form, Form::Set | Form::Stage)
            && !value.is_empty()
            && self.edits.iter().all(|edit| edit.value != value);
        let how = if new { How::Typed } else { How::TakenBack };
        self.note(site, Edit { side, object, id: record.id.clone(), field, value, saw: vec![saw], how });
        true
    }

    /// One field at the side's screen, sent as that side names it. Whether it was taken.
    fn write(
        &self,
        site: &Site,
        side: Side,
        object: usize,
        id: &str,
        (field, at): (usize, usize),
        text: &str,
    ) -> bool {
        let of = &OBJECTS[object];
        let mapped = &of.fields[field];
        let wire = mapped.wire(side)[at];
        let sent = sent(mapped, side, text);
        let (path, body) = match side {
            Side::HubSpot => (
                format!("/crm/v3/objects/{}/{id}", of.hubspot),
                json!({ "properties": { wire: sent.as_str() } }),
            ),
            Side::Salesforce => {
                let value = if sent.is_empty() { Value::Null } else { json!(sent) };
                (of.salesforce_row(id), json!({ wire: value }))
            }
        };
        person(site, side, Method::PATCH, &path, &body).is_some()
    }

    /// What one side's screen shows, dead records too.
    #[must_use]
    pub fn look(&self, site: &Site, side: Side, object: usize) -> Vec<Shown> {
        let truth = match side {
            Side::HubSpot => site.hubspot.machine().truth(),
            Side::Salesforce => site.salesforce.machine().truth(),
        };
        records(&OBJECTS[object], side, &truth).into_values().collect()
    }

    fn note(&mut self, site: &Site, edit: Edit) {
        let of = &OBJECTS[edit.object];
        site.watch().log(format_args!(
            "USER {} {} {} {}: {:?} -> {:?} ({:?})",
            edit.side, of.name, edit.id, of.fields[edit.field].name, edit.saw, edit.value, edit.how
        ));
        self.edits.push(edit);
    }

    fn next(&mut self) -> usize {
        self.typed += 1;
        self.typed
    }

    /// A text that nobody has typed before.
    pub fn text(&mut self) -> String {
        format!("{SECRET_MARK}{}", self.next())
    }

    fn phone(&mut self) -> String {
        format!("+1415{}", 5_550_000 + self.next())
    }

    /// A day that nobody has named before.
    fn day(&mut self) -> String {
        let days = i64::try_from(self.next()).unwrap_or_default();
        civil::date(2030, 1, 1).saturating_add(SignedDuration::from_hours(24 * days)).to_string()
    }

    fn key(&mut self, object: usize) -> String {
        match OBJECTS[object].name {
            "deal" => self.text(),
            "contact" => format!("{SECRET_MARK}{}@example.com", self.next()),
            _company => format!("{SECRET_MARK}{}.example.com", self.next()),
        }
    }

    /// The key of somebody who was there before, perhaps deleted since; mostly a new one.
    fn an_old_key(&self, object: usize, chance: &mut Chance) -> Option<String> {
        let field = usize::from(OBJECTS[object].name == "company");
        let old: Vec<&Edit> =
            self.edits.iter().filter(|edit| (edit.object, edit.field) == (object, field)).collect();
        chance
            .pick(&old)
            .filter(|_| chance.happens(64))
            .map(|edit| edit.value.clone())
            .filter(|key| !key.is_empty())
    }
}

/// The set with one option more, or one less.
fn toggled(saw: &str, chance: &mut Chance) -> String {
    let mut options: Vec<&str> = saw.split(';').filter(|option| !option.is_empty()).collect();
    let (option, _) = INTERESTS[chance.below(INTERESTS.len())];
    match options.iter().position(|known| *known == option) {
        Some(at) => drop(options.remove(at)),
        None => options.push(option),
    }
    options.sort_unstable();
    options.join(";")
}

/// What is typed at the side's screen: Salesforce has its own names for options.
fn sent(mapped: &Mapped, side: Side, value: &str) -> String {
    match (mapped.form, side) {
        (Form::Set, Side::Salesforce) => {
            let label =
                |option: &str| INTERESTS.iter().find(|(ours, _)| *ours == option).map(|(_, label)| *label);
            value.split(';').filter_map(label).collect::<Vec<_>>().join(";")
        }
        (Form::Stage, Side::Salesforce) => {
            STAGES.iter().find(|(ours, _)| *ours == value).map_or(value, |(_, label)| *label).to_owned()
        }
        // Half past midnight in Tokyo, which is the day before in Greenwich.
        (Form::Day, Side::HubSpot) => match value.parse::<civil::Date>() {
            Ok(day) => format!("{}T15:30:00Z", day.saturating_sub(SignedDuration::from_hours(24))),
            Err(_) => value.to_owned(),
        },
        (Form::Set | Form::Stage | Form::Day | Form::Text | Form::Phone | Form::Amount, _) => {
            value.to_owned()
        }
    }
}

/// One call at the screen. `None` if it was refused.
fn person(site: &Site, side: Side, method: Method, path: &str, body: &Value) -> Option<Value> {
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(bytes)
        .ok()?;
    let answer = site.arrive(side, Caller::Person, &request);
    let taken = answer.status().is_success();
    taken.then(|| serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}
