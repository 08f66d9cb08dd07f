//! Users who come and go by a person's word while a scenario runs, under every load.

use lt_spec::spec::{
    Churn, ConstantUsers, Pace, PerUserIterations, RampingUsers, SharedIterations, Stage,
};

use super::open::constant as rate;
use super::steering::without;
use super::*;
use crate::{Steer, Steered};

fn constant(users: u64, length: u64) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration: Some(MS(length)),
        pace: Pace::default(),
    })
}

fn churn(users: u64, length: u64) -> Load {
    Load::Churn(Churn {
        users,
        iterations: None,
        duration: Some(MS(length)),
        interval: MS(10),
        repeat_interval: None,
    })
}

fn ramp(users: u64, length: u64) -> Load {
    Load::RampingUsers(RampingUsers {
        start_users: users,
        stages: vec![Stage {
            duration: MS(length),
            target: users,
        }],
        graceful_ramp_down: S(1),
        repeat_interval: None,
    })
}

fn each(users: u64, iterations: u64) -> Load {
    Load::PerUserIterations(PerUserIterations {
        users,
        iterations,
        max_duration: Some(S(60)),
        pace: Pace::default(),
    })
}

fn shared(users: u64, iterations: u64) -> Load {
    Load::SharedIterations(SharedIterations {
        users,
        iterations,
        max_duration: Some(S(60)),
        pace: Pace::default(),
    })
}

fn fewer(count: u64, force: bool) -> Steer {
    Steer::RemoveUsers { count, force }
}

fn added(added: u64) -> Steered {
    Steered {
        added,
        ..Steered::default()
    }
}

fn removed(removed: u64, not_found: &[u64]) -> Steered {
    Steered {
        removed,
        not_found: not_found.to_vec(),
        ..Steered::default()
    }
}

/// Make a change, which is to come to this.
fn make(after: u64, steer: Steer, comes_to: Steered) -> Act {
    act(MS(after), move |team| {
        assert_eq!(team.steer(&steer), Ok(comes_to.clone()), "{steer:?}");
    })
}

fn ms<const N: usize>(entries: [(u64, u64); N]) -> Vec<(u64, Duration)> {
    entries.map(|(position, at)| (position, MS(at))).to_vec()
}

#[test]
fn more_users_have_new_ids_and_fewer_are_the_last() {
    for load in [constant(3, 1000), ramp(3, 1000)] {
        for cores in [1, 2] {
            let acts = vec![
                make(105, Steer::AddUsers(2), added(2)),
                make(208, fewer(1, false), removed(1, &[])),
                make(305, fewer(2, true), removed(2, &[])),
                make(405, Steer::AddUsers(1), added(1)),
            ];
            let ran = run_with(scenario(load.clone()), cores, Script::takes(MS(10)), acts);
            assert_eq!(
                ran.joined(),
                ms([(0, 0), (1, 0), (2, 0), (2, 405), (3, 105), (4, 105)])
            );
            assert_eq!(ran.dropped(), ms([(2, 305), (3, 305)]));
            let left = ran.left();
            assert_eq!((left.len(), left[3]), (4, (4, MS(215))), "{left:?}");
            assert_eq!(ran.team.counters().users_planned(), 3);
        }
    }
}

#[test]
fn two_quick_removals_never_mean_the_same_users() {
    for load in [constant(10, 1000), churn(10, 1000), ramp(10, 1000)] {
        let acts = vec![act(MS(200), |team| {
            for _ in 0..3 {
                assert_eq!(team.steer(&fewer(2, false)), Ok(removed(2, &[])));
            }
            assert_eq!(team.counters().users_planned(), 4);
        })];
        let ran = run_with(scenario(load), 2, Script::takes(MS(30)), acts);
        let early = ran.left().iter().filter(|(_, at)| *at < MS(900)).count();
        assert_eq!((early, ran.left().len()), (6, 10));
    }
}

