//! Waking other instances of the same host, by UDP on the loopback.

use std::cell::OnceCell;

use spin_sse::report;
use wasi::sockets::types::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, UdpSocket};

use crate::fanout::datagram;
use crate::log::{Hint, Position};

/// The socket of an instance, for both directions. It is opened when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Wakeups(OnceCell<Option<Socket>>);

/// A socket on a port of its own.
#[derive(Debug)]
struct Socket {
    udp: UdpSocket,
    port: u16,
}

impl Wakeups {
    fn socket(&self) -> Option<&Socket> {
        self.0.get_or_init(|| open().inspect_err(tell).ok()).as_ref()
    }

    /// The port that wakes this instance; `None` where the host lets nothing do so.
    pub(crate) fn port(&self) -> Option<u16> {
        self.socket().map(|socket| socket.port)
    }

    /// Tells the instances at these ports of updates on these topics, the last of which is at `position`.
    pub(crate) async fn wake(&self, ports: &[u16], position: &Position, topics: &[u64]) {
        let Some(socket) = self.socket() else { return };
        for datagram in datagram::encode(position, topics) {
            for port in ports.iter().filter(|port| **port != socket.port) {
                // One that is lost costs some time: the other instance looks every two seconds.
                let _ = socket.udp.send(datagram.clone(), Some(loopback(*port))).await;
            }
        }
    }

    /// Waits for a datagram. Where none can come, this is never ready.
    pub(crate) async fn receive(&self) -> Vec<Hint> {
        if let Some(socket) = self.socket()
            && let Ok((datagram, _)) = socket.udp.receive().await
        {
            return datagram::decode(&datagram);
        }
        std::future::pending().await
    }
}

fn open() -> Result<Socket, ErrorCode> {
    let udp = UdpSocket::create(IpAddressFamily::Ipv4)?;
    udp.bind(loopback(0))?;
    match udp.get_local_address()? {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, .. }) => Ok(Socket { udp, port }),
        IpSocketAddress::Ipv6(_) => Err(ErrorCode::InvalidState),
    }
}

fn loopback(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) })
}

fn tell(error: &ErrorCode) {
    report(format_args!(
        "hub: instances cannot wake each other ({error:?}), and look for each other's updates every so often: \
         allowed_outbound_hosts needs \"udp://127.0.0.1:*\""
    ));
}
