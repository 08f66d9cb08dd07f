//! Before, during and after a run: what a scenario needs, what it calls, what the summary says, what thresholds hold it to.

use lt_tests::LtHost;
use lt_tests::guests::guest;
use lt_tests::prosody::Prosody;

use super::{at, expect_checked};

#[test]
fn what_a_scenario_needs_is_listed() {
    for (name, needs) in [("xmpp_login", true), ("http_fetch", false)] {
        let file = guest(name);
        let file = file.to_str().unwrap();
        let ran = LtHost::new(&["describe", file]).finish().expect_code(0);
        let listed = ran.stdout().contains("lt:scenario/xmpp@0.1.0");
        assert_eq!(listed, needs, "{ran}");
    }
}

#[test]
fn every_call_is_shown_when_a_scenario_is_tried_once() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_sleeper")
        .set("messages", 1)
        .arguments("--once")
        .finish();
    let ran = expect_checked(ran);
    let mut lines = ran.stderr().lines();
    for part in [
        "xmpp.session.connect(",
        "xmpp.session.watch(",
        "coordination.mark-sent(id: \"1-0-0\"",
        "xmpp.session.send(",
        "xmpp.session.send-every(",
        "xmpp.session.ping-every(",
        "timing.sleep(duration: 500000000)",
        "xmpp.session.receive(",
        "xmpp.session.close(",
    ] {
        assert!(
            lines.any(|line| line.contains(part)),
            "{part} is not shown, or not in its turn\n{ran}"
        );
    }
    // Nobody's password is.
    drop(ran.expect_no_text("password_1"));
}

#[test]
fn thresholds_on_steps_and_the_section_of_the_summary() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_sleeper")
        .arguments("--users 2 --threshold xmpp_connecting{step:sasl}:p(95)<10000")
        .arguments("--threshold xmpp_connecting{step:tls}:max>0")
        .arguments("--threshold xmpp_connecting{step:bind}:min>0")
        .arguments("--threshold xmpp_message_delivery:p(99)>=0")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    for (metric, expression) in [
        ("xmpp_connecting{step:sasl}", "p(95)<10000"),
        ("xmpp_connecting{step:tls}", "max>0"),
        ("xmpp_connecting{step:bind}", "min>0"),
    ] {
        assert_eq!(
            summary.held(metric, expression),
            Some(true),
            "{metric}\n{ran}"
        );
    }
    for text in [
        "XMPP",
        "xmpp_connecting",
        "xmpp_sessions",
        "xmpp_stanzas_sent",
        "xmpp_stanzas_received",
        "xmpp_request_duration",
        "xmpp_message_delivery",
    ] {
        assert!(ran.stdout().contains(text), "{text}\n{ran}");
    }
    // One that does not hold.
    let ran = at(&server, "xmpp_login")
        .arguments("--threshold xmpp_connecting{step:sasl}:max<0.000001")
        .finish()
        .expect_code(99);
    assert_eq!(
        ran.summary()
            .held("xmpp_connecting{step:sasl}", "max<0.000001"),
        Some(false),
        "{ran}"
    );
}
