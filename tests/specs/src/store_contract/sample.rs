//! Links, commits and what goes with them, as small as the checks allow.

use concord_core::link::{Action, Intent, Link, Progress};
use concord_core::names::{
    ContractVersion, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, RecordKey, Side, Token,
};
use concord_core::port::{Commit, Conflict, Expected, JournalEntry, NaturalKey};
use concord_core::row::Edited;
use concord_core::value::{ImageHash, Presence, Value};
use jiff::{SignedDuration, Timestamp};

/// So many seconds after an instant of no meaning.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000 + second)
}

pub(super) fn contact() -> ObjectName {
    ObjectName::from("contact")
}

pub(super) fn record(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: contact(), id: RecordId::from(id) }
}

pub(super) fn key(hash: u64) -> NaturalKey {
    NaturalKey { object: contact(), field: FieldName::from("email"), hash: ImageHash(hash) }
}

/// A link at a generation, without any memory.
pub(super) fn link(id: &str, generation: u64) -> Link {
    Link { generation: Generation(generation), ..Link::new(LinkId::from(id), contact(), ContractVersion(1)) }
}

/// A link at generation 1 with one intent.
pub(super) fn link_with_intent(id: &str, decided: Timestamp, progress: Progress) -> Link {
    let intent = Intent {
        number: Token(1),
        side: Side::Salesforce,
        action: Action::Insert { lead: false },
        parts: Vec::new(),
        decided,
        progress,
    };
    Link { issued: Token(1), intents: vec![intent], ..link(id, 1) }
}

/// A commit of nothing but a link, which was new or at the generation before.
pub(super) fn commit(link: Link) -> Commit {
    let expected = match link.generation {
        Generation(0 | 1) => Expected::New,
        Generation(number) => Expected::At(Generation(number - 1)),
    };
    Commit {
        expected,
        link,
        records: Vec::new(),
        met: None,
        aliases: Vec::new(),
        keys: Vec::new(),
        released: Vec::new(),
        conflicts: Vec::new(),
        resolved: Vec::new(),
        parked: Vec::new(),
        healed: Vec::new(),
        journal: Vec::new(),
        shred: false,
    }
}

pub(super) fn conflict(link: &str, field: &str, text: &str, since: Timestamp) -> Conflict {
    Conflict {
        link: LinkId::from(link),
        object: contact(),
        field: FieldName::from(field),
        values: PerSide {
            hubspot: Presence::Value(Value::Text(text.to_owned())),
            salesforce: Presence::Blank,
        },
        edited: PerSide { hubspot: Some(Edited { at: since, by: None }), salesforce: None },
        records: PerSide { hubspot: Some(RecordId::from("1")), salesforce: None },
        since,
    }
}

pub(super) fn entry(link: &str, generation: u64, field: Option<&str>, after: &str) -> JournalEntry {
    JournalEntry {
        link: LinkId::from(link),
        generation: Generation(generation),
        field: field.map(FieldName::from),
        rule: "P7 carry".to_owned(),
        target: Some(Side::Salesforce),
        before: PerSide { hubspot: Presence::Blank, salesforce: Presence::Unknown },
        after: Presence::Value(Value::Text(after.to_owned())),
        loser: Some(Presence::Value(Value::Boolean(true))),
        contract: ContractVersion(1),
        // Journal entries run out; these must not while a check runs.
        at: Timestamp::now(),
    }
}
