//! Stream management (XEP-0198): acknowledgements, and streams that outlive their connections.

use lt_tests::LtHost;
use lt_tests::peers::XmppPeer;
use lt_tests::peers::xmpp::ns;
use lt_tests::prosody::{Options, Prosody};

use super::{at, endings, expect_checked, scripted, sums, told};

#[test]
fn a_stream_outlives_its_connection() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_management")
        .arguments("--users 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    let killed = ["killed", "", ""].map(str::to_owned);
    assert_eq!(ended.get(&killed), Some(&4), "{ended:?}\n{ran}");
    assert_eq!(ran.summary().count("xmpp_sessions"), 10, "{ran}");
}

#[test]
fn websockets_outlive_theirs_too() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = LtHost::run("xmpp_management")
        .set("websocket-url", server.websocket_url())
        .finish();
    drop(expect_checked(ran));
}

#[test]
fn a_stream_that_the_server_has_forgotten() {
    let Some(server) = Prosody::start_with(&Options {
        resume_seconds: 0,
        ..Options::default()
    }) else {
        return;
    };
    let ran = at(&server, "xmpp_forgotten").with_samples().finish();
    // Whether it is forgotten at once is the server's affair; a session it is in any case.
    let ran = ran.expect_clean();
    assert_eq!(told(&ran, "resumed").len(), 1, "{ran}");
    assert_eq!(told(&ran, "ending"), ["by-us"], "{ran}");
}

/// A guest that loses its first connection at this server, and comes back.
fn forgotten(peer: &XmppPeer) -> LtHost {
    scripted(&peer.address(), "xmpp_forgotten").with_samples()
}

#[test]
fn a_refused_resumption_goes_on_with_binding() {
    let peer = XmppPeer::start(|wire| {
        if wire.connection == 0 {
            wire.log_in_resumable("one");
            wire.read_to_end();
            return;
        }
        wire.authenticate();
        let resume = wire.read_until(">").unwrap_or_default();
        assert!(
            resume.contains("<resume") && resume.contains("one"),
            "{resume}"
        );
        wire.say(format!(
            "<failed xmlns='{}'><item-not-found xmlns='{}'/></failed>",
            ns::SM,
            ns::STANZA_ERRORS
        ));
        wire.bind();
        wire.answer_end();
    });
    let ran = forgotten(&peer).finish().expect_clean();
    assert_eq!(told(&ran, "resumed"), ["false"], "{ran}");
    assert_eq!(told(&ran, "left"), ["1"], "{ran}");
    assert_eq!(peer.await_ended(2).len(), 2, "{ran}");
}

#[test]
fn what_was_not_acknowledged_is_sent_again() {
    let peer = XmppPeer::start(|wire| {
        if wire.connection == 0 {
            wire.log_in_resumable("one");
            wire.read_until("once more");
            wire.read_to_end();
            return;
        }
        wire.authenticate();
        wire.read_until("<resume");
        wire.read_until(">");
        wire.say(format!("<resumed xmlns='{}' previd='one' h='0'/>", ns::SM));
        let again = wire.read_until("</message>").unwrap_or_default();
        assert!(
            again.contains("once more") && again.contains("again"),
            "{again}"
        );
        wire.answer_end();
    });
    let ran = forgotten(&peer).finish().expect_clean();
    assert_eq!(told(&ran, "resumed"), ["true"], "{ran}");
    for said in peer.await_ended(2) {
        assert_eq!(said.matches("once more").count(), 1, "{said}");
    }
    let sent = sums(&ran, "xmpp_stanzas_sent", "kind");
    assert_eq!(sent.get("message"), Some(&2), "{sent:?}\n{ran}");
}

#[test]
fn a_server_that_acknowledges_more_than_it_was_sent() {
    // While the stream is taken up again.
    let peer = XmppPeer::start(|wire| {
        if wire.connection == 0 {
            wire.log_in_resumable("one");
            wire.read_to_end();
            return;
        }
        wire.authenticate();
        wire.read_until("<resume");
        wire.read_until(">");
        wire.say(format!("<resumed xmlns='{}' previd='one' h='77'/>", ns::SM));
        wire.read_to_end();
    });
    let ran = forgotten(&peer).finish().expect_clean();
    assert_eq!(told(&ran, "resumed"), [""; 0], "{ran}");
    assert!(ran.printed().contains("case="), "{ran}");
    // Later: the stream is ended with an error that says so.
    let peer = XmppPeer::start(|wire| {
        wire.log_in_resumable("one");
        wire.say(format!("<a xmlns='{}' h='77'/>", ns::SM));
        wire.read_to_end();
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("resumable", true)
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    assert!(
        ended.len() == 1 && ended.keys().all(|[ending, ..]| ending == "protocol-error"),
        "{ended:?}\n{ran}"
    );
    let said = peer.await_ended(1).concat();
    assert!(said.contains("handled-count-too-high"), "{said}");
}

#[test]
fn acknowledgements_are_given_when_they_are_asked_for() {
    let peer = XmppPeer::start(|wire| {
        wire.log_in_resumable("one");
        for number in 0..3 {
            wire.say(format!("<message id='{number}'/>"));
        }
        wire.say(format!("<r xmlns='{}'/>", ns::SM));
        let answer = wire.read_until("/>").unwrap_or_default();
        assert!(
            answer.contains("h='3'") || answer.contains("h=\"3\""),
            "{answer}"
        );
        wire.say("</stream:stream>");
        wire.read_to_end();
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("resumable", true)
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(told(&ran, "received"), ["3"], "{ran}");
    let said = peer.await_ended(1).concat();
    assert!(said.contains("</stream:stream>"), "{said}");
}

#[test]
fn a_server_that_sets_its_client_back() {
    let Some(server) = Prosody::start() else {
        return;
    };
    // What this side says it has handled is more than the server has sent: prosody ends the stream, or starts anew.
    let ran = at(&server, "xmpp_forgotten")
        .set("handled", 1000)
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("iterations"), 1, "{ran}");
}
