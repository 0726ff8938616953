//! Deciding: from a link and both rows, read after it, to the link as it will be and the intents to send.
//!
//! A pure function over comparable values. Performing the decision (one conditional commit, then the queue) is
//! the fetch step's affair.

mod archive;
mod associations;
mod draft;
mod erase;
mod insert;
mod keys;
mod presence;
mod scope;

use jiff::Timestamp;

use crate::brake::Harm;
use crate::canonical::{Reason, Unmappable};
use crate::contract::{Field, Object};
use crate::link::{Base, FieldStanding, Held, Link, Proof, Refusal, Role, Status};
use crate::merge::{Verdict, Why, merge};
use crate::names::{ContractVersion, FieldName, PerSide, Side, Token, WireName};
use crate::port::{Conflict, JournalEntry, NaturalKey};
use crate::reference;
use crate::row::{Row, Standing};
use crate::settle::{FieldFault, Scene, Settled, Stands, View};
use crate::value::{ImageHash, ImageKey, Known, Presence, Value};
use associations::is_unsettled;
pub(crate) use associations::written;
use draft::Draft;
pub(crate) use draft::may_land;
pub use draft::{ATTEMPT_MAX, LANDING_MAX};
pub(crate) use presence::{FLAG, is_flagged};

/// All that a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The key of image hashes.
    pub key: &'a ImageKey,
    /// The contract's version, cited in the journal.
    pub contract: ContractVersion,
    /// The object type's rules.
    pub object: &'a Object,
    /// The link, read *before* the rows (P3).
    pub link: &'a Link,
    /// What each side shows.
    pub rows: PerSide<Sight<'a>>,
    /// The time, for the journal and for what may still land late.
    pub now: Timestamp,
}

/// What one side shows of its half of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight<'a> {
    /// Its row, alive or in the bin.
    Row(&'a Row),
    /// Nothing under the id that we know. Not evidence of anything (P9).
    Lost,
    /// It has no record yet, and none was found to join: one may be made.
    Missing,
    /// Its record was merged into one that belongs to another pair.
    Absorbed,
    /// Nothing, and it says that it has erased its record, as privacy law asks.
    Erased,
}

/// What to do. Performing it twice, or not at all, is safe: it is committed on the link's generation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// The link as it will be, its generation raised by one.
    pub link: Link,
    /// The intents to send.
    pub issued: Vec<(Side, Token)>,
    /// Conflicts that begin or change.
    pub conflicts: Vec<Conflict>,
    /// Fields whose conflict is over.
    pub resolved: Vec<FieldName>,
    /// Explanations.
    pub journal: Vec<JournalEntry>,
    /// Natural keys that the link now holds, and those that it no longer does.
    pub keys: Vec<NaturalKey>,
    /// See `keys`.
    pub released: Vec<NaturalKey>,
    /// Fields that could not be settled or written, to be parked.
    pub faults: Vec<(FieldName, FieldFault)>,
    /// Fields that point to a record in no pair, parked just now or before.
    pub unpaired: Vec<FieldName>,
    /// Fields that were parked and are well again.
    pub healed: Vec<FieldName>,
    /// What the issued intents would do to what people have (P15).
    pub harm: Harm,
    /// Something has to wait.
    pub wait: Option<Wait>,
    /// The link's values in the journal and in conflicts are made unreadable (I43).
    pub shred: bool,
}

/// Why a decision is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Salesforce's row changed within the second in which it was read: it is no sound precondition yet (P5).
    RowTooFresh,
    /// A side shows nothing under the linked id, without evidence of a delete.
    Suspect,
}

impl Decision {
    /// Whether there is anything to commit.
    #[must_use]
    pub fn changes(&self, before: &Link) -> bool {
        let mut after = self.link.clone();
        after.generation = before.generation;
        after != *before
    }

