//! Runs repeat: with one seed, each user makes the same calls in the same order, whatever the cores do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::Mutex;

use lt_tests::guests::scenario;
use lt_tests::peers::HttpPeer;
use lt_tests::peers::http::{Seen, Then, respond};
use lt_tests::{LtHost, Ran, Target};
use serde_json::{Value, json};

/// What each user called, in its order: method, target, body.
type Calls = BTreeMap<String, Vec<String>>;

fn call(seen: &Seen) -> String {
    let body = String::from_utf8_lossy(&seen.body);
    format!("{} {} {body}", seen.method, seen.target)
}

fn answer(stream: &mut TcpStream, status: u16, body: &Value) -> Then {
    let headers = [("content-type", "application/json")];
    respond(stream, status, &headers, body.to_string().as_bytes());
    Then::Keep
}

/// A shop as `http-journey` knows it.
fn shop() -> HttpPeer {
    const FORM: &str = "<form action=\"/login\" method=\"post\"><input type=\"hidden\" name=\"csrf_token\" value=\"t\">\
        <input name=\"username\"><input name=\"password\"></form>";
    HttpPeer::start(|seen, stream| match (seen.method.as_str(), seen.path()) {
        ("GET", "/login") => {
            respond(
                stream,
                200,
                &[("content-type", "text/html")],
                FORM.as_bytes(),
            );
            Then::Keep
        }
        ("POST", "/login") => {
            respond(stream, 303, &[("location", "/account")], b"");
            Then::Keep
        }
        ("GET", "/items") => {
            let items: Vec<Value> = (1..=1000).map(|id| json!({ "id": id })).collect();
            answer(stream, 200, &json!({ "items": items }))
        }
        ("POST", "/items") => answer(stream, 201, &json!({ "id": 1 })),
        _ => answer(stream, 200, &json!({})),
    })
}

/// Calls by user: whoever logs in on a connection made all its requests, since users share none.
fn calls_of_journey(options: &str) -> (Calls, Ran) {
    let shop = shop();
    let ran = LtHost::run_file(&scenario("http-journey"))
        .set("base-url", shop.url(""))
        .set("think-time-min", "1ms")
        .set("think-time-max", "20ms")
        .arguments("--users 5 --repeat-num 3")
        .arguments(options)
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().failed_checks(), [], "{ran}");
    let seen = shop.seen();
    let mut owners = BTreeMap::new();
    for request in seen.iter().filter(|request| request.method == "POST") {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let fields: Vec<(&str, &str)> = form
            .split('&')
            .filter_map(|field| field.split_once('='))
            .collect();
        if let Some((_, user)) = fields.iter().find(|(name, _)| *name == "username") {
            owners.insert(request.connection, (*user).to_owned());
        }
    }
    let mut calls = Calls::new();
    for request in &seen {
        let owner = owners.get(&request.connection);
        let owner = owner.unwrap_or_else(|| panic!("nobody logged in on {request:?}\n{ran}"));
        calls.entry(owner.clone()).or_default().push(call(request));
    }
    (calls, ran)
}

#[test]
fn a_journey_repeats_with_its_seed() {
    let (first, ran) = calls_of_journey("--seed 11");
    assert_eq!(first.len(), 5, "{ran}");
    for (user, calls) in &first {
        // Log in, form and account; list and three items; a new one; log out: three times.
        assert_eq!(calls.len(), 3 * 9, "{user}: {calls:?}");
    }
    let looked_at: BTreeSet<&String> = first
        .values()
        .flatten()
        .filter(|call| call.starts_with("GET /items/"))
        .collect();
    assert!(looked_at.len() > 30, "users look at the same things");
    assert_eq!(first, calls_of_journey("--seed 11").0);
    assert_eq!(first, calls_of_journey("--seed 11 --cores 1").0);
    let (other, _) = calls_of_journey("--seed 12");
    for (user, calls) in &first {
        assert_ne!(
            Some(calls),
            other.get(user),
            "{user} does the same with another seed"
        );
    }
}

