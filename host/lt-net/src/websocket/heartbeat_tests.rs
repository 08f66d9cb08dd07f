use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn pongs_are_matched_by_number_and_key() {
    let start = Instant::now();
    let mut pings = Pings::new(u64::MAX);
    let automatic = pings.start(false, limit(&Rc::default(), start));
    let awaited = pings.start(true, None);
    let payload = pings.payload(awaited);
    assert_eq!(pings.pong(&payload, start), None, "not sent yet");
    pings.sent(automatic, start);
    pings.sent(awaited, start);
    assert_eq!(pings.pong(b"else", start), None);
    assert_eq!(pings.pong(&7u64.to_be_bytes(), start), None);
    assert_eq!(pings.deadline(), Some(start + SECOND));
    assert_eq!(pings.pong(&payload, start + SECOND), Some(SECOND));
    assert_eq!(pings.pong(&payload, start + SECOND), None, "once");
    assert_eq!(
        pings.deadline(),
        None,
        "a later pong answers the earlier ping"
    );
    assert_eq!(pings.take(awaited), Some(SECOND));
    assert_eq!(pings.take(awaited), None);
}

#[test]
fn unanswered_pings_are_bounded() {
    let mut pings = Pings::new(1);
    for _ in 0..1000 {
        pings.start(false, None);
        pings.start(true, None);
    }
    assert_eq!(pings.waiting.len(), 2 * PINGS_MAX);
}

/// A second from when it is sent.
fn limit(heartbeat: &Rc<Periodic>, now: Instant) -> Option<Limit> {
    Some(Limit::new(heartbeat, SECOND, now))
}

/// Pings of a heartbeat every ten milliseconds, sent as they are due.
fn beat(pings: &mut Pings, heartbeat: &Rc<Periodic>, start: Instant, count: u32) {
    for index in 0..count {
        let at = start + SECOND / 100 * index;
        let number = pings.start(false, limit(heartbeat, at));
        pings.sent(number, at);
    }
}

#[test]
fn a_ping_that_is_forgotten_still_has_to_be_answered() {
    let start = Instant::now();
    let heartbeat = Rc::default();
    let mut pings = Pings::new(1);
    let awaited = pings.start(true, None);
    pings.sent(awaited, start);
    beat(&mut pings, &heartbeat, start, 200);
    assert_eq!(pings.deadline(), Some(start + SECOND));
    // Nothing is forgotten that somebody waits for.
    let payload = pings.payload(awaited);
    assert_eq!(pings.pong(&payload, start + SECOND), Some(SECOND));
    assert_eq!(pings.take(awaited), Some(SECOND));
    assert_eq!(pings.deadline(), Some(start + SECOND));
    // The pong of a forgotten one is not timed, but it shows that the peer is there.
    let payload = pings.payload(100);
    assert_eq!(pings.pong(&payload, start + SECOND), None);
    assert!(pings.deadline() > Some(start + SECOND * 2));
    let payload = pings.payload(200);
    assert!(pings.pong(&payload, start + SECOND * 3).is_some());
    assert_eq!(pings.deadline(), None);
    let payload = pings.payload(201);
    assert_eq!(pings.pong(&payload, start), None, "never started");
}

#[test]
fn a_heartbeat_that_is_stopped_ends_nothing() {
    let start = Instant::now();
    let (first, second) = (Rc::default(), Rc::default());
    let mut pings = Pings::new(1);
    beat(&mut pings, &first, start, 100);
    assert_eq!(pings.deadline(), Some(start + SECOND));
    first.stop();
    assert_eq!(pings.deadline(), None);
    beat(&mut pings, &second, start + SECOND * 5, 100);
    assert_eq!(pings.deadline(), Some(start + SECOND * 6));
}

#[test]
fn the_time_for_a_pong_begins_when_its_ping_is_sent() {
    let start = Instant::now();
    let heartbeat = Rc::default();
    let mut pings = Pings::new(1);
    let number = pings.start(false, limit(&heartbeat, start));
    assert_eq!(pings.deadline(), Some(start + SECOND), "it has to be sent");
    pings.sent(number, start + SECOND / 2);
    assert_eq!(pings.deadline(), Some(start + SECOND * 3 / 2));
    pings.postpone(SECOND);
    assert_eq!(pings.deadline(), Some(start + SECOND * 5 / 2));
}
