//! Whether both sides' live schemas are as the contract says. Asked before a contract is taken and whenever a
//! schema changes: a field that no longer fits is suspended, and the rest of its object goes on (P13).

use std::collections::BTreeSet;

use super::fault::Fault;
use super::tree::Tree;
use super::{
    CONCORD_ID, CONCORD_TOKEN, Delete, Direction, Field, Kind, LEADS_ONLY, Object, Options, PRIMARY, Roles,
    associated_type,
};
use crate::canonical::stage_parts;
use crate::names::{FieldName, ObjectName, PerSide, Side, WireName};
use crate::port::{FieldKind, FieldSchema, Schema};

/// Account and Contact have this field in an organisation with Person Accounts, and in no other (Object Reference, Account).
const PERSON_ACCOUNT: &str = "IsPersonAccount";

/// Something in a live schema that is not as the contract says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mismatch {
    /// The object.
    pub object: ObjectName,
    /// What must not be done until it is put right.
    pub effect: Effect,
    /// The side whose schema it is.
    pub side: Side,
    /// The side's field.
    pub wire: WireName,
    /// What is not as it should be.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// What follows from a mismatch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing of this object may be written: its rows could not be told apart or settled.
    SuspendObject,
    /// Deletes are not propagated.
    SuspendDeletes,
    /// This field is neither written nor cleared.
    Suspend(FieldName),
    /// This field goes on; some of its values may be refused.
    Warn(FieldName),
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { object, effect, side, wire, what, remedy } = self;
        let effect = match effect {
            Effect::SuspendObject => format!("object {object} is suspended"),
            Effect::SuspendDeletes => format!("deletes of {object} are suspended"),
            Effect::Suspend(field) => format!("field {object}.{field} is suspended"),
            Effect::Warn(field) => format!("warning for field {object}.{field}"),
        };
        write!(f, "{effect}: {side}'s {wire} {what}; {remedy}")
    }
}

impl Mismatch {
    /// The same as said of Salesforce's leads; what is HubSpot's is HubSpot's.
    pub(crate) fn of_leads(self) -> Self {
        match self.side {
            Side::HubSpot => self,
            Side::Salesforce => Self { wire: WireName::new(format!("{LEADS_ONLY}{}", self.wire)), ..self },
        }
    }

    /// The mismatch as a fault of the file that the contract was read from: at the field, at the object's `delete`, or
    /// at the object.
    #[must_use]
    pub fn in_file(&self, yaml: &str) -> Fault {
        let object = self.object.as_str();
        let path: Vec<String> = match &self.effect {
            Effect::SuspendObject => vec!["objects", object],
            Effect::SuspendDeletes => vec!["objects", object, "delete"],
            Effect::Suspend(field) | Effect::Warn(field) => vec!["objects", object, "fields", field.as_str()],
        }
        .into_iter()
        .map(str::to_owned)
        .collect();
        // A contract that was read from it is YAML; without a place the fault still says all the rest.
        let (line, column) = Tree::read(yaml).map_or((1, 1), |tree| tree.locate(&path));
        let what = format!("{}'s {} {}", self.side, self.wire, self.what);
        Fault { line, column, path: path.join("."), what, remedy: self.remedy.clone() }
    }
}

/// Compares an object of the contract with the live schemas of both sides. Empty if all is well.
#[must_use]
pub fn check(object: &Object, schemas: &PerSide<Schema>) -> Vec<Mismatch> {
    let mut found = Found { object, schemas, mismatches: Vec::new() };
    found.person_accounts();
    found.own_fields();
    found.flag();
    found.keys();
    for field in object.fields.values() {
        found.field(field);
    }
    found.mismatches
}

struct Found<'a> {
    object: &'a Object,
    schemas: &'a PerSide<Schema>,
    mismatches: Vec<Mismatch>,
}

