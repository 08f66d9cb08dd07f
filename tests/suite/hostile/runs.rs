//! Runs beyond what the host takes on, changes that collide, and what runs must not tell.

use lt_tests::peers::http::HttpPeer;
use serde_json::{Value, json};

use super::Busy;

#[test]
fn what_is_beyond_the_host_is_refused_with_its_limits() {
    let busy = Busy::start("--max-users 10 --max-runs 2");
    let served = &busy.served;
    let spec = |users: u64| json!({"scenario": "steady", "users": users, "duration": "10m"});
    let refused = |answer, limit: &str| {
        let answer = busy.refused(answer, 503, "capacity");
        assert!(answer.text().contains(limit), "{answer}");
    };
    // Four are there already.
    refused(served.post("/v1/runs", &spec(7)), "10");
    let more = json!({"count": 7});
    refused(served.post("/v1/runs/steady-run/users:add", &more), "10");
    refused(
        served.patch("/v1/runs/steady-run", &json!({"users": 11})),
        "10",
    );
    let second = served.start_run(&spec(6));
    refused(served.post("/v1/runs", &spec(1)), "2");
    refused(
        served.post("/v1/runs/steady-run/users:add", &json!({"count": 1})),
        "10",
    );
    // What ends makes room.
    served.stop_run(&second);
    let third = served.start_run(&spec(6));
    served.stop_run(&third);
    for absurd in [
        json!({"count": 0}),
        json!({"count": -1}),
        json!({"count": 1e300}),
        json!({"count": "many"}),
        json!({}),
    ] {
        let answer = served.post("/v1/runs/steady-run/users:add", &absurd);
        assert!([400, 422].contains(&answer.status), "{absurd}: {answer}");
    }
    busy.undisturbed();
}

#[test]
fn two_swaps_at_once_do_not_mix() {
    let target = HttpPeer::always("here");
    let busy = Busy::start("");
    let served = &busy.served;
    for (name, guest) in [
        ("one", "swap_one"),
        ("two", "swap_two"),
        ("three", "swap_failing"),
    ] {
        served.upload_as(name, guest);
    }
    let settings = json!({"url": target.url("")});
    let spec = json!({"scenario": "one", "users": 4, "duration": "10m", "settings": settings});
    let run = served.start_run(&spec);
    served.wait_until(&run, "running");
    let path = format!("/v1/runs/{run}/swap");
    let canary = |name: &str, share: f64| json!({"scenario": name, "share": share, "part": "one"});
    served.post(&path, &canary("two", 0.5)).expect(202);
    busy.refused(served.post(&path, &canary("three", 0.5)), 409, "conflict");
    busy.refused(served.post(&path, &canary("three", 1.0)), 409, "conflict");
    // Both at the same time, to a version each: one is first, and whatever the other gets, the run has one swap.
    served
        .post(&format!("{path}/rollback"), &json!({"part": "one"}))
        .expect(202);
    let answers = std::thread::scope(|scope| {
        let both = ["two", "three"].map(|name| {
            let (path, canary) = (&path, &canary);
            scope.spawn(move || served.post(path, &canary(name, 0.5)).status)
        });
        both.map(|caller| caller.join().expect("it called"))
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 202).count(),
        1,
        "{answers:?}"
    );
    assert!(
        answers.iter().all(|status| [202, 409].contains(status)),
        "{answers:?}"
    );
    for bad in [
        json!({"scenario": "no-such"}),
        json!({"scenario": "two", "share": 0}),
        json!({"scenario": "two", "share": 2}),
        json!({"scenario": "two", "share": "half"}),
    ] {
        let answer = served.post(&path, &bad);
        assert!(
            [400, 404, 409, 422].contains(&answer.status),
            "{bad}: {answer}"
        );
        busy.tells_nothing(&answer);
    }
    served.stop_run(&run);
    busy.refused(served.post(&path, &canary("two", 1.0)), 409, "conflict");
    busy.undisturbed();
}

#[test]
fn secrets_of_a_run_are_told_nowhere() {
    const SECRET: &str = "a-password-of-mine";
    let busy = Busy::start("");
    let served = &busy.served;
    served.upload("rtmp_play");
    let settings = json!({"url": "rtmp://127.0.0.1:9/live", "user": "me", "password": SECRET});
    let spec = json!({"scenario": "rtmp-play", "users": 1, "iterations": 1, "settings": settings});
    let run = served.start_run(&spec);
    served.wait_until(&run, "ended");
    let mut paths: Vec<String> = [
        "",
        "/snapshots",
        "/logs",
        "/summary",
        "/annotations",
        "/results",
    ]
    .map(|path| format!("/v1/runs/{run}{path}"))
    .to_vec();
    let listed = served
        .get(&format!("/v1/runs/{run}/results"))
        .expect(200)
        .json();
    let names = listed["files"].as_array().expect("a list").iter();
    let names = names.filter_map(|file| file["name"].as_str());
    paths.extend(names.map(|name| format!("/v1/runs/{run}/results/{name}")));
    paths.extend(
        [
            "/v1/runs",
            "/metrics",
            "/v1/status",
            "/v1/scenarios/rtmp-play",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let answer = served.get(&path).expect(200);
        assert!(!answer.text().contains(SECRET), "{path} tells it");
    }
    let shown = &served.run(&run)["parts"][0]["settings"]["password"];
    assert_eq!(*shown, Value::from("***"));
    assert!(
        !served.running().printed().contains(SECRET),
        "the host's log tells it"
    );
    busy.undisturbed();
}
