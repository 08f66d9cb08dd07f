//! Runs of a served host: begun, steered, watched, ended, and found again.

use lt_tests::Served;
use lt_tests::peers::HttpPeer;
use lt_tests::serve::Answer;
use serde_json::{Value, json};

/// A host with a run of a scenario that asks a server for pages until it is stopped.
struct Going {
    served: Served,
    peer: HttpPeer,
    id: String,
}

impl Going {
    fn start(users: u64) -> Self {
        Self::with(Served::start(), users)
    }

    fn with(served: Served, users: u64) -> Self {
        let peer = HttpPeer::always("page");
        served.upload_as("swap", "swap_one");
        let id = served.start_run(&spec(&peer, users));
        let going = Self { served, peer, id };
        going.wait("all users", |run| users_active(run) == users);
        going
    }

    fn path(&self, call: &str) -> String {
        format!("/v1/runs/{}{call}", self.id)
    }

    fn post(&self, call: &str, body: &Value) -> Answer {
        self.served.post(&self.path(call), body)
    }

    fn patch(&self, body: &Value) -> Answer {
        self.served.patch(&self.path(""), body)
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.served.wait_for_run(&self.id, what, is_so)
    }

    fn revision(&self) -> u64 {
        self.served.run(&self.id)["revision"].as_u64().unwrap()
    }
}

fn spec(peer: &HttpPeer, users: u64) -> Value {
    json!({
        "scenario": "swap",
        "name": "Pages",
        "users": users,
        "duration": "10m",
        "settings": { "url": peer.url(""), "pause": "20ms" },
        "thresholds": ["http_req_failed:rate<0.5"],
        "tags": { "env": "test" },
        "out": ["json"],
    })
}

fn users_active(run: &Value) -> u64 {
    run["parts"][0]["users_active"].as_u64().unwrap()
}

#[test]
fn a_run_is_begun_told_and_stopped() {
    let going = Going::start(3);
    let run = going.wait("running", |run| run["state"] == "running");
    assert_eq!(run["name"], "Pages");
    assert_eq!(run["thresholds"], json!(["http_req_failed:rate<0.5"]));
    assert_eq!(run["tags"], json!({"env": "test"}));
    assert_eq!(run["parts"][0]["executor"], "constant-users");
    assert_eq!(run["parts"][0]["settings"]["pause"], "20ms");
    let stop = going.post("/stop", &json!({}));
    assert!([200, 202].contains(&stop.status), "{stop}");
    let ended = going.served.wait_until(&going.id, "ended");
    assert_eq!(ended["verdict"]["exit_code"], 103, "{ended:#}");
    assert_eq!(
        going.post("/stop", &json!({})).status,
        200,
        "once more is the same"
    );
    // Everything is written before it is told.
    let listed = going.served.get(&going.path("/results")).expect(200).json();
    let names: Vec<&str> = listed["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    for name in [
        "events.jsonl",
        "junit.xml",
        "log.jsonl",
        "metrics.hlog",
        "report.html",
        "samples.json",
        "snapshots.jsonl",
        "summary.json",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(!names.contains(&"run.json"));
    let report = going
        .served
        .get(&going.path("/results/report.html"))
        .expect(200);
    assert!(report.text().starts_with("<!"), "{report}");
    let summary = going.served.get(&going.path("/summary")).expect(200).json();
    assert_eq!(summary["state"]["exit_code"], 103);
}

#[test]
fn users_are_added_and_removed_by_number_and_by_id() {
    let going = Going::start(4);
    let run = going
        .post("/users:add", &json!({"count": 3}))
        .expect(200)
        .json();
    assert_eq!(run["revision"], 2);
    going.wait("seven users", |run| users_active(run) == 7);
    let removed = going
        .post("/users:remove", &json!({"count": 2}))
        .expect(200)
        .json();
    assert_eq!(
        (&removed["removed"], &removed["not_found"]),
        (&json!(2), &json!([]))
    );
    going.wait("five users", |run| users_active(run) == 5);
    let body = json!({"ids": [1, 2, 999], "force": true});
    let removed = going.post("/users:remove", &body).expect(200).json();
    assert_eq!(
        (&removed["removed"], &removed["not_found"]),
        (&json!(2), &json!([999]))
    );
    going.wait("three users", |run| users_active(run) == 3);
    for (call, body, code) in [
        ("/users:add", json!({"count": 0}), "invalid"),
        ("/users:add", json!({"count": "x"}), "malformed"),
        (
            "/users:add",
            json!({"count": 1, "scenario": "nobody"}),
            "invalid",
        ),
        (
            "/users:add",
            json!({"count": 9_000_000_000_u64}),
            "capacity",
        ),
        ("/users:remove", json!({"count": 1, "ids": [1]}), "invalid"),
        ("/users:remove", json!({}), "invalid"),
    ] {
        let answer = going.post(call, &body);
        assert_eq!(
            answer.json()["error"]["code"],
            code,
            "{call} {body}: {answer}"
        );
    }
    assert_eq!(going.revision(), 4, "what is refused changes nothing");
}

#[test]
fn several_changes_are_made_at_once_or_none() {
    let going = Going::start(2);
    let body = json!({
        "users": 5,
        "settings": {"mood": "busy", "pause": "30ms"},
        "thresholds": ["http_req_duration:p(95)<60000"],
        "tags": {"env": "other"},
    });
    let run = going.patch(&body).expect(200).json();
    assert_eq!(run["thresholds"], json!(["http_req_duration:p(95)<60000"]));
    assert_eq!(run["tags"], json!({"env": "other"}));
    assert_eq!(run["parts"][0]["settings"]["mood"], "busy");
    going.wait("five users", |run| users_active(run) == 5);
    let is_busy = |seen: &lt_tests::peers::Seen| seen.query("mood") == Some("busy");
    lt_tests::process::wait_until("a busy user", std::time::Duration::from_secs(60), || {
        going.peer.seen().iter().any(is_busy)
    });
    let before = going.served.run(&going.id);
    let refused =
        going.patch(&json!({"users": 1, "settings": {"mood": "wild", "url": "http://x"}}));
    let refused = refused.expect_refused(422, "invalid").json();
    let problems = refused["error"]["problems"].as_array().unwrap();
    let fields: Vec<&str> = problems
        .iter()
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["settings.mood", "settings.url"], "{refused:#}");
    let after = going.served.run(&going.id);
    assert_eq!(after["revision"], before["revision"]);
    assert_eq!(after["parts"][0]["users_planned"], 5);
}

