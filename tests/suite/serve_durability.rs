//! What a host that is killed has lost: its runs' last second, and nothing of what was uploaded.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lt_tests::process::wait_until;
use lt_tests::results::json_lines;
use lt_tests::{LtHost, Served, guests};
use serde_json::{Value, json};

use crate::killed::{Clocked, SNAPSHOTS_BEFORE, expect_all_but_the_last_second, snapshots_so_far};

/// Time for a few seconds of a run to be written on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// All files below a directory.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// Files of everything but runs.
fn kept(served: &Served) -> BTreeSet<PathBuf> {
    let runs = served.data().join("runs");
    let all = files(&served.data()).into_iter();
    all.filter(|path| !path.starts_with(&runs)).collect()
}

/// An upload that stops in its middle, and goes on as long as the value lives.
fn half_an_upload(served: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", served.port())).unwrap();
    let head = format!(
        "PUT /v1/scenarios/half HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/wasm\r\n\
         content-length: 1000000\r\n\r\n",
        served.port()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![0; 500_000]).unwrap();
    wait_until("the upload", PATIENCE, || {
        served.get("/v1/status").json()["uploads"]["running"] == 1
    });
    stream
}

fn run_of(server: &Clocked) -> Value {
    json!({
        "scenario": "swap",
        "users": 5,
        "duration": "10m",
        "name": "to be killed",
        "settings": { "url": server.peer.url("") },
    })
}

/// Every file of a run reads.
fn expect_whole(results: &Path) {
    for path in files(results) {
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".jsonl") {
            assert!(!json_lines(&path).is_empty(), "{name}");
        } else if name.ends_with(".json") {
            let text = std::fs::read(&path).unwrap();
            let _read: Value = serde_json::from_slice(&text).unwrap();
        }
    }
}

#[test]
fn a_host_that_is_killed_shows_its_run_and_has_what_was_uploaded() {
    let server = Clocked::start();
    let mut served = Served::start();
    let one = served.upload_as("swap", "swap_one");
    let two = served.upload_as("swap", "swap_two");
    let id = served.start_run(&run_of(&server));
    let results = served.results(&id);
    wait_until("a few seconds of results", PATIENCE, || {
        snapshots_so_far(&results) >= SNAPSHOTS_BEFORE && results.join("summary.json").is_file()
    });
    let before = kept(&served);
    let upload = half_an_upload(&served);
    served.kill9();
    drop(upload);
    let last = expect_all_but_the_last_second(&results, &server);

    served.restart();
    let run = served.run(&id);
    assert_eq!(run["state"], "interrupted", "{run:#}");
    assert_eq!(run["name"], "to be killed");
    let listed = served.get("/v1/runs").expect(200).json();
    assert_eq!(listed["runs"][0]["id"], id.as_str(), "{listed:#}");
    let told = served.snapshots(&id);
    assert_eq!(told.last().unwrap()["seq"], last["seq"]);
    let summary = served
        .get(&format!("/v1/runs/{id}/summary"))
        .expect(200)
        .json();
    assert_eq!(summary["state"]["partial"], true);
    let listed = served
        .get(&format!("/v1/runs/{id}/results"))
        .expect(200)
        .json();
    let names: Vec<&str> = listed["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| file["name"].as_str())
        .collect();
    for name in ["report.html", "snapshots.jsonl", "summary.json"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    expect_whole(&results);

    // Both versions are there, and nothing of the third.
    let stored = served.get("/v1/scenarios/swap").expect(200).json();
    assert_eq!(stored["digest"], two["digest"]);
    assert_eq!(stored["versions"].as_array().unwrap().len(), 2);
    for (digest, guest) in [(&one["digest"], "swap_one"), (&two["digest"], "swap_two")] {
        let path = format!(
            "/v1/scenarios/swap/wasm?digest={}",
            digest.as_str().unwrap()
        );
        let bytes = served.get(&path).expect(200).body;
        assert!(bytes == std::fs::read(guests::guest(guest)).unwrap());
    }
    let _refused = served
        .get("/v1/scenarios/half")
        .expect_refused(404, "not_found");
    assert_eq!(kept(&served), before, "the upload left something");

    let report = LtHost::new(&["report", &format!("data/runs/{id}")])
        .finish_in(served.directory())
        .expect_code(0);
    assert!(
        report.stderr().starts_with("interrupted: numbers up to "),
        "{report}"
    );

    // And it goes on as ever.
    let next = served.start_run(&run_of(&server));
    assert_ne!(next, id);
    let _running = served.wait_for_run(&next, "iterations", |run| {
        run["parts"][0]["users_active"] == 5
    });
    let ended = served.stop_run(&next);
    assert_eq!(ended["verdict"]["exit_code"], 103, "{ended:#}");
}

#[test]
fn a_host_that_is_asked_to_end_ends_its_runs_whole() {
    let server = Clocked::start();
    let mut served = Served::start();
    served.upload_as("swap", "swap_one");
    let id = served.start_run(&run_of(&server));
    let results = served.results(&id);
    wait_until("a second of results", PATIENCE, || {
        snapshots_so_far(&results) >= 1
    });
    served.end();
    let summary = std::fs::read(results.join("summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["state"]["partial"], Value::Null, "it has ended");
    let events = json_lines(&results.join("events.jsonl"));
    assert_eq!(events.last().unwrap()["event"], "ended");
    assert!(results.join("report.html").is_file() && results.join("junit.xml").is_file());
    served.restart();
    let run = served.run(&id);
    assert_eq!(run["state"], "ended", "{run:#}");
    assert_eq!(run["verdict"]["exit_code"], 105, "{run:#}");
}

#[test]
fn two_hosts_do_not_share_a_directory() {
    let served = Served::start();
    let refused = LtHost::new(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])
        .finish_in(served.directory());
    let printed = refused.printed();
    assert!(!printed.contains("listening on"), "{refused}");
    assert!(printed.contains("data"), "{refused}");
    let _still = served.get("/healthz").expect(200);
}
