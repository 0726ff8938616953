//! What every SQS FIFO queue must do, as far as Concord relies on it.
//!
//! The suite drives a queue through [`FifoQueue`]; waiting is the queue's affair, so that the model moves its
//! virtual clock where a real server takes real seconds. Deliberately absent: what no local server does right
//! (`ReceiveRequestAttemptId`, `StartMessageMoveTask`) and what takes days (retention); the model has tests of
//! its own for those it implements.

mod checks;

use std::future::Future;

use concord_sandbox::fifo::{Counts, Entry, Received, Sent, Terms};

/// A FIFO queue with its dead-letter queue, to be driven by the suite. Errors are the queue's codes.
pub trait FifoQueue {
    /// Sends a batch: one answer per message, in order; or refuses all of it.
    fn send(&self, batch: &[Entry]) -> impl Future<Output = Result<Vec<Result<Sent, String>>, String>>;

    /// Receives what is there, at most `max`. Waiting up to a second for it is allowed.
    fn receive(&self, max: usize) -> impl Future<Output = Vec<Received>>;

    /// Deletes a received message.
    fn delete(&self, handle: &str) -> impl Future<Output = Result<(), String>>;

    /// Hides a received message for so many milliseconds, whole seconds.
    fn change_visibility(&self, handle: &str, hidden_ms: u64) -> impl Future<Output = Result<(), String>>;

    /// How many there are.
    fn counts(&self) -> impl Future<Output = Counts>;

    /// Group and body of what is in the dead-letter queue, in its order.
    fn dead(&self) -> impl Future<Output = Vec<(String, String)>>;

    /// Lets time pass.
    fn wait(&self, ms: u64) -> impl Future<Output = ()>;
}

/// Visibility timeout in the suite. Short, since with a real server the suite waits for it.
pub const VISIBILITY_MS: u64 = 2_000;
/// Receipts before a message is dead, in the suite.
pub const RECEIVES_MAX: u32 = 2;

/// The terms under which the suite wants a queue, unless it says otherwise.
#[must_use]
pub fn terms(name: &str) -> Terms {
    Terms { visibility_ms: VISIBILITY_MS, receives_max: RECEIVES_MAX, ..Terms::named(name) }
}

/// Runs every check, each on a fresh and empty queue made to the given terms, whose names differ.
/// With a real server this waits for about ten seconds in sum.
///
/// # Panics
/// At the first thing that a queue does otherwise.
pub async fn run<Q: FifoQueue>(make: impl AsyncFn(Terms) -> Q) {
    let fresh = async |name: &str| make(terms(name)).await;
    checks::messages_of_a_group_come_in_order_and_in_one_batch(&fresh("order").await).await;
    checks::a_duplicate_is_taken_and_not_delivered_again(&fresh("duplicate").await).await;
    checks::a_deduplication_id_outlives_its_message(&fresh("outlive").await).await;
    checks::deduplication_is_per_group(&fresh("scope").await).await;
    checks::without_a_deduplication_id_nothing_is_taken(&fresh("missing").await).await;
    checks::a_group_with_a_message_in_flight_is_blocked_and_others_go_on(&fresh("blocked").await).await;
    checks::a_group_stays_blocked_until_all_of_its_batch_is_done(&fresh("partial").await).await;
    checks::a_message_given_back_comes_again_at_once_and_in_its_place(&fresh("back").await).await;
    checks::a_message_not_deleted_in_time_comes_again_and_its_old_handle_is_void(&fresh("expiry").await)
        .await;
    checks::a_longer_visibility_timeout_keeps_a_message_hidden(&fresh("longer").await).await;
    checks::a_batch_holds_one_to_ten_messages(&fresh("ten").await).await;
    checks::a_batch_holds_one_mebibyte(&fresh("mebibyte").await).await;
    checks::a_message_received_too_often_is_dead_and_its_group_goes_on(&fresh("dead").await).await;
    checks::sequence_numbers_rise(&fresh("sequence").await).await;
    checks::counts_tell_visible_from_in_flight(&fresh("counts").await).await;
    checks::many_groups_drain_in_order_and_exactly_once(&fresh("drain").await).await;
    checks::the_body_stands_in_for_a_deduplication_id(&make(checks::content_terms("content")).await).await;
    checks::a_queue_delay_hides_new_messages(&make(checks::delay_terms("delay")).await).await;
}

/// The one check that takes more than five minutes of the queue's time.
///
/// # Panics
/// If the queue forgets a deduplication id earlier, or remembers it much longer.
pub async fn run_long<Q: FifoQueue>(make: impl AsyncFn(Terms) -> Q) {
    checks::a_deduplication_id_is_remembered_for_five_minutes(&make(terms("window")).await).await;
}
