//! Servers that want to know who connects.

use super::*;
use crate::peer::local;

const NEED_AUTH: &str = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
const CHALLENGE: &str = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=bob&salt=salty&challenge=chal&opaque=opq";
const WRONG: &str = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=opq";

/// A server that gives each connection the next of these reasons to say no, and then says yes.
async fn asking(reasons: &'static [&'static str]) -> (Peer, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let peer = serve(move |number, mut server| {
        let log = log.clone();
        async move {
            let values = server.connect_command().await;
            log.add(&values[0]);
            match reasons.get(number) {
                Some(reason) => server.say(&[rejection(reason, None)]).await,
                None => {
                    server.say(&[success()]).await;
                    while server.hear().await.is_some() {}
                }
            }
        }
    })
    .await;
    (peer, seen)
}

fn as_bob(peer: &Peer) -> ConnectRequest {
    ConnectRequest {
        credentials: Some(("bob".to_owned(), "secret".to_owned())),
        ..live(peer)
    }
}

#[test]
fn a_proof_is_given_on_a_new_connection() {
    local(async {
        let (peer, seen) = asking(&[NEED_AUTH, CHALLENGE]).await;
        let tried = try_with(&client(), as_bob(&peer)).await;
        // What was said for the proof is nobody's name for the application.
        assert_eq!(tried.outcome.unwrap().app, "live");
        assert_eq!(peer.accepted(), 3);
        let apps = seen.apps();
        assert_eq!(apps[..2], ["live", "live?authmod=adobe&user=bob"]);
        let answer = apps[2].strip_prefix("live?authmod=adobe&user=bob&challenge=");
        let (_, response) = answer.unwrap().split_once("&response=").unwrap();
        assert!(response.ends_with("==&opaque=opq"), "{response}");
        for (app, tc_url) in seen.0.borrow().iter() {
            assert_eq!(*tc_url, format!("rtmp://{}/{app}", peer.address));
            assert!(!app.contains("secret"));
        }
        // All of it is one attempt: times of the first connection, bytes of all.
        let handshakes = 3 * (1 + 2 * BLOCK_BYTES as u64);
        assert!(tried.attempt.bytes_sent > handshakes);
        assert!(tried.attempt.bytes_received > handshakes);
        let timings = tried.attempt.timings;
        assert!(timings.connecting + timings.handshaking + timings.commanding <= timings.total);
    });
}

#[test]
fn who_connects_may_stand_in_the_url_which_nobody_is_sent() {
    local(async {
        let (peer, seen) = asking(&[CHALLENGE]).await;
        let url = format!("rtmp://bob:secret@{}/live?k=v", peer.address);
        try_with(&client(), request(&url)).await.outcome.unwrap();
        let seen = seen.0.borrow();
        assert_eq!(seen[0].0, "live?k=v");
        assert_eq!(seen[0].1, format!("rtmp://{}/live?k=v", peer.address));
        assert!(seen[1].0.starts_with("live?k=v&authmod=adobe&user=bob&"));
    });
}

#[test]
fn limelights_way_is_known_too() {
    local(async {
        let (peer, seen) = asking(&[
            "[ code=403 need auth; authmod=llnw ]",
            "[ authmod=llnw ] : ?reason=needauth&user=bob&nonce=n0nce",
        ])
        .await;
        try_with(&client(), as_bob(&peer)).await.outcome.unwrap();
        let apps = seen.apps();
        assert_eq!(apps[1], "live?authmod=llnw&user=bob");
        assert!(apps[2].starts_with("live?authmod=llnw&user=bob&nonce=n0nce&cnonce="));
    });
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again() {
    local(async {
        let (peer, _) = asking(&[NEED_AUTH, CHALLENGE, WRONG]).await;
        let tried = try_with(&client(), as_bob(&peer)).await;
        tried.check_error("authentication", "wrong");
        assert_eq!(peer.accepted(), 3);
        let (peer, _) = asking(&["authmod=adobe :?reason=nosuchuser"]).await;
        let tried = try_with(&client(), as_bob(&peer)).await;
        tried.check_error("authentication", "user");
    });
}

#[test]
fn nobody_in_particular_has_no_proof() {
    local(async {
        let (peer, _) = asking(&[NEED_AUTH]).await;
        let tried = try_with(&client(), live(&peer)).await;
        tried.check_error("authentication", "name and password");
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn a_server_that_never_has_enough_is_left() {
    local(async {
        let (peer, _) = asking(&[NEED_AUTH; 10]).await;
        let tried = try_with(&client(), as_bob(&peer)).await;
        tried.check_error("authentication", "asks again");
        assert_eq!(peer.accepted(), 2);
        let (peer, _) = asking(&[CHALLENGE; 10]).await;
        let tried = try_with(&client(), as_bob(&peer)).await;
        tried.check_error("authentication", "asks again");
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn another_reason_to_say_no_is_told_as_it_is() {
    local(async {
        let (peer, _) = asking(&["the server is full"]).await;
        let status = try_with(&client(), as_bob(&peer)).await.refused();
        assert_eq!(status.description, "the server is full");
        assert_eq!(peer.accepted(), 1);
    });
}
