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
