//! The checks, one sentence each.

use std::collections::BTreeMap;

use concord_sandbox::fifo::{Counts, Dedup, Entry, Received, Sent, Terms};

use super::{FifoQueue, RECEIVES_MAX, VISIBILITY_MS, terms};

/// A message whose body is its deduplication id.
fn entry(group: &str, body: &str) -> Entry {
    Entry { group: group.to_owned(), dedup: Some(body.to_owned()), body: body.to_owned() }
}

/// Sends, and all must be taken.
async fn sent(queue: &impl FifoQueue, entries: &[Entry]) -> Vec<Sent> {
    let answers = queue.send(entries).await;
    let sent: Vec<Sent> = answers.iter().flatten().flatten().cloned().collect();
    assert_eq!(sent.len(), entries.len(), "{answers:?}");
    sent
}

fn bodies(batch: &[Received]) -> Vec<&str> {
    batch.iter().map(|message| message.body.as_str()).collect()
}

async fn delete_all(queue: &impl FifoQueue, batch: &[Received]) {
    for message in batch {
        assert_eq!(queue.delete(&message.handle).await, Ok(()));
    }
}

pub(super) async fn messages_of_a_group_come_in_order_and_in_one_batch(queue: &impl FifoQueue) {
    let taken = sent(queue, &[entry("g", "1"), entry("g", "2"), entry("g", "3")]).await;

    let batch = queue.receive(10).await;

    assert_eq!(bodies(&batch), ["1", "2", "3"]);
    for (message, sent) in batch.iter().zip(&taken) {
        assert_eq!((&message.message_id, &message.sequence), (&sent.message_id, &sent.sequence));
        assert_eq!((message.group.as_str(), &message.dedup), ("g", &message.body));
        assert_eq!(message.receives, 1);
    }
    delete_all(queue, &batch).await;
    assert_eq!(queue.receive(10).await, []);
}

pub(super) async fn a_duplicate_is_taken_and_not_delivered_again(queue: &impl FifoQueue) {
    let first = sent(queue, &[entry("g", "1")]).await;
    let other = Entry { body: "another body".to_owned(), ..entry("g", "1") };
    assert_eq!(sent(queue, &[other]).await, first);

    let batch = queue.receive(10).await;
    assert_eq!(bodies(&batch), ["1"]);
    delete_all(queue, &batch).await;
    assert_eq!(queue.receive(10).await, []);
}

pub(super) async fn a_deduplication_id_outlives_its_message(queue: &impl FifoQueue) {
    let first = sent(queue, &[entry("g", "1")]).await;
    let batch = queue.receive(10).await;
    delete_all(queue, &batch).await;

    assert_eq!(sent(queue, &[entry("g", "1")]).await, first);
    assert_eq!(queue.receive(10).await, []);
}

pub(super) async fn deduplication_is_per_group(queue: &impl FifoQueue) {
    let taken = sent(queue, &[entry("g", "1"), entry("h", "1")]).await;
    assert_ne!(taken[0].message_id, taken[1].message_id);
    let batch = queue.receive(10).await;
    let mut groups: Vec<_> = batch.iter().map(|message| message.group.as_str()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["g", "h"]);
}

pub(super) async fn without_a_deduplication_id_nothing_is_taken(queue: &impl FifoQueue) {
    let answers = queue.send(&[Entry { dedup: None, ..entry("g", "1") }]).await;
    assert!(answers.iter().flatten().all(Result::is_err), "{answers:?}");
    assert_eq!(queue.receive(10).await, []);
}

pub(super) async fn a_group_with_a_message_in_flight_is_blocked_and_others_go_on(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "1"), entry("g", "2")]).await;
    let first = queue.receive(1).await;
    assert_eq!(bodies(&first), ["1"]);

    assert_eq!(queue.receive(10).await, []);
    sent(queue, &[entry("h", "3")]).await;
    assert_eq!(bodies(&queue.receive(10).await), ["3"]);

    delete_all(queue, &first).await;
    assert_eq!(bodies(&queue.receive(10).await), ["2"]);
}

