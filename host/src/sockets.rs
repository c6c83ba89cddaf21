//! `wasi:sockets`: UDP to and from the addresses that the manifest allows.
//!
//! The rules are those of Spin 4.1. An address that a component binds, connects to or sends to needs an entry
//! `udp://address:port`. What comes in is not checked, so a component must not trust a datagram. TCP is refused: Spin
//! lets a component connect, but none that this host is for needs it.

use crate::logs::Logs;
use crate::outbound::Outbound;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

/// What the sockets of all instances may do. A clone is another handle to the same.
#[derive(Clone)]
pub(crate) struct Sockets(Arc<Shared>);

struct Shared {
    outbound: Outbound,
    logs: Logs,
    /// The addresses whose refusal is in the log: an instance may try again with every datagram.
    refused: Mutex<BTreeSet<IpAddr>>,
}

impl Sockets {
    pub(crate) fn new(outbound: Outbound, logs: Logs) -> Self {
        Self(Arc::new(Shared { outbound, logs, refused: Mutex::default() }))
    }

    /// Gives an instance its sockets. What is refused answers `access-denied`.
    pub(crate) fn offer(&self, instance: &mut WasiCtxBuilder) {
        let sockets = self.clone();
        instance.allow_tcp(false).allow_udp(true).socket_addr_check(move |address, purpose| {
            let allowed = sockets.allow(address, purpose);
            Box::pin(std::future::ready(allowed))
        });
    }

    fn allow(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match purpose {
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend => {
                let allowed = self.0.outbound.allows_udp(address);
                if !allowed {
                    self.report(address.ip());
                }
                allowed
            }
            SocketAddrUse::UdpReceive => true,
            SocketAddrUse::TcpBind
            | SocketAddrUse::TcpListen
            | SocketAddrUse::TcpAccept
            | SocketAddrUse::TcpConnect => false,
        }
    }

    /// Says once for each address what would allow it.
    fn report(&self, address: IpAddr) {
        if !self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(address) {
            return;
        }
        let entry = match address {
            IpAddr::V4(address) => format!("udp://{address}:*"),
            IpAddr::V6(address) => format!("udp://[{address}]:*"),
        };
        self.0.logs.push(if address.is_unspecified() {
            format!(
                "allowed_outbound_hosts does not let the component bind a UDP socket to {address}, which is what a \
                 socket does that sends before it is bound: bind it to an address that is allowed, or add \"{entry}\""
            )
        } else {
            format!("allowed_outbound_hosts does not let the component use UDP at {address}: add \"{entry}\"")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::outbound;

    fn sockets(entries: &[&str]) -> (Sockets, Logs) {
        let logs = Logs::new(false);
        (Sockets::new(outbound(entries), logs.clone()), logs)
    }

    #[test]
    fn an_address_is_checked_before_it_is_bound_and_before_it_is_sent_to() {
        let (sockets, _) = sockets(&["udp://127.0.0.1:*"]);
        for (address, purpose, expected) in [
            ("127.0.0.1:0", SocketAddrUse::UdpBind, true),
            ("127.0.0.1:4000", SocketAddrUse::UdpSend, true),
            ("0.0.0.0:0", SocketAddrUse::UdpBind, false),
            ("127.0.0.2:4000", SocketAddrUse::UdpSend, false),
            ("[::1]:0", SocketAddrUse::UdpBind, false),
            ("127.0.0.2:4000", SocketAddrUse::UdpReceive, true),
        ] {
            assert_eq!(sockets.allow(address.parse().unwrap(), purpose), expected, "{address} {purpose:?}");
        }
    }

    #[test]
    fn tcp_is_refused_whatever_the_manifest_says() {
        let (sockets, logs) = sockets(&["*://*:*"]);
        let address = "127.0.0.1:80".parse().unwrap();
        assert!(sockets.allow(address, SocketAddrUse::UdpSend));
        for purpose in [SocketAddrUse::TcpBind, SocketAddrUse::TcpConnect] {
            assert!(!sockets.allow(address, purpose), "{purpose:?}");
        }
        assert!(logs.lines().is_empty());
    }

    #[test]
    fn what_would_allow_a_refused_address_is_logged_once() {
        let (sockets, logs) = sockets(&[]);
        for port in [0, 4000, 4001] {
            for address in ["127.0.0.1", "[::1]"] {
                let address = format!("{address}:{port}").parse().unwrap();
                assert!(!sockets.clone().allow(address, SocketAddrUse::UdpBind));
                assert!(!sockets.allow(address, SocketAddrUse::UdpSend));
            }
        }
        let line = |address, entry| {
            format!("allowed_outbound_hosts does not let the component use UDP at {address}: add {entry}")
        };
        let expected = [line("127.0.0.1", "\"udp://127.0.0.1:*\""), line("::1", "\"udp://[::1]:*\"")];
        assert_eq!(logs.lines(), expected);
    }

    #[test]
    fn a_socket_that_is_not_bound_is_told_to_bind_first() {
        let (sockets, logs) = sockets(&["udp://127.0.0.1:*"]);
        assert!(!sockets.allow("0.0.0.0:0".parse().unwrap(), SocketAddrUse::UdpBind));
        let lines = logs.lines();
        assert!(lines[0].contains("bind it to an address that is allowed"), "{lines:?}");
    }
}
