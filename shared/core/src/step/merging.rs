//! Merged records (P11): the loser's id redirects to its winner for good. Where the winner belongs to another pair,
//! that pair is kept; this one ends, and its other record is set aside with a proposal. Nothing is deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::fetch::Pair;
use super::{Engine, StepError, digest};
use crate::contract::Object;
use crate::link::{Link, Status};
use crate::names::{FieldName, LinkId, RecordId, RecordKey, Side};
use crate::port::{Crm, Hints, ParkKey, Parked, Queue, Store, Whereabouts};
use crate::row::{Reading, Row};
use crate::value::Known;

/// Merges of merged records: a chain longer than this is followed by the next hint.
const HOPS_MAX: usize = 8;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// For each record, the one that stands for it by now and the link of that: merged records are replaced by their
    /// winners. At the end of a long chain nothing is known yet.
    pub(super) async fn locate_winners(
        &self,
        records: BTreeSet<RecordKey>,
    ) -> Result<BTreeMap<RecordKey, (RecordKey, Option<LinkId>)>, StepError> {
        let mut found = BTreeMap::new();
        let mut open: Vec<(RecordKey, RecordKey)> =
            records.into_iter().map(|record| (record.clone(), record)).collect();
        for _ in 0..HOPS_MAX {
            if open.is_empty() {
                break;
            }
            let at: Vec<RecordKey> = open.iter().map(|(_, at)| at.clone()).collect();
            let located = self.store.locate(&at).await?;
            let mut further = Vec::new();
            for ((asked, at), whereabouts) in open.into_iter().zip(located) {
                match whereabouts {
                    Whereabouts::Nowhere => drop(found.insert(asked, (at, None))),
                    Whereabouts::Linked(link) => drop(found.insert(asked, (at, Some(link)))),
                    Whereabouts::Alias(id) => further.push((asked, RecordKey { id, ..at })),
                }
            }
            open = further;
        }
        Ok(found)
    }

    /// The link of each hinted record, merged records replaced by their winners.
    pub(super) async fn follow_aliases(
        &self,
        hints: &Hints,
    ) -> Result<BTreeMap<RecordId, Option<LinkId>>, StepError> {
        let records = hints.ids.iter().map(|id| self.record(hints.side, &hints.object, id)).collect();
        let found = self.locate_winners(records).await?;
        Ok(found.into_values().map(|(record, link)| (record.id, link)).collect())
    }

    /// Replaces records of this side that were merged away by their winners, which are read next time.
    pub(super) async fn follow_merges(
        &self,
        object: &Object,
        side: Side,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        let winners: Vec<RecordId> =
            pairs.iter().filter_map(|(_, pair)| pair.merged_into(side).cloned()).collect();
        let owners = self.owners_of(object, side, winners).await?;
        for (_, pair) in pairs.iter_mut().filter(|(_, pair)| !pair.link.is_erased()) {
            let Some(merged_into) = pair.merged_into(side).cloned() else { continue };
            let Some(loser) = pair.link.records[side].clone() else { continue };
            let Some((winner, owner)) = owners.get(&merged_into).cloned() else { continue };
            let key = |id: RecordId| RecordKey { side, object: object.name.clone(), id };
            let redirection = (key(loser), winner.clone());
            match owner {
                Owner::Claimed(owner) | Owner::Marked(owner, _) if owner != pair.link.id => {
                    pair.aliases.push(redirection);
                    // If both were, the one that was told of.
                    pair.absorbed.get_or_insert((side, owner));
                }
                Owner::Nobody(row) | Owner::Marked(_, row) => {
                    let token = row.highest_token();
                    if redirection.0.id.is_lead() && !winner.is_lead() {
                        // What was said of the lead is said of nobody any more.
                        self.unpark_record(side, object, &redirection.0.id).await?;
                        let shows = |name: &FieldName| {
                            let field = object.fields.get(name).filter(|field| !field.is_of_leads_only())?;
                            self.key.of(&row.shows(field, side).ok()?)
                        };
                        pair.link.go_over(token, self.key.hash(Known(None)), shows);
                    } else {
                        pair.link.meet_anew(token);
                    }
                    pair.aliases.push(redirection);
                    pair.claims.push(key(winner.clone()));
                    pair.link.records[side] = Some(winner);
                }
                // Who stands for it is not shown, and nothing says why.
                Owner::Unseen => pair.readings[side] = Some(Reading::NotFound),
                // Ours already, or at the end of a long chain: the next look tells more.
                Owner::Claimed(_) | Owner::Further => {}
            }
        }
        Ok(())
    }

    /// For each winner, the record that stands for it by now and whose it is: a winner may have been merged, or converted, in turn.
    async fn owners_of(
        &self,
        object: &Object,
        side: Side,
        winners: Vec<RecordId>,
    ) -> Result<BTreeMap<RecordId, (RecordId, Owner)>, StepError> {
        let mut owners = BTreeMap::new();
        let mut open: Vec<(RecordId, RecordId)> = winners.into_iter().map(|id| (id.clone(), id)).collect();
        for _ in 0..HOPS_MAX {
            let records = open.iter().map(|(_, at)| self.record(side, &object.name, at)).collect();
            let located = self.locate_winners(records).await?;
            let mut unclaimed = Vec::new();
            for (asked, at) in open {
                match located.get(&self.record(side, &object.name, &at)).cloned() {
                    Some((at, Some(link))) => drop(owners.insert(asked, (at.id, Owner::Claimed(link)))),
                    Some((at, None)) => unclaimed.push((asked, at.id)),
                    None => drop(owners.insert(asked, (at, Owner::Further))),
                }
            }
            let ids: Vec<RecordId> = unclaimed.iter().map(|(_, at)| at.clone()).collect();
            let readings = self.read(side, object, &ids).await?;
            open = Vec::new();
            for ((asked, at), reading) in unclaimed.into_iter().zip(readings) {
                match reading {
                    Reading::Row(row) => {
                        let owner = self.owner_of(side, row).await?;
                        owners.insert(asked, (at, owner));
                    }
                    Reading::MergedInto(next) => open.push((asked, next)),
                    Reading::NotFound => drop(owners.insert(asked, (at, Owner::Unseen))),
                }
            }
            if open.is_empty() {
                break;
            }
        }
        owners.extend(open.into_iter().map(|(asked, at)| (asked, (at, Owner::Further))));
        Ok(owners)
    }

    /// Whose a record is that no link has claimed.
    async fn owner_of(&self, side: Side, row: Box<Row>) -> Result<Owner, StepError> {
        let mark: Vec<LinkId> = row.concord_id.clone().into_iter().collect();
        let known = self.store.links(&mark).await?;
        // A link that lacks this side, or has ended, will not claim it.
        let claims = |link: &Link| link.status == Status::Live && link.records[side].is_some();
        Ok(match known.into_iter().flatten().find(claims) {
            Some(link) => Owner::Marked(link.id, row),
            None => Owner::Nobody(row),
        })
    }

    /// Before a pair ends whose record was merged into another pair's: once it has, nobody comes back to do it. Its id
    /// is going to redirect, and a person is asked about the record that is left over.
    pub(super) async fn before_absorbed(
        &self,
        pair: &mut Pair,
        side: Side,
        rival: &LinkId,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let (mut aliases, undone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut pair.aliases).into_iter().partition(|(loser, _)| loser.side == side);
        let over = matches!(pair.link.status, Status::Unlinked { .. } | Status::Apart { .. });
        for (other, winner) in undone {
            // Its winner is for a pair that goes on, or a stranger's; once, as the pair ends.
            if !matches!(pair.link.status, Status::Unlinked { .. }) {
                let correlation = digest(["left over", pair.link.id.as_str(), &now.to_string()]);
                self.hint(other.side, &other.object, std::slice::from_ref(&winner), &correlation).await?;
            }
            pair.link.records[other.side] = Some(other.id.clone());
            let of_nobody = pair.claims.iter().any(|claim| claim.side == other.side && claim.id == winner);
            if over && !of_nobody {
                aliases.push((other, winner));
            }
        }
        let records = &pair.link.records;
        pair.claims.retain(|claim| claim.side != side && records[claim.side].as_ref() == Some(&claim.id));
        let Some((loser, winner)) = aliases.last().cloned() else { return Ok(()) };
        if over {
            let losers: Vec<RecordKey> = aliases.iter().map(|(loser, _)| loser.clone()).collect();
            let mut located = self.store.locate(&losers).await?.into_iter();
            aliases.retain(|_| !matches!(located.next(), Some(Whereabouts::Alias(_))));
        } else if let Some(id) = pair.link.records[side.other()].clone() {
            let key = RecordKey { side: side.other(), object: pair.link.object.clone(), id };
            let reason = format!(
                "its {side} record {} was merged into {winner}, which is paired with another {} record: merge the two \
                 there as well, or leave this one alone",
                loser.id,
                side.other()
            );
            let kept = self.stored(rival).await?;
            let rival = kept.and_then(|link| link.records[side.other()].clone());
            let candidates = rival.into_iter().map(|id| RecordKey { id, ..key.clone() }).collect();
            let parked = Parked { candidates, ..Parked::new(ParkKey::Record(key), reason, now) };
            self.store.park(&parked).await?;
        }
        for (loser, _) in &aliases {
            self.store.unpark(&ParkKey::Record(loser.clone())).await?;
        }
        pair.aliases = aliases;
        Ok(())
    }
}

impl Pair {
    /// The record that this side's was merged into.
    fn merged_into(&self, side: Side) -> Option<&RecordId> {
        match &self.readings[side] {
            Some(Reading::MergedInto(winner)) => Some(winner),
            Some(Reading::Row(_) | Reading::NotFound) | None => None,
        }
    }
}

/// Who a merged record's winner belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// The link that claimed it.
    Claimed(LinkId),
    /// The link whose `concord_id` it carries and that is going to claim it. Whoever claims it numbers intents above the highest token
    /// that was ever on it.
    Marked(LinkId, Box<Row>),
    /// No link.
    Nobody(Box<Row>),
    /// Its row was not shown.
    Unseen,
    /// Nobody has looked so far.
    Further,
}
