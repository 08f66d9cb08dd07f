use std::time::Duration;

use tokio::time::Instant;

use super::{Lcg, ms};
use crate::ledger::{Ledger, Outcomes, Room, When};
use crate::{CoordinationError, DeliveryOutcomes, Receipt};

const TIMEOUT: Duration = Duration::from_secs(60);

struct Scene {
    ledger: Ledger,
    room: Room,
    began: Instant,
}

impl Scene {
    fn new() -> Self {
        Self::with_room(1000, 1000)
    }

    fn with_room(things: usize, receipts: usize) -> Self {
        Self {
            ledger: Ledger::new(TIMEOUT),
            room: Room::new(things, receipts),
            began: Instant::now(),
        }
    }

    fn sent(&mut self, id: &str, to: u32, at_ms: u64) -> Result<Vec<Duration>, CoordinationError> {
        self.ledger.sent(id, to, 0, self.at(at_ms), &self.room)
    }

    fn received(&mut self, id: &str, by: u64, at_ms: u64) -> Result<Receipt, CoordinationError> {
        let when = self.at(at_ms);
        self.ledger.received(id, (by, 0), when, &self.room)
    }

    /// Done and told at the same time.
    fn at(&self, at_ms: u64) -> When {
        self.told(at_ms, at_ms)
    }

    fn told(&self, at_ms: u64, now_ms: u64) -> When {
        let (at, now) = (self.began + ms(at_ms), self.began + ms(now_ms));
        When { at, now }
    }

    fn outcomes(&mut self, at_ms: u64) -> (u64, u64, u64) {
        let at = self.began + ms(at_ms);
        numbers(self.ledger.outcomes(at, &self.room))
    }

    fn close(&mut self) -> (u64, u64, u64) {
        numbers(self.ledger.close(&self.room))
    }
}

/// Lost, unmatched, duplicates.
fn numbers(outcomes: Outcomes) -> (u64, u64, u64) {
    assert!(outcomes.keys().all(|scenario| *scenario == 0));
    let outcomes = outcomes.get(&0).copied().unwrap_or_default();
    (outcomes.lost, outcomes.unmatched, outcomes.duplicates)
}

fn delivered(after_ms: u64) -> Result<Receipt, CoordinationError> {
    Ok(Receipt::Delivered(ms(after_ms)))
}

#[test]
fn each_recipient_counts_once() {
    let mut scene = Scene::new();
    assert_eq!(scene.sent("a", 2, 10), Ok(vec![]));
    assert_eq!(scene.received("a", 1, 25), delivered(15));
    assert_eq!(scene.received("a", 1, 26), Ok(Receipt::Duplicate));
    assert_eq!(scene.received("a", 2, 40), delivered(30));
    // More than were to receive it.
    assert_eq!(scene.received("a", 3, 41), Ok(Receipt::Duplicate));
    assert_eq!(scene.received("a", 2, 42), Ok(Receipt::Duplicate));
    assert_eq!(scene.outcomes(100_000), (0, 0, 0));
}

#[test]
fn many_receivers_are_told_apart() {
    let mut scene = Scene::new();
    scene.sent("a", 100, 0).unwrap();
    for by in 0..99 {
        assert_eq!(scene.received("a", by, 5), delivered(5));
        assert_eq!(scene.received("a", by / 2, 5), Ok(Receipt::Duplicate));
    }
    assert_eq!(scene.outcomes(60_000), (1, 0, 0));
}

