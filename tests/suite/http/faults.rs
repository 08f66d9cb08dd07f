//! What goes wrong on the way: each kind is told to the guest by its name, counted by its number, and the run goes on.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::nginx::Nginx;
use lt_tests::peers::http::{HttpPeer, Then};
use lt_tests::peers::{TcpPeer, closed_port};
use lt_tests::results::error_codes;

/// Iterations of each run here: more than one, because a fault must not keep a user from the next.
const ITERATIONS: u64 = 3;

/// Fetch with the guest that wants this error, and hold the samples to this code.
#[track_caller]
fn fails_with(command: LtHost, error: &str, code: u32) {
    let ran = command
        .set("error", error)
        .argument("--iterations")
        .argument(ITERATIONS.to_string())
        .with_samples()
        .finish()
        .expect_clean();
    let codes = error_codes(&ran.rows());
    assert_eq!(
        codes.get(&code.to_string()),
        Some(&(ITERATIONS as usize)),
        "codes are {codes:?}\n{ran}"
    );
    let summary = ran.summary();
    assert_eq!(summary.count("iterations"), ITERATIONS, "{ran}");
    assert_eq!(summary.value("http_req_failed", "rate"), Some(1.0), "{ran}");
}

fn from(url: &str) -> LtHost {
    LtHost::run("http_error").set("url", url)
}

/// A peer that sends these bytes as soon as a request has come, and closes.
fn says(bytes: &'static [u8]) -> HttpPeer {
    HttpPeer::start(move |_, stream| {
        let _gone = stream.write_all(bytes);
        Then::Close
    })
}

#[test]
fn nobody_listens() {
    fails_with(
        from(&format!("http://127.0.0.1:{}/", closed_port())),
        "connection-refused",
        1212,
    );
}

#[test]
fn the_name_does_not_resolve() {
    fails_with(from("http://no-such-host.invalid/"), "name-not-found", 1101);
}

#[test]
fn the_request_cannot_be_sent() {
    for url in ["http://127.0.0.1:port/", "ftp://127.0.0.1/", "no URL"] {
        let ran = from(url)
            .set("error", "invalid-request")
            .arguments("--iterations 3")
            .finish()
            .expect_clean();
        // Nothing was sent, so nothing is counted as sent.
        assert_eq!(ran.summary().count("http_reqs"), 0, "{url}\n{ran}");
    }
}

#[test]
fn the_server_never_answers() {
    let peer = TcpPeer::start(|stream, _| {
        let mut nothing = stream;
        let _read = std::io::copy(&mut nothing, &mut std::io::sink());
    });
    fails_with(
        from(&peer.url("/")).set("timeout", "200ms"),
        "timeout",
        1050,
    );
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--http-timeout 200ms")
        .with_samples()
        .finish()
        .expect_code(0);
    assert_eq!(error_codes(&ran.rows()).get("1050"), Some(&1), "{ran}");
}

#[test]
fn the_server_drips() {
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Then::Close
    });
    fails_with(
        from(&peer.url("/")).set("timeout", "200ms"),
        "timeout",
        1050,
    );
}

#[test]
fn the_server_closes_before_the_head() {
    fails_with(from(&says(b"").url("/")), "connection-closed", 1221);
    fails_with(
        from(&says(b"HTTP/1.1 200 OK\r\ncontent-").url("/")),
        "connection-closed",
        1221,
    );
}

