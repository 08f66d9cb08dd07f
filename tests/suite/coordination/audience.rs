//! Who is present when something is sent is to receive it.

use lt_tests::{LtHost, Ran};

use super::expect_checked;

/// One message to three users, of whom the second does this: sent, received, lost, excused, duplicates and unmatched.
fn sent_to_three(second_user: &str, sender_too: bool) -> ([u64; 6], Ran) {
    let ran = LtHost::run("coordination_audience")
        .set("second-user", second_user)
        .set("sender-too", sender_too)
        .arguments("--users 3 --cores 2 --delivery-timeout 10s")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    let counts = [
        "sent",
        "received",
        "lost",
        "excused",
        "duplicates",
        "unmatched",
    ]
    .map(|what| summary.count(&format!("delivery_{what}")));
    (counts, ran)
}

#[test]
fn who_is_present_is_to_receive_and_who_left_is_excused() {
    for (second_user, expected) in [
        ("receives", [3, 3, 0, 0, 0, 0]),
        ("leaves", [3, 2, 0, 1, 0, 0]),
        ("is-cut-off", [3, 2, 1, 0, 0, 0]),
        ("drops", [3, 2, 0, 1, 0, 0]),
        ("ends", [3, 2, 0, 1, 0, 0]),
        // It leaves at its end, when all others have received it.
        ("waits", [3, 2, 0, 1, 0, 0]),
        // What it receives all the same counts nowhere.
        ("is-absent", [2, 2, 0, 0, 0, 0]),
    ] {
        let (counts, ran) = sent_to_three(second_user, true);
        assert_eq!(counts, expected, "{second_user}\n{ran}");
    }
}

#[test]
fn the_sender_may_be_left_out() {
    for (second_user, expected) in [
        ("receives", [2, 2, 0, 0, 0, 0]),
        ("leaves", [2, 1, 0, 1, 0, 0]),
        ("is-absent", [1, 1, 0, 0, 0, 0]),
    ] {
        let (counts, ran) = sent_to_three(second_user, false);
        assert_eq!(counts, expected, "{second_user}\n{ran}");
    }
}
