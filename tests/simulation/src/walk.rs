//! Short scenarios, lived through in the calm order, and how they end: what people see on both sides, and what an
//! operator sees of Concord. Whatever befalls the workers on the way, the end must be the same.

use anyhow::Context as _;
use concord_core::link::{Refusal, Status};
use concord_core::names::{LinkId, Side};
use concord_core::port::ParkKey;
use serde_json::json;

use crate::chance::Chance;
use crate::course::{Course, Strike};
use crate::display::{COMPANY, CONTACT, OBJECTS, ROLES, Role, Shown};
use crate::fault::Fault;
use crate::oracle::{self, Scene};
use crate::post::Handling;
use crate::profile::Profile;
use crate::turn::Effect;
use crate::users::restore;
use crate::watch::Broken;
use crate::world::World;

/// Something happens. Where a record is meant, it is the oldest of the scenario's type that is in use on that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Somebody makes a record.
    Make(Side),
    /// Two people make records with one key, one on each side.
    MakeTwins,
    /// Somebody puts a text into a field: the contract's name of it. Empty clears it.
    Put(Side, &'static str, &'static str),
    /// Somebody deletes a record.
    Delete(Side),
    /// Somebody takes the record out of the bin that was deleted first.
    Restore(Side),
    /// Somebody makes a company.
    MakeCompany(Side),
    /// Somebody puts a record into the oldest company.
    Join(Side),
    /// Somebody takes it out of its company.
    Leave(Side),
    /// Somebody makes a contact.
    MakeContact(Side),
    /// Somebody puts the oldest contact into a deal, or takes it out.
    Involve(Side),
    /// Somebody gives the oldest contact this role in a deal, or takes it.
    Cast(Side, Role),
    /// Somebody erases a contact in HubSpot, as privacy law asks.
    Erase,
    /// Somebody merges the second oldest record into the oldest.
    Merge(Side),
    /// Somebody converts the oldest lead. Then HubSpot's contacts are made as leads, and there is no other contact.
    Convert,
    /// Whatever the CRMs have to tell by now is never told.
    Unheard,
    /// The next write of Concord's to this side takes effect, and its answer is lost.
    LosesAnswer(Side),
    /// Salesforce takes only this many characters as a contact's title.
    TitleTakes(u32),
    /// Nothing, until all is quiet.
    Quiet,
}

/// Characters of a contact's title, as Salesforce has it.
const TITLE_LENGTH: u32 = 128;

/// A short story.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// The contract's name of the object type.
    pub object: &'static str,
    /// The conflict rule of every field that may have one.
    pub policy: &'static str,
    /// Whether what is deleted in HubSpot is archived in Salesforce; else it is flagged.
    pub archives: bool,
    /// Whether both records of a contact that is erased go for good.
    pub purges: bool,
    /// In order.
    pub acts: &'static [Act],
    /// How it ends, as in [`Ended::end`].
    pub ends: &'static [&'static str],
}

