//! Who comes in: tokens, methods, ids, and pages of other sites.

use serde_json::json;

use super::{Busy, STEADY, TOKEN};

/// Calls that need the token, one of each resource.
const CALLS: [(&str, &str); 14] = [
    ("GET", "/v1/status"),
    ("GET", "/v1/nodes"),
    ("GET", "/v1/scenarios"),
    ("PUT", "/v1/scenarios/mine"),
    ("GET", "/v1/scenarios/steady/wasm"),
    ("DELETE", "/v1/scenarios/steady"),
    ("PUT", "/v1/files/mine"),
    ("GET", "/v1/runs"),
    ("POST", "/v1/runs"),
    ("GET", "/v1/runs/steady-run/events"),
    ("GET", "/v1/runs/steady-run/logs"),
    ("POST", "/v1/runs/steady-run/stop"),
    ("GET", "/v1/no-such-thing"),
    ("GET", "/metrics"),
];

#[test]
fn without_the_token_nothing_is_told_and_nothing_is_done() {
    let busy = Busy::start("");
    let served = &busy.served;
    let longer = format!("Bearer {TOKEN}x");
    let shorter = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    let basic = format!("Basic {TOKEN}");
    let bare = TOKEN.to_owned();
    let shown = [
        longer,
        shorter,
        basic,
        bare,
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
    ];
    for (method, path) in CALLS {
        let answer = served.call(method, path).without("authorization").send();
        let answer = busy.refused(answer, 401, "unauthorized");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer"),
            "{answer}"
        );
        assert!(!answer.text().contains(STEADY), "{answer}");
    }
    for shown in &shown {
        let call = served
            .call("GET", "/v1/runs")
            .header("authorization", shown);
        busy.refused(call.send(), 401, "unauthorized");
        // Nor in the address, where logs and histories would keep it.
        let path = format!("/v1/runs?token={TOKEN}&access_token={TOKEN}");
        let call = served.call("GET", &path).without("authorization");
        assert_eq!(call.send().status, 401);
    }
    for open in ["/", "/healthz", "/api-docs", "/v1/openapi.json"] {
        let answer = served.call("GET", open).without("authorization").send();
        assert!([200, 303, 307, 308].contains(&answer.status), "{answer}");
        busy.tells_nothing(&answer);
        assert!(
            !answer.text().contains("steady-run"),
            "{open} tells of a run"
        );
    }
    busy.undisturbed();
}

#[test]
fn what_is_not_there_and_what_does_not_fit_have_their_codes() {
    let busy = Busy::start("");
    let served = &busy.served;
    let run = json!({"users": 1});
    for (method, path) in [
        ("GET", "/v1/scenarios/no-such"),
        ("GET", "/v1/scenarios/no-such/wasm"),
        ("DELETE", "/v1/scenarios/no-such"),
        ("GET", "/v1/files/no-such"),
        ("DELETE", "/v1/files/no-such"),
        ("GET", "/v1/runs/no-such"),
        ("DELETE", "/v1/runs/no-such"),
        ("GET", "/v1/runs/no-such/events"),
        ("GET", "/v1/runs/no-such/logs"),
        ("GET", "/v1/runs/no-such/summary"),
        ("GET", "/v1/runs/no-such/results"),
        ("GET", "/v1/runs/steady-run/results/no-such.json"),
        ("GET", "/v1/no-such"),
        ("GET", "/no-such"),
        ("GET", "/page/no-such.js"),
    ] {
        busy.refused(served.call(method, path).send(), 404, "not_found");
    }
    busy.refused(served.patch("/v1/runs/no-such", &run), 404, "not_found");
    for (method, path, allowed) in [
        ("POST", "/v1/scenarios", "GET"),
        ("PATCH", "/v1/scenarios/steady", "PUT"),
        ("PUT", "/v1/runs", "POST"),
        ("PUT", "/v1/runs/steady-run", "PATCH"),
        ("GET", "/v1/runs/steady-run/stop", "POST"),
        ("DELETE", "/v1/status", "GET"),
        ("TRACE", "/v1/status", "GET"),
    ] {
        let answer = busy.refused(served.call(method, path).send(), 405, "method_not_allowed");
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.contains(allowed), "{answer}");
    }
    let post = |content_type: &str, body: &str| {
        let call = served.call("POST", "/v1/runs");
        call.body(content_type, body.as_bytes()).send()
    };
    busy.refused(post("application/json", "{\"users\":"), 400, "malformed");
    busy.refused(post("application/json", "\u{0}\u{1}"), 400, "malformed");
    let deep = "[".repeat(100_000);
    busy.refused(post("application/json", &deep), 400, "malformed");
    busy.refused(
        post("application/x-www-form-urlencoded", "users=1"),
        415,
        "unsupported_media_type",
    );
    let unknown = json!({"scenario": "no-such", "users": 1, "colour": "red"});
    busy.refused(served.post("/v1/runs", &unknown), 422, "invalid");
    busy.undisturbed();
}

#[test]
fn a_change_that_rests_on_an_older_state_is_refused() {
    let busy = Busy::start("");
    let served = &busy.served;
    let stale = |method: &str, path: &str| served.call(method, path).header("if-match", "\"999\"");
    let change = stale("PATCH", "/v1/runs/steady-run").json(&json!({"users": 40}));
    busy.refused(change.send(), 409, "stale_version");
    let stop = stale("POST", "/v1/runs/steady-run/stop").json(&json!({}));
    busy.refused(stop.send(), 409, "stale_version");
    let digest = "f".repeat(64);
    let delete = served.call("DELETE", "/v1/scenarios/steady");
    let delete = delete.header("if-match", &format!("\"{digest}\""));
    busy.refused(delete.send(), 409, "stale_version");
    // And what a running run uses is not taken from it.
    busy.refused(served.delete("/v1/scenarios/steady"), 409, "conflict");
    busy.refused(served.delete("/v1/runs/steady-run"), 409, "conflict");
    busy.undisturbed();
}

#[test]
fn pages_of_other_sites_are_refused() {
    let busy = Busy::start("");
    let served = &busy.served;
    let body = json!({});
    let stop = || served.call("POST", "/v1/runs/steady-run/stop").json(&body);
    for (header, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        busy.refused(stop().header(header, value).send(), 403, "forbidden");
    }
    let read = served.call("GET", "/v1/runs");
    let read = read
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "cors");
    busy.refused(read.send(), 403, "forbidden");
    // A name that somebody lets point here (DNS rebinding).
    for name in [
        "evil.example",
        "127.0.0.1.evil.example:80",
        "localhost.evil.example",
    ] {
        let call = served.call("GET", "/v1/runs").header("host", name);
        busy.refused(call.send(), 403, "forbidden");
    }
    // What a form can send without asking first.
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ] {
        let call = served.call("POST", "/v1/runs");
        let call = call.body(content_type, b"{\"scenario\":\"steady\",\"users\":1}");
        busy.refused(call.send(), 415, "unsupported_media_type");
    }
    // Nobody else's script may read an answer.
    let asked = served
        .call("OPTIONS", "/v1/runs")
        .header("access-control-request-method", "POST");
    for answer in [asked.send(), served.get("/v1/runs")] {
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{answer}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{answer}"
        );
    }
    busy.undisturbed();
}
