//! Ports for servers that are killed and started again.

use std::net::{TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port that is free and stays so while the server is down, or not yet up: the system gives none of these to
/// clients, and no other process of tests gets it from here while this one runs.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut ports = std::iter::repeat_with(|| {
        let next = process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        20_000 + u16::try_from(next % 10_000).unwrap()
    });
    ports.find(|port| is_ours(*port) && TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Takes the port of the same number from other processes of tests: by UDP, which no server here has below 30 000.
fn is_ours(port: u16) -> bool {
    let taken = UdpSocket::bind(("127.0.0.1", port));
    // It is open until the process ends.
    taken.map(std::mem::forget).is_ok()
}
