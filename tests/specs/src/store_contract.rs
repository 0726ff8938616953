//! What every store must do, by the words of [`concord_core::port::Store`].
//!
//! Each check gets a store of its own, so that they may run in any order.

mod claims;
mod collected;
mod commits;
mod listings;
mod sample;
mod singles;

use concord_core::port::Store;

use self::claims::*;
use self::collected::*;
use self::commits::*;
use self::listings::*;
use self::singles::*;

/// Runs every check, each against a fresh and empty store.
///
/// # Panics
/// At the first thing that a store does otherwise.
pub async fn run<S: Store>(make: impl AsyncFn() -> S) {
    a_new_link_is_stored_with_all_that_belongs_to_it(&make().await).await;
    a_link_that_exists_is_not_new(&make().await).await;
    a_stale_generation_is_refused_and_nothing_is_written(&make().await).await;
    a_link_that_does_not_exist_is_at_no_generation(&make().await).await;
    a_generation_that_does_not_follow_is_refused(&make().await).await;
    a_record_of_another_link_is_refused_and_nothing_is_written(&make().await).await;
    a_natural_key_of_another_link_is_refused_and_nothing_is_written(&make().await).await;
    a_claim_may_be_repeated_by_its_link(&make().await).await;
    of_two_concurrent_commits_one_wins(&make().await).await;
    of_two_concurrent_claims_of_one_key_one_wins(&make().await).await;
    what_is_shredded_is_told_by_nobody(&make().await).await;
    who_is_kept_apart_is_known_from_either_side_until_it_is_over(&make().await).await;
    an_alias_redirects_for_ever(&make().await).await;
    only_an_own_key_is_given_back(&make().await).await;
    answers_come_in_the_order_of_the_questions(&make().await).await;
    a_conflict_begins_changes_and_is_over(&make().await).await;
    a_field_is_set_aside_and_taken_back_with_its_link(&make().await).await;
    conflicts_are_listed_oldest_first(&make().await).await;
    the_journal_is_in_order_and_apart_for_each_link(&make().await).await;
    a_link_is_forgotten_with_all_that_is_its_own(&make().await).await;
    a_link_that_somebody_has_looked_at_since_is_not_forgotten(&make().await).await;
    unsent_links_are_listed_oldest_first(&make().await).await;
    a_settled_link_is_not_unsent(&make().await).await;
    every_link_is_on_one_page(&make().await).await;
    an_event_is_claimed_once(&make().await).await;
    a_lease_runs_out_and_the_fence_rises(&make().await).await;
    a_stale_fence_completes_nothing(&make().await).await;
    a_stale_fence_releases_nothing(&make().await).await;
    a_completed_event_is_done_until_it_is_forgotten(&make().await).await;
    a_released_event_is_claimed_again_at_once(&make().await).await;
    a_completed_event_is_not_released(&make().await).await;
    of_two_concurrent_claims_of_one_event_one_wins(&make().await).await;
    what_is_parked_is_listed_replaced_and_taken_back(&make().await).await;
    who_waits_for_a_record_is_remembered_until_it_is_told(&make().await).await;
    no_more_than_the_limit_wait_for_one_record(&make().await).await;
    a_cursor_moves_from_what_was_read(&make().await).await;
    of_two_workers_one_moves_a_cursor(&make().await).await;
    contract_versions_only_rise(&make().await).await;
    the_census_counts_everything(&make().await).await;
}
