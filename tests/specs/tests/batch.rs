//! What becomes of a batch of messages: filling, poison, partial failure, the deadline.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::cell::RefCell;

use concord_core::batch::{Body as _, Deadline, Fate, Incoming, work};
use concord_core::names::{LinkId, ObjectName, RecordId, Side, Token};
use concord_core::port::{Hints, IntentRef, Messages, ParkKey, Parked, QueueError, Sends, Store as _};
use concord_core::step::{Next, StepError};
use concord_sandbox::store::MemoryStore;
use jiff::{SignedDuration, Timestamp};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn message(id: &str, group: &str) -> Incoming {
    let hints = Hints {
        side: Side::HubSpot,
        object: ObjectName::from("contact"),
        ids: vec![RecordId::from(id)],
        erased: false,
        not_before: None,
        correlation: "c".to_owned(),
    };
    Incoming {
        id: id.to_owned(),
        group: group.to_owned(),
        body: serde_json::to_string(&Messages::Hints(hints)).unwrap(),
        receipt: format!("receipt {id}"),
        receive_count: 1,
    }
}

fn failure() -> StepError {
    StepError::Queue(QueueError { count: 1, of: 1, reason: "down".to_owned() })
}

/// Works through messages at second 0 with a minute left: the ids of each call that was begun, and the fates.
fn worked(
    messages: &[Incoming],
    store: &MemoryStore,
    answer: impl Fn(&[&str]) -> Result<Next, StepError>,
) -> (Vec<String>, Vec<Fate>) {
    let begun = RefCell::new(Vec::new());
    let step = async |hints: &Hints| {
        let ids: Vec<&str> = hints.ids.iter().map(RecordId::as_str).collect();
        begun.borrow_mut().push(ids.join(" "));
        answer(&ids)
    };
    let fates = block_on(work(messages, Deadline(at(60)), || at(0), store, step));
    (begun.into_inner(), fates)
}

/// The same message, with its hints changed.
fn told(message: Incoming, change: impl FnOnce(&mut Hints)) -> Incoming {
    let mut hints = Hints::read(&message.body).unwrap();
    change(&mut hints);
    Incoming { body: serde_json::to_string(&Messages::Hints(hints)).unwrap(), ..message }
}

