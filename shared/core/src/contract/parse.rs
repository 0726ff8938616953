//! From the file as written to a contract that cannot be wrong. Every fault is noted; none ends the search.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize as _;
use sha2::{Digest as _, Sha256};

use super::associations;
use super::fault::{Fault, Place};
use super::field;
use super::file::{
    File, FileBrake, FileCreate, FileDelete, FileErase, FileFlag, FileGuard, FileMatch, FileObject, Names,
};
use super::lead;
use super::reader::{Given, Reader, given_or};
use super::scope::{Scope, Wrong};
use super::tree::Tree;
use super::{
    Contract, Create, Delete, Direction, Erase, FLAG, Field, Guard, Kind, LEAD, Object, Policy, RESERVED,
};
use crate::brake::Limits;
use crate::names::{ContractVersion, FieldName, ObjectName, PerSide, Side, WireName};

/// What Salesforce deletes an account's contacts and opportunities with.
const ACCOUNT: &str = "Account";
/// All that HubSpot erases by API (objects API, `gdpr-delete`).
pub(super) const CONTACTS: [&str; 3] = ["contacts", "contact", "0-1"];

/// Reads a contract file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines; only a file that is not YAML has one fault.
pub fn parse(yaml: &str) -> Result<Contract, Vec<Fault>> {
    let tree = Tree::read(yaml).map_err(|fault| vec![fault])?;
    let faults = RefCell::new(Vec::new());
    let root = Place::root(&tree, &faults);
    let file = File::deserialize(Reader { tree: &tree, place: root.clone() }).ok();
    let contract = file.and_then(|file| contract(file, &root, hash(yaml)));
    if contract.is_none() && faults.borrow().is_empty() {
        root.fault("is not a contract", "write it as the contract's schema shows");
    }
    let mut faults = faults.take();
    faults.sort();
    faults.dedup();
    match contract {
        Some(contract) if faults.is_empty() => Ok(contract),
        Some(_) | None => Err(faults),
    }
}

fn hash(yaml: &str) -> String {
    hex::encode(Sha256::digest(yaml.as_bytes()))
}

fn contract(file: File, root: &Place<'_>, hash: String) -> Option<Contract> {
    let version = file.version.required(&root.at("version"), "add `version: 1`").map(|version| {
        if version == 0 {
            root.at("version").fault("is 0", "begin with 1: 0 stands for no contract");
        }
        ContractVersion(version)
    });
    let place = root.at("objects");
    let given = file.objects.required(&place, "add `objects:` with at least one object")?;
    if given.is_empty() {
        place.fault("is empty", "add at least one object");
    }
    let names: Vec<String> = given.keys().cloned().collect();
    let mut objects = BTreeMap::new();
    for (name, given) in given {
        let place = place.at(&name);
        let Some(file) = given.required(&place, "say what it is on both sides, and its fields") else {
            continue;
        };
        if let Some(object) = object(&name, file, &place, &names) {
            objects.insert(object.name.clone(), object);
        }
    }
    each_wire_object_once(&objects, &place);
    nothing_is_archived_along(&objects, &place);
    associations::lead_where_they_say(&objects, &place);
    Some(Contract { version: version?, hash, objects })
}

/// A side's row can belong to one object only: its link is found by it.
fn each_wire_object_once(objects: &BTreeMap<ObjectName, Object>, place: &Place<'_>) {
    let mut seen: BTreeMap<(Side, String), &ObjectName> = BTreeMap::new();
    for object in objects.values() {
        let wires = Side::BOTH.map(|side| (side, object.wire[side].as_str(), side.name()));
        let leads = object.lead.iter().map(|_| (Side::Salesforce, LEAD, "lead"));
        for (side, wire, at) in wires.into_iter().chain(leads) {
            if let Some(first) = seen.insert((side, wire.to_lowercase()), &object.name) {
                place.at(object.name.as_str()).at(at).fault(
                    format!("`{wire}` belongs to the object `{first}` already"),
                    "map it once, with all of its fields",
                );
            }
        }
    }
}

