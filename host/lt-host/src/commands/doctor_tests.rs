//! Tests of what the doctor says to given findings.

use super::*;
use crate::process::testing::fake;

fn good() -> Findings {
    Findings {
        descriptors: machine::Descriptors {
            soft: Some(1024),
            hard: Some(1_048_576),
        },
        ports: Some((32_768, 60_999)),
        mappings_max: Some(65_530),
        guard_pages: true,
        overcommit: Some(0),
        address_space: true,
        memory_bytes: Some(8_000_000_000),
        clock_source: Some("tsc".to_owned()),
        clock_resolution_ns: 1,
        cores: 8,
        kernel: Some("6.13.0".to_owned()),
    }
}

fn check_of(users: u64, found: &Findings, name: &str) -> Check {
    judge(users, found)
        .into_iter()
        .find(|check| check.name == name)
        .unwrap()
}

#[test]
fn a_good_machine_has_nothing_to_mend() {
    for check in judge(1000, &good()) {
        assert_eq!(check.status, Status::Ok, "{check:?}");
        assert!(check.remedy.is_empty(), "{check:?}");
    }
}

#[test]
fn each_limit_is_judged_and_has_its_remedy() {
    let cases = [
        (
            Findings {
                descriptors: machine::Descriptors {
                    soft: Some(1024),
                    hard: Some(4096),
                },
                ..good()
            },
            "descriptors",
            Status::Fail,
            "LimitNOFILE=50064",
        ),
        (good(), "local ports", Status::Warn, "ip_local_port_range"),
        (
            Findings {
                guard_pages: false,
                ..good()
            },
            "mappings",
            Status::Fail,
            "vm.max_map_count=101000",
        ),
        (
            Findings {
                guard_pages: false,
                ..good()
            },
            "guard pages",
            Status::Warn,
            "6.13",
        ),
        (
            Findings {
                overcommit: Some(2),
                ..good()
            },
            "overcommit",
            Status::Warn,
            "overcommit_memory=1",
        ),
        (
            Findings {
                address_space: false,
                ..good()
            },
            "address space",
            Status::Fail,
            "ulimit -v",
        ),
        (
            Findings {
                memory_bytes: Some(420_000_000),
                ..good()
            },
            "memory",
            Status::Fail,
            "10000 users",
        ),
        (
            Findings {
                clock_source: Some("hpet".to_owned()),
                ..good()
            },
            "clock",
            Status::Warn,
            "tsc",
        ),
        (
            Findings {
                clock_resolution_ns: 4_000_000,
                ..good()
            },
            "clock",
            Status::Fail,
            "highres",
        ),
        (
            Findings { cores: 1, ..good() },
            "processors",
            Status::Warn,
            "compete",
        ),
    ];
    for (found, name, status, remedy) in cases {
        let check = check_of(50_000, &found, name);
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.remedy.contains(remedy), "{check:?}");
    }
}

#[test]
fn the_page_and_the_json_say_the_same() {
    let (mut process, printed) = fake(&["doctor", "--users", "1", "--json"]);
    let exit = crate::main(&mut process);
    let checks: serde_json::Value = serde_json::from_str(&printed.stdout.text()).unwrap();
    let (mut process, printed) = fake(&["doctor", "--users", "1"]);
    assert_eq!(crate::main(&mut process), exit);
    for check in checks.as_array().unwrap() {
        assert!(
            printed
                .stdout
                .text()
                .contains(check["name"].as_str().unwrap())
        );
    }
}
