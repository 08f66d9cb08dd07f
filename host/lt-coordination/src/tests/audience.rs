use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use lt_spec::limits::{COORDINATION_NAME_BYTES_MAX, DELIVERY_ID_BYTES_MAX};
use tokio::time::{Instant, advance};

use super::{Lcg, local, ms};
use crate::audience::Audiences;
use crate::delivery::Deliveries;
use crate::ledger::Room;
use crate::{
    Audience, AudienceSent, Coordination, CoordinationError, DeliveryOutcomes, Local, Outstanding,
    Receipt,
};

const TIMEOUT: Duration = Duration::from_secs(60);
/// Senders' scenario in these tests, and that of receivers.
const SENDS: u16 = 3;
const RECEIVES: u16 = 4;

fn scene(users: impl IntoIterator<Item = u64>) -> (Arc<Local>, Arc<dyn Audience>) {
    let local = local();
    let audience = local.open_audience("room").unwrap();
    for user in users {
        audience.enter(user).unwrap();
    }
    (local, audience)
}

/// Something is sent by user 1, who does not receive it. Returns how many are to.
fn send(audience: &Arc<dyn Audience>, id: &str) -> u32 {
    let sent = audience.mark_sent(id, 1, false, SENDS, Instant::now());
    let AudienceSent { expected, early } = sent.unwrap();
    assert_eq!(early, []);
    expected
}

fn receive(local: &Local, id: &str, user: u64) -> Receipt {
    let receipt = local.mark_received(id, user, RECEIVES, Instant::now());
    receipt.unwrap()
}

/// Lost and excused, of the sender's scenario; nothing else became known.
fn outcomes(found: Vec<(u16, DeliveryOutcomes)>) -> (u64, u64) {
    let mut sum = (0, 0);
    for (scenario, it) in found {
        assert_eq!((scenario, it.unmatched, it.duplicates), (SENDS, 0, 0));
        sum = (sum.0 + it.lost, sum.1 + it.excused);
    }
    sum
}

fn now_known(local: &Local) -> (u64, u64) {
    outcomes(local.outcomes(Instant::now()))
}

const DELIVERED: Receipt = Receipt::Delivered(Duration::ZERO);

