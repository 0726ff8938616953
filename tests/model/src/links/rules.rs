//! What a run varies: the rules, the ways to break them, and the bounds.

use std::fmt;

use super::terms::Side;

/// Who wins a conflict (P7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// This side.
    Authority(Side),
    /// Neither; both values stay and a person is asked.
    Hold,
    /// The later edit, where that is certain; else this side.
    Newest {
        /// Wins where the order is not certain.
        otherwise: Side,
        /// How the order is made out.
        clock: Clock,
    },
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(side) => write!(f, "{side} wins"),
            Self::Hold => f.write_str("hold"),
            Self::Newest { otherwise, .. } => write!(f, "else {otherwise}"),
        }
    }
}

/// How `newest` makes out which edit was later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Only HubSpot knows when a *field* was edited, so only HubSpot can be later, by more than the clocks' error.
    Bounded,
    /// Broken on purpose: as if the clocks agreed.
    Trusted,
    /// Broken on purpose: as if Salesforce's row stamp were the field's.
    RowStamp,
    /// Broken on purpose: as if a value had been typed where HubSpot's history was last accounted for.
    PlaceStamp,
}

/// What moves a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// P2: the token on the row, and a by-id read with equal effective values.
    Token,
    /// The old text of P2, P3 and P5: the token that the row carries now.
    RowToken,
    /// The obvious design: the commit that issues the write.
    BeforeWrite,
    /// The other obvious design: the write's answer.
    AfterWrite,
}

/// What a side offers against writing over an unseen edit (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// Every version, in order, with our token.
    History,
    /// A write lands only on the row with the stamp that it was decided on.
    CompareAndSet,
}

/// One rule broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// H settles from its answer.
    HResponse,
    /// Equality is of shown values, not of effective ones.
    EqualRaw,
    /// A landing that hid somebody's different version moves the base.
    HiddenMoves,
    /// A landing hid nothing if the value that it went over is the one that it was decided on, though a person may
    /// have typed it since.
    HiddenByValue,
    /// A restore moves the base.
    RestoreMoves,
    /// Landed on H means that the row carries the token now.
    CurrentToken,
    /// An edit on top of a skipped landing is only an edit: no loser is recorded, the base stays.
    EditOnZombie,
    /// Details of intents that were not seen to land are dropped when they close.
    ForgetZombies,
    /// Details of intents that landed are dropped when they close.
    ForgetSettled,
    /// A landing moves the base of the whole row.
    WholeRow,
    /// The rows are read before the link.
    LinkReadLast,
    /// A landing with a lower number moves the base, too.
    Unnumbered,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::HResponse,
        Self::EqualRaw,
        Self::HiddenMoves,
        Self::HiddenByValue,
        Self::RestoreMoves,
        Self::CurrentToken,
        Self::EditOnZombie,
        Self::ForgetZombies,
        Self::ForgetSettled,
        Self::WholeRow,
        Self::LinkReadLast,
        Self::Unnumbered,
    ];

    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HResponse => "hresponse",
            Self::EqualRaw => "equalraw",
            Self::HiddenMoves => "hiddenmoves",
            Self::HiddenByValue => "hiddenbyvalue",
            Self::RestoreMoves => "restoremoves",
            Self::CurrentToken => "currenttoken",
            Self::EditOnZombie => "editonzombie",
            Self::ForgetZombies => "forgetzombies",
            Self::ForgetSettled => "forgetsettled",
            Self::WholeRow => "wholerow",
            Self::LinkReadLast => "linkreadlast",
            Self::Unnumbered => "unnumbered",
        }
    }
}

/// What is taken for the image of a side that rewrites what it is sent and does not answer with it (P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Whatever the row shows.
    Always,
    /// What was sent.
    Sent,
    /// What the row shows if we were the last to modify it, else what was sent.
    IfOurs,
    /// The same, and what is only sent never wins a conflict.
    Weak,
}

/// What Salesforce's stamps tell (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// Each change has its own: what the model of the design assumed.
    Exact,
    /// A second each; any read is taken for a precondition.
    Second,
    /// A second each; a read is a precondition only if its answer's second is later than the row's, and the answer
    /// is dated when the server looks at the row. A read that is *asked for* after an answer with a later second
    /// was in hand comes to the same, however answers are dated.
    SecondWaited,
    /// The same, but the answer is dated when it leaves the server, some time after the look at the row.
    SecondAnsweredLater,
}

/// A history that keeps only some versions of each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    /// This many of each field, and of the token.
    pub versions_max: usize,
    /// What is done if they do not reach back to the base.
    pub then: Beyond,
}

/// What is done if the history does not reach back to the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// The field is parked.
    Park,
    /// Broken on purpose: what is left is taken for all there was.
    GoOn,
}

/// How long the details of intents are kept (P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Details {
    /// For ever: no time passes.
    Kept,
    /// Until no attempt can land: all are dropped as soon as that is so, and nothing is open or held.
    Dropped,
}

