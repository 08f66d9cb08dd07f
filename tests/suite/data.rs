//! Data that comes with a run: files that are checked before it starts, records in every order, and the store.

use std::collections::BTreeMap;

use lt_tests::results::sums_by;
use lt_tests::{LtHost, Ran, TempDir};

/// A CSV file of this many accounts.
fn accounts(count: u32) -> String {
    let records = (1..=count).map(|number| format!("name-{number},{}\n", 20 + number));
    "name,age\n".to_owned() + &records.collect::<String>()
}

/// Users who take from a feeder of ten records. Its order is the run's, or the scenario's if that is said.
fn feed(order: &str, options: &str) -> LtHost {
    let file = if order.is_empty() {
        "accounts=accounts.csv".to_owned()
    } else {
        format!("accounts=accounts.csv:{order}")
    };
    let command = LtHost::run("data_feeder")
        .argument("--feeder")
        .argument(file)
        .arguments(options)
        .with_samples();
    command.file("accounts.csv", accounts(10));
    command
}

#[track_caller]
fn checked(command: LtHost) -> Ran {
    let ran = command.finish().expect_clean();
    assert_eq!(ran.summary().failed_checks(), [], "{ran}");
    ran
}

/// How often each record was taken.
fn taken(ran: &Ran) -> BTreeMap<String, u64> {
    sums_by(&ran.rows(), "taken", "record")
}

/// Who got which: the users' checks say.
fn shares(ran: &Ran) -> BTreeMap<u64, Vec<u64>> {
    let mut shares: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for name in ran.summary().check_names() {
        let words: Vec<&str> = name.split(' ').collect();
        if let ["user", user, "got", record] = words.as_slice() {
            let record = record.strip_prefix("name-").unwrap();
            let record = record.parse().unwrap();
            shares
                .entry(user.parse().unwrap())
                .or_default()
                .push(record);
        }
    }
    shares
        .values_mut()
        .for_each(|records| records.sort_unstable());
    shares
}

#[test]
fn sequential_records_are_taken_once() {
    for (order, set) in [("", "none"), ("", "sequential"), ("sequential", "random")] {
        let ran = checked(feed(order, "--users 4 --repeat-num 5 --cores 2").set("order", set));
        let all = taken(&ran);
        assert_eq!(all.len(), 10, "{all:?}\n{ran}");
        assert!(all.values().all(|&times| times == 1), "{all:?}\n{ran}");
        // Every user learns that there are no more, but one that had taken its five by then.
        assert!(ran.summary().count("exhausted") >= 2, "{ran}");
    }
}

#[test]
fn circular_records_begin_anew() {
    let ran = checked(feed("circular", "--users 5 --repeat-num 6 --cores 2"));
    let all = taken(&ran);
    assert_eq!(all.len(), 10, "{all:?}");
    assert!(all.values().all(|&times| times == 3), "{all:?}\n{ran}");
}

#[test]
fn random_records_repeat_with_the_seed() {
    let run = |options: &str| {
        let ran = checked(feed("random", "--users 4 --repeat-num 20").arguments(options));
        assert_eq!(taken(&ran).values().sum::<u64>(), 80, "{ran}");
        shares(&ran)
    };
    let first = run("--seed 5");
    assert_eq!(first, run("--seed 5 --cores 1"));
    assert_ne!(first, run("--seed 6"));
}

#[test]
fn each_user_has_its_own_record_or_its_own_share() {
    let ran = checked(feed(
        "unique",
        "--users 4 --repeat-num 3 --user-range 31..34",
    ));
    let expected = BTreeMap::from([(31, vec![1]), (32, vec![2]), (33, vec![3]), (34, vec![4])]);
    assert_eq!(shares(&ran), expected, "{ran}");
    assert_eq!(ran.summary().count("taken"), 12, "{ran}");
    // More users than records: the last two have none.
    let ran = checked(feed("unique", "--users 12"));
    assert_eq!(shares(&ran).len(), 10, "{ran}");
    assert_eq!(ran.summary().count("exhausted"), 2, "{ran}");

    let ran = checked(feed("disjoint", "--users 4 --repeat-num 5 --cores 2"));
    let expected = BTreeMap::from([
        (1, vec![1, 5, 9]),
        (2, vec![2, 6, 10]),
        (3, vec![3, 7]),
        (4, vec![4, 8]),
    ]);
    assert_eq!(shares(&ran), expected, "{ran}");
    assert_eq!(ran.summary().count("exhausted"), 4, "{ran}");
}

