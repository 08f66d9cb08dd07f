//! Bad input: exit code 104, a message that names the field and the remedy, and nothing started.

use lt_tests::guests::guest;
use lt_tests::peers::http::HttpPeer;
use lt_tests::{LtHost, Ran};

/// Require that a command is refused with these texts, and that it started nothing.
#[track_caller]
fn refused(command: LtHost, texts: &[&str]) -> Ran {
    let mut ran = command.finish().expect_code(104);
    for text in texts {
        ran = ran.expect_text(text);
    }
    assert!(!ran.has_results(), "it made a results directory\n{ran}");
    assert!(ran.stdout().is_empty(), "results were printed\n{ran}");
    ran
}

/// A file of the test's own as the scenario.
fn file(name: &str, contents: &[u8]) -> LtHost {
    let command = LtHost::new(&["run", name]);
    command.file(name, contents);
    command
}

#[test]
fn a_file_that_is_no_scenario() {
    refused(
        LtHost::new(&["run", "no_such.wasm"]),
        &["no_such.wasm", "remedy"],
    );
    refused(LtHost::new(&["run", "."]), &["remedy"]);
    refused(
        file("notes.txt", b"a text file\n"),
        &[
            "notes.txt",
            "not a WebAssembly component",
            "cargo component build",
        ],
    );
    refused(
        file("empty.wasm", b""),
        &["empty.wasm", "not a WebAssembly component"],
    );
    refused(
        file("core.wasm", b"\0asm\x01\0\0\0"),
        &["core.wasm", "a core WebAssembly module", "wasm32-wasip2"],
    );
    refused(
        file("other.wasm", b"\0asm\x0d\0\x01\0"),
        &["other.wasm", "another world", "iterate", "lt_sdk::scenario"],
    );
    refused(
        file("damaged.wasm", b"\0asm\x0d\0\x01\0\xff\xff\xff"),
        &["damaged.wasm", "not a valid component"],
    );
    let whole = std::fs::read(guest("timing_sleep")).unwrap();
    refused(
        file("half.wasm", &whole[..whole.len() / 2]),
        &["half.wasm", "not a valid component"],
    );
}

#[test]
fn a_component_for_a_newer_contract() {
    let mut bytes = std::fs::read(guest("timing_sleep")).unwrap();
    let version = b"@0.1.0";
    let newer = b"@0.2.0";
    let mut patched = 0;
    for at in 0..bytes.len() - version.len() {
        let names_ours = bytes[..at].ends_with(b"lt:scenario/types")
            || bytes[..at].ends_with(b"lt:scenario/user")
            || bytes[..at].ends_with(b"lt:scenario/timing")
            || bytes[..at].ends_with(b"lt:scenario/log");
        if names_ours && bytes[at..].starts_with(version) {
            bytes[at..at + version.len()].copy_from_slice(newer);
            patched += 1;
        }
    }
    assert!(patched > 0, "the guest imports nothing of the contract");
    refused(
        file("newer.wasm", &bytes),
        &["newer.wasm", "0.2.0", "0.1.0", "a newer lt-host"],
    );
}

/// A run of the guest with settings, against a peer that must never hear of it.
#[track_caller]
fn refused_settings(settings: &[(&str, &str)], texts: &[&str]) {
    let peer = HttpPeer::always("ok");
    let mut command = LtHost::run("user_settings").set("url", peer.url(""));
    for (name, value) in settings {
        command = command.set(name, value);
    }
    refused(command, texts);
    assert_eq!(peer.connections(), 0, "the peer heard of it");
}

