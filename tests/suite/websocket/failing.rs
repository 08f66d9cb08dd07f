//! Users who fail take their connections with them, and nobody else's.

use lt_tests::LtHost;
use lt_tests::peers::WebSocketPeer;
use lt_tests::peers::websocket::opcode;

use super::{all_ended, endings};

#[test]
fn no_connection_outlives_its_user() {
    for (how, class) in [("fails", "failure"), ("panics", "panic"), ("spins", "cpu")] {
        let peer = WebSocketPeer::echo();
        let ran = LtHost::run("websocket_failing")
            .set("url", peer.url("/"))
            .set("how", how)
            .arguments("--users 4 --repeat-num 4 --cores 2 --cpu-limit 100ms")
            .with_samples()
            .finish()
            .expect_code(0);
        let summary = ran.summary();
        assert_eq!(summary.count("iterations"), 16, "{how}\n{ran}");
        let failures = summary.failures(class);
        assert!(failures >= 4, "{how}\n{ran}");
        assert_eq!(summary.failures_in_all(), failures, "{how}\n{ran}");
        // Each is told that the client goes away, and counted, whatever became of its user.
        let opened = summary.count("ws_sessions") as usize;
        assert!(opened >= 12, "{how}\n{ran}");
        let expected = all_ended(opened, "by-us", 1001, "");
        assert_eq!(endings(&ran), expected, "{how}\n{ran}");
        for frames in peer.await_ended(opened) {
            let last = frames.last().unwrap();
            assert_eq!(last.close_code(), Some(1001), "{how}: {last:?}\n{ran}");
            let closes = frames.iter().filter(|frame| frame.opcode == opcode::CLOSE);
            assert_eq!(closes.count(), 1, "{how}\n{ran}");
        }
        assert_eq!(peer.http().connections(), opened, "{how}\n{ran}");
    }
}