pub(super) async fn a_group_stays_blocked_until_all_of_its_batch_is_done(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "1"), entry("g", "2"), entry("g", "3")]).await;
    let batch = queue.receive(2).await;
    assert_eq!(bodies(&batch), ["1", "2"]);

    delete_all(queue, &batch[..1]).await;
    assert_eq!(queue.receive(10).await, []);

    delete_all(queue, &batch[1..]).await;
    assert_eq!(bodies(&queue.receive(10).await), ["3"]);
}

pub(super) async fn a_message_given_back_comes_again_at_once_and_in_its_place(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "1"), entry("g", "2")]).await;
    let first = queue.receive(1).await;
    assert_eq!(queue.change_visibility(&first[0].handle, 0).await, Ok(()));

    let again = queue.receive(10).await;

    assert_eq!(bodies(&again), ["1", "2"]);
    assert_eq!(again.iter().map(|message| message.receives).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(again[0].message_id, first[0].message_id);
}

pub(super) async fn a_message_not_deleted_in_time_comes_again_and_its_old_handle_is_void(
    queue: &impl FifoQueue,
) {
    sent(queue, &[entry("g", "1"), entry("g", "2")]).await;
    let stale = queue.receive(1).await;
    queue.wait(VISIBILITY_MS + 500).await;

    let again = queue.receive(1).await;
    assert_eq!(bodies(&again), ["1"]);
    assert_eq!(again[0].receives, 2);

    // The first worker comes too late: it neither deletes nor gives back what another one has.
    assert!(queue.delete(&stale[0].handle).await.is_err());
    assert!(queue.change_visibility(&stale[0].handle, 0).await.is_err());
    assert_eq!(queue.receive(10).await, []);
    delete_all(queue, &again).await;
    assert_eq!(bodies(&queue.receive(10).await), ["2"]);
}

pub(super) async fn a_longer_visibility_timeout_keeps_a_message_hidden(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "1")]).await;
    let batch = queue.receive(10).await;
    assert_eq!(queue.change_visibility(&batch[0].handle, 2 * VISIBILITY_MS).await, Ok(()));
    queue.wait(VISIBILITY_MS + 500).await;

    assert_eq!(queue.receive(10).await, []);
    assert_eq!(queue.delete(&batch[0].handle).await, Ok(()));
}

pub(super) async fn a_batch_holds_one_to_ten_messages(queue: &impl FifoQueue) {
    let entries: Vec<Entry> = (0..11).map(|n| entry("g", &n.to_string())).collect();
    assert!(queue.send(&entries).await.is_err());
    assert!(queue.send(&[]).await.is_err());
    assert_eq!(queue.receive(10).await, []);

    sent(queue, &entries[..10]).await;
    sent(queue, &entries[10..]).await;
    let batch = queue.receive(10).await;
    assert_eq!(bodies(&batch), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

pub(super) async fn a_batch_holds_one_mebibyte(queue: &impl FifoQueue) {
    let long = |dedup: &str, bytes: usize| Entry { body: "x".repeat(bytes), ..entry("g", dedup) };
    assert!(queue.send(&[long("1", 1 << 19), long("2", (1 << 19) + 1)]).await.is_err());
    assert_eq!(queue.receive(10).await, []);

    sent(queue, &[long("3", 1 << 19), long("4", 1 << 19)]).await;
    let lengths: Vec<_> = queue.receive(1).await.iter().map(|message| message.body.len()).collect();
    assert_eq!(lengths, [1 << 19]);
}

pub(super) async fn a_message_received_too_often_is_dead_and_its_group_goes_on(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "poison"), entry("g", "good")]).await;
    for receipt in 1..=RECEIVES_MAX {
        let batch = queue.receive(1).await;
        assert_eq!(bodies(&batch), ["poison"]);
        assert_eq!(batch[0].receives, receipt);
        assert_eq!(queue.dead().await, []);
        assert_eq!(queue.change_visibility(&batch[0].handle, 0).await, Ok(()));
    }

    // The receipt that would be one too many moves it; a server may need another call to go on.
    let mut batch = queue.receive(1).await;
    if batch.is_empty() {
        batch = queue.receive(1).await;
    }
    assert_eq!(bodies(&batch), ["good"]);
    assert_eq!(queue.dead().await, [("g".to_owned(), "poison".to_owned())]);
    delete_all(queue, &batch).await;
    assert_eq!(queue.receive(10).await, []);
}