#[test]
fn no_more_are_removed_than_there_are() {
    let acts = vec![
        make(100, fewer(7, false), removed(3, &[])),
        make(150, fewer(1, true), removed(0, &[])),
        make(200, Steer::AddUsers(2), added(2)),
    ];
    let ran = run_with(scenario(constant(3, 500)), 2, Script::takes(MS(10)), acts);
    assert_eq!(ran.team.counters().users_planned(), 2);
    assert_eq!((ran.took, ran.joined().len()), (MS(500), 5));
}

#[test]
fn just_the_users_that_were_named_go_and_nobody_comes_in_their_place() {
    for load in [constant(4, 500), churn(4, 500), ramp(4, 500)] {
        for cores in [1, 3] {
            let acts = vec![
                make(205, without(&[2, 99, 2], false), removed(1, &[99])),
                make(206, without(&[2, 3], true), removed(2, &[])),
                make(300, without(&[2, 3], true), removed(0, &[2, 3])),
            ];
            let ran = run_with(scenario(load.clone()), cores, Script::takes(MS(25)), acts);
            assert_eq!(ran.dropped(), ms([(1, 206), (2, 206)]));
            assert_eq!((ran.joined().len(), ran.left().len()), (4, 2));
            assert_eq!(ran.team.counters().users_planned(), 2);
            assert!(ran.took >= MS(500) && ran.took <= MS(525));
        }
    }
}

#[test]
fn a_user_that_was_named_gently_ends_its_iteration() {
    for load in [
        constant(3, 500),
        churn(3, 500),
        ramp(3, 500),
        rate(100.0, 500, 3, 3),
    ] {
        let acts = vec![
            make(205, without(&[1], false), removed(1, &[])),
            // It leaves already.
            make(206, without(&[1], false), removed(0, &[1])),
        ];
        let ran = run_with(scenario(load), 2, Script::takes(MS(30)), acts);
        let left = ran.left();
        assert_eq!(left[0].0, 0);
        assert!(left[0].1 > MS(204) && left[0].1 < MS(240), "{left:?}");
        assert_eq!(
            (ran.dropped().len(), left.len(), ran.joined().len()),
            (0, 3, 3)
        );
        assert_eq!(ran.team.counters().users_planned(), 2);
    }
}

#[test]
fn places_of_users_that_were_named_stay_empty_when_others_come() {
    let acts = vec![
        make(105, without(&[1, 2], true), removed(2, &[])),
        make(205, Steer::AddUsers(1), added(1)),
        make(305, Steer::Users(1), Steered::default()),
        make(405, Steer::Users(3), Steered::default()),
    ];
    let ran = run_with(scenario(constant(4, 500)), 2, Script::takes(MS(10)), acts);
    assert_eq!(
        ran.joined(),
        ms([(0, 0), (1, 0), (2, 0), (3, 0), (3, 405), (4, 205), (4, 405)])
    );
    assert_eq!(ran.team.counters().users_planned(), 3);
}

#[test]
fn what_was_removed_by_force_and_added_in_one_breath_is_there_anew() {
    for load in [constant(4, 500), ramp(4, 500), churn(4, 500)] {
        let both = act(MS(105), |team| {
            assert_eq!(team.steer(&fewer(2, true)), Ok(removed(2, &[])));
            assert_eq!(team.steer(&Steer::AddUsers(2)), Ok(added(2)));
        });
        let is_churn = matches!(load, Load::Churn(_));
        let ran = run_with(
            scenario(load),
            2,
            Script::hangs(),
            vec![both, act(MS(400), |team| team.signal(Signal::Halt))],
        );
        let joined = ran.joined();
        assert_eq!(joined.len(), 6, "{joined:?}");
        let again: Vec<u64> = joined
            .iter()
            .filter(|(_, at)| *at >= MS(105))
            .map(|(who, _)| *who)
            .collect();
        assert_eq!(again, if is_churn { [4, 5] } else { [2, 3] });
        let dropped = ran
            .dropped()
            .iter()
            .filter(|(_, at)| *at == MS(105))
            .count();
        assert_eq!(dropped, 2);
    }
}

