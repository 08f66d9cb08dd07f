//! Users that are renewed in mid-run, as when their code is swapped: no iteration is lost, late, counted twice or dropped.

use lt_spec::spec::{ConstantUsers, Pace};

use super::open::constant;
use super::*;

fn users(users: u64, length: u64, repeat: Option<u64>) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration: Some(MS(length)),
        pace: Pace {
            interarrival: MS(0),
            repeat_interval: repeat.map(MS),
        },
    })
}

/// Have users be renewed after this time.
fn swap(after: u64, script: &Script) -> Act {
    let wanted = script.wanted.clone();
    act(MS(after), move |team| {
        wanted.set(wanted.get() + 1);
        team.renew_users();
    })
}

/// Being renewed takes so long, and ends well.
fn renewed_in(mut script: Script, takes: u64) -> Script {
    script.renew = Box::new(move |_| (MS(takes), Outcome::Passed));
    script
}

/// Each user's iterations are numbered without a gap, and all that began came to their end.
fn lost_nothing(ran: &Ran) {
    let mut numbers = std::collections::HashMap::new();
    for start in ran.starts() {
        let next = numbers.entry(start.position).or_insert(0);
        assert_eq!(start.number, *next, "{start:?}");
        *next += 1;
    }
    let counters = ran.team.counters();
    assert_eq!(counters.iterations_completed(), ran.starts().len() as u64);
    assert_eq!((counters.iterations_open(), counters.dropped()), (0, 0));
    assert!(ran.finished() && ran.dropped().is_empty());
}

fn times(ran: &Ran) -> Vec<Duration> {
    let mut times: Vec<_> = ran.renewed().iter().map(|(_, when)| *when).collect();
    times.sort_unstable();
    times
}

#[test]
fn users_are_renewed_when_their_iteration_ends() {
    for cores in [1, 3] {
        let script = Script::takes(MS(30));
        let acts = vec![swap(100, &script)];
        let ran = run_with(scenario(users(6, 300, None)), cores, script, acts);
        assert_eq!(times(&ran), [MS(120); 6]);
        // Their next iteration begins at once.
        assert_eq!(ran.starts_of(3)[4], MS(120));
        assert_eq!(ran.starts().len(), 60);
        lost_nothing(&ran);
    }
}

#[test]
fn users_that_wait_for_their_next_iteration_are_renewed_while_they_wait() {
    for cores in [1, 3] {
        let script = renewed_in(Script::takes(MS(10)), 50);
        let acts = vec![swap(300, &script)];
        let ran = run_with(scenario(users(5, 1000, Some(200))), cores, script, acts);
        assert_eq!(times(&ran), [MS(300); 5]);
        for position in 0..5 {
            assert_eq!(ran.starts_of(position), [0, 200, 400, 600, 800].map(MS));
        }
        lost_nothing(&ran);
    }
}

#[test]
fn a_renewal_that_takes_longer_than_the_wait_makes_its_user_late_and_the_grid_stays() {
    let script = renewed_in(Script::takes(MS(10)), 150);
    let acts = vec![swap(300, &script)];
    let ran = run_with(scenario(users(1, 1000, Some(200))), 1, script, acts);
    assert_eq!(ran.starts_of(0), [0, 200, 450, 600, 800].map(MS));
    let late = ran.starts()[2];
    assert_eq!((late.intended, late.actual), (MS(400), MS(450)));
    lost_nothing(&ran);
}

#[test]
fn users_are_renewed_during_a_pause() {
    let script = Script::takes(MS(30));
    let acts = vec![
        act(MS(100), |team| team.pause()),
        swap(200, &script),
        act(MS(500), |team| team.resume()),
    ];
    let ran = run_with(scenario(users(4, 300, None)), 2, script, acts);
    assert_eq!(times(&ran), [MS(200); 4]);
    // The iteration that began last has its 30 ms.
    assert_eq!(ran.took, MS(710));
    lost_nothing(&ran);
}

