//! The page of a served host and `report.html`, in a real browser.

use std::time::Duration;

use lt_tests::chromium::{drive, pictures};
use lt_tests::guests::guest;
use lt_tests::peers::HttpPeer;
use lt_tests::{LtHost, Served, Serving};
use serde_json::json;

/// Upload, start, watch, add users, swap, change, pause, lose the connection, stop: all on the page. `serve.mjs` has the steps, and
/// finds what a person would: what is not seen, cannot be pressed or reached, is too wide or too faint; and what the browser
/// complained of, or asked of others.
#[test]
fn a_person_runs_a_test_on_the_page() {
    let target = HttpPeer::always("here");
    let host = Served::start();
    let [first, second] = ["swap_one", "swap_two"].map(|name| guest(name).display().to_string());
    let there = drive(
        "serve.mjs",
        &[
            &host.url(""),
            &target.url(""),
            &first,
            &second,
            &pictures("serve").display().to_string(),
        ],
    );
    if there {
        for path in ["/v1", "/v2"] {
            assert!(!target.seen_at(path).is_empty(), "nobody asked for {path}");
        }
    }
}

/// One file, from the disk, without a server: the whole run is in it.
#[test]
fn the_report_of_a_run_is_a_page_of_its_own() {
    let target = HttpPeer::always("here");
    let ran = LtHost::run("swap_one")
        .set("url", target.url(""))
        .arguments("--users 3 --duration 3s --threshold http_req_failed:rate<0.5 --seed 7")
        .within(Duration::from_secs(60))
        .finish()
        .expect_code(0);
    let report = ran.directory().join("results/latest/report.html");
    assert!(report.is_file(), "there is no {}", report.display());
    let _tried = drive(
        "report.mjs",
        &[
            &report.display().to_string(),
            &pictures("report").display().to_string(),
            "Passed",
            "seed 7",
            "http_req_failed:rate<0.5",
            "Times and sizes",
            "iteration_duration",
            "pages",
        ],
    );
}

/// With a token: it is asked for, kept for the tab alone, and carried by everything that the page asks, streams of events too.
#[test]
fn the_page_asks_for_the_token_and_keeps_it_for_its_tab() {
    const TOKEN: &str = "a-token-of-a-test-with-enough-characters-0123456789";
    let target = HttpPeer::always("here");
    let host = Serving::new().with_token(TOKEN).start();
    host.upload_as("shop", "swap_one");
    let spec = json!({
        "id": "the-run", "scenario": "shop", "users": 2, "duration": "10m", "settings": { "url": target.url("") },
    });
    let run = host.start_run(&spec);
    let _running = host.wait_until(&run, "running");
    let _tried = drive(
        "token.mjs",
        &[
            &host.url(""),
            TOKEN,
            &run,
            &pictures("token").display().to_string(),
        ],
    );
}
