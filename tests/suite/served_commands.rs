//! The commands that speak to a served host, as people and CI jobs type them.

use std::fs;

use lt_tests::guests::guest;
use lt_tests::peers::HttpPeer;
use lt_tests::{LtHost, Served, Serving};
use serde_json::Value;

/// A command, its words split at blanks, to this host.
fn command(served: &Served, words: &str) -> LtHost {
    let words: Vec<&str> = words.split_whitespace().collect();
    LtHost::new(&words)
        .argument("--to")
        .argument(served.url(""))
}

/// What a command prints with `--json`.
#[track_caller]
fn json_of(served: &Served, words: &str) -> Value {
    let ran = command(served, words)
        .argument("--json")
        .finish()
        .expect_code(0);
    serde_json::from_str(ran.stdout()).unwrap_or_else(|error| panic!("{error}\n{ran}"))
}

/// A host with a run of the first version of `swap`, of so many users, for as long as the test takes.
fn running(users: u64) -> (Served, HttpPeer, String) {
    let (served, peer) = (Served::start(), HttpPeer::always("page"));
    let ran = command(&served, "start")
        .argument(guest("swap_one"))
        .arguments(&format!("--users {users} --duration 10m --title noon"))
        .set("url", peer.url(""))
        .finish()
        .expect_code(0);
    let id = ran.stdout().trim().to_owned();
    served.wait_for_run(&id, "all users", |run| {
        run["state"] == "running" && run["parts"][0]["users_active"] == users
    });
    (served, peer, id)
}

#[test]
fn a_scenario_is_uploaded_once_and_then_known() {
    let served = Served::start();
    let upload = |file: &str| {
        command(&served, "upload")
            .argument(guest(file))
            .finish()
            .expect_code(0)
    };
    let first = upload("swap_one");
    assert!(
        first.stdout().starts_with("swap 1.0.0: new, sha256 "),
        "{first}"
    );
    upload("swap_one").expect_text("swap 1.0.0: unchanged");
    upload("swap_two").expect_text("swap 2.0.0: new version");
    upload("swap_one").expect_text("swap 1.0.0: known version, current again");
    let stored = served.get("/v1/scenarios/swap").expect(200).json();
    assert_eq!(stored["version"], "1.0.0");
    assert_eq!(stored["versions"].as_array().unwrap().len(), 2, "{stored}");

    let text = command(&served, "upload --name text");
    let file = text.file("text.wasm", "this is no component");
    text.argument(file)
        .finish()
        .expect_code(104)
        .expect_text("error: ");
    let people = command(&served, "upload --data");
    let file = people.file("people.csv", "name,age\nann,7\n");
    let ran = people.argument(file).finish().expect_code(0);
    let name = ran.stdout().trim();
    assert!(name.ends_with("-people.csv"), "{ran}");
    let kept = served.get(&format!("/v1/files/{name}")).expect(200);
    assert_eq!(kept.body, b"name,age\nann,7\n");
}

