//! Runs of real guests whose code is swapped.

#[path = "swap_harness.rs"]
mod harness;

use lt_runtime::version::label;
use lt_spec::RawRun;
use lt_spec::spec::Action;

use self::harness::{Going, Seen, failures, guest, no_iteration_is_lost, swap_to, value};
use super::*;
use crate::ChangeSeen;

#[test]
fn all_users_move_and_no_iteration_is_lost() {
    let two = guest("swap_two");
    let versions = [label(&guest("swap_one")), label(&two)];
    let going = Going::start(RawRun {
        users: Some("8".to_owned()),
        duration: Some("1h".to_owned()),
        thresholds: versions
            .iter()
            .map(|label| format!("http_reqs{{version:{label}}}:count>0"))
            .collect(),
        ..RawRun::default()
    });
    going.until("at work", |seen| seen.users == 8);
    going.go_on(50);
    going.swap(swap_to("swap_two")).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("2.0.0"));
    assert_eq!(seen.swaps[0].from.as_ref(), versions[0]);
    assert_eq!(seen.swaps[0].to.as_ref(), versions[1]);
    let current = seen.version("2.0.0").unwrap();
    assert_eq!(
        (current.users, current.current, current.share),
        (8, true, 1.0)
    );
    assert_eq!(&*current.digest, two.hash());
    going.go_on(50);
    let (outcome, seen, peer) = going.end();
    no_iteration_is_lost(&peer, 8);
    for (user, iterations) in peer.by_user() {
        let first_new = iterations.iter().position(|(path, _)| path == "/v2");
        let (old, new) = iterations.split_at(first_new.expect("it moved"));
        assert!(!old.is_empty(), "user {user} began with version 2");
        assert!(new.iter().all(|(path, _)| path == "/v2"));
    }
    assert_eq!(failures(&outcome), 0);
    assert!(
        outcome.thresholds_passed,
        "{:?}",
        outcome.summary.thresholds
    );
    assert_eq!(outcome.summary.state.interrupted_iterations, 0);
    // What `init` of the first version left, everybody has; the last version ends it.
    assert!(
        peer.asked("v2")
            .iter()
            .all(|query| value(query, "state") == Some("1.0.0"))
    );
    assert_eq!(
        peer.asked("end"),
        ["user=0&number=0&version=2.0.0&state=1.0.0"]
    );
    let told = seen.changes.iter().map(|change| &change.action);
    let swapped =
        |action: &&Action| matches!(action, Action::Swap { to, .. } if *to == versions[1]);
    assert_eq!(told.filter(swapped).count(), 1);
}

#[test]
fn users_that_wait_for_an_hour_move_while_they_wait() {
    let going = Going::start(RawRun {
        users: Some("6".to_owned()),
        duration: Some("3h".to_owned()),
        repeat_interval: Some("1h".to_owned()),
        ..RawRun::default()
    });
    going.until("waiting", |seen| seen.iterations == 6);
    going.swap(swap_to("swap_two")).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("2.0.0"));
    assert_eq!(seen.version("2.0.0").unwrap().users, 6);
    let (outcome, seen, peer) = going.end();
    assert_eq!((seen.iterations, peer.asked("v2").len()), (6, 0));
    assert_eq!(failures(&outcome), 0);
}

#[test]
fn the_users_of_a_rate_move_and_no_arrival_is_dropped() {
    let going = Going::start(RawRun {
        users: Some("20".to_owned()),
        rate: Some("50/s".to_owned()),
        duration: Some("1h".to_owned()),
        ..RawRun::default()
    });
    going.go_on(20);
    going.swap(swap_to("swap_two")).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("2.0.0"));
    assert_eq!(seen.version("2.0.0").unwrap().users, 20);
    going.go_on(20);
    let (outcome, _, peer) = going.end();
    assert!(peer.asked("v2").len() >= 20);
    assert_eq!(failures(&outcome), 0);
    let dropped = outcome
        .totals
        .count(lt_metrics::builtin::DROPPED_ITERATIONS);
    assert_eq!(dropped, 0.0);
}

