use std::future::poll_fn;

use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::super::Channel;
use super::*;
use crate::peer::{Peer, local};
use crate::websocket::{ConnectOptions, ConnectRequest, InboxOptions, Overflow};

/// A stream over a WebSocket, and the server's end.
pub(in crate::xmpp) async fn connected() -> (Channel, WebSocketStream<TcpStream>) {
    let (told, server) = oneshot::channel();
    let told = RefCell::new(Some(told));
    let peer = Peer::start(move |_, stream| {
        let told = told.take().unwrap();
        async move {
            let accepted = tokio_tungstenite::accept_async(stream).await;
            let _ = told.send(accepted.unwrap());
        }
    })
    .await;
    let request = ConnectRequest {
        url: format!("ws://{}/", peer.address),
        options: ConnectOptions {
            inbox: InboxOptions {
                messages_max: 2,
                bytes_max: 1 << 20,
                overflow: Overflow::Pause,
            },
            ..ConnectOptions::default()
        },
        ..ConnectRequest::default()
    };
    let client = crate::xmpp::connect::test_client();
    let (_, opened) = client.connect_websocket(request).await;
    let channel = Channel::over_websocket(opened.unwrap(), 256 << 10);
    (channel, server.await.unwrap())
}

#[test]
fn each_text_is_a_frame_and_what_is_no_text_is_sent_all_the_same() {
    local(async {
        let (mut channel, mut server) = connected().await;
        channel.queue(b"<a/>");
        channel.queue(&[b'<', 0xff]);
        channel.queue(b"");
        channel.flush().await.unwrap();
        assert_eq!(channel.queued(), 0);
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text("<a/>"));
        let raw = server.next().await.unwrap().unwrap();
        assert_eq!(raw, Message::binary(vec![b'<', 0xff]));
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text(""));
        let (sent, _) = channel.take_bytes();
        assert!(sent > 6, "{sent}");
    });
}

#[test]
fn more_than_a_socket_takes_waits_and_is_sent_in_order() {
    local(async {
        let (mut channel, mut server) = connected().await;
        let frames = 5000;
        let body = "x".repeat(1000);
        for number in 0..frames {
            channel.queue(format!("<a n='{number}'>{body}</a>").as_bytes());
        }
        assert!(channel.queued() > 5_000_000);
        let reader = async {
            for number in 0..frames {
                let frame = server.next().await.unwrap().unwrap();
                let wanted = format!("<a n='{number}'>");
                assert!(frame.to_text().unwrap().starts_with(&wanted));
            }
        };
        let (flushed, ()) = tokio::join!(channel.flush(), reader);
        flushed.unwrap();
        assert_eq!(channel.queued(), 0);
    });
}

#[test]
fn a_shutdown_closes_the_websocket_and_a_cut_does_not() {
    local(async {
        let (mut channel, mut server) = connected().await;
        channel.queue(b"<last/>");
        let seen = async {
            assert_eq!(
                server.next().await.unwrap().unwrap(),
                Message::text("<last/>")
            );
            let close = server.next().await.unwrap().unwrap();
            assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
            // The answer goes out.
            assert!(server.next().await.is_none());
        };
        tokio::join!(poll_fn(|cx| channel.poll_shutdown(cx)), seen);
        let (mut channel, mut server) = connected().await;
        channel.queue(b"<lost/>");
        channel.abort();
        assert!(server.next().await.unwrap().is_err());
    });
}

#[test]
fn a_stream_that_is_let_go_of_ends_its_websocket() {
    local(async {
        let (channel, mut server) = connected().await;
        drop(channel);
        let close = server.next().await.unwrap().unwrap();
        assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    });
}
