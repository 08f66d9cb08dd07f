mod random;

use std::sync::Arc;
use std::time::Duration;

use lt_spec::limits::{COORDINATION_NAME_BYTES_MAX, DELIVERY_ID_BYTES_MAX, EXCUSED_AGE_MAX};
use tokio::time::{Instant, advance};

use super::{local, ms};
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
async fn whoever_enters_while_it_is_sent_is_not_to_receive_it() {
    let (local, audience) = scene([1, 2]);
    advance(ms(1)).await;
    let at = Instant::now();
    advance(ms(5)).await;
    audience.enter(3).unwrap();
    let sent = audience.mark_sent("a", 1, false, SENDS, at).unwrap();
    assert_eq!(sent.expected, 1);
    assert_eq!(receive(&local, "a", 3), Receipt::Unexpected);
    assert_eq!(send(&audience, "b"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_has_been_on_its_way_for_long_is_lost_whoever_leaves() {
    let (local, audience) = scene([1, 2]);
    assert_eq!(send(&audience, "old"), 1);
    advance(EXCUSED_AGE_MAX + ms(1)).await;
    assert_eq!(send(&audience, "new"), 1);
    assert_eq!(audience.leave(2, Outstanding::Excused), 2);
    assert_eq!(now_known(&local), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_the_rest_may_be_said_later() {
    for (outstanding, wanted) in [(Outstanding::Excused, (0, 1)), (Outstanding::Lost, (1, 0))] {
        let (local, audience) = scene([1, 2, 3]);
        assert_eq!(send(&audience, "a"), 2);
        assert_eq!(send(&audience, "b"), 2);
        assert_eq!(audience.leave(2, Outstanding::Undecided), 0);
        assert_eq!((audience.present(), send(&audience, "c")), (2, 1));
        assert_eq!(now_known(&local), (0, 0));
        // It may still come; what was sent afterwards is not for this user.
        assert_eq!(receive(&local, "a", 2), DELIVERED);
        assert_eq!(receive(&local, "c", 2), Receipt::Unexpected);
        assert_eq!(audience.leave(2, outstanding), 1);
        assert_eq!(audience.leave(2, outstanding), 0);
        assert_eq!(now_known(&local), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_steps_out_and_enters_again_is_to_receive_all_of_it() {
    let (local, audience) = scene([1, 2]);
    assert_eq!(send(&audience, "a"), 1);
    audience.leave(2, Outstanding::Undecided);
    audience.enter(2).unwrap();
    assert_eq!(send(&audience, "b"), 1);
    assert_eq!(receive(&local, "b", 2), DELIVERED);
    assert_eq!(audience.leave(2, Outstanding::Excused), 1);
    assert_eq!(now_known(&local), (0, 1));
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
