//! The hub: what is promised to publishers and subscribers.

mod access;
mod delivery;
mod failures;
mod full_disk;
mod publishing;
mod resume;

use crate::support::log::Log;

/// Runs each scenario with every log that a hub may have, as `hub::sqlite::<scenario>` and `hub::redis::<scenario>`.
macro_rules! on_every_log {
    ($($topic:ident: $($scenario:ident)*;)*) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $scenario() {
                    super::$topic::$scenario(super::Log::sqlite()).await;
                }
            )*)*
        }

        mod redis {
            $($(
                #[tokio::test]
                #[ignore = "needs redis-server"]
                async fn $scenario() {
                    super::$topic::$scenario(super::Log::redis()).await;
                }
            )*)*
        }
    };
}

on_every_log! {
    delivery:
        an_update_reaches_a_subscriber_with_all_its_fields
        an_update_is_found_by_other_instances
        a_subscriber_that_reads_a_byte_at_a_time_receives_everything
        a_reader_that_stops_delays_nobody_and_costs_no_memory
        the_largest_updates_reach_everyone_and_are_not_copied_for_each;
    resume:
        a_subscriber_chooses_where_it_starts
        a_subscriber_cut_at_random_receives_every_update_once_and_in_order
        many_instances_and_rotations_lose_and_double_nothing
        a_byte_budget_rotates_without_loss
        history_that_was_pruned_is_announced_as_a_gap
        ids_of_another_log_are_announced_as_a_gap
        a_quiet_topic_does_not_cost_a_subscriber_its_place;
    publishing:
        ten_publishers_at_once_make_one_order_for_all
        publications_that_are_under_way_together_all_get_their_own_id
        a_batch_is_one_and_is_answered_with_an_id_a_line;
    access:
        private_updates_reach_only_who_may_read_them;
    failures:
        a_killed_host_loses_nothing_that_it_answered_and_doubles_nothing
        a_log_that_fails_ends_no_stream_and_loses_nothing;
}
