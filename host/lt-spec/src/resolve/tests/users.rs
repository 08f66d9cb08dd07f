//! Who users are, which roles they play, what becomes of them, and what they read.

use super::*;
use crate::description::{DataDeclaration, DataKind, SteadyCondition};
use crate::spec::{Existing, FailureLimit, FailurePolicy, FeederOrder, Identities, OnLoss};

#[test]
fn existing_users_come_first_and_new_ones_behind_them() {
    let identities = |change: fn(&mut RawRun)| {
        let raw = typed(|raw| {
            raw.users = some("10");
            change(raw);
        });
        only(&ok(raw, &description())).identities
    };
    let of = |first, percent_new, existing| Identities {
        first,
        existing: Some(Existing {
            percent_new,
            first: existing,
        }),
    };
    assert_eq!(identities(|raw| raw.percent_new = some("30")), of(8, 30, 1));
    assert_eq!(
        identities(|raw| {
            raw.percent_new = some("30%");
            raw.existing_offset = some("1001");
        }),
        of(1008, 30, 1001)
    );
    // As in the streaming test: nobody is new unless told.
    assert_eq!(
        identities(|raw| raw.existing_offset = some("5")),
        of(15, 0, 5)
    );
    assert_eq!(
        identities(|raw| {
            raw.percent_new = some("50");
            raw.user_range = some("101..110");
        }),
        of(101, 50, 1)
    );
    // Nobody is new: the range is for those who are there already, not for nobody.
    assert_eq!(
        identities(|raw| {
            raw.percent_new = some("0");
            raw.user_range = some("901..910");
        }),
        of(911, 0, 901)
    );
}

#[test]
fn a_range_for_nobody_is_told() {
    for percent in [None, some("0")] {
        let raw = typed(|raw| {
            raw.users = some("10");
            raw.percent_new = percent;
            raw.user_range = some("901..910");
            raw.existing_offset = some("5");
        });
        check_wrong(
            raw,
            &description(),
            &["--user-range", "nobody is new", "percent-new"],
        );
    }
}

#[test]
fn faults_of_identities_are_told() {
    type Change = fn(&mut RawRun);
    let cases: [(Change, &[&str]); 6] = [
        (
            |raw| raw.percent_new = some("101"),
            &["--percent-new", "from 0 to 100"],
        ),
        (|raw| raw.percent_new = some("-1"), &["--percent-new"]),
        (
            |raw| raw.existing_offset = some("0"),
            &["--existing-offset", "counted from 1"],
        ),
        (
            |raw| {
                raw.percent_new = some("50");
                raw.user_range = some("1..10");
            },
            &["--user-range", "overlap"],
        ),
        (
            |raw| {
                raw.percent_new = some("50");
                raw.user_range = some("1..10");
                raw.existing_offset = some("4");
            },
            &["--existing-offset", "4..8", "overlap 1..5"],
        ),
        (
            |raw| raw.existing_offset = some("9007199254740990"),
            &["ids above"],
        ),
    ];
    for (change, parts) in cases {
        let mut raw = typed(change);
        raw.users = some("10");
        check_wrong(raw, &description(), parts);
    }
    let small = typed(|raw| {
        raw.stages = texts(&["1s:5"]);
        raw.user_range = some("1..4");
    });
    check_wrong(small, &description(), &["holds 4 users", "there may be 5"]);
    let ends = typed(|raw| {
        raw.executor = some("churn");
        raw.duration = some("1s");
        raw.user_range = some("5..9");
    });
    check_wrong(ends.clone(), &description(), &["without end", "1001.."]);
    let open = RawRun {
        user_range: some("5.."),
        ..ends
    };
    assert_eq!(only(&ok(open, &description())).identities.first, 5);
}

#[test]
fn faults_of_identities_are_told_beside_those_of_the_load() {
    let raw = typed(|raw| {
        raw.rate = some("fast");
        raw.duration = some("1s");
        raw.percent_new = some("120");
        raw.existing_offset = some("0");
        raw.user_range = some("9..1");
    });
    let told = wrong(raw, &description());
    assert_eq!(told.len(), 4, "{told:#?}");
    for option in [
        "--rate",
        "--percent-new \"120\"",
        "--existing-offset",
        "--user-range",
    ] {
        assert!(
            told.iter().any(|problem| problem.starts_with(option)),
            "{option}: {told:#?}"
        );
    }
}

