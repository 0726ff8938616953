//! The FIFO model is held to the queue contract, and to what real servers are not asked for.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use concord_core::names::{ObjectName, RecordId, Side};
use concord_core::port::{Hints, IntentRef, Message, Messages, Queue as _, Sends};
use concord_sandbox::fifo::{
    Counts, Dead, Entry, Fifo, LocalQueue, QueueName, Received, Refusal, Sent, Terms,
};
use concord_specs::fifo_contract::{self, FifoQueue};
use jiff::{SignedDuration, Timestamp};

/// The model with a clock that moves only when it is told to.
struct Model {
    fifo: RefCell<Fifo>,
    now: Cell<Timestamp>,
}

impl Model {
    fn new(terms: Terms) -> Self {
        Self { fifo: RefCell::new(Fifo::new(terms)), now: Cell::new(start()) }
    }
}

impl FifoQueue for Model {
    async fn send(&self, batch: &[Entry]) -> Result<Vec<Result<Sent, String>>, String> {
        let sent = self.fifo.borrow_mut().send(self.now.get(), batch).map_err(|no| no.to_string())?;
        Ok(sent.into_iter().map(|sent| sent.map_err(|no| no.to_string())).collect())
    }

    async fn receive(&self, max: usize) -> Vec<Received> {
        self.fifo.borrow_mut().receive(self.now.get(), max)
    }

    async fn delete(&self, handle: &str) -> Result<(), String> {
        self.fifo.borrow_mut().delete(self.now.get(), handle).map_err(|no| no.to_string())
    }

    async fn change_visibility(&self, handle: &str, hidden_ms: u64) -> Result<(), String> {
        let now = self.now.get();
        self.fifo.borrow_mut().change_visibility(now, handle, hidden_ms).map_err(|no| no.to_string())
    }

    async fn counts(&self) -> Counts {
        self.fifo.borrow_mut().counts(self.now.get())
    }

    async fn dead(&self) -> Vec<(String, String)> {
        self.fifo.borrow().dead().iter().map(|dead| (dead.group.clone(), dead.body.clone())).collect()
    }

    async fn wait(&self, ms: u64) {
        self.now.set(self.now.get() + millis(ms));
    }
}

fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000)
}

fn millis(ms: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn entry(group: &str, body: &str) -> Entry {
    Entry { group: group.to_owned(), dedup: Some(body.to_owned()), body: body.to_owned() }
}

#[tokio::test]
async fn the_model_keeps_the_contract() {
    fifo_contract::run(async |terms| Model::new(terms)).await;
}

#[tokio::test]
async fn the_model_forgets_a_deduplication_id_after_five_minutes() {
    fifo_contract::run_long(async |terms| Model::new(terms)).await;
}

#[test]
fn dead_messages_are_kept_whole_and_redriven_as_new_ones() {
    // Given a message that was received as often as it may be
    let mut fifo = Fifo::new(Terms { receives_max: 1, ..fifo_contract::terms("q") });
    let first = fifo.send(start(), &[entry("g", "1")]).unwrap()[0].clone().unwrap();
    let handle = fifo.receive(start(), 10)[0].handle.clone();
    fifo.change_visibility(start(), &handle, 0).unwrap();
    assert_eq!(fifo.receive(start(), 10), []);
    let dead = Dead {
        message_id: first.message_id.clone(),
        group: "g".to_owned(),
        dedup: "1".to_owned(),
        body: "1".to_owned(),
        receives: 1,
        died_ms: start().as_millisecond(),
    };
    assert_eq!(fifo.dead(), [dead]);

    // When it is redriven
    assert_eq!(fifo.redrive(start()), 1);

    // Then it is a new message at the end of the queue, though its deduplication id is still remembered
    assert_eq!(fifo.dead(), []);
    let again = fifo.receive(start(), 10);
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].body.as_str(), again[0].receives), ("1", 1));
    assert!(again[0].sequence > first.sequence);
    assert_ne!(again[0].message_id, first.message_id);
}

#[test]
fn a_message_is_dropped_when_its_retention_ends_and_frees_its_group() {
    let mut fifo = Fifo::new(Terms { retention_ms: 60_000, visibility_ms: 600_000, ..Terms::named("q") });
    let later = start() + millis(30_000);
    fifo.send(start(), &[entry("g", "1")]).unwrap()[0].clone().unwrap();
    fifo.send(later, &[entry("g", "2")]).unwrap()[0].clone().unwrap();
    assert_eq!(fifo.receive(later, 1).len(), 1);

    let end = start() + millis(60_000);
    assert_eq!(fifo.counts(end), Counts { visible: 1, ..Counts::default() });
    assert_eq!(fifo.receive(end, 10)[0].body, "2");
    assert_eq!(fifo.counts(later + millis(60_000)), Counts::default());
}