/// Keeps messages as `relay` posts them, each under a number that follows from its id alone.
fn post_office() -> HttpPeer {
    let kept: Mutex<BTreeMap<u64, Value>> = Mutex::default();
    HttpPeer::start(move |seen, stream| {
        let mut kept = kept.lock().unwrap();
        if seen.method == "POST" {
            let message: Value = serde_json::from_slice(&seen.body).unwrap();
            let id = message["message"].as_str().unwrap_or_default();
            let number = id.bytes().fold(7_u64, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into()) % 1_000_000_007
            });
            kept.insert(number, message);
            return answer(stream, 201, &json!({ "id": number }));
        }
        let number = seen.path().rsplit('/').next().unwrap_or_default();
        match number
            .parse()
            .ok()
            .and_then(|number: u64| kept.get(&number))
        {
            Some(message) => answer(stream, 200, &json!({ "item": message })),
            None => answer(stream, 404, &json!({})),
        }
    })
}

/// Calls by user: messages name their sender, and each pair has one receiver.
fn calls_of_relay(options: &str) -> (Calls, Ran) {
    let office = post_office();
    let ran = LtHost::run_file(&scenario("relay"))
        .set("base-url", office.url(""))
        .set("think-time-min", "1ms")
        .set("think-time-max", "20ms")
        .arguments("--users 8 --repeat-num 3")
        .arguments(options)
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().failed_checks(), [], "{ran}");
    let mut calls = Calls::new();
    for request in &office.seen() {
        let id = match request.query("message") {
            Some(id) => id.to_owned(),
            None => {
                let message: Value = serde_json::from_slice(&request.body).unwrap();
                message["message"].as_str().unwrap().to_owned()
            }
        };
        let sender = id.split('-').next().unwrap();
        let user = if request.method == "POST" {
            format!("sender {sender}")
        } else {
            format!("receiver of {sender}")
        };
        calls.entry(user).or_default().push(call(request));
    }
    (calls, ran)
}

#[test]
fn a_relay_repeats_with_its_seed() {
    let (first, ran) = calls_of_relay("--seed 11");
    let users: Vec<&str> = first.keys().map(String::as_str).collect();
    let expected = [
        "receiver of 1",
        "receiver of 3",
        "receiver of 5",
        "receiver of 7",
    ];
    assert_eq!(users[..4], expected, "{ran}");
    assert_eq!(
        users[4..],
        ["sender 1", "sender 3", "sender 5", "sender 7"],
        "{ran}"
    );
    for (user, calls) in &first {
        // Three messages an iteration, three iterations.
        assert_eq!(calls.len(), 9, "{user}: {calls:?}");
    }
    assert_eq!(first, calls_of_relay("--seed 11").0);
    assert_eq!(first, calls_of_relay("--seed 11 --cores 1").0);
    let (other, _) = calls_of_relay("--seed 12");
    for (user, calls) in &first {
        assert_ne!(
            Some(calls),
            other.get(user),
            "{user} does the same with another seed"
        );
    }
}

#[test]
fn a_relay_reports_how_long_messages_take() {
    let target = Target::start();
    for options in [
        "--repeat-num 4",
        "--duration 2s",
        "--repeat-num 4 --set same-partner=false",
    ] {
        let ran = LtHost::run_file(&scenario("relay"))
            .set("base-url", target.url(""))
            .set("think-time-min", "1ms")
            .set("think-time-max", "50ms")
            .arguments("--users 20 --threshold delivery_time:max<30000")
            .arguments(options)
            .finish()
            .expect_clean();
        let summary = ran.summary();
        assert_eq!(summary.failed_checks(), [], "{options}\n{ran}");
        let sent = summary.count("delivery_sent");
        assert!(sent >= 10, "{options}\n{ran}");
        assert_eq!(summary.count("delivery_received"), sent, "{options}\n{ran}");
        assert_eq!(
            summary.value("delivery_time", "count"),
            Some(sent as f64),
            "{options}\n{ran}"
        );
        for none in ["delivery_lost", "delivery_duplicates", "delivery_unmatched"] {
            assert_eq!(summary.count(none), 0, "{options}: {none}\n{ran}");
        }
    }
}
