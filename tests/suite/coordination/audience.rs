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

/// Who looks for losses is to read that there were none, and not to guess it from what is absent.
#[test]
fn that_nothing_was_lost_is_said() {
    let (_, ran) = sent_to_three("receives", true);
    let summary = ran.summary();
    for none in ["delivery_lost", "delivery_duplicates"] {
        assert_eq!(summary.value(none, "count"), Some(0.0), "{none}\n{ran}");
        assert!(ran.stdout().contains(none), "{none}\n{ran}");
    }
    for unknown in ["delivery_excused", "delivery_unmatched"] {
        assert_eq!(summary.value(unknown, "count"), None, "{unknown}\n{ran}");
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