#[test]
fn a_rebuilt_user_goes_on_where_it_was() {
    for order in ["disjoint", "random"] {
        let run = |breaks: bool| {
            let options = "--users 2 --repeat-num 4 --seed 3";
            feed(order, options).set("breaks", breaks).finish()
        };
        let (whole, broken) = (run(false), run(true));
        assert_eq!(shares(&whole), shares(&broken), "{order}\n{broken}");
        assert_eq!(broken.summary().failures_in_all(), 8, "{broken}");
    }
}

#[test]
fn users_of_several_scenarios_share_a_feeder() {
    let command = LtHost::run_spec(
        r#"
        [feeders]
        accounts = { file = "accounts.csv", order = "disjoint" }
        [scenarios.one]
        file = "@data_feeder"
        users = 2
        repeat-num = 4
        [scenarios.two]
        file = "@data_feeder"
        users = 2
        repeat-num = 4
        "#,
    );
    command.file("accounts.csv", accounts(8));
    let ran = command.finish().expect_clean();
    let expected = BTreeMap::from([
        (1, vec![1, 5]),
        (2, vec![2, 6]),
        (3, vec![3, 7]),
        (4, vec![4, 8]),
    ]);
    assert_eq!(shares(&ran), expected, "{ran}");
}

#[test]
fn records_come_from_json_too() {
    for (name, contents) in [
        (
            "accounts.json",
            r#"[{"name": "name-1", "age": 30}, {"name": "name-2", "age": "31"}]"#,
        ),
        (
            "accounts.jsonl",
            "{\"name\": \"name-1\", \"age\": 30}\n{\"name\": \"name-2\", \"age\": \"31\"}\n",
        ),
    ] {
        let command = LtHost::run("data_feeder")
            .argument("--feeder")
            .argument(format!("accounts={name}"))
            .arguments("--users 1 --repeat-num 2");
        command.file(name, contents);
        let ran = checked(command);
        assert_eq!(ran.summary().count("years"), 61, "{name}\n{ran}");
        assert_eq!(shares(&ran), BTreeMap::from([(1, vec![1, 2])]), "{ran}");
    }
}

/// Require that a run with this file of accounts is refused, with these texts on one line.
#[track_caller]
fn refused(name: &str, contents: Option<&[u8]>, parts: &[&str]) {
    let command = LtHost::run("data_feeder")
        .argument("--feeder")
        .argument(format!("accounts={name}"));
    if let Some(contents) = contents {
        command.file(name, contents);
    }
    let ran = command.finish().expect_code(104);
    let told = |line: &str| line.contains(name) && parts.iter().all(|part| line.contains(part));
    assert!(
        ran.stderr().lines().any(told),
        "nowhere is {name} with {parts:?}\n{ran}"
    );
    assert!(ran.stderr().contains("remedy"), "{ran}");
    assert!(!ran.has_results(), "{ran}");
}

#[test]
fn files_that_are_no_records_are_refused() {
    refused("missing.csv", None, &[]);
    refused(".", None, &[]);
    refused("empty.csv", Some(b""), &[]);
    refused("header.csv", Some(b"name,age\n"), &[]);
    refused(
        "ragged.csv",
        Some(b"name,age\nann,30\nbob\n"),
        &["ragged.csv:3", "2", "1"],
    );
    refused(
        "latin.csv",
        Some(b"name,age\nann,30\nb\xe4r,31\n"),
        &["latin.csv:3", "UTF-8"],
    );
    refused(
        "twice.csv",
        Some(b"name,name\nann,bob\n"),
        &["twice.csv:1", "name"],
    );
    refused("other.csv", Some(b"name,size\nann,3\n"), &["age"]);
    refused("bare.json", Some(b"{\"name\": [}"), &[]);
    refused(
        "mixed.json",
        Some(b"[{\"name\": \"a\", \"age\": 1}, {\"name\": \"b\"}]"),
        &[],
    );
    refused("accounts.xml", Some(b"<a/>"), &["json"]);
}

