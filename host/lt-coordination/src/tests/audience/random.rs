//! Steps at random, against a plain model and among threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Lcg;
use super::{DELIVERED, SENDS, now_known, receive, scene};
use crate::{Coordination, DeliveryOutcomes, Outstanding, Receipt};

/// What one user does in these tests.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(u64),
    Leave(u64, Outstanding),
    Send(u64, bool),
    Receive(u64, u64),
}

fn step(random: &mut Lcg, users: u64, things: u64) -> Step {
    let user = random.below(users);
    match random.below(100) {
        0..4 => Step::Enter(user),
        4..6 => Step::Leave(user, Outstanding::Excused),
        6..8 => Step::Leave(user, Outstanding::Lost),
        8..9 => Step::Leave(user, Outstanding::Undecided),
        9..13 => Step::Send(user, random.below(2) == 0),
        // Some of what was not sent yet.
        _ => Step::Receive(user, (things + 2).saturating_sub(random.below(12))),
    }
}

/// What should become of one thing.
#[derive(Default)]
struct Model {
    sent: bool,
    /// Whether each has it.
    expected: BTreeMap<u64, bool>,
    early: BTreeSet<u64>,
}

impl Model {
    fn received(&mut self, user: u64) -> Receipt {
        if !self.sent {
            return match self.early.insert(user) {
                true => Receipt::Early,
                false => Receipt::Duplicate,
            };
        }
        match self.expected.get_mut(&user) {
            Some(true) => Receipt::Duplicate,
            Some(has) => {
                *has = true;
                DELIVERED
            }
            None => Receipt::Unexpected,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_random_it_does_what_a_plain_model_does() {
    let mut random = Lcg(11);
    let (local, audience) = scene([]);
    let (mut present, mut undecided) = (BTreeSet::new(), BTreeSet::new());
    let mut models: Vec<Model> = Vec::new();
    models.resize_with(4, Model::default);
    let (mut things, mut lost, mut excused) = (0, 0, 0);
    let mut seen = BTreeMap::<String, u64>::new();
    for _ in 0..40_000 {
        let step = step(&mut random, 150, things);
        match step {
            Step::Enter(user) => {
                audience.enter(user).unwrap();
                present.insert(user);
                undecided.remove(&user);
            }
            Step::Leave(user, Outstanding::Undecided) => {
                assert_eq!(audience.leave(user, Outstanding::Undecided), 0);
                if present.remove(&user) {
                    undecided.insert(user);
                }
            }
            Step::Leave(user, outstanding) => {
                let mut released = 0;
                let owed = present.remove(&user) | undecided.remove(&user);
                for model in &mut models {
                    if owed && model.expected.get(&user) == Some(&false) {
                        model.expected.remove(&user);
                        released += 1;
                    }
                }
                assert_eq!(u64::from(audience.leave(user, outstanding)), released);
                match outstanding {
                    Outstanding::Excused => excused += released,
                    Outstanding::Lost | Outstanding::Undecided => lost += released,
                }
            }
            Step::Send(user, too) => {
                let id = things.to_string();
                let sent = audience.mark_sent(&id, user, too, SENDS, Instant::now());
                let sent = sent.unwrap();
                let model = &mut models[things as usize];
                let members = present.iter().filter(|it| too || **it != user);
                model.expected = members.map(|it| (*it, model.early.contains(it))).collect();
                model.sent = true;
                let early = model.expected.values().filter(|has| **has).count();
                assert_eq!(sent.expected as usize, model.expected.len());
                assert_eq!(sent.early, vec![Duration::ZERO; early]);
                *seen.entry("early delivered".to_owned()).or_default() += early as u64;
                things += 1;
                models.push(Model::default());
            }
            Step::Receive(user, thing) => {
                let receipt = receive(&local, &thing.to_string(), user);
                assert_eq!(receipt, models[thing as usize].received(user), "{step:?}");
                *seen.entry(format!("{receipt:?}")).or_default() += 1;
            }
        }
        assert_eq!(audience.present() as usize, present.len());
    }
    assert_eq!(now_known(&local), (lost, excused));
    let missing = |it: &Model| it.expected.values().filter(|has| !**has).count() as u64;
    let missing: u64 = models.iter().map(missing).sum();
    assert_eq!(local.deliveries().outstanding(), missing);
    let counts: Vec<u64> = seen.values().copied().chain([lost, excused]).collect();
    assert_eq!(counts.len(), 7, "{seen:?}");
    assert!(counts.iter().all(|times| *times > 30), "{seen:?}");
}

#[test]
fn among_threads_every_delivery_ends_in_exactly_one() {
    const THREADS: u64 = 4;
    const USERS: u64 = 60;
    let (local, audience) = scene(0..USERS / 2);
    let things = AtomicU64::new(0);
    let [sent, received, released] = [(); 3].map(|()| AtomicU64::new(0));
    let live = |thread: u64| {
        let mut random = Lcg(thread);
        for _ in 0..20_000 {
            match step(&mut random, USERS, things.load(Ordering::SeqCst)) {
                Step::Enter(user) => audience.enter(user).unwrap(),
                Step::Leave(user, outstanding) => {
                    let left = audience.leave(user, outstanding);
                    released.fetch_add(u64::from(left), Ordering::SeqCst);
                }
                Step::Send(user, too) => {
                    let id = things.fetch_add(1, Ordering::SeqCst).to_string();
                    let it = audience.mark_sent(&id, user, too, SENDS, Instant::now());
                    let it = it.unwrap();
                    sent.fetch_add(u64::from(it.expected), Ordering::SeqCst);
                    received.fetch_add(it.early.len() as u64, Ordering::SeqCst);
                }
                Step::Receive(user, thing) => {
                    if let Receipt::Delivered(_) = receive(&local, &thing.to_string(), user) {
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let live = &live;
            scope.spawn(move || live(thread));
        }
    });
    let [sent, received, released] = [sent, received, released].map(AtomicU64::into_inner);
    let outstanding = local.deliveries().outstanding();
    let sums = |known: Vec<(u16, DeliveryOutcomes)>| {
        let known = known.into_iter().map(|(_, it)| (it.lost, it.excused));
        known.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    };
    let (lost, excused) = sums(local.outcomes(Instant::now()));
    assert_eq!(sent, received + lost + excused + outstanding);
    assert_eq!(released, lost + excused);
    let each = [received, lost, excused, outstanding];
    assert!(each.iter().all(|count| *count > 30), "{each:?}");
    // The run is over: what is outstanding is lost, and nothing is left behind.
    assert_eq!(sums(local.close()), (outstanding, 0));
    for user in 0..USERS {
        assert_eq!(audience.leave(user, Outstanding::Excused), 0);
    }
    assert_eq!(local.deliveries().outstanding(), 0);
    assert_eq!(local.deliveries().room().taken(), [0, 0, 0]);
}
