//! What is judged the moment it happens.

use concord_core::link::{Action, Intent, Part, Place, Progress, Role};
use concord_core::names::{ContractVersion, Fence, FieldName, Generation, PerSide, RecordKey, Token};
use concord_core::port::{EventKey, Hints, JournalEntry, Message, Messages, ParkKey, Parked, Queue as _};
use concord_core::value::{ImageKey, Known, Presence, Raw};
use concord_sandbox::crm::Notice;
use concord_simulation::desk::Desk;
use concord_simulation::post::{Handling, open};
use concord_simulation::users::SECRET_MARK;
use jiff::SignedDuration;

use super::*;

fn empty() -> World {
    World::of_profile(Profile::calm("hold"), false).unwrap()
}

fn commit_of(generation: u64) -> Commit {
    let mut link = Link::new(LinkId::new("a"), "contact".into(), ContractVersion(1));
    link.generation = Generation(generation);
    Commit::of_link(Expected::At(Generation(0)), link, Vec::new())
}

#[test]
fn i15_an_alias_leads_to_what_it_always_did() {
    let world = empty();
    let loser = RecordKey { side: H, object: "contact".into(), id: "1".into() };
    let to = |winner: &str, generation| Commit {
        aliases: vec![(loser.clone(), winner.into())],
        ..commit_of(generation)
    };
    commits(&world, &to("2", 1));
    commits(&world, &to("2", 2));
    assert_eq!(judged(&world), None);
    commits(&world, &to("3", 3));
    assert_eq!(judged(&world), Some("I15"));
}

#[test]
fn i21_no_more_deletes_are_passed_on_within_an_hour_than_the_contract_lets_through() {
    let mut world = empty();
    world.site.watch().has_brake();
    let flag = |generation| Commit {
        journal: vec![JournalEntry {
            link: LinkId::new("a"),
            generation: Generation(generation),
            field: None,
            rule: "P9 flag".to_owned(),
            target: Some(S),
            before: PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown },
            after: Presence::Unknown,
            loser: None,
            contract: ContractVersion(1),
            at: world.site.clock.now(),
        }],
        ..commit_of(generation)
    };
    let flags = [1, 2, 3, 4].map(flag);
    commits(&world, &flags[0]);
    world.pass(3_600_000);
    commits(&world, &flags[1]);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.site.watch().released(&"contact".into(), world.site.clock.now());
    commits(&world, &flags[2]);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.pass(3_700_000);
    commits(&world, &flags[3]);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    commits(&world, &commit_of(5));
    commits(&world, &Commit { journal: flags[3].journal.clone(), ..commit_of(6) });
    assert_eq!(invariants_seen(&world), ["I21"]);
}

#[test]
fn i24_a_fence_rises() {
    let world = empty();
    let event = EventKey("event".to_owned());
    world.site.watch().claimed(0, &event, Fence(1));
    world.site.watch().claimed(0, &event, Fence(2));
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.site.watch().claimed(0, &event, Fence(2));
    assert_eq!(invariants_seen(&world), ["I24"]);
}

#[test]
fn i26_nothing_is_written_before_it_is_stored() {
    let world = pair_made_in(H);
    let link = links(&world)[0].clone();
    let id = contacts(&world, S)[0].id.clone();
    let write = |token: Token| {
        let body = json!({"Concord_Id__c": link.id.as_str(), "Concord_Token__c": token.0, "Title": "zq"});
        let request = Request::patch(format!("/services/data/v66.0/sobjects/Contact/{id}"))
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let sent = async { Ok::<_, ()>(world.site.arrive_of_concord(S, &request, 0).await) };
        oracle::now(sent).unwrap();
    };
    write(link.issued);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    write(link.issued.next());
    assert_eq!(invariants_seen(&world), ["I26"]);
}

#[test]
fn i29_generations_leave_no_gap() {
    let world = empty();
    commits(&world, &commit_of(1));
    commits(&world, &commit_of(2));
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    commits(&world, &commit_of(4));
    assert_eq!(invariants_seen(&world), ["I29"]);
}

#[test]
fn i31_a_decision_that_calls_itself_a_bug_is_one() {
    let world = empty();
    world.site.watch().parked(&because("a bug in Concord: report it"));
    assert_eq!(invariants_seen(&world), ["I31"]);
}

