use std::future::poll_fn;

use super::*;
use crate::peer::local;
use crate::websocket::tests::{Server, opened, pair};
use crate::websocket::{Borrowed, ConnectOptions, Opened};

/// Panics at the first message.
struct Faulty;

impl Observer for Faulty {
    fn received(&self, _: Borrowed<'_>, _: Instant) -> bool {
        panic!("an observer's fault");
    }
    fn waiting(&self, _: usize) {}
    fn dropped(&self, _: u64) {}
    fn sent(&self, _: u64) {}
    fn pong(&self, _: Duration) {}
    fn bytes(&self, _: u64, _: u64) {}
    fn ended(&self, _: &Close, _: Duration) {}
}

fn given_up() -> Close {
    Close {
        code: 1006,
        reason: "what drives the connection was stopped".to_owned(),
        ending: Ending::Failed,
    }
}

#[test]
fn a_pump_that_panics_leaves_nobody_waiting() {
    local(async {
        let options = ConnectOptions::default();
        let script = |mut server: Server| async move { server.text("x").await };
        let (Opened { socket, pump }, _server) = opened(&options, Vec::new(), script).await;
        let pump = tokio::task::spawn_local(pump.run(Faulty));
        assert_eq!(poll_fn(|cx| socket.poll_closed(cx)).await, given_up());
        assert!(pump.await.unwrap_err().is_panic());
    });
}

#[test]
fn a_pump_that_is_dropped_leaves_nobody_waiting() {
    local(async {
        let client = pair(|server| server.end()).await;
        let number = client.socket.ping().unwrap();
        client.pump.abort();
        let waited = poll_fn(|cx| client.socket.poll_pong(number, cx)).await;
        assert_eq!(waited, Err(given_up()));
        assert_eq!(client.socket.statistics().unsent_bytes, 0);
    });
}
