//! How users and scenarios begin and end.

use lt_spec::spec::{ConstantUsers, Pace};

use super::open::constant as rate;
use super::*;

pub(super) fn load(
    users: u64,
    length: Option<u64>,
    interarrival: u64,
    repeat: Option<u64>,
) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration: length.map(MS),
        pace: Pace {
            interarrival: MS(interarrival),
            repeat_interval: repeat.map(MS),
        },
    })
}

fn signal(after: u64, signal: Signal) -> Vec<Act> {
    vec![act(MS(after), move |team| team.signal(signal))]
}

#[test]
fn the_length_ends_a_scenario_and_iterations_under_way_end_well() {
    let ran = run(load(2, Some(100), 0, None), 1, Script::takes(MS(30)));
    assert!(ran.finished());
    assert_eq!(
        (ran.took, ran.starts().len(), ran.left().len()),
        (MS(120), 8, 2)
    );
}

#[test]
fn the_graceful_stop_has_an_end() {
    let mut spec = scenario(load(2, Some(100), 0, None));
    spec.graceful_stop = MS(50);
    let ran = run_with(spec, 2, Script::hangs(), Vec::new());
    assert_eq!((ran.endings, ran.took), (vec![Ending::Halted; 2], MS(150)));
    let counters = ran.team.counters();
    assert_eq!(
        (counters.iterations_open(), counters.users_active()),
        (2, 0)
    );
}

#[test]
fn a_scenario_starts_and_ends_by_its_own_clock() {
    for load in [load(3, Some(100), 0, None), rate(20.0, 100, 3, 3)] {
        let mut spec = scenario(load);
        spec.start = MS(500);
        let ran = run_with(spec, 2, Script::takes(MS(50)), Vec::new());
        assert_eq!(ran.actual().first(), Some(&MS(500)));
        assert_eq!(ran.took, MS(600));
        assert!(ran.finished() && ran.starts().iter().all(|start| start.actual < MS(600)));
    }
}

#[test]
fn stop_ends_what_has_not_begun() {
    let mut spec = scenario(load(3, Some(100), 0, None));
    spec.start = S(60);
    let ran = run_with(spec, 2, Script::takes(MS(50)), signal(500, Signal::Stop));
    assert!(ran.finished() && ran.starts().is_empty());
    assert_eq!(ran.took, MS(500));
    let mut spec = scenario(rate(20.0, 100, 3, 3));
    spec.start = S(60);
    let ran = run_with(spec, 2, Script::takes(MS(50)), signal(500, Signal::Halt));
    assert_eq!((ran.took, ran.team.counters().dropped()), (MS(500), 0));
}

#[test]
fn stop_wakes_users_that_wait_for_an_iteration_or_for_their_start() {
    let stop = || signal(500, Signal::Stop);
    let ran = run_with(
        scenario(load(2, None, 0, Some(60_000))),
        1,
        Script::takes(MS(0)),
        stop(),
    );
    assert_eq!(
        (ran.finished(), ran.took, ran.left().len()),
        (true, MS(500), 2)
    );
    let ran = run_with(
        scenario(load(5, None, 60_000, Some(60_000))),
        2,
        Script::takes(MS(0)),
        stop(),
    );
    assert_eq!(
        (ran.finished(), ran.took, ran.starts().len()),
        (true, MS(500), 1)
    );
    let ran = run_with(
        scenario(rate(0.1, 60_000, 5, 5)),
        2,
        Script::takes(MS(0)),
        stop(),
    );
    assert_eq!(
        (ran.finished(), ran.took, ran.left().len()),
        (true, MS(500), 5)
    );
}

#[test]
fn stop_gives_users_that_hang_the_graceful_stop_and_no_more() {
    // In mid-run, with an end in a minute or without any.
    for length in [Some(60_000), None] {
        for cores in [1, 2] {
            let mut spec = scenario(load(2, length, 0, None));
            spec.graceful_stop = MS(50);
            let ran = run_with(spec, cores, Script::hangs(), signal(500, Signal::Stop));
            assert_eq!(ran.took, MS(550), "{length:?} on {cores}");
            assert!(ran.endings.contains(&Ending::Halted));
            assert_eq!(ran.dropped().len(), 2);
        }
    }
}