#[test]
fn a_receipt_may_come_before_its_sending() {
    let mut scene = Scene::new();
    for by in 0..20 {
        assert_eq!(scene.received("a", by, 10 + by), Ok(Receipt::Early));
        assert_eq!(scene.received("a", by, 10 + by), Ok(Receipt::Duplicate));
    }
    // By the sender's clock it was sent after the first had it.
    let times: Vec<_> = (0..15u64).map(|by| ms(by.saturating_sub(1))).collect();
    assert_eq!(scene.sent("a", 15, 11), Ok(times));
    assert_eq!(scene.outcomes(20), (0, 0, 5));
    assert_eq!(scene.received("a", 30, 40), Ok(Receipt::Duplicate));
    assert_eq!(scene.outcomes(100_000), (0, 0, 0));
    // Some were early, some are missing.
    scene.received("b", 1, 0).unwrap();
    assert_eq!(scene.sent("b", 3, 0), Ok(vec![ms(0)]));
    assert_eq!(scene.received("b", 1, 5), Ok(Receipt::Duplicate));
    assert_eq!(scene.received("b", 2, 5), delivered(5));
    assert_eq!(scene.outcomes(60_000), (1, 0, 0));
}

#[test]
fn what_is_overdue_is_lost_once() {
    let mut scene = Scene::new();
    scene.sent("a", 3, 1000).unwrap();
    scene.received("a", 1, 2000).unwrap();
    scene.received("stray", 1, 500).unwrap();
    assert_eq!(scene.outcomes(60_499), (0, 0, 0));
    assert_eq!(scene.outcomes(60_500), (0, 1, 0));
    assert_eq!(scene.outcomes(61_000), (2, 0, 0));
    assert_eq!(scene.outcomes(61_000), (0, 0, 0));
    // Too late: it is counted already, for one more timeout.
    assert_eq!(scene.received("a", 2, 61_001), Ok(Receipt::Late));
    assert_eq!(scene.received("a", 2, 120_999), Ok(Receipt::Late));
    assert!(matches!(
        scene.sent("a", 1, 120_999),
        Err(CoordinationError::Conflict(_))
    ));
    assert_eq!(scene.outcomes(121_000), (0, 0, 0));
    // Then nobody knows of it any more.
    assert_eq!(scene.received("a", 2, 121_001), Ok(Receipt::Early));
    assert_eq!(scene.outcomes(181_001), (0, 1, 0));
}

#[test]
fn lateness_does_not_depend_on_when_somebody_asks() {
    let mut scene = Scene::new();
    scene.sent("a", 1, 0).unwrap();
    assert_eq!(scene.received("a", 1, 60_000), Ok(Receipt::Late));
    assert_eq!(scene.outcomes(60_000), (1, 0, 0));
    assert_eq!(scene.outcomes(500_000), (0, 0, 0));
    // Nobody asks for two timeouts: it is lost all the same, and forgotten.
    scene.sent("d", 1, 0).unwrap();
    assert_eq!(scene.received("d", 1, 120_000), Ok(Receipt::Early));
    assert_eq!(scene.outcomes(120_000), (1, 0, 0));
    let mut scene = Scene::new();
    scene.sent("b", 1, 0).unwrap();
    assert_eq!(scene.received("b", 1, 59_999), delivered(59_999));
    // Early receipts go stale too.
    scene.received("c", 1, 0).unwrap();
    assert_eq!(scene.sent("c", 1, 60_000), Ok(vec![]));
    assert_eq!(scene.outcomes(60_000), (0, 1, 0));
}

#[test]
fn a_thing_is_overdue_by_its_sending_and_not_by_its_first_receipt() {
    let mut scene = Scene::new();
    scene.received("a", 1, 0).unwrap();
    scene.sent("a", 2, 30_000).unwrap();
    assert_eq!(scene.outcomes(89_999), (0, 0, 0));
    assert_eq!(scene.received("a", 2, 89_999), delivered(59_999));
    assert_eq!(scene.outcomes(90_000), (0, 0, 0));
}

#[test]
fn an_id_is_sent_once() {
    let mut scene = Scene::new();
    let conflicts = |scene: &mut Scene| {
        let again = scene.sent("a", 1, 10);
        matches!(again, Err(CoordinationError::Conflict(_)))
    };
    scene.sent("a", 1, 0).unwrap();
    assert!(conflicts(&mut scene));
    assert_eq!(scene.received("a", 1, 20), delivered(20));
    assert!(conflicts(&mut scene));
}

