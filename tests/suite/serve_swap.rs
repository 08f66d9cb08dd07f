//! Other code for users that run: none of their iterations fails for it, none is lost, none is done twice.

use std::collections::{BTreeMap, BTreeSet};

use lt_tests::Served;
use lt_tests::peers::HttpPeer;
use serde_json::{Value, json};

/// A host with a run of `users`, of the first version of five.
struct Swapped {
    served: Served,
    peer: HttpPeer,
    id: String,
    /// Digests by guest.
    digests: BTreeMap<&'static str, String>,
}

impl Swapped {
    fn start(users: u64, pause: &str) -> Self {
        let (served, peer) = (Served::start(), HttpPeer::always("page"));
        let mut digests = BTreeMap::new();
        for guest in [
            "swap_two",
            "swap_bad_join",
            "swap_failing",
            "swap_needy",
            "swap_one",
        ] {
            let stored = served.upload_as("swap", guest);
            digests.insert(guest, stored["digest"].as_str().unwrap().to_owned());
        }
        let id = served.start_run(&json!({
            "scenario": "swap",
            "users": users,
            "duration": "10m",
            "settings": { "url": peer.url(""), "pause": pause },
        }));
        let swapped = Self {
            served,
            peer,
            id,
            digests,
        };
        swapped.wait("all users", |run| run["parts"][0]["users_active"] == users);
        swapped
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.served.wait_for_run(&self.id, what, is_so)
    }

    fn post(&self, call: &str, body: &Value) -> lt_tests::serve::Answer {
        self.served
            .post(&format!("/v1/runs/{}/{call}", self.id), body)
    }

    /// Ask for a version by its guest, with whatever else is to be said.
    fn swap(&self, guest: &str, more: Value) -> lt_tests::serve::Answer {
        let mut body = more;
        body["digest"] = json!(self.digests[guest]);
        self.post("swap", &body)
    }

    /// Wait until all users run this version; returns the run.
    fn wait_for_all(&self, guest: &str, users: u64) -> Value {
        self.wait(&format!("all users run {guest}"), |run| {
            let version = self.version(run, guest);
            version["users"] == users && version["current"] == true
        })
    }

    /// A version of the run; null if it has none of it.
    fn version(&self, run: &Value, guest: &str) -> Value {
        let versions = run["parts"][0]["versions"].as_array().unwrap();
        let mut found = versions.iter();
        let digest = self.digests[guest].as_str();
        found
            .find(|version| version["digest"] == digest)
            .cloned()
            .unwrap_or_default()
    }

    /// Stop; returns the summary. Each user did its iterations one by one, each once.
    fn end(&self) -> Value {
        self.served.stop_run(&self.id);
        let mut by_user: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for seen in self.peer.seen() {
            let number = |name| seen.query(name).unwrap().parse().unwrap();
            by_user
                .entry(number("user"))
                .or_default()
                .push(number("number"));
        }
        for (user, numbers) in by_user {
            let first = numbers[0];
            let expected: Vec<u64> = (first..).take(numbers.len()).collect();
            assert_eq!(
                numbers, expected,
                "user {user} lost or repeated an iteration"
            );
        }
        let path = format!("/v1/runs/{}/summary", self.id);
        self.served.get(&path).expect(200).json()
    }
}

fn no_failures(summary: &Value) {
    assert_eq!(summary["failures"], json!([]), "{:#}", summary["failures"]);
    let metrics = summary["metrics"].as_array().unwrap();
    let failed = metrics
        .iter()
        .find(|metric| metric["name"] == "http_req_failed");
    assert_eq!(failed.unwrap()["values"]["passes"], 0);
}

#[test]
fn users_are_swapped_again_and_again_and_no_iteration_fails() {
    const USERS: u64 = 100;
    let swapped = Swapped::start(USERS, "200ms");
    for guest in ["swap_two", "swap_one", "swap_two", "swap_one", "swap_two"] {
        let run = swapped.swap(guest, json!({})).expect(202).json();
        assert!(run["revision"].as_u64().unwrap() > 0);
        let run = swapped.wait_for_all(guest, USERS);
        let swap = &run["parts"][0]["swap"];
        assert_eq!(swap["to"], swapped.version(&run, guest)["label"], "{run:#}");
    }
    let run = swapped.wait("the swap's end", |run| {
        run["parts"][0]["swap"]["state"] == "complete"
    });
    assert_eq!(swapped.version(&run, "swap_two")["failures"], 0);
    let known = || -> BTreeSet<String> {
        let snapshots = swapped.served.snapshots(&swapped.id);
        snapshots
            .iter()
            .flat_map(|snapshot| snapshot["versions"].as_array().unwrap().iter())
            .filter_map(|version| Some(version["label"].as_str()?.to_owned()))
            .collect()
    };
    // There is a snapshot a second, and all swaps may have been quicker.
    swapped.wait("a snapshot with both", |_| known().len() >= 2);
    let labels: Vec<String> = known().into_iter().collect();
    assert_eq!(labels.len(), 2, "{labels:?}");
    assert!(labels[0].starts_with("1.0.0+") && labels[1].starts_with("2.0.0+"));
    no_failures(&swapped.end());
    for path in ["/v1", "/v2"] {
        assert!(!swapped.peer.seen_at(path).is_empty(), "{path}");
    }
}

