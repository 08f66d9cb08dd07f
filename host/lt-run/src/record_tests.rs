use lt_metrics::{Registry, SubmetricPlan};

use super::*;

const NOW: i64 = 1_614_173_830_000_000_000;

#[test]
fn a_directory_that_cannot_be_made_is_bad_input() {
    let problems = Record::create(Path::new("/proc/none"), NOW).err().unwrap();
    assert!(
        problems[0]
            .to_string()
            .starts_with("--results \"/proc/none\""),
        "{problems:?}"
    );
}

#[test]
fn a_start_tells_each_scenario_without_secrets() {
    use lt_spec::description::{Description, Setting, SettingKind};

    let description = Description {
        name: "chat".to_owned(),
        settings: vec![Setting {
            name: "token".to_owned(),
            doc: String::new(),
            kind: SettingKind::Secret,
            default: Some("geheim".to_owned()),
            allowed: Vec::new(),
            minimum: None,
            maximum: None,
            live: false,
        }],
        ..Description::default()
    };
    let machine = crate::machine::of_run(|| 1);
    let spec = lt_spec::resolve(&lt_spec::RawRun::default(), &description, &machine).unwrap();
    let fields = run_fields(&spec, [("1.0.0", "abc")].into_iter());
    assert_eq!(fields["scenario"], "chat");
    let chat = &fields["scenarios"][0];
    assert_eq!(chat["load"], "1 user, 1 iteration each, for 10m at most");
    assert_eq!(chat["settings"]["token"], "***");
    assert_eq!(
        (&chat["version"], &chat["sha256"]),
        (&json!("1.0.0"), &json!("abc"))
    );
    assert_eq!(
        (&chat["first_user"], &chat["users"]),
        (&json!(1), &json!(1))
    );
    assert!(!fields.to_string().contains("geheim"), "{fields}");
}

#[test]
fn a_run_leaves_its_files_and_none_leaves_nothing() {
    let parent = std::env::temp_dir().join(format!("lt-host-record-{}", std::process::id()));
    let mut record = Record::create(&parent, NOW).unwrap();
    assert_eq!(record.name().as_deref(), Some("2021-02-24--001"));
    record.event("stopping", &json!({"iterations": 3}), NOW);
    assert!(record.ended(&Summary::default(), None, NOW).is_empty());
    let events = std::fs::read_to_string(record.path().unwrap().join("events.jsonl")).unwrap();
    let lines: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["event"], "stopping");
    assert_eq!(lines[1]["event"], "ended");
    for file in [
        "summary.json",
        "junit.xml",
        "metrics.hlog",
        "snapshots.jsonl",
        "report.html",
    ] {
        assert!(record.path().unwrap().join(file).is_file(), "{file}");
    }
    std::fs::remove_dir_all(&parent).unwrap();
    assert!(
        Record::none()
            .ended(&Summary::default(), None, NOW)
            .is_empty()
    );
    assert_eq!(Record::none().name(), None);
}

#[test]
fn what_cannot_be_written_is_told_at_the_end() {
    let parent = std::env::temp_dir().join(format!("lt-host-unwritten-{}", std::process::id()));
    let mut record = Record::create(&parent, NOW).unwrap();
    std::fs::remove_dir_all(&parent).unwrap();
    let faults = record.ended(&Summary::default(), None, NOW);
    for file in ["summary.json", "junit.xml", "report.html"] {
        let told = faults.iter().filter(|fault| fault.contains(file)).count();
        assert_eq!(told, 1, "{file}: {faults:?}");
    }
}

fn totals(iterations: u64) -> Totals {
    let registry = Arc::new(Registry::new());
    let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
    let mut totals = Totals::new(registry, plan);
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    totals.record(builtin::ITERATIONS, iterations as f64);
    totals
}

