//! The rules: what one look at one record leads to.

use super::world::{LinkItem, Progress, Request, State};
use super::{Join, KeyClaim, Link, LookUp, Record, Rules};

/// What a look decides. It is committed only if the link is still as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plan {
    /// Nothing.
    Nothing,
    /// A reason for a person: another record is the link's. Changes no link.
    Park,
    /// A new link for this record, with whatever is to be done about its other side.
    Begin {
        /// The link.
        link: Link,
        /// A record of the other side that has no link.
        other: Option<Record>,
    },
    /// The link names a record.
    Name {
        /// The link.
        link: Link,
        /// The record.
        record: Record,
    },
    /// The link gets an intent.
    Send(Request),
    /// Both.
    NameAndSend(Record, Request),
}

impl Plan {
    pub(super) const fn link(self) -> Option<Link> {
        match self {
            Self::Nothing | Self::Park => None,
            Self::Begin { link, .. } | Self::Name { link, .. } => Some(link),
            Self::Send(request) | Self::NameAndSend(_, request) => Some(request.link()),
        }
    }
}

impl State {
    /// What a look at a record would lead to now.
    pub(super) fn plan(&self, record: Record, rules: Rules) -> Plan {
        let Some(row) = self.row(record) else { return Plan::Nothing };
        match (self.link_of(record), row.concord_id) {
            (Some(link), _) => self.look_at_linked(link, record, rules),
            (None, Some(link)) => self.adopt(link, record),
            (None, None) => self.match_stranger(record, rules),
        }
    }

    fn look_at_linked(&self, link: Link, record: Record, rules: Rules) -> Plan {
        let Some(item) = self.links[link as usize] else { return Plan::Nothing };
        let side = record.side().other();
        if let Some(other) = item.records[side as usize] {
            return self.stamp_if_missing(link, other, &item, rules);
        }
        if let Some(ours) = self.carrying(link, side) {
            return Plan::Name { link, record: ours };
        }
        let candidates: Vec<Record> = self.found_by_key(record);
        match candidates.as_slice() {
            [] if item.intent.is_none() && link.makes().side() == side => Plan::Send(Request::Create(link)),
            [candidate] if self.link_of(*candidate).is_none() => self.join(link, *candidate, &item, rules),
            [..] => Plan::Nothing,
        }
    }

    /// With "link, then stamp", the link's record is sent the id until it carries it.
    fn stamp_if_missing(&self, link: Link, record: Record, item: &LinkItem, rules: Rules) -> Plan {
        let carries = self.row(record).is_some_and(|row| row.concord_id == Some(link));
        match rules.join {
            Join::LinkThenStamp if !carries && item.intent.is_none() => {
                Plan::Send(Request::Stamp(link, record))
            }
            Join::LinkThenStamp | Join::Stamp | Join::Wait | Join::LinkOnly => Plan::Nothing,
        }
    }

    /// A record that carries a link's id is that link's, whether an answer was lost or a race was won.
    fn adopt(&self, link: Link, record: Record) -> Plan {
        match self.links[link as usize] {
            Some(item) if item.records[record.side() as usize].is_none() => Plan::Name { link, record },
            Some(_) | None => Plan::Park,
        }
    }

    fn match_stranger(&self, record: Record, rules: Rules) -> Plan {
        let owner = match rules.claim {
            KeyClaim::Claimed => self.key,
            KeyClaim::None => None,
        };
        let candidates = self.found_by_key(record);
        let known = candidates.iter().find_map(|candidate| self.link_of(*candidate));
        if let Some(link) = owner.or(known) {
            let Some(item) = self.links[link as usize] else { return Plan::Nothing };
            return match item.records[record.side() as usize] {
                None => match (rules.look_up, self.carrying(link, record.side())) {
                    (LookUp::First, Some(ours)) => Plan::Name { link, record: ours },
                    (LookUp::First, None) | (LookUp::Never, _) => self.join(link, record, &item, rules),
                },
                Some(_) => Plan::Park,
            };
        }
        match (Link::derived_from(record), candidates.as_slice()) {
            (Some(link), []) => Plan::Begin { link, other: None },
            (Some(link), [other]) => Plan::Begin { link, other: Some(*other) },
            (Some(_), [..]) | (None, _) => Plan::Park,
        }
    }

