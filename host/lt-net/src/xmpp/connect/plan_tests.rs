use std::rc::Rc;
use std::time::Duration;

use super::super::tests::request;
use super::*;
use crate::xmpp::CustomStep;

/// What is wrong with the usual request after this change.
#[track_caller]
fn refused(change: impl FnOnce(&mut ConnectRequest)) -> String {
    let mut request = request();
    change(&mut request);
    match Plan::of(&request) {
        Err(XmppError::Net(NetError::InvalidRequest(why))) => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn address(text: &str) -> (String, Option<u16>) {
    let mut request = request();
    request.address = Some(text.to_owned());
    Plan::of(&request).unwrap().address.unwrap()
}

fn custom() -> Step {
    Step::Custom(Rc::new(CustomStep {
        name: "own".to_owned(),
        send: "x".to_owned(),
        r#await: None,
        restart: false,
    }))
}

#[test]
fn a_jid_is_normalised_and_taken_apart() {
    let mut request = request();
    request.jid = "Romeo@Example.ORG/Orchard".to_owned();
    let plan = Plan::of(&request).unwrap();
    assert_eq!(plan.bare(), "romeo@example.org");
    assert_eq!(plan.resource.as_deref(), Some("Orchard"));
    assert!(refused(|request| request.jid = "a@b@c".to_owned()).starts_with("jid: "));
    assert!(refused(|request| request.jid = String::new()).starts_with("jid: "));
}

#[test]
fn a_name_is_needed_unless_nobody_has_one() {
    let domain = "example.org";
    assert_eq!(
        refused(|request| request.jid = domain.to_owned()),
        "jid: no name before the domain"
    );
    let mut request = request();
    request.jid = domain.to_owned();
    request.mechanisms = Some(vec![Mechanism::External, Mechanism::Anonymous]);
    let plan = Plan::of(&request).unwrap();
    assert_eq!(
        (plan.local.as_deref(), plan.bare().as_str()),
        (None, domain)
    );
    request.steps.insert(1, Step::Register(Vec::new()));
    assert!(Plan::of(&request).is_err());
    request.mechanisms = None;
    request.steps = vec![Step::Stream, custom()];
    assert!(Plan::of(&request).is_ok());
}

#[test]
fn what_no_mechanism_can_say_is_refused_at_once() {
    let refused_with = |mechanisms: Option<Vec<Mechanism>>, password: &str| {
        refused(|request| {
            request.mechanisms = mechanisms;
            request.password = password.to_owned();
        })
    };
    for mechanisms in [
        None,
        Some(vec![Mechanism::Plain]),
        Some(vec![Mechanism::ScramSha1]),
    ] {
        assert!(refused_with(mechanisms, "a\0b").starts_with("password: "));
    }
    // Only who prepares the password cannot.
    assert!(refused_with(None, "bell\u{7}").starts_with("password: "));
    assert!(
        refused(|request| {
            request.mechanisms = None;
            request.jid = "\u{627}1@example.org".to_owned();
        })
        .starts_with("jid: ")
    );
    let mut request = request();
    request.password = "bell\u{7}".to_owned();
    assert!(Plan::of(&request).is_ok());
    // Nobody logs in, or not with it.
    request.password = "a\0b".to_owned();
    request.mechanisms = Some(vec![Mechanism::Anonymous, Mechanism::External]);
    assert!(Plan::of(&request).is_ok());
    request.mechanisms = None;
    request.steps = vec![Step::Stream, custom()];
    assert!(Plan::of(&request).is_ok());
}

#[test]
fn addresses_are_a_host_and_maybe_a_port() {
    assert_eq!(address("Host"), ("host".to_owned(), None));
    assert_eq!(address("host:5269"), ("host".to_owned(), Some(5269)));
    assert_eq!(address("127.0.0.1:1"), ("127.0.0.1".to_owned(), Some(1)));
    assert_eq!(address("::1"), ("[::1]".to_owned(), None));
    assert_eq!(address("[::1]"), ("[::1]".to_owned(), None));
    assert_eq!(address("[::1]:80"), ("[::1]".to_owned(), Some(80)));
    for wrong in [
        "",
        ":1",
        "host:",
        "host:0",
        "host:65536",
        "host:x",
        "a b",
        "user@host",
        "a/b",
    ] {
        let why = refused(|request| request.address = Some(wrong.to_owned()));
        assert!(why.starts_with("address: "), "{wrong}: {why}");
    }
}

#[test]
fn times_and_mechanisms_are_not_none() {
    assert_eq!(
        refused(|request| request.timeout = Duration::ZERO),
        "timeout: zero"
    );
    assert_eq!(
        refused(|request| request.step_timeout = Duration::ZERO),
        "step-timeout: zero"
    );
    assert_eq!(
        refused(|request| request.mechanisms = Some(Vec::new())),
        "mechanisms: none"
    );
}

#[test]
fn steps_that_make_no_sense_in_this_order_are_refused() {
    use Step::{Authenticate, Bind, Resume, Stream, Tls};
    for (wrong, why) in [
        (vec![], "`stream` must go"),
        (vec![Authenticate], "`stream` must go"),
        (vec![Tls, Stream], "`stream` must go"),
        (vec![custom()], "`stream` must go"),
        (vec![Stream, Bind, Resume], "`resume` after `bind`"),
        (vec![Stream, Bind, Authenticate], "`authenticate` after"),
        (vec![Stream, Resume, Authenticate], "`authenticate` after"),
    ] {
        let text = format!("{wrong:?}");
        let found = refused(|request| request.steps = wrong);
        assert!(
            found.starts_with(&format!("steps: {why}")),
            "{text}: {found}"
        );
    }
    let mut request = request();
    request.steps = vec![
        custom(),
        Stream,
        custom(),
        Authenticate,
        Resume,
        Bind,
        custom(),
    ];
    Plan::of(&request).unwrap();
}

#[test]
fn whoever_asks_for_tls_gets_it_before_the_password_is_sent() {
    use Step::{Authenticate, Register, Stream, Tls};
    let without = vec![Stream, Authenticate];
    let late = vec![Stream, Authenticate, Tls];
    let late_too = vec![Stream, Register(Vec::new()), Tls, Authenticate];
    for security in [Security::StartTls, Security::StartTlsIfOffered] {
        for steps in [&late, &late_too] {
            let why = refused(|request| {
                (request.security, request.steps) = (security, steps.clone());
            });
            assert_eq!(why, "steps: `tls` after a step that sends the password");
        }
    }
    let why = refused(|request| {
        (request.security, request.steps) = (Security::StartTls, without.clone());
    });
    assert_eq!(why, "steps: security `starttls` needs the step `tls`");
    for security in [
        Security::StartTlsIfOffered,
        Security::DirectTls,
        Security::None,
    ] {
        let mut request = request();
        (request.security, request.steps) = (security, without.clone());
        Plan::of(&request).unwrap();
    }
}

#[test]
fn names_of_fields_are_names_of_elements() {
    for wrong in ["", "a b", "<x>", "1st", "a:b", "é"] {
        let why = refused(|request| {
            let fields = vec![(wrong.to_owned(), String::new())];
            request.steps.insert(1, Step::Register(fields));
        });
        assert!(why.ends_with("is no field's name"), "{wrong}: {why}");
    }
}