#[test]
fn users_come_and_go_while_a_scenario_climbs() {
    // One every 50 ms.
    let mut load = constant(10, 1000);
    if let Load::ConstantUsers(load) = &mut load {
        load.pace.interarrival = MS(50);
    }
    let acts = vec![
        make(120, fewer(3, false), removed(3, &[])),
        make(130, Steer::AddUsers(1), added(1)),
        make(175, without(&[1, 4], true), removed(2, &[])),
    ];
    let ran = run_with(scenario(load), 2, Script::takes(MS(10)), acts);
    let joined: Vec<u64> = ran.joined().iter().map(|(who, _)| *who).collect();
    assert_eq!(joined, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ran.team.counters().users_planned(), 6);
}

#[test]
fn during_a_pause_users_go_at_once_and_come_when_it_ends() {
    for load in [constant(4, 500), ramp(4, 500), churn(4, 500)] {
        let acts = vec![
            act(MS(105), |team| team.pause()),
            make(200, fewer(1, false), removed(1, &[])),
            make(210, without(&[1], false), removed(1, &[])),
            make(220, Steer::AddUsers(2), added(2)),
            act(MS(305), |team| team.resume()),
        ];
        let ran = run_with(scenario(load), 2, Script::takes(MS(10)), acts);
        let left: Vec<_> = ran
            .left()
            .into_iter()
            .filter(|(_, at)| *at < MS(400))
            .collect();
        assert_eq!(left, ms([(0, 210), (3, 200)]));
        let joined = ran.joined().into_iter();
        let late: Vec<_> = joined
            .map(|(_, at)| at)
            .filter(|at| *at > MS(100))
            .collect();
        assert_eq!(late.len(), 2);
        assert!(late.iter().all(|at| *at >= MS(305)), "{late:?}");
        assert_eq!(ran.team.counters().users_planned(), 4);
    }
}

#[test]
fn a_rate_has_more_users_or_fewer_at_most() {
    for cores in [1, 2] {
        let mut spec = scenario(rate(100.0, 1000, 4, 4));
        spec.graceful_stop = S(0);
        // Each takes longer than the run: all are busy.
        let acts = vec![
            make(205, fewer(2, true), removed(2, &[])),
            make(305, Steer::AddUsers(3), added(3)),
            make(405, without(&[1, 98], true), removed(1, &[98])),
        ];
        let ran = run_with(spec, cores, Script::hangs(), acts);
        let dropped: Vec<_> = ran
            .dropped()
            .into_iter()
            .filter(|(_, at)| *at < MS(900))
            .collect();
        assert_eq!(dropped.len(), 3, "{dropped:?}");
        assert!(dropped.contains(&(0, MS(405))), "{dropped:?}");
        assert_eq!(ran.team.counters().users_planned(), 4);
        assert_eq!(ran.joined().len(), 4 + 3, "on {cores}");
    }
}

#[test]
fn idle_users_of_a_rate_go_first_and_those_that_are_named_go_alone() {
    let acts = vec![
        make(205, without(&[2], false), removed(1, &[])),
        make(305, fewer(1, false), removed(1, &[])),
    ];
    let ran = run_with(
        scenario(rate(10.0, 1000, 5, 5)),
        2,
        Script::takes(MS(1)),
        acts,
    );
    let early: Vec<_> = ran
        .left()
        .into_iter()
        .filter(|(_, at)| *at < MS(900))
        .collect();
    assert_eq!(
        (early.len(), early.contains(&(1, MS(205)))),
        (2, true),
        "{early:?}"
    );
    assert_eq!((ran.left().len(), ran.team.counters().dropped()), (5, 0));
}

#[test]
fn what_was_removed_by_name_from_a_rate_may_come_again_and_no_more() {
    for cores in [1, 2, 3] {
        let acts = vec![
            act(MS(100), |team| {
                for id in 1..=3 {
                    assert_eq!(team.steer(&without(&[id], true)), Ok(removed(1, &[])));
                }
            }),
            make(300, Steer::AddUsers(2), added(2)),
        ];
        let ran = run_with(
            scenario(rate(100.0, 1000, 6, 6)),
            cores,
            Script::takes(MS(200)),
            acts,
        );
        assert_eq!(ran.team.counters().users_planned(), 5);
        assert_eq!(ran.joined().len(), 8, "on {cores}");
        assert!(ran.finished());
    }
}

