//! The page of a served host and `report.html`, in a real browser.

use std::time::Duration;

use lt_tests::chromium::{drive, pictures};
use lt_tests::guests::guest;
use lt_tests::peers::HttpPeer;
use lt_tests::{LtHost, Served};

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
