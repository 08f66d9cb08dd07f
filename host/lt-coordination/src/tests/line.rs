use std::time::Duration;

use lt_spec::limits::COORDINATION_WAITERS_MAX;

use super::{Lcg, ms, rate};
use crate::line::{Line, Ticket, check};
use crate::{Budget, CoordinationError, Transition};

const MS: u64 = 1_000_000;

/// A line whose waiters are remembered by a number, and who was granted so far.
struct Scene {
    line: Line<u32>,
    granted: Vec<u32>,
    next: u32,
}

impl Scene {
    fn new(budget: Budget) -> Self {
        Self {
            line: Line::new(budget, 0).unwrap(),
            granted: Vec::new(),
            next: 0,
        }
    }

    fn at(&mut self, now_ns: u64) -> &mut Self {
        self.line.advance(now_ns, &mut self.granted);
        self
    }

    fn queue(&mut self, now_ns: u64) -> Ticket {
        self.at(now_ns);
        let name = self.next;
        self.next += 1;
        let ticket = self.line.queue(now_ns, || name).unwrap();
        if let Ticket::Granted(_) = ticket {
            self.granted.push(name);
        }
        ticket
    }

    fn queue_waiting(&mut self, now_ns: u64) -> u64 {
        match self.queue(now_ns) {
            Ticket::Waiting(number) => number,
            Ticket::Granted(_) => panic!("the turn came at once"),
        }
    }
}

#[test]
fn a_late_wake_up_grants_what_fell_due_and_in_order() {
    let mut scene = Scene::new(rate(5000, ms(1000)));
    for _ in 0..10 {
        scene.queue(0);
    }
    assert_eq!(scene.granted, [0]);
    assert_eq!(scene.line.alarm_ns(), Some(200_000));
    scene.at(MS);
    assert_eq!(scene.granted, [0, 1, 2, 3, 4, 5]);
    assert_eq!(scene.line.alarm_ns(), Some(1_200_000));
    scene.at(10 * MS);
    assert_eq!(scene.granted.len(), 10);
    assert_eq!(scene.line.alarm_ns(), None);
}

#[test]
fn idle_time_is_not_saved_up() {
    let mut scene = Scene::new(rate(10, ms(1000)));
    scene.queue(0);
    for _ in 0..3 {
        scene.queue(5000 * MS);
    }
    assert_eq!(scene.granted, [0, 1]);
    scene.at(5100 * MS);
    assert_eq!(scene.granted, [0, 1, 2]);
    // One turn fell due while somebody waited for it, another while nobody did.
    scene.at(5300 * MS);
    scene.queue(5350 * MS);
    scene.queue(5350 * MS);
    assert_eq!(scene.granted, [0, 1, 2, 3, 4]);
    assert_eq!(scene.line.alarm_ns(), Some(5450 * MS));
}

#[test]
fn places_are_granted_as_they_become_free() {
    let mut scene = Scene::new(Budget::Parallelism(2));
    for _ in 0..5 {
        scene.queue(0);
    }
    assert_eq!(scene.granted, [0, 1]);
    assert_eq!(scene.line.alarm_ns(), None);
    scene.line.release();
    scene.at(1);
    assert_eq!(scene.granted, [0, 1, 2]);
    // Fewer places: none is granted until enough are free.
    scene.line.change(Budget::Parallelism(1), 1).unwrap();
    scene.line.release();
    scene.at(2);
    assert_eq!(scene.granted, [0, 1, 2]);
    scene.line.release();
    scene.at(3);
    assert_eq!(scene.granted, [0, 1, 2, 3]);
    // More than were held change nothing.
    for _ in 0..10 {
        scene.line.release();
    }
    scene.at(4);
    scene.queue(4);
    assert_eq!(scene.granted, [0, 1, 2, 3, 4]);
}