#[test]
fn users_that_cannot_join_the_new_version_stay_with_the_old_one() {
    let going = Going::users(5);
    going.go_on(20);
    let before = guest("swap_one");
    going.swap(swap_to("swap_bad_join")).unwrap();
    let has_tried = |seen: &Seen| {
        let tried = seen.version("3.0.0");
        tried.is_some_and(|version| version.joins_failed == 5 && version.users == 0)
    };
    let seen = going.until("tried by all", has_tried);
    assert_eq!(seen.version("1.0.0").unwrap().users, 5);
    assert_eq!(seen.stage(), Some(SwapStage::RollingOut));
    going.go_on(50);
    going.roll_back().unwrap();
    let seen = going.until("rolled back", |seen| {
        seen.stage() == Some(SwapStage::RolledBack)
    });
    let current = seen.versions.iter().find(|version| version.current);
    assert_eq!(&*current.unwrap().digest, before.hash());
    // Another one is not refused for it.
    going.swap(swap_to("swap_two")).unwrap();
    going.until("complete", |seen| seen.is_complete("2.0.0"));
    let (outcome, _, peer) = going.end();
    no_iteration_is_lost(&peer, 5);
    assert_eq!(failures(&outcome), 5);
}

#[test]
fn a_version_that_nobody_can_join_is_rolled_back_by_itself() {
    let going = Going::users(5);
    going.go_on(20);
    let rule = RollbackRule {
        failures: RollbackLimit::Percent(50.0),
        after_iterations: 1000,
    };
    let swap = Swap {
        rollback: Some(rule),
        ..swap_to("swap_bad_join")
    };
    going.swap(swap).unwrap();
    let seen = going.until("rolled back", |seen| {
        seen.stage() == Some(SwapStage::RolledBack)
    });
    let reason = seen.swaps[0].reason.clone().unwrap();
    // On a busy machine it may be judged before the last of the five has tried.
    let words: Vec<&str> = reason.split(' ').collect();
    assert_eq!(words[0], words[2], "{reason}");
    assert!((1..=5).contains(&words[0].parse().unwrap()), "{reason}");
    assert!(reason.contains("iterations and joins"), "{reason}");
    going.go_on(20);
    let (_, _, peer) = going.end();
    no_iteration_is_lost(&peer, 5);
}

#[test]
fn a_trial_that_fails_is_rolled_back_by_itself_and_only_its_share_tried_it() {
    let going = Going::users(40);
    going.go_on(80);
    let swap = Swap {
        share: 0.25,
        rollback: Some(RollbackRule {
            failures: RollbackLimit::Count(10),
            after_iterations: 20,
        }),
        ..swap_to("swap_failing")
    };
    going.swap(swap).unwrap();
    let seen = going.until("rolled back", |seen| {
        seen.stage() == Some(SwapStage::RolledBack)
    });
    assert!(
        seen.swaps[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("the limit is 10")
    );
    going.until("back", |seen| {
        seen.version("1.0.0")
            .is_some_and(|version| version.users == 40)
    });
    going.go_on(80);
    let (outcome, seen, peer) = going.end();
    let is_new = |(path, _): &(String, u64)| path == "/v4";
    let by_user = peer.by_user();
    let tried = by_user.values().filter(|user| user.iter().any(is_new));
    let tried = tried.count();
    assert!((1..=20).contains(&tried), "{tried} of 40 tried it");
    no_iteration_is_lost(&peer, 40);
    assert!(failures(&outcome) >= 10);
    let back = |change: &&ChangeSeen| matches!(change.action, Action::RollBack { .. });
    assert_eq!(seen.changes.iter().filter(back).count(), 1);
}

#[test]
fn a_trial_grows_to_all_and_its_users_stay_on_their_side() {
    let going = Going::users(40);
    going.go_on(40);
    let trial = |share| Swap {
        share,
        ..swap_to("swap_two")
    };
    going.swap(trial(0.25)).unwrap();
    let seen = going.until("tried", |seen| {
        seen.version("2.0.0")
            .is_some_and(|version| version.users > 0)
    });
    assert_eq!(seen.stage(), Some(SwapStage::Canary));
    let old = seen.version("1.0.0").unwrap();
    assert_eq!((old.current, old.share), (true, 0.75));
    // Another version has to wait until the trial is over, and nothing changes.
    let refused = going.swap(swap_to("swap_failing")).unwrap_err();
    assert!(matches!(&refused, SwapRefused::UnderWay(text) if text.contains("2.0.0+")));
    going.swap(trial(0.75)).unwrap();
    going.go_on(200);
    going.swap(trial(1.0)).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("2.0.0"));
    assert_eq!(seen.swaps.len(), 1);
    assert_eq!(seen.version("2.0.0").unwrap().users, 40);
    let (outcome, _, peer) = going.end();
    assert_eq!(failures(&outcome), 0);
    no_iteration_is_lost(&peer, 40);
    for (user, iterations) in peer.by_user() {
        let turns = iterations.windows(2).filter(|pair| pair[0].0 != pair[1].0);
        assert_eq!(turns.count(), 1, "user {user} moved more than once");
    }
}

