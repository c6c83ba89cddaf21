//! UDP on the loopback.

use spin_sse::{BoxError, Event, Stream};
use wasi::sockets::types::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, UdpSocket};

/// Where to send a datagram.
pub(crate) struct Target {
    /// Whether the socket is bound to 127.0.0.1 before.
    pub(crate) bound: bool,
    /// The last number of the address, after 127.0.0.
    pub(crate) host: u8,
    /// `None` is the socket's own port.
    pub(crate) port: Option<u16>,
}

/// Sends `ping` from a new socket, and publishes the datagram that comes to it, or why there is none.
pub(crate) async fn exchange(mut stream: Stream, target: Target) -> Result<(), BoxError> {
    let event = match ask(&target).await {
        Ok(answer) => Event::new(answer).name("received"),
        Err(error) => Event::new(format!("{error:?}")).name("refused"),
    };
    Ok(stream.publish(&event).await?)
}

async fn ask(target: &Target) -> Result<String, ErrorCode> {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4)?;
    let mut own = None;
    if target.bound {
        socket.bind(loopback(1, 0))?;
        own = Some(port(socket.get_local_address()?));
    }
    let remote = loopback(target.host, target.port.or(own).unwrap_or_default());
    socket.send(b"ping".to_vec(), Some(remote)).await?;
    let (data, sender) = socket.receive().await?;
    let from = if Some(port(sender)) == own { "itself" } else { "another" };
    Ok(format!("{} from {from}", String::from_utf8_lossy(&data)))
}

fn loopback(host: u8, port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, host) })
}

fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(address) => address.port,
        IpSocketAddress::Ipv6(address) => address.port,
    }
}