#[test]
fn another_load_takes_the_place_of_the_first() {
    let going = Going::start(2);
    let executor =
        json!({"executor": "constant-arrival-rate", "rate": "20/s", "duration": "10m", "users": 4});
    going.patch(&json!({"executor": executor})).expect(200);
    let run = going.wait("the other load", |run| {
        run["parts"][0]["executor"] == "constant-arrival-rate"
    });
    assert_eq!(run["state"], "running");
    going.patch(&json!({"rate": "30/s"})).expect(200);
    let wrong = json!({"executor": {"executor": "ramping-users", "weight": 2}});
    let refused = going.patch(&wrong).expect_refused(422, "invalid").json();
    assert_eq!(refused["error"]["problems"][0]["field"], "executor.weight");
}

#[test]
fn a_pause_holds_iterations_and_a_repetition_changes_nothing() {
    let going = Going::start(2);
    let paused = going.post("/pause", &json!({})).expect(200).json();
    assert_eq!(
        (&paused["state"], &paused["parts"][0]["paused"]),
        (&json!("paused"), &json!(true))
    );
    let again = going
        .post("/pause", &json!({"scenario": "swap"}))
        .expect(200)
        .json();
    assert_eq!(again["revision"], paused["revision"]);
    let resumed = going.post("/resume", &json!({})).expect(200).json();
    assert_eq!(resumed["state"], "running");
    going
        .post("/pause", &json!({"scenario": "nobody"}))
        .expect_refused(422, "invalid");
}

#[test]
fn who_has_seen_another_revision_is_refused_and_a_repeated_key_is_answered_as_before() {
    let going = Going::start(2);
    let path = going.path("/users:add");
    let add = |headers: &[(&str, &str)], count: u64| {
        let call = going.served.call("POST", &path);
        let call = headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        call.json(&json!({"count": count})).send()
    };
    let first = add(&[("if-match", "\"1\""), ("idempotency-key", "one")], 1).expect(200);
    assert_eq!(first.header("etag"), Some("\"2\""));
    let again = add(&[("if-match", "\"1\""), ("idempotency-key", "one")], 1).expect(200);
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    assert_eq!(again.json(), first.json());
    add(&[("idempotency-key", "one")], 2).expect_refused(409, "conflict");
    add(&[("if-match", "\"1\"")], 1).expect_refused(409, "stale_version");
    going.wait("three users", |run| users_active(run) == 3);
    assert_eq!(going.revision(), 2);
}

#[test]
fn an_id_that_is_repeated_with_the_same_spec_is_the_same_run() {
    let (served, peer) = (Served::start(), HttpPeer::always("page"));
    served.upload_as("swap", "swap_one");
    let mut mine = spec(&peer, 1);
    mine["id"] = json!("mine");
    let first = served.post("/v1/runs", &mine).expect(201);
    assert_eq!(first.header("location"), Some("/v1/runs/mine"));
    let again = served.post("/v1/runs", &mine).expect(200).json();
    assert_eq!(again["id"], "mine");
    mine["users"] = json!(2);
    served
        .post("/v1/runs", &mine)
        .expect_refused(409, "conflict");
    served
        .delete("/v1/runs/mine")
        .expect_refused(409, "conflict");
    served.stop_run("mine");
}