#[test]
fn settings_that_do_not_fit_their_declaration() {
    refused_settings(&[("sise", "3")], &["--set", "sise", "size"]);
    refused_settings(&[("size", "0")], &["size", "1"]);
    refused_settings(&[("size", "10")], &["size", "9"]);
    refused_settings(&[("size", "three")], &["size", "three"]);
    refused_settings(&[("share", "1.5")], &["share"]);
    refused_settings(&[("pause", "2h")], &["pause", "1m"]);
    refused_settings(&[("pause", "5")], &["pause", "unit"]);
    refused_settings(&[("payment", "cash")], &["payment", "card", "invoice"]);
    refused_settings(&[("review", "perhaps")], &["review", "true"]);
    refused(LtHost::run("user_settings"), &["url"]);
    refused(
        LtHost::run("user_settings")
            .argument("--set")
            .argument("url"),
        &["--set", "NAME=VALUE"],
    );
    let ran = refused(
        LtHost::run("user_settings")
            .set("url", "http://127.0.0.1:1")
            .set("password", "s3cret")
            .set("size", "99"),
        &["size"],
    );
    ran.expect_no_text("s3cret");
}

/// A run of the guest with one wrong option.
#[track_caller]
fn refused_option(option: &str, value: &str, texts: &[&str]) {
    let peer = HttpPeer::always("ok");
    let command = LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .argument(format!("{option}={value}"));
    let mut all = vec![option, "remedy"];
    all.extend(texts);
    refused(command, &all);
    assert_eq!(
        peer.connections(),
        0,
        "{option} {value}: the peer heard of it"
    );
}

#[test]
fn options_that_make_no_sense() {
    refused_option("--duration", "10", &["no unit", "10s"]);
    refused_option("--duration", "soon", &["soon"]);
    refused_option("--duration", "-5s", &["negative"]);
    refused_option("--users", "many", &["many"]);
    refused_option("--users", "0", &["0"]);
    refused_option("--iterations", "-1", &["-1"]);
    refused_option("--interarrival", "fast", &["fast"]);
    refused_option("--repeat-interval", "0s", &["zero"]);
    refused_option("--user-range", "9..1", &["1..9"]);
    refused_option("--seed", "x", &["x"]);
    refused_option("--memory-limit", "lots", &["lots"]);
    refused_option("--cpu-limit", "1ms", &["20ms"]);
    refused_option("--http-timeout", "0s", &["zero"]);
    refused_option("--max-redirects", "x", &["x"]);
    refused_option("--proxy", "no URL", &[]);
    refused_option("--local-ips", "localhost", &["localhost"]);
    refused_option("--host-override", "shop.test", &["shop.test"]);
    refused_option("--tag", "status=7", &["status"]);
    refused_option("--ca-cert", "no_such.pem", &["no_such.pem"]);
    refused_option("--client-cert", "no_such.pem", &["no_such.pem"]);
    refused_option("--summary-trend-stats", "p(200)", &["p(200)"]);
}

#[test]
fn outputs_that_cannot_be_written() {
    refused_option("--out", "xml=a.xml", &["xml", "json", "csv"]);
    refused_option("--out", "csv", &["csv=FILE"]);
    refused_option(
        "--out",
        "csv=no/such/directory/a.csv",
        &["no/such/directory"],
    );
    refused_option("--out", "stream-csv", &["stream-csv=FILE"]);
    refused_option(
        "--out",
        "stream-csv=no/such/directory/a.csv",
        &["no/such/directory"],
    );
    refused_option(
        "--summary-export",
        "no/such/directory/a.json",
        &["no/such/directory"],
    );
}

#[test]
fn thresholds_that_say_nothing() {
    refused_option("--threshold", "http_req_duration", &["character"]);
    refused_option("--threshold", "http_req_duration:p(95)", &["character"]);
    refused_option("--threshold", "http_req_duration:p(101)<5", &["p(101)"]);
    refused_option(
        "--threshold",
        "http_req_durations:avg<5",
        &["http_req_duration"],
    );
    refused_option(
        "--threshold",
        "http_req_duration:count<5",
        &["trend", "avg"],
    );
    refused_option("--threshold", "http_reqs:avg<5", &["counter", "rate"]);
    refused_option("--threshold", "http_reqs:count<five", &["character"]);
}