/// The same message, received before.
fn again(message: Incoming) -> Incoming {
    Incoming { receive_count: 2, ..message }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn messages_about_one_side_and_object_are_one_call() {
    let batch = [message("a1", "a"), message("b1", "b"), message("a2", "a")];

    let (begun, fates) = worked(&batch, &MemoryStore::new(), |_| Ok(Next::Done));

    assert_eq!(begun, ["a1 b1 a2"]);
    assert_eq!(fates, [Fate::Done, Fate::Done, Fate::Done]);
}

#[test]
fn a_call_is_filled_with_a_hundred_records_and_no_more() {
    let full = |id: &str, count: u32| {
        told(message(id, "a"), |hints| {
            hints.ids = (0..count).map(|n| RecordId::new(format!("{id}{n}"))).collect();
        })
    };
    let batch = [full("x", 60), full("y", 61), message("z", "b"), full("w", 39)];
    let (begun, _) = worked(&batch, &MemoryStore::new(), |_| Ok(Next::Done));

    let sizes: Vec<usize> = begun.iter().map(|ids| ids.split(' ').count()).collect();
    assert_eq!(sizes, [100, 61]);
}

#[test]
fn records_of_another_side_or_object_and_what_was_erased_are_another_call() {
    let batch = [
        message("h", "a"),
        told(message("s", "b"), |hints| hints.side = Side::Salesforce),
        told(message("c", "c"), |hints| hints.object = ObjectName::from("company")),
        // That these were erased is said of no others.
        told(message("e", "d"), |hints| hints.erased = true),
        told(message("f", "e"), |hints| hints.erased = true),
    ];

    let (begun, _) = worked(&batch, &MemoryStore::new(), |_| Ok(Next::Done));

    assert_eq!(begun, ["h", "s", "c", "e f"]);
}

#[test]
fn intents_are_filled_into_calls_like_hints() {
    let sends = |side: Side, object: &str, count: usize, not_before| Sends {
        side,
        object: ObjectName::from(object),
        intents: (0..count).map(|_| IntentRef { link: LinkId::from("l"), number: Token(1) }).collect(),
        not_before,
        correlation: "c".to_owned(),
    };
    let contacts = |count| sends(Side::HubSpot, "contact", count, None);
    let batch: Vec<Incoming> = [
        contacts(60),
        contacts(41),
        contacts(40),
        sends(Side::Salesforce, "contact", 2, None),
        sends(Side::HubSpot, "company", 3, None),
        sends(Side::HubSpot, "contact", 4, Some(at(7))),
    ]
    .into_iter()
    .zip(["a", "b", "c", "d", "e", "f"])
    .map(|(sends, id)| {
        let body = serde_json::to_string(&Messages::Intents(sends)).unwrap();
        Incoming { body, ..message(id, id) }
    })
    .collect();
    let begun = RefCell::new(Vec::new());
    let step = async |sends: &Sends| {
        begun.borrow_mut().push((sends.side, sends.object.to_string(), sends.intents.len()));
        Ok(Next::Done)
    };

    let fates = block_on(work(&batch, Deadline(at(60)), || at(0), &MemoryStore::new(), step));

    let calls = [
        (Side::HubSpot, "contact", 100),
        (Side::HubSpot, "contact", 41),
        (Side::Salesforce, "contact", 2),
        (Side::HubSpot, "company", 3),
    ];
    assert_eq!(begun.into_inner(), calls.map(|(side, object, count)| (side, object.to_owned(), count)));
    let waits = Fate::ComesAgain(at(7));
    assert_eq!(fates, [Fate::Done, Fate::Done, Fate::Done, Fate::Done, Fate::Done, waits]);
}

#[test]
fn a_failure_stops_its_group_and_a_message_that_failed_before_is_worked_on_alone() {
    let batch = [message("a1", "a"), again(message("b1", "b")), message("b2", "b"), message("a2", "a")];

    let (begun, fates) = worked(&batch, &MemoryStore::new(), |ids| match ids {
        ["b1"] => Err(failure()),
        _ => Ok(Next::Done),
    });

    assert_eq!(begun, ["a1 b2 a2", "b1"]);
    assert_eq!(fates, [Fate::Done, Fate::Failed, Fate::Failed, Fate::Done], "b2 shares the fate of b1");
}

#[test]
fn what_stands_behind_a_message_that_waits_waits_as_long() {
    let waits = told(message("a1", "a"), |hints| hints.not_before = Some(at(7)));
    let due = told(message("c1", "c"), |hints| hints.not_before = Some(at(0)));

    let (begun, fates) =
        worked(&[waits, message("a2", "a"), message("b1", "b"), due], &MemoryStore::new(), |_| {
            Ok(Next::Done)
        });

    let wait = Fate::ComesAgain(at(7));
    assert_eq!(fates, [wait, wait, Fate::Done, Fate::Done]);
    assert_eq!(begun, ["a2 b1 c1"]);
}

#[test]
fn what_a_step_puts_off_comes_again_when_it_says() {
    let batch = [message("a1", "a"), message("b1", "b")];

    let (_, fates) = worked(&batch, &MemoryStore::new(), |_| Ok(Next::NotBefore(at(9))));

    assert_eq!(fates, [Fate::ComesAgain(at(9)), Fate::ComesAgain(at(9))]);
}

#[test]
fn nothing_is_begun_near_the_deadline() {
    let within = |left: SignedDuration| {
        let begun = RefCell::new(0);
        let step = async |_: &Hints| -> Result<Next, StepError> {
            *begun.borrow_mut() += 1;
            Ok(Next::Done)
        };
        let deadline = Deadline(at(0) + left);
        let fates = block_on(work(&[message("a1", "a")], deadline, || at(0), &MemoryStore::new(), step));
        (begun.into_inner(), fates)
    };

    assert_eq!(within(Deadline::MARGIN), (1, vec![Fate::Done]));
    assert_eq!(within(Deadline::MARGIN - SignedDuration::from_secs(1)), (0, vec![Fate::ComesAgain(at(0))]));
}

#[test]
fn poison_is_parked_without_its_body_and_its_group_goes_on() {
    let store = MemoryStore::new();
    let mut poison = message("p", "a");
    poison.body = r#"{"kind": "hints", "email": "ada@example.com""#.to_owned();

    let (begun, fates) = worked(&[poison, message("a2", "a")], &store, |_| Ok(Next::Done));

    assert_eq!((begun, fates), (vec!["a2".to_owned()], vec![Fate::Done, Fate::Done]));
    let parked = block_on(store.parked(10)).unwrap();
    let reason =
        "the body cannot be read (line 1, column 44): find out who sent it; reconcile finds the records";
    let expected = Parked::new(ParkKey::Message("p".to_owned()), reason.to_owned(), at(0));
    assert_eq!(parked, [expected]);
}

#[test]
fn a_message_in_the_wrong_queue_is_parked_and_not_attempted() {
    let store = MemoryStore::new();
    let sends = async |_: &Sends| -> Result<Next, StepError> { panic!("hints were taken for intents") };

    let fates = block_on(work(&[message("h", "a")], Deadline(at(60)), || at(0), &store, sends));

    assert_eq!(fates, [Fate::Done]);
    let reasons: Vec<_> =
        block_on(store.parked(10)).unwrap().into_iter().map(|parked| parked.reason).collect();
    assert_eq!(reasons, ["hints in the queue of intents: check CONCORD_HINTS_QUEUE_URL"]);
}

#[test]
fn intents_in_the_queue_of_hints_are_parked_and_not_looked_at() {
    let store = MemoryStore::new();
    let sends = Sends {
        side: Side::HubSpot,
        object: ObjectName::from("contact"),
        intents: vec![IntentRef { link: LinkId::from("l"), number: Token(1) }],
        not_before: None,
        correlation: "c".to_owned(),
    };
    let body = serde_json::to_string(&Messages::Intents(sends)).unwrap();

    let (begun, fates) = worked(&[Incoming { body, ..message("i", "a") }], &store, |_| Ok(Next::Done));

    assert_eq!((begun, fates), (Vec::new(), vec![Fate::Done]));
    let reasons: Vec<_> =
        block_on(store.parked(10)).unwrap().into_iter().map(|parked| parked.reason).collect();
    assert_eq!(reasons, ["intents in the queue of hints: check CONCORD_INTENTS_QUEUE_URL"]);
}
