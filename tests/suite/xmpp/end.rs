//! The ends of users: those who are asked to end, and those who fail. None leaves a session behind.

use lt_tests::peers::XmppPeer;
use lt_tests::prosody::Prosody;

use super::{at, count_by, scripted, told};

#[test]
fn whoever_waits_is_woken_when_the_run_ends() {
    let Some(server) = Prosody::start() else {
        return;
    };
    for what in ["stanza", "everything"] {
        let ran = at(&server, "xmpp_stopping")
            .set("what", what)
            .arguments("--users 4 --duration 500ms --graceful-stop 10s")
            .with_samples()
            .finish();
        let ran = ran.expect_clean();
        if what == "stanza" {
            assert_eq!(told(&ran, "case"), ["stopping"; 4], "{what}\n{ran}");
        }
        let ended = count_by(&ran.rows(), "xmpp_session_duration", ["ending"]);
        assert!(
            ended.keys().all(|[ending]| ending == "by-us"),
            "{what}: {ended:?}\n{ran}"
        );
    }
}

#[test]
fn no_session_outlives_its_user() {
    for (how, class) in [("fails", "failure"), ("panics", "panic"), ("spins", "cpu")] {
        let Some(server) = Prosody::start() else {
            return;
        };
        let ran = at(&server, "xmpp_failing")
            .set("how", how)
            .arguments("--users 4 --repeat-num 3 --cores 2 --cpu-limit 100ms")
            .with_samples()
            .finish()
            .expect_code(0);
        let summary = ran.summary();
        let failures = summary.failures(class);
        assert!(failures >= 4, "{how}\n{ran}");
        let opened = summary.count("xmpp_sessions");
        assert!(opened >= 4, "{how}\n{ran}");
        let ended = count_by(&ran.rows(), "xmpp_session_duration", ["ending"]);
        let by_us = ended.get(&["by-us".to_owned()]).copied();
        assert_eq!(by_us, Some(opened as usize), "{how}: {ended:?}\n{ran}");
        let counts = server.await_counts("all to be gone", |counts| counts.of("unbound") == opened);
        assert_eq!(counts.of("bound"), opened, "{how}: {counts:?}\n{ran}");
    }
}

#[test]
fn a_session_that_is_dropped_ends_its_stream() {
    let peer = XmppPeer::start(|wire| {
        wire.log_in();
        wire.answer_end();
    });
    let ran = scripted(&peer.address(), "xmpp_stopping")
        .arguments("--users 2 --duration 300ms --graceful-stop 10s")
        .finish()
        .expect_clean();
    for said in peer.await_ended(2) {
        assert_eq!(said.matches("</stream:stream>").count(), 1, "{said}\n{ran}");
    }
}