#[test]
fn a_run_is_steered_by_commands() {
    let (served, _peer, id) = running(3);
    command(&served, "runs")
        .finish()
        .expect_code(0)
        .expect_text(&id)
        .expect_text("noon");
    command(&served, "status latest")
        .finish()
        .expect_code(0)
        .expect_text("3 of 3 users");
    command(&served, "add latest 2").finish().expect_code(0);
    let part = |run: &Value| run["parts"][0].clone();
    served.wait_for_run(&id, "five users", |run| part(run)["users_active"] == 5);
    // A part of an id is enough if no other begins with it.
    let beginning = &id[..id.len() - 1];
    command(&served, &format!("remove {beginning} 1 --force"))
        .finish()
        .expect_code(0)
        .expect_text("1 user removed");
    served.wait_for_run(&id, "four users", |run| part(run)["users_active"] == 4);
    let run = json_of(&served, "set latest mood=busy --tag build=42");
    assert_eq!(part(&run)["settings"]["mood"], "busy");
    assert_eq!(run["tags"]["build"], "42");
    command(&served, "set latest mood=none nobody=7")
        .finish()
        .expect_code(104)
        .expect_text("nobody");
    assert_eq!(
        part(&served.run(&id))["settings"]["mood"],
        "busy",
        "all or nothing"
    );
    command(&served, "pause latest")
        .finish()
        .expect_code(0)
        .expect_text("paused");
    let run = json_of(&served, "resume latest");
    assert_eq!(part(&run)["paused"], false);
    command(&served, "annotate latest deployed --tag release")
        .finish()
        .expect_code(0)
        .expect_text("noted in");
    let notes = served
        .get(&format!("/v1/runs/{id}/annotations"))
        .expect(200);
    assert_eq!(notes.json()["annotations"][0]["text"], "deployed");
    let stopped = json_of(&served, "stop latest --wait");
    assert_eq!(stopped["state"], "ended");
    assert_eq!(stopped["verdict"]["exit_code"], 103);
    command(&served, "runs")
        .finish()
        .expect_code(0)
        .expect_no_text(&id);
    command(&served, "runs --all")
        .finish()
        .expect_code(0)
        .expect_text(&id);
    command(&served, "add latest 1")
        .finish()
        .expect_code(104)
        .expect_text("ended");
}

#[test]
fn code_is_swapped_and_swapped_back_by_commands() {
    let (served, _peer, id) = running(4);
    command(&served, "swap latest --share 50%")
        .argument(guest("swap_two"))
        .finish()
        .expect_code(0)
        .expect_text("for 50%");
    served.wait_for_run(&id, "a canary", |run| {
        run["parts"][0]["swap"]["state"] == "canary"
    });
    let ran = command(&served, "swap latest --wait")
        .argument(guest("swap_two"))
        .finish()
        .expect_code(0);
    assert!(ran.stdout().contains("complete"), "{ran}");
    let versions = |run: &Value| run["parts"][0]["versions"].as_array().unwrap().clone();
    let has_all = |run: &Value, version: &str| {
        versions(run)
            .iter()
            .any(|it| it["version"] == version && it["users"] == 4 && it["current"] == true)
    };
    served.wait_for_run(&id, "all on 2.0.0", |run| has_all(run, "2.0.0"));
    command(&served, "swap latest --rollback --wait")
        .finish()
        .expect_code(0);
    served.wait_for_run(&id, "all on 1.0.0", |run| has_all(run, "1.0.0"));
    command(&served, "swap latest nobody")
        .finish()
        .expect_code(104)
        .expect_text("nobody");
    let stopped = json_of(&served, "stop latest --wait");
    let failed = versions(&stopped)
        .iter()
        .any(|version| version["failures"] != 0);
    assert!(!failed, "{stopped:#}");
}

#[test]
fn start_waits_and_exits_as_the_run_does() {
    let (served, peer) = (Served::start(), HttpPeer::always("page"));
    let start = || {
        command(&served, "start --users 2 --iterations 6 --wait")
            .argument(guest("swap_one"))
            .variable("LT_SET_URL", peer.url(""))
    };
    let ran = start().finish().expect_code(0);
    assert!(ran.stdout().contains("TOTAL RESULTS"), "{ran}");
    assert_eq!(peer.seen_at("/v1").len(), 6, "six pages");
    start()
        .argument("--threshold")
        .argument("iterations:count>100")
        .finish()
        .expect_code(99);
    // An id that the client chose, once and again.
    let again = |users: &str| {
        command(&served, "start swap --iterations 4 --id nightly --json")
            .arguments(&format!("--users {users}"))
            .set("url", peer.url(""))
            .finish()
    };
    let first = again("2").expect_code(0);
    let run: Value = serde_json::from_str(first.stdout()).unwrap();
    assert_eq!(run["id"], "nightly");
    again("2").expect_code(0);
    again("3").expect_code(104).expect_text("nightly");
}