/// Salesforce deletes what belongs to an account with it, and may do so with what refers to any record (SOAP guide,
/// `delete()`): nobody had asked for that.
fn nothing_is_archived_along(objects: &BTreeMap<ObjectName, Object>, place: &Place<'_>) {
    let archived = |object: &&Object| object.delete == Delete::Archive;
    for object in objects.values().filter(archived) {
        let refers = |other: &&Object| {
            other.fields.values().any(|field| field.kind == Kind::Reference { to: object.name.clone() })
        };
        let along = match objects.values().find(refers) {
            Some(other) => format!("each `{}` that refers to it", other.name),
            None if object.wire.salesforce.as_str().eq_ignore_ascii_case(ACCOUNT) => {
                "the account's contacts and opportunities".to_owned()
            }
            None => continue,
        };
        place.at(object.name.as_str()).at("delete").fault(
            format!("`archive` may take along {along}, which Salesforce deletes with the record"),
            "use `flag`, `unlink` or `ignore`",
        );
    }
}

fn object(name: &str, file: FileObject, place: &Place<'_>, objects: &[String]) -> Option<Object> {
    contract_name(name, place);
    let wire = PerSide {
        hubspot: wire_object(file.hubspot, &place.at("hubspot"), "add HubSpot's name, such as `contacts`"),
        salesforce: wire_object(
            file.salesforce,
            &place.at("salesforce"),
            "add Salesforce's name, such as `Contact`",
        ),
    };
    let policy = default_policy(file.conflict, &place.at("conflict"));
    let create = create(file.create, &place.at("create"));
    let delete = delete(file.delete, &place.at("delete"));
    let erase = erase(file.erase, wire.hubspot.as_ref(), &place.at("erase"));
    let guard = given_or(file.guard, FileGuard::Strict).map(|guard| match guard {
        FileGuard::Strict => Guard::Strict,
    });
    let brake = brake(file.brake);
    let at = place.at("fields");
    let given = file.fields.required(&at, "add `fields:` with at least one field")?;
    if given.is_empty() {
        at.fault("is empty", "add at least one field");
    }
    let names: Vec<String> = given.keys().cloned().collect();
    let leads = file.lead.is_some();
    let mut fields = BTreeMap::new();
    for (name, given) in given {
        let at = at.at(&name);
        contract_name(&name, &at);
        let file = given.required(&at, "say which field it is on both sides, and its type");
        if let Some(field) = file.and_then(|file| field::field(&name, file, &at, policy, objects, leads)) {
            fields.insert(field.name.clone(), field);
        }
    }
    each_wire_field_once(&fields, delete.as_ref(), place);
    let (keys, lookalikes) = matching(file.keys, &fields, &names, &place.at("match"));
    let scope = scope(file.scope, &fields, &names, &place.at("scope"));
    let lead = self::scope(file.lead, &fields, &names, &place.at("lead"));
    let object = Object {
        name: ObjectName::new(name),
        wire: PerSide { hubspot: wire.hubspot?, salesforce: wire.salesforce? },
        keys,
        lookalikes,
        scope: scope?,
        lead: lead?,
        create: create?,
        delete: delete?,
        erase: erase?,
        guard: guard?,
        brake: brake?,
        fields,
    };
    lead::fits(&object, place);
    Some(object)
}

/// What fields take that do not say. If it is wrong, the fields are read on as if it were `hold`.
fn default_policy(given: Option<Given<super::file::FilePolicy>>, place: &Place<'_>) -> Policy {
    let policy = match given {
        Some(Given::As(policy)) => field::policy(policy, place).unwrap_or(Policy::Hold),
        Some(Given::Absent | Given::Wrong) | None => Policy::Hold,
    };
    if policy == Policy::Union {
        place.fault("`union` merges sets only", "give it to the fields that are `type: multi-picklist`");
    }
    policy
}

fn create(given: Option<Given<FileCreate>>, place: &Place<'_>) -> Option<PerSide<Create>> {
    let file = match given {
        None | Some(Given::Absent) => return Some(PerSide::of(|_| Create::Missing)),
        Some(Given::Wrong) => return None,
        Some(Given::As(file)) => file,
    };
    let one = |given: Given<bool>, side: Side| {
        let made = given.required(&place.at(side.name()), "say true or false for both sides")?;
        Some(if made { Create::Missing } else { Create::Never })
    };
    let (hubspot, salesforce) = (one(file.hubspot, Side::HubSpot), one(file.salesforce, Side::Salesforce));
    Some(PerSide { hubspot: hubspot?, salesforce: salesforce? })
}