impl Scenario {
    /// The same under another conflict rule.
    #[must_use]
    pub const fn under(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// The same where a delete is passed on by an archive.
    #[must_use]
    pub const fn archived(self) -> Self {
        Self { archives: true, ..self }
    }

    /// The same where both records of a contact that is erased go for good.
    #[must_use]
    pub const fn purged(self) -> Self {
        Self { purges: true, ..self }
    }
}

/// How a scenario ended.
#[derive(Debug)]
pub struct Ended {
    /// A line for each record, link, conflict, parked thing and loser on record, in sorted order, without anything
    /// that may differ from one run to the other: no ids, tokens or times.
    pub end: Vec<String>,
    /// Every effect that came up in the calm order until quiet.
    pub effects: Vec<Effect>,
    /// Those with which a job began.
    pub firsts: Vec<usize>,
    /// How often a worker was struck.
    pub struck: usize,
    /// What does not hold.
    pub broken: Option<Broken>,
    /// What happened.
    pub trace: Vec<String>,
}

/// Lives through a scenario, and checks all that is checked of any world at rest.
///
/// # Errors
/// The scenario cannot be played: a fault of ours in it.
pub fn play(scenario: &Scenario, strike: Strike) -> anyhow::Result<Ended> {
    let mut profile = Profile::calm(scenario.policy);
    profile.people.sell = scenario.object == "deal";
    profile.people.associate = profile.people.sell;
    profile.people.involve = profile.people.sell;
    profile.people.cast = scenario.acts.iter().any(|act| matches!(act, Act::Cast(..)));
    profile.people.convert = scenario.acts.contains(&Act::Convert);
    profile.archives = scenario.archives;
    profile.purges = scenario.purges;
    let mut world = World::of_profile(profile, true)?;
    world.course.strike = strike;
    let object = OBJECTS.iter().position(|object| object.name == scenario.object);
    let object = object.with_context(|| format!("no object type {}", scenario.object))?;
    for act in scenario.acts {
        world.perform(object, *act).with_context(|| format!("{:?} of {:?}", act, scenario.name))?;
    }
    let rested = world.settle();
    anyhow::ensure!(world.course.loses_answer.is_none(), "{:?}: no write lost its answer", scenario.name);
    let Course { effects, firsts, struck, .. } = std::mem::take(&mut world.course);
    let end = end_of(&world);
    let judged = rested.and_then(|()| oracle::check(&world)).and_then(|()| world.stays_quiet());
    let watch = world.site.watch();
    let broken = watch.broken.first().cloned().or(judged.err());
    Ok(Ended { end, effects, firsts, struck, broken, trace: watch.trace().to_vec() })
}

impl World {
    fn perform(&mut self, object: usize, act: Act) -> anyhow::Result<()> {
        let of = &OBJECTS[object];
        match act {
            Act::Make(side) => {
                self.users.create(&self.site, side, object, None).context("refused")?;
            }
            Act::MakeTwins => {
                let key = self.users.create(&self.site, Side::HubSpot, object, None).context("refused")?;
                self.users.create(&self.site, Side::Salesforce, object, Some(key)).context("refused")?;
            }
            Act::Put(side, name, text) => {
                let field = of.fields.iter().position(|field| field.name == name);
                let field = field.with_context(|| format!("no field {name}"))?;
                let record = self.living(side, object, 0)?;
                let put = self.users.put(&self.site, side, object, &record, (field, text));
                anyhow::ensure!(put, "refused");
            }
            Act::Delete(side) => {
                let record = self.living(side, object, 0)?;
                self.users.delete(&self.site, side, object, &record.id);
            }
            Act::Restore(side) => {
                let gone = self.users.deleted.iter().find(|(at, of, _)| (*at, *of) == (side, object));
                let (_, _, id) = gone.context("nothing was deleted there")?;
                restore(&self.site, side, object, id);
            }
            Act::MakeCompany(side) => {
                self.users.create(&self.site, side, COMPANY, None).context("refused")?;
            }
            Act::Join(side) => {
                let (record, company) = (self.living(side, object, 0)?, self.living(side, COMPANY, 0)?);
                let put = self.users.join(&self.site, side, object, &record, Some(&company.id), false);
                anyhow::ensure!(put, "refused");
            }
            Act::Leave(side) => {
                let record = self.living(side, object, 0)?;
                anyhow::ensure!(self.users.join(&self.site, side, object, &record, None, false), "refused");
            }
            Act::MakeContact(side) => {
                self.users.create(&self.site, side, CONTACT, None).context("refused")?;
            }
            Act::Involve(side) => {
                let (deal, contact) = (self.living(side, object, 0)?, self.living(side, CONTACT, 0)?);
                anyhow::ensure!(self.users.involve(&self.site, side, &deal, &contact.id), "refused");
            }
            Act::Cast(side, role) => {
                let (deal, contact) = (self.living(side, object, 0)?, self.living(side, CONTACT, 0)?);
                anyhow::ensure!(
                    self.users.cast(&self.site, side, &deal, &contact.id, role, false),
                    "refused"
                );
            }
            Act::Erase => {
                let record = self.living(Side::HubSpot, object, 0)?;
                self.users.erase(&self.site, &record.id);
                anyhow::ensure!(!self.users.erased.is_empty(), "refused");
            }
            Act::Merge(side) => {
                let (winner, loser) = (self.living(side, object, 0)?, self.living(side, object, 1)?);
                self.users.merge(&self.site, side, object, &winner, &loser);
                anyhow::ensure!(!self.users.merged.is_empty(), "refused");
            }
            Act::Convert => {
                self.users.convert(&self.site, &mut Chance::new(Vec::new()));
                anyhow::ensure!(!self.users.converted.is_empty(), "refused");
            }
            Act::Unheard => {
                self.site.watch().strike(Fault::NoticeDropped);
                self.post.collect(&self.site, || Handling::Dropped);
            }
            Act::LosesAnswer(side) => {
                self.site.watch().strike(Fault::AnswerLost);
                self.course.loses_answer = Some(side);
            }
            Act::TitleTakes(length) => {
                self.site.watch().strike(Fault::FieldShortened);
                self.disturbed = length < TITLE_LENGTH;
                self.salesforce_is(
                    "schema",
                    &json!({"object": "Contact", "field": "Title", "length": length}),
                );
            }
            Act::Quiet => self.drain().map_err(|broken| anyhow::anyhow!("{broken}"))?,
        }
        Ok(())
    }

