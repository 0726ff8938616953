//! Partition keys of the three tables. Every part but the last is escaped, so that no two things share a key.

use std::borrow::Cow;

use concord_core::names::{ContractVersion, FieldName, Generation, LinkId, RecordKey};
use concord_core::port::{NaturalKey, ParkKey};

/// `LINK#id`.
pub(super) fn link(id: &LinkId) -> String {
    format!("LINK#{id}")
}

/// `RECORD#side#object#id`. HubSpot ids collide across object types, so the object is part of it.
pub(super) fn record(key: &RecordKey) -> String {
    format!("RECORD#{}#{}#{}", key.side, escaped(key.object.as_str()), key.id)
}

/// `KEY#object#field#hash`. The hash is keyed: no personal value stands in a key.
pub(super) fn natural(key: &NaturalKey) -> String {
    format!("KEY#{}#{}#{:016x}", escaped(key.object.as_str()), escaped(key.field.as_str()), key.hash.0)
}

/// `PARK#RECORD#..`, `PARK#FIELD#link#field`, `PARK#MESSAGE#id`, `PARK#OBJECT#object`, `PARK#TYPE#side#type`.
pub(super) fn park(key: &ParkKey) -> String {
    match key {
        ParkKey::Record(key) => format!("PARK#{}", record(key)),
        ParkKey::Field(link, field) => format!("PARK#FIELD#{}#{field}", escaped(link.as_str())),
        ParkKey::Message(id) => format!("PARK#MESSAGE#{id}"),
        ParkKey::Object(object) => format!("PARK#OBJECT#{object}"),
        ParkKey::Type(side, of) => format!("PARK#TYPE#{side}#{of}"),
    }
}

/// `WAIT#RECORD#side#object#id`: who waits for this record.
pub(super) fn wait(target: &RecordKey) -> String {
    format!("WAIT#{}", record(target))
}

/// `APART#RECORD#side#object#id`: whom this record is kept apart from.
pub(super) fn apart(record_key: &RecordKey) -> String {
    format!("APART#{}", record(record_key))
}

/// `MERGED#RECORD#side#object#id`: what was merged into this record.
pub(super) fn merged(winner: &RecordKey) -> String {
    format!("MERGED#{}", record(winner))
}

/// `CONFLICT#link#field`.
pub(super) fn conflict(link: &LinkId, field: &FieldName) -> String {
    format!("CONFLICT#{}#{field}", escaped(link.as_str()))
}

/// `SECRET#link`: the key under which the link's values are sealed.
pub(super) fn secret(link: &LinkId) -> String {
    format!("SECRET#{link}")
}

/// `CURSOR#name`.
pub(super) fn cursor(name: &str) -> String {
    format!("CURSOR#{name}")
}

/// The contract in force.
pub(super) const CONTRACT_IN_FORCE: &str = "CONTRACT#IN_FORCE";

/// `CONTRACT#version`.
pub(super) fn contract(version: ContractVersion) -> String {
    format!("CONTRACT#{:020}", version.0)
}

/// The journal's sort key: `generation#n#field`, padded so that text order is number order.
pub(super) fn entry(generation: Generation, n: usize, field: Option<&FieldName>) -> String {
    format!("{:020}#{n:03}#{}", generation.0, field.map_or("", FieldName::as_str))
}

fn escaped(part: &str) -> Cow<'_, str> {
    match part.contains(['#', '%']) {
        true => Cow::Owned(part.replace('%', "%25").replace('#', "%23")),
        false => Cow::Borrowed(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use concord_core::names::{ObjectName, RecordId, Side};

    #[test]
    fn parts_that_contain_the_separator_do_not_collide() {
        let key = |object: &str, id: &str| RecordKey {
            side: Side::HubSpot,
            object: ObjectName::from(object),
            id: RecordId::from(id),
        };
        assert_eq!(record(&key("contact", "1")), "RECORD#hubspot#contact#1");
        assert_ne!(record(&key("a#b", "1")), record(&key("a", "b#1")));
        assert_ne!(record(&key("a#b", "1")), record(&key("a%23b", "1")));
    }

    #[test]
    fn the_journal_sorts_by_generation_then_by_place() {
        let field = FieldName::from("email");
        let keys = [
            entry(Generation(2), 0, Some(&field)),
            entry(Generation(10), 0, None),
            entry(Generation(10), 2, Some(&field)),
            entry(Generation(10), 10, Some(&field)),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
