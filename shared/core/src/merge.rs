//! Merging one field: what each side did since the base, and whose value stands (P7).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::contract::{Direction, Policy};
use crate::link::{Base, Proof};
use crate::names::{PerSide, Side};
use crate::settle::{Stands, View, element};
use crate::value::{ImageKey, Presence, Value};

/// What becomes of a field. A comparable value; performing it is for others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nobody changed it, or the change is none of the other side's business.
    Nothing,
    /// One side does not show it: nothing is concluded (P8).
    Unseen,
    /// Both hold the same.
    Agreed,
    /// One side's value goes to the other.
    Carry {
        /// The side whose value it is.
        from: Side,
        /// Why.
        why: Why,
    },
    /// Both sides get elements that the other one has (sets only): this side first, the other follows.
    Amend {
        /// The side that is written to.
        to: Side,
        /// The merged set.
        value: Presence<Value>,
    },
    /// Neither side is changed and a person is asked.
    Hold,
}

/// Why a value was carried. Its text is the rule in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Only this side changed.
    OneSided,
    /// The two were never seen to agree and the other side holds nothing.
    Filled,
    /// Both changed and the contract names this side.
    Authority,
    /// Both changed and a person took this side's value.
    Taken,
    /// Both changed and this edit is known to be the later one.
    Newest,
    /// Both changed and the other side's is blank.
    BlankNeverWins,
    /// Both changed, but Salesforce's may be its own rewriting of what we sent (P4).
    Unproven,
    /// Nobody changed it, but a stale landing of ours stands over the agreed value.
    Repair,
    /// The set holds all that the other one does.
    Union,
}

impl Why {
    /// The rule, for the journal.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::OneSided => "P7 one side changed",
            Self::Filled => "P7 first agreement: a blank is filled",
            Self::Authority => "P7 authority",
            Self::Taken => "P7 as a person decided",
            Self::Newest => "P7 newest",
            Self::BlankNeverWins => "P7 fill: a blank never wins",
            Self::Unproven => "P4 unproven image never wins",
            Self::Repair => "P3 a stale landing is taken back",
            Self::Union => "P7 union",
        }
    }

    /// Whether what is carried for this reason may be taken away and carried again for ever: not what a person decided, and not
    /// what puts right a landing of ours.
    #[must_use]
    pub(crate) const fn may_go_round(self) -> bool {
        match self {
            Self::OneSided
            | Self::Filled
            | Self::Authority
            | Self::Newest
            | Self::BlankNeverWins
            | Self::Union => true,
            Self::Taken | Self::Unproven | Self::Repair => false,
        }
    }

    /// Whether what gives way is a value that somebody has and did not ask to be rid of.
    #[must_use]
    pub(crate) const fn takes_away(self) -> bool {
        match self {
            // What a field that goes one way meets for the first time need not be blank.
            Self::OneSided
            | Self::Authority
            | Self::Newest
            | Self::BlankNeverWins
            | Self::Unproven
            | Self::Filled => true,
            // The union holds all that was there.
            Self::Taken | Self::Repair | Self::Union => false,
        }
    }

    /// Whether the value that gives way was somebody's edit, and must be recorded as a loser.
    #[must_use]
    pub const fn leaves_a_loser(self) -> bool {
        match self {
            Self::Authority | Self::Newest | Self::BlankNeverWins | Self::Unproven => true,
            // The decision itself is on record, with both values.
            Self::Taken => false,
            Self::OneSided | Self::Filled | Self::Repair | Self::Union => false,
        }
    }
}

/// Two clocks may disagree by this much before one edit is called the later one. NTP-kept servers stay far
/// below; the figure is ours.
const CLOCK_ERROR: SignedDuration = SignedDuration::from_secs(5);

/// Merges one field.
pub fn merge(
    key: &ImageKey,
    base: Option<&Base>,
    views: PerSide<&View>,
    direction: Direction,
    policy: Policy,
) -> Verdict {
    let (Some(hubspot), Some(salesforce)) = (views.hubspot.hash, views.salesforce.hash) else {
        return Verdict::Unseen;
    };
    if hubspot == salesforce {
        return match views.salesforce.stands {
            Stands::Covered => Verdict::Carry { from: Side::HubSpot, why: Why::Repair },
            Stands::Shown => Verdict::Agreed,
        };
    }
    let edited = base.map(|base| PerSide {
        hubspot: base.images.hubspot.hash != hubspot,
        salesforce: base.images.salesforce.hash != salesforce,
    });
    if let Direction::To(target) = direction {
        let source = target.other();
        return match edited {
            Some(edited) if !edited[source] => Verdict::Nothing,
            Some(_) => Verdict::Carry { from: source, why: Why::OneSided },
            None => Verdict::Carry { from: source, why: Why::Filled },
        };
    }
    match edited {
        None => first(views, policy, key),
        Some(PerSide { hubspot: false, salesforce: false }) => repair(views),
        Some(PerSide { hubspot: true, salesforce: false }) => {
            Verdict::Carry { from: Side::HubSpot, why: Why::OneSided }
        }
        Some(PerSide { hubspot: false, salesforce: true }) => {
            Verdict::Carry { from: Side::Salesforce, why: Why::OneSided }
        }
        Some(PerSide { hubspot: true, salesforce: true }) if views.salesforce.proof == Proof::Sent => {
            Verdict::Carry { from: Side::HubSpot, why: Why::Unproven }
        }
        Some(PerSide { hubspot: true, salesforce: true }) => both(key, base, views, policy),
    }
}