fn with_roles(shares: &[RoleShare]) -> Description {
    let names = ["sender", "reader", "mod"];
    let role = |(name, share): (&str, &RoleShare)| Role {
        name: name.to_owned(),
        doc: String::new(),
        share: *share,
    };
    Description {
        roles: names.into_iter().zip(shares).map(role).collect(),
        ..description()
    }
}

#[test]
fn roles_are_overridden_by_name() {
    let shop = with_roles(&[
        RoleShare::Weight(1),
        RoleShare::Weight(1),
        RoleShare::Count(0),
    ]);
    let counts = |roles: &[&str]| {
        let raw = typed(|raw| {
            raw.users = some("100");
            raw.roles = texts(roles);
        });
        only(&ok(raw, &shop)).roles.counts(100)
    };
    assert_eq!(counts(&[]), [50, 50, 0]);
    assert_eq!(counts(&["sender=3"]), [3, 97, 0]);
    assert_eq!(counts(&["sender=30%"]), [30, 70, 0]);
    assert_eq!(counts(&["reader=weight:3"]), [25, 75, 0]);
    assert_eq!(counts(&["mod=every:50"]), [49, 49, 2]);
    assert_eq!(counts(&["mod=5", "mod=10"]), [45, 45, 10]);
}

#[test]
fn faults_of_roles_are_told() {
    let shop = with_roles(&[
        RoleShare::Weight(1),
        RoleShare::Weight(1),
        RoleShare::Weight(1),
    ]);
    let cases: [(&[&str], &str); 12] = [
        (&["sendr=1"], "did you mean sender?"),
        (&["sender"], "no '='"),
        (&["sender=lots"], "not a whole number"),
        (&["sender=-1"], "not a whole number"),
        (&["sender=101%"], "from 0 to 100"),
        (&["sender=every:0"], "is nobody"),
        (&["sender=half:2"], "no kind of share"),
        (&["sender=60%", "reader=50%"], "are 110 % together"),
        (
            &["sender=30%", "reader=30%", "mod=0"],
            "for 60 % of the users",
        ),
        (&["sender=every:2", "reader=every:4"], "nobody reader"),
        (&["sender=11"], "fewer than the 11"),
        (
            &["sender=1", "reader=1", "mod=1"],
            "the other 7 would have none",
        ),
    ];
    for (roles, part) in cases {
        let raw = typed(|raw| {
            raw.users = some("10");
            raw.roles = texts(roles);
        });
        check_wrong(raw, &shop, &[part]);
    }
    // Also of a load that is at fault itself.
    let raw = typed(|raw| {
        raw.rate = some("fast");
        raw.duration = some("1s");
        raw.roles = texts(&["sendr=1"]);
    });
    let told = wrong(raw, &shop).join("\n");
    assert!(
        told.contains("fast") && told.contains("did you mean sender?"),
        "{told}"
    );
    let raw = typed(|raw| raw.roles = texts(&["sender=1"]));
    check_wrong(
        raw,
        &description(),
        &["--role", "no role sender", "no roles at all"],
    );
}

#[test]
fn churn_needs_roles_for_those_who_come_later() {
    let raw = typed(|raw| {
        raw.executor = some("churn");
        raw.duration = some("1s");
        raw.users = some("5");
    });
    let shop = with_roles(&[RoleShare::Count(5)]);
    check_wrong(raw, &shop, &["those who replace them would have none"]);
}

#[test]
fn what_becomes_of_failed_users_is_a_policy() {
    let policy = |text: &str| {
        let raw = typed(|raw| raw.on_user_failure = some(text));
        only(&ok(raw, &description())).on_failure
    };
    let of = |on_loss, abort_after| FailurePolicy {
        on_loss,
        abort_after,
    };
    assert_eq!(policy("rebuild"), of(OnLoss::Rebuild, None));
    assert_eq!(
        policy("retire, abort:5%"),
        of(OnLoss::Retire, Some(FailureLimit::Percent(5.0)))
    );
    assert_eq!(
        policy("abort:1"),
        of(OnLoss::Rebuild, Some(FailureLimit::Users(1)))
    );
    for bad in [
        "forget",
        "retire,rebuild",
        "abort:",
        "abort:-1",
        "abort:0",
        "abort:0%",
        "abort:5%%",
        "abort:101%",
        "abort:1,abort:2",
    ] {
        let raw = typed(|raw| raw.on_user_failure = some(bad));
        check_wrong(raw, &description(), &["--on-user-failure"]);
    }
}

