use super::*;

fn outbox() -> (Outbox, Pings) {
    (Outbox::new(Masks::new(), Some(10)), Pings::new(0))
}

fn answer(number: usize) -> ControlFrame {
    ControlFrame::Answer(number.to_be_bytes().into())
}

#[test]
fn a_flood_of_pings_throws_out_no_frame_of_ours() {
    let (mut outbox, _) = outbox();
    outbox.push_control(ControlFrame::Timed(7));
    outbox.push_control(ControlFrame::Ping(Box::from(*b"ping")));
    outbox.push_control(ControlFrame::Pong(Box::from(*b"pong")));
    for number in 0..10_000 {
        outbox.push_control(answer(number));
    }
    assert_eq!(outbox.control.len(), 3 + CONTROL_FRAMES_MAX);
    assert!(matches!(outbox.control[0], ControlFrame::Timed(7)));
    assert!(matches!(&outbox.control[1], ControlFrame::Ping(data) if **data == *b"ping"));
    assert!(matches!(&outbox.control[2], ControlFrame::Pong(data) if **data == *b"pong"));
    // The newest answers are left.
    let oldest = (10_000 - CONTROL_FRAMES_MAX).to_be_bytes();
    assert!(matches!(&outbox.control[3], ControlFrame::Answer(data) if **data == oldest));
}

#[test]
fn each_kind_of_control_frame_is_bounded() {
    let (mut outbox, _) = outbox();
    for number in 0..1000 {
        outbox.push_control(ControlFrame::Timed(number as u64));
        outbox.push_control(ControlFrame::Ping(Box::default()));
        outbox.push_control(ControlFrame::Pong(Box::default()));
        outbox.push_control(answer(number));
    }
    assert_eq!(outbox.control.len(), 3 * CONTROL_FRAMES_MAX);
}

#[test]
fn a_heartbeat_leaves_pings_out_that_find_no_room() {
    let (mut outbox, _) = outbox();
    let mut numbers = 0..;
    let mut sent = 0;
    for _ in 0..1000 {
        sent += usize::from(outbox.push_beat_ping(|| numbers.next().unwrap()));
    }
    assert_eq!(
        (sent, outbox.control.len()),
        (BEAT_PINGS_MAX, BEAT_PINGS_MAX)
    );
    assert_eq!(
        numbers.next(),
        Some(BEAT_PINGS_MAX as u64),
        "none is counted that is not sent"
    );
    // There is room for one that somebody waits for.
    outbox.push_control(ControlFrame::Timed(1000));
    assert!(matches!(
        outbox.control.back(),
        Some(ControlFrame::Timed(1000))
    ));
    assert!(matches!(outbox.control[0], ControlFrame::Timed(0)));
}

fn bytes(length: usize) -> Content {
    Content::Binary(vec![0; length].into())
}

/// What is unsent: messages and their bytes.
fn unsent(outbox: &Outbox) -> (usize, usize) {
    (outbox.unsent_messages, outbox.unsent_bytes)
}

#[test]
fn what_is_dropped_is_not_unsent() {
    let (mut outbox, mut pings) = outbox();
    for _ in 0..3 {
        outbox.push(bytes(25)).unwrap();
    }
    // The first is within its first fragment of ten bytes: those are still to be sent.
    let mut out = Vec::new();
    let first = outbox.encode(&mut out, 10, &mut pings);
    assert_eq!(
        (first.messages, first.bytes),
        (0, 4),
        "behind a head of six"
    );
    outbox.abort(CloseFrame::new(Some(1002), ""));
    assert_eq!(unsent(&outbox), (0, 10));
    assert_eq!(
        outbox.push(bytes(1)),
        Err(bytes(1)),
        "nothing goes before the close frame"
    );
    assert!(!outbox.has_room_again());
    outbox.abort(CloseFrame::new(Some(1002), ""));
    assert_eq!(unsent(&outbox), (0, 10), "once");
    outbox.written(&first);
    let rest = outbox.encode(&mut out, 1000, &mut pings);
    assert_eq!((rest.messages, rest.bytes), (0, 6));
    outbox.written(&rest);
    assert_eq!(unsent(&outbox), (0, 0));
    assert_eq!(outbox.close_code(), Some(1002));
}

#[test]
fn a_message_that_is_whole_in_its_last_frame_is_sent_before_the_close_frame() {
    let (mut outbox, mut pings) = outbox();
    outbox.push(bytes(8)).unwrap();
    outbox.push(bytes(8)).unwrap();
    let first = outbox.encode(&mut Vec::new(), 10, &mut pings);
    outbox.abort(CloseFrame::new(None, ""));
    assert_eq!(unsent(&outbox), (1, 8));
    let rest = outbox.encode(&mut Vec::new(), 1000, &mut pings);
    outbox.written(&first);
    outbox.written(&rest);
    assert_eq!((unsent(&outbox), rest.messages), ((0, 0), 1));
}

#[test]
fn nothing_is_unsent_after_the_end() {
    let (mut outbox, mut pings) = outbox();
    outbox.push(bytes(25)).unwrap();
    outbox.push(bytes(25)).unwrap();
    let batch = outbox.encode(&mut Vec::new(), 10, &mut pings);
    outbox.clear();
    assert_eq!(unsent(&outbox), (0, 0));
    outbox.written(&batch);
    assert_eq!(unsent(&outbox), (0, 0));
}
