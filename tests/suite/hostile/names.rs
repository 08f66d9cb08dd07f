//! Tricks in names and paths, and script in whatever people read.

use std::path::Path;

use lt_tests::Served;
use serde_json::{Value, json};

use super::Busy;

/// Names that would leave a directory, end a text, or be another file.
const TRICKS: [&str; 16] = [
    "..",
    ".",
    "%2e%2e",
    "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cboot.ini",
    "%2fetc%2fpasswd",
    "a%00.wasm",
    "%00",
    "%",
    "%zz",
    "%ff%fe",
    "a%20b",
    "a%0d%0aset-cookie:%20x=1",
    "%c0%ae%c0%ae",
    "%e2%80%ae",
];

/// Everything below a directory, but for what the steady run goes on writing.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("runs") {
            found.extend(files(&path));
        }
        found.push(path.display().to_string());
    }
    found.sort();
    found
}

#[test]
fn no_name_leads_out_of_where_it_belongs() {
    let busy = Busy::start("");
    let served = &busy.served;
    let before = files(served.directory());
    let long = "a".repeat(5000);
    for trick in TRICKS.into_iter().chain([long.as_str()]) {
        for (method, path) in [
            ("GET", format!("/v1/scenarios/{trick}")),
            ("PUT", format!("/v1/scenarios/{trick}")),
            ("DELETE", format!("/v1/scenarios/{trick}")),
            ("GET", format!("/v1/scenarios/{trick}/wasm")),
            ("GET", format!("/v1/scenarios/steady/wasm?digest={trick}")),
            ("GET", format!("/v1/files/{trick}")),
            ("PUT", format!("/v1/files/{trick}")),
            ("DELETE", format!("/v1/files/{trick}")),
            ("GET", format!("/v1/runs/{trick}")),
            ("DELETE", format!("/v1/runs/{trick}")),
            ("GET", format!("/v1/runs/{trick}/summary")),
            ("GET", format!("/v1/runs/steady-run/results/{trick}")),
            ("GET", format!("/page/{trick}")),
            ("GET", format!("/page/{trick}/{trick}/Cargo.toml")),
            ("GET", format!("/api-docs/{trick}")),
        ] {
            let mut call = served.call(method, &path);
            if method == "PUT" {
                call = call.body("application/octet-stream", b"content");
            }
            let answer = call.send();
            assert!(
                (400..=422).contains(&answer.status),
                "{method} {path}: {answer}"
            );
            assert_eq!(answer.header("set-cookie"), None, "{method} {path}");
            busy.tells_nothing(&answer);
        }
    }
    // Names within a run spec are names too.
    for (key, value) in [
        ("scenario", json!("../steady")),
        ("scenario", json!("/etc/passwd")),
        ("digest", json!("../../0000")),
        ("id", json!("../../evil")),
        ("id", json!("a/b")),
        ("assets", json!({"video": "../../etc/passwd"})),
        ("feeders", json!({"people": "/etc/passwd"})),
        ("state-file", json!("/tmp/state")),
        ("out", json!(["json=/tmp/out.json"])),
    ] {
        let mut spec = json!({"scenario": "steady", "users": 1, "iterations": 1});
        spec[key] = value;
        let answer = served.post("/v1/runs", &spec);
        assert!([400, 404, 422].contains(&answer.status), "{key}: {answer}");
        busy.tells_nothing(&answer);
    }
    assert_eq!(files(served.directory()), before);
    busy.undisturbed();
}

/// A tag of a page, as it must not come out in one.
const SCRIPT: &str = "<script>alert('mine')</script>";

fn texts(served: &Served, run: &str) -> Vec<String> {
    let paths = ["", "/annotations", "/snapshots", "/logs", "/summary"];
    let answers = paths.map(|path| {
        let answer = served.get(&format!("/v1/runs/{run}{path}")).expect(200);
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        assert!(kind.starts_with("application/json"), "{answer}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        answer.text()
    });
    answers.to_vec()
}

#[test]
fn script_in_what_people_write_stays_text() {
    let busy = Busy::start("");
    let served = &busy.served;
    served.upload("grants_reach");
    let spec = json!({
        "scenario": "grants-reach",
        "name": SCRIPT,
        "comment": SCRIPT,
        "users": 1,
        "iterations": 2,
        "tags": {"build": SCRIPT},
        // It fails, and says with what.
        "settings": {"protocol": "http", "place": format!("gopher://{SCRIPT}/")},
    });
    let run = served.start_run(&spec);
    let note = json!({"text": SCRIPT, "tags": [SCRIPT]});
    let noted = served.post(&format!("/v1/runs/{run}/annotations"), &note);
    assert!([201, 409].contains(&noted.status), "{noted}");
    let ended = served.wait_until(&run, "ended");
    // As data it is what was written.
    assert_eq!(ended["name"], SCRIPT);
    assert!(
        texts(served, &run).concat().contains("alert("),
        "it is told"
    );
    let listed = served
        .get(&format!("/v1/runs/{run}/results"))
        .expect(200)
        .json();
    let names = listed["files"].as_array().expect("a list");
    let is_page = |file: &&Value| {
        file["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(".html"))
    };
    let page = names.iter().find(is_page).expect("the report is a page");
    let page = page["name"].as_str().expect("a name");
    let page = served
        .get(&format!("/v1/runs/{run}/results/{page}"))
        .expect(200);
    assert!(page.text().contains("alert("), "the report tells it");
    // In a page it would begin a script; in a JSON island it would end one.
    assert!(
        !page.text().contains("<script>alert("),
        "it begins a script"
    );
    assert!(
        !page.text().contains("alert('mine')</script>"),
        "it ends a script"
    );
    // Nor is it ever shown as a page of this host.
    let shown = page.header("content-disposition").unwrap_or_default();
    assert!(shown.starts_with("attachment"), "{shown}");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    busy.undisturbed();
}