#[tokio::test(start_paused = true)]
async fn those_present_when_it_was_sent_are_to_receive_it() {
    let (local, audience) = scene([1, 2, 3, 4]);
    assert_eq!(audience.leave(4, Outstanding::Excused), 0);
    assert_eq!(send(&audience, "a"), 2);
    audience.enter(5).unwrap();
    advance(ms(7)).await;
    assert_eq!(receive(&local, "a", 2), Receipt::Delivered(ms(7)));
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    // The sender, one who left before, one who came later, one who never was there.
    for user in [1, 4, 5, 6] {
        assert_eq!(receive(&local, "a", user), Receipt::Unexpected, "{user}");
    }
    assert_eq!(receive(&local, "a", 3), Receipt::Delivered(ms(7)));
    // The same when everybody has it.
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    assert_eq!(receive(&local, "a", 5), Receipt::Unexpected);
    advance(TIMEOUT).await;
    assert_eq!(now_known(&local), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sender_receives_it_too_if_it_says_so_and_is_present() {
    let (local, audience) = scene([1, 2]);
    let now = Instant::now();
    let expected = |sent: Result<AudienceSent, _>| sent.map(|it| it.expected);
    assert_eq!(
        expected(audience.mark_sent("a", 1, true, SENDS, now)),
        Ok(2)
    );
    assert_eq!(receive(&local, "a", 1), DELIVERED);
    for sender_too in [true, false] {
        let id = format!("b {sender_too}");
        let sent = audience.mark_sent(&id, 9, sender_too, SENDS, now);
        assert_eq!(expected(sent), Ok(2));
        assert_eq!(receive(&local, &id, 9), Receipt::Unexpected);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_is_missed_by_nobody() {
    let (local, audience) = scene(1..=5);
    assert_eq!(send(&audience, "a"), 4);
    assert_eq!(send(&audience, "b"), 4);
    assert_eq!(receive(&local, "a", 2), DELIVERED);
    assert_eq!(audience.leave(2, Outstanding::Excused), 1);
    assert_eq!(audience.leave(3, Outstanding::Lost), 2);
    assert_eq!(now_known(&local), (2, 1));
    // Not present: there is nothing to leave.
    assert_eq!(audience.leave(3, Outstanding::Lost), 0);
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    for (id, user) in [("b", 2), ("a", 3), ("b", 3)] {
        assert_eq!(receive(&local, id, user), Receipt::Unexpected);
    }
    // Back again, for what is sent from now on.
    audience.enter(3).unwrap();
    assert_eq!(receive(&local, "b", 3), Receipt::Unexpected);
    assert_eq!(send(&audience, "c"), 3);
    assert_eq!(receive(&local, "c", 3), DELIVERED);
    // Others' expectations are what they were.
    assert_eq!(receive(&local, "a", 4), DELIVERED);
    advance(TIMEOUT).await;
    assert_eq!(now_known(&local), (2 + 1 + 2, 0));
    assert_eq!(receive(&local, "a", 5), Receipt::Late);
    assert_eq!(audience.leave(5, Outstanding::Excused), 0);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_that_is_missing_leaves_it_is_done() {
    let (local, audience) = scene([1, 2, 3]);
    assert_eq!(send(&audience, "a"), 2);
    assert_eq!(receive(&local, "a", 2), DELIVERED);
    assert_eq!(audience.leave(3, Outstanding::Excused), 1);
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    advance(TIMEOUT).await;
    assert_eq!(now_known(&local), (0, 1));
    // Forgotten, and nobody was late.
    assert_eq!(receive(&local, "a", 2), Receipt::Early);
}

#[tokio::test(start_paused = true)]
async fn what_is_overdue_is_lost_also_to_one_that_leaves_then() {
    let (local, audience) = scene([1, 2, 3]);
    assert_eq!(send(&audience, "a"), 2);
    advance(TIMEOUT).await;
    assert_eq!(audience.leave(2, Outstanding::Excused), 0);
    assert_eq!(now_known(&local), (2, 0));
    // Another thing of the same id is not what was owed before.
    advance(TIMEOUT).await;
    let other = local.open_audience("other").unwrap();
    other.enter(3).unwrap();
    assert_eq!(send(&other, "a"), 1);
    assert_eq!(audience.leave(3, Outstanding::Excused), 0);
    assert_eq!(receive(&local, "a", 3), DELIVERED);
}

#[tokio::test(start_paused = true)]
async fn early_receipts_of_members_count_and_others_are_forgotten() {
    let (local, audience) = scene([1, 2, 3]);
    let sent_at = Instant::now();
    advance(ms(5)).await;
    for user in [2, 9, 1] {
        assert_eq!(receive(&local, "a", user), Receipt::Early);
    }
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    let sent = AudienceSent {
        expected: 2,
        early: vec![ms(5)],
    };
    assert_eq!(audience.mark_sent("a", 1, false, SENDS, sent_at), Ok(sent));
    assert_eq!(receive(&local, "a", 2), Receipt::Duplicate);
    assert_eq!(receive(&local, "a", 9), Receipt::Unexpected);
    assert_eq!(receive(&local, "a", 3), Receipt::Delivered(ms(5)));
    // All have it already.
    for user in [3, 2] {
        assert_eq!(receive(&local, "b", user), Receipt::Early);
    }
    let sent = audience.mark_sent("b", 1, false, SENDS, sent_at).unwrap();
    assert_eq!((sent.expected, sent.early), (2, vec![ms(5); 2]));
    assert_eq!(receive(&local, "b", 3), Receipt::Duplicate);
    assert_eq!(outcomes(local.close()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_nobody_counts_nowhere() {
    let (local, audience) = scene([1]);
    assert_eq!(send(&audience, "a"), 0);
    assert_eq!(receive(&local, "a", 2), Receipt::Unexpected);
    assert_eq!(outcomes(local.close()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_told() {
    let (local, audience) = scene([1, 2]);
    let now = Instant::now();
    for name in ["", &"x".repeat(COORDINATION_NAME_BYTES_MAX + 1)] {
        let refused = local.open_audience(name).err();
        assert!(matches!(refused, Some(CoordinationError::InvalidName(_))));
    }
    let long = "x".repeat(DELIVERY_ID_BYTES_MAX + 1);
    let large = CoordinationError::TooLarge(DELIVERY_ID_BYTES_MAX as u64);
    let mark = |id: &str| audience.mark_sent(id, 1, false, SENDS, now).err();
    assert_eq!(mark(&long), Some(large));
    assert!(matches!(mark(""), Some(CoordinationError::InvalidValue(_))));
    send(&audience, "a");
    local.mark_sent("b", 1, SENDS, now).unwrap();
    for id in ["a", "b"] {
        assert!(matches!(mark(id), Some(CoordinationError::Conflict(_))));
    }
    let again = local.mark_sent("a", 1, SENDS, now);
    assert!(matches!(again, Err(CoordinationError::Conflict(_))));
    assert_eq!(receive(&local, "a", 2), DELIVERED);
    assert!(matches!(mark("a"), Some(CoordinationError::Conflict(_))));
}

#[tokio::test(start_paused = true)]
async fn a_user_is_present_once_and_an_unused_audience_goes() {
    let deliveries = Arc::new(Deliveries::new(TIMEOUT));
    let audiences = Arc::new(Audiences::with_members_max(deliveries, 2));
    let first = audiences.open("a").unwrap();
    let second = audiences.open("a").unwrap();
    for handle in [&first, &second] {
        handle.enter(1).unwrap();
        assert_eq!(first.present(), 1);
    }
    let other = audiences.open("b").unwrap();
    other.enter(1).unwrap();
    let full = other.enter(2);
    assert!(matches!(full, Err(CoordinationError::TooMany(_))));
    // One that is there already takes no place.
    other.enter(1).unwrap();
    other.leave(1, Outstanding::Excused);
    first.enter(2).unwrap();
    assert_eq!((audiences.len(), other.present()), (2, 0));
    drop(other);
    drop(first);
    // Held by one, then by nobody, but with somebody in it.
    assert_eq!((audiences.len(), second.present()), (1, 2));
    second.leave(1, Outstanding::Excused);
    drop(second);
    assert_eq!(audiences.len(), 1);
    let again = audiences.open("a").unwrap();
    assert_eq!(again.present(), 1);
    again.leave(2, Outstanding::Excused);
    drop(again);
    assert_eq!(audiences.len(), 0);
}

/// Room for so many things and receipts, and an audience with these users.
fn small(things: usize, receipts: usize, users: u64) -> (Arc<Deliveries>, impl Audience) {
    let room = Room::new(things, receipts);
    let deliveries = Arc::new(Deliveries::with_room(TIMEOUT, room));
    let audience = Arc::new(Audiences::new(Arc::clone(&deliveries)));
    let audience = audience.open("a").unwrap();
    for user in 0..users {
        audience.enter(user).unwrap();
    }
    (deliveries, audience)
}

#[tokio::test(start_paused = true)]
async fn expectations_take_room_and_those_met_make_it() {
    let (deliveries, audience) = small(1000, 250, 101);
    let now = Instant::now();
    let send = |id: &str| audience.mark_sent(id, 0, false, SENDS, now);
    let receive = |id: &str, user| deliveries.received(id, user, RECEIVES, now).unwrap();
    for id in ["a", "b"] {
        assert_eq!(send(id).unwrap().expected, 100);
    }
    assert!(matches!(send("c"), Err(CoordinationError::TooMany(_))));
    assert_eq!(deliveries.room().taken(), [2, 200, 0]);
    for user in 1..=100 {
        assert_eq!(receive("a", user), DELIVERED);
    }
    assert_eq!(receive("a", 5), Receipt::Duplicate);
    assert_eq!(deliveries.room().taken(), [2, 200, 100]);
    // Nobody knows any more who has "a": no receipt of it counts.
    assert_eq!(send("c").unwrap().expected, 100);
    assert_eq!(deliveries.room().taken(), [3, 200, 0]);
    for user in [5, 500] {
        assert_eq!(receive("a", user), Receipt::Unexpected);
    }
    assert_eq!(receive("b", 5), DELIVERED);
    assert!(matches!(send("a"), Err(CoordinationError::Conflict(_))));
    // One that leaves all that is open, and the end, give everything back.
    for user in 0..=100 {
        audience.leave(user, Outstanding::Excused);
    }
    assert_eq!(deliveries.room().taken(), [3, 200, 200]);
    assert_eq!(outcomes(deliveries.close()), (0, 199));
    assert_eq!(deliveries.room().taken(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn single_receipts_find_room_too_and_time_gives_it_back() {
    let (deliveries, audience) = small(1000, 10, 10);
    let now = Instant::now();
    let early = |id: &str| deliveries.received(id, 1, RECEIVES, now);
    assert_eq!(
        audience
            .mark_sent("a", 9, true, SENDS, now)
            .unwrap()
            .expected,
        10
    );
    assert!(matches!(early("x"), Err(CoordinationError::TooMany(_))));
    for user in 0..10 {
        assert_eq!(deliveries.received("a", user, RECEIVES, now), Ok(DELIVERED));
    }
    assert_eq!(early("x"), Ok(Receipt::Early));
    assert_eq!(deliveries.room().taken(), [2, 1, 0]);
    let over = deliveries.outcomes(now + TIMEOUT);
    assert_eq!(over.len(), 1);
    assert_eq!(deliveries.room().taken(), [0, 0, 0]);
}

/// What one user does in the tests below.
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
        8..12 => Step::Send(user, random.below(2) == 0),
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
    let mut present = BTreeSet::new();
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
            }
            Step::Leave(user, outstanding) => {
                let mut released = 0;
                for model in &mut models {
                    if present.contains(&user) && model.expected.get(&user) == Some(&false) {
                        model.expected.remove(&user);
                        released += 1;
                    }
                }
                present.remove(&user);
                assert_eq!(u64::from(audience.leave(user, outstanding)), released);
                match outstanding {
                    Outstanding::Excused => excused += released,
                    Outstanding::Lost => lost += released,
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
