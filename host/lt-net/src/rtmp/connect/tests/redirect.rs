//! Servers that send this side elsewhere.

use super::*;
use crate::dial::HostAddress;
use crate::peer::local;

/// A server that sends whoever comes to this URL.
async fn sending_to(code: f64, url: String) -> Peer {
    serve(move |_, mut server: Server| {
        let url = url.clone();
        async move {
            server.connect_command().await;
            server
                .say(&[rejection("elsewhere", Some((code, &url)))])
                .await;
        }
    })
    .await
}

#[test]
fn a_redirect_is_followed() {
    local(async {
        let seen = Seen::default();
        let log = seen.clone();
        let origin = serve(move |_, mut server: Server| {
            let log = log.clone();
            async move {
                log.add(&server.connect_command().await[0]);
                server.say(&[success()]).await;
                while server.hear().await.is_some() {}
            }
        })
        .await;
        let there = format!("rtmp://{}/edge?id=1", origin.address);
        let middle = sending_to(302.0, there.clone()).await;
        let first = sending_to(302.0, format!("rtmp://{}", middle.address)).await;
        let tried = try_with(&client(), live(&first)).await;
        let established = tried.outcome.unwrap();
        assert_eq!(established.connected.remote, origin.address);
        assert_eq!(established.app, "edge?id=1");
        assert_eq!(established.tc_url, there);
        assert_eq!(*seen.0.borrow(), [("edge?id=1".to_owned(), there)]);
    });
}

#[test]
fn redirects_that_never_end_are_left() {
    local(async {
        let address = Rc::new(RefCell::new(String::new()));
        let own = address.clone();
        let peer = serve(move |_, mut server: Server| {
            let own = own.clone();
            async move {
                server.connect_command().await;
                let url = own.borrow().clone();
                server.say(&[rejection("again", Some((302.0, &url)))]).await;
            }
        })
        .await;
        *address.borrow_mut() = format!("rtmp://{}/live", peer.address);
        let tried = try_with(&client(), live(&peer)).await;
        tried.check_error("too-many-redirects", "");
        assert_eq!(peer.accepted(), 4);
    });
}

#[test]
fn a_redirect_to_nowhere_is_told() {
    local(async {
        let peer = sending_to(302.0, "http://h/live".to_owned()).await;
        let tried = try_with(&client(), live(&peer)).await;
        tried.check_error("other", "redirected to");
        let peer = sending_to(302.0, "rtmp://127.0.0.1:1/live".to_owned()).await;
        let tried = try_with(&client(), live(&peer)).await;
        tried.check_error("connection-refused", "");
    });
}

#[test]
fn other_extras_are_no_redirects() {
    local(async {
        for (code, url) in [(403.0, "rtmp://127.0.0.1:1/live"), (302.0, "")] {
            let peer = sending_to(code, url.to_owned()).await;
            let status = try_with(&client(), live(&peer)).await.refused();
            assert_eq!(status.description, "elsewhere");
        }
    });
}

#[test]
fn who_connects_stays_the_same() {
    local(async {
        let seen = Seen::default();
        let log = seen.clone();
        let challenge = "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=s&challenge=c";
        let edge = serve(move |number, mut server: Server| {
            let log = log.clone();
            async move {
                log.add(&server.connect_command().await[0]);
                if number == 0 {
                    server.say(&[rejection(challenge, None)]).await;
                    return;
                }
                server.say(&[success()]).await;
                while server.hear().await.is_some() {}
            }
        })
        .await;
        let url = format!("rtmp://{}/live", edge.address);
        let first = serve(move |number, mut server: Server| {
            let url = url.clone();
            async move {
                server.connect_command().await;
                let no = match number {
                    0 => rejection(challenge, None),
                    _ => rejection("elsewhere", Some((302.0, &url))),
                };
                server.say(&[no]).await;
            }
        })
        .await;
        let ask = ConnectRequest {
            credentials: Some(("bob".to_owned(), "secret".to_owned())),
            ..live(&first)
        };
        try_with(&client(), ask).await.outcome.unwrap();
        let apps = seen.apps();
        // What was said to the first server means nothing to the second.
        assert_eq!(apps[0], "live");
        assert!(apps[1].starts_with("live?authmod=adobe&user=bob&challenge="));
    });
}

#[test]
fn another_host_is_not_told_who_connects() {
    local(async {
        let challenge = "[ authmod=adobe ] : ?reason=needauth&salt=s&challenge=c";
        let seen = Seen::default();
        let log = seen.clone();
        let edge = serve(move |_, mut server: Server| {
            let log = log.clone();
            async move {
                log.add(&server.connect_command().await[0]);
                server.say(&[rejection(challenge, None)]).await;
            }
        })
        .await;
        let options = || NetworkOptions {
            hosts: [("edge.test".to_owned(), HostAddress::Socket(edge.address))].into(),
            ..NetworkOptions::default()
        };
        let ask = |first: &Peer| ConnectRequest {
            credentials: Some(("bob".to_owned(), "secret".to_owned())),
            ..live(first)
        };
        let first = sending_to(302.0, "rtmp://edge.test/live".to_owned()).await;
        let tried = try_with(&client_with(options(), |_| {}), ask(&first)).await;
        tried.check_error("authentication", "the server that was asked first may have");
        assert_eq!(seen.apps(), ["live"]);
        // Unless the first says who it is there.
        let first = sending_to(302.0, "rtmp://eve:word@edge.test/live".to_owned()).await;
        let tried = try_with(&client_with(options(), |_| {}), ask(&first)).await;
        tried.check_error("authentication", "");
        let apps = seen.apps();
        assert_eq!(apps[1], "live");
        assert!(
            apps[2].starts_with("live?authmod=adobe&user=eve&"),
            "{apps:?}"
        );
    });
}
