//! Each route through a real socket, with a client that knows no more HTTP than it must.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::compressed::Coding;
use super::*;

struct Answer {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// As it came: with its chunks, if it has any.
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `name=value` of the first cookie that is set.
    fn cookie(&self) -> &str {
        self.header("set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
    }
}

/// Run a test against a server of its own, and end both.
fn with_server<F: Future<Output = ()>>(test: impl FnOnce(SocketAddr) -> F) {
    with_threads(1, test);
}

fn with_threads<F: Future<Output = ()>>(threads: usize, test: impl FnOnce(SocketAddr) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(listener, TargetOptions { threads }, async move {
            drop(stopped.await)
        });
        let testing = async {
            test(address).await;
            drop(stop);
        };
        let (served, ()) = tokio::join!(server, testing);
        served.unwrap();
        assert!(
            TcpStream::connect(address).await.is_err(),
            "the listener outlives the server"
        );
    });
}

/// One request on a connection of its own; everything until the server closes it.
async fn ask(address: SocketAddr, method: &str, target: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}{length}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    parse(&bytes)
}

async fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, "GET", target, "", "").await
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    }
}

#[test]
fn every_listed_route_exists_and_unlisted_ones_do_not() {
    with_server(|address| async move {
        let page = get(address, "/").await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        for (path, example, _) in index::ROUTES {
            assert!(
                page.text().contains(&format!("<code>{path}</code>")),
                "{path}"
            );
            if !["/stream/10", "/drip?bytes=10&ms=2000", "/close", "/items/1"].contains(&example) {
                let status = get(address, example).await.status;
                assert!(status != 404 && status != 400, "{example} answers {status}");
            }
        }
        for absent in [
            "/nothing",
            "/hello/you",
            "/status",
            "/cookies/get",
            "/items/1/2",
            "/login/x",
        ] {
            assert_eq!(get(address, absent).await.status, 404, "{absent}");
        }
    });
}

#[test]
fn hello_is_small_and_keeps_the_connection() {
    with_threads(2, |address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for method in ["GET", "POST"] {
            let body = "x".repeat(100_000);
            let request = format!(
                "{method} /hello HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"hello\n") {
                assert!(
                    stream.read_buf(&mut bytes).await.unwrap() > 0,
                    "closed after {method}"
                );
            }
            let answer = parse(&bytes);
            assert_eq!(
                (answer.status, answer.header("content-length")),
                (200, Some("6"))
            );
        }
    });
}

#[test]
fn http2_is_spoken_to_its_preface() {
    with_server(|address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await
            .unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.unwrap();
        // The server's own SETTINGS: type 4 on stream 0 (RFC 9113, section 3.4).
        assert_eq!((frame[3], &frame[5..]), (4, &[0, 0, 0, 0][..]));
    });
}

#[test]
fn statuses_and_failures() {
    with_server(|address| async move {
        for code in [200, 404, 418, 503, 599] {
            assert_eq!(get(address, &format!("/status/{code}")).await.status, code);
        }
        let empty = get(address, "/status/204").await;
        assert_eq!((empty.status, empty.body.len()), (204, 0));
        assert_eq!(get(address, "/fail/0").await.status, 200);
        assert_eq!(get(address, "/fail/100").await.status, 503);
        for bad in [
            "/status/100",
            "/status/600",
            "/status/x",
            "/fail/101",
            "/fail/-1",
            "/fail/NaN",
            "/delay/60001",
            "/delay/x",
        ] {
            assert_eq!(get(address, bad).await.status, 400, "{bad}");
        }
        assert_eq!(get(address, "/delay/1").await.text(), "waited 1 ms\n");
    });
}

