//! What lies at the top of the repository.

use std::path::Path;
use std::process::Command;

/// All that belongs there: a newcomer must see at once what the project is made of.
const TOP_LEVEL: [&str; 20] = [
    ".ci",
    ".config",
    ".gitignore",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "docs",
    "guest-sdk",
    "host",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "scenarios",
    "tests",
    "wit",
];

/// What is there beside the sources and is never part of them.
const NOT_SOURCES: [&str; 3] = [".git", "results", "target"];

/// The names at the top: those git knows, or, in a copy without git, those in the directory.
pub(super) fn names(root: &Path) -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached"])
        .current_dir(root)
        .output();
    let listed = listed
        .ok()
        .filter(|listed| listed.status.success())
        .map(|listed| listed.stdout);
    let first = |path: &str| path.split('/').next().map(str::to_owned);
    let mut names: Vec<String> = match listed {
        Some(listed) => String::from_utf8(listed)
            .unwrap()
            .lines()
            .filter_map(first)
            .collect(),
        None => std::fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !NOT_SOURCES.contains(&name.as_str()))
            .collect(),
    };
    names.sort();
    names.dedup();
    assert!(
        names.iter().any(|name| name == "Cargo.toml"),
        "no repository at {}",
        root.display()
    );
    names
}

/// Names that do not belong at the top.
pub(super) fn strangers(names: &[String]) -> Vec<String> {
    let strange = names
        .iter()
        .filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    strange
        .map(|name| format!("{name} does not belong at the top of the repository"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_at_the_top_is_found() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert!(strangers(&names(&["Cargo.toml", "wit", ".ci"])).is_empty());
        assert_eq!(
            strangers(&names(&["wit", "notes.txt"])),
            ["notes.txt does not belong at the top of the repository"]
        );
    }
}
