use lt_spec::spec::FeederOrder;

use super::*;
use crate::testing::Scratch;

fn asset(name: &str, path: impl Into<PathBuf>) -> DataFile {
    DataFile {
        name: name.to_owned(),
        path: path.into(),
    }
}

fn feeder(name: &str, path: impl Into<PathBuf>) -> FeederFile {
    FeederFile {
        name: name.to_owned(),
        path: path.into(),
        order: None,
    }
}

fn messages(assets: &[DataFile], feeders: &[FeederFile]) -> Vec<String> {
    let problems = DataSet::load(assets, feeders).unwrap_err();
    let texts = problems.iter();
    texts
        .map(|it| {
            let file = it.path.file_name().unwrap_or_default().to_string_lossy();
            let line = it.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{} {file}{line}: {}", it.name, it.message)
        })
        .collect()
}

#[test]
fn files_are_there_by_name() {
    let scratch = Scratch::new();
    let mut people = feeder(
        "people",
        scratch.file("p.CSV", b"\xef\xbb\xbfname,n\nAnn,1\nBob,2\n"),
    );
    people.order = Some(Order::Unique);
    let set = DataSet::load(
        &[
            asset("logo", scratch.file("logo.png", b"\x89PNG\xff")),
            asset("empty", scratch.file("empty", b"")),
        ],
        &[
            people,
            feeder(
                "orders",
                scratch.file("o.ndjson", b"{\"id\": 1}\n{\"id\": 2}\n"),
            ),
            feeder("items", scratch.file("i.json", b"[{\"sku\": \"x\"}]")),
        ],
    )
    .unwrap();

    assert_eq!(set.asset("logo").as_deref(), Some(&b"\x89PNG\xff"[..]));
    assert_eq!(set.asset("empty").as_deref(), Some(&b""[..]));
    assert_eq!(set.asset("people"), None);
    assert!(set.asset_names().eq(["empty", "logo"]));
    assert!(set.feeder_names().eq(["items", "orders", "people"]));
    let people = set.feeder("people").unwrap();
    assert_eq!(people.fields(), ["name", "n"]);
    assert_eq!((people.len(), people.order()), (2, Some(Order::Unique)));
    assert_eq!(people.record(1).unwrap(), ["Bob", "2"]);
    assert_eq!(people.record(2), None);
    assert_eq!(set.feeder("orders").unwrap().record(1).unwrap(), ["2"]);
    assert!(set.feeder("logo").is_none());
}

#[test]
fn a_validated_feeder_keeps_its_order() {
    for order in Order::ALL {
        let spec = FeederSpec {
            name: "people".to_owned(),
            path: "p.csv".into(),
            order: Some(match order {
                Order::Sequential => FeederOrder::Sequential,
                Order::Circular => FeederOrder::Circular,
                Order::Random => FeederOrder::Random,
                Order::Unique => FeederOrder::Unique,
                Order::Disjoint => FeederOrder::Disjoint,
            }),
        };
        let mut expected = feeder("people", "p.csv");
        expected.order = Some(order);
        assert_eq!(FeederFile::from(&spec), expected);
    }
}

#[test]
fn an_asset_is_not_copied_for_each_user() {
    let scratch = Scratch::new();
    let set = DataSet::load(&[asset("a", scratch.file("a", b"abc"))], &[]).unwrap();
    assert_eq!(
        set.asset("a").unwrap().as_ptr(),
        set.asset("a").unwrap().as_ptr()
    );
}

#[test]
fn the_faults_of_all_files_come_at_once() {
    let scratch = Scratch::new();
    let folder = scratch.path("folder.csv");
    std::fs::create_dir(&folder).unwrap();
    let found = messages(
        &[
            asset("gone", scratch.path("gone.png")),
            asset("logo", scratch.file("logo.png", b"x")),
            asset("logo", scratch.file("logo2.png", b"x")),
        ],
        &[
            feeder("", scratch.file("nameless.csv", b"a\n1\n")),
            feeder("ragged", scratch.file("ragged.csv", b"a,b\n1\n")),
            feeder("latin", scratch.file("latin.csv", b"a\n\xe9\n")),
            feeder("latin", scratch.file("latin.json", b"[\"\xe9\"]")),
            feeder("table", scratch.file("table.xlsx", b"a\n1\n")),
            feeder("none", scratch.file("none.csv", b"")),
            feeder("header", scratch.file("header.csv", b"a,b\n")),
            feeder("array", scratch.file("array.json", b"[]")),
            feeder("folder", folder),
            feeder(&"x".repeat(129), scratch.file("long.csv", b"a\n1\n")),
        ],
    );
    assert_eq!(
        found,
        [
            "gone gone.png: there is no such file",
            "logo logo2.png: there is another asset with the name \"logo\"",
            " nameless.csv: the feeder has no name",
            "ragged ragged.csv:2: this row has 1 field, the header has 2",
            "latin latin.csv:2: it is not UTF-8 at byte 1 of this line (byte 2 of the file)",
            "latin latin.json:1: it is not UTF-8 at byte 3 of this line (byte 2 of the file)",
            "table table.xlsx: its name does not tell its format",
            "none none.csv: it is empty: it has no records",
            "header header.csv: it has no records, only a header",
            "array array.json: it is empty: it has no records",
            "folder folder.csv: it is a directory",
            &format!(
                "{} long.csv: the feeder's name is longer than 128 bytes",
                "x".repeat(129)
            ),
        ]
    );
}

#[test]
fn too_many_files_are_refused_unread() {
    let files: Vec<_> = (0..DATA_FILES_MAX)
        .map(|n| asset(&n.to_string(), "nowhere"))
        .collect();
    let found = messages(&files, &[feeder("last", "also-nowhere.csv")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("last also-nowhere.csv: the run names 1001 data files"));
}