impl Found<'_> {
    fn add(
        &mut self,
        effect: Effect,
        side: Side,
        wire: &WireName,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (object, what, remedy) = (self.object.name.clone(), what.into(), remedy.into());
        self.mismatches.push(Mismatch { object, effect, side, wire: wire.clone(), what, remedy });
    }

    /// A person account is one person and two records, an Account and a Contact: both would be made in HubSpot.
    fn person_accounts(&mut self) {
        let wire = WireName::from(PERSON_ACCOUNT);
        if self.schemas[Side::Salesforce].fields.contains_key(&wire) {
            let what =
                "shows that the organisation has Person Accounts, which Concord does not keep in agreement";
            let remedy = "use an organisation without them, or take the object out of the contract";
            self.add(Effect::SuspendObject, Side::Salesforce, &wire, what, remedy);
        }
    }

    /// A record that is in no pair yet is looked up by each of its keys.
    fn keys(&mut self) {
        let fields = self.object.keys.iter().filter_map(|name| self.object.fields.get(name));
        for (field, side) in fields.flat_map(|field| Side::BOTH.map(|side| (field, side))) {
            for wire in &field.wire[side] {
                if self.schemas[side].fields.get(wire).is_some_and(|live| !live.findable) {
                    let what = "is a key by which no records are found";
                    let remedy = match side {
                        Side::HubSpot => {
                            "make a property with unique values (`hasUniqueValue`), or take it out of `match`"
                        }
                        Side::Salesforce => {
                            "use a field by which queries may filter, or take it out of `match`"
                        }
                    };
                    self.add(Effect::SuspendObject, side, wire, what, remedy);
                }
            }
        }
    }

    /// `concord_id` and `concord_token`.
    fn own_fields(&mut self) {
        for side in Side::BOTH {
            for (name, unique) in [(CONCORD_ID[side], true), (CONCORD_TOKEN[side], false)] {
                let wire = WireName::from(name);
                let add = |found: &mut Self, what: &str, remedy: &str| {
                    found.add(Effect::SuspendObject, side, &wire, what, remedy);
                };
                match self.schemas[side].fields.get(&wire) {
                    None => {
                        add(self, "is missing or hidden from Concord", "create it as the setup guide says")
                    }
                    Some(field) if !field.writable => {
                        add(self, "is read-only for Concord", "let Concord's user edit it");
                    }
                    Some(field) if unique && !field.unique => {
                        add(
                            self,
                            "is not unique",
                            "create it anew as a unique field: duplicates are refused by it",
                        );
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn flag(&mut self) {
        let Delete::Flag(flag) = &self.object.delete else { return };
        for side in Side::BOTH {
            let wire = &flag[side];
            let add = |found: &mut Self, what: &str, remedy: &str| {
                found.add(Effect::SuspendDeletes, side, wire, what, remedy);
            };
            match self.schemas[side].fields.get(wire) {
                None => add(self, "is missing or hidden from Concord", "create it as a checkbox"),
                Some(field) if !field.writable => {
                    add(self, "is read-only for Concord", "let Concord's user edit it")
                }
                Some(field) if field.kind != FieldKind::Boolean => {
                    add(self, "is not a checkbox", "name a checkbox in the contract's `delete`");
                }
                Some(_) => {}
            }
        }
    }

    fn field(&mut self, field: &Field) {
        for side in Side::BOTH {
            for (part, wire) in field.wire[side].iter().enumerate() {
                self.part(field, side, part, wire);
            }
        }
        match &field.kind {
            Kind::Picklist(options) | Kind::MultiPicklist(options) | Kind::Stage(options) => {
                self.options(field, options);
            }
            Kind::Text | Kind::Email | Kind::Url | Kind::Atom(_) => self.lengths(field),
            Kind::Phone { .. }
            | Kind::Boolean
            | Kind::Integer
            | Kind::Decimal { .. }
            | Kind::Money { .. }
            | Kind::Date { .. }
            | Kind::DateTime
            | Kind::Reference { .. }
            | Kind::Owner(_) => {}
            Kind::Associations { roles, .. } => self.roles(field, roles),
        }
    }

    /// Both sides have to know the roles that are mapped.
    fn roles(&mut self, field: &Field, roles: &Roles) {
        for side in Side::BOTH {
            let Some(wire) = field.wire[side].first() else { continue };
            let Some(live) = self.schemas[side].fields.get(wire) else { continue };
            let names = roles.names(side);
            let known = |name: &&String| *name == PRIMARY || live.options.contains(name);
            let gone: Vec<&str> = names.iter().filter(|name| !known(name)).map(String::as_str).collect();
            if !gone.is_empty() {
                let (what, remedy) = match side {
                    Side::HubSpot => ("label", "make the label there, or take it out of the contract"),
                    Side::Salesforce => {
                        ("role", "add the choice to `Role` there, or take it out of the field's `roles`")
                    }
                };
                let what = format!("has no {what} {}", quoted(&gone));
                self.add(Effect::Suspend(field.name.clone()), side, wire, what, remedy);
            }
        }
    }

    fn part(&mut self, field: &Field, side: Side, part: usize, wire: &WireName) {
        if associated_type(wire).is_some() {
            return; // HubSpot associates records of any two types.
        }
        let suspend = || Effect::Suspend(field.name.clone());
        let Some(live) = self.schemas[side].fields.get(wire) else {
            let remedy = "create it, let Concord's user see it, or take the field out of the contract";
            return self.add(suspend(), side, wire, "is missing or hidden from Concord", remedy);
        };
        let written = match field.direction {
            Direction::Both => true,
            Direction::To(to) => to == side,
        };
        let read_only = written && !live.writable;
        let fitting = fitting(&field.kind, side, part);
        let misfit = !fitting.contains(&live.kind);
        let is = live.kind.name();
        if read_only {
            let remedy =
                format!("let Concord's user edit it, or make the field `direction: to_{}`", side.other());
            self.add(suspend(), side, wire, "is read-only for Concord", remedy);
        }
        if misfit {
            let what = format!("is {is}, and the contract says `type: {}`", field.kind.name());
            let wanted: Vec<&str> = fitting.iter().map(|kind| kind.name()).collect();
            self.add(suspend(), side, wire, what, format!("map a field that is {}", wanted.join(" or ")));
        }
    }

    /// A stage is chosen in the last of HubSpot's two fields; that its pipeline has it, no schema tells.
    fn options(&mut self, field: &Field, options: &Options) {
        let live = PerSide::of(|side| choices(self.schemas[side].fields.get(field.wire[side].last()?)?));
        let mapped = match options {
            Options::Map(map) => PerSide {
                hubspot: map.keys().map(|key| choice_of(&field.kind, key)).collect(),
                salesforce: map.values().map(String::as_str).collect(),
            },
            // Each side has to know every choice of the other.
            Options::Same => PerSide::of(|side| live[side.other()].clone().unwrap_or_default()),
        };
        for side in Side::BOTH {
            let (Some(live), Some(wire)) = (&live[side], field.wire[side].last()) else { continue };
            let mapped: &BTreeSet<&str> = &mapped[side];
            let gone: Vec<&str> = mapped.difference(live).copied().collect();
            if !gone.is_empty() {
                let what = format!("has no choice {}", quoted(&gone));
                let remedy = match options {
                    Options::Map(_) => "add the choice there, or take it out of the field's `map`",
                    Options::Same => "add the choice there, or give the field a `map`",
                };
                self.add(Effect::Suspend(field.name.clone()), side, wire, what, remedy);
            }
            let unmapped: Vec<&str> = live.difference(mapped).copied().collect();
            if matches!(options, Options::Map(_)) && !unmapped.is_empty() {
                let what = format!("has the choice {}, which the contract does not map", quoted(&unmapped));
                let remedy = "add it to the field's `map`, or records with it will be parked";
                self.add(Effect::Warn(field.name.clone()), side, wire, what, remedy);
            }
        }
    }

    /// Text that one side takes may be too long for the other. Most never is.
    fn lengths(&mut self, field: &Field) {
        for (hubspot, salesforce) in field.wire.hubspot.iter().zip(&field.wire.salesforce) {
            let pair = PerSide { hubspot, salesforce };
            let length = PerSide::of(|side| self.schemas[side].fields.get(pair[side])?.length_max);
            for side in Side::BOTH {
                let written = field.direction != Direction::To(side.other());
                if let (true, Some(here), Some(there)) = (written, length[side], length[side.other()])
                    && here < there
                {
                    let what = format!("takes {here} characters, and {} takes {there}", side.other());
                    let remedy = format!("lengthen it, or expect longer texts to be refused by {side}");
                    self.add(Effect::Warn(field.name.clone()), side, pair[side], what, remedy);
                }
            }
        }
    }
}

/// The live choices; `None` for a field that takes any text.
fn choices(field: &FieldSchema) -> Option<BTreeSet<&str>> {
    match field.kind {
        FieldKind::Choice | FieldKind::Choices => Some(field.options.iter().map(String::as_str).collect()),
        FieldKind::Text
        | FieldKind::Boolean
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::Reference
        | FieldKind::Other => None,
    }
}

/// What HubSpot's field holds for a key of a `map`.
fn choice_of<'a>(kind: &Kind, key: &'a str) -> &'a str {
    let of_stage = stage_parts(key).filter(|_| matches!(kind, Kind::Stage(_)));
    of_stage.map_or(key, |(_, stage)| stage)
}

/// The kinds of a side's field that can hold a part of a contract's field.
fn fitting(kind: &Kind, side: Side, part: usize) -> &'static [FieldKind] {
    match kind {
        Kind::Text | Kind::Email | Kind::Phone { .. } | Kind::Url => &[FieldKind::Text],
        Kind::Boolean => &[FieldKind::Boolean],
        Kind::Money { .. } if part > 0 => &[FieldKind::Text, FieldKind::Choice],
        Kind::Integer | Kind::Decimal { .. } | Kind::Money { .. } => &[FieldKind::Number],
        Kind::Date { zone: Some(_) } if side == Side::HubSpot => &[FieldKind::DateTime],
        Kind::Date { .. } => &[FieldKind::Date],
        Kind::DateTime => &[FieldKind::DateTime],
        Kind::Picklist(_) | Kind::Stage(_) => &[FieldKind::Choice, FieldKind::Text],
        Kind::MultiPicklist(_) => &[FieldKind::Choices],
        Kind::Atom(kinds) => kinds.get(part).map_or(&[], |kind| fitting(kind, side, 0)),
        // HubSpot declares ids as numbers, texts and choices alike (reference: properties).
        Kind::Owner(_) => &[FieldKind::Reference],
        Kind::Reference { .. } => &[FieldKind::Reference, FieldKind::Number, FieldKind::Text],
        Kind::Associations { .. } => &[FieldKind::Reference],
    }
}

impl FieldKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "a checkbox",
            Self::Number => "a number",
            Self::Date => "a date",
            Self::DateTime => "a date with time",
            Self::Choice => "a picklist",
            Self::Choices => "a multi-select picklist",
            Self::Reference => "a reference",
            Self::Other => "of a type that Concord does not map",
        }
    }
}

fn quoted(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    quoted.join(", ")
}