#[test]
fn what_sqs_does_not_take_is_refused_one_by_one() {
    let mut fifo = Fifo::new(Terms::named("q"));
    let long = "x".repeat(129);
    let batch = [
        entry("", "1"),
        entry("g", "nul\u{0}"),
        Entry { body: String::new(), ..entry("g", "2") },
        Entry { dedup: Some(long), ..entry("g", "3") },
        entry("g", "good"),
    ];
    let answers = fifo.send(start(), &batch).unwrap();
    let refusals: Vec<_> = answers.iter().map(|answer| answer.as_ref().err()).collect();
    assert_eq!(
        refusals,
        [Some(&Refusal::Group), Some(&Refusal::Dedup), Some(&Refusal::Contents), Some(&Refusal::Dedup), None]
    );
    assert_eq!(fifo.counts(start()), Counts { visible: 1, ..Counts::default() });
}

#[test]
fn a_hundred_thousand_messages_drain_in_order() {
    // Given 100,000 messages in 1,000 groups
    let mut fifo = Fifo::new(Terms::named("q"));
    let entries: Vec<Entry> =
        (0..100_000).map(|n| entry(&format!("g{}", n % 1_000), &n.to_string())).collect();
    for batch in entries.chunks(10) {
        assert!(fifo.send(start(), batch).unwrap().iter().all(Result::is_ok));
    }
    // When they are drained
    let mut last = vec![-1; 1_000];
    let mut count = 0;
    loop {
        let batch = fifo.receive(start(), 10);
        if batch.is_empty() {
            break;
        }
        for message in batch {
            let number: i64 = message.body.parse().unwrap();
            let group = usize::try_from(number % 1_000).unwrap();
            assert!(last[group] < number);
            last[group] = number;
            count += 1;
            fifo.delete(start(), &message.handle).unwrap();
        }
    }
    // Then each came once, in the order of its group
    assert_eq!(count, 100_000);
    assert_eq!(fifo.counts(start()), Counts::default());
}

fn hints(id: &str) -> Message {
    Message {
        body: Messages::Hints(Hints {
            side: Side::HubSpot,
            object: ObjectName::from("contact"),
            ids: vec![RecordId::from(id)],
            erased: false,
            not_before: None,
            correlation: "c".to_owned(),
        }),
        group: "s1".to_owned(),
        dedup: id.to_owned(),
    }
}

fn sends(link: &str) -> Message {
    Message {
        body: Messages::Intents(Sends {
            side: Side::HubSpot,
            object: ObjectName::from("contact"),
            intents: vec![IntentRef { link: link.into(), number: concord_core::names::Token(1) }],
            not_before: None,
            correlation: "c".to_owned(),
        }),
        group: "s1".to_owned(),
        dedup: link.to_owned(),
    }
}

fn local() -> LocalQueue {
    LocalQueue::new(Terms::named("hints.fifo"), Terms::named("intents.fifo"), Timestamp::now)
}

#[tokio::test]
async fn the_body_of_a_message_chooses_its_queue() {
    let queue = local();
    // More than one batch, mixed.
    let mut messages: Vec<Message> = (0..12).map(|n| hints(&n.to_string())).collect();
    messages.insert(5, sends("l"));
    assert_eq!(queue.send(&messages).await, Ok(()));

    let read = |batch: Vec<Received>| -> Vec<Messages> {
        batch.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    };
    assert_eq!(read(queue.receive(QueueName::Intents, 10)), [sends("l").body]);
    let first: Vec<_> = (0..10).map(|n| hints(&n.to_string()).body).collect();
    assert_eq!(read(queue.receive(QueueName::Hints, 10)), first);
    assert_eq!(queue.counts(QueueName::Hints), Counts { visible: 2, in_flight: 10, ..Counts::default() });
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_told() {
    let queue = local();
    let bad = Message { group: String::new(), ..hints("1") };
    let error = queue.send(&[hints("2"), bad]).await.unwrap_err();
    assert_eq!((error.count, error.of), (1, 2));
    assert_eq!(queue.counts(QueueName::Hints), Counts { visible: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_poller_wakes_on_a_send_on_a_freed_group_and_when_a_message_comes_back() {
    const LONG: Duration = Duration::from_secs(20);
    let queue = local();
    let begun = std::time::Instant::now();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.poll(QueueName::Hints, 1, LONG).await }
    });
    tokio::task::yield_now().await;
    queue.send(&[hints("1"), hints("2")]).await.unwrap();
    let first = waiting.await.unwrap();
    assert_eq!(first.len(), 1);

    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.poll(QueueName::Hints, 1, LONG).await }
    });
    tokio::task::yield_now().await;
    queue.delete(QueueName::Hints, &first[0].handle).unwrap();
    let second = waiting.await.unwrap();
    assert_eq!(second.len(), 1);

    queue.change_visibility(QueueName::Hints, &second[0].handle, 50).unwrap();
    let again = queue.poll(QueueName::Hints, 1, LONG).await;
    assert_eq!((again[0].message_id.as_str(), again[0].receives), (second[0].message_id.as_str(), 2));
    assert!(begun.elapsed() < LONG);
    assert_eq!(queue.poll(QueueName::Hints, 1, Duration::from_millis(5)).await, []);
}
