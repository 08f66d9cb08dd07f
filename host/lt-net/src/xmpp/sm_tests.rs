use tokio::time::Instant;

use super::*;

fn enabled(id: Option<&str>) -> SmState {
    SmState::enabled(Enabled {
        id: id.map(str::to_owned),
        max: None,
        location: None,
        ask_every: 1,
    })
}

fn acknowledge(state: &mut SmState, h: u32) -> Result<Nonza, Excess> {
    let xml = format!("<a xmlns='{NS_SM}' h='{h}'/>");
    state.nonza(&Stanza::parse(&xml, Instant::now()).unwrap())
}

fn send(state: &mut SmState, count: usize) {
    for _ in 0..count {
        state.sent(StanzaKind::Message, "<message/>");
    }
}

#[test]
fn counts_go_round() {
    let mut state = enabled(Some("x"));
    (state.sent, state.acknowledged, state.handled) = (u32::MAX - 1, u32::MAX - 1, u32::MAX);
    state.note_handled();
    assert_eq!(state.handled(), 0);
    send(&mut state, 4);
    assert_eq!((state.sent_count(), state.unacknowledged()), (2, 4));
    assert_eq!(acknowledge(&mut state, u32::MAX), Ok(Nonza::Acknowledged));
    assert_eq!((state.unacknowledged(), state.kept.len()), (3, 3));
    assert_eq!(acknowledge(&mut state, 1), Ok(Nonza::Acknowledged));
    assert_eq!((state.unacknowledged(), state.kept.len()), (1, 1));
    assert_eq!(acknowledge(&mut state, 3), Err(Excess { h: 3, sent: 2 }));
    assert_eq!(acknowledge(&mut state, 2), Ok(Nonza::Acknowledged));
    assert_eq!((state.unacknowledged(), state.kept_bytes), (0, 0));
    // It has handled two before.
    assert_eq!(acknowledge(&mut state, 1), Err(Excess { h: 1, sent: 2 }));
}

#[test]
fn an_answer_is_told_by_the_number_of_asks_or_by_what_it_says() {
    let mut state = enabled(None);
    state.acknowledged = u32::MAX;
    state.sent = u32::MAX;
    send(&mut state, 2);
    let first = state.asked();
    let second = state.asked();
    let sent = state.sent_count();
    acknowledge(&mut state, 0).unwrap();
    assert!(state.has_answered(first, sent));
    assert!(!state.has_answered(second, sent));
    send(&mut state, 1);
    assert!(!state.has_answered(second + 5, sent));
    acknowledge(&mut state, sent).unwrap();
    assert!(
        state.has_answered(second + 5, sent),
        "all that was sent before"
    );
}

#[test]
fn an_acknowledgement_that_nobody_asked_for_answers_nothing() {
    let mut state = enabled(None);
    send(&mut state, 1);
    acknowledge(&mut state, 0).unwrap();
    send(&mut state, 2);
    let (ask, sent) = (state.asked(), state.sent_count());
    for h in [1, 2] {
        acknowledge(&mut state, h).unwrap();
        assert!(!state.has_answered(ask, sent), "{h}");
    }
    acknowledge(&mut state, 3).unwrap();
    assert!(state.has_answered(ask, sent));
}

#[test]
fn bytes_that_nobody_looked_at_may_be_stanzas() {
    let mut state = enabled(Some("x"));
    send(&mut state, 1);
    state.note_raw(b" \n");
    assert_eq!(acknowledge(&mut state, 3), Err(Excess { h: 3, sent: 1 }));
    state.note_raw(b"<message/><message/>");
    assert_eq!(acknowledge(&mut state, 3), Ok(Nonza::Acknowledged));
    assert_eq!((state.unacknowledged(), state.kept.len()), (0, 0));
    send(&mut state, 1);
    assert_eq!(state.unacknowledged(), 1);
    // What it has handled it cannot have handled no more.
    assert_eq!(acknowledge(&mut state, 2), Err(Excess { h: 2, sent: 4 }));
}

#[test]
fn the_oldest_are_forgotten() {
    let mut state = enabled(Some("x"));
    send(&mut state, UNACKNOWLEDGED_STANZAS_MAX);
    let sent = state.sent(StanzaKind::Presence, "<presence/>");
    assert_eq!(sent.forgotten, 1);
    assert_eq!(state.kept.len(), UNACKNOWLEDGED_STANZAS_MAX);
    let large = "x".repeat(UNACKNOWLEDGED_BYTES_MAX);
    let sent = state.sent(StanzaKind::Message, &large);
    assert_eq!(sent.forgotten as usize, UNACKNOWLEDGED_STANZAS_MAX);
    assert_eq!(state.kept_bytes, UNACKNOWLEDGED_BYTES_MAX);
    assert_eq!(
        state.unacknowledged() as usize,
        UNACKNOWLEDGED_STANZAS_MAX + 2
    );
    // Of those that are not acknowledged only the last is kept.
    acknowledge(&mut state, 1000).unwrap();
    assert_eq!(state.kept.len(), 1);
    // The server counts on from what it says.
    let resumption = Resumption::of(state, "a@b/c").unwrap();
    let mut resumed = SmState::resumed(resumption, 1001).unwrap();
    assert_eq!(resumed.take_unsent().len(), 1);
    resumed.sent(StanzaKind::Message, &large);
    assert_eq!(resumed.sent_count(), 1002);
    assert_eq!(resumed.unacknowledged(), 1);
}

#[test]
fn nothing_is_kept_for_a_stream_that_cannot_be_resumed() {
    let mut state = SmState::asking(&StreamManagement {
        resume: true,
        max: None,
        ask_every: 5,
    });
    send(&mut state, 3);
    state.note_handled();
    assert_eq!(
        (state.kept.len(), state.handled()),
        (3, 0),
        "not enabled yet"
    );
    state.grant(Enabled {
        id: None,
        max: None,
        location: None,
        ask_every: 5,
    });
    assert_eq!((state.kept.len(), state.unacknowledged()), (0, 3));
    assert!(Resumption::of(state, "a@b/c").is_none());
}

#[test]
fn an_acknowledgement_that_says_nothing_acknowledges_nothing() {
    let mut state = enabled(None);
    send(&mut state, 2);
    for xml in [
        "<a xmlns='urn:xmpp:sm:3'/>",
        "<a xmlns='urn:xmpp:sm:3' h='-1'/>",
    ] {
        let stanza = Stanza::parse(xml, Instant::now()).unwrap();
        assert_eq!(state.nonza(&stanza), Ok(Nonza::Acknowledged));
        assert_eq!(state.unacknowledged(), 2);
    }
}