#[test]
fn notes_are_kept_and_told_to_who_follows() {
    let going = Going::start(1);
    let mut events = going.served.events(&going.path("/events"));
    assert!(events.next_of("snapshot").is_some());
    let note = json!({"text": "deployed <b>3</b>", "tags": ["deploy"]});
    let noted = going.post("/annotations", &note).expect(201).json();
    assert_eq!(noted["text"], note["text"]);
    assert_eq!(
        noted.get("graphite"),
        None,
        "the host has no Graphite server"
    );
    let told = events.next_of("annotation").expect("it is told");
    assert_eq!(told.json(), noted);
    let kept = going
        .served
        .get(&going.path("/annotations"))
        .expect(200)
        .json();
    assert_eq!(kept, json!({"annotations": [noted]}));
    going
        .post("/annotations", &json!({"text": " "}))
        .expect_refused(422, "invalid");
    going.post("/stop", &json!({"force": true}));
    let ended = events.next_of("ended").expect("the end is told").json();
    assert_eq!(
        (&ended["state"], &ended["annotations"]),
        (&json!("ended"), &json!(1))
    );
}

#[test]
fn graphite_is_told_of_notes() {
    let graphite = HttpPeer::always("{}");
    let serving = lt_tests::serve::Serving::new();
    let serving = serving.arguments(&format!("--graphite-url {}", graphite.url("/graphite")));
    let going = Going::with(serving.start(), 1);
    let note = json!({"text": "deployed", "tags": ["deploy"]});
    let noted = going.post("/annotations", &note).expect(201).json();
    assert_eq!(noted["graphite"], "sent");
    let seen = graphite.seen_at("/graphite/events/");
    let event: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(event["what"], "deployed");
    assert_eq!(event["tags"], json!(["lt-host", going.id, "deploy"]));
}

#[test]
fn two_runs_go_on_side_by_side_and_their_logs_are_told_apart() {
    let going = Going::start(2);
    going.served.upload_as("talk", "log_lines");
    // Of shared iterations one user may take all.
    let spec = json!({
        "scenario": "talk",
        "users": 2,
        "executor": "per-user-iterations",
        "repeat-num": 1,
    });
    let talk = going.served.start_run(&spec);
    let ended = going.served.wait_until(&talk, "ended");
    assert_eq!(ended["verdict"], json!({"exit_code": 0, "passed": true}));
    assert_eq!(
        going.served.run(&going.id)["state"],
        "running",
        "the other goes on"
    );
    let lines = |query: &str| -> Vec<Value> {
        let logs = going
            .served
            .get(&format!("/v1/runs/{talk}/logs{query}"))
            .expect(200)
            .json();
        logs["lines"].as_array().unwrap().clone()
    };
    let said = |lines: &[Value], text: &str| lines.iter().any(|line| line["message"] == text);
    let all = lines("");
    assert!(
        said(&all, "line of level info") && said(&all, "line of level error 7"),
        "{all:#?}"
    );
    let grave = lines("?level=error");
    assert!(!said(&grave, "line of level info") && said(&grave, "line of level error 7"));
    let users: Vec<&Value> = grave.iter().map(|line| &line["user"]).collect();
    assert!(
        users.contains(&&json!(1)) && users.contains(&&json!(2)),
        "{users:?}"
    );
    assert!(lines("?user=2").iter().all(|line| line["user"] == 2));
    let other = going.served.get(&going.path("/logs")).expect(200).text();
    assert!(!other.contains("line of level"), "{other}");
}

#[test]
fn the_history_is_there_after_a_restart() {
    let mut going = Going::start(1);
    going.wait("a second", |run| run["elapsed_ms"].as_u64() > Some(1200));
    going.served.stop_run(&going.id);
    let before = going.served.run(&going.id);
    let snapshots = going.served.snapshots(&going.id);
    assert!(!snapshots.is_empty());
    going.served.restart();
    assert_eq!(going.served.run(&going.id), before);
    assert_eq!(going.served.snapshots(&going.id), snapshots);
    let list = going.served.get("/v1/runs?state=ended").expect(200).json();
    assert_eq!(list["runs"][0]["id"], going.id.as_str());
    // Ids of before are not given again.
    let next = going.served.start_run(&spec(&going.peer, 1));
    assert_ne!(next, going.id);
    going.served.stop_run(&next);
    going.served.delete(&going.path("")).expect(204);
    going
        .served
        .get(&going.path(""))
        .expect_refused(404, "not_found");
    assert!(!going.served.results(&going.id).exists());
}

#[test]
fn a_host_that_ends_lets_its_runs_end_first() {
    let mut going = Going::start(1);
    going.wait("running", |run| run["state"] == "running");
    going.served.restart();
    let run = going.served.run(&going.id);
    assert_eq!(
        (&run["state"], &run["verdict"]["exit_code"]),
        (&json!("ended"), &json!(105))
    );
}
