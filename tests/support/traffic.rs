//! Publishers that go on whatever happens, until they are told to stop.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::follower::Follower;
use super::hub::Publisher;
use super::within;

/// Publishers to the topic `demo`. Each update is published once, whatever the answer.
pub struct Traffic {
    stop: watch::Sender<bool>,
    answers: watch::Sender<Answers>,
    publishers: JoinSet<Vec<String>>,
}

#[derive(Clone, Copy, Default)]
struct Answers {
    stored: usize,
    refused: usize,
}

impl Traffic {
    /// Starts `publishers`, spread over `addresses`: number `p` publishes `p-0`, `p-1` and so on.
    pub fn start(addresses: &[SocketAddr], publishers: usize) -> Self {
        let (stop, answers) = (watch::Sender::new(false), watch::Sender::default());
        let publishers = (0..publishers).map(|publisher| {
            let mut own = addresses.to_vec();
            own.rotate_left(publisher % addresses.len());
            publish(own, publisher, stop.subscribe(), answers.clone())
        });
        Traffic { publishers: publishers.collect(), stop, answers }
    }

    /// Waits until `count` more updates were answered with 200.
    #[track_caller]
    pub fn stored(&self, count: usize) -> impl Future<Output = ()> {
        self.more(format!("{count} more updates to be stored"), count, |answers| answers.stored)
    }

    /// Waits until `count` more updates were refused with 503.
    #[track_caller]
    pub fn refused(&self, count: usize) -> impl Future<Output = ()> {
        self.more(format!("{count} more updates to be refused"), count, |answers| answers.refused)
    }

    #[track_caller]
    fn more(&self, what: String, count: usize, of: fn(&Answers) -> usize) -> impl Future<Output = ()> {
        let mut answers = self.answers.subscribe();
        let enough = of(&answers.borrow()) + count;
        within(what, async move { drop(answers.wait_for(|answers| of(answers) >= enough).await.unwrap()) })
    }

    /// The updates that were answered with 200.
    pub async fn stop(self) -> Vec<String> {
        self.stop.send_replace(true);
        within("the publishers to stop", self.publishers.join_all()).await.concat()
    }
}

async fn publish(
    addresses: Vec<SocketAddr>,
    name: usize,
    stop: watch::Receiver<bool>,
    answers: watch::Sender<Answers>,
) -> Vec<String> {
    let mut addresses = addresses.into_iter().cycle();
    let (mut connection, mut stored, mut n) = (None, Vec::new(), 0);
    while !*stop.borrow() {
        let Some(publisher) = &mut connection else {
            connection = Publisher::connect(addresses.next().unwrap()).await;
            continue;
        };
        let data = format!("{name}-{n}");
        n += 1;
        match publisher.try_publish("demo", &data).await {
            Some(reply) if reply.status == StatusCode::OK => {
                stored.push(data);
                answers.send_modify(|answers| answers.stored += 1);
            }
            Some(reply) => {
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
                answers.send_modify(|answers| answers.refused += 1);
            }
            None => connection = None,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stored
}

/// All followers received the same, without a gap: what is `stored` once, and nothing twice.
#[track_caller]
pub fn check_delivered(followers: &[Follower], stored: &[String]) {
    for follower in followers {
        assert_eq!(follower.gaps, 0);
        let differs = follower.updates.iter().zip(&followers[0].updates).find(|(one, other)| one != other);
        assert_eq!(differs, None, "all subscribers see one order");
        assert_eq!(follower.updates.len(), followers[0].updates.len());
    }
    let received = followers[0].data();
    let once: HashSet<_> = received.iter().copied().collect();
    assert_eq!(once.len(), received.len(), "an update was doubled");
    let missing: Vec<_> = stored.iter().filter(|data| !once.contains(data.as_str())).collect();
    assert!(missing.is_empty(), "answered with 200, and missing: {missing:?}");
}
