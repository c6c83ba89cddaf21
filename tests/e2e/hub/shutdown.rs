//! A host that is told to end while streams are open.

use crate::support::client::Item;
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{Publisher, follow, hub_with_key};

#[tokio::test]
async fn a_host_that_is_told_to_end_ends_and_its_clients_go_on_with_the_next_one() {
    let state = tempfile::tempdir().unwrap();
    let start = || hub_with_key().state(state.path()).process().start();
    let mut server = start().await;
    let mut followers: Vec<_> = (0..4).map(|_| Follower::new(server.address(), "demo", "earliest")).collect();
    for (round, signal) in ["-TERM", "-INT"].into_iter().enumerate() {
        let mut publisher = Publisher::new(server.address()).await;
        publisher.publish_all("demo", numbers(round * 50, (round + 1) * 50)).await;
        for follower in &mut followers {
            follower.until((round + 1) * 50).await;
        }
        let mut stream = follow(server.address(), "demo", "").await;
        server.end(signal).await;
        assert!(matches!(stream.item().await, Item::Cut | Item::End));
        server = start().await;
        followers.iter_mut().for_each(|follower| follower.moves_to(server.address()));
    }
    Publisher::new(server.address()).await.publish_all("demo", numbers(100, 150)).await;
    for follower in &mut followers {
        follower.until(150).await;
        check_numbers(&follower.data(), 150);
        assert_eq!(follower.gaps, 0);
    }
}
