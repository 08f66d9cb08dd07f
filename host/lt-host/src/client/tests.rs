//! Whole commands against a host that says what it is to say.

use std::sync::atomic::{AtomicUsize, Ordering};

use lt_metrics::Summary;
use serde_json::{Value, json};

use super::testing::{Asked, FakeHost, Said};
use crate::exit::Exit;

fn refuse(status: u16, code: &str, message: &str) -> Said {
    Said::Json(
        status,
        json!({ "error": { "code": code, "message": message } }),
    )
}

fn run(id: &str, state: &str) -> Value {
    json!({
        "id": id, "state": state, "revision": 3, "created_at": "2026-11-21T12:00:00Z", "elapsed_ms": 5000,
        "parts": [{ "name": "chat", "scenario": "talk", "load": "10 users", "users_active": 9, "users_planned": 10 }]
    })
}

/// A host with two runs, `r-11` and `r-12`, of which the first has ended.
fn two_runs(asked: &Asked) -> Said {
    let line = asked.line.as_str();
    let (method, path) = line.split_once(" /v1/").unwrap();
    match (method, path) {
        ("GET", "runs/r-11") => Said::Json(200, run("r-11", "ended")),
        ("GET", "runs/r-12") => Said::Json(200, run("r-12", "running")),
        ("GET", "runs?limit=1") => Said::Json(
            200,
            json!({ "runs": [run("r-12", "running")], "next": "r-12" }),
        ),
        ("GET", path) if path.starts_with("runs?limit") && path.contains("before=r-12") => {
            Said::Json(200, json!({ "runs": [run("r-11", "ended")] }))
        }
        ("GET", path) if path.starts_with("runs?limit") => Said::Json(
            200,
            json!({ "runs": [run("r-12", "running")], "next": "r-12" }),
        ),
        ("POST", "runs/r-12/users:remove") => Said::Json(
            200,
            json!({ "removed": 2, "not_found": [99], "run": run("r-12", "running") }),
        ),
        ("POST", "runs/r-12/annotations") => Said::Json(
            201,
            json!({ "time": "2026-11-21T12:00:05Z", "text": "x", "graphite": "sent" }),
        ),
        ("POST" | "PATCH", path) if path.starts_with("runs/r-12") => {
            Said::Json(200, run("r-12", "running"))
        }
        ("POST", path) if path.starts_with("runs/r-11") => {
            refuse(409, "conflict", "the run has ended")
        }
        _ => refuse(404, "not_found", "there is no such run"),
    }
}

