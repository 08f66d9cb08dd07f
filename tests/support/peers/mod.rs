//! Servers in this process, each on a free port of 127.0.0.1, for what a real server will not do.

pub mod gate;
pub mod http;
pub mod proxy;
pub mod rtmp;
pub mod streaming;
pub mod tcp;
pub mod websocket;
pub mod xmpp;

pub use gate::Gate;
pub use http::{HttpPeer, Seen};
pub use rtmp::{RtmpPeer, RtmpWire};
pub use streaming::StreamingPeer;
pub use tcp::TcpPeer;
pub use websocket::{WebSocketPeer, Wire};
pub use xmpp::{XmppPeer, XmppWire};

use std::net::TcpListener;

/// A port where nothing listens: one that was free a moment ago.
#[must_use]
pub fn closed_port() -> u16 {
    free_ports(1)[0]
}

/// Different ports that were free a moment ago, for a server that cannot choose its own.
#[must_use]
pub fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free"))
        .collect();
    listeners
        .iter()
        .map(|listener| {
            listener
                .local_addr()
                .expect("a bound socket has an address")
                .port()
        })
        .collect()
}