#[test]
fn what_is_done_makes_room() {
    let mut scene = Scene::with_room(3, 100);
    for id in ["a", "b", "c"] {
        scene.sent(id, 1, 0).unwrap();
    }
    for refused in [scene.sent("d", 1, 0).err(), scene.received("d", 1, 0).err()] {
        assert!(matches!(refused, Some(CoordinationError::TooMany(_))));
    }
    scene.received("b", 1, 1).unwrap();
    scene.sent("d", 1, 1).unwrap();
    assert!(scene.sent("e", 1, 1).is_err());
    assert_eq!(scene.outcomes(60_001), (3, 0, 0));
    // What is lost makes room too.
    for id in ["x", "y", "z"] {
        scene.sent(id, 1, 60_001).unwrap();
    }
    assert!(scene.sent("e", 1, 60_001).is_err());
}

#[test]
fn receipts_are_bounded_and_freed() {
    let mut scene = Scene::with_room(100, 3);
    for round in 0..10u64 {
        let at = round * 200_000;
        scene.received("early", 1, at).unwrap();
        scene.sent("a", 10, at).unwrap();
        assert_eq!(scene.received("a", 1, at), delivered(0));
        assert_eq!(scene.received("a", 2, at), delivered(0));
        for id in ["a", "early", "other"] {
            let refused = scene.received(id, 3, at);
            assert!(
                matches!(refused, Err(CoordinationError::TooMany(_))),
                "{id}: {refused:?}"
            );
        }
        // Those that settle something are always known.
        scene.sent("pair", 1, at).unwrap();
        assert_eq!(scene.received("pair", 1, at), delivered(0));
        match round % 3 {
            0 => assert_eq!(scene.outcomes(at + 60_000), (8, 1, 0)),
            1 => assert_eq!(scene.close(), (8, 1, 0)),
            _ => {
                assert_eq!(scene.sent("early", 1, at), Ok(vec![ms(0)]));
                assert_eq!(scene.received("a", 3, at), delivered(0));
                assert_eq!(scene.outcomes(at + 60_000), (7, 0, 0));
            }
        }
    }
}

#[test]
fn what_everyone_has_keeps_no_receipts() {
    let mut scene = Scene::with_room(100, 2);
    for thing in 0..50 {
        let id = format!("sent {thing}");
        scene.sent(&id, 3, 0).unwrap();
        for by in 0..3 {
            assert_eq!(scene.received(&id, by, 1), delivered(1), "{id}");
        }
        let id = format!("early {thing}");
        for by in 0..2 {
            assert_eq!(scene.received(&id, by, 0), Ok(Receipt::Early), "{id}");
        }
        assert_eq!(scene.sent(&id, 1, 0), Ok(vec![ms(0)]));
    }
}

#[test]
fn notes_of_what_is_forgotten_do_not_pile_up() {
    let mut scene = Scene::with_room(10, 10);
    for thing in 0..10_000u64 {
        let id = thing.to_string();
        scene.received(&id, 1, 0).unwrap();
        scene.sent(&id, 1, 0).unwrap();
        assert!(scene.ledger.notes() <= 200, "{}", scene.ledger.notes());
    }
    // What expires leaves nothing of itself either, though nobody needs its room.
    let mut scene = Scene::new();
    for thing in 0..10_000u64 {
        let id = thing.to_string();
        scene.sent(&id, 1, thing * 1000).unwrap();
        scene.received(&id, 1, thing * 1000).unwrap();
        scene.outcomes(thing * 1000);
        assert!(scene.ledger.notes() <= 500, "{}", scene.ledger.notes());
    }
}

