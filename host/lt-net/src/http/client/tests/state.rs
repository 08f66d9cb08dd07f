//! What a client carries from request to request: cookies, connections, settings. And bodies.

use super::*;
use crate::http::{BODY_KEPT_BYTES_MAX, BodyMode, Reuse};

#[test]
fn cookies_come_back_also_from_redirects() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/login" => reply(
                303,
                &[
                    ("set-cookie", "sid=7; Path=/"),
                    ("Set-Cookie", "theme=dark; Path=/"),
                    ("location", "/home"),
                ],
                "",
            ),
            "/logout" => reply(200, &[("set-cookie", "sid=; Max-Age=0; Path=/")], ""),
            _ => reply(200, &[], ""),
        })
        .await;
        let client = client();
        get(&client, peer.url("/first")).await;
        assert_eq!(peer.last().header("cookie"), None);
        assert!(client.jar.borrow().is_none(), "a jar without a cookie");
        get(&client, peer.url("/login")).await;
        assert_eq!(peer.last().target, "/home");
        assert_eq!(peer.last().header("cookie").unwrap(), "sid=7; theme=dark");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            client.cookies(&peer.url("/x")).unwrap(),
            [pair("sid", "7"), pair("theme", "dark")]
        );

        send(
            &client,
            with_header(Request::get(peer.url("/")), "COOKIE", "own=1"),
        )
        .await
        .unwrap();
        assert_eq!(peer.last().header("cookie").unwrap(), "own=1");
        get(&client, peer.url("/logout")).await;
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("cookie").unwrap(), "theme=dark");
        client.clear_cookies();
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("cookie"), None);
    });
}

#[test]
fn cookies_can_be_set_by_hand() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let client = client();
        client.set_cookie(&peer.url("/"), "a=1").unwrap();
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("cookie").unwrap(), "a=1");
        for (url, cookie) in [
            ("nonsense", "a=1"),
            ("http://h/", "no cookie"),
            ("http://h/", "a=1; Domain=other.org"),
        ] {
            assert_eq!(
                client.set_cookie(url, cookie).unwrap_err().code(),
                1020,
                "{url} {cookie}"
            );
        }
        assert_eq!(client.cookies("nonsense").unwrap_err().code(), 1020);
    });
}

#[test]
fn connections_are_reused_as_the_settings_say() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let connections = || {
            peer.seen()
                .iter()
                .map(|seen| seen.connection)
                .collect::<Vec<_>>()
        };
        let keeping = client();
        get(&keeping, peer.url("/")).await;
        get(&keeping, peer.url("/")).await;
        keeping.end_iteration();
        get(&keeping, peer.url("/")).await;
        assert_eq!(connections(), [0, 0, 0]);
        keeping.close_connections();
        get(&keeping, peer.url("/")).await;
        assert_eq!(connections(), [0, 0, 0, 1]);
        let mut fresh = Request::get(peer.url("/"));
        fresh.options.reuse = Some(Reuse::Fresh);
        send(&keeping, fresh).await.unwrap();
        assert_eq!(connections(), [0, 0, 0, 1, 2]);
    });
}

#[test]
fn without_connection_reuse_every_request_connects_and_says_close() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let closing = client_with(|config| config.connection_reuse = false);
        for wanted in 0..3 {
            get(&closing, peer.url("/")).await;
            assert_eq!(peer.last().connection, wanted);
            assert_eq!(peer.last().header("connection").unwrap(), "close");
        }
        let mut keep = Request::get(peer.url("/"));
        keep.options.reuse = Some(Reuse::Keep);
        send(&closing, keep).await.unwrap();
        assert_eq!(peer.last().header("connection"), None);
    });
}

#[test]
fn connections_end_with_their_iteration_if_asked() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let client = client_with(|config| config.reuse_between_iterations = false);
        for iteration in 0..2 {
            get(&client, peer.url("/")).await;
            get(&client, peer.url("/")).await;
            assert_eq!(peer.last().connection, iteration);
            client.end_iteration();
        }
    });
}

fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_are_decompressed_only_when_asked() {
    run(async {
        let coded = gzip(b"the text");
        let peer = Peer::start(move |request| match request.target.as_str() {
            "/gzip" => reply(200, &[("content-encoding", "gzip")], &coded),
            "/plain" => reply(200, &[], "as it is"),
            _ => reply(200, &[("content-encoding", "gzip")], "not gzip"),
        })
        .await;
        let client = client();
        let asking = |path: &str| {
            let mut request = Request::get(peer.url(path));
            request.options.decompress = Some(true);
            request
        };
        let raw = get(&client, peer.url("/gzip")).await;
        assert_eq!(*raw.body().unwrap(), *gzip(b"the text"));
        assert_eq!(peer.last().header("accept-encoding"), None);
        let text = send(&client, asking("/gzip")).await.unwrap();
        assert_eq!(*text.body().unwrap(), *b"the text");
        assert_eq!(*text.body().unwrap(), *b"the text");
        assert_eq!(text.body_length(), gzip(b"the text").len() as u64);
        assert_eq!(
            peer.last().header("accept-encoding").unwrap(),
            "gzip, deflate, br, zstd"
        );
        assert_eq!(
            *send(&client, asking("/plain"))
                .await
                .unwrap()
                .body()
                .unwrap(),
            *b"as it is"
        );
        let damaged = send(&client, asking("/damaged")).await.unwrap();
        assert_eq!(damaged.body().unwrap_err().code(), 1701);
        send(
            &client,
            with_header(asking("/plain"), "Accept-Encoding", "br"),
        )
        .await
        .unwrap();
        assert_eq!(peer.last().header("accept-encoding").unwrap(), "br");
    });
}

