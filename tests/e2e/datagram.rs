//! UDP on the loopback, as instances use it to reach each other.

use tokio::net::UdpSocket;

use crate::support::client::EventStream;
use crate::support::server::{Server, streams};
use crate::support::within;

/// What the component got, as the name and the data of its event.
async fn exchange(server: &Server, path: &str) -> (String, String) {
    let event = EventStream::open(server.address(), path).await.event().await;
    (event.name, event.data)
}

fn received(data: &str) -> (String, String) {
    ("received".to_owned(), data.to_owned())
}

#[tokio::test]
async fn a_component_sends_a_datagram_to_its_own_port() {
    let server = streams().start().await;
    assert_eq!(exchange(&server, "/datagram").await, received("ping from itself"));
}

#[tokio::test]
async fn a_component_sends_to_another_port_and_gets_the_answer() {
    let server = streams().start().await;
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let path = format!("/datagram?port={}", other.local_addr().unwrap().port());
    let answering = within("a datagram of the component", async {
        let mut data = [0; 16];
        let (length, sender) = other.recv_from(&mut data).await.unwrap();
        assert_eq!((&data[..length], sender.ip().to_string().as_str()), (b"ping".as_slice(), "127.0.0.1"));
        other.send_to(b"pong", sender).await.unwrap();
    });
    let (answer, ()) = tokio::join!(exchange(&server, &path), answering);
    assert_eq!(answer, received("pong from another"));
}

#[tokio::test]
async fn another_address_than_the_manifest_allows_is_refused() {
    let server = streams().start().await;
    for _ in 0..2 {
        let (name, error) = exchange(&server, "/datagram?host=2").await;
        assert_eq!((name.as_str(), error.contains("AccessDenied")), ("refused", true), "{error}");
    }
    if std::env::var_os("SPIN_BIN").is_none() {
        server.logged("add \"udp://127.0.0.2:*\"", 1).await;
        let refused: Vec<_> = server.lines().into_iter().filter(|line| line.contains("udp://127.0.0.2")).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
    }
}

#[tokio::test]
async fn a_socket_that_is_not_bound_to_an_allowed_address_is_refused() {
    let server = streams().start().await;
    let (name, error) = exchange(&server, "/datagram?bound=0&port=9").await;
    assert_eq!((name.as_str(), error.contains("AccessDenied")), ("refused", true), "{error}");
}