#[test]
fn stop_before_the_start_ends_users_that_hang_in_join() {
    for cores in [1, 2] {
        let mut spec = scenario(rate(10.0, 60_000, 3, 3));
        spec.graceful_stop = MS(50);
        let mut script = Script::takes(MS(0));
        script.hangs_in_join = true;
        let ran = run_unstarted(spec, cores, script, signal(500, Signal::Stop));
        assert_eq!((ran.took, ran.dropped().len()), (MS(550), 3), "{cores}");
    }
}

#[test]
fn an_abort_gives_users_that_hang_the_graceful_stop_and_no_more() {
    let aborts = Script::does(|position, _| match position {
        0 => (MS(10), Outcome::AbortRun("no stock".into())),
        _ => (Duration::MAX, Outcome::Passed),
    });
    let mut spec = scenario(load(3, None, 0, None));
    spec.graceful_stop = MS(50);
    let ran = run_with(spec, 2, aborts, Vec::new());
    assert_eq!((ran.took, ran.dropped().len()), (MS(60), 2));
}

#[test]
fn halt_ends_at_once_and_later_signals_stay() {
    let mut acts = signal(500, Signal::Halt);
    acts.extend(signal(500, Signal::Stop));
    let ran = run_with(scenario(load(2, None, 0, None)), 2, Script::hangs(), acts);
    assert_eq!((ran.endings, ran.took), (vec![Ending::Halted; 2], MS(500)));
    assert_eq!(ran.team.signal_now(), Signal::Halt);
}

#[test]
fn a_user_may_end_itself_or_the_run() {
    let ran = run(
        load(2, None, 0, None),
        2,
        Script::does(|_, _| (MS(10), Outcome::StopUser)),
    );
    assert_eq!(
        (ran.finished(), ran.starts().len(), ran.left().len()),
        (true, 2, 2)
    );
    let aborts = Script::does(|position, _| match position {
        0 => (MS(10), Outcome::AbortRun("no stock".into())),
        _ => (MS(10), Outcome::Passed),
    });
    let ran = run(load(2, None, 0, None), 2, aborts);
    let expected = [Ending::Aborted("no stock".into()), Ending::Finished];
    assert_eq!(ran.endings, expected);
    assert_eq!(ran.team.counters().aborted(), Some("no stock"));
}

#[test]
fn iterations_that_never_wait_do_not_starve_the_clock() {
    // Without a yield in the loop this test would never end.
    let acts = signal(1, Signal::Stop);
    let ran = run_with(
        scenario(load(2, None, 0, None)),
        1,
        Script::does(|_, number| {
            (
                MS(0),
                if number < 10_000 {
                    Outcome::Passed
                } else {
                    Outcome::StopUser
                },
            )
        }),
        acts,
    );
    assert!(ran.finished());
}

#[test]
fn a_user_whose_task_panics_ends_alone() {
    let panics = || {
        Script::does(|position, _| match position {
            0 => panic!("a fault of the host"),
            _ => (MS(5), Outcome::Passed),
        })
    };
    let ran = run(load(2, Some(100), 0, None), 1, panics());
    assert_eq!(
        (ran.panics, ran.starts_of(1).len(), ran.finished()),
        (1, 20, true)
    );
    assert_eq!(ran.team.counters().users_active(), 0);
    let ran = run(rate(100.0, 100, 2, 2), 1, panics());
    assert_eq!((ran.panics, ran.starts().len()), (1, 10));
}

#[test]
fn a_users_task_is_small() {
    // A hundred thousand users hold one each, so 100 bytes are 10 MB. What the user itself needs comes on top.
    let team = Team::new(Arc::new(scenario(load(1, None, 0, None))), 1, 7);
    let mut recorder = recorder().0;
    let tags = recorder.intern(Tags::default());
    let shift = Shift::new(team, 0, Rc::new(RefCell::new(recorder)));
    let factory = TestFactory {
        script: Rc::new(Script::hangs()),
        diary: Rc::default(),
        tags,
    };
    let place = || Place {
        position: 0,
        id: crate::VuId(1),
        is_new: true,
        stop: StopFlag::new(shift.watch.clone()),
    };
    let closed = size_of_val(&crate::drive::drive(&shift, &factory, place(), MS(0), None));
    let open = size_of_val(&crate::serve::serve(&shift, &factory, place(), tags));
    assert!(closed <= 1024 && open <= 1024, "{closed} {open}");
}