#[test]
fn what_a_scenario_requires_must_be_there() {
    let ran = LtHost::run("data_feeder").finish().expect_code(104);
    ran.expect_text("--feeder")
        .expect_text("accounts: who may log in")
        .expect_text("give --feeder accounts=FILE");
    LtHost::run("data_asset")
        .finish()
        .expect_code(104)
        .expect_text("give --asset picture=FILE");
    for (option, value, text) in [
        ("--feeder", "accounts", "NAME=FILE"),
        ("--feeder", "Accounts=a.csv", "Accounts"),
        ("--feeder", "accounts=a.csv:sequentiel", "sequential"),
        ("--asset", "picture=no_such.png", "no_such.png"),
    ] {
        LtHost::run("data_asset")
            .argument(option)
            .argument(value)
            .finish()
            .expect_code(104)
            .expect_text(text);
    }
}

#[test]
fn the_plan_tells_the_files() {
    let command = LtHost::new(&["validate"])
        .argument(lt_tests::guests::guest("data_feeder"))
        .arguments("--feeder accounts=accounts.csv:circular");
    command.file("accounts.csv", accounts(10));
    command
        .finish()
        .expect_code(0)
        .expect_text("10 records of accounts.csv, circular; fields name, age");
}

#[test]
fn assets_are_read_whole_and_in_parts() {
    let picture: Vec<u8> = (0..100_000_u32).map(|byte| (byte % 251) as u8).collect();
    let sum: u64 = picture.iter().map(|&byte| u64::from(byte)).sum();
    let run = |options: &str| {
        let command = LtHost::run("data_asset")
            .arguments("--users 5 --asset picture=picture.png")
            .arguments(options);
        command.file("picture.png", &picture);
        command.file("caption.txt", "böse Wölfe");
        checked(command)
    };
    let ran = run("");
    let summary = ran.summary();
    assert_eq!(
        summary.value("picture_size", "value"),
        Some(100_000.0),
        "{ran}"
    );
    assert_eq!(
        summary.value("picture_sum", "value"),
        Some(sum as f64),
        "{ran}"
    );
    assert_eq!(summary.count("without_caption"), 5, "{ran}");
    let ran = run("--asset caption=caption.txt").summary();
    assert_eq!(ran.count("caption_letters"), 50);
}

#[test]
fn all_users_share_one_store() {
    let ran = checked(LtHost::run("data_store").arguments("--users 20 --iterations 200 --cores 2"));
    let summary = ran.summary();
    assert_eq!(summary.value("visits", "max"), Some(200.0), "{ran}");
    assert_eq!(summary.count("sessions_made"), 20, "{ran}");
}

#[test]
fn the_store_outlives_the_run() {
    let directory = TempDir::new();
    let run = |options: &str| {
        let ran = LtHost::run("data_store")
            .arguments("--users 3 --repeat-num 2 --state-file state.json")
            .arguments(options)
            .finish_in(directory.path())
            .expect_code(0);
        let latest = directory.path().join("results/latest/summary.json");
        let summary = lt_tests::results::Summary::read(&latest);
        assert_eq!(summary.failures_in_all(), 0, "{ran}");
        assert_eq!(summary.failed_checks(), [], "{ran}");
        let sessions = ["sessions_made", "sessions_found"].map(|name| summary.count(name));
        (sessions, summary.value("visits", "max"))
    };
    assert_eq!(run(""), ([3, 0], Some(6.0)));
    assert_eq!(run("--set forgets=true"), ([0, 3], Some(12.0)));
    assert_eq!(run("--user-range 2..4"), ([3, 0], Some(18.0)));
    let kept = lt_tests::results::json(&directory.path().join("state.json"));
    let text = kept.to_string();
    assert!(
        text.contains("session-4") && !text.contains("session-1"),
        "{text}"
    );
    let mode = std::fs::metadata(directory.path().join("state.json")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o077, 0, "sessions are for nobody else: {mode:o}");

    directory.write("state.json", "no state");
    LtHost::run("data_store")
        .arguments("--state-file state.json")
        .finish_in(directory.path())
        .expect_code(104)
        .expect_text("state.json");
    LtHost::run("data_store")
        .arguments("--state-file no/such/place/state.json")
        .finish_in(directory.path())
        .expect_code(104)
        .expect_text("no/such/place");
}
