//! What a host is asked for: from flags, and from a run file with flags over it.

use std::path::Path;

use super::*;
use crate::run_file::Uploads;

fn raw() -> RawRun {
    RawRun {
        users: Some("10".to_owned()),
        duration: Some("30s".to_owned()),
        ..RawRun::default()
    }
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// A host reads it.
fn expect_served(outline: &Outline) {
    let locate = |name: &str| Some(PathBuf::from(name));
    let uploads = Uploads { locate: &locate };
    let text = as_toml(outline);
    let file = RawFile::parse_served(&text, uploads);
    let file = file.unwrap_or_else(|problems| panic!("{problems:?} in {text}"));
    assert_eq!(file.problems(), [], "{text}");
}

fn as_toml(outline: &Outline) -> String {
    toml::to_string(outline.document()).unwrap()
}

#[test]
fn flags_are_the_keys_of_one_scenario() {
    let mut raw = RawRun {
        stages: texts(&["30s:5", "1m:0"]),
        thresholds: texts(&["http_reqs:count>1"]),
        settings: texts(&["url=a=b", "pause=1s"]),
        tags: texts(&["env=ci"]),
        roles: texts(&["seller=3"]),
        outputs: texts(&["json"]),
        assets: texts(&["video=/v.flv"]),
        feeders: texts(&["people=p.csv:unique", "words=w.csv"]),
        no_terminate: true,
        seed: Some("7".to_owned()),
        ..raw()
    };
    raw.http.timeout = Some("5s".to_owned());
    raw.http.insecure = true;
    raw.settings_from_variables
        .insert("BASE_URL".to_owned(), "http://x".to_owned());
    let mut outline = Outline::of_flags(&raw).unwrap();
    let files = outline.files().to_vec();
    assert_eq!(files[1].order.as_deref(), Some("unique"));
    assert_eq!(files[1].path, Path::new("p.csv"));
    assert_eq!(files[2].order, None);
    for file in &files {
        outline.name_file(file, &format!("stored-{}", file.name));
    }
    outline.name_scenario(None, "shop", Some("abcd"));
    outline
        .apply_settings(&[vec!["base-url".to_owned(), "url".to_owned()]])
        .unwrap();
    expect_served(&outline);
    let want = "digest = \"abcd\"\nduration = \"30s\"\nout = [\"json\"]\nscenario = \"shop\"\nseed = \"7\"\n\
                    stages = [\"30s:5\", \"1m:0\"]\nterminate = false\nthresholds = [\"http_reqs:count>1\"]\nusers = \"10\"\n";
    let text = as_toml(&outline);
    let (top, tables) = text.split_once("\n[").unwrap();
    let mut lines: Vec<&str> = top.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.join("\n") + "\n", want);
    for part in [
        "video = \"stored-video\"",
        "file = \"stored-people\"",
        "words = \"stored-words\"",
        "insecure-skip-tls-verify = true",
        "timeout = \"5s\"",
        "seller = \"3\"",
        "env = \"ci\"",
        "base-url = \"http://x\"",
        "url = \"a=b\"",
    ] {
        assert!(tables.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn nothing_typed_is_nothing() {
    assert!(Outline::of_flags(&RawRun::default()).unwrap().is_empty());
    assert!(!Outline::of_flags(&raw()).unwrap().is_empty());
}

#[test]
fn what_a_host_does_not_take_is_told_at_once() {
    let mut raw = RawRun {
        once: true,
        state_file: Some("s.json".to_owned()),
        outputs: texts(&["csv=out.csv"]),
        tags: texts(&["env"]),
        ..RawRun::default()
    };
    raw.http.authorities = Some(Vec::new());
    let problems = Outline::of_flags(&raw).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|it| it.field.as_str()).collect();
    for field in ["--once", "--state-file", "--out", "--tag", "--ca-cert"] {
        assert!(fields.contains(&field), "{field} is not in {problems:?}");
    }
}

const FILE: &str = r#"
seed = 7
thresholds = [{ threshold = "checks:rate>0.9", abort = true, delay = "10s" }]
tags = { env = "lab" }
users = 30

[settings]
url = "http://one"

[scenarios.chat]
file = "chat.wasm"
weight = 2
duration = "1m"
settings = { url = "http://two", level = 3 }
tags = { env = "own", team = "blue" }

[scenarios.browse]
file = "sub/browse.wasm"
stages = ["30s:5/s", { duration = "60s", target = "20/s" }]

[[changes]]
at = "30s"
scenario = "chat"
set = { pause = "2s" }
throttle = { name = "login", rate = "5/s", over = "10s" }

[[changes]]
at = "40s"
pause = true
"#;

#[test]
fn a_file_is_told_again_with_flags_over_it() {
    let file = RawFile::parse(FILE, "run.toml", Path::new("dir")).unwrap();
    let raw = RawRun {
        settings: texts(&["url=http://three", "browse.depth=4"]),
        tags: texts(&["env=ci"]),
        ..RawRun::default()
    };
    let mut outline = Outline::of_file(&raw, &file).unwrap();
    let files: Vec<&Path> = outline
        .scenarios()
        .iter()
        .map(|scenario| scenario.file.as_path())
        .collect();
    assert_eq!(
        files,
        [Path::new("dir/chat.wasm"), Path::new("dir/sub/browse.wasm")]
    );
    outline.name_scenario(Some("chat"), "talk", None);
    outline.apply_settings(&[]).unwrap();
    let document = outline.document();
    let text = as_toml(&outline);
    assert_eq!(document["seed"].as_str(), Some("7"));
    assert_eq!(document["users"].as_str(), Some("30"));
    assert_eq!(document["settings"]["url"].as_str(), Some("http://three"));
    assert_eq!(document["tags"]["env"].as_str(), Some("ci"));
    let chat = &document["scenarios"]["chat"];
    assert_eq!(chat["scenario"].as_str(), Some("talk"));
    assert_eq!(chat["settings"].get("url"), None, "{text}");
    assert_eq!(chat["settings"]["level"].as_str(), Some("3"));
    assert_eq!(chat["tags"].get("env"), None);
    assert_eq!(chat["tags"]["team"].as_str(), Some("blue"));
    let browse = &document["scenarios"]["browse"];
    assert_eq!(browse["settings"]["depth"].as_str(), Some("4"));
    assert_eq!(browse["stages"][1].as_str(), Some("60s:20/s"));
    assert_eq!(
        document["thresholds"][0].as_str(),
        Some("checks:rate>0.9;abort=10s")
    );
    let change = &document["changes"][0];
    assert_eq!(change["set"]["pause"].as_str(), Some("2s"));
    assert_eq!(change["throttle"]["over"].as_str(), Some("10s"));
    assert_eq!(document["changes"][1]["pause"].as_bool(), Some(true));
    for scenario in ["chat", "browse"] {
        outline.name_scenario(Some(scenario), scenario, Some("0123456789abcdef"));
    }
    expect_served(&outline);
}

#[test]
fn what_nobody_means_is_refused() {
    let file = RawFile::parse(FILE, "run.toml", Path::new("")).unwrap();
    let raw = RawRun {
        duration: Some("5s".to_owned()),
        ..RawRun::default()
    };
    let problems = Outline::of_file(&raw, &file).unwrap_err();
    assert!(
        problems[0].message.contains("which of the run file's"),
        "{problems:?}"
    );
    let mut raw = RawRun {
        settings: texts(&["nobody.url=x"]),
        ..RawRun::default()
    };
    raw.settings_from_variables
        .insert("TOKEN".to_owned(), "geheim".to_owned());
    let mut outline = Outline::of_file(&raw, &file).unwrap();
    let problems = outline
        .apply_settings(&[vec!["url".to_owned()]])
        .unwrap_err();
    let told = format!("{problems:?}");
    assert!(
        told.contains("LT_SET_TOKEN") && told.contains("no scenario nobody"),
        "{told}"
    );
    assert!(!told.contains("geheim"), "{told}");
}