    fn living(&self, side: Side, object: usize, at: usize) -> anyhow::Result<Shown> {
        let mut alive = self.users.look(&self.site, side, object).into_iter().filter(|shown| shown.alive);
        alive.nth(at).with_context(|| format!("no record {at} on {side}"))
    }
}

fn end_of(world: &World) -> Vec<String> {
    let scene = Scene::of(world);
    let mut end: Vec<String> =
        scene.records.iter().map(|((side, object, _), shown)| record_line(*side, *object, shown)).collect();
    end.extend(scene.links.iter().map(|link| {
        let status = match &link.status {
            Status::Live => "live".to_owned(),
            Status::Flagged { deleted } => format!("flagged, {deleted} deleted"),
            Status::Unlinked { deleted } => format!("unlinked, {deleted} gone"),
            Status::Apart { .. } => "apart".to_owned(),
            Status::Erased { .. } => "erased".to_owned(),
        };
        let refused = Side::BOTH.into_iter().filter(|side| link.refused[*side] == Refusal::Parked);
        let refused: String = refused.map(|side| format!(", {side} refused")).collect();
        let open = if link.open_since().is_some() { ", with an open intent" } else { "" };
        format!("link {}: {status}{refused}{open}", pair(&scene, &link.id))
    }));
    end.extend(scene.conflicts.iter().map(|conflict| {
        let [h, s] = Side::BOTH.map(|side| oracle::plain(&conflict.values[side]));
        format!("conflict {} of {}: {h} or {s}", conflict.field, pair(&scene, &conflict.link))
    }));
    end.extend(scene.parked.iter().map(|parked| match &parked.key {
        ParkKey::Record(record) => {
            format!("parked {} record {}", record.side, name(&scene, oracle::address(record)))
        }
        ParkKey::Field(link, field) => format!("parked {field} of {}", pair(&scene, link)),
        ParkKey::Message(_) => "parked message".to_owned(),
        ParkKey::Object(object) => format!("every {object} is stopped"),
        ParkKey::Type(side, of) => format!("{side} shows no {of}"),
    }));
    end.extend(scene.recorded.iter().map(|((link, field), losers)| {
        let losers: Vec<&str> = losers.iter().map(String::as_str).collect();
        format!("on record {field} of {}: {}", pair(&scene, link), losers.join(", "))
    }));
    end.sort();
    end
}

fn record_line(side: Side, object: usize, shown: &Shown) -> String {
    let Shown {
        id: _,
        values,
        alive,
        archived_by_us,
        merged_into,
        concord_id,
        made_by_us,
        flagged,
        company,
        owner: _,
        contacts,
        roles,
    } = shown;
    let values: Vec<&str> =
        values.iter().map(|value| if value.is_empty() { "-" } else { value.as_str() }).collect();
    let mut line = format!("{side} {}: {}", OBJECTS[object].name, values.join(" "));
    for (is, what) in [
        (*made_by_us, ", made by Concord"),
        (!*alive && merged_into.is_none() && !archived_by_us, ", deleted"),
        (*archived_by_us, ", archived"),
        (merged_into.is_some(), ", merged into another"),
        (*flagged, ", flagged"),
        (concord_id.is_none(), ", without a mark"),
        (company.is_some(), ", of a company"),
        (!contacts.is_empty(), ", with contacts"),
    ] {
        line.push_str(if is { what } else { "" });
    }
    let mut roles: Vec<Role> = roles.iter().map(|(_, role)| *role).collect();
    roles.sort_unstable();
    roles.into_iter().for_each(|role| line.push_str(&format!(", a {}", ROLES[role].0)));
    line
}

/// A link, by the keys of its records.
fn pair(scene: &Scene<'_>, id: &LinkId) -> String {
    match scene.links.iter().find(|link| link.id == *id) {
        Some(link) => Side::BOTH.map(|side| name(scene, scene.half(link, side))).join(" + "),
        None => "no link".to_owned(),
    }
}

/// A record, by its natural key.
fn name(scene: &Scene<'_>, record: Option<oracle::Address>) -> String {
    let Some(record) = record else { return "nothing".to_owned() };
    let key = usize::from(OBJECTS[record.1].name == "company");
    scene
        .records
        .get(&record)
        .map_or_else(|| "an unknown record".to_owned(), |shown| shown.values[key].clone())
}
