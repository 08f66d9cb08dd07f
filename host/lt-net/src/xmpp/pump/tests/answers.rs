use super::*;
use crate::xmpp::{Filter, Filters};

fn all() -> Handlers {
    Handlers {
        ping: true,
        disco: true,
        receipts: true,
        version: true,
        refuse_requests: true,
    }
}

fn none() -> Handlers {
    Handlers {
        ping: false,
        disco: false,
        receipts: false,
        version: false,
        refuse_requests: false,
    }
}

fn handling(handlers: Handlers) -> Settings {
    Settings {
        handlers,
        ..Settings::default()
    }
}

fn filters(name: &str) -> Option<Rc<Filters>> {
    let filter = Filter {
        name: Some(name.to_owned()),
        ..Filter::default()
    };
    Some(Rc::new(Filters::new(vec![filter]).unwrap()))
}

#[test]
fn requests_are_answered_while_nobody_looks() {
    local(async {
        let client = pair_with(handling(all()), |server| async move {
            let mut server = server.begin().await;
            server
                .send("<iq type='get' id='1' from='a@b/&quot;'><ping xmlns='urn:xmpp:ping'/></iq>")
                .await;
            server.expect("<iq type='result' to='a@b/&quot;' id='1'/>").await;
            server
                .send("<iq type='get' id='2'><query xmlns='http://jabber.org/protocol/disco#info' node='x#y'/></iq>")
                .await;
            let info = server.see("</iq>").await;
            assert!(info.starts_with("<iq type='result' id='2'><query xmlns='http://jabber.org/protocol/disco#info' node='x#y'><identity category='client'"), "{info}");
            for feature in ["urn:xmpp:ping", "urn:xmpp:receipts", "jabber:iq:version", "urn:xmpp:time"] {
                assert!(info.contains(&format!("<feature var='{feature}'/>")), "{info}");
            }
            server
                .send("<iq type='get' id='3'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
                .await;
            server
                .expect("<iq type='result' id='3'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
                .await;
            server
                .send("<iq type='get' id='4'><query xmlns='jabber:iq:version'/></iq>")
                .await;
            assert!(server.see("</iq>").await.contains("<name>lt-host</name>"));
            server.send("<iq type='get' id='5'><time xmlns='urn:xmpp:time'/></iq>").await;
            assert!(server.see("</iq>").await.contains("<tzo>+00:00</tzo><utc>2"));
            server.send("<iq type='set' id='6' from='b'><x xmlns='y'/></iq>").await;
            server
                .expect("<iq type='error' to='b' id='6'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
                .await;
            server.send("<message id='done'/>").await;
            server.left().await;
        })
        .await;
        assert_eq!(client.receive().await, "<message id='done'/>");
        assert_eq!(
            client.log.of("received "),
            ["iq", "iq", "iq", "iq", "iq", "iq", "message"]
        );
        // What a handler answers is not shown to watches.
        assert_eq!(client.log.of("watched "), ["iq", "message"]);
        assert_eq!(client.log.of("sent ").len(), 6);
        client.leave().await;
    });
}

#[test]
fn without_handlers_the_user_gets_requests() {
    local(async {
        let client = pair_with(handling(none()), |server| async move {
            let mut server = server.begin().await;
            server
                .send(
                    "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>\
                     <message id='1' from='a'><request xmlns='urn:xmpp:receipts'/></message>",
                )
                .await;
            server.left().await;
        })
        .await;
        assert!(client.receive().await.contains("urn:xmpp:ping"));
        assert!(client.receive().await.contains("urn:xmpp:receipts"));
        client.leave().await;
    });
}

#[test]
fn receipts_are_sent_and_the_message_goes_on() {
    local(async {
        let client = pair_with(handling(all()), |server| async move {
            let mut server = server.begin().await;
            let request = "<request xmlns='urn:xmpp:receipts'/>";
            for message in [
                format!("<message type='error' id='1' from='a'>{request}</message>"),
                format!("<message type='groupchat' id='2' from='a'>{request}</message>"),
                format!("<message from='a'>{request}</message>"),
                format!("<message type='chat' id='4&amp;' from='a@b/c'>{request}</message>"),
                format!("<message id='5' from='a@b/c'>{request}</message>"),
            ] {
                server.send(&message).await;
            }
            server
                .expect("<message to='a@b/c' type='chat'><received xmlns='urn:xmpp:receipts' id='4&amp;'/></message>")
                .await;
            server
                .expect("<message to='a@b/c'><received xmlns='urn:xmpp:receipts' id='5'/></message>")
                .await;
            server.left().await;
        })
        .await;
        for _ in 0..5 {
            assert!(client.receive().await.contains("urn:xmpp:receipts"));
        }
        client.leave().await;
    });
}

#[test]
fn watches_reply_and_say_who_gets_a_stanza() {
    local(async {
        let mut settings = handling(all());
        settings.intake = Intake {
            wanted: filters("presence"),
            report_others: true,
        };
        settings.log.watch = Some(Box::new(|stanza| Verdict {
            kept: matches!(stanza.id(), Some("kept" | "mine")),
            taken: stanza.id() == Some("taken"),
            replies: stanza
                .id()
                .map(|id| format!("<presence id='{id}'/>"))
                .into_iter()
                .collect(),
        }));
        let client = pair_with(settings, |server| async move {
            let mut server = server.begin().await;
            server
                .send(
                    "<presence id='taken'/><presence id='kept'/><message id='kept'/><message/><other xmlns='o'/>\
                     <iq type='get' id='mine'><x xmlns='y'/></iq><presence/>",
                )
                .await;
            server
                .expect("<presence id='taken'/><presence id='kept'/><presence id='kept'/><presence id='mine'/>")
                .await;
            server.left().await;
        })
        .await;
        assert_eq!(client.receive().await, "<presence id='kept'/>");
        assert_eq!(client.receive().await, "<presence/>");
        assert_eq!(
            client.log.of("unexpected "),
            ["stanza message", "element other"]
        );
        assert_eq!(client.log.of("sent ").len(), 4);
        assert_eq!(client.session.statistics().received, 6);
        client.leave().await;
    });
}

#[test]
fn the_intake_may_be_changed() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.send("<message id='1'/>").await;
            server.expect("<presence/>").await;
            server.send("<message id='2'/><presence id='3'/>").await;
            server.left().await;
        })
        .await;
        assert_eq!(client.receive().await, "<message id='1'/>");
        client.session.set_intake(Intake {
            wanted: filters("presence"),
            report_others: false,
        });
        client.send("<presence/>");
        assert_eq!(client.receive().await, "<presence id='3'/>");
        assert_eq!(client.log.of("unexpected "), Vec::<String>::new());
        client.leave().await;
    });
}

