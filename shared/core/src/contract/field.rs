//! One field of the contract, from the file as written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::associations;
use super::fault::Place;
use super::file::{FileDirection, FileField, FileKind, FileOtherwise, FilePart, FilePolicy, Names};
use super::parse::wire_field;
use super::reader::{Given, given_or};
use super::{Direction, Field, Kind, LEADS_ONLY, Options, Policy};
use crate::canonical::{SCALE_MAX, SET_SEPARATOR, is_phone_region, stage_parts};
use crate::names::{FieldName, ObjectName, PerSide, Side, WireName};

/// `objects` are the names of all objects of the contract; `default` is the object's conflict policy; `leads`: whether some of its
/// records are leads.
pub(super) fn field(
    name: &str,
    mut file: FileField,
    place: &Place<'_>,
    default: Policy,
    objects: &[String],
    leads: bool,
) -> Option<Field> {
    let associates = matches!(file.kind, Given::As(FileKind::Associations));
    let named = if associates { associations::wire } else { wire_field };
    let hubspot = wires(
        std::mem::replace(&mut file.hubspot, Given::Absent),
        Side::HubSpot,
        named,
        &place.at("hubspot"),
    );
    let lead = lead(file.lead.take(), leads, &place.at("lead"));
    let salesforce = match (file.salesforce.take(), &lead) {
        (None, Some(Some(lead))) => {
            Some(lead.iter().map(|wire| WireName::new(format!("{LEADS_ONLY}{wire}"))).collect())
        }
        (given, _) => wires(given.unwrap_or(Given::Absent), Side::Salesforce, named, &place.at("salesforce")),
    };
    let direction = given_or(file.direction.take(), FileDirection::Both).map(|direction| match direction {
        FileDirection::Both => Direction::Both,
        FileDirection::ToHubSpot => Direction::To(Side::HubSpot),
        FileDirection::ToSalesforce => Direction::To(Side::Salesforce),
    });
    let own = match file.conflict.take() {
        // What both sides hold is kept, whoever made it.
        None | Some(Given::Absent) if associates => Some(Policy::Union),
        None | Some(Given::Absent) => Some(default),
        Some(Given::Wrong) => None,
        Some(Given::As(own)) => policy(own, &place.at("conflict")),
    };
    let parts = hubspot.as_ref().map(Vec::len);
    let kind = std::mem::replace(&mut file.kind, Given::Absent)
        .required(&place.at("type"), "say what the field holds, such as `type: text`")
        .and_then(|of| kind(of, &mut file, parts, place, objects));
    let (wire, kind, conflict) = (PerSide { hubspot: hubspot?, salesforce: salesforce? }, kind?, own?);
    no_leftovers(&file, &kind, place);
    numbers_of_wires(&wire, &kind, place);
    let is_set = associates || matches!(kind, Kind::MultiPicklist(_));
    if conflict == Policy::Union && default != Policy::Union && !is_set {
        place.at("conflict").fault("`union` merges sets only", "use another rule, or `type: multi-picklist`");
    }
    let lead = lead?;
    if associates && conflict != Policy::Union {
        place.at("conflict").fault("associations are merged one by one", "remove it, or use `union`");
    }
    if associates && lead.is_some() {
        place.at("lead").fault("leads have no associations", "remove it");
    }
    if lead.as_ref().is_some_and(|lead| lead.len() != wire.salesforce.len()) {
        place.at("lead").fault("has not as many fields as `salesforce`", "name the parts in the same order");
    }
    Some(Field { name: FieldName::new(name), wire, lead, kind, direction: direction?, conflict })
}

