//! Streams against peers that write by hand.

use std::cell::Cell;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::dial::tcp;
use crate::peer::{Peer, ends_orderly, local};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

/// A stream on which the server has said its header, and the server's end of the connection.
async fn opened() -> (Channel, TcpStream) {
    let (mut channel, mut server) = connected().await;
    channel.open_stream("example.org", None);
    server.write_all(HEADER.as_bytes()).await.unwrap();
    assert!(matches!(channel.next().await, Ok(Event::Open(_))));
    let mut seen = Vec::new();
    while !seen.ends_with(b"version='1.0'>") {
        seen.push(server.read_u8().await.unwrap());
    }
    (channel, server)
}

async fn connected() -> (Channel, TcpStream) {
    let (told, server) = oneshot::channel();
    let told = RefCell::new(Some(told));
    let peer = Peer::start(move |_, stream| {
        let _ = told.take().unwrap().send(stream);
        async {}
    })
    .await;
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    let channel = Channel::over(Stream::Plain(wire), 256 << 10);
    (channel, server.await.unwrap())
}

async fn element(channel: &mut Channel) -> String {
    match channel.next().await {
        Ok(Event::Element(element)) => element.xml().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Polled once, without waiting.
async fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll_fn(|cx| Poll::Ready(poll(cx))).await
}

#[test]
fn elements_come_out_however_they_came_in_and_an_idle_stream_holds_nothing() {
    local(async {
        let (mut channel, mut server) = opened().await;
        server.write_all(b"<a/><b>1</b><c/><d").await.unwrap();
        for wanted in ["<a/>", "<b>1</b>", "<c/>"] {
            assert_eq!(element(&mut channel).await, wanted);
        }
        assert!(now(|cx| channel.poll_next(cx)).await.is_pending());
        server.write_all(b"/>").await.unwrap();
        assert_eq!(element(&mut channel).await, "<d/>");
        assert!(now(|cx| channel.poll_next(cx)).await.is_pending());
        assert_eq!(channel.rest.bytes.capacity(), 0);
        assert_eq!((channel.out.capacity(), channel.queued()), (0, 0));
    });
}

#[test]
fn the_end_of_the_stream_and_of_the_connection_are_told_apart() {
    local(async {
        let (mut channel, mut server) = opened().await;
        server.write_all(b"</stream:stream>").await.unwrap();
        assert!(matches!(channel.next().await, Ok(Event::Close)));
        drop(server);
        assert!(matches!(channel.next().await, Err(ChannelError::Ended)));
        let (mut channel, server) = opened().await;
        drop(server);
        assert!(matches!(channel.next().await, Err(ChannelError::Ended)));
    });
}

/// A stanza of many reads lets others have their turn, and wakes itself.
#[test]
fn a_flood_without_an_element_yields() {
    local(async {
        let (mut channel, mut server) = opened().await;
        let text = "x".repeat(200 << 10);
        tokio::task::spawn_local(async move {
            server
                .write_all(format!("<a>{text}</a>").as_bytes())
                .await
                .unwrap();
            std::future::pending::<()>().await;
        });
        let polls = Cell::new(0);
        let event = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            channel.poll_next(cx)
        });
        assert!(
            matches!(event.await, Ok(Event::Element(element)) if element.xml().len() > 200 << 10)
        );
        assert!(polls.get() > 1);
    });
}

#[test]
fn what_is_queued_is_sent_in_order_as_the_peer_takes_it() {
    local(async {
        let (mut channel, mut server) = opened().await;
        let large = "x".repeat(8 << 20);
        channel.queue(b"<a>");
        channel.queue(large.as_bytes());
        channel.queue(b"</a>");
        assert!(now(|cx| channel.poll_flush(cx)).await.is_pending());
        assert!((1..large.len() + 7).contains(&channel.queued()));
        let reader = async {
            let mut seen = vec![0; large.len() + 7];
            server.read_exact(&mut seen).await.unwrap();
            seen
        };
        let (flushed, seen) = tokio::join!(channel.flush(), reader);
        flushed.unwrap();
        assert_eq!(seen, format!("<a>{large}</a>").as_bytes());
        assert_eq!((channel.queued(), channel.out.capacity()), (0, 0));
        let (sent, received) = channel.take_bytes();
        assert!(sent > 8 << 20 && received == HEADER.len() as u64);
        assert_eq!(channel.take_bytes(), (0, 0));
    });
}

/// A server that says why and goes: what was still to be sent fails, and the reason is what counts.
#[test]
fn why_the_peer_left_comes_before_that_it_takes_nothing() {
    local(async {
        let (mut channel, mut server) = opened().await;
        server.write_all(b"<why/>").await.unwrap();
        drop(server);
        // The first write is answered with a reset, the second fails.
        for _ in 0..2 {
            channel.queue(b"<x/>");
            let _ = channel.flush().await;
            tokio::task::yield_now().await;
        }
        channel.queue(b"<y/>");
        assert_eq!(element(&mut channel).await, "<why/>");
        assert!(channel.next().await.is_err());
    });
}

#[test]
fn an_end_is_orderly_and_a_cut_sends_nothing_more() {
    local(async {
        let (mut channel, mut server) = opened().await;
        channel.end_stream();
        poll_fn(|cx| channel.poll_shutdown(cx)).await;
        let mut last = String::new();
        server.read_to_string(&mut last).await.unwrap();
        assert_eq!(last, "</stream:stream>");
        let (mut channel, mut server) = opened().await;
        channel.queue(b"<lost/>");
        channel.abort();
        assert!(ends_orderly(&mut server).await);
        assert!(matches!(channel.next().await, Err(ChannelError::Ended)));
        channel.queue(b"<late/>");
        assert_eq!(channel.queued(), 0);
        assert!(matches!(channel.flush().await, Err(ChannelError::Ended)));
    });
}

#[test]
fn a_stream_error_of_ours_names_its_condition_and_ends_the_stream() {
    local(async {
        let (mut channel, mut server) = opened().await;
        server.write_all(b"<a></b>").await.unwrap();
        let Err(ChannelError::Frame(error)) = channel.next().await else {
            panic!("it is not well-formed");
        };
        channel.end_with_error(error.condition);
        poll_fn(|cx| channel.poll_shutdown(cx)).await;
        let mut last = String::new();
        server.read_to_string(&mut last).await.unwrap();
        assert_eq!(
            last,
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
             <not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        );
    });
}

#[test]
fn only_a_clean_plain_stream_becomes_tls() {
    local(async {
        let (mut channel, server) = opened().await;
        assert!(channel.take_plain().is_some());
        drop(server);
        for more in ["<b/>", "<b", "\n"] {
            let (mut channel, mut server) = opened().await;
            server
                .write_all(format!("<a/>{more}").as_bytes())
                .await
                .unwrap();
            assert_eq!(element(&mut channel).await, "<a/>");
            assert!(channel.take_plain().is_none(), "{more:?}");
        }
    });
}