fn brake(given: Option<Given<FileBrake>>) -> Option<Limits> {
    let one = |given: Option<Given<u64>>| match given {
        None | Some(Given::Absent) => Some(None),
        Some(Given::As(limit)) => Some(Some(limit)),
        Some(Given::Wrong) => None,
    };
    match given {
        None | Some(Given::Absent) => Some(Limits::default()),
        Some(Given::As(file)) => Some(Limits { deletes: one(file.deletes)?, changes: one(file.changes)? }),
        Some(Given::Wrong) => None,
    }
}

fn delete(given: Option<Given<FileDelete>>, place: &Place<'_>) -> Option<Delete> {
    let usual = FLAG.map(|name| Given::As(name.to_owned()));
    let usual = FileDelete::Flag(FileFlag { hubspot: usual.hubspot, salesforce: usual.salesforce });
    match given_or(given, usual)? {
        FileDelete::Archive => Some(Delete::Archive),
        FileDelete::Unlink => Some(Delete::Unlink),
        FileDelete::Ignore => Some(Delete::Ignore),
        FileDelete::Flag(FileFlag { hubspot, salesforce }) => {
            let place = place.at("flag");
            let one = |given: Given<String>, side: Side| {
                let place = place.at(side.name());
                let name = given
                    .required(&place, "name the checkbox on both sides: a delete can begin on either")?;
                wire_field(side, &name, &place)
            };
            let (hubspot, salesforce) = (one(hubspot, Side::HubSpot), one(salesforce, Side::Salesforce));
            Some(Delete::Flag(PerSide { hubspot: hubspot?, salesforce: salesforce? }))
        }
    }
}

fn erase(given: Option<Given<FileErase>>, hubspot: Option<&WireName>, place: &Place<'_>) -> Option<Erase> {
    match given_or(given, FileErase::Forget)? {
        FileErase::Forget => Some(Erase::Forget),
        FileErase::Purge => {
            if hubspot.is_some_and(|name| !CONTACTS.contains(&name.as_str())) {
                place.fault("HubSpot purges contacts only", "use `forget`, and purge by hand");
            }
            Some(Erase::Purge)
        }
    }
}

/// `names` as for [`matching`].
fn scope(
    given: Option<Given<String>>,
    fields: &BTreeMap<FieldName, Field>,
    names: &[String],
    place: &Place<'_>,
) -> Option<Option<Scope>> {
    match given {
        None | Some(Given::Absent) => Some(None),
        Some(Given::Wrong) => None,
        Some(Given::As(text)) => match Scope::parse(&text, fields, names) {
            Ok(scope) => Some(Some(scope)),
            Err(Wrong { what, remedy }) => {
                place.fault(what, remedy);
                None
            }
        },
    }
}

/// The exact keys, and what makes records alike. `names` are all the fields of the object in the file, those with faults of their
/// own included.
fn matching(
    given: Option<Given<Vec<Given<FileMatch>>>>,
    fields: &BTreeMap<FieldName, Field>,
    names: &[String],
    place: &Place<'_>,
) -> (Vec<FieldName>, Vec<Vec<FieldName>>) {
    let (mut keys, mut lookalikes) = (Vec::new(), Vec::new());
    let Some(Given::As(given)) = given else { return (keys, lookalikes) };
    for (index, given) in given.into_iter().enumerate() {
        let place = place.at(index.to_string());
        let remedy = "write it as `{ key: email }` or as `{ propose: [name, company] }`";
        match given.required(&place, remedy) {
            None => {}
            Some(FileMatch { key: Some(key), propose: None }) => {
                let place = place.at("key");
                let Some(name) = key.required(&place, "name a field") else { continue };
                let key = FieldName::new(name);
                if let Some(field) = known(&key, fields, names, &place) {
                    finds_exactly(field, &place);
                }
                if keys.contains(&key) {
                    place.fault(format!("`{key}` stands here twice"), "remove one");
                }
                keys.push(key);
            }
            Some(FileMatch { key: None, propose: Some(of) }) => {
                let place = place.at("propose");
                let of = match of.required(&place, "name the fields in which two records have to be alike") {
                    None => continue,
                    Some(Names::One(name)) => vec![FieldName::new(name)],
                    Some(Names::Several(names)) => names.into_iter().map(FieldName::new).collect(),
                };
                let of_all: Vec<Option<&Field>> =
                    of.iter().map(|name| known(name, fields, names, &place)).collect();
                match of_all.first() {
                    None => place.fault("is empty", "name at least one field"),
                    Some(Some(first)) => finds_candidates(first, &place),
                    Some(None) => {}
                }
                lookalikes.push(of);
            }
            Some(FileMatch { key: Some(_), propose: Some(_) } | FileMatch { key: None, propose: None }) => {
                place.fault("is not one of `key` and `propose`", remedy);
            }
        }
    }
    (keys, lookalikes)
}