#[test]
fn a_run_file_brings_its_files() {
    let (served, peer) = (Served::start(), HttpPeer::always("page"));
    let spec = format!(
        "[scenarios.one]\nfile = \"@swap_one\"\nusers = 2\niterations = 4\nsettings = {{ url = \"{0}\" }}\n\n\
         [scenarios.two]\nfile = \"absent.wasm\"\nusers = 1\n",
        peer.url("")
    );
    // One of the files is not there: nothing is started.
    LtHost::spec("start", &spec)
        .argument("--to")
        .argument(served.url(""))
        .finish()
        .expect_code(104)
        .expect_text("absent.wasm");
    let spec = spec.split("[scenarios.two]").next().unwrap().to_owned();
    let ran = LtHost::spec("start", &spec)
        .arguments("--wait --to")
        .argument(served.url(""))
        .finish()
        .expect_code(0);
    assert!(ran.stdout().contains("iterations"), "{ran}");
    let started = served.get("/v1/runs").expect(200).json();
    assert_eq!(started["runs"].as_array().unwrap().len(), 1, "{started}");
    // And one for hosts, which names what is there.
    let spec = format!(
        "scenario = \"swap\"\nusers = 1\niterations = 1\nname = \"short\"\n[settings]\nurl = \"{}\"\n",
        peer.url("")
    );
    LtHost::spec("start", &spec)
        .arguments("--wait --to")
        .argument(served.url(""))
        .finish()
        .expect_code(0);
}

#[test]
fn who_stops_watching_leaves_the_run_running() {
    let (served, _peer, id) = running(2);
    let mut watching = command(&served, "watch latest").start();
    watching.wait_for_text("users=2/2");
    watching.interrupt();
    watching
        .finish()
        .expect_code(105)
        .expect_text("the run goes on");
    assert_eq!(served.run(&id)["state"], "running");
    let mut watching = command(&served, "watch latest --json").start();
    watching.wait_for_text("\"snapshot\"");
    served.stop_run(&id);
    let ran = watching.finish().expect_code(103);
    let lines: Vec<Value> = ran
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "ended", "{ran}");
    assert_eq!(last["data"]["id"], id.as_str());
    // One that is over is told at once.
    command(&served, "watch latest")
        .finish()
        .expect_code(103)
        .expect_text("TOTAL RESULTS");
    command(&served, "logs latest --level error")
        .finish()
        .expect_code(0);
}

#[test]
fn refusals_have_their_exit_codes() {
    let served = Serving::new().with_token("geheim-geheim-geheim").start();
    let with_token =
        |words: &str| command(&served, words).variable("LT_TOKEN", "geheim-geheim-geheim");
    with_token("status")
        .finish()
        .expect_code(0)
        .expect_text("runs");
    with_token("nodes")
        .finish()
        .expect_code(0)
        .expect_text("up");
    for words in ["status", "runs", "start swap"] {
        command(&served, words)
            .finish()
            .expect_code(104)
            .expect_text("--token-file");
    }
    let wrong = command(&served, "status");
    let file = wrong.file("token", "verkehrt-verkehrt-verkehrt\n");
    wrong
        .argument("--token-file")
        .argument(file)
        .finish()
        .expect_code(104)
        .expect_no_text("verkehrt");
    with_token("start nobody").finish().expect_code(104);
    with_token("watch latest")
        .finish()
        .expect_code(104)
        .expect_text("the host has no run");
    with_token("stop nobody").finish().expect_code(104);
    with_token("upload absent.wasm")
        .finish()
        .expect_code(104)
        .expect_text("there is no such file");
    with_token("upload --name swap")
        .argument(guest("swap_one"))
        .finish()
        .expect_code(0);
    with_token("start swap --users none")
        .finish()
        .expect_code(104)
        .expect_text("--users \"none\"");
    // Nobody listens there: a port that was just given back.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    LtHost::new(&["status", "--to", &url])
        .finish()
        .expect_code(110)
        .expect_text("lt-host serve");
    assert!(fs::metadata(served.data()).is_ok());
}
