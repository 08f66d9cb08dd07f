use std::rc::Rc;
use std::time::Duration;

use ::http::Method;

use super::test_peer::{Peer, redirect, reply};
use super::*;
use crate::dial::{NetworkOptions, Route};
use crate::http::Body;
use crate::tls::TlsSettings;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

pub(super) fn config() -> (Rc<Network>, ClientConfig) {
    let network = Network::new(NetworkOptions::default());
    let profile = network.tls_profile(&TlsSettings::default()).unwrap();
    (network, ClientConfig::new(Rc::new(Route::direct(profile))))
}

pub(super) fn client_with(change: impl FnOnce(&mut ClientConfig)) -> HttpClient {
    let (network, mut config) = config();
    change(&mut config);
    HttpClient::new(network, Rc::new(config))
}

fn client() -> HttpClient {
    client_with(|_| {})
}

async fn send(client: &HttpClient, request: Request) -> Result<Response, NetError> {
    client.send(request, |_| {}).await
}

async fn get(client: &HttpClient, url: impl Into<String>) -> Response {
    send(client, Request::get(url)).await.unwrap()
}

fn with_header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.to_owned(), value.into()));
    request
}

fn post(url: String, body: &'static str) -> Request {
    let mut request = Request::get(url);
    request.method = Method::POST;
    request.body = Body::Bytes(body.into());
    with_header(request, "Content-Type", "text/plain")
}

#[test]
fn an_idle_client_is_small() {
    let own = size_of::<HttpClient>() - size_of::<Pool>();
    assert!(own < 100, "{own} bytes beside the pool");
}

/// Every user's I/O task is as large as its largest future, also while the user is idle.
#[test]
fn a_request_under_way_costs_little_beside_its_exchange() {
    let client = client();
    let journey = Journey::start(Request::get("http://h/"), client.base.clone()).unwrap();
    let exchange = size_of_val(&client.pool.exchange(&journey.exchange(&[])));
    let own = size_of_val(&client.send(Request::get("http://h/"), |_| {})) - exchange;
    assert!(own < 400, "{own} bytes beside the exchange's {exchange}");
}

#[test]
fn defaults_are_sent_and_can_be_replaced() {
    run(async {
        let peer = Peer::start(|_| reply(200, &[("X-Kind", "plain")], "hello")).await;
        let client = client();
        let response = get(&client, peer.url("/a?b#c")).await;
        assert_eq!(
            (response.status(), response.version()),
            (200, crate::http::Version::Http11)
        );
        assert_eq!(&*response.body().unwrap(), b"hello");
        assert_eq!(response.header("x-KIND"), Some(&b"plain"[..]));
        assert_eq!(
            response.headers()[1],
            ("x-kind".to_owned(), b"plain".to_vec())
        );
        assert_eq!(response.url(), peer.url("/a?b#c"));
        assert_eq!((response.redirects(), response.body_length()), (0, 5));
        assert_eq!(response.remote_address(), peer.address);
        let seen = peer.last();
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            ("GET", "/a?b")
        );
        let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["host", "user-agent"]);
        assert_eq!(seen.header("host").unwrap(), peer.address.to_string());
        assert_eq!(
            seen.header("user-agent").unwrap(),
            format!("lt-host/{}", env!("CARGO_PKG_VERSION"))
        );

        let request = with_header(Request::get(peer.url("/")), "User-Agent", "mine");
        send(&client, with_header(request, "HOST", "other"))
            .await
            .unwrap();
        assert_eq!(peer.last().header("user-agent").unwrap(), "mine");
        assert_eq!(peer.last().header("host").unwrap(), "other");
    });
}

#[test]
fn an_invalid_request_is_refused_before_anything_is_sent() {
    run(async {
        let client = client();
        let mut connect = Request::get("http://127.0.0.1:1/");
        connect.method = Method::CONNECT;
        let broken = with_header(Request::get("http://127.0.0.1:1/"), "x", "a\r\nb: c");
        for request in [
            connect,
            broken,
            Request::get("/relative"),
            Request::get("ftp://h/"),
        ] {
            let mut observed = 0;
            let error = client.send(request, |_| observed += 1).await.unwrap_err();
            assert_eq!((error.code(), observed), (1020, 0), "{error}");
        }
    });
}

#[test]
fn what_only_the_wire_cannot_say_is_not_observed_either() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut request = with_header(Request::get(url), "host", "no authority");
        request.options.version = Some(crate::http::VersionChoice::Http2);
        let mut observed = 0;
        let error = client().send(request, |_| observed += 1).await.unwrap_err();
        assert_eq!((error.code(), observed), (1020, 0), "{error}");
    });
}