#[test]
fn runs_are_a_table_of_those_that_go_on_or_of_all() {
    let host = FakeHost::start(two_runs);
    let (exit, out, err) = host.run(&["runs"]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert!(out.contains("r-12") && !out.contains("r-11"), "{out}");
    assert!(out.starts_with("run   state    scenarios"), "{out}");
    let (_, out, _) = host.run(&["runs", "--all"]);
    assert!(out.contains("r-12") && out.contains("r-11"), "{out}");
    let (_, out, _) = host.run(&["runs", "--all", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["runs"][1], run("r-11", "ended"));
}

#[test]
fn a_run_is_meant_by_its_id_the_beginning_of_it_or_as_the_latest() {
    let host = FakeHost::start(two_runs);
    for typed in ["r-12", "latest"] {
        let (exit, out, err) = host.run(&["status", typed]);
        assert_eq!(exit, Exit::Success, "{err}");
        assert!(out.starts_with("r-12  running\n"), "{out}");
    }
    let (exit, _, err) = host.run(&["status", "r-1"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(
        err.contains("RUN \"r-1\": is the beginning of 2 ids"),
        "{err}"
    );
    for typed in ["nobody", "..", "a/b"] {
        let (exit, _, err) = host.run(&["status", typed]);
        assert_eq!(exit, Exit::BadInput);
        assert!(err.contains("lt-host runs --all"), "{err}");
    }
    let other = FakeHost::start(|asked| match asked.line.as_str() {
        "GET /v1/runs/night" => refuse(404, "not_found", "no such run"),
        line if line.starts_with("GET /v1/runs?") => Said::Json(
            200,
            json!({ "runs": [{ "id": "nightly-7" }, { "id": "noon" }] }),
        ),
        _ => Said::Json(200, run("nightly-7", "running")),
    });
    let (exit, out, err) = other.run(&["status", "night"]);
    assert_eq!(
        (exit, out.starts_with("nightly-7")),
        (Exit::Success, true),
        "{err}"
    );
}

#[test]
fn a_run_is_steered_with_one_call_each() {
    let host = FakeHost::start(two_runs);
    let calls: [(&[&str], &str, Value); 9] = [
        (
            &["add", "r-12", "5", "--part", "chat"],
            "POST /v1/runs/r-12/users:add",
            json!({ "count": 5, "scenario": "chat" }),
        ),
        (
            &["remove", "latest", "2", "--force"],
            "POST /v1/runs/r-12/users:remove",
            json!({ "count": 2, "force": true }),
        ),
        (
            &["remove", "r-12", "--id", "7", "--id", "99"],
            "POST /v1/runs/r-12/users:remove",
            json!({ "ids": [7, 99], "force": false }),
        ),
        (&["pause", "r-12"], "POST /v1/runs/r-12/pause", json!({})),
        (
            &["resume", "r-12", "--part", "chat"],
            "POST /v1/runs/r-12/resume",
            json!({ "scenario": "chat" }),
        ),
        (
            &["stop", "r-12", "--force"],
            "POST /v1/runs/r-12/stop",
            json!({ "force": true }),
        ),
        (
            &[
                "set",
                "r-12",
                "pause=2s",
                "--users",
                "20",
                "--rate",
                "50/s",
                "--threshold",
                "checks:rate>0.9",
                "--tag",
                "env=ci",
            ],
            "PATCH /v1/runs/r-12",
            json!({ "settings": { "pause": "2s" }, "users": 20, "rate": "50/s", "thresholds": ["checks:rate>0.9"], "tags": { "env": "ci" } }),
        ),
        (
            &[
                "swap",
                "r-12",
                "talk",
                "--digest",
                "abcdefgh",
                "--share",
                "10%",
                "--no-drain",
                "--rollback-on",
                "5%",
                "--rollback-after",
                "50",
                "--set",
                "url=x",
            ],
            "POST /v1/runs/r-12/swap",
            json!({ "scenario": "talk", "digest": "abcdefgh", "share": 0.1, "drain": false,
                "rollback": { "failures": "5%", "after": 50 }, "settings": { "url": "x" } }),
        ),
        (
            &["swap", "r-12", "--rollback"],
            "POST /v1/runs/r-12/swap/rollback",
            json!({}),
        ),
    ];
    for (typed, line, body) in calls {
        let before = host.asked_for(line).len();
        let (exit, out, err) = host.run(typed);
        assert_eq!(exit, Exit::Success, "{typed:?}: {err}");
        let asked = host.asked_for(line);
        assert_eq!(asked.len(), before + 1, "{typed:?}");
        assert_eq!(asked[before].json(), body, "{typed:?}");
        assert!(out.starts_with("r-12  running"), "{out}");
    }
    let (_, _, err) = host.run(&["remove", "r-12", "1"]);
    assert!(
        err.contains("2 users removed") && err.contains("no such users: 99"),
        "{err}"
    );
    let (_, out, err) = host.run(&["annotate", "r-12", "deployed", "--tag", "release"]);
    assert_eq!(out, "noted in r-12 at 2026-11-21T12:00:05Z\n");
    assert!(err.contains("Graphite: sent"), "{err}");
    let note = host.asked_for("POST /v1/runs/r-12/annotations");
    assert_eq!(
        note[0].json(),
        json!({ "text": "deployed", "tags": ["release"] })
    );
}

#[test]
fn what_cannot_be_meant_is_refused_before_the_host_is_asked() {
    let host = FakeHost::start(two_runs);
    for (typed, said) in [
        (&["add", "r-12", "many"][..], "N \"many\""),
        (&["remove", "r-12"], "say how many, or which"),
        (
            &["remove", "r-12", "1", "--id", "2"],
            "say how many, or which",
        ),
        (&["set", "r-12"], "nothing is changed"),
        (&["set", "r-12", "pause"], "has no '='"),
        (&["swap", "r-12", "talk", "--share", "2"], "--share"),
        (&["swap", "r-12"], "SCENARIO"),
        (
            &["swap", "r-12", "talk", "--rollback"],
            "cannot be used with",
        ),
        (&["logs", "r-12", "--user", "me"], "--user"),
    ] {
        let (exit, _, err) = host.run(typed);
        assert_eq!(exit, Exit::BadInput, "{typed:?}: {err}");
        assert!(err.contains(said), "{typed:?}: {err}");
    }
    assert!(host.asked().is_empty());
}

#[test]
fn refusals_are_told_with_their_exit_codes() {
    let host = FakeHost::start(two_runs);
    let (exit, _, err) = host.run(&["stop", "r-11"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::BadInput, "error: the run has ended\n")
    );
    let full = FakeHost::start(|_| refuse(503, "capacity", "8 runs of 8 are taken"));
    let (exit, _, err) = full.run(&["runs"]);
    assert_eq!(exit, Exit::Failed);
    assert_eq!(err, "error: 8 runs of 8 are taken\n");
    let host = FakeHost::gone();
    let (exit, _, err) = host.run(&["status"]);
    assert_eq!(exit, Exit::Failed);
    assert!(
        err.contains(&host.url) && err.contains("lt-host serve"),
        "{err}"
    );
}

#[test]
fn the_token_goes_to_the_host_and_nowhere_else() {
    let host = FakeHost::start(|asked| match asked.headers.get("authorization") {
        Some(token) if token == "Bearer geheim" => Said::Json(200, json!({ "host": "lab" })),
        _ => refuse(401, "unauthorized", "the token is not this host's"),
    });
    let (exit, out, err) = host.run_with(&["status"], &[("LT_TOKEN", "geheim")]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert!(out.starts_with("lab"), "{out}");
    for variables in [&[("LT_TOKEN", "verkehrt")][..], &[]] {
        let (exit, out, err) = host.run_with(&["status"], variables);
        assert_eq!(exit, Exit::BadInput);
        assert!(err.contains("--token-file"), "{err}");
        assert!(!err.contains("verkehrt") && out.is_empty(), "{err}");
    }
    let path = std::env::temp_dir().join(format!("lt-host-token-{}", std::process::id()));
    std::fs::write(&path, "geheim\n").unwrap();
    let file = path.to_str().unwrap();
    let (exit, ..) = host.run_with(&["status", "--token-file", file], &[("LT_TOKEN", "no")]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(exit, Exit::Success, "a flag goes before a variable");
}

fn shop(asked: &Asked) -> Said {
    match asked.line.as_str() {
        "GET /v1/scenarios/shop" => Said::Json(
            200,
            json!({ "name": "shop", "digest": "d1", "settings": [{ "name": "base-url" }, { "name": "token" }] }),
        ),
        "POST /v1/runs" if asked.json()["users"] == "no" => Said::Json(
            422,
            json!({ "error": { "code": "invalid", "message": "1 problem", "problems": [
                { "field": "users", "value": "no", "message": "is no number", "remedy": "write 10" }] } }),
        ),
        "POST /v1/runs" => Said::Json(201, run("r-9", "starting")),
        _ => refuse(404, "not_found", "there is no such scenario"),
    }
}

#[test]
fn a_run_is_ordered_with_the_options_of_run() {
    let host = FakeHost::start(shop);
    let typed = [
        "start",
        "shop",
        "-u",
        "10",
        "--stage",
        "30s:5",
        "--set",
        "base-url=http://x",
        "--id",
        "mine",
        "--title",
        "noon",
        "--threshold",
        "checks:rate>0.9",
        "--out",
        "csv",
    ];
    let (exit, out, err) = host.run_with(&typed, &[("LT_SET_TOKEN", "geheim")]);
    assert_eq!((exit, out.as_str()), (Exit::Success, "r-9\n"), "{err}");
    assert_eq!(
        host.asked_for("POST")[0].json(),
        json!({
            "scenario": "shop", "users": "10", "stages": ["30s:5"], "id": "mine", "name": "noon",
            "settings": { "base-url": "http://x", "token": "geheim" }, "thresholds": ["checks:rate>0.9"], "out": ["csv"]
        })
    );
    let (_, out, _) = host.run(&["start", "shop", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["id"], "r-9");
    for (typed, said) in [
        (
            &["start", "shop", "-u", "no"][..],
            "error: --users \"no\": is no number (remedy: write 10)\n",
        ),
        (&["start", "nobody"], "error: there is no such scenario\n"),
        (&["start", "shop", "--hardened"], "--hardened"),
        (&["start", "shop", "--once"], "lt-host run --once"),
        (&["start"], "SCENARIO"),
        (&["start", "absent.wasm"], "there is no such file"),
    ] {
        let (exit, _, err) = host.run(typed);
        assert_eq!(exit, Exit::BadInput, "{err}");
        assert!(err.contains(said), "{typed:?}: {err}");
    }
}

#[test]
fn an_order_that_was_lost_is_given_once() {
    let tries = AtomicUsize::new(0);
    let host = FakeHost::start(move |asked| {
        let is_order = asked.line.starts_with("POST");
        match is_order && tries.fetch_add(1, Ordering::Relaxed) == 0 {
            true => Said::Nothing,
            false => shop(asked),
        }
    });
    let (exit, out, err) = host.run(&["start", "shop"]);
    assert_eq!((exit, out.as_str()), (Exit::Success, "r-9\n"), "{err}");
    let keys: Vec<String> = host
        .asked_for("POST")
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn uploads_say_what_is_new() {
    let digest = "94d4b3b3d6c9f2f4ff9dd4f1de5ad4b0";
    let path = std::env::temp_dir().join(format!("lt-host-upload-{}.wasm", std::process::id()));
    std::fs::write(&path, "wasm").unwrap();
    let file = path.to_str().unwrap();
    let stored = json!({ "name": "shop", "version": "0.1.0", "digest": digest, "versions": [] });
    let host = FakeHost::start(move |asked| match asked.line.as_str() {
        "GET /v1/scenarios/shop" => refuse(404, "not_found", "no"),
        "PUT /v1/scenarios/shop" => Said::Json(201, stored.clone()),
        "GET /v1/files" => Said::Json(200, json!({ "files": [] })),
        line if line.starts_with("PUT /v1/files/") => Said::Json(201, json!({ "name": "x" })),
        _ => refuse(404, "not_found", "no"),
    });
    let (exit, out, err) = host.run(&["upload", file, "--name", "shop"]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert_eq!(out, format!("shop 0.1.0: new, sha256 {digest}\n"));
    let put = host.asked_for("PUT");
    assert_eq!(put[0].body, b"wasm");
    assert_eq!(put[0].headers["content-type"], "application/wasm");
    assert_eq!(put[0].headers["x-content-sha256"].len(), 64);
    let (exit, out, err) = host.run(&["upload", file, "--data"]);
    assert_eq!(exit, Exit::Success, "{err}");
    // A part of the digest stands before the name.
    assert!(
        out.contains("-lt-host-upload-") && out.ends_with(".wasm\n"),
        "{out}"
    );
    let (exit, _, err) = host.run(&["upload", file, "--name", "../x"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(err.contains("--name"), "{err}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_watch_goes_on_where_it_was_cut_off() {
    let event =
        |name: &str, id: u64, data: &Value| format!("event: {name}\nid: {id}\ndata: {data}\n\n");
    let snapshot = |seq: u64| {
        event(
            "snapshot",
            seq,
            &json!({ "seq": seq, "users": { "active": seq, "planned": 9 } }),
        )
    };
    let first = format!(
        "{}{}{}",
        snapshot(1),
        event(
            "change",
            1,
            &json!({ "what": "chat: users \u{1b}20", "refused": null })
        ),
        snapshot(2)
    );
    let mut ended = run("r-12", "ended");
    ended["verdict"] =
        json!({ "exit_code": 99, "passed": false, "reason": "a threshold does not hold" });
    let second = format!("{}{}", snapshot(3), event("ended", 4, &ended));
    let summary = serde_json::to_value(Summary::default()).unwrap();
    let host = FakeHost::start(move |asked| {
        let resumed = asked.headers.get("last-event-id").cloned();
        match (asked.line.as_str(), resumed.as_deref()) {
            ("GET /v1/runs/r-12/events", None) => Said::Events(first.clone()),
            ("GET /v1/runs/r-12/events", Some("2")) => Said::Events(second.clone()),
            ("GET /v1/runs/r-12/summary", _) => Said::Json(200, summary.clone()),
            _ => two_runs(asked),
        }
    });
    let (exit, out, err) = host.run(&["watch", "latest", "--quiet"]);
    assert_eq!(exit, Exit::ThresholdsFailed, "{err}");
    assert!(out.contains("TOTAL RESULTS"), "{out}");
    assert!(
        err.contains("run r-12 ended: not passed: a threshold does not hold"),
        "{err}"
    );
    let (exit, out, err) = host.run(&["watch", "r-12", "--json"]);
    assert_eq!(exit, Exit::ThresholdsFailed, "{err}");
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["snapshot", "change", "snapshot", "snapshot", "ended"]
    );
    assert_eq!(lines[3]["data"]["seq"], 3);
}

#[test]
fn log_lines_cannot_steer_the_terminal() {
    let line = json!({ "seq": 1, "time": "12:00:00", "level": "warn", "target": "chat", "user": 7, "iteration": 2,
        "message": "red\u{1b}[31m" });
    let told = line.clone();
    let host = FakeHost::start(move |asked| match asked.line.as_str() {
        "GET /v1/runs/r-12/logs?tail=5&user=7&level=warn" => {
            Said::Json(200, json!({ "lines": [told] }))
        }
        "GET /v1/runs/r-12/logs?tail=100&follow=true" => Said::Events(format!(
            "event: log\ndata: {told}\n\nevent: other\ndata: 1\n\n"
        )),
        _ => two_runs(asked),
    });
    let want = "12:00:00 WARN  chat user 7/2: red [31m\n";
    let (exit, out, err) = host.run(&["logs", "r-12", "-n", "5", "--user", "7", "--level", "warn"]);
    assert_eq!((exit, out.as_str()), (Exit::Success, want), "{err}");
    let (exit, out, err) = host.run(&["logs", "r-12", "--follow"]);
    assert_eq!((exit, out.as_str()), (Exit::Success, want), "{err}");
    let (_, out, _) = host.run(&["logs", "r-12", "--follow", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), line);
}

#[test]
fn a_swapped_file_is_stored_as_what_it_replaces() {
    let path = std::env::temp_dir().join(format!("lt-host-swap-{}.wasm", std::process::id()));
    std::fs::write(&path, "new code").unwrap();
    let host = FakeHost::start(|asked| match asked.line.as_str() {
        "GET /v1/scenarios/talk" => Said::Json(200, json!({ "name": "talk", "digest": "old" })),
        "PUT /v1/scenarios/talk" => Said::Json(200, json!({ "name": "talk", "digest": "new" })),
        "POST /v1/runs/r-12/swap" => {
            let mut run = run("r-12", "running");
            run["parts"][0]["swap"] =
                json!({ "from": "a", "to": "b", "state": "rolling_out", "share": 1.0 });
            Said::Json(202, run)
        }
        "GET /v1/runs/r-12" => {
            let mut run = run("r-12", "running");
            run["parts"][0]["swap"] = json!({ "from": "a", "to": "b", "state": "rolled_back", "reason": "6% failed", "share": 1.0 });
            Said::Json(200, run)
        }
        _ => two_runs(asked),
    });
    let file = path.to_str().unwrap();
    let (exit, _, err) = host.run(&["swap", "latest", file]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert_eq!(
        host.asked_for("POST")[0].json(),
        json!({ "scenario": "talk", "digest": "new", "part": "chat" })
    );
    let (exit, _, err) = host.run(&["swap", "latest", file, "--wait"]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.contains("rolled back: 6% failed"), "{err}");
    std::fs::remove_file(&path).unwrap();
}
