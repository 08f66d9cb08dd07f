//! Calls about runs that need no guest: refusals, and runs of the history.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::entry::{Entry, Kept};
use super::keeper;
use super::model::{Run, RunPart, RunState};
use super::table::Runs;
use crate::app::testing::{Answer, Server, config};
use crate::error::Code;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A server whose history has these runs.
fn server(test: &str, runs: &[Kept]) -> Server {
    Server::with(test, |config| {
        for kept in runs {
            let dir = config.data_dir.join("runs").join(&kept.run.id);
            std::fs::create_dir_all(&dir).unwrap();
            keeper::write(&dir, kept).unwrap();
        }
    })
}

fn past(id: &str, state: RunState, created_unix_ns: i64) -> Kept {
    Kept {
        run: Run {
            id: id.to_owned(),
            state,
            revision: 4,
            created_at: "2021-02-24T13:23:50.000Z".to_owned(),
            parts: vec![RunPart {
                name: "chat".to_owned(),
                scenario: "chat".to_owned(),
                users_active: 3,
                ..RunPart::default()
            }],
            ..Run::default()
        },
        created_unix_ns,
        ..Kept::default()
    }
}

fn dir(server: &Server, id: &str) -> std::path::PathBuf {
    server.scratch.path().join("data").join("runs").join(id)
}

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.call("POST", path, &[JSON], body.to_string()).await
}