/// The rules of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Its name in the table.
    pub name: &'static str,
    /// Who wins a conflict.
    pub policy: Policy,
    /// What moves a base.
    pub moves: Moves,
    /// What HubSpot offers.
    pub hubspot: Guard,
    /// What Salesforce offers.
    pub salesforce: Guard,
    /// Which of the rules is broken on purpose.
    pub broken: Option<Mutant>,
    /// If Salesforce rewrites: how that is dealt with.
    pub rewriting: Option<Echo>,
    /// What Salesforce's stamps tell.
    pub stamps: Stamps,
    /// If HubSpot's history is cut.
    pub truncated: Option<Truncated>,
    /// How long the details of intents are kept.
    pub details: Details,
}

impl Rules {
    /// P1 to P5 and P7 as DESIGN section 4 has them.
    #[must_use]
    pub const fn fixed(policy: Policy) -> Self {
        Self {
            name: "fixed",
            policy,
            moves: Moves::Token,
            hubspot: Guard::History,
            salesforce: Guard::CompareAndSet,
            broken: None,
            rewriting: None,
            stamps: Stamps::Exact,
            truncated: None,
            details: Details::Kept,
        }
    }

    /// The same with one of them broken on purpose.
    #[must_use]
    pub const fn broken(policy: Policy, mutant: Mutant) -> Self {
        Self { name: mutant.name(), broken: Some(mutant), ..Self::fixed(policy) }
    }

    /// The old text of P2, P3 and P5.
    #[must_use]
    pub const fn as_written(policy: Policy) -> Self {
        Self { name: "as written", moves: Moves::RowToken, ..Self::fixed(policy) }
    }

    /// The same, with time that passes whenever it can.
    #[must_use]
    pub const fn dropping(policy: Policy) -> Self {
        Self { name: "fixed, details dropped", details: Details::Dropped, ..Self::fixed(policy) }
    }

    /// The obvious design: the base follows the commit that issues the write.
    #[must_use]
    pub const fn base_before(policy: Policy) -> Self {
        Self { name: "base before the write", moves: Moves::BeforeWrite, ..Self::fixed(policy) }
    }

    /// The other obvious design: the base follows the write's answer.
    #[must_use]
    pub const fn base_after(policy: Policy) -> Self {
        Self { name: "base after the write", moves: Moves::AfterWrite, ..Self::fixed(policy) }
    }

    /// Salesforce without a precondition, but with field history that includes the token.
    #[must_use]
    pub const fn batched(policy: Policy) -> Self {
        Self { name: "batched", salesforce: Guard::History, ..Self::fixed(policy) }
    }

    /// Whether a rule is broken on purpose.
    #[must_use]
    pub fn breaks(&self, mutant: Mutant) -> bool {
        self.broken == Some(mutant)
    }

    /// What a side offers.
    #[must_use]
    pub const fn guard(&self, side: Side) -> Guard {
        match side {
            Side::H => self.hubspot,
            Side::S => self.salesforce,
        }
    }
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// One field or two.
    pub fields: usize,
    /// Edits by people, in all.
    pub edits: usize,
    /// Where people edit.
    pub edited: &'static [Side],
    /// Whether people also take an edit back: they type what their side showed before.
    pub undo: bool,
    /// Workers. One does one thing after the other; two read, decide and write at the same time.
    pub workers: usize,
    /// Crashes, lost answers, late and repeated landings, in all.
    pub faults: u8,
    /// Intents, in all: two workers can redo each other's work for ever.
    pub intents: u8,
}

impl Bounds {
    /// One worker; two fields; ten intents, which are never reached.
    #[must_use]
    pub const fn of(edits: usize, faults: u8) -> Self {
        Self { fields: 2, edits, edited: &Side::BOTH, undo: false, workers: 1, faults, intents: 10 }
    }

    /// The same with people in Salesforce only.
    #[must_use]
    pub const fn edited_in_salesforce(self) -> Self {
        Self { edited: &[Side::S], ..self }
    }

    /// The same with people who take edits back.
    #[must_use]
    pub const fn with_undo(self) -> Self {
        Self { undo: true, ..self }
    }

    /// The same with so many edits.
    #[must_use]
    pub const fn edits(self, edits: usize) -> Self {
        Self { edits, ..self }
    }

    /// The same with so many faults.
    #[must_use]
    pub const fn faults(self, faults: u8) -> Self {
        Self { faults, ..self }
    }

    /// The same with another number of fields.
    #[must_use]
    pub const fn fields(self, fields: usize) -> Self {
        Self { fields, ..self }
    }

    /// The same with two workers, and fewer intents.
    #[must_use]
    pub const fn two_workers(self, intents: u8) -> Self {
        Self { workers: 2, intents, ..self }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let plural =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let mut words = vec![plural(self.fields, "field"), plural(self.edits, "edit")];
        if self.undo {
            words.push("undo".to_owned());
        }
        if self.edited.len() < Side::BOTH.len() {
            words.push(format!("people in {:?} only", self.edited));
        }
        words.push(format!("{}w/{}f", self.workers, self.faults));
        if self.workers > 1 {
            words.push(plural(usize::from(self.intents), "intent"));
        }
        words.join(", ")
    }
}