    fn join(&self, link: Link, record: Record, item: &LinkItem, rules: Rules) -> Plan {
        let stamp = Request::Stamp(link, record);
        match rules.join {
            Join::LinkOnly => Plan::Name { link, record },
            Join::Wait => match item.intent {
                Some((Request::Create(_), Progress::Open | Progress::Refused)) => Plan::Nothing,
                Some((Request::Stamp(..), _)) | None => Plan::Name { link, record },
            },
            Join::Stamp => match item.intent {
                Some((request, Progress::Open)) if request == stamp => Plan::Nothing,
                Some((request, Progress::Refused)) if request == stamp => Plan::Park,
                Some(_) | None => Plan::Send(stamp),
            },
            Join::LinkThenStamp => Plan::NameAndSend(record, stamp),
        }
    }

    /// What search shows on the other side under the key that all records here share.
    fn found_by_key(&self, record: Record) -> Vec<Record> {
        self.on(record.side().other()).filter(|(_, row)| row.indexed).map(|(found, _)| found).collect()
    }

    /// Commits a plan, if its claims can still be had.
    pub(super) fn carry_out(&mut self, record: Record, plan: Plan, rules: Rules) {
        match plan {
            Plan::Nothing | Plan::Park => {}
            Plan::Begin { link, other } => self.begin(link, record, other, rules),
            Plan::Name { link, record } => self.change(link, |item| {
                item.records[record.side() as usize] = Some(record);
                item.intent = None;
            }),
            Plan::Send(request) => {
                self.change(request.link(), |item| item.intent = Some((request, Progress::Open)));
            }
            Plan::NameAndSend(record, request) => self.change(request.link(), |item| {
                item.records[record.side() as usize] = Some(record);
                item.intent = Some((request, Progress::Open));
            }),
        }
    }

    /// A new link: `RECORD#` and `KEY#` are claimed in the same transaction, or nothing happens.
    fn begin(&mut self, link: Link, record: Record, other: Option<Record>, rules: Rules) {
        let key_taken = match rules.claim {
            KeyClaim::Claimed => self.key.is_some(),
            KeyClaim::None => false,
        };
        let other_taken = other.is_some_and(|other| self.link_of(other).is_some());
        if key_taken || self.links[link as usize].is_some() || self.link_of(record).is_some() || other_taken {
            return;
        }
        self.key.get_or_insert(link);
        let mut item = LinkItem { records: [None; 2], intent: None };
        item.records[record.side() as usize] = Some(record);
        match other {
            None => item.intent = Some((Request::Create(link), Progress::Open)),
            Some(other) => match self.join(link, other, &item, rules) {
                Plan::Name { record, .. } => item.records[record.side() as usize] = Some(record),
                Plan::Send(request) => item.intent = Some((request, Progress::Open)),
                Plan::NameAndSend(record, request) => {
                    item.records[record.side() as usize] = Some(record);
                    item.intent = Some((request, Progress::Open));
                }
                Plan::Nothing | Plan::Park | Plan::Begin { .. } => {}
            },
        }
        self.put(link, item);
    }

    fn change(&mut self, link: Link, how: impl FnOnce(&mut LinkItem)) {
        let Some(mut item) = self.links[link as usize] else { return };
        let before = item.records;
        how(&mut item);
        let taken = |record: &Record| self.link_of(*record).is_some_and(|owner| owner != link);
        let newly = item.records.iter().flatten().filter(|record| !before.contains(&Some(**record)));
        if newly.into_iter().any(taken) {
            return;
        }
        self.put(link, item);
    }
}
