//! The commands beside `run`.

use lt_tests::guests::guest;
use lt_tests::{LtHost, Target};
use serde_json::{Value, json};

fn command(verb: &str, name: &str) -> LtHost {
    LtHost::new(&[verb]).argument(guest(name))
}

#[test]
fn describe_shows_what_a_scenario_says_of_itself() {
    let ran = command("describe", "user_settings").finish().expect_code(0);
    for text in ["size", "Goods in one order", "card", "invoice", "password"] {
        assert!(ran.stdout().contains(text), "no {text:?}\n{ran}");
    }
    let ran = ran.expect_no_text("hunter2");
    drop(ran);
    let ran = command("describe", "user_settings")
        .arguments("--json")
        .finish()
        .expect_code(0);
    let described: Value = serde_json::from_str(ran.stdout()).unwrap();
    let settings = described["description"]["settings"].as_array().unwrap();
    let size = settings
        .iter()
        .find(|setting| setting["name"] == "size")
        .unwrap();
    assert_eq!(
        (
            &size["kind"],
            &size["default"],
            &size["minimum"],
            &size["maximum"]
        ),
        (&json!("integer"), &json!("3"), &json!("1"), &json!("9"))
    );
    assert!(
        described["imports"]
            .as_array()
            .unwrap()
            .iter()
            .any(|import| import
                .as_str()
                .is_some_and(|name| name.starts_with("lt:scenario/http@")))
    );
    let ran = command("describe", "user_roles").finish().expect_code(0);
    assert!(
        ran.stdout().contains("speaker") && ran.stdout().contains("Plays a part"),
        "{ran}"
    );
    assert!(!ran.has_results(), "{ran}");
}

#[test]
fn describe_tells_what_a_scenario_waits_for_reads_and_plays() {
    for (guest, lines) in [
        (
            "user_steady",
            &["Steady, of each user", "stream is up  its last check held"][..],
        ),
        ("user_steady_gauge", &["established"]),
        ("user_live", &["pace", "live"]),
        (
            "data_feeder",
            &["accounts  feeder with name, age, required; who may log in"],
        ),
        ("data_asset", &["picture", "caption", "required"]),
        ("user_role_every", &["reader   every 5", "teacher  1 user"]),
    ] {
        let ran = command("describe", guest).finish().expect_code(0);
        for line in lines {
            assert!(ran.stdout().contains(line), "{guest}: no {line:?}\n{ran}");
        }
    }
}

#[test]
fn validate_says_whether_it_would_run() {
    let ran = command("validate", "user_settings")
        .set("url", "http://127.0.0.1:1")
        .finish()
        .expect_code(0)
        .expect_text("valid");
    assert!(!ran.has_results(), "{ran}");
    command("validate", "user_settings")
        .finish()
        .expect_code(104)
        .expect_text("url");
    command("validate", "user_settings")
        .set("url", "x")
        .set("size", 0)
        .finish()
        .expect_code(104)
        .expect_text("size");
}

#[test]
fn doctor_names_every_limit() {
    let ran = LtHost::new(&["doctor"]).finish().expect_code(0);
    for text in ["descriptors", "ports", "mappings", "memory", "clock"] {
        assert!(
            ran.stdout().to_lowercase().contains(text),
            "no {text:?}\n{ran}"
        );
    }
}

#[test]
fn the_target_is_there_to_practise_on() {
    let target = Target::start();
    let fetch = |path: &str| LtHost::run("http_fetch").set("url", target.url(path));
    fetch("/hello")
        .arguments("--users 20 --iterations 200")
        .finish()
        .expect_clean();
    fetch("/status/418")
        .set("status", 418)
        .finish()
        .expect_code(0);
    fetch("/redirect/3").finish().expect_clean();
    fetch("/gzip")
        .set("decompress", true)
        .set("body", "quick brown fox")
        .finish()
        .expect_clean();
    let ran = fetch("/delay/100")
        .arguments("--iterations 2")
        .finish()
        .expect_clean();
    assert!(
        ran.summary().value("http_req_duration", "min").unwrap() >= 100.0,
        "{ran}"
    );
    let ran = LtHost::run("http_error")
        .set("url", target.url("/redirect/20"))
        .set("error", "too-many-redirects")
        .finish();
    drop(ran.expect_clean());
}

#[test]
fn the_compiled_scenario_is_kept() {
    let run = |cache: &std::path::Path| {
        LtHost::run("timing_sleep")
            .arguments("--compile-cache")
            .argument(cache)
            .finish()
            .expect_clean()
    };
    let directory = lt_tests::TempDir::new();
    let kept = || std::fs::read_dir(directory.path()).unwrap().count();
    drop(run(directory.path()));
    let after_first = kept();
    assert!(after_first >= 1, "nothing was kept");
    drop(run(directory.path()));
    assert_eq!(kept(), after_first, "the same scenario was kept twice");
    // A damaged file must neither be run nor stop the run.
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(path, b"damaged").unwrap();
        }
    }
    drop(run(directory.path()));
}