/// A field of the object. `None`: there is none, or it has faults of its own.
fn known<'f>(
    name: &FieldName,
    fields: &'f BTreeMap<FieldName, Field>,
    names: &[String],
    place: &Place<'_>,
) -> Option<&'f Field> {
    let field = fields.get(name);
    if field.is_none() && !names.iter().any(|known| known == name.as_str()) {
        place.fault(
            format!("`{name}` is not a field of this object"),
            format!("use one of: {}", names.join(", ")),
        );
    }
    field
}

fn finds_exactly(field: &Field, place: &Place<'_>) {
    match (&field.kind, field.direction) {
        (Kind::Text | Kind::Email | Kind::Url, Direction::Both) => {}
        (Kind::Text | Kind::Email | Kind::Url, Direction::To(_)) => place.fault(
            format!("`{}` goes one way, so the other side's records cannot be found by it", field.name),
            "make the field `direction: both`",
        ),
        (_, _) => place.fault(
            format!("`{}` is of a type that names nobody", field.name),
            "use a field that is `type: email`, `text` or `url`",
        ),
    }
}

fn finds_candidates(field: &Field, place: &Place<'_>) {
    let last = if let Kind::Atom(parts) = &field.kind { parts.last() } else { Some(&field.kind) };
    if !matches!(last, Some(Kind::Text | Kind::Url)) {
        place.fault(
            format!("nobody is searched for by `{}`, which stands first", field.name),
            "put a field first that is `type: text` or `url`, or an atom whose last part is",
        );
    }
}

/// Two fields that write one wire field would never go quiet.
fn each_wire_field_once(fields: &BTreeMap<FieldName, Field>, delete: Option<&Delete>, place: &Place<'_>) {
    let mut seen: BTreeMap<(Side, String), String> = BTreeMap::new();
    if let Some(Delete::Flag(flag)) = delete {
        for side in Side::BOTH {
            seen.insert((side, flag[side].as_str().to_lowercase()), "delete.flag".to_owned());
        }
    }
    for field in fields.values() {
        for side in Side::BOTH {
            for wire in &field.wire[side] {
                let first = seen.insert((side, wire.as_str().to_lowercase()), field.name.to_string());
                if let Some(first) = first {
                    place.at("fields").at(field.name.as_str()).at(side.name()).fault(
                        format!("`{wire}` is mapped by `{first}` already"),
                        "map each side's field once",
                    );
                }
            }
        }
    }
}

/// Names of objects and fields stand in keys and in paths.
fn contract_name(name: &str, place: &Place<'_>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
        place.fault(
            format!("`{name}` cannot be a name"),
            "use small letters, digits and underscores, beginning with a letter",
        );
    }
}

fn wire_object(given: Given<String>, place: &Place<'_>, remedy: &str) -> Option<WireName> {
    let name = given.required(place, remedy)?;
    // HubSpot's custom objects are `2-1234567` or `p1234567_name`.
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !plain {
        place.fault(format!("`{name}` cannot be an object type"), "use the API name, not the label");
    }
    plain.then(|| WireName::new(name))
}

/// A field's name on a side. It goes into queries and paths as it is, so nothing but a name may pass.
pub(super) fn wire_field(side: Side, name: &str, place: &Place<'_>) -> Option<WireName> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        place.fault(format!("`{name}` cannot be a field"), "use the API name, not the label");
        return None;
    }
    if RESERVED[side].iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        place.fault(format!("`{name}` is used by Concord itself"), "remove it, or name another field");
        return None;
    }
    Some(WireName::new(name))
}