#[test]
fn the_server_closes_in_mid_body() {
    fails_with(
        from(&says(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort").url("/")),
        "connection-closed",
        1221,
    );
    fails_with(
        from(&says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\nshort").url("/")),
        "connection-closed",
        1221,
    );
}

#[test]
fn the_server_resets() {
    let peer = TcpPeer::start(|stream, _| {
        // What was sent stays unread: closing now makes the kernel send a reset.
        std::thread::sleep(Duration::from_millis(50));
        let _closed = stream.shutdown(Shutdown::Write);
        drop(stream);
    });
    let ran = LtHost::run("http_error")
        .set("url", peer.url("/"))
        .set("error", "connection-reset")
        .arguments("--iterations 3")
        .with_samples()
        .finish()
        .expect_code(0);
    // Whether the end of the stream or the reset is seen first is a race that the kernel decides.
    let codes = error_codes(&ran.rows());
    let seen = codes.get("1220").unwrap_or(&0) + codes.get("1221").unwrap_or(&0);
    assert_eq!(seen, 3, "codes are {codes:?}\n{ran}");
}

#[test]
fn the_server_speaks_something_else() {
    fails_with(
        from(&says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").url("/")),
        "protocol",
        1500,
    );
    fails_with(
        from(&says(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").url("/")),
        "protocol",
        1500,
    );
    fails_with(
        from(&says(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").url("/")),
        "protocol",
        1500,
    );
    fails_with(
        from(&says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n").url("/")),
        "protocol",
        1500,
    );
}

#[test]
fn the_server_floods_the_head() {
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        let line = format!("x-flood: {}\r\n", "x".repeat(1000));
        while stream.write_all(line.as_bytes()).is_ok() {}
        Then::Close
    });
    fails_with(from(&peer.url("/")), "head-too-large", 1501);
}

#[test]
fn the_server_redirects_for_ever() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = from(&nginx.url("/redirect/loop"))
        .set("error", "too-many-redirects")
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(error_codes(&ran.rows()).get("1503"), Some(&1), "{ran}");
}

#[test]
fn the_body_does_not_decompress() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = from(&nginx.url("/broken-gzip"))
        .set("error", "decompression")
        .with_samples()
        .finish()
        .expect_clean();
    drop(ran);
}

/// Runs that receive gigabytes keep a core busy for seconds.
#[test]
fn heavy_two_gigabytes_are_counted_and_not_kept() {
    const LENGTH: u64 = 2 << 30;
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream
            .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").as_bytes());
        let zeros = vec![0; 1 << 20];
        for _ in 0..LENGTH >> 20 {
            if stream.write_all(&zeros).is_err() {
                break;
            }
        }
        Then::Close
    });
    let mut running = from(&peer.url("/"))
        .set("error", "body-too-large")
        .set("timeout", "60s")
        .with_samples()
        .start();
    let mut resident_kib = 0;
    while !running.has_ended() {
        resident_kib = resident_kib.max(running.resident_kib_max().unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = running.finish().expect_clean();
    assert!(ran.summary().count("data_received") >= LENGTH, "{ran}");
    // The engine itself takes some 60 MB, the kept part of the body at most 16 MiB.
    assert!(
        (1..256 << 10).contains(&resident_kib),
        "lt-host took {resident_kib} KiB"
    );
}

#[test]
fn users_whose_server_fails_do_not_disturb_others() {
    // Every third request ends badly, each time in another way.
    let peer = HttpPeer::start(
        |request, stream| match request.query("turn").unwrap_or_default() {
            _ if request.connection % 3 == 0 => {
                let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
                Then::Close
            }
            _ if request.connection % 3 == 1 => {
                let _gone = stream.write_all(b"garbage\r\n\r\n");
                Then::Close
            }
            _ => {
                lt_tests::peers::http::respond(stream, 200, &[("connection", "close")], b"ok");
                Then::Close
            }
        },
    );
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 3 --iterations 60")
        .with_samples()
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    assert_eq!(summary.count("iterations"), 60, "{ran}");
    let codes = error_codes(&ran.rows());
    let good = codes.get("").copied().unwrap_or(0);
    let closed = codes.get("1221").copied().unwrap_or(0);
    let garbled = codes.get("1500").copied().unwrap_or(0);
    assert_eq!(good + closed + garbled, 60, "codes are {codes:?}\n{ran}");
    assert!(
        good >= 15 && closed >= 15 && garbled >= 15,
        "codes are {codes:?}\n{ran}"
    );
    assert_eq!(
        summary.failures("failure"),
        (closed + garbled) as u64,
        "{ran}"
    );
}