#[test]
fn a_place_that_nobody_took_goes_to_the_next() {
    let mut scene = Scene::new(Budget::Parallelism(1));
    scene.queue(0);
    let second = scene.queue_waiting(0);
    scene.queue_waiting(0);
    scene.line.release();
    scene.at(1);
    assert_eq!(scene.granted, [0, 1]);
    scene.line.leave(second);
    scene.at(2);
    assert_eq!(scene.granted, [0, 1, 2]);
}

#[test]
fn places_taken_before_the_budget_was_a_rate_still_count_after_it() {
    let mut scene = Scene::new(Budget::Parallelism(1));
    scene.queue(0);
    scene.line.change(rate(1, ms(1)), 0).unwrap();
    scene.queue(0);
    assert_eq!(scene.granted, [0, 1]);
    scene.line.change(Budget::Parallelism(1), 0).unwrap();
    scene.queue(0);
    assert_eq!(scene.granted, [0, 1]);
    scene.line.release();
    scene.at(1);
    assert_eq!(scene.granted, [0, 1, 2]);
}

#[test]
fn one_who_leaves_delays_nobody() {
    let mut scene = Scene::new(Budget::Interarrival(ms(10)));
    scene.queue(0);
    let waiting: Vec<_> = (0..4).map(|_| scene.queue_waiting(0)).collect();
    scene.line.leave(waiting[0]);
    scene.line.leave(waiting[2]);
    scene.at(20 * MS);
    assert_eq!(scene.granted, [0, 2, 4]);
    assert!(scene.line.collect(waiting[1]).is_some());
    assert!(scene.line.collect(waiting[1]).is_none());
}

#[test]
fn a_pause_stops_the_clock() {
    let mut scene = Scene::new(Budget::Interarrival(ms(10)));
    scene.queue(0);
    scene.queue(0);
    scene.queue(0);
    scene.at(4 * MS).line.pause(4 * MS);
    scene.line.pause(5 * MS);
    scene.at(1000 * MS);
    assert_eq!(scene.granted, [0]);
    assert_eq!(scene.line.alarm_ns(), None);
    assert_eq!(scene.line.budget(), None);
    assert_eq!(scene.line.try_now(1000 * MS), None);
    scene.line.resume(1000 * MS);
    scene.line.resume(1000 * MS);
    assert_eq!(scene.line.alarm_ns(), Some(1006 * MS));
    scene.at(1006 * MS);
    assert_eq!(scene.granted, [0, 1]);
    scene.at(1016 * MS);
    assert_eq!(scene.granted, [0, 1, 2]);
}

#[test]
fn a_change_in_a_pause_holds_when_it_is_over() {
    let mut scene = Scene::new(Budget::Interarrival(ms(10)));
    scene.queue(0);
    scene.queue(0);
    scene.line.pause(5 * MS);
    scene
        .line
        .change(Budget::Interarrival(ms(100)), 7 * MS)
        .unwrap();
    assert_eq!(scene.line.budget(), None);
    scene.line.resume(20 * MS);
    assert_eq!(scene.line.alarm_ns(), Some(70 * MS));
    assert_eq!(scene.line.budget(), Some(Budget::Interarrival(ms(100))));
    scene.line.pause(30 * MS);
    scene.line.unlock(40 * MS);
    scene.at(40 * MS);
    assert_eq!(scene.granted, [0, 1]);
    assert_eq!(scene.line.budget(), Some(Budget::Unlimited));
}