#[test]
fn a_steady_state_needs_a_condition_a_deadline_and_time() {
    let mut shop = description();
    shop.steady = Some(SteadyCondition::Gauge("connected".to_owned()));
    type Change = fn(&mut RawRun);
    let cases: [(Change, &[&str]); 5] = [
        (
            |raw| raw.steady = some("60s"),
            &["--deadline", "is missing"],
        ),
        (
            |raw| raw.deadline = some("60s"),
            &["--deadline", "give --steady too"],
        ),
        (
            |raw| {
                raw.steady = some("60s");
                raw.deadline = some("60s");
            },
            &["--deadline", "is not after"],
        ),
        (
            |raw| {
                raw.steady = some("60s");
                raw.deadline = some("5m");
                raw.duration = some("30s");
            },
            &["--steady", "the run ends after"],
        ),
        (
            |raw| {
                raw.steady = some("0");
                raw.deadline = some("5m");
            },
            &["--steady", "zero"],
        ),
    ];
    for (change, parts) in cases {
        check_wrong(typed(change), &shop, parts);
    }
    let raw = typed(|raw| {
        raw.steady = some("60s");
        raw.deadline = some("5m");
    });
    check_wrong(
        raw,
        &description(),
        &["--steady", "declares no steady condition"],
    );
}

#[test]
fn files_have_names_and_required_ones_must_be_given() {
    let declared = |name: &str, kind| DataDeclaration {
        name: name.to_owned(),
        doc: "for the test".to_owned(),
        kind,
        required: true,
    };
    let mut shop = description();
    shop.data = vec![
        declared("video", DataKind::Asset),
        declared("accounts", DataKind::Feeder(vec!["name".to_owned()])),
    ];
    let raw = |assets: &[&str], feeders: &[&str]| {
        typed(|raw| {
            raw.assets = texts(assets);
            raw.feeders = texts(feeders);
        })
    };
    let video = ["video=v.flv"];
    let data = ok(raw(&video, &["accounts=a.csv:unique"]), &shop).data;
    assert_eq!(data.assets, [("video".to_owned(), PathBuf::from("v.flv"))]);
    assert_eq!(data.feeders[0].order, Some(FeederOrder::Unique));
    assert_eq!(data.feeders[0].path, PathBuf::from("a.csv"));
    let accounts = ["accounts=a:b.csv"];
    assert_eq!(
        ok(raw(&video, &accounts), &shop).data.feeders[0].path,
        PathBuf::from("a:b.csv")
    );
    let cases: [(&[&str], &[&str], &str); 7] = [
        (&[], &accounts, "needs the asset video: for the test"),
        (&["vidoe=v.flv"], &accounts, "is vidoe meant for it?"),
        (&video, &["accounts=a.csv", "accounts=b.csv"], "given twice"),
        (
            &video,
            &["accounts=a.csv", "b=c.csv:uniqe"],
            "did you mean unique?",
        ),
        (&["video=v.flv", "Big=x"], &accounts, "no name for a file"),
        (&["video=v.flv", "x="], &accounts, "names no file"),
        (&["video=v.flv", "x"], &accounts, "no '='"),
    ];
    for (assets, feeders, part) in cases {
        check_wrong(raw(assets, feeders), &shop, &[part]);
    }
    let other = raw(&["video=v.flv", "accounts=a.csv"], &[]);
    check_wrong(other, &shop, &["--feeder", "the other kind of file"]);
}

#[test]
fn live_settings_may_change_and_others_may_not() {
    let mut shop = description();
    shop.settings = vec![
        Setting {
            live: true,
            ..setting("pause", SettingKind::Duration, Some("1s"))
        },
        setting("base-url", SettingKind::Text, Some("x")),
    ];
    assert_eq!(check_setting(&shop, "pause", "2s").unwrap(), "2s");
    let fault =
        |name: &str, value: &str| check_setting(&shop, name, value).unwrap_err().to_string();
    assert!(fault("pause", "2").contains("no unit"));
    assert!(fault("base-url", "y").contains("read-only"));
    assert!(fault("puase", "2s").contains("did you mean pause?"));
}