fn tick<'a>(
    (elapsed_ms, totals): (u64, &'a Totals),
    interval: Option<&'a Totals>,
    versions: &'a [VersionSeen],
) -> Tick<'a> {
    Tick {
        stage: Stage::Running,
        elapsed: Duration::from_millis(elapsed_ms),
        users_built: 4,
        users_active: 3,
        users_planned: 4,
        iterations: 20,
        iterations_open: 3,
        steady: None,
        saturated: None,
        generator: crate::GeneratorLoad::default(),
        thresholds: &[],
        parts: &[],
        versions,
        swaps: &[],
        changes: &[],
        streams: &[],
        totals,
        interval,
    }
}

#[test]
fn each_second_is_told_and_the_last_words_are_of_the_end() {
    let parent = std::env::temp_dir().join(format!("lt-host-seconds-{}", std::process::id()));
    std::fs::create_dir_all(&parent).unwrap();
    let mut record = Record::create_in(&parent, NOW).unwrap();
    let machine = crate::machine::of_run(|| 1);
    let about = lt_spec::description::Description::default();
    let spec = lt_spec::resolve(&lt_spec::RawRun::default(), &about, &machine).unwrap();
    let version = VersionSeen {
        part: "chat".into(),
        label: "0.1.0+3f2a91bc".into(),
        version: "0.1.0".into(),
        digest: "3f2a91bc".into(),
        settings: std::sync::Arc::default(),
        share: 1.0,
        users: 3,
        iterations: 20,
        failures: 0,
        joins_failed: 0,
        current: true,
    };
    let versions = [version];
    let (all, some) = (totals(20), totals(10));
    let between = record.second(&spec, &tick((900, &all), None, &versions), NOW);
    assert_eq!(between, None);
    let note = ChangeSeen {
        elapsed: Duration::from_millis(950),
        scenario: None,
        action: Action::Annotate {
            text: "deployed".to_owned(),
            tags: Vec::new(),
        },
        refused: None,
    };
    record.changed(&spec, &note, NOW);
    let more = ChangeSeen {
        scenario: Some("chat".to_owned()),
        action: Action::AddUsers(2),
        ..note.clone()
    };
    record.changed(&spec, &more, NOW);
    let told = record
        .second(&spec, &tick((1000, &all), Some(&some), &versions), NOW)
        .unwrap();
    assert_eq!((told.seq, told.users.active), (1, 3));
    assert!((told.iterations.rate - 10.0).abs() < 1e-9);
    assert_eq!(told.versions[0].users, 3);
    assert_eq!(
        told.changes.len(),
        1,
        "a note is no change: {:?}",
        told.changes
    );
    assert!(told.changes[0].starts_with("chat: "), "{:?}", told.changes);
    let newest = record.newest().unwrap();
    assert!(newest.state.partial);

    let outcome = RunOutcome {
        summary: all.summary(Duration::from_millis(1500)),
        ended: crate::Ended::Finished,
        thresholds_passed: true,
        terminate_failed: None,
        write_faults: Vec::new(),
        totals: all,
        rest: totals(5),
    };
    let last = record.last(&outcome, NOW);
    assert_eq!((last.seq, last.stage.as_str()), (2, "ended"));
    assert_eq!((last.users.active, last.users.planned), (0, 4));
    assert_eq!(
        (last.versions[0].users, last.versions[0].iterations),
        (0, 20)
    );
    assert_eq!((last.interval_ms, last.iterations.completed), (500, 20));
    assert!((last.iterations.rate - 10.0).abs() < 1e-9);
    assert!(record.ended(&outcome.summary, None, NOW).is_empty());

    let read = |name: &str| std::fs::read_to_string(parent.join(name)).unwrap();
    let kept = lt_report::snapshot::read_snapshots(&read("snapshots.jsonl"));
    assert_eq!(kept, [told, last]);
    let summary: Summary = serde_json::from_str(&read("summary.json")).unwrap();
    assert!(!summary.state.partial);
    let events = read("events.jsonl");
    let note = events.lines().next().unwrap();
    assert!(
        note.contains("\"annotation\"") && note.contains("\"elapsed_ms\":950"),
        "{note}"
    );
    std::fs::remove_dir_all(&parent).unwrap();
}