#[test]
fn users_that_count_iterations_may_be_fewer_and_not_more() {
    for (load, iterations) in [(each(4, 20), 2 * 20), (shared(4, 80), 80)] {
        let acts = vec![
            act(MS(15), |team| {
                let refused = team.steer(&Steer::AddUsers(1)).unwrap_err().to_string();
                assert!(refused.contains("constant-users"), "{refused}");
            }),
            make(25, fewer(1, true), removed(1, &[])),
            make(35, without(&[1], true), removed(1, &[])),
        ];
        let ran = run_with(scenario(load), 2, Script::takes(MS(10)), acts);
        let gone = ran.dropped();
        assert_eq!(gone, ms([(0, 35), (3, 25)]));
        let whole = ran.team.counters().iterations_completed();
        // The two that were dropped had ended two or three each; the others do what is left.
        assert!(
            whole >= iterations - 2 && whole <= iterations + 5,
            "{whole}"
        );
        assert!(ran.finished() && ran.took < S(1), "{:?}", ran.took);
    }
}

#[test]
fn a_counted_load_whose_users_all_were_removed_is_over() {
    for load in [each(3, 1000), shared(3, 3000)] {
        let acts = vec![
            make(25, without(&[2], true), removed(1, &[])),
            make(35, fewer(2, false), removed(2, &[])),
        ];
        let ran = run_with(scenario(load), 2, Script::takes(MS(10)), acts);
        assert_eq!((ran.took, ran.finished()), (MS(40), true));
        assert_eq!(ran.team.counters().ended_without_users(), Some(0));
    }
}

#[test]
fn a_rehearsal_changes_nothing() {
    let rehearse = act(MS(105), |team| {
        let mut rehearsal = team.rehearse();
        assert_eq!(rehearsal.steer(&fewer(3, true)), Ok(removed(3, &[])));
        assert_eq!(rehearsal.steer(&fewer(3, true)), Ok(removed(1, &[])));
        assert_eq!(rehearsal.steer(&Steer::AddUsers(5)), Ok(added(5)));
        assert!(rehearsal.steer(&Steer::Rate(1.0)).is_err());
        assert!(rehearsal.steer(&Steer::AddUsers(u64::MAX)).is_err());
        assert_eq!(rehearsal.steer(&without(&[1], true)), Ok(removed(1, &[])));
    });
    let ran = run_with(
        scenario(constant(4, 300)),
        2,
        Script::takes(MS(10)),
        vec![rehearse],
    );
    assert_eq!((ran.joined().len(), ran.left().len()), (4, 4));
    assert_eq!(ran.team.counters().users_planned(), 4);
}

#[test]
fn a_range_of_ids_holds_so_many_users_and_no_more() {
    let mut spec = lt_spec::resolve(
        &lt_spec::RawRun {
            user_range: Some("11..14".to_owned()),
            duration: Some("500ms".to_owned()),
            ..lt_spec::RawRun::default()
        },
        &lt_spec::description::Description::default(),
        &lt_spec::Machine {
            memory_available_bytes: None,
            cores: 1,
            node: String::new(),
            seed: 7,
            run_id: String::new(),
        },
    )
    .unwrap();
    let ids = spec.ids_of(0);
    let acts = vec![
        act(MS(105), |team| {
            let refused = team.steer(&Steer::AddUsers(1)).unwrap_err().to_string();
            assert!(refused.contains("user-range"), "{refused}");
        }),
        make(205, without(&[12], false), removed(1, &[])),
        // The id that is free again is given anew.
        make(305, Steer::AddUsers(1), added(1)),
    ];
    let ran = simulate(
        (spec.scenarios.remove(0), Some(ids)),
        2,
        Script::takes(MS(10)),
        acts,
        true,
    );
    let mut known: Vec<u64> = ran.starts().iter().map(|start| start.id).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known, [11, 12, 13, 14]);
    assert_eq!(ran.joined().len(), 5);
}