#[test]
fn without_draining_only_new_users_take_the_new_version() {
    let going = Going::users(4);
    going.go_on(20);
    let swap = Swap {
        drain: false,
        ..swap_to("swap_two")
    };
    going.swap(swap).unwrap();
    let more = going.control.change(None, Action::Users(7));
    more.blocking_recv().unwrap().unwrap();
    going.until("there", |seen| seen.users == 7);
    going.go_on(50);
    let seen = going.until("mixed", |seen| {
        seen.version("2.0.0")
            .is_some_and(|version| version.users == 3)
    });
    assert_eq!(seen.version("1.0.0").unwrap().users, 4);
    assert_eq!(seen.stage(), Some(SwapStage::RollingOut));
    let (outcome, _, peer) = going.end();
    assert_eq!(failures(&outcome), 0);
    for (user, iterations) in peer.by_user() {
        let path = if user <= 4 { "/v1" } else { "/v2" };
        assert!(iterations.iter().all(|(own, _)| own == path), "user {user}");
    }
}

#[test]
fn users_that_were_left_alone_move_when_the_same_is_asked_for_with_draining() {
    let going = Going::users(4);
    going.go_on(20);
    let alone = Swap {
        drain: false,
        ..swap_to("swap_two")
    };
    going.swap(alone).unwrap();
    going.go_on(20);
    let seen = going.until("left alone", |seen| {
        seen.stage() == Some(SwapStage::RollingOut)
    });
    assert_eq!(seen.version("1.0.0").unwrap().users, 4);
    let drained = Swap {
        rollback: Some(RollbackRule {
            failures: RollbackLimit::Count(1),
            after_iterations: 1,
        }),
        ..swap_to("swap_two")
    };
    going.swap(drained).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("2.0.0"));
    assert_eq!(seen.version("2.0.0").unwrap().users, 4);
    assert!(seen.swaps[0].drain);
    let (outcome, _, peer) = going.end();
    no_iteration_is_lost(&peer, 4);
    assert_eq!(failures(&outcome), 0);
}

#[test]
fn a_version_that_users_still_have_comes_back_without_moving_them() {
    let going = Going::users(5);
    going.go_on(20);
    going.swap(swap_to("swap_bad_join")).unwrap();
    going.until("tried by all", |seen| {
        let tried = seen.version("3.0.0");
        tried.is_some_and(|version| version.joins_failed == 5 && version.users == 0)
    });
    going.swap(swap_to("swap_one")).unwrap();
    let seen = going.until("complete", |seen| seen.is_complete("1.0.0"));
    let labels: Vec<&str> = seen.versions.iter().map(|seen| &*seen.version).collect();
    assert_eq!(labels, ["1.0.0", "3.0.0"]);
    let back = seen.version("1.0.0").unwrap();
    assert_eq!((back.users, back.current, back.share), (5, true, 1.0));
    assert_eq!(
        back.settings.get("pause").map(String::as_str),
        Some("5ms"),
        "{:?}",
        back.settings
    );
    going.go_on(20);
    let (outcome, _, peer) = going.end();
    no_iteration_is_lost(&peer, 5);
    assert_eq!(failures(&outcome), 5);
}

#[test]
fn users_come_back_from_a_version_whose_join_hangs() {
    let going = Going::users(5);
    going.go_on(20);
    going.swap(swap_to("swap_hanging")).unwrap();
    going.until("hanging", |seen| {
        seen.version("5.0.0")
            .is_some_and(|version| version.users == 5)
    });
    going.roll_back().unwrap();
    going.until("back", |seen| {
        seen.version("1.0.0")
            .is_some_and(|version| version.users == 5)
    });
    going.go_on(50);
    let (outcome, _, peer) = going.end();
    no_iteration_is_lost(&peer, 5);
    assert_eq!(failures(&outcome), 0);
}

#[test]
fn a_version_whose_join_hangs_is_rolled_back_by_itself() {
    let going = Going::users(3);
    going.go_on(20);
    let swap = Swap {
        rollback: Some(RollbackRule {
            failures: RollbackLimit::Percent(50.0),
            after_iterations: 1000,
        }),
        ..swap_to("swap_hanging")
    };
    going.swap(swap).unwrap();
    going.until("rolled back", |seen| {
        seen.stage() == Some(SwapStage::RolledBack)
    });
    going.until("back", |seen| {
        seen.version("1.0.0")
            .is_some_and(|version| version.users == 3)
    });
    going.go_on(20);
    let (_, _, peer) = going.end();
    no_iteration_is_lost(&peer, 3);
}