#[test]
fn a_failure_after_connecting_has_opened_a_connection() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/first" => reply(200, &[], ""),
            _ => b"nonsense\r\n\r\n".to_vec(),
        })
        .await;
        for (first, reused) in [(None, false), (Some("/first"), true)] {
            let client = client();
            if let Some(path) = first {
                get(&client, peer.url(path)).await;
            }
            let mut seen = Vec::new();
            let failed = client.send(Request::get(peer.url("/")), |hop| seen.push(hop.reused));
            assert_eq!(failed.await.unwrap_err().code(), 1500);
            assert_eq!(seen, [reused]);
        }
    });
}

#[test]
fn every_hop_is_observed() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/one" => redirect(302, "/two"),
            _ => reply(404, &[], "gone"),
        })
        .await;
        let mut request = Request::get(peer.url("/one"));
        request.options.name = Some("both".to_owned());
        let mut hops = Vec::new();
        let response = client()
            .send(request, |hop| {
                assert_eq!(
                    (hop.name(), hop.error, hop.remote),
                    ("both", None, Some(peer.address))
                );
                assert!(hop.bytes_sent > 0 && hop.bytes_received > 0);
                let path = hop.url.path_and_query().to_owned();
                hops.push((path, hop.status, hop.expected, hop.redirects, hop.reused));
            })
            .await
            .unwrap();
        assert_eq!(
            hops,
            [
                ("/one".to_owned(), Some(302), true, 0, false),
                ("/two".to_owned(), Some(404), false, 1, true)
            ]
        );
        assert_eq!(
            (response.status(), response.redirects(), response.url()),
            (404, 1, peer.url("/two").into())
        );
    });
}

#[test]
fn a_failure_is_observed_once_with_its_error() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let mut seen = Vec::new();
        let result = client()
            .send(Request::get(url.as_str()), |hop| {
                assert!(hop.reused, "no connection was opened");
                seen.push((hop.error.cloned(), hop.status, hop.expected))
            })
            .await;
        assert_eq!(result.unwrap_err(), NetError::ConnectionRefused);
        assert_eq!(seen, [(Some(NetError::ConnectionRefused), None, false)]);
    });
}

#[test]
fn post_becomes_get_without_its_body() {
    run(async {
        let peer = Peer::start(|request| match request.target.strip_prefix("/go/") {
            Some(status) => redirect(status.parse().unwrap(), "/end"),
            None => reply(200, &[], ""),
        })
        .await;
        let client = client();
        for (status, method, body) in [
            (301, "GET", ""),
            (302, "GET", ""),
            (303, "GET", ""),
            (307, "POST", "data"),
            (308, "POST", "data"),
        ] {
            send(&client, post(peer.url(&format!("/go/{status}")), "data"))
                .await
                .unwrap();
            let seen = peer.last();
            assert_eq!(
                (seen.method.as_str(), seen.body.as_slice()),
                (method, body.as_bytes()),
                "{status}"
            );
            let described =
                seen.header("content-type").is_some() || seen.header("content-length").is_some();
            assert_eq!(described, !body.is_empty(), "{status}");
        }
        let mut head = Request::get(peer.url("/go/303"));
        head.method = Method::HEAD;
        // The peer's answer to HEAD must have no body.
        let peer = Peer::start(|request| match request.target.as_str() {
            "/go/303" => {
                b"HTTP/1.1 303 See\r\nlocation: /end\r\ncontent-length: 5\r\n\r\n".to_vec()
            }
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n".to_vec(),
        })
        .await;
        head.url = peer.url("/go/303");
        let response = send(&client, head).await.unwrap();
        assert_eq!(
            (peer.last().method.as_str(), response.body_length()),
            ("HEAD", 0)
        );
    });
}

