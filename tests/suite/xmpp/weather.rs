//! A real server in bad weather: it restarts under its users, has enough of them, and has much to tell.

use std::time::Duration;

use lt_tests::process::wait_until;
use lt_tests::prosody::{Options, Prosody};

use super::{at, count_by, endings, expect_checked, told};

/// Time for what two processes do in their own time.
const LIMIT: Duration = Duration::from_secs(60);

const USERS: u64 = 50;

/// Users who come back after the server went away like this; their sessions ended in these ways, most of them in the first.
fn restart(go_away: impl FnOnce(&mut Prosody), endings: &[[&str; 2]]) {
    let Some(mut server) = Prosody::start_with(&Options {
        users: 60,
        ..Options::default()
    }) else {
        return;
    };
    let mut running = at(&server, "xmpp_reconnect")
        .set("timeout", "60s")
        .arguments("--cores 2 --duration 300s --graceful-stop 30s --users")
        .argument(USERS.to_string())
        .within(Duration::from_secs(180))
        .with_samples()
        .start();
    wait_until("all users to be there", LIMIT, || {
        server.counts().of("presence_in") >= USERS
    });
    go_away(&mut server);
    assert!(!running.has_ended());
    server.start_again();
    wait_until("all users to be back", LIMIT, || {
        server.counts().of("presence_in") >= USERS
    });
    assert!(!running.has_ended());
    running.interrupt();
    let ran = running.finish().expect_code(105);
    let summary = ran.summary();
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    for counter in ["lost", "reconnected"] {
        assert_eq!(summary.count(counter), USERS, "{counter}\n{ran}");
    }
    assert_eq!(summary.count("xmpp_sessions"), 2 * USERS, "{ran}");
    let rows = ran.rows();
    let ended = count_by(&rows, "xmpp_session_duration", ["ending", "condition"]);
    let lost = ended.iter().filter(|([ending, condition], _)| {
        endings.contains(&[ending.as_str(), condition.as_str()])
    });
    let lost: usize = lost.map(|(_, count)| count).sum();
    assert_eq!(lost as u64, USERS, "{ended:?}\n{ran}");
    let most = ended.get(&endings[0].map(str::to_owned)).copied();
    assert!(most > Some(USERS as usize / 2), "{ended:?}\n{ran}");
    // The rest ended with the run.
    let by_us = ended.get(&["by-us", ""].map(str::to_owned));
    assert_eq!(by_us, Some(&(USERS as usize)), "{ended:?}\n{ran}");
    assert!(summary.count("talked") > 0, "{ran}");
}

#[test]
fn heavy_a_server_that_is_stopped_and_started_again() {
    // prosody says so to all whom it can reach before it exits.
    restart(
        Prosody::stop,
        &[["stream-error", "system-shutdown"], ["disconnected", ""]],
    );
}

#[test]
fn heavy_a_server_that_crashes_and_is_started_again() {
    // A reset, if it had not read all that was sent.
    restart(Prosody::kill, &[["disconnected", ""], ["reset", ""]]);
}

#[test]
fn two_of_one_name() {
    let Some(server) = Prosody::start() else {
        return;
    };
    // The second ends the first: a resource conflict.
    let ran = at(&server, "xmpp_fuzzy")
        .set("account", "user_1")
        .set("password", "password_1")
        .set("resource", "phone")
        .set("patience", "2s")
        .arguments("--users 2 --cores 1")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    let conflict = ["stream-error", "conflict", "2010"].map(str::to_owned);
    assert_eq!(ended.get(&conflict), Some(&1), "{ended:?}\n{ran}");
    let server = Prosody::start_with(&Options {
        refuse_second: true,
        ..Options::default()
    });
    let Some(server) = server else { return };
    // Or is refused.
    let ran = at(&server, "xmpp_fuzzy")
        .set("account", "user_1")
        .set("password", "password_1")
        .set("resource", "phone")
        .set("patience", "2s")
        .arguments("--users 2 --cores 1")
        .with_samples()
        .finish();
    let ran = ran.expect_clean();
    let failed = super::failures(&ran);
    let conflict = ["bind", "conflict", "2009"].map(str::to_owned);
    assert_eq!(failed.get(&conflict), Some(&1), "{failed:?}\n{ran}");
}

#[test]
fn more_than_the_server_takes() {
    let Some(server) = Prosody::start_with(&Options {
        stanza_bytes_max: 10_000,
        ..Options::default()
    }) else {
        return;
    };
    // A stanza over its limit ends the stream with `policy-violation`.
    let long = format!("<message><body>{}</body></message>", "x".repeat(20_000));
    let ran = at(&server, "xmpp_fuzzy")
        .set("say", long)
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    assert!(
        ended
            .keys()
            .all(|[ending, condition, _]| ending == "stream-error"
                && condition == "policy-violation"),
        "{ended:?}\n{ran}"
    );
    // So does what is no XML.
    let ran = at(&server, "xmpp_fuzzy")
        .set("say", "<message></presence>")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    assert!(
        ended.keys().all(
            |[ending, condition, _]| ending == "stream-error" && condition == "not-well-formed"
        ),
        "{ended:?}\n{ran}"
    );
}

#[test]
fn a_server_that_takes_little_at_a_time() {
    let Some(server) = Prosody::start_with(&Options {
        rate: Some("20kb/s"),
        ..Options::default()
    }) else {
        return;
    };
    // Nothing is lost: it only takes its time.
    let ran = at(&server, "xmpp_sleeper")
        .set("sleep", "2s")
        .set("messages", 50)
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("delivery_lost"), 0, "{ran}");
}

#[test]
fn a_huge_roster() {
    let Some(server) = Prosody::start_with(&Options {
        contacts: 20_000,
        ..Options::default()
    }) else {
        return;
    };
    let request = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>";
    let ask = || {
        at(&server, "xmpp_fuzzy")
            .set("say", request)
            .set("patience", "5s")
            .with_samples()
    };
    // Some 2 MB in one stanza: over the limit that a user has by default…
    let ran = expect_checked(ask().finish());
    let ended = endings(&ran);
    let too_large = ["stanza-too-large", "policy-violation", "2012"].map(str::to_owned);
    assert_eq!(ended.get(&too_large), Some(&1), "{ended:?}\n{ran}");
    // … and below one that is asked for.
    let ran = ask()
        .set("stanza-bytes-max", 16 << 20)
        .arguments("--memory-limit 64MiB")
        .finish();
    let ran = ran.expect_clean();
    assert_eq!(told(&ran, "received"), ["1"], "{ran}");
}