#[test]
fn at_random_every_recipient_is_received_or_lost() {
    let mut random = Lcg(3);
    // So little room that what is done is forgotten early now and then.
    let mut scene = Scene::with_room(100, 100_000);
    let (mut expected, mut received, mut early, mut refused) = (0, 0, 0, 0);
    let (mut lost, mut unmatched, mut late_duplicates) = (0, 0, 0);
    for step in 0..50_000u64 {
        let id = (step / 15 + random.below(10)).to_string();
        let at = step * 10;
        if random.below(5) == 0 {
            let recipients = 1 + random.below(20) as u32;
            if let Ok(times) = scene.sent(&id, recipients, at) {
                expected += u64::from(recipients);
                received += times.len() as u64;
                early -= times.len() as i64;
            }
        } else {
            match scene.received(&id, random.below(30), at) {
                Ok(Receipt::Delivered(_)) => received += 1,
                Ok(Receipt::Early) => early += 1,
                Ok(Receipt::Duplicate | Receipt::Late | Receipt::Unexpected) => {}
                Err(_) => refused += 1,
            }
        }
        if step % 100 == 0 {
            let outcomes = scene.outcomes(at);
            lost += outcomes.0;
            unmatched += outcomes.1;
            late_duplicates += outcomes.2;
        }
    }
    let outcomes = scene.close();
    assert_eq!(expected, received + lost + outcomes.0);
    assert_eq!(
        early,
        (unmatched + outcomes.1 + late_duplicates + outcomes.2) as i64
    );
    let seen = [received, lost, unmatched, late_duplicates, refused];
    assert!(seen.iter().all(|&times| times > 10), "{seen:?}");
    // Nothing is left behind.
    for thing in 0..100 {
        scene.sent(&format!("x{thing}"), 1, 0).unwrap();
    }
}

#[test]
fn only_the_hosts_clock_says_what_is_overdue() {
    let mut scene = Scene::new();
    let room = Room::new(10, 10);
    // Sent in the future, as the sender says: it is overdue a timeout from now.
    let future = scene.told(900_000, 0);
    scene.ledger.sent("a", 1, 0, future, &room).unwrap();
    assert_eq!(scene.outcomes(60_000), (1, 0, 0));
    // A receiver that says it had it in the future, or long ago, expires nothing.
    let sent = scene.told(100_000, 100_000);
    scene.ledger.sent("b", 3, 0, sent, &room).unwrap();
    for (user, at, took) in [(1, 900_000, 800_000), (2, 0, 0)] {
        let when = scene.told(at, 100_001);
        let receipt = scene.ledger.received("b", (user, 0), when, &room);
        assert_eq!(receipt, delivered(took));
    }
    // Told too late, though it came in time.
    let when = scene.told(100_002, 160_000);
    let receipt = scene.ledger.received("b", (3, 0), when, &room);
    assert_eq!(receipt, Ok(Receipt::Late));
    assert_eq!(scene.outcomes(160_000), (1, 0, 0));
}

#[test]
fn outcomes_are_told_apart_by_scenario() {
    let mut scene = Scene::new();
    let when = scene.at(0);
    let Scene { ledger, room, .. } = &mut scene;
    // Lost by who sent it.
    ledger.sent("lost", 3, 1, when, room).unwrap();
    ledger.received("lost", (1, 2), when, room).unwrap();
    // Unmatched and too many by who received it.
    for (user, scenario) in [(1, 2), (2, 3), (3, 3)] {
        ledger
            .received("stray", (user, scenario), when, room)
            .unwrap();
        ledger
            .received("many", (user, scenario), when, room)
            .unwrap();
    }
    ledger.sent("many", 1, 1, when, room).unwrap();
    let outcomes = |lost, unmatched, duplicates| DeliveryOutcomes {
        lost,
        excused: 0,
        unmatched,
        duplicates,
    };
    let now = scene.began + TIMEOUT;
    let mut found: Vec<_> = scene
        .ledger
        .outcomes(now, &scene.room)
        .into_iter()
        .collect();
    found.sort_unstable_by_key(|(scenario, _)| *scenario);
    let expected = [
        (1, outcomes(2, 0, 0)),
        (2, outcomes(0, 1, 0)),
        (3, outcomes(0, 2, 2)),
    ];
    assert_eq!(found, expected);
}