/// Nobody changed it: the images differ by the CRMs' own rewriting only.
fn repair(views: PerSide<&View>) -> Verdict {
    match views.salesforce.stands {
        Stands::Covered => Verdict::Carry { from: Side::HubSpot, why: Why::Repair },
        Stands::Shown => Verdict::Nothing,
    }
}

/// The two were never seen to agree.
fn first(views: PerSide<&View>, policy: Policy, key: &ImageKey) -> Verdict {
    match (&views.hubspot.value, &views.salesforce.value) {
        (Presence::Blank, _) => Verdict::Carry { from: Side::Salesforce, why: Why::Filled },
        (_, Presence::Blank) => Verdict::Carry { from: Side::HubSpot, why: Why::Filled },
        (Presence::Value(_) | Presence::Unknown, Presence::Value(_) | Presence::Unknown) => {
            both(key, None, views, policy)
        }
    }
}

/// Both sides hold a change that the other one has not seen.
fn both(key: &ImageKey, base: Option<&Base>, views: PerSide<&View>, policy: Policy) -> Verdict {
    match policy {
        Policy::Hold => Verdict::Hold,
        Policy::Authority(side) => Verdict::Carry { from: side, why: Why::Authority },
        Policy::Newest { otherwise } => match (views.hubspot.edited, views.salesforce.edited) {
            // Salesforce tells only when the row was last touched: its edit of this field is that old or older.
            (Some(hubspot), Some(row)) if is_later(hubspot, row) => {
                Verdict::Carry { from: Side::HubSpot, why: Why::Newest }
            }
            (Some(_) | None, Some(_) | None) => Verdict::Carry { from: otherwise, why: Why::Authority },
        },
        Policy::Fill { otherwise } => match (&views.hubspot.value, &views.salesforce.value) {
            (Presence::Blank, _) => Verdict::Carry { from: Side::Salesforce, why: Why::BlankNeverWins },
            (_, Presence::Blank) => Verdict::Carry { from: Side::HubSpot, why: Why::BlankNeverWins },
            (Presence::Value(_) | Presence::Unknown, Presence::Value(_) | Presence::Unknown) => {
                Verdict::Carry { from: otherwise, why: Why::Authority }
            }
        },
        Policy::Union => union(key, base, views),
    }
}

fn is_later(this: Timestamp, than: Timestamp) -> bool {
    this.duration_since(than) > CLOCK_ERROR
}

/// `(h ∩ s) ∪ (h − b) ∪ (s − b)` (P12).
fn union(key: &ImageKey, base: Option<&Base>, views: PerSide<&View>) -> Verdict {
    let sets = PerSide { hubspot: set(&views.hubspot.value), salesforce: set(&views.salesforce.value) };
    let (Some(hubspot), Some(salesforce)) = (&sets.hubspot, &sets.salesforce) else {
        return Verdict::Hold;
    };
    let in_base = |side: Side, choice: &String| {
        base.is_some_and(|base| base.images[side].elements.contains(&element(key, choice)))
    };
    let mut merged: BTreeSet<String> = hubspot.intersection(salesforce).cloned().collect();
    merged.extend(hubspot.iter().filter(|choice| !in_base(Side::HubSpot, choice)).cloned());
    merged.extend(salesforce.iter().filter(|choice| !in_base(Side::Salesforce, choice)).cloned());
    if merged == *hubspot {
        Verdict::Carry { from: Side::HubSpot, why: Why::Union }
    } else if merged == *salesforce {
        Verdict::Carry { from: Side::Salesforce, why: Why::Union }
    } else {
        Verdict::Amend { to: Side::Salesforce, value: Value::choices(merged) }
    }
}

/// The elements of a set; `None` if it is not known.
pub(crate) fn set(value: &Presence<Value>) -> Option<BTreeSet<String>> {
    match value {
        Presence::Value(Value::Choices(choices)) => Some(choices.clone()),
        Presence::Blank => Some(BTreeSet::new()),
        Presence::Value(_) | Presence::Unknown => None,
    }
}
