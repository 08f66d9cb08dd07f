//! Components of all three kinds, and a scenario made outside the repository.

use std::path::{Path, PathBuf};

use lt_tests::build::{cargo, componentize};
use lt_tests::guests::{repository, scenario_for};
use lt_tests::{LtHost, Target, TempDir};

/// What `make guests` builds for all three targets.
const SCENARIOS: [&str; 4] = ["http-get", "http-journey", "plenary-chat", "relay"];

/// Run a scenario's component against the built-in server.
#[track_caller]
fn runs(component: &Path, target: &Target) {
    let name = component
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let command = LtHost::run_file(component);
    let command = match name {
        _ if name.starts_with("http_get") => command.set("url", target.url("/hello")),
        _ if name.starts_with("plenary_chat") => command
            .set("url", target.url(""))
            .set("plenary", "test")
            .set("start-jitter", "0s"),
        _ => command.set("base-url", target.url("")),
    };
    let ran = command
        .arguments("--users 4 --duration 2s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert!(summary.count("http_reqs") >= 4, "{ran}");
    assert_eq!(summary.value("http_req_failed", "rate"), Some(0.0), "{ran}");
    assert!(
        summary
            .value("checks", "rate")
            .is_none_or(|rate| rate == 1.0),
        "{ran}"
    );
}

#[test]
fn components_of_wasm32_wasip2_run() {
    let target = Target::start();
    for name in SCENARIOS {
        runs(&scenario_for("wasm32-wasip2", name), &target);
    }
}

#[test]
fn components_of_cargo_component_run() {
    let target = Target::start();
    for name in SCENARIOS {
        runs(&scenario_for("wasm32-wasip1", name), &target);
    }
}

#[test]
fn components_made_of_core_modules_run() {
    let target = Target::start();
    let directory = TempDir::new();
    for name in SCENARIOS {
        let module = scenario_for("wasm32-unknown-unknown", name);
        let component = directory.write(
            &format!("{}.wasm", name.replace('-', "_")),
            componentize(&module),
        );
        runs(&component, &target);
        // As it comes from the compiler it is no component, and is not taken for one.
        LtHost::run_file(&module)
            .finish()
            .expect_code(104)
            .expect_text("a core WebAssembly module");
    }
}

/// Those for XMPP need a server of their own to run (`xmpp_scenarios.rs`): whatever made them, they say what they are.
#[test]
fn components_for_xmpp_are_known_in_all_three_forms() {
    let directory = TempDir::new();
    let module = scenario_for("wasm32-unknown-unknown", "xmpp-one-to-one");
    let made = directory.write("xmpp_one_to_one.wasm", componentize(&module));
    for component in [
        scenario_for("wasm32-wasip2", "xmpp-one-to-one"),
        scenario_for("wasm32-wasip1", "xmpp-one-to-one"),
        made,
    ] {
        LtHost::new(&["describe"])
            .argument(&component)
            .finish()
            .expect_code(0)
            .expect_text("xmpp-one-to-one")
            .expect_text("message-interval")
            .expect_text("connection-attempts");
    }
}

#[test]
fn heavy_a_new_scenario_builds_and_runs_outside_the_repository() {
    let target = Target::start();
    let directory = TempDir::new();
    let made = LtHost::new(&["new", "shop"])
        .finish_in(directory.path())
        .expect_code(0)
        .expect_text("cargo component build --release");
    drop(made);
    let shop: PathBuf = directory.path().join("shop");
    assert!(
        !shop.starts_with(repository()),
        "this must be outside the repository"
    );
    let products = cargo(&shop, &["component", "build", "--release"]);
    let component = products.join("wasm32-wasip1/release/shop.wasm");
    let described = LtHost::new(&["describe", "--json"])
        .argument(&component)
        .finish()
        .expect_code(0);
    let described: serde_json::Value = serde_json::from_str(described.stdout()).unwrap();
    assert_eq!(described["description"]["name"], "shop");
    let ran = LtHost::run_file(&component)
        .set("base-url", target.url(""))
        .arguments("--users 10")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("iterations"), 10, "{ran}");
    // Nothing of the user's is overwritten.
    LtHost::new(&["new", "shop"])
        .finish_in(directory.path())
        .expect_code(104)
        .expect_text("shop");
    LtHost::new(&["new", "Not A Name"])
        .finish_in(directory.path())
        .expect_code(104)
        .expect_text("NAME");
}