#[test]
fn i32_a_change_event_that_the_front_door_does_not_know_is_not_passed_over() {
    let mut world = empty();
    world.users.create(&world.site, S, 0, None).unwrap();
    world.post.collect(&world.site, || Handling::Ordinary);
    let now = world.site.clock.now();
    assert_eq!(open(&world.site, &world.post.letters[..1], false, now).len(), 1);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.post.letters[0].notice = Notice::ChangeEvent(json!({"detail": "cut off"}));
    assert_eq!(open(&world.site, &world.post.letters[..1], false, now), []);
    assert_eq!(invariants_seen(&world), ["I32"]);
}

#[test]
fn i37_an_event_is_not_called_done_before_it_is_hinted() {
    let world = empty();
    let event = EventKey("event".to_owned());
    world.site.watch().claimed(0, &event, Fence(1));
    world.site.watch().hinted(0);
    world.site.watch().completed(0);
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.site.watch().claimed(0, &event, Fence(2));
    world.site.watch().hinted(1);
    world.site.watch().completed(0);
    assert_eq!(invariants_seen(&world), ["I37"]);
}

#[test]
fn i41_a_true_delivery_is_let_in() {
    let mut world = empty();
    world.users.create(&world.site, H, 0, None).unwrap();
    world.post.collect(&world.site, || Handling::Ordinary);
    let now = world.site.clock.now();
    assert!(!open(&world.site, &world.post.letters, false, now).is_empty());
    assert_eq!(open(&world.site, &world.post.letters, true, now), [], "a forged one is turned away");
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    // A front door whose clock is an hour ahead takes it for an old one, played again.
    let late = now.checked_add(SignedDuration::from_hours(1)).unwrap();
    assert_eq!(open(&world.site, &world.post.letters, false, late), []);
    assert_eq!(invariants_seen(&world), ["I41"]);
}

#[test]
fn i42_a_settled_intent_keeps_no_values() {
    let world = empty();
    let intent = |progress| Intent {
        number: Token(1),
        side: S,
        action: Action::Insert { lead: false },
        parts: vec![Part {
            field: FieldName::new("job_title"),
            role: Role::Amend,
            seen: Place::Token(Token(0)),
            sent: ImageKey::new([9; 16]).hash(Known(None)),
            values: vec![("Title".into(), Presence::Value(Raw::Text("Countess".to_owned())))],
        }],
        decided: jiff::Timestamp::UNIX_EPOCH,
        progress,
    };
    let of = |generation, progress| {
        let mut commit = commit_of(generation);
        commit.link.intents.push(intent(progress));
        commit
    };
    commits(&world, &of(1, Progress::Open));
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    commits(&world, &of(2, Progress::Closed));
    assert_eq!(invariants_seen(&world), ["I42"]);
}

#[test]
fn i42_a_reason_holds_no_value() {
    let world = empty();
    world.site.watch().parked(&because("the value is too long"));
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    world.site.watch().parked(&because(&format!("the value {SECRET_MARK}7 is too long")));
    assert_eq!(invariants_seen(&world), ["I42"]);
}

#[test]
fn i42_a_message_holds_no_value() {
    let world = empty();
    let desk = Desk { site: std::sync::Arc::clone(&world.site), worker: 0 };
    let send = |id: String| {
        let (object, correlation) = ("contact".into(), "c".to_owned());
        let ids = vec![id.as_str().into()];
        let hints = Hints { side: H, object, ids, erased: false, not_before: None, correlation };
        let message = Message { body: Messages::Hints(hints), group: "g".to_owned(), dedup: "d".to_owned() };
        // It waits for its turn, and is read before.
        assert_eq!(oracle::now(desk.send(&[message])), None);
    };
    send("1".to_owned());
    assert_eq!(invariants_seen(&world), Vec::<&str>::new());
    send(format!("{SECRET_MARK}1@example.com"));
    assert_eq!(invariants_seen(&world), ["I42"]);
}

fn because(reason: &str) -> Parked {
    let (key, since) = (ParkKey::Message("1".to_owned()), jiff::Timestamp::UNIX_EPOCH);
    Parked::new(key, reason.to_owned(), since)
}