    /// No conflict of these fields waits for a person any more, and none of them is set aside.
    pub(crate) fn ask_nobody(&mut self, about: impl Fn(&FieldName) -> bool) {
        for (name, memory) in self.link.fields.iter_mut().filter(|(name, _)| about(name)) {
            if memory.held.take().is_some() {
                self.resolved.push(name.clone());
            }
            if std::mem::take(&mut memory.standing) == FieldStanding::Parked {
                self.healed.push(name.clone());
            }
        }
    }
}

/// Decides.
pub fn decide(situation: &Situation<'_>) -> Decision {
    let mut draft = Draft::new(situation);
    draft.close_landed();
    draft.see();
    match (situation.rows.hubspot, situation.rows.salesforce) {
        (hubspot, salesforce) if situation.link.is_erased() => draft.erased(PerSide { hubspot, salesforce }),
        (Sight::Erased, _) => draft.erase(Side::HubSpot),
        (_, Sight::Erased) => draft.erase(Side::Salesforce),
        (hubspot, salesforce)
            if matches!(situation.link.status, Status::Apart { .. })
                && ![hubspot, salesforce].contains(&Sight::Absorbed) =>
        {
            draft.apart(PerSide { hubspot, salesforce });
        }
        (Sight::Absorbed, left_over) => draft.absorbed(Side::HubSpot, left_over),
        (left_over, Sight::Absorbed) => draft.absorbed(Side::Salesforce, left_over),
        (Sight::Lost, _) | (_, Sight::Lost) if situation.misses_somebody() => draft.suspect(),
        (Sight::Missing, Sight::Missing) => {}
        _ if draft.is_left_out() => draft.rest(),
        (Sight::Lost, left) => draft.still_gone(Side::HubSpot, left),
        (left, Sight::Lost) => draft.still_gone(Side::Salesforce, left),
        (Sight::Row(row), Sight::Missing) => draft.insert(Side::HubSpot, row),
        (Sight::Missing, Sight::Row(row)) => draft.insert(Side::Salesforce, row),
        (Sight::Row(hubspot), Sight::Row(salesforce)) => {
            let rows = PerSide { hubspot, salesforce };
            match (&hubspot.standing, &salesforce.standing) {
                (Standing::Alive, Standing::Alive) => {
                    draft.both_alive();
                    draft.fields(rows);
                    draft.issue_updates(rows);
                    draft.revive();
                }
                (Standing::Alive, Standing::Archived { .. })
                    if draft.is_archived_by_us(Side::Salesforce, salesforce) =>
                {
                    draft.archived_in_vain(rows);
                }
                (Standing::Archived { .. }, Standing::Archived { .. })
                    if draft.is_archived_by_us(Side::Salesforce, salesforce) =>
                {
                    draft.archived(rows);
                }
                (Standing::Archived { .. }, Standing::Alive) => draft.one_deleted(Side::HubSpot, rows),
                (Standing::Alive, Standing::Archived { .. }) => draft.one_deleted(Side::Salesforce, rows),
                (Standing::Archived { .. }, Standing::Archived { .. }) => draft.both_deleted(),
            }
        }
    }
    draft.finish()
}