#[tokio::test(start_paused = true)]
async fn delay_waits_as_long_as_asked() {
    let start = tokio::time::Instant::now();
    assert_eq!(plain::delay("60000").await.status(), 200);
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[test]
fn half_of_a_thousand_requests_fail_at_fifty_percent() {
    let failed = (0..1000)
        .filter(|_| plain::fail("50").status() == 503)
        .count();
    // Six standard deviations: wrong once in a hundred million runs.
    assert!((405..=595).contains(&failed), "{failed} of 1000");
}

#[test]
fn redirects_lead_where_they_say() {
    with_server(|address| async move {
        let first = get(address, "/redirect/2").await;
        assert_eq!(
            (first.status, first.header("location")),
            (302, Some("/redirect/1"))
        );
        assert_eq!(get(address, "/redirect/0").await.text(), "arrived\n");
        let away = get(
            address,
            "/redirect-to?url=http%3A%2F%2Fh%2Fx%3Fa&status=308",
        )
        .await;
        assert_eq!(
            (away.status, away.header("location")),
            (308, Some("http://h/x?a"))
        );
        for bad in [
            "/redirect/1001",
            "/redirect/x",
            "/redirect-to",
            "/redirect-to?url=/x&status=200",
            "/redirect-to?url=%0a",
        ] {
            assert_eq!(get(address, bad).await.status, 400, "{bad}");
        }
    });
}

#[test]
fn bytes_are_as_many_as_promised() {
    with_server(|address| async move {
        for count in [0, 1, 65_536, 1_000_000] {
            let answer = get(address, &format!("/bytes/{count}")).await;
            assert_eq!(answer.header("content-length").unwrap(), count.to_string());
            assert_eq!(answer.body.len(), count);
        }
        let head = ask(address, "HEAD", "/bytes/2147483648", "", "").await;
        assert_eq!(
            (head.header("content-length"), head.body.len()),
            (Some("2147483648"), 0)
        );
        for bad in [
            "/bytes/2147483649",
            "/bytes/x",
            "/stream/601",
            "/drip?bytes=x",
            "/drip?ms=60001",
        ] {
            assert_eq!(get(address, bad).await.status, 400, "{bad}");
        }
    });
}

#[test]
fn streams_come_in_chunks() {
    with_server(|address| async move {
        let answer = get(address, "/stream/2").await;
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert_eq!(
            answer.text(),
            "D\r\nchunk 1 of 2\n\r\nD\r\nchunk 2 of 2\n\r\n0\r\n\r\n"
        );
        assert_eq!(get(address, "/stream/0").await.text(), "0\r\n\r\n");
        let drip = get(address, "/drip?bytes=20&ms=10").await;
        assert_eq!(
            (drip.header("content-length"), drip.body.len()),
            (Some("20"), 20)
        );
    });
}

/// When each piece of a body comes, in milliseconds from the start, and how long it is.
async fn pieces(reply: reply::Reply) -> Vec<(u128, usize)> {
    let start = tokio::time::Instant::now();
    let mut body = reply.into_body();
    let mut pieces = Vec::new();
    while let Some(Ok(frame)) = http_body_util::BodyExt::frame(&mut body).await {
        pieces.push((
            start.elapsed().as_millis(),
            frame.into_data().unwrap().len(),
        ));
    }
    pieces
}

#[tokio::test(start_paused = true)]
async fn slow_bodies_keep_their_pace() {
    assert_eq!(
        pieces(streams::stream("3")).await,
        [(0, 13), (100, 13), (200, 13)]
    );
    assert_eq!(
        pieces(streams::drip("bytes=4&ms=1000")).await,
        [(0, 1), (250, 1), (500, 1), (750, 1)]
    );
    let fast = pieces(streams::drip("bytes=5000&ms=50")).await;
    assert_eq!(fast.iter().map(|(_, length)| length).sum::<usize>(), 5000);
    assert!(
        (49..=51).contains(&fast.last().unwrap().0),
        "{:?}",
        fast.last()
    );
}

#[test]
fn close_sends_less_than_it_promises() {
    with_server(|address| async move {
        let answer = get(address, "/close").await;
        assert_eq!(
            (
                answer.status,
                answer.header("content-length"),
                answer.body.len()
            ),
            (200, Some("1000"), 10)
        );
    });
}

/// The hidden field of the form.
fn csrf_token(page: &str) -> &str {
    page.split("name=\"csrf_token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
}

mod chat;
mod client;
mod plenary;
mod state;
