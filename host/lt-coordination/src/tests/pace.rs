use std::time::Duration;

use super::Lcg;
use crate::pace::{Pace, Schedule, Steps};

const SECOND: u64 = 1_000_000_000;

fn pace(count: u64, interval: Duration) -> Pace {
    Pace::new(count, interval).unwrap()
}

fn per_second(count: u64) -> Pace {
    pace(count, Duration::from_secs(1))
}

/// Take every turn that falls due before a time, as if somebody always waited.
fn run(schedule: &mut Schedule, until_ns: u64) -> Vec<u64> {
    let mut dues = Vec::new();
    loop {
        let due = schedule.due_ns();
        if due < schedule.step_at_ns().min(until_ns) {
            dues.push(due);
            schedule.take();
        } else if schedule.step_at_ns() < until_ns {
            let at = schedule.step_at_ns();
            schedule.step(at);
        } else {
            return dues;
        }
    }
}

#[test]
fn a_rate_is_exact_however_long_it_runs() {
    for count in [1, 3, 7, 5000, 999_983] {
        let mut schedule = Schedule::new(per_second(count), 17);
        let mut last = 0;
        for number in 0..20 * count.min(20_000) {
            let exact = (u128::from(number) * 1_000_000_000).div_ceil(u128::from(count));
            last = schedule.due_ns();
            assert_eq!(u128::from(last), exact + 17, "turn {number} of {count}/s");
            schedule.take();
        }
        assert!(last > SECOND / 100);
    }
    let dues = run(&mut Schedule::new(per_second(7), 0), 3600 * SECOND);
    assert_eq!(dues.len(), 25_200);
}

#[test]
fn the_largest_and_the_smallest_rate_do_not_overflow() {
    let mut fast = Schedule::new(pace(u64::MAX, Duration::from_nanos(1)), 5);
    for _ in 0..1000 {
        fast.take();
        assert!(fast.due_ns() <= 6);
    }
    let mut slow = Schedule::new(pace(1, Duration::from_nanos(u64::MAX)), 5);
    slow.take();
    slow.take();
    assert_eq!(slow.due_ns(), u64::MAX);
    assert_eq!(Pace::new(0, Duration::from_secs(1)), None);
    assert_eq!(Pace::new(1, Duration::ZERO), None);
}

#[test]
fn time_in_which_nobody_waited_is_lost() {
    let mut schedule = Schedule::new(per_second(10), 0);
    schedule.take_late(0);
    assert_eq!(schedule.due_ns(), SECOND / 10);
    schedule.take_late(7 * SECOND + 1);
    assert_eq!(schedule.due_ns(), 7 * SECOND + 1 + SECOND / 10);
}

#[test]
fn a_change_keeps_the_part_that_has_passed() {
    let mut schedule = Schedule::new(per_second(1), 0);
    schedule.take();
    schedule.change(per_second(10), SECOND / 4);
    assert_eq!(schedule.due_ns(), SECOND / 4 + 75_000_000);
    schedule.change(per_second(1), SECOND / 4 + 25_000_000);
    assert_eq!(schedule.due_ns(), SECOND / 4 + 25_000_000 + SECOND / 2);
    // What is due stays due.
    schedule.change(per_second(100), 9 * SECOND);
    assert_eq!(schedule.due_ns(), 775_000_000);
}

#[test]
fn steps_are_equal_and_end_at_the_target_exactly() {
    let mut schedule = Schedule::new(per_second(100), 0);
    let steps = Steps::new(4, Duration::from_secs(10)).unwrap();
    schedule.change_gradually(per_second(500), steps, 0);
    let dues = run(&mut schedule, 60 * SECOND);
    let within = |from: u64, to: u64| {
        let inside = |due: &&u64| (from * SECOND..to * SECOND).contains(*due);
        dues.iter().filter(inside).count()
    };
    for (from, to, expected) in [
        (0, 10, 1000),
        (10, 20, 2000),
        (20, 30, 3000),
        (30, 40, 4000),
        (40, 60, 10_000),
    ] {
        let found = within(from, to);
        assert!(
            found.abs_diff(expected) <= 1,
            "{found} turns from {from} s to {to} s"
        );
    }
    assert!(!schedule.is_changing());
    assert_eq!(schedule.pace(), per_second(500));
}

#[test]
fn a_change_over_a_time_is_a_slope() {
    // From 1000/s to 0.1/s in 9.95 s: the last step is half as long.
    let mut schedule = Schedule::new(per_second(1000), 0);
    let target = pace(1, Duration::from_secs(10));
    let steps = Steps::over(Duration::from_millis(9950)).unwrap();
    schedule.change_gradually(target, steps, 0);
    let dues = run(&mut schedule, 9_950_000_001);
    // The area under the stairs: half the product, and half a step's worth more.
    let slope = (1000.0 + 0.1) / 2.0 * 9.95;
    let half_step = 1000.0 * 0.05;
    let intended: f64 = [slope, half_step].iter().sum();
    assert!(
        (dues.len() as f64 - intended).abs() < 2.0,
        "{} turns, not {intended}",
        dues.len()
    );
    assert_eq!(schedule.pace(), target);
}

#[test]
fn steps_that_passed_while_a_turn_was_due_are_taken_at_once() {
    let mut schedule = Schedule::new(per_second(1000), 0);
    let steps = Steps::new(1_000_000, Duration::from_millis(1)).unwrap();
    schedule.change_gradually(per_second(2000), steps, 0);
    schedule.step(500 * SECOND);
    assert_eq!(schedule.step_at_ns(), 500 * SECOND + 1_000_000);
    let spacing = schedule.pace().spacing();
    assert!(
        spacing.abs_diff(Duration::from_nanos(666_667)).as_nanos() <= 2,
        "{spacing:?}"
    );
    schedule.step(1001 * SECOND);
    assert_eq!(schedule.step_at_ns(), u64::MAX);
    assert_eq!(schedule.pace(), per_second(2000));
    assert_eq!(schedule.due_ns(), 0);
}

#[test]
fn whatever_happens_there_is_at_most_one_turn_more_than_the_rate_allows() {
    let mut random = Lcg(42);
    for round in 0..200 {
        let count = 1 + random.below(5000);
        let interval = 1 + random.below(3 * SECOND);
        let mut schedule = Schedule::new(pace(count, Duration::from_nanos(interval)), 0);
        let mut now = 0;
        for taken in 0..500u128 {
            // Sometimes somebody waits for the turn, sometimes it is found due.
            if random.below(2) == 0 {
                now = now.max(schedule.due_ns());
                schedule.take();
            } else {
                now = now.max(schedule.due_ns()) + random.below(2 * interval);
                schedule.take_late(now);
            }
            let allowed = u128::from(now) * u128::from(count) / u128::from(interval) + 1;
            assert!(taken < allowed, "round {round}: turn {taken} at {now} ns");
        }
    }
}
