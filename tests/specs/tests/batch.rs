//! What becomes of a batch of messages: filling, poison, partial failure, the deadline.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::cell::RefCell;

use concord_core::batch::{Body as _, Deadline, Fate, Incoming, work};
use concord_core::names::{ObjectName, RecordId, Side};
use concord_core::port::{Hints, Messages, ParkKey, Parked, QueueError, Sends, Store as _};
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
    let full = |id: &str| {
        let mut hints: Hints = Hints::read(&message(id, "a").body).unwrap();
        hints.ids = (0..60).map(|n| RecordId::new(format!("{id}{n}"))).collect();
        Incoming { body: serde_json::to_string(&Messages::Hints(hints)).unwrap(), ..message(id, "a") }
    };
    let (begun, _) =
        worked(&[full("x"), full("y"), message("z", "b")], &MemoryStore::new(), |_| Ok(Next::Done));

    let sizes: Vec<usize> = begun.iter().map(|ids| ids.split(' ').count()).collect();
    assert_eq!(sizes, [61, 60]);
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
    let mut waits = message("a1", "a");
    let mut hints = Hints::read(&waits.body).unwrap();
    hints.not_before = Some(at(7));
    waits.body = serde_json::to_string(&Messages::Hints(hints)).unwrap();

    let (begun, fates) =
        worked(&[waits, message("a2", "a"), message("b1", "b")], &MemoryStore::new(), |_| Ok(Next::Done));

    assert_eq!(fates, [Fate::ComesAgain(at(7)), Fate::ComesAgain(at(7)), Fate::Done]);
    assert_eq!(begun, ["a2 b1"]);
}

#[test]
fn nothing_is_begun_near_the_deadline() {
    let deadline = Deadline(at(0) + Deadline::MARGIN - SignedDuration::from_secs(1));
    let step = async |_: &Hints| -> Result<Next, StepError> { panic!("begun with too little time") };

    let fates = block_on(work(&[message("a1", "a")], deadline, || at(0), &MemoryStore::new(), step));

    assert_eq!(fates, [Fate::ComesAgain(at(0))]);
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
