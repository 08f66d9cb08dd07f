//! The house rules that neither compiler nor lints can hold.
//!
//! Each rule is a function from what it looks at to the problems it finds, so that a test of its own can show it a
//! wrong input: a check that cannot fail is worth nothing. The tests here apply the rules to this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

mod contract;
mod layers;
mod sources;
mod top_level;

/// Where the sources of ours are; everything else at the top is text or configuration.
const SOURCE_DIRECTORIES: [&str; 4] = ["host", "guest-sdk", "scenarios", "tests"];

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_owned()
}

/// Every file below `directory`, build output left out, by its path from there.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in
            std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    open.push(path);
                }
            } else {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The Rust sources of the repository, by their path from the root.
fn rust_sources() -> BTreeMap<PathBuf, String> {
    let mut sources = BTreeMap::new();
    for directory in SOURCE_DIRECTORIES {
        for (path, bytes) in files(&root().join(directory)) {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = String::from_utf8(bytes)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                sources.insert(Path::new(directory).join(path), text);
            }
        }
    }
    sources
}

/// What a command prints; its complaint is the test's.
fn output(command: &mut Command) -> String {
    let output = command
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Cargo, as it runs this test.
fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

/// Fails with all problems at once.
#[track_caller]
fn none(problems: Vec<String>) {
    assert!(
        problems.is_empty(),
        "{} problems:\n  {}",
        problems.len(),
        problems.join("\n  ")
    );
}

#[test]
fn crates_depend_only_downward() {
    let metadata = output(cargo().args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]));
    let packages = layers::packages(&metadata);
    assert!(
        packages.len() >= 12,
        "cargo sees {} packages",
        packages.len()
    );
    none(layers::forbidden_arrows(&packages));
    none(layers::wasmtime_outside_its_crates(&packages));
    none(layers::without_workspace_lints(&packages));
}

#[test]
fn one_provider_of_cryptography() {
    // Of this machine's platform: what others need is not downloaded where the tests run.
    let mut tree = cargo();
    tree.args([
        "tree",
        "--workspace",
        "--edges",
        "normal,build,dev",
        "--offline",
    ]);
    let listing = output(tree.args(["--prefix", "none", "--format", "{p}"]));
    assert!(
        listing.contains("aws-lc-rs v"),
        "the listing shows no TLS at all"
    );
    none(layers::banned_crates(&listing));
}

#[test]
fn sources_are_short_finished_and_safe() {
    let sources = rust_sources();
    assert!(sources.len() >= 20, "only {} sources found", sources.len());
    let mut problems = Vec::new();
    for (path, text) in &sources {
        let path = path.to_str().unwrap();
        problems.extend(sources::too_long(path, text));
        problems.extend(sources::unfinished(path, text));
        problems.extend(sources::unsafe_outside_its_places(path, text));
    }
    none(problems);
}

#[test]
fn every_item_of_the_contract_is_documented_and_dated() {
    none(contract::problems(&contract::read(&root().join("wit"))));
}

#[test]
fn the_sdk_carries_the_contract_as_it_is() {
    none(contract::differences(
        &files(&root().join("wit")),
        &files(&root().join("guest-sdk/wit")),
    ));
}

#[test]
fn the_top_level_holds_nothing_else() {
    none(top_level::strangers(&top_level::names(&root())));
}
