use super::*;

use std::cell::RefCell;

use concord_core::names::{ObjectName, RecordId, Side};
use concord_core::port::QueueError;
use concord_sandbox::store::MemoryStore;
use jiff::Timestamp;

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

/// Works through messages at second 0 with a minute left; what was begun, in order, and the fates.
fn worked(
    messages: &[Incoming],
    store: &MemoryStore,
    answer: impl Fn(&str) -> Result<Next, StepError>,
) -> (Vec<String>, Vec<Fate>) {
    let begun = RefCell::new(Vec::new());
    let step = async |hints: &Hints| {
        let id = hints.ids[0].as_str();
        begun.borrow_mut().push(id.to_owned());
        answer(id)
    };
    let fates = block_on(work(messages, Deadline(at(60)), || at(0), store, step));
    (begun.into_inner(), fates)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_failure_stops_its_group_and_no_other() {
    let batch =
        [message("a1", "a"), message("b1", "b"), message("a2", "a"), message("b2", "b"), message("a3", "a")];

    let (begun, fates) = worked(&batch, &MemoryStore::new(), |id| match id {
        "a2" => Err(failure()),
        _ => Ok(Next::Done),
    });

    assert_eq!(fates, [Fate::Done, Fate::Done, Fate::Failed, Fate::Done, Fate::Failed]);
    let of = |group: char| begun.iter().filter(|id| id.starts_with(group)).collect::<Vec<_>>();
    assert_eq!(of('a'), ["a1", "a2"], "a3 must not overtake a2");
    assert_eq!(of('b'), ["b1", "b2"]);
}

#[test]
fn what_stands_behind_a_message_that_waits_waits_as_long() {
    let batch = [message("a1", "a"), message("a2", "a"), message("b1", "b")];

    let (begun, fates) = worked(&batch, &MemoryStore::new(), |id| match id {
        "a1" => Ok(Next::NotBefore(at(7))),
        _ => Ok(Next::Done),
    });

    assert_eq!(fates, [Fate::ComesAgain(at(7)), Fate::ComesAgain(at(7)), Fate::Done]);
    assert_eq!(begun, ["a1", "b1"]);
}

#[test]
fn nothing_is_begun_near_the_deadline() {
    // Given a step that takes fifteen seconds, and the margin's time and one second left,
    let clock = RefCell::new(at(0));
    let deadline = Deadline(at(1) + Deadline::MARGIN);
    let batch = [message("a1", "a"), message("a2", "a")];
    let step = async |_: &Hints| {
        let later = *clock.borrow() + SignedDuration::from_secs(15);
        clock.replace(later);
        Ok(Next::Done)
    };

    // when the batch is worked through,
    let fates = block_on(work(&batch, deadline, || *clock.borrow(), &MemoryStore::new(), step));

    // then the second message is left for another worker, at once.
    assert_eq!(fates, [Fate::Done, Fate::ComesAgain(at(15))]);
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
    let expected = Parked { key: ParkKey::Message("p".to_owned()), reason: reason.to_owned(), since: at(0) };
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