#[test]
fn secrets_do_not_leave_their_origin() {
    run(async {
        let far = Peer::start(|request| match request.target.as_str() {
            "/" => redirect(302, "/second"),
            _ => reply(200, &[], ""),
        })
        .await;
        let goal = far.url("/");
        let near = Peer::start(move |request| match request.target.as_str() {
            "/same" => redirect(302, "/again"),
            "/again" => reply(200, &[], ""),
            _ => redirect(302, &goal),
        })
        .await;
        let client = client();
        let secret = |path: &str| {
            let request = with_header(Request::get(near.url(path)), "Authorization", "secret");
            with_header(with_header(request, "Cookie", "s=1"), "X-Kept", "yes")
        };
        send(&client, secret("/same")).await.unwrap();
        assert_eq!(near.last().target, "/again");
        assert_eq!(near.last().header("authorization").unwrap(), "secret");
        assert_eq!(near.last().header("cookie").unwrap(), "s=1");
        send(&client, secret("/away")).await.unwrap();
        assert_eq!(far.seen().len(), 2);
        for seen in far.seen() {
            assert_eq!(
                (seen.header("authorization"), seen.header("cookie")),
                (None, None)
            );
            assert_eq!(seen.header("x-kept").unwrap(), "yes");
        }
    });
}

#[test]
fn the_password_of_a_url_goes_along_within_its_origin() {
    run(async {
        let far = Peer::start(|_| reply(200, &[], "")).await;
        let goal = far.url("/");
        let near = Peer::start(move |request| match request.target.as_str() {
            "/one" => redirect(302, "/two"),
            "/two" => redirect(302, "/three"),
            "/three" => redirect(302, &goal),
            _ => unreachable!(),
        })
        .await;
        let response = get(&client(), format!("http://u:p@{}/one", near.address)).await;
        assert_eq!(response.url(), far.url("/"));
        for seen in near.seen() {
            assert_eq!(
                seen.header("authorization").as_deref(),
                Some("Basic dTpw"),
                "{}",
                seen.target
            );
        }
        assert_eq!(far.last().header("authorization"), None);
    });
}

#[test]
fn redirects_end_at_their_limit() {
    run(async {
        let peer = Peer::start(|request| {
            let n: u32 = request.target[1..].parse().unwrap();
            redirect(302, &format!("/{}", n + 1))
        })
        .await;
        let client = client();
        let limited = |limit| {
            let mut request = Request::get(peer.url("/0"));
            request.options.max_redirects = limit;
            request
        };
        let first = send(&client, limited(Some(0))).await.unwrap();
        assert_eq!((first.status(), first.redirects()), (302, 0));
        for (limit, hops_wanted) in [(Some(1), 2), (Some(3), 4), (None, 11)] {
            let mut hops = Vec::new();
            let result = client
                .send(limited(limit), |hop| {
                    hops.push((hop.error.cloned(), hop.expected))
                })
                .await;
            assert_eq!(result.unwrap_err(), NetError::TooManyRedirects);
            assert_eq!(hops.len(), hops_wanted);
            assert_eq!(
                hops.pop().unwrap(),
                (Some(NetError::TooManyRedirects), false)
            );
            assert!(hops.iter().all(|hop| *hop == (None, true)));
        }
    });
}

#[test]
fn a_redirect_that_cannot_be_followed_is_the_response() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/bare" => reply(302, &[], "no location"),
            _ => redirect(302, "mailto:someone@example.org"),
        })
        .await;
        let client = client();
        for path in ["/bare", "/mail"] {
            let response = get(&client, peer.url(path)).await;
            assert_eq!(
                (response.status(), response.redirects()),
                (302, 0),
                "{path}"
            );
        }
    });
}

#[test]
fn a_fragment_is_inherited_until_a_location_has_its_own() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/plain" => redirect(302, "/end"),
            "/own" => redirect(302, "/end#theirs"),
            _ => reply(200, &[], ""),
        })
        .await;
        let client = client();
        assert_eq!(
            get(&client, peer.url("/plain#mine")).await.url(),
            peer.url("/end#mine")
        );
        assert_eq!(
            get(&client, peer.url("/own#mine")).await.url(),
            peer.url("/end#theirs")
        );
    });
}

#[test]
fn redirects_share_one_deadline() {
    run(async {
        let peer = Peer::start(|request| match request.target.as_str() {
            "/start" => redirect(302, "/silent"),
            "/end" => reply(200, &[], ""),
            _ => Vec::new(),
        })
        .await;
        let mut endless = Request::get(peer.url("/end"));
        endless.options.timeout = Some(Duration::MAX);
        send(&client(), endless).await.unwrap();
        let mut request = Request::get(peer.url("/start"));
        request.options.timeout = Some(Duration::from_millis(50));
        let mut errors = Vec::new();
        let result = client()
            .send(request, |hop| errors.push(hop.error.cloned()))
            .await;
        assert_eq!(result.unwrap_err(), NetError::Timeout);
        assert_eq!(errors, [None, Some(NetError::Timeout)]);
    });
}

mod state;
