//! The hub: what is promised to publishers and subscribers.

mod access;
mod asking;
mod component;
mod delivery;
mod earlier_release;
mod ending;
mod failures;
mod following;
mod costs;
mod forged_wakeups;
mod full_disk;
mod gathering;
mod injection;
mod many_topics;
mod matching;
mod memory;
mod publishers;
mod publishing;
mod quiet;
mod relay;
mod resume;
mod shutdown;
mod sqlite_file;
mod subscriptions;
mod tokens;
mod topics;
mod uploads;

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
        what_is_published_after_the_response_head_is_received
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
        a_quiet_topic_does_not_cost_a_subscriber_its_place
        clients_of_a_quiet_topic_that_are_cut_come_back_without_a_gap
        a_stream_of_a_quiet_topic_in_a_busy_hub_has_no_gap;
    topics:
        each_subscriber_receives_exactly_what_it_follows
        wakeups_that_are_lost_cost_no_update;
    matching:
        each_kind_of_matcher_selects_what_it_matches
        a_private_update_reaches_only_whose_patterns_match_it
        clients_of_patterns_that_are_cut_get_every_update_once_and_in_order
        a_component_lets_its_clients_follow_patterns;
    ending:
        a_stream_ends_after_the_last_update_and_its_client_is_told_to_stop
        a_stream_of_several_topics_ends_with_the_last_of_them
        clients_that_are_cut_receive_all_of_a_topic_that_ends_and_stop
        an_end_is_remembered_when_its_update_is_pruned
        one_request_to_a_topic_that_has_ended_fails_no_other;
    gathering:
        streams_gather_in_fewer_instances_without_loss_unless_they_may_not
        a_stream_that_came_after_the_decision_stays_and_its_instance_takes_others_again;
    publishing:
        ten_publishers_at_once_make_one_order_for_all
        publications_that_are_under_way_together_all_get_their_own_id
        a_batch_is_one_and_is_answered_with_an_id_a_line;
    asking:
        a_response_head_says_which_update_precedes_the_stream;
    access:
        private_updates_reach_only_who_may_read_them;
    injection:
        data_is_nothing_but_data
        what_is_private_shows_in_nothing_that_a_stranger_gets;
    costs:
        strangers_who_read_all_history_again_and_again_delay_no_update
        a_publisher_of_large_updates_delays_none_of_small_ones;
    component:
        a_component_publishes_and_its_clients_get_the_topics_that_it_chose
        a_component_lets_its_clients_read_private_updates_of_the_topics_that_it_chose
        a_component_chooses_where_a_client_starts_that_does_not_say_so
        what_one_instance_of_a_component_publishes_reaches_the_clients_of_others
        clients_of_a_component_that_are_cut_get_every_update_once_and_in_order
        several_updates_are_published_all_or_none
        a_component_whose_log_is_away_says_so_and_loses_nothing
        a_publication_that_nobody_waits_for_hinders_no_other
        a_subscription_to_what_exists_is_answered_204_while_there_is_nothing
        a_subscription_to_what_goes_on_is_answered_204_when_all_its_topics_have_ended
        a_component_reads_the_newest_update_of_a_topic
        a_component_serves_the_protocol_under_a_path_of_its_own;
    quiet:
        a_quiet_stream_has_nothing_but_updates_and_places
        quiet_clients_that_are_cut_get_every_update_once_and_in_order
        a_quiet_topic_does_not_cost_a_quiet_client_its_place
        what_is_lost_is_not_announced_to_a_quiet_client;
    relay:
        a_relay_appends_each_event_as_it_is_and_its_end_ends_the_topic
        a_relay_goes_on_when_nobody_follows
        an_upstream_that_fails_ends_its_topic_with_the_reason
        a_topic_has_one_relay
        a_relay_that_answers_its_request_begins_once_and_is_followed_from_its_start
        a_relay_answers_before_the_body_of_its_request_has_come
        a_relay_that_is_stopped_drops_its_upstream_and_says_how_far_it_came
        a_relay_whose_host_dies_is_ended_once
        an_instance_whose_last_stream_ends_ends_all_relays_of_a_dead_host_and_publishes_on
        a_relay_that_the_log_lost_drops_its_upstream_and_is_ended_once
        readers_of_many_relays_that_are_cut_get_each_event_once_and_in_order
        a_relay_waits_for_a_log_that_is_away_and_reads_no_further
        a_text_is_relayed_as_it_comes;
    subscriptions:
        an_update_says_who_subscribes_and_who_leaves
        one_subscription_is_followed_by_its_topic
        the_api_lists_who_follows_what
        the_api_is_for_who_may_subscribe_to_it
        a_client_that_comes_back_after_a_rotation_is_the_same_subscriber
        many_that_come_at_once_are_all_there_once
        what_a_host_had_that_died_ends_once
        nothing_is_said_or_kept_unless_it_is_asked_for;
    following:
        a_payload_of_the_token_is_in_what_is_said_and_listed
        a_pattern_of_the_topics_follows_all_subscriptions
        what_a_component_lets_its_clients_follow_is_a_subscription_while_they_are_there;
    failures:
        a_killed_host_loses_nothing_that_it_answered_and_doubles_nothing
        a_log_that_fails_ends_no_stream_and_loses_nothing
        a_log_that_fails_ends_no_stream_of_many_topics_and_loses_nothing;
}
