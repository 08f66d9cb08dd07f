use super::*;
use crate::xmpp::Resumption;
use crate::xmpp::connect::ask::Enabled;
use crate::xmpp::outbox::Entry;

fn managed(id: Option<&str>, ask_every: u32) -> Settings {
    let state = SmState::enabled(Enabled {
        id: id.map(str::to_owned),
        max: None,
        location: None,
        ask_every,
    });
    Settings {
        sm: Some(state),
        ..Settings::default()
    }
}

const ASK: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn told(h: u32) -> String {
    format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
}

#[test]
fn the_server_is_told_what_was_handled() {
    local(async {
        let client = pair_with(managed(None, 100), |server| async move {
            let mut server = server.begin().await;
            server.send(ASK).await;
            server.expect(&told(0)).await;
            server
                .send(&format!("<message/><presence/><other xmlns='o'/><iq type='result' id='1'/>{ASK}<message/>"))
                .await;
            server.expect(&told(3)).await;
            // The last that came is told of before the end.
            server.expect(&told(4)).await;
            server.left().await;
        })
        .await;
        poll_fn(|cx| client.session.poll_arrival(4, cx)).await;
        assert_eq!(client.session.statistics().handled, 4);
        assert_eq!(client.waiting().len(), 5, "what is no stanza came too");
        client.leave().await;
    });
}

#[test]
fn the_server_is_asked_at_times() {
    local(async {
        let client = pair_with(managed(Some("x"), 2), |server| async move {
            let mut server = server.begin().await;
            server
                .expect(&format!("<a/><message/><presence/>{ASK}<message/>"))
                .await;
            server.send(&told(2)).await;
            server.expect(&format!("<message/>{ASK}")).await;
            server.send(&told(4)).await;
            server.send("<message/>").await;
            server.expect(&told(1)).await;
            server.left().await;
        })
        .await;
        for xml in ["<a/>", "<message/>", "<presence/>", "<message/>"] {
            client.send(xml);
        }
        while client.session.statistics().unacknowledged != 1 {
            tokio::task::yield_now().await;
        }
        client.send("<message/>");
        assert_eq!(client.receive().await, "<message/>");
        assert_eq!(client.session.statistics().unacknowledged, 0);
        client.leave().await;
    });
}

#[test]
fn who_asks_is_told_what_is_not_handled() {
    local(async {
        let client = pair_with(managed(None, 1), |server| async move {
            let mut server = server.begin().await;
            server
                .expect(&format!("<message/>{ASK}<message/>{ASK}{ASK}"))
                .await;
            // The answers to the first two asks say nothing of the third.
            for h in [0, 0, 1] {
                server.send(&told(h)).await;
            }
            server.expect(ASK).await;
            server.send(&told(2)).await;
            server.left().await;
        })
        .await;
        client.send("<message/>");
        client.send("<message/>");
        let first = client.session.acknowledge().unwrap();
        assert_eq!(poll_fn(|cx| first.poll(cx)).await, Ok(1));
        let second = client.session.acknowledge().unwrap();
        assert_eq!(poll_fn(|cx| second.poll(cx)).await, Ok(0));
        client.leave().await;
    });
}

#[test]
fn bytes_of_the_users_may_be_stanzas_to_the_server() {
    local(async {
        let client = pair_with(managed(Some("x"), 100), |server| async move {
            let mut server = server.begin().await;
            server
                .expect(&format!("<message id='raw'/><message/>{ASK}"))
                .await;
            server.send(&told(2)).await;
            server.left().await;
        })
        .await;
        let raw = Item::Raw(b"<message id='raw'/>".as_slice().into());
        assert_eq!(client.session.try_send(raw), Ok(()));
        client.send("<message/>");
        let asked = client.session.acknowledge().unwrap();
        assert_eq!(poll_fn(|cx| asked.poll(cx)).await, Ok(0));
        client.leave().await;
    });
}

