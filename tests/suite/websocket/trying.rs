//! Before a run: what a scenario needs, and what it calls.

use lt_tests::LtHost;
use lt_tests::guests::guest;
use lt_tests::peers::WebSocketPeer;

use super::expect_checked;

#[test]
fn what_a_scenario_needs_is_listed() {
    for (name, needs) in [("websocket_echo", true), ("http_fetch", false)] {
        let file = guest(name);
        let file = file.to_str().unwrap();
        let ran = LtHost::new(&["describe", file]).finish().expect_code(0);
        let listed = ran.stdout().contains("lt:scenario/websocket@0.1.0");
        assert_eq!(listed, needs, "{ran}");
        let ran = LtHost::new(&["validate", file, "--set", "url=ws://127.0.0.1:1/"]).finish();
        drop(ran.expect_code(0));
    }
}

#[test]
fn every_call_is_shown_when_a_scenario_is_tried_once() {
    let peer = WebSocketPeer::echo();
    let ran = LtHost::run("websocket_sleeper")
        .set("url", peer.url("/echo"))
        .set("messages", 1)
        .arguments("--once")
        .finish();
    let ran = expect_checked(ran);
    let mut lines = ran.stderr().lines();
    let connect = format!(
        "websocket.socket.connect(request: Request {{ url: \"{}\"",
        peer.url("/echo")
    );
    for part in [
        connect.as_str(),
        "websocket.socket.watch(#0, watch: Watch { pattern: Json((\"/type\", \"chat\")), name: Some(\"chat\")",
        "websocket.socket.watch(#0, watch: Watch { pattern: Contains(\"heartbeat\"), keep: false })",
        "websocket.socket.send-every(#0, interval: 50000000, content: Text(\"\\\"heartbeat\\\"\")",
        "coordination.mark-sent(id: \"1-0-0\"",
        "websocket.socket.send(#0, content: Text(",
        "timing.sleep(duration: 500000000)",
        "websocket.heartbeat.sent(",
        "websocket.watcher.matched(",
        "websocket.socket.receive(#0, timeout: Some(0))",
        "websocket.socket.receive(#0, timeout: Some(10000000000))",
        "websocket.socket.close(#0, code: Some(1000)",
    ] {
        assert!(
            lines.any(|line| line.contains(part)),
            "{part} is not shown, or not in its turn\n{ran}"
        );
    }
}
