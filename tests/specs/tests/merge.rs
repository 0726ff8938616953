//! One field merged, by each policy (P7).

use std::collections::BTreeSet;

use concord_core::contract::{Direction, Policy};
use concord_core::link::{Base, Image, Place, Proof};
use concord_core::merge::{Verdict, Why, merge};
use concord_core::names::{PerSide, Side, Token};
use concord_core::settle::{Stands, View};
use concord_core::value::{ImageKey, Known, Presence, Value};
use jiff::Timestamp;

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

fn key() -> ImageKey {
    ImageKey::new([3; 16])
}

fn text(value: &str) -> Presence<Value> {
    if value.is_empty() { Presence::Blank } else { Presence::Value(Value::Text(value.to_owned())) }
}

fn set(choices: &[&str]) -> Presence<Value> {
    let choices: BTreeSet<String> = choices.iter().map(|choice| (*choice).to_owned()).collect();
    if choices.is_empty() { Presence::Blank } else { Presence::Value(Value::Choices(choices)) }
}

fn view(value: Presence<Value>, edited: Option<i64>) -> View {
    let edited = edited.and_then(|second| Timestamp::from_second(second).ok());
    let hash = Some(key().hash(Known(value.value())));
    let place = Place::Version(None);
    View { hash, value, place, stands: Stands::Shown, proof: Proof::Seen, edited }
}

/// The base on which both sides agreed on this value.
fn base(value: &Presence<Value>) -> Option<Base> {
    let image = || Image {
        hash: key().hash(Known(value.value())),
        place: Place::Version(None),
        elements: match value {
            Presence::Value(Value::Choices(choices)) => {
                choices.iter().map(|choice| key().hash(Known(set(&[choice]).value()))).collect()
            }
            Presence::Value(_) | Presence::Blank | Presence::Unknown => Vec::new(),
        },
    };
    let images = PerSide { hubspot: image(), salesforce: image() };
    Some(Base { number: Token(1), images, proof: Proof::Seen })
}

fn merged(base: Option<&Base>, hubspot: &View, salesforce: &View, policy: Policy) -> Verdict {
    merge(&key(), base, PerSide { hubspot, salesforce }, Direction::Both, policy)
}

#[test]
fn fill_lets_no_blank_win_and_names_a_winner_for_the_rest() {
    let base = base(&text("old"));
    let policy = Policy::Fill { otherwise: S };
    let (blank, ours, theirs) = (view(text(""), None), view(text("ours"), None), view(text("theirs"), None));
    assert_eq!(
        merged(base.as_ref(), &blank, &theirs, policy),
        Verdict::Carry { from: S, why: Why::BlankNeverWins }
    );
    assert_eq!(
        merged(base.as_ref(), &ours, &blank, policy),
        Verdict::Carry { from: H, why: Why::BlankNeverWins }
    );
    assert_eq!(
        merged(base.as_ref(), &ours, &theirs, policy),
        Verdict::Carry { from: S, why: Why::Authority }
    );
}

#[test]
fn a_clear_on_one_side_alone_is_an_edit_like_any_other() {
    let base = base(&text("old"));
    let (blank, old) = (view(text(""), None), view(text("old"), None));
    let verdict = merged(base.as_ref(), &blank, &old, Policy::Fill { otherwise: S });
    assert_eq!(verdict, Verdict::Carry { from: H, why: Why::OneSided });
}

#[test]
fn newest_wins_only_where_the_times_tell_and_differ_by_more_than_the_clocks_may() {
    let base = base(&text("old"));
    let policy = Policy::Newest { otherwise: S };
    let salesforce = view(text("theirs"), Some(1_000));
    let at = |second| view(text("ours"), second);
    let authority = Verdict::Carry { from: S, why: Why::Authority };
    assert_eq!(
        merged(base.as_ref(), &at(Some(1_006)), &salesforce, policy),
        Verdict::Carry { from: H, why: Why::Newest }
    );
    assert_eq!(merged(base.as_ref(), &at(Some(1_005)), &salesforce, policy), authority);
    assert_eq!(merged(base.as_ref(), &at(Some(990)), &salesforce, policy), authority);
    assert_eq!(merged(base.as_ref(), &at(None), &salesforce, policy), authority);
}

#[test]
fn a_union_keeps_what_either_side_added_and_drops_what_either_removed() {
    let base = base(&set(&["music", "sailing"]));
    let hubspot = view(set(&["music", "sailing", "reading"]), None); // added reading
    let salesforce = view(set(&["sailing", "cycling"]), None); // removed music, added cycling
    let verdict = merged(base.as_ref(), &hubspot, &salesforce, Policy::Union);
    assert_eq!(verdict, Verdict::Amend { to: S, value: set(&["cycling", "reading", "sailing"]) });
    // Once Salesforce holds the union, it is carried to HubSpot like an edit.
    let amended = view(set(&["cycling", "reading", "sailing"]), None);
    assert_eq!(
        merged(base.as_ref(), &hubspot, &amended, Policy::Union),
        Verdict::Carry { from: S, why: Why::Union }
    );
}

#[test]
fn what_one_side_does_not_show_changes_nothing() {
    let base = base(&text("old"));
    let hidden = View { hash: None, value: Presence::Unknown, ..view(text("x"), None) };
    let edited = view(text("new"), None);
    for policy in [Policy::Hold, Policy::Authority(H), Policy::Authority(S), Policy::Union] {
        assert_eq!(merged(base.as_ref(), &edited, &hidden, policy), Verdict::Unseen);
        assert_eq!(merged(None, &hidden, &edited, policy), Verdict::Unseen);
    }
}

#[test]
fn a_one_way_field_carries_its_sources_edits_and_ignores_its_targets() {
    let base = base(&text("old"));
    let (old, new) = (view(text("old"), None), view(text("new"), None));
    let one_way = |hubspot, salesforce| {
        merge(&key(), base.as_ref(), PerSide { hubspot, salesforce }, Direction::To(S), Policy::Hold)
    };
    assert_eq!(one_way(&new, &old), Verdict::Carry { from: H, why: Why::OneSided });
    assert_eq!(one_way(&old, &new), Verdict::Nothing);
}

#[test]
fn a_value_that_may_be_salesforces_own_rewriting_never_beats_an_edit() {
    let base = base(&text("old"));
    let hubspot = view(text("new"), None);
    let unproven = View { proof: Proof::Sent, ..view(text("OLD"), None) };
    let verdict = merged(base.as_ref(), &hubspot, &unproven, Policy::Authority(S));
    assert_eq!(verdict, Verdict::Carry { from: H, why: Why::Unproven });
    let old = view(text("old"), None);
    let verdict = merged(base.as_ref(), &old, &unproven, Policy::Hold);
    assert_eq!(verdict, Verdict::Carry { from: S, why: Why::OneSided }, "alone, it is carried");
}