#[test]
fn stanzas_that_came_early_were_counted_then() {
    local(async {
        let early = Stanza::parse("<message/>", Instant::now()).unwrap();
        let settings = Settings {
            early: vec![early],
            ..managed(None, 100)
        };
        let client = pair_with(settings, |server| async move {
            let mut server = server.begin().await;
            server.send(&format!("<message/>{ASK}")).await;
            server.expect(&told(1)).await;
            server.left().await;
        })
        .await;
        client.receive().await;
        client.receive().await;
        client.leave().await;
    });
}

#[test]
fn those_who_ask_at_once_share_a_question() {
    local(async {
        let client = pair_with(managed(None, 100), |server| async move {
            let mut server = server.begin().await;
            server
                .expect(&format!("<message/>{ASK}<message/>{ASK}"))
                .await;
            server.send(&told(1)).await;
            server.send(&told(2)).await;
            server.left().await;
        })
        .await;
        client.send("<message/>");
        drop(client.session.acknowledge());
        let first = client.session.acknowledge().unwrap();
        let second = client.session.acknowledge().unwrap();
        client.send("<message/>");
        let unsent = client.session.statistics().unsent_bytes;
        let third = client.session.acknowledge().unwrap();
        for _ in 0..1000 {
            drop(client.session.acknowledge());
        }
        assert_eq!(client.session.statistics().unsent_bytes, unsent + ASK.len());
        for (asked, wanted) in [(first, 1), (second, 1), (third, 0)] {
            assert_eq!(poll_fn(|cx| asked.poll(cx)).await, Ok(wanted));
        }
        client.leave().await;
    });
}

#[test]
fn nothing_is_left_of_a_stream_whose_end_was_not_answered() {
    local_paused(async {
        let client = pair_with(managed(Some("x"), 100), |server| async move {
            server.begin().await.rest().await;
        })
        .await;
        client.send("<message/>");
        client.session.close(SECOND);
        let session = client.session.clone();
        assert_eq!(client.closed().await.ending, Ending::CloseTimeout);
        assert!(session.take_resumption().is_none());
    });
}

#[test]
fn what_was_not_sent_and_finds_no_room_is_counted() {
    const MORE_THAN_A_KERNEL_TAKES: usize = 40;
    local(async {
        let (leave, wait) = oneshot::channel::<()>();
        let wait = RefCell::new(Some(wait));
        let client = pair_with(managed(Some("x"), 10_000), move |server| {
            let wait = wait.take().unwrap();
            async move {
                let _server = server.begin().await;
                wait.await.unwrap();
            }
        })
        .await;
        let large = format!("<message><body>{}</body></message>", "x".repeat(900_000));
        for _ in 0..MORE_THAN_A_KERNEL_TAKES {
            let entry = Entry::Item(item(&large));
            client.session.outbox.borrow_mut().append(entry);
        }
        // The pump looks.
        let nudge = client.session.acknowledge().unwrap();
        tokio::task::yield_now().await;
        drop(nudge);
        leave.send(()).unwrap();
        let (session, log) = (client.session.clone(), client.log.clone());
        client.closed().await;
        // There is room for one.
        let forgotten = log.of("error ");
        assert_eq!(forgotten, ["resend-overflow"; MORE_THAN_A_KERNEL_TAKES - 1]);
        let left = session.take_resumption().unwrap().unacknowledged();
        assert_eq!(left.len(), 1);
    });
}

#[test]
fn without_stream_management_there_is_nothing_to_ask() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.send(ASK).await;
            server.left().await;
        })
        .await;
        let error = client.session.acknowledge().unwrap_err();
        assert_eq!(error, XmppError::NotOffered("stream-management".to_owned()));
        assert_eq!(client.receive().await, ASK);
        client.leave().await;
    });
}