#[test]
fn a_discarded_body_is_counted_and_gone() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "hello")).await;
        let client = client_with(|config| config.keep_bodies = false);
        let response = get(&client, peer.url("/")).await;
        assert_eq!(response.body_length(), 5);
        assert_eq!(response.body().unwrap_err(), NetError::BodyDiscarded);
        let mut request = Request::get(peer.url("/"));
        request.options.response_body = Some(BodyMode::Keep);
        assert_eq!(
            *send(&client, request).await.unwrap().body().unwrap(),
            *b"hello"
        );
    });
}

#[test]
fn a_body_over_the_cap_is_an_error_that_is_counted() {
    run(async {
        let length = BODY_KEPT_BYTES_MAX + 1;
        let peer = Peer::start(move |_| reply(200, &[], vec![b'x'; length])).await;
        let mut observed = Vec::new();
        let response = client()
            .send(Request::get(peer.url("/")), |hop| {
                observed.push((hop.status, hop.error.map(NetError::code), hop.expected))
            })
            .await
            .unwrap();
        assert_eq!(observed, [(Some(200), Some(1502), true)]);
        assert_eq!(
            response.body().unwrap_err(),
            NetError::BodyTooLarge(length as u64)
        );
        assert_eq!(response.body_length(), length as u64);
    });
}

#[test]
fn settings_change_from_the_runs_own_each_time() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let client = client_with(|config| config.user_agent = "the run".to_owned());
        client.set_cookie(&peer.url("/"), "a=1").unwrap();
        get(&client, peer.url("/")).await;
        let agent = |text: &str| ClientChanges {
            user_agent: Some(text.to_owned()),
            ..ClientChanges::default()
        };
        client.configure(agent("the guest")).unwrap();
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("user-agent").unwrap(), "the guest");
        assert_eq!(peer.last().header("cookie").unwrap(), "a=1");
        assert_eq!(peer.last().connection, 1, "an old connection was used");
        client.configure(agent("")).unwrap();
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("user-agent"), None);
        client.configure(ClientChanges::default()).unwrap();
        get(&client, peer.url("/")).await;
        assert_eq!(peer.last().header("user-agent").unwrap(), "the run");
    });
}

#[test]
fn settings_that_cannot_be_are_named_and_change_nothing() {
    run(async {
        let client = client();
        let none = ClientChanges::default;
        for (changes, field) in [
            (
                ClientChanges {
                    authorities: Some(b"no pem".to_vec()),
                    ..none()
                },
                "authorities",
            ),
            (
                ClientChanges {
                    identity: Some((b"x".to_vec(), b"y".to_vec())),
                    ..none()
                },
                "identity",
            ),
            (
                ClientChanges {
                    proxy: Some("socks5://h:1".to_owned()),
                    ..none()
                },
                "proxy",
            ),
            (
                ClientChanges {
                    local_address: Some("here".to_owned()),
                    ..none()
                },
                "local-address",
            ),
            (
                ClientChanges {
                    user_agent: Some("a\nb".to_owned()),
                    ..none()
                },
                "user-agent",
            ),
        ] {
            let error = client.configure(changes).unwrap_err();
            assert_eq!(error.code(), 1020);
            assert!(error.to_string().contains(field), "{error}");
            assert!(Rc::ptr_eq(&client.base, &client.config.borrow()));
        }
    });
}

#[test]
fn a_proxy_can_be_chosen_and_given_up() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[], "")).await;
        let proxy = Peer::start(|_| reply(200, &[], "")).await;
        let client = client();
        let through = |proxy: String| ClientChanges {
            proxy: Some(proxy),
            ..ClientChanges::default()
        };
        client.configure(through(proxy.url(""))).unwrap();
        get(&client, peer.url("/a")).await;
        assert_eq!(
            (proxy.last().target, peer.seen().len()),
            (peer.url("/a"), 0)
        );
        client.configure(through(String::new())).unwrap();
        get(&client, peer.url("/b")).await;
        assert_eq!((peer.last().target.as_str(), proxy.seen().len()), ("/b", 1));
    });
}

#[test]
fn equal_tls_settings_share_one_profile() {
    let (network, config) = config();
    let config = Rc::new(config);
    let clients = [
        HttpClient::new(network.clone(), config.clone()),
        HttpClient::new(network, config.clone()),
    ];
    let insecure = ClientChanges {
        insecure: Some(true),
        resumption: Some(false),
        ..ClientChanges::default()
    };
    let profiles = clients.map(|client| {
        client.configure(insecure.clone()).unwrap();
        client.config.borrow().route.tls.clone()
    });
    assert!(std::sync::Arc::ptr_eq(&profiles[0], &profiles[1]));
    assert!(!std::sync::Arc::ptr_eq(&profiles[0], &config.route.tls));
}

#[test]
fn requests_run_side_by_side() {
    run(async {
        let peer = Peer::start(|request| reply(200, &[], request.target.as_str())).await;
        let client = client();
        let urls: Vec<_> = (0..20).map(|n| peer.url(&format!("/{n}"))).collect();
        let (client, mut tasks) = (Rc::new(client), tokio::task::JoinSet::new());
        for url in urls {
            let client = client.clone();
            tasks.spawn_local(async move {
                let response = get(&client, url.as_str()).await;
                assert!(url.as_bytes().ends_with(&response.body().unwrap()));
            });
        }
        tasks.join_all().await;
        assert_eq!(peer.seen().len(), 20);
    });
}