#[test]
fn a_live_setting_reaches_every_version_that_has_it() {
    let going = Going::users(20);
    let trial = Swap {
        share: 0.5,
        settings: BTreeMap::from([("mood".to_owned(), "calm".to_owned())]),
        ..swap_to("swap_two")
    };
    going.swap(trial).unwrap();
    going.until("tried", |seen| {
        seen.version("2.0.0")
            .is_some_and(|version| version.iterations > 0)
    });
    let set = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        let set = going.control.change(None, Action::Set { name, value });
        set.blocking_recv().unwrap()
    };
    set("mood", "busy").unwrap();
    set("depth", "3").unwrap();
    assert!(
        set("nothing", "3")
            .unwrap_err()
            .reason
            .contains("no setting nothing")
    );
    going.go_on(200);
    let (_, _, peer) = going.end();
    for path in ["v1", "v2"] {
        let asked = peer.asked(path);
        let last = asked.last().unwrap();
        assert_eq!(value(last, "mood"), Some("busy"), "{path}");
    }
    let first = &peer.asked("v2")[0];
    assert_eq!(value(first, "mood"), Some("calm"));
}

#[test]
fn what_does_not_fit_is_refused_with_everything_that_is_wrong_and_nothing_moves() {
    let going = Going::users(3);
    going.go_on(10);
    let fields = |refused: SwapRefused| match refused {
        SwapRefused::Invalid(problems) => {
            let fields = problems.into_iter().map(|problem| problem.field);
            fields.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let needy = Swap {
        share: f64::NAN,
        settings: BTreeMap::from([("mood".to_owned(), "none".to_owned())]),
        ..swap_to("swap_needy")
    };
    let refused = going.swap(needy).unwrap_err();
    let expected = ["share", "settings.account", "settings.mood"];
    assert_eq!(fields(refused), expected);
    let refused = going.swap(swap_to("user_roles")).unwrap_err();
    assert_eq!(fields(refused), ["roles"]);
    let refused = going.swap(swap_to("data_asset")).unwrap_err();
    assert!(fields(refused).contains(&"data".to_owned()));
    let other = Swap {
        settings: BTreeMap::from([("url".to_owned(), "http://localhost".to_owned())]),
        ..swap_to("swap_one")
    };
    assert_eq!(fields(going.swap(other).unwrap_err()), ["settings"]);
    // What runs already is no change, and there is nothing to go back to.
    going.swap(swap_to("swap_one")).unwrap();
    assert!(matches!(
        going.roll_back(),
        Err(SwapRefused::NothingBefore(_))
    ));
    let answer = going.control.swap(Some("other"), swap_to("swap_two"));
    let refused = answer.blocking_recv().unwrap().unwrap_err();
    assert!(matches!(&refused, SwapRefused::NoSuchPart(text) if text.contains("it has swap")));
    let control = going.control.clone();
    let (outcome, seen, _) = going.end();
    assert_eq!((seen.swaps.len(), seen.versions.len()), (0, 1));
    assert_eq!(failures(&outcome), 0);
    let late = control.swap(None, swap_to("swap_two")).blocking_recv();
    assert_eq!(late.unwrap(), Err(SwapRefused::HasEnded));
}

#[test]
fn versions_that_nobody_needs_are_forgotten() {
    let going = Going::users(6);
    for round in 0..6 {
        let (name, version) = match round % 3 {
            0 => ("swap_two", "2.0.0"),
            1 => ("swap_failing", "4.0.0"),
            _ => ("swap_one", "1.0.0"),
        };
        going.swap(swap_to(name)).unwrap();
        let seen = going.until("complete", |seen| seen.is_complete(version));
        // The one that users have, and the one to go back to.
        assert_eq!(seen.versions.len(), 2, "{:?}", seen.versions);
        going.go_on(12);
    }
    going.roll_back().unwrap();
    going.until("back", |seen| {
        seen.version("4.0.0")
            .is_some_and(|version| version.users == 6)
    });
    assert!(matches!(
        going.roll_back(),
        Err(SwapRefused::NothingBefore(_))
    ));
    let (_, _, peer) = going.end();
    no_iteration_is_lost(&peer, 6);
}
