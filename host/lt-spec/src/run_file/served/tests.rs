use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{RunAbout, Uploads};
use crate::description::Description;
use crate::spec::{Output, RunSpec};
use crate::{Machine, Problem, RawFile, RawRun, resolve_file};

fn locate(name: &str) -> Option<PathBuf> {
    ["v.flv", "people.csv"]
        .contains(&name)
        .then(|| PathBuf::from("/store").join(name))
}

fn parse(text: &str) -> Result<RawFile, Vec<Problem>> {
    RawFile::parse_served(text, Uploads { locate: &locate })
}

fn spec(text: &str) -> Result<RunSpec, Vec<Problem>> {
    let file = parse(text)?;
    let descriptions: BTreeMap<String, Description> = file
        .scenarios()
        .map(|scenario| (scenario.name.to_owned(), Description::default()))
        .collect();
    let machine = Machine {
        memory_available_bytes: None,
        cores: 2,
        node: "n".to_owned(),
        seed: 1,
        run_id: "r".to_owned(),
    };
    resolve_file(&RawRun::default(), &file, &descriptions, &machine)
}

fn fields(text: &str) -> Vec<String> {
    let problems = spec(text).unwrap_err();
    problems.into_iter().map(|problem| problem.field).collect()
}

#[test]
fn the_short_form_has_its_load_at_the_top() {
    let text = "scenario = \"user_roles\"\ndigest = \"3f2a91bc\"\nusers = 10\nstages = [\"30s:20\"]\nid = \"first-1\"\nname = \"First\"\ncomment = \"why\"";
    let file = parse(text).unwrap();
    let known: Vec<_> = file.scenarios().collect();
    assert_eq!(
        (known[0].name, known[0].stored, known[0].digest),
        ("user_roles", "user_roles", Some("3f2a91bc"))
    );
    assert_eq!(known[0].field("digest"), "digest");
    let about = RunAbout {
        id: Some("first-1".to_owned()),
        name: Some("First".to_owned()),
        comment: Some("why".to_owned()),
    };
    assert_eq!(*file.about(), about);
    let spec = spec("scenario = \"chat\"\nusers = 10\nduration = \"30s\"").unwrap();
    assert_eq!(spec.users_max(), 10);
    assert_eq!(spec.scenarios[0].name, "chat");
}

#[test]
fn tables_name_stored_scenarios_or_mean_those_of_their_own_name() {
    let file = parse("[scenarios.a]\n[scenarios.b_2]\nscenario = \"chat\"\ndigest = \"12345678\"");
    let file = file.unwrap();
    let known: Vec<_> = file
        .scenarios()
        .map(|known| (known.name, known.stored, known.digest, known.field("users")))
        .collect();
    let expected = [
        ("a", "a", None, "scenarios.a.users".to_owned()),
        (
            "b_2",
            "chat",
            Some("12345678"),
            "scenarios.b_2.users".to_owned(),
        ),
    ];
    assert_eq!(known, expected);
}

#[test]
fn uploaded_files_and_kinds_of_output_have_no_paths() {
    let text = "scenario = \"chat\"\nout = [\"json\", \"stream-csv\"]\nassets = { video = \"v.flv\" }\nfeeders = { people = \"people.csv:unique\" }";
    let spec = spec(text).unwrap();
    let outputs = [
        Output::Json("samples.json".into()),
        Output::StreamCsv("streams.csv".into()),
    ];
    assert_eq!(spec.outputs, outputs);
    assert_eq!(spec.data.assets[0].1, PathBuf::from("/store/v.flv"));
    assert_eq!(
        spec.data.feeders[0].path,
        PathBuf::from("/store/people.csv")
    );
    for (text, field) in [
        ("out = [\"json=/etc/x\"]", "out"),
        ("assets = { video = \"../v.flv\" }", "assets.video"),
        (
            "feeders = { people = { file = \"/etc/passwd\" } }",
            "feeders.people.file",
        ),
    ] {
        assert_eq!(
            fields(&format!("scenario = \"chat\"\n{text}")),
            [field],
            "{text}"
        );
    }
}

#[test]
fn every_fault_is_told_by_the_path_of_its_field() {
    let text = "state-file = \"s\"\nid = \"Not this\"\nnew = 1\n[http]\nca-cert = \"x.pem\"\n[scenarios.chat]\nfile = \"x.wasm\"\nusers = \"many\"\n";
    let mut told = fields(text);
    told.sort();
    let expected = [
        "http.ca-cert",
        "id",
        "new",
        "scenarios.chat.file",
        "scenarios.chat.users",
        "state-file",
    ];
    assert_eq!(told, expected);
    assert_eq!(fields("seed = 1"), ["scenario"]);
    assert_eq!(fields("scenario = \"a\"\n[scenarios.b]"), ["scenario"]);
    assert_eq!(fields("scenario = \"a\"\nusers = \"x\""), ["users"]);
    assert_eq!(fields("x = ["), ["line 1 column 6"]);
}

#[test]
fn a_run_file_knows_nothing_of_stored_scenarios() {
    let directory = std::path::Path::new("/runs");
    let text = "id = \"a\"\n[scenarios.chat]\nfile = \"x.wasm\"\ndigest = \"12345678\"";
    let file = RawFile::parse(text, "run.toml", directory).unwrap();
    let unknown: Vec<_> = file.problems().iter().map(|it| it.field.as_str()).collect();
    assert_eq!(
        unknown,
        ["run.toml:1 id", "run.toml:4 scenarios.chat.digest"]
    );
}
