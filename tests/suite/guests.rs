//! Every guest has a test: one that no test names is a behaviour that nobody holds.

use lt_tests::guests::{all_guests, repository};

/// Guests of the bench, which runs them itself.
const BENCH: &str = "bench_";

/// All sources of the suite but this one.
fn sources(directory: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// Guests that no text names in quotes, as a guest or in a run file.
fn untested(guests: &[String], tests: &str) -> Vec<String> {
    guests
        .iter()
        .filter(|name| {
            !tests.contains(&format!("\"{name}\"")) && !tests.contains(&format!("\"@{name}\""))
        })
        .cloned()
        .collect()
}

#[test]
fn every_guest_is_run_by_a_test() {
    let guests: Vec<String> = all_guests()
        .into_iter()
        .filter(|name| !name.starts_with(BENCH))
        .collect();
    assert!(guests.len() > 30, "the guests are not found: {guests:?}");
    let found = untested(&guests, &sources(&repository().join("tests/suite")));
    assert!(found.is_empty(), "no test runs {found:?}");
}

#[test]
fn every_guest_is_built_as_a_component() {
    let manifest = std::fs::read_to_string(repository().join("tests/programs/Cargo.toml")).unwrap();
    let found = untested(&all_guests(), &manifest);
    assert!(
        found.is_empty(),
        "tests/programs/Cargo.toml has no [[example]] for {found:?}"
    );
}

#[test]
fn an_untested_guest_would_be_found() {
    let guests = ["a_tested_one".to_owned(), "an_untested_one".to_owned()];
    for tests in ["run(\"a_tested_one\")", "file = \"@a_tested_one\""] {
        assert_eq!(untested(&guests, tests), ["an_untested_one"]);
    }
}