#[test]
fn more_users_than_memory_holds() {
    refused(
        LtHost::run("timing_sleep").arguments("--users 900000000"),
        &["--users", "900000000", "1000000", "remedy"],
    );
    refused(
        LtHost::run("timing_sleep").arguments("--users 1000000 --memory-limit 4GiB"),
        &["--users", "1000000", "can address", "--memory-limit"],
    );
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let available_kib: Option<u64> =
        available.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok());
    // A machine that has room for a million users refuses nothing.
    if available_kib.is_some_and(|kib| kib < 30 << 20) {
        refused(
            LtHost::run("timing_sleep").arguments("--users 1000000"),
            &["--users", "1000000", "users fit", "more memory"],
        );
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let command = LtHost::run("user_settings")
        .set("size", "0")
        .set("colour", "red")
        .arguments("--duration 10 --users x --threshold nonsense --out xml=a");
    refused(
        command,
        &[
            "size",
            "colour",
            "--duration",
            "--users",
            "--threshold",
            "--out",
            "url",
        ],
    );
}

#[test]
fn unknown_words_are_bad_input_too() {
    refused(
        LtHost::run("timing_sleep").argument("--no-such-flag"),
        &["--no-such-flag"],
    );
    refused(LtHost::new(&["fly"]), &["fly"]);
    refused(LtHost::new(&["run"]), &["SCENARIO"]);
    refused(LtHost::new(&[]), &["Usage"]);
    refused(
        LtHost::new(&["describe", "no_such.wasm"]),
        &["no_such.wasm"],
    );
    refused(
        LtHost::new(&["validate", "no_such.wasm"]),
        &["no_such.wasm"],
    );
}

#[test]
fn outputs_that_would_destroy_files_of_the_run() {
    let scenario = std::fs::read(guest("timing_sleep")).unwrap();
    let command = LtHost::new(&["run", "own.wasm", "--out", "json=./own.wasm"]);
    command.file("own.wasm", &scenario);
    let ran = refused(
        command,
        &["--out", "is the same file as SCENARIO", "remedy"],
    );
    assert_eq!(std::fs::read(ran.path("own.wasm")).unwrap(), scenario);
    let text = "[scenarios.one]\nfile = \"@timing_sleep\"\nusers = 1\nduration = \"1s\"\n";
    let ran = refused(
        LtHost::run_spec(text).arguments("--summary-export ./run.toml --out csv=run.toml"),
        &["--summary-export", "is the same file as --spec", "--out"],
    );
    let kept = std::fs::read_to_string(ran.path("run.toml")).unwrap();
    assert!(kept.starts_with("[scenarios.one]"), "{kept}");
    refused(
        LtHost::run("timing_sleep").arguments("--out csv=same.csv --out json=./same.csv"),
        &["json=./same.csv", "is the same file as --out"],
    );
}

#[test]
fn an_engine_that_cannot_be_made_hides_no_other_fault() {
    let validate = LtHost::new(&["validate"]).argument(guest("timing_sleep"));
    refused(
        validate.arguments("--memory-limit 1KB --users x --ca-cert absent.pem"),
        &["--memory-limit", "--users", "--ca-cert", "absent.pem"],
    );
}

#[test]
fn a_fault_of_a_variable_is_told_by_its_name() {
    refused(
        LtHost::run("timing_sleep").variable("LT_USERS", "x"),
        &["LT_USERS \"x\": is not a whole number"],
    );
    refused(
        LtHost::run("timing_sleep").arguments("--users -1 --duration -5s"),
        &["--users \"-1\"", "--duration \"-5s\""],
    );
}

#[test]
fn a_scenario_that_is_typed_goes_before_a_run_file_of_a_variable() {
    LtHost::run("timing_sleep")
        .variable("LT_SPEC", "absent.toml")
        .arguments("--no-results --seed 77")
        .finish()
        .expect_code(0)
        .expect_text("seed: 77");
}