pub(super) async fn sequence_numbers_rise(queue: &impl FifoQueue) {
    let mut sequences = Vec::new();
    for n in 0..12 {
        let group = if n % 2 == 0 { "g" } else { "h" };
        sequences
            .extend(sent(queue, &[entry(group, &n.to_string())]).await.into_iter().map(|sent| sent.sequence));
    }
    assert!(sequences.iter().all(|sequence| sequence.len() == 20), "{sequences:?}");
    assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
}

pub(super) async fn counts_tell_visible_from_in_flight(queue: &impl FifoQueue) {
    assert_eq!(queue.counts().await, Counts::default());
    sent(queue, &[entry("g", "1"), entry("g", "2"), entry("h", "3")]).await;
    assert_eq!(queue.counts().await, Counts { visible: 3, ..Counts::default() });

    let batch = queue.receive(1).await;
    assert_eq!(queue.counts().await, Counts { visible: 2, in_flight: 1, ..Counts::default() });
    delete_all(queue, &batch).await;
    assert_eq!(queue.counts().await, Counts { visible: 2, ..Counts::default() });
}

pub(super) async fn many_groups_drain_in_order_and_exactly_once(queue: &impl FifoQueue) {
    const GROUPS: usize = 8;
    const EACH: usize = 25;
    let name = |n: usize| format!("g{}", n % GROUPS);
    let entries: Vec<Entry> =
        (0..GROUPS * EACH).map(|n| entry(&name(n), &format!("{}-{}", name(n), n / GROUPS))).collect();
    for batch in entries.chunks(10) {
        sent(queue, batch).await;
    }

    // Two workers, each of which deletes its batch only when the other has received its own.
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut held = Vec::new();
    while seen.values().map(Vec::len).sum::<usize>() < entries.len() {
        let batch = queue.receive(10).await;
        assert!(!(batch.is_empty() && held.is_empty()), "the queue is dry after {seen:?}");
        for message in &batch {
            seen.entry(message.group.clone()).or_default().push(message.body.clone());
        }
        delete_all(queue, &held).await;
        held = batch;
    }
    delete_all(queue, &held).await;

    let in_order = |n: usize| (name(n), (0..EACH).map(|place| format!("{}-{place}", name(n))).collect());
    assert_eq!(seen, (0..GROUPS).map(in_order).collect());
    assert_eq!(queue.counts().await, Counts::default());
}

pub(super) fn content_terms(name: &str) -> Terms {
    Terms { dedup: Dedup::OfContent, ..terms(name) }
}

pub(super) async fn the_body_stands_in_for_a_deduplication_id(queue: &impl FifoQueue) {
    let of_content = |body: &str| Entry { dedup: None, ..entry("g", body) };
    let first = sent(queue, &[of_content("1")]).await;
    assert_eq!(sent(queue, &[of_content("1")]).await, first);
    sent(queue, &[of_content("2")]).await;
    assert_eq!(bodies(&queue.receive(10).await), ["1", "2"]);
}

pub(super) fn delay_terms(name: &str) -> Terms {
    Terms { delay_ms: 2_000, ..terms(name) }
}

pub(super) async fn a_queue_delay_hides_new_messages(queue: &impl FifoQueue) {
    sent(queue, &[entry("g", "1")]).await;
    assert_eq!(queue.counts().await, Counts { delayed: 1, ..Counts::default() });
    assert_eq!(queue.receive(10).await, []);
    queue.wait(2_500).await;
    assert_eq!(bodies(&queue.receive(10).await), ["1"]);
}

pub(super) async fn a_deduplication_id_is_remembered_for_five_minutes(queue: &impl FifoQueue) {
    let first = sent(queue, &[entry("g", "1")]).await;
    let batch = queue.receive(10).await;
    delete_all(queue, &batch).await;
    queue.wait(240_000).await;
    // Being asked for it does not make the queue remember it longer.
    assert_eq!(sent(queue, &[entry("g", "1")]).await, first);
    queue.wait(65_000).await;
    assert_ne!(sent(queue, &[entry("g", "1")]).await, first);
    assert_eq!(bodies(&queue.receive(10).await), ["1"]);
}