fn fields(answer: &Answer) -> Vec<&str> {
    let problems = answer.body["error"]["problems"].as_array();
    let problems = problems.into_iter().flatten();
    problems
        .map(|problem| problem["field"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_no_run_spec_is_refused_with_every_field() {
    let server = server("spec", &[]);
    let plain = server
        .call("POST", "/v1/runs", &[], "scenario = \"chat\"")
        .await;
    assert_eq!(plain.code(), "unsupported_media_type");
    let broken = server
        .call("POST", "/v1/runs", &[JSON], "{\"scenario\":")
        .await;
    assert_eq!(
        (broken.status, broken.code()),
        (StatusCode::BAD_REQUEST, "malformed")
    );
    let list = server.call("POST", "/v1/runs", &[JSON], "[]").await;
    assert_eq!(list.code(), "malformed");
    let empty = post(&server, "/v1/runs", &json!({})).await;
    assert_eq!(
        (empty.code(), fields(&empty)),
        ("invalid", vec!["scenario"])
    );
    let spec = json!({
        "id": "no id",
        "users": "many",
        "scenarios": {"chat": {"file": "/etc/passwd", "usrs": 3}},
        "http": {"ca-cert": "x.pem"},
        "feeders": {"people": "people.csv"},
        "out": ["json=/tmp/x"],
    });
    let answer = post(&server, "/v1/runs", &spec).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut told = fields(&answer);
    told.sort_unstable();
    let expected = [
        "feeders.people",
        "http.ca-cert",
        "id",
        "out",
        "scenarios.chat.file",
        "scenarios.chat.usrs",
        "users",
    ];
    assert_eq!(told, expected, "{}", answer.body);
    let toml = [("content-type", "application/toml")];
    let answer = server
        .call("POST", "/v1/runs", &toml, "scenario = \"chat\"\nusers = 0")
        .await;
    assert!(fields(&answer).contains(&"users"), "{}", answer.body);
}

#[tokio::test]
async fn a_scenario_that_is_not_stored_is_told_by_its_field() {
    let server = server("unknown", &[]);
    let short = post(&server, "/v1/runs", &json!({"scenario": "chat"})).await;
    assert_eq!(fields(&short), ["scenario"], "{}", short.body);
    let spec = json!({"scenarios": {"a": {}, "b": {"scenario": "chat", "digest": "12345678"}}});
    let tables = post(&server, "/v1/runs", &spec).await;
    assert_eq!(
        fields(&tables),
        ["scenarios.a.scenario", "scenarios.b.digest"]
    );
    // Nothing is left of what was refused.
    assert_eq!(server.app.runs.taken().runs, 0);
    assert_eq!(server.get("/v1/runs").await.body, json!({"runs": []}));
}

#[tokio::test]
async fn a_run_that_there_is_not_cannot_be_asked_for_or_changed() {
    let server = server("none", &[]);
    for path in [
        "",
        "/events",
        "/snapshots",
        "/logs",
        "/summary",
        "/results",
        "/results/x",
        "/annotations",
    ] {
        let answer = server.get(&format!("/v1/runs/nobody{path}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{path}"
        );
    }
    for (path, body) in [
        ("users:add", json!({"count": 1})),
        ("users:remove", json!({"count": 1})),
        ("pause", json!({})),
        ("resume", json!({})),
        ("stop", json!({})),
        ("swap", json!({})),
        ("swap/rollback", json!({})),
        ("annotations", json!({"text": "x"})),
    ] {
        let answer = post(&server, &format!("/v1/runs/nobody/{path}"), &body).await;
        assert_eq!(answer.code(), "not_found", "{path}: {}", answer.body);
    }
    let wrong = server
        .call("PUT", "/v1/runs/nobody/stop", &[], Body::empty())
        .await;
    assert_eq!(wrong.code(), "method_not_allowed");
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_page_by_page() {
    let runs = [
        past("r-1", RunState::Ended, 1),
        past("r-3", RunState::Failed, 3),
        past("r-2", RunState::Ended, 2),
    ];
    let server = server("list", &runs);
    let ids = |answer: &Answer| -> Vec<String> {
        let runs = answer.body["runs"].as_array().unwrap().iter();
        runs.map(|run| run["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = server.get("/v1/runs").await;
    assert_eq!(ids(&all), ["r-3", "r-2", "r-1"]);
    assert_eq!(all.body["runs"][0]["scenarios"], json!(["chat"]));
    let page = server.get("/v1/runs?limit=2").await;
    assert_eq!(
        (ids(&page), &page.body["next"]),
        (vec!["r-3".to_owned(), "r-2".to_owned()], &json!("r-2"))
    );
    let rest = server.get("/v1/runs?limit=2&before=r-2").await;
    assert_eq!(
        (ids(&rest), rest.body.get("next")),
        (vec!["r-1".to_owned()], None)
    );
    let ended = server.get("/v1/runs?state=ended").await;
    assert_eq!(ids(&ended), ["r-2", "r-1"]);
    for wrong in ["limit=0", "limit=501"] {
        assert_eq!(
            server.get(&format!("/v1/runs?{wrong}")).await.code(),
            "invalid",
            "{wrong}"
        );
    }
    for wrong in ["limit=x", "state=gone", "new=1"] {
        assert_eq!(
            server.get(&format!("/v1/runs?{wrong}")).await.code(),
            "malformed",
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_run_without_an_end_was_interrupted() {
    let server = server("crash", &[past("r-1", RunState::Running, 1)]);
    let answer = server.get("/v1/runs/r-1").await;
    assert_eq!(answer.body["state"], "interrupted");
    assert_eq!(answer.body["parts"][0]["users_active"], 0);
    assert_eq!(answer.body["verdict"]["passed"], false);
    assert_eq!(answer.header("etag"), "\"5\"");
    // It is written, so that the next start finds the same.
    let kept = keeper::read(&dir(&server, "r-1")).unwrap();
    assert_eq!(kept.run.state, RunState::Interrupted);
    assert_eq!(server.app.runs.taken().runs, 0);
}

#[test]
fn what_is_no_run_is_left_alone() {
    let scratch = crate::app::testing::Scratch::new("odd");
    let runs = scratch.path().join("runs");
    for (name, text) in [("torn", "{\"run\":"), ("empty", ""), ("other", "{}")] {
        std::fs::create_dir_all(runs.join(name)).unwrap();
        std::fs::write(runs.join(name).join("run.json"), text).unwrap();
    }
    let moved = past("r-1", RunState::Ended, 1);
    std::fs::create_dir_all(runs.join("r-2")).unwrap();
    keeper::write(&runs.join("r-2"), &moved).unwrap();
    // One that died before it was accepted leaves nothing.
    std::fs::create_dir_all(runs.join("begun").join(".uploads")).unwrap();
    assert_eq!(super::recover::history(&runs, 0).unwrap().len(), 0);
    assert_eq!(std::fs::read_dir(&runs).unwrap().count(), 4);
}

#[tokio::test]
async fn a_run_that_is_over_is_read_and_deleted_but_not_changed() {
    let server = server("over", &[past("r-1", RunState::Ended, 1)]);
    let lines = "{\"seq\":1,\"time\":\"t\",\"level\":\"info\",\"target\":\"guest\",\"user\":7,\"message\":\"a\"}\n\
                 {\"seq\":2,\"time\":\"t\",\"level\":\"error\",\"target\":\"lt_run\",\"message\":\"b\"}\ntorn";
    std::fs::write(dir(&server, "r-1").join("log.jsonl"), lines).unwrap();
    let messages = |answer: Answer| -> Vec<String> {
        let lines = answer.body["lines"].as_array().unwrap().iter();
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(messages(server.get("/v1/runs/r-1/logs").await), ["a", "b"]);
    assert_eq!(
        messages(server.get("/v1/runs/r-1/logs?tail=1").await),
        ["b"]
    );
    assert_eq!(
        messages(server.get("/v1/runs/r-1/logs?user=7").await),
        ["a"]
    );
    assert_eq!(
        messages(server.get("/v1/runs/r-1/logs?level=warn").await),
        ["b"]
    );
    assert_eq!(
        server.get("/v1/runs/r-1/logs?level=loud").await.code(),
        "invalid"
    );
    assert_eq!(
        server.get("/v1/runs/r-1/logs?tail=5001").await.code(),
        "invalid"
    );
    let add = post(&server, "/v1/runs/r-1/users:add", &json!({"count": 1})).await;
    assert_eq!(add.code(), "conflict");
    assert!(
        add.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("ended")
    );
    assert_eq!(
        post(&server, "/v1/runs/r-1/swap", &json!({})).await.code(),
        "conflict"
    );
    let patch = server
        .call("PATCH", "/v1/runs/r-1", &[JSON], "{\"users\": 3}")
        .await;
    assert_eq!(patch.code(), "conflict");
    // To stop it once more changes nothing.
    let stop = server
        .call("POST", "/v1/runs/r-1/stop", &[], Body::empty())
        .await;
    assert_eq!(
        (stop.status, stop.header("etag")),
        (StatusCode::OK, "\"4\"")
    );
    let stale = [("if-match", "\"3\"")];
    let refused = server
        .call("DELETE", "/v1/runs/r-1", &stale, Body::empty())
        .await;
    assert_eq!(refused.code(), "stale_version");
    let present = [("if-match", "\"4\"")];
    let deleted = server
        .call("DELETE", "/v1/runs/r-1", &present, Body::empty())
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert!(!dir(&server, "r-1").exists());
    let again = server
        .call("DELETE", "/v1/runs/r-1", &[], Body::empty())
        .await;
    assert_eq!(again.code(), "not_found");
}

#[tokio::test]
async fn only_files_that_are_listed_are_handed_out() {
    let server = server("results", &[past("r-1", RunState::Ended, 1)]);
    let dir = dir(&server, "r-1");
    std::fs::write(dir.join("summary.json"), "{\"a\": 1}").unwrap();
    std::fs::write(dir.join(".summary.json"), "half").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.join("link")).unwrap();
    let list = server.get("/v1/runs/r-1/results").await;
    assert_eq!(
        list.body,
        json!({"files": [{"name": "summary.json", "size_bytes": 8}]})
    );
    let file = server.get("/v1/runs/r-1/results/summary.json").await;
    assert_eq!(
        (&file.bytes[..], file.header("content-type")),
        (&b"{\"a\": 1}"[..], "application/json")
    );
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert_eq!(
        server.get("/v1/runs/r-1/summary").await.body,
        json!({"a": 1})
    );
    for trick in [
        "run.json",
        ".summary.json",
        "link",
        "..%2Frun.json",
        "%2Fetc%2Fpasswd",
        "..",
        "summary.json%00",
    ] {
        let answer = server.get(&format!("/v1/runs/r-1/results/{trick}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{trick}");
    }
}

fn write_snapshots(dir: &Path, numbers: impl Iterator<Item = u64>) {
    let lines: String = numbers
        .map(|seq| format!("{{\"seq\":{seq},\"elapsed_ms\":{}}}\n", seq * 1000))
        .collect();
    std::fs::write(dir.join("snapshots.jsonl"), lines + "{\"seq\":99999").unwrap();
}

#[tokio::test]
async fn snapshots_are_thinned_evenly_with_the_first_and_the_last() {
    let server = server("snapshots", &[past("r-1", RunState::Ended, 1)]);
    write_snapshots(&dir(&server, "r-1"), 1..=20_001);
    let numbers = |answer: Answer| -> Vec<u64> {
        let snapshots = answer.body["snapshots"].as_array().unwrap().iter();
        snapshots
            .map(|snapshot| snapshot["seq"].as_u64().unwrap())
            .collect()
    };
    let some = numbers(server.get("/v1/runs/r-1/snapshots?limit=101").await);
    assert_eq!((some.len(), some[0], some[100]), (101, 1, 20_001));
    assert!(
        some.windows(2)
            .all(|pair| (100..=300).contains(&(pair[1] - pair[0]))),
        "{some:?}"
    );
    let later = numbers(server.get("/v1/runs/r-1/snapshots?since=19999").await);
    assert_eq!(later, [20_000, 20_001]);
    assert_eq!(
        server.get("/v1/runs/r-1/snapshots?limit=1001").await.code(),
        "invalid"
    );
}

#[tokio::test]
async fn events_of_a_run_that_is_over_are_what_was_missed_and_its_end() {
    let server = server("events", &[past("r-1", RunState::Ended, 1)]);
    write_snapshots(&dir(&server, "r-1"), 1..=5);
    let last = [("last-event-id", "3")];
    let answer = server
        .call("GET", "/v1/runs/r-1/events", &last, Body::empty())
        .await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(names, ["snapshot", "snapshot", "ended"], "{text}");
    assert!(
        text.contains("id: 4\n") && text.contains("id: 5\n"),
        "{text}"
    );
    let none = server.get("/v1/runs/r-1/events").await;
    let text = String::from_utf8(none.bytes.to_vec()).unwrap();
    assert!(text.starts_with("event: ended\ndata: {"), "{text}");
}

#[test]
fn a_reader_that_follows_gets_each_snapshot_once_and_a_slow_one_loses_the_oldest() {
    let entry = Entry::past("/nowhere".into(), past("r-1", RunState::Running, 1));
    let publish = |seq| {
        entry.publish(&lt_report::snapshot::Snapshot {
            seq,
            ..lt_report::snapshot::Snapshot::default()
        });
    };
    publish(1);
    publish(2);
    let mut following = entry.follow();
    assert_eq!((following.oldest, following.last), (Some(1), 2));
    let missed: Vec<u64> = entry.recent(0).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(missed, [1, 2]);
    (3..=1000).for_each(publish);
    assert_eq!(entry.recent(0).len(), lt_spec::limits::EVENTS_RESUMED_MAX);
    let mut got = Vec::new();
    loop {
        match following.told.try_recv() {
            Ok(super::entry::Told::Snapshot(seq, _)) => got.push(seq),
            Ok(other) => panic!("{other:?}"),
            Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(_) => break,
        }
    }
    assert!(got.len() < 100 && got.last() == Some(&1000), "{got:?}");
}

#[test]
fn a_host_takes_as_many_runs_and_users_as_it_may() {
    let scratch = crate::app::testing::Scratch::new("claims");
    let mut config = config();
    config.data_dir = scratch.path().to_owned();
    let runs = Runs::open(&config).unwrap();
    let first = runs.claim(None, 600).unwrap();
    assert_eq!(first.id, "r-20210224-0001");
    let refused = runs.claim(None, 401).unwrap_err();
    assert_eq!(refused.code(), Code::Capacity);
    for part in ["401", "1000", "600"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    let second = runs.claim(Some("mine"), 400).unwrap();
    assert_eq!(
        runs.claim(Some("mine"), 0).unwrap_err().code(),
        Code::Conflict
    );
    let refused = runs.claim(None, 0).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("2 runs are under way, and 2 is the limit"),
        "{refused}"
    );
    // A run that shrinks gives back what others may take.
    assert!(runs.claim_users(&second.id, 401).is_err());
    runs.claim_users(&first.id, 500).unwrap();
    runs.claim_users(&second.id, 500).unwrap();
    assert_eq!(runs.taken().users_planned, 1000);
    drop(first);
    assert_eq!(runs.taken().runs, 1);
    let kept = past(&second.id, RunState::Running, 5);
    let entry = Arc::new(Entry::past(runs.dir_of("mine"), kept));
    second.take(entry.clone());
    assert_eq!(
        runs.claim(Some("mine"), 0).unwrap_err().code(),
        Code::Conflict
    );
    runs.close(&entry);
    assert_eq!((runs.taken().runs, runs.find("mine").is_ok()), (0, true));
    runs.end_all(false);
    assert_eq!(runs.claim(None, 1).unwrap_err().code(), Code::Capacity);
}

#[tokio::test]
async fn the_host_says_how_it_stands() {
    let server = server("status", &[]);
    let _place = server.app.runs.claim(None, 10).unwrap();
    let status = server.get("/v1/status").await;
    assert_eq!(
        status.body["users"],
        json!({"active": 0, "planned": 10, "limit": 1000})
    );
    assert_eq!(status.body["runs"], json!({"running": 1, "limit": 2}));
    assert_eq!(status.body["auth"], "none");
    assert_eq!(status.body["allow_targets"], json!(["loopback"]));
    assert!(status.body["memory"]["resident_bytes"].as_u64().unwrap() > 0);
    let nodes = server.get("/v1/nodes").await;
    assert_eq!(nodes.body["nodes"][0]["name"], "host-1");
    let metrics = server.get("/metrics").await;
    let text = String::from_utf8(metrics.bytes.to_vec()).unwrap();
    assert!(text.contains("\nlt_host_users_planned 10\n"), "{text}");
    assert!(
        metrics
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
}

#[test]
fn what_becomes_a_secret_by_a_swap_is_one_from_then_on() {
    let entry = Entry::past("/nowhere".into(), past("r-1", RunState::Running, 1));
    assert!(!entry.is_secret(Some("chat"), "token"));
    entry.learn_secrets("chat", vec!["token".to_owned()]);
    entry.learn_secrets("chat", vec!["token".to_owned(), "key".to_owned()]);
    assert!(entry.is_secret(Some("chat"), "key") && entry.is_secret(None, "token"));
    assert!(!entry.is_secret(Some("browse"), "token"));
    assert_eq!(entry.secret_settings(), ["token", "key"]);
    entry.hide_too(vec!["geheim".to_owned()]);
    entry.hide_too(vec!["still".to_owned()]);
    let shown = entry.log.without_secrets("geheim, still, plain");
    assert_eq!(shown, "***, ***, plain");
    let snapshot = "{\"still\":\"a still b\"}".to_owned();
    let shown = entry.log.snapshot_without_secrets(snapshot);
    assert_eq!(shown, "{\"still\":\"a *** b\"}");
    // Who writes its files knows as much.
    assert_eq!(entry.hidden.secrets().hide("geheim"), "***");
}