pub(super) fn policy(file: FilePolicy, place: &Place<'_>) -> Option<Policy> {
    let otherwise = |word: &str, file: FileOtherwise| {
        let place = place.at(word).at("otherwise");
        file.otherwise.required(&place, "say which side wins when the rule does not tell").map(Side::from)
    };
    match file {
        FilePolicy::Hold => Some(Policy::Hold),
        FilePolicy::Authority(side) => Some(Policy::Authority(side.into())),
        FilePolicy::Newest(file) => otherwise("newest", file).map(|otherwise| Policy::Newest { otherwise }),
        FilePolicy::Fill(file) => otherwise("fill", file).map(|otherwise| Policy::Fill { otherwise }),
        FilePolicy::Union => Some(Policy::Union),
    }
}

/// `None` if it is wrong.
fn lead(given: Option<Given<Names>>, leads: bool, place: &Place<'_>) -> Option<Option<Vec<WireName>>> {
    let Some(given) = given else { return Some(None) };
    if !leads {
        place.fault(
            "says nothing, since none of the object's records are leads",
            "remove it, or say in the object which are made as leads: `lead: \"stage == 'lead'\"`",
        );
    }
    wires(given, Side::Salesforce, wire_field, place).map(Some)
}

fn wires(
    given: Given<Names>,
    side: Side,
    named: fn(Side, &str, &Place<'_>) -> Option<WireName>,
    place: &Place<'_>,
) -> Option<Vec<WireName>> {
    let names = match given.required(place, "name the field on both sides")? {
        Names::One(name) => vec![name],
        Names::Several(names) => names,
    };
    if names.is_empty() {
        place.fault("is empty", "name at least one field");
        return None;
    }
    names.iter().map(|name| named(side, name, place)).collect()
}

/// Takes out of the file what the kind needs, so that what is left has no meaning. `parts` is the number of the
/// fields on a side, unless that is wrong.
fn kind(
    of: FileKind,
    file: &mut FileField,
    parts: Option<usize>,
    place: &Place<'_>,
    objects: &[String],
) -> Option<Kind> {
    match of {
        FileKind::Text => Some(Kind::Text),
        FileKind::Email => Some(Kind::Email),
        FileKind::Phone => region(file, place).map(|region| Kind::Phone { region }),
        FileKind::Url => Some(Kind::Url),
        FileKind::Boolean => Some(Kind::Boolean),
        FileKind::Integer => Some(Kind::Integer),
        FileKind::Decimal => scale(file, place).map(|scale| Kind::Decimal { scale }),
        FileKind::Money => {
            let (scale, currency) = (scale(file, place), currency(file, place));
            Some(Kind::Money { scale: scale?, currency: currency? })
        }
        FileKind::Date => zone(file, place).map(|zone| Kind::Date { zone }),
        FileKind::DateTime => Some(Kind::DateTime),
        FileKind::Picklist => options(file, place, Members::One).map(Kind::Picklist),
        FileKind::MultiPicklist => options(file, place, Members::Many).map(Kind::MultiPicklist),
        FileKind::Stage => stages(file, place).map(Kind::Stage),
        FileKind::Reference => reference(file, place, objects).map(|to| Kind::Reference { to }),
        FileKind::Associations => {
            let (to, roles) = (reference(file, place, objects), associations::roles(file, place));
            Some(Kind::Associations { to: to?, roles: roles? })
        }
        FileKind::Owner => Some(Kind::Owner(Arc::default())),
        FileKind::Atom => atom(file, parts?, place),
    }
}

fn region(file: &mut FileField, place: &Place<'_>) -> Option<String> {
    let place = place.at("region");
    let region = required(
        file.region.take(),
        &place,
        "add the region of numbers without a country code: `region: US`",
    )?;
    let known = is_phone_region(&region);
    if !known {
        place.fault(
            format!("`{region}` is not a region"),
            "use two capital letters of ISO 3166, such as `US`",
        );
    }
    known.then_some(region)
}

fn scale(file: &mut FileField, place: &Place<'_>) -> Option<u32> {
    let place = place.at("scale");
    let scale = required(file.scale.take(), &place, "add the number of digits after the point: `scale: 2`")?;
    if scale > SCALE_MAX {
        place.fault(
            format!("is {scale}"),
            format!("use {SCALE_MAX} or less: Salesforce keeps {SCALE_MAX} digits"),
        );
    }
    (scale <= SCALE_MAX).then_some(scale)
}

fn currency(file: &mut FileField, place: &Place<'_>) -> Option<String> {
    let place = place.at("currency");
    let currency = required(
        file.currency.take(),
        &place,
        "add the currency where a side has no currency field: `currency: USD`",
    )?;
    let plain = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    if !plain {
        place.fault(
            format!("`{currency}` is not a currency"),
            "use three capital letters of ISO 4217, such as `USD`",
        );
    }
    plain.then_some(currency)
}

/// `Some(None)` if none is given, `None` if it is wrong.
fn zone(file: &mut FileField, place: &Place<'_>) -> Option<Option<TimeZone>> {
    let place = place.at("zone");
    match file.zone.take() {
        None | Some(Given::Absent) => Some(None),
        Some(Given::Wrong) => None,
        Some(Given::As(name)) => match TimeZoneDatabase::bundled().get(&name) {
            Ok(zone) => Some(Some(zone)),
            Err(_) => {
                place.fault(
                    format!("`{name}` is not a time zone"),
                    "use a name of the IANA database, such as `Europe/Berlin`",
                );
                None
            }
        },
    }
}

/// Stages have to be mapped, each with its pipeline.
fn stages(file: &mut FileField, place: &Place<'_>) -> Option<Options> {
    let options = options(file, place, Members::One)?;
    let place = place.at("map");
    let Options::Map(map) = &options else {
        place.fault("is missing", "map each stage: `map: { default/closedwon: Closed Won }`");
        return None;
    };
    for key in map.keys() {
        if stage_parts(key).is_none() {
            place.at(key).fault(
                "is not a pipeline and a stage",
                "write both by their internal names: `default/closedwon`",
            );
        }
    }
    Some(options)
}

fn reference(file: &mut FileField, place: &Place<'_>, objects: &[String]) -> Option<ObjectName> {
    let place = place.at("to");
    let to = required(file.to.take(), &place, "add the object that it points to: `to: company`")?;
    let known = objects.contains(&to);
    if !known {
        place.fault(
            format!("`{to}` is not an object of this contract"),
            format!("use one of: {}", objects.join(", ")),
        );
    }
    known.then(|| ObjectName::new(to))
}

fn required<T>(given: Option<Given<T>>, place: &Place<'_>, remedy: &str) -> Option<T> {
    given.unwrap_or(Given::Absent).required(place, remedy)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    One,
    Many,
}

fn options(file: &mut FileField, place: &Place<'_>, members: Members) -> Option<Options> {
    let place = place.at("map");
    let map = match file.map.take() {
        None | Some(Given::Absent) => return Some(Options::Same),
        Some(Given::Wrong) => return None,
        Some(Given::As(map)) => map,
    };
    if map.is_empty() {
        place.fault("is empty", "map each choice, or remove `map` if both sides use the same values");
    }
    options_of(&map, &place, members == Members::Many);
    Some(Options::Map(map))
}

/// Choices are mapped one to one, by names that can be told apart; `in_sets`: where several stand in one field.
pub(super) fn options_of(map: &BTreeMap<String, String>, place: &Place<'_>, in_sets: bool) {
    let mut by_salesforce: BTreeMap<&str, &str> = BTreeMap::new();
    for (hubspot, salesforce) in map {
        let place = place.at(hubspot);
        for value in [hubspot, salesforce] {
            if value.trim() != value || value.is_empty() {
                place.fault(
                    "has a choice that is blank or has blanks around it",
                    "write the choice's exact value",
                );
            }
            if in_sets && value.contains(SET_SEPARATOR) {
                place.fault(
                    "has a `;` in a choice, which separates choices",
                    "rename the choice on that side",
                );
            }
        }
        if let Some(first) = by_salesforce.insert(salesforce, hubspot) {
            place.fault(
                format!("maps to `{salesforce}`, as `{first}` does, so there is no way back"),
                "map each choice of one side to one choice of the other",
            );
        }
    }
}

fn atom(file: &mut FileField, parts: usize, place: &Place<'_>) -> Option<Kind> {
    let given = given_or(file.parts.take(), vec![FilePart::Text; parts])?;
    if given.len() != parts {
        place.at("parts").fault(
            format!("has {} types for {parts} fields", given.len()),
            "give one type for each field, or remove `parts` if all are text",
        );
    }
    let kinds = given.into_iter().map(|part| match part {
        FilePart::Text => Kind::Text,
        FilePart::Email => Kind::Email,
        FilePart::Url => Kind::Url,
        FilePart::Boolean => Kind::Boolean,
        FilePart::Integer => Kind::Integer,
        FilePart::Date => Kind::Date { zone: None },
        FilePart::DateTime => Kind::DateTime,
    });
    Some(Kind::Atom(kinds.collect()))
}

/// A setting that the kind does not read would look as if it did something.
fn no_leftovers(file: &FileField, kind: &Kind, place: &Place<'_>) {
    let FileField { region, scale, currency, map, parts, to, zone, roles, primary, .. } = file;
    let left: BTreeSet<(&str, &str)> = [
        (region.is_some(), ("region", "`type: phone`")),
        (scale.is_some(), ("scale", "`type: decimal` or `money`")),
        (currency.is_some(), ("currency", "`type: money`")),
        (map.is_some(), ("map", "`type: picklist`, `multi-picklist` or `stage`")),
        (parts.is_some(), ("parts", "`type: atom`")),
        (to.is_some(), ("to", "`type: reference` or `associations`")),
        (zone.is_some(), ("zone", "`type: date`")),
        (roles.is_some(), ("roles", "`type: associations`")),
        (primary.is_some(), ("primary", "`type: associations`")),
    ]
    .into_iter()
    .filter_map(|(left, key)| left.then_some(key))
    .collect();
    for (key, of) in left {
        place.at(key).fault(
            format!("says nothing for a field of type {}", kind.name()),
            format!("remove it, or make the field {of}"),
        );
    }
}

fn numbers_of_wires(wire: &PerSide<Vec<WireName>>, kind: &Kind, place: &Place<'_>) {
    let (hubspot, salesforce) = (wire.hubspot.len(), wire.salesforce.len());
    match kind {
        Kind::Atom(_) => {
            if hubspot != salesforce {
                place.at("salesforce").fault(
                    format!("has {salesforce} fields, and HubSpot has {hubspot}"),
                    "name the parts in the same order on both sides",
                );
            }
            if hubspot < 2 {
                place.at("hubspot").fault("has one part", "name at least two, or use another type");
            }
        }
        Kind::Money { .. } => several(wire, 2, "name the amount, and perhaps the currency's field", place),
        Kind::Stage(_) => {
            if hubspot != 2 {
                place.at("hubspot").fault(
                    "is not two fields",
                    "name the pipeline's and the stage's: `[pipeline, dealstage]`",
                );
            }
            if salesforce != 1 {
                place.at("salesforce").fault(format!("names {salesforce} fields"), "name one field");
            }
        }
        Kind::Text
        | Kind::Email
        | Kind::Phone { .. }
        | Kind::Url
        | Kind::Boolean
        | Kind::Integer
        | Kind::Decimal { .. }
        | Kind::Date { .. }
        | Kind::DateTime
        | Kind::Picklist(_)
        | Kind::MultiPicklist(_)
        | Kind::Reference { .. }
        | Kind::Associations { .. }
        | Kind::Owner(_) => several(wire, 1, "name one field, or make it `type: atom`", place),
    }
}

fn several(wire: &PerSide<Vec<WireName>>, most: usize, remedy: &str, place: &Place<'_>) {
    for side in Side::BOTH {
        let number = wire[side].len();
        if number > most {
            place.at(side.name()).fault(format!("names {number} fields"), remedy);
        }
    }
}