#[test]
fn a_user_is_renewed_once_however_often_it_is_asked() {
    let script = Script::takes(MS(100));
    let acts = vec![
        swap(110, &script),
        swap(120, &script),
        swap(130, &script),
        act(MS(250), |team| team.renew_users()),
    ];
    let ran = run_with(scenario(users(2, 400, None)), 1, script, acts);
    assert_eq!(times(&ran), [MS(200); 2]);
    lost_nothing(&ran);
}

#[test]
fn a_user_that_cannot_be_renewed_ends_and_counts_as_failed() {
    let mut script = Script::takes(MS(30));
    script.renew = Box::new(|position| match position {
        0 => (MS(1), Outcome::Failed),
        _ => (MS(1), Outcome::Passed),
    });
    let acts = vec![swap(100, &script)];
    let ran = run_with(scenario(users(3, 300, None)), 1, script, acts);
    assert_eq!(ran.team.counters().users_failed(), 1);
    assert_eq!(ran.starts_of(0).len(), 4);
    assert_eq!(ran.starts_of(1).len(), 10);
}

#[test]
fn idle_users_of_a_rate_are_renewed_at_once_and_never_more_than_stay() {
    for cores in [1, 4] {
        let script = renewed_in(Script::takes(MS(5)), 40);
        let acts = vec![swap(500, &script)];
        let ran = run_with(scenario(constant(100.0, 2000, 40, 40)), cores, script, acts);
        let times = times(&ran);
        assert_eq!(times.len(), 40);
        assert!(times.iter().all(|when| *when < MS(800)), "{times:?}");
        assert!(
            ran.diary.away_most.get() <= 20,
            "{}",
            ran.diary.away_most.get()
        );
        for start in ran.starts() {
            let lag = start.actual.checked_sub(start.intended).unwrap();
            assert!(lag < MS(2), "{start:?}");
        }
        assert_eq!(ran.starts().len(), 200);
        lost_nothing(&ran);
    }
}

#[test]
fn busy_users_of_a_rate_are_renewed_between_arrivals_and_none_is_dropped() {
    for cores in [1, 2] {
        // Eight are busy at any time, and two are idle.
        let script = renewed_in(Script::takes(MS(80)), 10);
        let acts = vec![swap(500, &script), swap(1000, &script)];
        let ran = run_with(scenario(constant(100.0, 2000, 12, 12)), cores, script, acts);
        assert_eq!(ran.renewed().len(), 24);
        assert!(times(&ran)[..12].iter().all(|when| *when < MS(1000)));
        assert_eq!(ran.starts().len(), 200);
        lost_nothing(&ran);
    }
}

#[test]
fn the_only_user_of_a_rate_is_renewed_too() {
    let script = renewed_in(Script::takes(MS(5)), 5);
    let acts = vec![swap(505, &script)];
    let ran = run_with(scenario(constant(20.0, 1000, 1, 1)), 1, script, acts);
    assert_eq!(times(&ran).len(), 1);
    assert_eq!(ran.starts().len(), 20);
    lost_nothing(&ran);
}

#[test]
fn users_of_a_rate_that_are_asked_to_end_while_they_are_renewed_end() {
    for cores in [1, 3] {
        let script = renewed_in(Script::takes(MS(5)), 100);
        let acts = vec![
            swap(500, &script),
            act(MS(510), |team| team.set_users(10).unwrap()),
        ];
        let ran = run_with(scenario(constant(10.0, 2000, 16, 16)), cores, script, acts);
        assert_eq!(ran.left().len() - ran.renewed().len(), 16);
        assert_eq!(ran.starts().len(), 20);
        lost_nothing(&ran);
    }
}

#[test]
fn a_thousand_renewals_do_not_delay_the_others() {
    let script = Script::takes(MS(10));
    let acts = vec![swap(500, &script)];
    let ran = run_with(scenario(users(2000, 1000, Some(100))), 2, script, acts);
    assert_eq!(ran.renewed().len(), 2000);
    assert!(times(&ran).iter().all(|when| *when <= MS(520)));
    assert_eq!(ran.starts().len(), 20_000);
    lost_nothing(&ran);
}