#[test]
fn a_canary_is_a_share_that_may_grow() {
    const USERS: u64 = 100;
    let swapped = Swapped::start(USERS, "100ms");
    let _accepted = swapped
        .swap("swap_two", json!({ "share": 0.3 }))
        .expect(202);
    // Of every hundred users thirty, or one or two beside that.
    let run = swapped.wait("a canary", |run| {
        let users = swapped.version(run, "swap_two")["users"].as_u64();
        users.is_some_and(|users| (7..=53).contains(&users))
            && run["parts"][0]["swap"]["state"] == "canary"
    });
    assert_eq!(
        swapped.version(&run, "swap_one")["current"],
        true,
        "{run:#}"
    );
    let _other = swapped
        .swap("swap_failing", json!({}))
        .expect_refused(409, "conflict");
    let _accepted = swapped
        .swap("swap_two", json!({ "share": 1.0 }))
        .expect(202);
    swapped.wait_for_all("swap_two", USERS);
    let _accepted = swapped.post("swap/rollback", &json!({})).expect(202);
    swapped.wait_for_all("swap_one", USERS);
    no_failures(&swapped.end());
}

#[test]
fn a_version_that_fails_is_rolled_back() {
    const USERS: u64 = 10;
    let swapped = Swapped::start(USERS, "50ms");
    let rule = json!({ "rollback": { "failures": "5%", "after": 5 } });
    let _accepted = swapped.swap("swap_failing", rule).expect(202);
    let run = swapped.wait("the way back", |run| {
        run["parts"][0]["swap"]["state"] == "rolled_back"
    });
    let reason = run["parts"][0]["swap"]["reason"].as_str().unwrap();
    assert!(!reason.is_empty(), "{run:#}");
    swapped.wait_for_all("swap_one", USERS);
    let _ended = swapped.end();
}

#[test]
fn users_that_cannot_join_another_version_keep_theirs() {
    const USERS: u64 = 10;
    let swapped = Swapped::start(USERS, "50ms");
    let _accepted = swapped.swap("swap_bad_join", json!({})).expect(202);
    swapped.wait("all to have tried", |run| {
        let version = swapped.version(run, "swap_bad_join");
        version["joins_failed"].as_u64() >= Some(USERS)
            && swapped.version(run, "swap_one")["users"] == USERS
    });
    let _accepted = swapped.post("swap/rollback", &json!({})).expect(202);
    let run = swapped.wait_for_all("swap_one", USERS);
    assert_eq!(run["parts"][0]["users_active"], USERS, "{run:#}");
    let before = swapped.peer.seen().len();
    swapped.wait("more iterations", |_| {
        swapped.peer.seen().len() > before + 20
    });
    assert!(swapped.peer.seen_at("/v3").is_empty());
    let _ended = swapped.end();
}

#[test]
fn users_come_back_from_a_version_that_they_never_finish_joining() {
    const USERS: u64 = 4;
    let swapped = Swapped::start(USERS, "50ms");
    let hanging = swapped.served.upload_as("swap", "swap_hanging");
    let _accepted = swapped
        .post("swap", &json!({ "digest": hanging["digest"] }))
        .expect(202);
    swapped.wait("somebody to wait", |run| {
        swapped.version(run, "swap_one")["users"] != USERS
    });
    let _accepted = swapped.post("swap/rollback", &json!({})).expect(202);
    swapped.wait_for_all("swap_one", USERS);
    let before = swapped.peer.seen().len();
    swapped.wait("more iterations", |_| {
        swapped.peer.seen().len() > before + 20
    });
    no_failures(&swapped.end());
}

#[test]
fn a_version_that_does_not_fit_moves_nobody() {
    let swapped = Swapped::start(2, "50ms");
    let refused = swapped
        .swap("swap_needy", json!({}))
        .expect_refused(422, "invalid");
    let problems = refused.json()["error"]["problems"].to_string();
    assert!(problems.contains("account"), "{refused}");
    let _unknown = swapped
        .post("swap", &json!({ "digest": "0123456789abcdef" }))
        .expect_refused(404, "not_found");
    let _share = swapped
        .swap("swap_two", json!({ "share": 1.5 }))
        .expect_refused(422, "invalid");
    let stale = swapped
        .served
        .call("POST", &format!("/v1/runs/{}/swap", swapped.id))
        .header("if-match", "\"9999\"")
        .json(&json!({ "digest": swapped.digests["swap_two"] }))
        .send();
    let _stale = stale.expect_refused(409, "stale_version");
    let run = swapped.served.run(&swapped.id);
    assert_eq!(
        run["parts"][0]["versions"].as_array().unwrap().len(),
        1,
        "{run:#}"
    );
    // With what it needs it fits.
    let given = json!({ "settings": { "account": "cafe", "mood": "busy" } });
    let _accepted = swapped.swap("swap_needy", given).expect(202);
    swapped.wait_for_all("swap_needy", 2);
    swapped.wait("requests of the new version", |_| {
        !swapped.peer.seen_at("/v5").is_empty()
    });
    swapped.served.stop_run(&swapped.id);
}