/// Whether a row, read by id after the link, tells nothing that the other side has to know: mostly the echo of
/// our own write. Then the link as it is afterwards; the other row need not be read.
///
/// Landings move the base as ever, since that takes only the row that they landed on (P2). Anything else (an
/// edit, a cover, a delete, a flag, a refusal, an intent under way to the other side) is for [`decide`], with both rows.
#[must_use]
pub fn overhear(
    key: &ImageKey,
    object: &Object,
    link: &Link,
    side: Side,
    row: &Row,
    now: Timestamp,
) -> Option<Link> {
    let plain = row.standing == Standing::Alive
        && link.status == Status::Live
        && Side::BOTH.into_iter().all(|side| link.refused[side] == Refusal::None)
        && row.concord_id.as_ref() == Some(&link.id)
        && !is_flagged(object, side, row)
        && !link.waits_in_vain(object)
        && !link.intents.iter().any(|intent| {
            (intent.side != side && intent.progress.is_open()) || is_unsettled(object, link, intent)
        });
    if !plain {
        return None;
    }
    let mut after = link.clone();
    for field in object.fields.values() {
        if reference::awaits_somebody(field, side, row) {
            return None;
        }
        let settled = Scene { key, field, link }.settle(PerSide::only(side, row));
        let Settled { mut base, views, .. } = settled.ok()?;
        let view = &views[side];
        view.advance(side, &mut base);
        let memory = after.fields.entry(field.name.clone()).or_default();
        if memory.held.is_some_and(|held| held.taken.is_some()) {
            return None;
        }
        let known = memory.held.map(|held| held.values[side]);
        let known = known.or(base.as_ref().map(|base| base.images[side].hash));
        let quiet = view.hash.is_some() && view.hash == known && view.stands == Stands::Shown;
        if !quiet || memory.standing == FieldStanding::Parked {
            return None;
        }
        memory.base = base;
    }
    draft::close_landed(&mut after, side, row);
    draft::forget(object, &mut after, now);
    let open = after.intents.iter().any(|intent| intent.progress.is_open());
    (!open).then_some(after)
}

/// A conflict goes as a person said who saw these very values. Whatever they have not seen is held anew.
fn as_taken(verdict: Verdict, held: Option<&Held>, views: PerSide<&View>) -> Verdict {
    match (verdict, held) {
        (Verdict::Hold, Some(Held { values, taken: Some(side) }))
            if Side::BOTH.iter().all(|side| views.as_ref()[*side].hash == Some(values[*side]))
                && !views.as_ref()[*side].value.is_unknown() =>
        {
            Verdict::Carry { from: *side, why: Why::Taken }
        }
        (verdict, _) => verdict,
    }
}