#[test]
fn a_count_that_is_too_high_ends_the_stream() {
    local(async {
        let client = pair_with(managed(Some("x"), 1), |server| async move {
            let mut server = server.begin().await;
            server.expect(&format!("<message/>{ASK}")).await;
            server.send(&told(2)).await;
            let error = server.see("</stream:error>").await;
            assert!(error.contains("<undefined-condition "), "{error}");
            assert!(
                error.contains(
                    "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>"
                ),
                "{error}"
            );
            server.left().await;
        })
        .await;
        client.send("<message/>");
        let close = client.closed().await;
        assert_eq!(
            (close.ending, close.condition.as_str()),
            (Ending::ProtocolError, "undefined-condition")
        );
        assert!(
            close.text.starts_with("handled-count-too-high"),
            "{}",
            close.text
        );
    });
}

/// What is left of a session that has sent two stanzas, of which one was acknowledged, has handled one, and was ended so.
async fn resumption(kill: bool) -> Resumption {
    let client = pair_with(managed(Some("previous"), 2), move |server| async move {
        let mut server = server.begin().await;
        server
            .expect(&format!("<message id='1'/><message id='2'/>{ASK}"))
            .await;
        server.send(&told(1)).await;
        server.send("<message/>").await;
        if kill {
            assert_eq!(server.rest().await, "");
        }
    })
    .await;
    client.send("<message id='1'/>");
    client.send("<message id='2'/>");
    assert_eq!(client.receive().await, "<message/>");
    if kill {
        let resumption = client.session.take_resumption();
        assert!(resumption.is_none(), "it has not ended");
        client.session.kill();
    }
    let session = client.session.clone();
    client.closed().await;
    let resumption = session.take_resumption().unwrap();
    assert!(session.take_resumption().is_none(), "once");
    resumption
}

#[test]
fn what_the_server_has_not_handled_is_sent_again() {
    local(async {
        for kill in [false, true] {
            let mut resumption = resumption(kill).await;
            assert_eq!((resumption.id(), resumption.handled()), ("previous", 1));
            assert_eq!(resumption.jid(), OWN);
            assert_eq!(resumption.unacknowledged(), ["<message id='2'/>"]);
            resumption.set_handled(7);
            let settings = Settings {
                sm: Some(SmState::resumed(resumption, 1).unwrap()),
                ..Settings::default()
            };
            let client = pair_with(settings, |server| async move {
                let mut server = server.begin().await;
                server.expect("<message id='2'/>").await;
                server.expect(&format!("<message id='3'/>{ASK}")).await;
                server.send(&told(3)).await;
                server.send("<message/>").await;
                server.expect(&told(8)).await;
                server.left().await;
            })
            .await;
            client.send("<message id='3'/>");
            client.receive().await;
            let statistics = client.session.statistics();
            assert_eq!((statistics.unacknowledged, statistics.handled), (0, 8));
            client.leave().await;
        }
    });
}

#[test]
fn a_server_cannot_have_handled_more_than_it_was_sent() {
    local(async {
        let error = SmState::resumed(resumption(false).await, 3).unwrap_err();
        assert_eq!(error.condition(), Some("undefined-condition"));
        assert!(
            SmState::resumed(resumption(false).await, 0).is_err(),
            "it has handled one"
        );
    });
}

#[test]
fn nothing_is_left_of_a_stream_that_cannot_be_resumed_or_was_ended() {
    local(async {
        for (id, closes) in [(None, false), (Some("x"), true)] {
            let client = pair_with(managed(id, 100), |server| async move {
                let mut server = server.begin().await;
                server.expect("<message/>").await;
                let _ = server.see(">").await;
                server.send(END).await;
            })
            .await;
            client.send("<message/>");
            if closes {
                client.session.close(MINUTE);
            } else {
                while client.session.statistics().sent == 0 {
                    tokio::task::yield_now().await;
                }
                client.send("<presence/>");
                tokio::task::yield_now().await;
            }
            let session = client.session.clone();
            let close = client.closed().await;
            assert_eq!(close.ending == Ending::ByUs, closes);
            assert!(session.take_resumption().is_none());
        }
    });
}
