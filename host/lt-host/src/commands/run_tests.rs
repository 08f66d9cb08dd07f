//! Tests of the command's decisions; whole runs are in the suite.

use super::*;
use crate::process::testing::fake;

/// Run the program on files of a directory of its own; returns the exit code and what went to standard error.
fn run(files: &[(&str, &[u8])], arguments: &[&str]) -> (Exit, String) {
    let dir = std::env::temp_dir().join(format!("lt-host-run-{}-{:x}", std::process::id(), rand()));
    std::fs::create_dir_all(&dir).unwrap();
    for (name, contents) in files {
        std::fs::write(dir.join(name), contents).unwrap();
    }
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| argument.replace("DIR", dir.to_str().unwrap()))
        .collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut process, printed) = fake(&texts);
    let exit = crate::main(&mut process);
    assert!(
        !dir.join("results").exists(),
        "a run that was refused left results"
    );
    std::fs::remove_dir_all(&dir).unwrap();
    (exit, printed.stderr.text())
}

fn rand() -> u64 {
    (Process::of_this().random)()
}

#[test]
fn what_is_not_a_scenario_is_refused_with_the_files_name() {
    let files: &[(&str, &[u8])] = &[
        ("text.wasm", b"# a text"),
        ("core.wasm", b"\0asm\x01\0\0\0"),
        ("other.wasm", b"\0asm\x0d\0\x01\0"),
    ];
    let cases = [
        ("DIR/absent.wasm", "there is no such file"),
        ("DIR", "is a directory"),
        ("DIR/text.wasm", "not a WebAssembly component"),
        ("DIR/core.wasm", "a core WebAssembly module"),
        ("DIR/other.wasm", "another world"),
    ];
    for (path, reason) in cases {
        let (exit, said) = run(
            files,
            &["run", path, "--users", "10", "--results", "DIR/results"],
        );
        assert_eq!(exit, Exit::BadInput, "{path}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(reason) && said.contains("(remedy: "),
            "{path}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn trend_columns_are_checked_with_everything_else() {
    let (exit, said) = run(
        &[],
        &[
            "run",
            "DIR/absent.wasm",
            "--summary-trend-stats",
            "avg,p(50)",
        ],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("no such file") && said.contains("--summary-trend-stats"),
        "{said}"
    );
}

#[test]
fn a_run_file_is_refused_with_file_line_and_field_and_all_at_once() {
    let text =
        b"users = 5\nuser = 6\n\n[scenarios.chat]\nfile = \"absent.wasm\"\nduration = \"0s\"\n";
    let (exit, said) = run(
        &[("run.toml", text)],
        &["run", "--spec", "DIR/run.toml", "--results", "DIR/results"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("run.toml:2 user"), "{said}");
    assert!(
        said.contains("run.toml:6 scenarios.chat.duration"),
        "{said}"
    );
    let text = b"[scenarios.chat]\nfile = \"absent.wasm\"\nusers = 5\nduration = \"1m\"\n";
    let (exit, said) = run(
        &[("run.toml", text)],
        &["validate", "--spec", "DIR/run.toml"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("run.toml:1 scenarios.chat.file") && said.contains("there is no such file"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let (exit, said) = run(
        &[("run.toml", b"a = \xff")],
        &["run", "--spec", "DIR/run.toml"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("byte 4 is not"), "{said}");
}

#[test]
fn a_run_needs_a_scenario_or_a_run_file_and_not_both() {
    let (exit, said) = run(&[], &["run"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("SCENARIO") && said.contains("--spec"),
        "{said}"
    );
    let (exit, said) = run(&[], &["run", "a.wasm", "--spec", "run.toml"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("leave one of the two out"), "{said}");
}