#[test]
fn a_gradual_change_is_one_at_a_time_and_from_rate_to_rate() {
    let hundred = rate(100, ms(1000));
    let steps = Transition::Steps(2, ms(1000));
    let mut scene = Scene::new(rate(10, ms(1000)));
    scene.line.change_gradually(hundred, steps, 0).unwrap();
    assert!(matches!(
        scene.line.change_gradually(hundred, steps, 0),
        Err(CoordinationError::Conflict(_))
    ));
    assert_eq!(scene.line.budget(), Some(Budget::Interarrival(ms(100))));
    scene.at(1500 * MS);
    let step = Duration::from_nanos(18_181_819);
    assert_eq!(scene.line.budget(), Some(Budget::Interarrival(step)));
    scene.at(2000 * MS);
    assert_eq!(scene.line.budget(), Some(hundred));
    scene
        .line
        .change_gradually(Budget::Interarrival(ms(1)), steps, 2000 * MS)
        .unwrap();
    // An abrupt change ends it.
    scene.line.change(hundred, 2001 * MS).unwrap();
    scene.at(5000 * MS);
    assert_eq!(scene.line.budget(), Some(hundred));
    for (from, to) in [
        (hundred, Budget::Unlimited),
        (hundred, Budget::Interarrival(Duration::ZERO)),
        (hundred, Budget::Parallelism(1)),
        (Budget::Parallelism(1), hundred),
        (Budget::Unlimited, hundred),
    ] {
        let refused = Scene::new(from).line.change_gradually(to, steps, 0);
        assert!(
            matches!(refused, Err(CoordinationError::InvalidValue(_))),
            "{from:?} to {to:?}: {refused:?}"
        );
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for budget in [
        rate(0, ms(1)),
        rate(1, Duration::ZERO),
        rate(1, Duration::MAX),
        Budget::Interarrival(Duration::MAX),
        Budget::Parallelism(0),
    ] {
        assert!(
            matches!(check(budget), Err(CoordinationError::InvalidValue(_))),
            "{budget:?}"
        );
        let mut line = Line::<()>::new(Budget::Unlimited, 0).unwrap();
        assert!(line.change(budget, 0).is_err());
        assert_eq!(line.budget(), Some(Budget::Unlimited));
    }
    for transition in [
        Transition::Steps(0, ms(1)),
        Transition::Steps(1, Duration::ZERO),
        Transition::Steps(u32::MAX, Duration::MAX),
        Transition::Over(Duration::ZERO),
        Transition::Over(Duration::MAX),
    ] {
        let mut line = Line::<()>::new(rate(1, ms(1)), 0).unwrap();
        let refused = line.change_gradually(rate(2, ms(1)), transition, 0);
        assert!(
            matches!(refused, Err(CoordinationError::InvalidValue(_))),
            "{transition:?}: {refused:?}"
        );
    }
}

#[test]
fn a_line_is_bounded() {
    let mut line = Line::new(Budget::Unlimited, 0).unwrap();
    line.pause(0);
    for _ in 0..COORDINATION_WAITERS_MAX {
        line.queue(0, || ()).unwrap();
    }
    let refused = line.queue(0, || ());
    assert!(matches!(refused, Err(CoordinationError::TooMany(_))));
    line.leave(0);
    line.queue(0, || ()).unwrap();
    line.resume(0);
    let mut granted = Vec::new();
    line.advance(0, &mut granted);
    assert_eq!(granted.len(), COORDINATION_WAITERS_MAX);
}

#[test]
fn at_random_nobody_is_passed_over_and_the_rate_holds() {
    let mut random = Lcg(7);
    for _ in 0..100 {
        let count = 1 + random.below(3000);
        let mut scene = Scene::new(rate(count, ms(1000)));
        let mut left = Vec::new();
        let mut now = 0;
        for _ in 0..400 {
            now += random.below(3 * MS);
            match random.below(5) {
                0 => {
                    scene.at(now);
                }
                1 => {
                    if let Ticket::Waiting(number) = scene.queue(now)
                        && random.below(3) == 0
                    {
                        scene.line.leave(number);
                        left.push(scene.next - 1);
                    }
                }
                _ => {
                    scene.queue(now);
                }
            }
            let allowed = u128::from(now) * u128::from(count) / 1_000_000_000 + 1;
            assert!(scene.granted.len() as u128 <= allowed);
        }
        scene.at(now + 1_000_000 * MS);
        let expected: Vec<_> = (0..scene.next).filter(|it| !left.contains(it)).collect();
        assert_eq!(scene.granted, expected);
    }
}
