use bytes::Bytes;
use lt_spec::limits::{MEETING_BYTES_MAX, MEETING_SIZE_MAX};

use super::user;
use crate::gathering::{Gathering, SeatId};
use crate::{CoordinationError, Group, MeetingPlan, MeetingSize, Member, Population};

/// A meeting whose seats are remembered by their users' ids, and who was woken so far.
struct Scene {
    gathering: Gathering<u64>,
    woken: Vec<u64>,
    enrolled: u64,
}

impl Scene {
    fn new(size: MeetingSize, roles: &[&str]) -> Self {
        let plan = MeetingPlan {
            size,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        Self {
            gathering: Gathering::new(1, "m".into(), plan),
            woken: Vec::new(),
            enrolled: 0,
        }
    }

    fn try_join(&mut self, id: u64, role: &str) -> Result<SeatId, CoordinationError> {
        self.bring(id, role, id.to_string().into())
    }

    fn bring(&mut self, id: u64, role: &str, data: Bytes) -> Result<SeatId, CoordinationError> {
        let member = Member {
            user: user(id, role),
            data,
        };
        let runs = self.enrolled > 0;
        self.gathering
            .join(member, runs, self.enrolled, id, &mut self.woken)
    }

    fn join(&mut self, id: u64, role: &str) -> SeatId {
        self.try_join(id, role).unwrap()
    }

    fn leave(&mut self, seat: SeatId) {
        self.gathering.leave(seat, self.enrolled, &mut self.woken);
    }

    fn population(&mut self, users: u64) {
        let population = Population {
            users,
            roles: Vec::new(),
        };
        self.gathering
            .set_population(&population, self.enrolled, &mut self.woken);
    }

    fn group(&mut self, seat: SeatId) -> Group {
        self.gathering.collect(seat).unwrap().unwrap()
    }
}

fn ids(group: &Group) -> Vec<u64> {
    group.members.iter().map(|it| it.user.id).collect()
}

#[test]
fn groups_form_in_the_order_of_arrival() {
    let mut scene = Scene::new(MeetingSize::Exactly(3), &[]);
    let seats: Vec<_> = (10..17).map(|id| scene.join(id, "")).collect();
    assert_eq!(scene.woken, [10, 11, 12, 13, 14, 15]);
    for (place, &seat) in seats.iter().take(6).enumerate() {
        let group = scene.group(seat);
        assert_eq!(group.number, place as u64 / 3);
        assert_eq!(group.position as usize, place % 3);
        let first = 10 + group.number * 3;
        assert_eq!(ids(&group), [first, first + 1, first + 2]);
        assert_eq!(group.members[1].data, (first + 1).to_string());
    }
    assert_eq!(scene.gathering.collect(seats[0]), None);
    assert_eq!(scene.gathering.collect(seats[6]), None);
}

#[test]
fn one_who_leaves_is_not_met() {
    let mut scene = Scene::new(MeetingSize::Exactly(2), &[]);
    let first = scene.join(1, "");
    scene.leave(first);
    scene.join(2, "");
    assert_eq!(scene.woken, [0; 0]);
    let third = scene.join(3, "");
    assert_eq!(ids(&scene.group(third)), [2, 3]);
    // Leaving a complete group takes nothing from the others.
    let fourth = scene.join(4, "");
    let fifth = scene.join(5, "");
    scene.leave(fourth);
    assert_eq!(ids(&scene.group(fifth)), [4, 5]);
}

#[test]
fn a_user_waits_only_once_at_a_time() {
    let mut scene = Scene::new(MeetingSize::Exactly(2), &[]);
    scene.join(1, "");
    assert!(matches!(
        scene.try_join(1, ""),
        Err(CoordinationError::InvalidValue(_))
    ));
    scene.join(2, "");
    scene.join(1, "");
    assert_eq!(scene.woken, [1, 2]);
}

#[test]
fn each_role_gives_those_who_waited_longest() {
    let mut scene = Scene::new(MeetingSize::Exactly(3), &["seller", "buyer", "buyer"]);
    let seats: Vec<_> = [
        (1, "buyer"),
        (2, "buyer"),
        (3, "buyer"),
        (4, "seller"),
        (5, "seller"),
        (6, "buyer"),
    ]
    .into_iter()
    .map(|(id, role)| scene.join(id, role))
    .collect();
    assert_eq!(ids(&scene.group(seats[3])), [1, 2, 4]);
    let last = scene.group(seats[5]);
    assert_eq!(ids(&last), [3, 5, 6]);
    assert_eq!((last.number, last.position), (1, 2));
    assert!(matches!(
        scene.try_join(7, "guest"),
        Err(CoordinationError::Impossible(_))
    ));
    // One that leaves is missed again.
    let buyer = scene.join(8, "buyer");
    scene.join(9, "buyer");
    scene.leave(buyer);
    let seller = scene.join(10, "seller");
    assert_eq!(scene.gathering.collect(seller), None);
    scene.join(11, "buyer");
    assert_eq!(ids(&scene.group(seller)), [9, 10, 11]);
}

#[test]
fn sizes_between_are_drawn_for_each_group_and_repeat() {
    let sizes = |count: usize| -> Vec<usize> {
        let mut scene = Scene::new(MeetingSize::Between(2, 5), &[]);
        let seats: Vec<_> = (0..count as u64).map(|id| scene.join(id, "")).collect();
        seats
            .into_iter()
            .filter_map(|seat| scene.gathering.collect(seat))
            .map(|group| group.unwrap())
            .filter(|group| group.position == 0)
            .map(|group| group.members.len())
            .collect()
    };
    let drawn = sizes(1000);
    for size in 2..=5 {
        assert!(drawn.contains(&size), "no group of {size}");
    }
    assert!(drawn.iter().all(|size| (2..=5).contains(size)));
    assert_eq!(drawn, sizes(1000));
}

#[test]
fn no_group_is_larger_than_the_population() {
    let mut scene = Scene::new(MeetingSize::Between(2, 10_000), &[]);
    scene.population(3);
    for id in 0..60 {
        scene.join(id, "");
    }
    assert!(scene.woken.len() >= 58, "{} met", scene.woken.len());
}

#[test]
fn all_means_everyone_who_runs() {
    let mut scene = Scene::new(MeetingSize::All, &[]);
    scene.enrolled = 3;
    let seats: Vec<_> = (0..2).map(|id| scene.join(id, "")).collect();
    assert_eq!(scene.woken, [0; 0]);
    // The third leaves the run.
    scene.enrolled = 2;
    scene.gathering.gone(2, 2, &mut scene.woken);
    assert_eq!(scene.woken, [0, 1]);
    assert_eq!(ids(&scene.group(seats[0])), [0, 1]);
    // One that waits leaves the run: nobody meets it.
    scene.enrolled = 3;
    let seats: Vec<_> = (0..2).map(|id| scene.join(id, "")).collect();
    scene.enrolled = 2;
    scene.gathering.gone(0, 2, &mut scene.woken);
    let gone = scene.gathering.collect(seats[0]).unwrap();
    assert!(matches!(gone, Err(CoordinationError::Other(_))));
    scene.join(3, "");
    let group = scene.group(seats[1]);
    assert_eq!((group.number, ids(&group)), (1, vec![1, 3]));
}

#[test]
fn all_meet_without_the_missing_when_one_gives_up() {
    let mut scene = Scene::new(MeetingSize::All, &[]);
    scene.enrolled = 5;
    let seats: Vec<_> = (0..3).map(|id| scene.join(id, "")).collect();
    assert!(scene.gathering.give_up(seats[1], &mut scene.woken));
    assert_eq!(scene.woken, [0, 1, 2]);
    assert!(scene.gathering.give_up(seats[0], &mut scene.woken));
    for &seat in &seats {
        assert_eq!(ids(&scene.group(seat)), [0, 1, 2]);
    }
    assert!(!scene.gathering.give_up(seats[0], &mut scene.woken));
    let mut pair = Scene::new(MeetingSize::Exactly(2), &[]);
    let seat = pair.join(1, "");
    assert!(!pair.gathering.give_up(seat, &mut pair.woken));
    pair.join(2, "");
    assert!(pair.gathering.give_up(seat, &mut pair.woken));
}

#[test]
fn all_are_not_more_than_a_group_may_have() {
    let mut scene = Scene::new(MeetingSize::All, &[]);
    scene.enrolled = u64::from(MEETING_SIZE_MAX) + 1;
    let seats: Vec<_> = (0..u64::from(MEETING_SIZE_MAX))
        .map(|id| scene.join(id, ""))
        .collect();
    assert!(matches!(
        scene.try_join(u64::MAX, ""),
        Err(CoordinationError::TooMany(_))
    ));
    assert!(scene.gathering.give_up(seats[0], &mut scene.woken));
    assert_eq!(scene.woken.len(), MEETING_SIZE_MAX as usize);
}

#[test]
fn a_reset_sends_away_only_those_who_wait() {
    let mut scene = Scene::new(MeetingSize::Exactly(2), &[]);
    let seats: Vec<_> = (0..3).map(|id| scene.join(id, "")).collect();
    scene
        .gathering
        .dismiss(&CoordinationError::Reset, &mut scene.woken);
    assert_eq!(scene.woken, [0, 1, 2]);
    assert_eq!(ids(&scene.group(seats[0])), [0, 1]);
    assert_eq!(
        scene.gathering.collect(seats[2]),
        Some(Err(CoordinationError::Reset))
    );
    scene.join(2, "");
    let next = scene.join(3, "");
    let group = scene.group(next);
    assert_eq!((group.number, ids(&group)), (1, vec![2, 3]));
}

#[test]
fn a_population_that_shrinks_ends_what_cannot_be() {
    let mut scene = Scene::new(MeetingSize::Exactly(3), &[]);
    scene.population(3);
    let seat = scene.join(1, "");
    scene.population(2);
    assert_eq!(scene.woken, [1]);
    assert!(matches!(
        scene.gathering.collect(seat),
        Some(Err(CoordinationError::Impossible(_)))
    ));
    assert!(matches!(
        scene.try_join(1, ""),
        Err(CoordinationError::Impossible(_))
    ));
    scene.population(3);
    scene.join(1, "");
    // What can be smaller becomes so: whatever was drawn, two are enough now.
    let mut scene = Scene::new(MeetingSize::Between(2, 10_000), &[]);
    scene.population(10_000);
    let seats: Vec<_> = (0..2).map(|id| scene.join(id, "")).collect();
    assert_eq!(scene.woken, [0; 0]);
    scene.population(2);
    assert_eq!(ids(&scene.group(seats[1])), [0, 1]);
}

#[test]
fn what_a_group_brings_together_is_bounded() {
    let of = |bytes: usize| Bytes::from(vec![1; bytes]);
    let half = MEETING_BYTES_MAX / 2;
    let mut scene = Scene::new(MeetingSize::Exactly(3), &[]);
    let first = scene.bring(1, "", of(half)).unwrap();
    let too_much = scene.bring(2, "", of(half + 1));
    assert!(matches!(too_much, Err(CoordinationError::TooMany(_))));
    let second = scene.bring(2, "", of(half)).unwrap();
    assert!(scene.bring(3, "", of(1)).is_err());
    // Who leaves takes along what it brought, and so does a group.
    scene.leave(second);
    scene.bring(2, "", of(half)).unwrap();
    scene.bring(3, "", of(0)).unwrap();
    assert_eq!(scene.group(first).members.len(), 3);
    scene.bring(4, "", of(MEETING_BYTES_MAX)).unwrap();
    scene
        .gathering
        .dismiss(&CoordinationError::Reset, &mut scene.woken);
    scene.bring(5, "", of(MEETING_BYTES_MAX)).unwrap();
    // With roles, each has its share, however many wait.
    let mut scene = Scene::new(MeetingSize::Exactly(2), &["a", "b"]);
    for id in 0..4 {
        scene.bring(id, "a", of(half)).unwrap();
    }
    assert_eq!(
        scene.bring(9, "b", of(half + 1)),
        Err(CoordinationError::TooLarge(half as u64))
    );
    scene.bring(9, "b", of(half)).unwrap();
}