impl Draft<'_> {
    /// Settles and merges every field of a pair that lives on both sides.
    fn fields(&mut self, rows: PerSide<&Row>) {
        for field in self.situation.object.fields.values() {
            let scene = Scene { key: self.situation.key, field, link: self.situation.link };
            let settled = scene.settle(rows.map(Some)).or_else(|fault| scene.agreed_as_shown(fault, rows));
            match settled.and_then(|settled| self.field(field, settled, rows)) {
                Ok(()) => self.heal(field),
                Err(fault) => self.fault(field, fault),
            }
            self.wait_for_strangers(field, rows);
        }
    }

    fn fault(&mut self, field: &Field, fault: FieldFault) {
        if let FieldFault::Unmappable(Unmappable::Read { reason: Reason::Unpaired, .. }) = fault {
            self.decision.unpaired.push(field.name.clone());
        }
        let memory = self.memory(field);
        if memory.standing == FieldStanding::Kept {
            memory.standing = FieldStanding::Parked;
            self.decision.faults.push((field.name.clone(), fault));
        }
    }

    fn heal(&mut self, field: &Field) {
        let memory = self.memory(field);
        if memory.standing == FieldStanding::Parked {
            memory.standing = FieldStanding::Kept;
            self.decision.healed.push(field.name.clone());
        }
    }

    fn field(&mut self, field: &Field, settled: Settled, rows: PerSide<&Row>) -> Result<(), FieldFault> {
        if reference::is_set(field) {
            return self.associate(field, &settled, rows);
        }
        let views = settled.views.as_ref();
        let before = self.situation.link.fields.get(&field.name).cloned().unwrap_or_default();
        let verdict = as_taken(
            merge(self.situation.key, settled.base.as_ref(), views, field.direction, field.conflict),
            before.held.as_ref(),
            views,
        );
        self.memory(field).base = settled.base.clone();
        if views.hubspot.stands == Stands::Covered {
            self.restore(field, views.hubspot)?;
        }
        match &verdict {
            Verdict::Nothing | Verdict::Unseen => {}
            Verdict::Agreed => self.agree(field, &settled),
            Verdict::Carry { from, why } => self.carry(field, &settled, *from, *why)?,
            Verdict::Amend { to, value } => self.amend(field, &settled, *to, value)?,
            Verdict::Hold => self.hold(field, &settled, rows),
        }
        views.hubspot.advance(Side::HubSpot, &mut self.memory(field).base);
        let over = match verdict {
            Verdict::Hold | Verdict::Unseen | Verdict::Carry { why: Why::Taken, .. } => false,
            Verdict::Nothing | Verdict::Agreed | Verdict::Carry { .. } | Verdict::Amend { .. } => true,
        };
        if over && before.held.is_some() {
            self.memory(field).held = None;
            self.decision.resolved.push(field.name.clone());
        }
        if self.decision.link.fields.get(&field.name) != Some(&before) || self.writes(field) {
            self.record_losers(field, &settled);
        }
        self.claim_key(field, verdict, views);
        Ok(())
    }

    /// Both hold the same: that is the base from now on, newer than anything that may still land late.
    fn agree(&mut self, field: &Field, settled: &Settled) {
        let (Some(hubspot), Some(salesforce)) = (
            settled.views.hubspot.image(self.situation.key),
            settled.views.salesforce.image(self.situation.key),
        ) else {
            return;
        };
        let number = self.decision.link.issued;
        let unchanged = settled.base.as_ref().is_some_and(|base| {
            base.images.hubspot.hash == hubspot.hash
                && base.images.salesforce.hash == salesforce.hash
                && !self.may_land_late(field, base.number)
        });
        if !unchanged {
            let images = PerSide { hubspot, salesforce };
            self.memory(field).base = Some(Base { number, images, proof: Proof::Seen });
        }
    }

    fn carry(&mut self, field: &Field, settled: &Settled, from: Side, why: Why) -> Result<(), FieldFault> {
        let (source, target) = (&settled.views[from], &settled.views[from.other()]);
        let Some(image) = source.image(self.situation.key) else { return Ok(()) };
        if source.value.is_unknown() {
            return Ok(()); // Only its hash is at hand: it is the agreed value, and nothing was lost.
        }
        let written = self.write(
            field,
            from.other(),
            &source.value,
            target.place,
            Role::Carry { source: image.clone() },
        )?;
        if target.hash == Some(written.sent) && target.stands == Stands::Shown {
            // The other side cannot tell the two values apart: it holds this one already.
            if let Some(stored) = target.image(self.situation.key) {
                let images = PerSide::of(|side| if side == from { &image } else { &stored }.clone());
                let number = self.decision.link.issued;
                self.memory(field).base = Some(Base { number, images, proof: Proof::Seen });
            }
            return Ok(());
        }
        let landed = settled.base.as_ref().map_or(Token(0), |base| base.number);
        if why.may_go_round() && self.was_taken_away(from.other(), &written, landed) {
            return Err(FieldFault::BackAndForth(from.other()));
        }
        if why.takes_away() && target.value != Presence::Blank {
            self.harm[from.other()].changes = 1;
        }
        let loser = why.leaves_a_loser().then(|| target.value.clone());
        let line = self.line(field, settled, why.rule(), Some(from.other()), &source.value, loser);
        self.push(from.other(), written, Some(line));
        Ok(())
    }

    fn amend(
        &mut self,
        field: &Field,
        settled: &Settled,
        to: Side,
        value: &Presence<Value>,
    ) -> Result<(), FieldFault> {
        let part = self.write(field, to, value, settled.views[to].place, Role::Amend)?;
        let line = self.line(field, settled, Why::Union.rule(), Some(to), value, None);
        self.push(to, part, Some(line));
        Ok(())
    }

    fn restore(&mut self, field: &Field, view: &View) -> Result<(), FieldFault> {
        let part = self.write(field, Side::HubSpot, &view.value, view.place, Role::Restore)?;
        let values = PerSide { hubspot: view.value.clone(), salesforce: Presence::Unknown };
        let line = self.entry(
            Some(field.name.clone()),
            "P3 a skipped landing is taken back",
            Some(Side::HubSpot),
            values,
            view.value.clone(),
        );
        self.push(Side::HubSpot, part, Some(line));
        Ok(())
    }

    /// Neither side is changed; both values are kept and a person is asked. Said once per pair of values.
    fn hold(&mut self, field: &Field, settled: &Settled, rows: PerSide<&Row>) {
        let (Some(hubspot), Some(salesforce)) = (settled.views.hubspot.hash, settled.views.salesforce.hash)
        else {
            return;
        };
        let held = Some(Held { values: PerSide { hubspot, salesforce }, taken: None });
        if self.memory(field).held == held {
            return;
        }
        self.memory(field).held = held;
        let values = PerSide::of(|side| settled.views[side].value.clone());
        self.decision.conflicts.push(Conflict {
            link: self.situation.link.id.clone(),
            object: self.situation.link.object.clone(),
            field: field.name.clone(),
            values,
            edited: PerSide::of(|side| Some(rows[side].edited(field, side, settled.views[side].edited?))),
            records: self.situation.link.records.clone(),
            since: self.situation.now,
        });
        let line = self.line(field, settled, "P7 hold", None, &Presence::Unknown, None);
        self.decision.journal.push(line);
    }

    fn record_losers(&mut self, field: &Field, settled: &Settled) {
        for loser in &settled.losers {
            // Salesforce's half of what was covered is gone; HubSpot has it still, unless somebody has changed it there since.
            let hubspot = &settled.views.hubspot;
            let agreed = settled.base.as_ref().map(|base| base.images.hubspot.hash);
            let loser = if loser.is_unknown() && agreed == hubspot.hash { &hubspot.value } else { loser };
            let rule = "P3 edited on top of a skipped landing";
            let line = self.line(field, settled, rule, None, &Presence::Unknown, Some(loser.clone()));
            self.decision.journal.push(line);
        }
    }

    /// The part that writes `value` to a side.
    fn write(
        &self,
        field: &Field,
        to: Side,
        value: &Presence<Value>,
        seen: crate::link::Place,
        role: Role,
    ) -> Result<crate::link::Part, FieldFault> {
        let values = field.render(to, value)?;
        // What is not written has no part in it: the currency of a blank amount.
        let written = |wire: &WireName| {
            let of_wire = values.iter().find(|(name, _)| name == wire);
            of_wire.map_or(Presence::Blank, |(_, raw)| raw.clone())
        };
        let raw: Vec<_> = field.wire[to].iter().map(written).collect();
        let sent = self.hash_of(&field.canonicalise(to, &raw)?);
        Ok(crate::link::Part { field: field.name.clone(), role, seen, sent, values })
    }

    fn hash_of(&self, value: &Presence<Value>) -> ImageHash {
        self.situation.key.hash(Known(value.value()))
    }

    fn line(
        &self,
        field: &Field,
        settled: &Settled,
        rule: &str,
        target: Option<Side>,
        after: &Presence<Value>,
        loser: Option<Presence<Value>>,
    ) -> JournalEntry {
        let before = PerSide::of(|side| settled.views[side].value.clone());
        JournalEntry { loser, ..self.entry(Some(field.name.clone()), rule, target, before, after.clone()) }
    }

    fn entry(
        &self,
        field: Option<FieldName>,
        rule: &str,
        target: Option<Side>,
        before: PerSide<Presence<Value>>,
        after: Presence<Value>,
    ) -> JournalEntry {
        JournalEntry {
            link: self.situation.link.id.clone(),
            generation: self.decision.link.generation,
            field,
            rule: rule.to_owned(),
            target,
            before,
            after,
            loser: None,
            contract: self.situation.contract,
            at: self.situation.now,
        }
    }
}