#[test]
fn what_came_while_connecting_comes_first_and_is_not_counted_again() {
    local(async {
        let early = |xml| Stanza::parse(xml, Instant::now()).unwrap();
        let settings = Settings {
            early: vec![
                early("<message id='early' xmlns='jabber:client'/>"),
                early(
                    "<iq type='get' id='p' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>",
                ),
            ],
            ..Settings::default()
        };
        let client = pair_with(settings, |server| async move {
            let mut server = server.begin().await;
            server.send("<message id='late'/>").await;
            server.expect("<iq type='result' id='p'/>").await;
            server.left().await;
        })
        .await;
        assert!(client.receive().await.contains("early"));
        assert!(client.receive().await.contains("late"));
        assert_eq!(client.log.of("received "), ["message"]);
        client.leave().await;
    });
}

#[test]
fn a_stanza_is_picked_out_of_the_inbox() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server
                .send("<message id='1'/><presence id='2'/><message id='3'/><presence id='4'/>")
                .await;
            server.left().await;
        })
        .await;
        let seen = poll_fn(|cx| client.session.poll_arrival(3, cx)).await;
        assert_eq!(seen, 4);
        let presence = filters("presence").unwrap();
        let newest = client.session.try_receive_newest(1, Some(&presence));
        assert_eq!(newest.unwrap().id(), Some("4"));
        assert!(
            client
                .session
                .try_receive_newest(1, Some(&presence))
                .is_none()
        );
        let taken = client
            .session
            .take_matching(&|stanza| stanza.name() == "message");
        assert_eq!(
            taken.iter().map(Stanza::id).collect::<Vec<_>>(),
            [Some("1"), Some("3")]
        );
        assert_eq!(
            client.session.try_receive(Some(&presence)).unwrap().id(),
            Some("2")
        );
        assert_eq!(client.session.statistics().waiting, 0);
        client.leave().await;
    });
}

#[test]
fn errors_are_counted_by_condition() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server
                .send("<message type='error'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
                .await;
            server.left().await;
        })
        .await;
        assert!(client.receive().await.contains("resource-constraint"));
        assert_eq!(client.log.of("error "), ["resource-constraint"]);
        client.leave().await;
    });
}
