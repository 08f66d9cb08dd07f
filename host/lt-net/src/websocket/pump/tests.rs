use std::cell::RefCell;
use std::future::poll_fn;

use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::advance;

use super::*;
use crate::peer::{local, local_paused};
use crate::websocket::tests::{CLOSE, Log, PONG, Server, TEXT, close_payload, frame, opened, pair};
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
        let pump = spawn_local(pump.run(Faulty));
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

const SECOND: Duration = Duration::from_secs(1);

/// Have the pump look at everything, once.
async fn poll_once(pump: &mut (impl Future<Output = ()> + Unpin)) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *pump).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[test]
fn a_pong_that_lies_in_the_kernel_is_in_time() {
    local_paused(async {
        let (written, wait) = oneshot::channel();
        let written = RefCell::new(Some(written));
        let script = move |mut server: Server| {
            let written = written.take().unwrap();
            async move {
                let ping = server.see().await.unwrap();
                // More than one poll takes in.
                let mut bytes = frame(TEXT, &[b'x'; 1000]).repeat(100);
                bytes.extend(frame(PONG, &ping.payload));
                server.write(&bytes).await;
                written.send(()).unwrap();
                server.left().await;
            }
        };
        let options = ConnectOptions::default();
        let (Opened { socket, pump }, server) = opened(&options, Vec::new(), script).await;
        let log = Rc::new(Log::default());
        let mut pump = Box::pin(pump.run(log.clone()));
        let beat = socket
            .ping_every(SECOND * 60, Some(SECOND), Duration::ZERO)
            .unwrap();
        poll_once(&mut pump).await;
        wait.await.unwrap();
        // The thread is held up for longer than the pong may take.
        advance(SECOND * 9).await;
        let pump = spawn_local(pump);
        while log.pongs.borrow().is_empty() {
            assert_eq!(socket.closed(), None);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        beat.stop();
        socket.abandon();
        pump.await.unwrap();
        server.await.unwrap();
        assert_eq!(log.received.get(), 100);
    });
}

#[test]
fn an_answer_to_our_close_that_lies_in_the_kernel_is_in_time() {
    local_paused(async {
        let (written, wait) = oneshot::channel();
        let written = RefCell::new(Some(written));
        let script = move |mut server: Server| {
            let written = written.take().unwrap();
            async move {
                server.see_close(Some(1000)).await;
                let mut bytes = frame(TEXT, &[b'x'; 1000]).repeat(100);
                bytes.extend(frame(CLOSE, &close_payload(1000, "")));
                server.write(&bytes).await;
                written.send(()).unwrap();
            }
        };
        let options = ConnectOptions::default();
        let (Opened { socket, pump }, _server) = opened(&options, Vec::new(), script).await;
        let mut pump = Box::pin(pump.run(Rc::new(Log::default())));
        socket.close(Some(1000), "", SECOND);
        poll_once(&mut pump).await;
        wait.await.unwrap();
        advance(SECOND * 9).await;
        spawn_local(pump);
        let close = poll_fn(|cx| socket.poll_closed(cx)).await;
        assert_eq!((close.ending, close.code), (Ending::ByUs, 1000));
    });
}
