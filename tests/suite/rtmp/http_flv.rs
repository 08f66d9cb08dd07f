//! FLV over HTTP, as content networks serve it: the same figures, whatever the body's framing; and what is none.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use lt_tests::LtHost;
use lt_tests::ffmpeg::Clip;
use lt_tests::flv::{self, Tag};
use lt_tests::nginx::Nginx;
use lt_tests::peers::http::{Then, respond};
use lt_tests::peers::{HttpPeer, Seen};

use super::{all, all_ended, endings, number, streams, told};

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Chunked,
    Length,
    ToTheEnd,
}

/// Serve these tags in real time.
fn serve(stream: &mut TcpStream, tags: &[Tag], framing: Framing) -> Option<()> {
    let size: usize = flv::HEADER.len() + tags.iter().map(|tag| tag.bytes().len()).sum::<usize>();
    let head = match framing {
        Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
        Framing::Length => format!("content-length: {size}\r\n"),
        Framing::ToTheEnd => "connection: close\r\n".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\n{head}\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let begun = Instant::now();
    let mut say = |bytes: &[u8]| {
        let framed = match framing {
            Framing::Chunked => {
                [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
            }
            _ => bytes.to_vec(),
        };
        stream.write_all(&framed).ok()
    };
    say(flv::HEADER)?;
    for tag in tags {
        let due = begun + Duration::from_millis(tag.timestamp.into());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        say(&tag.bytes())?;
    }
    if framing == Framing::Chunked {
        stream.write_all(b"0\r\n\r\n").ok()?;
    }
    Some(())
}

/// A server of these paths.
fn server(video: &Path) -> HttpPeer {
    let tags = flv::read(video);
    HttpPeer::start(move |seen: &Seen, stream| {
        match seen.path() {
            "/chunked.flv" => serve(stream, &tags, Framing::Chunked),
            "/length.flv" => serve(stream, &tags, Framing::Length),
            "/end.flv" => serve(stream, &tags, Framing::ToTheEnd),
            "/cut.flv" => {
                // Ended in the middle of its length.
                let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
                let whole = flv::file(&tags);
                let _gone = stream.write_all(&whole[..whole.len() / 2]);
                return Then::Close;
            }
            "/within-a-tag.flv" => {
                let whole = flv::file(&tags);
                respond(stream, 200, &[], &whole[..whole.len() / 2]);
                Some(())
            }
            "/page.flv" => {
                respond(stream, 200, &[], b"<html>not what you asked for</html>");
                Some(())
            }
            "/empty.flv" => {
                respond(stream, 200, &[], b"");
                Some(())
            }
            "/moved.flv" => {
                respond(stream, 302, &[("location", "/length.flv")], b"");
                Some(())
            }
            _ => {
                respond(stream, 404, &[], b"no");
                Some(())
            }
        };
        Then::Keep
    })
}

fn watch(url: &str) -> LtHost {
    LtHost::run("rtmp_play")
        .set("url", "rtmp://127.0.0.1:1/nowhere")
        .set("http", url)
        .set("time", "30s")
        .with_samples()
}

#[test]
fn bodies_of_all_framings_are_watched() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let peer = server(&video);
    for path in ["/chunked.flv", "/length.flv", "/end.flv", "/moved.flv"] {
        let ran = watch(&peer.url(path)).finish().expect_clean();
        assert_eq!(told(&ran, "video"), ["100"], "{path}\n{ran}");
        assert_eq!(told(&ran, "codecs"), ["avc,aac"], "{path}\n{ran}");
        assert_eq!(told(&ran, "stalls"), ["0"], "{path}\n{ran}");
        let media = number(&ran, "media_ms");
        assert!((3_800..=4_100).contains(&media), "{path}: {media}\n{ran}");
        assert_eq!(
            endings(&ran),
            all_ended(1, "play", "by-peer", ""),
            "{path}\n{ran}"
        );
        assert!(number(&ran, "lag_ms") < 200, "{path}\n{ran}");
    }
    let sent = peer.seen_at("/chunked.flv");
    assert_eq!(sent[0].header("x-guest"), Some("1"));
}

#[test]
fn what_is_no_stream_is_typed_and_counted() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let peer = server(&video);
    let ran = watch(&peer.url("/nothing.flv"))
        .arguments("--iterations 2")
        .finish()
        .expect_clean();
    assert_eq!(told(&ran, "case"), ["http-status"; 2], "{ran}");
    assert_eq!(streams(&ran), all(2, "2106"), "{ran}");
    for (path, ending, error_code) in [
        ("/cut.flv", "disconnected", "1221"),
        ("/within-a-tag.flv", "disconnected", "1221"),
        ("/page.flv", "protocol-error", "2104"),
    ] {
        let ran = watch(&peer.url(path))
            .arguments("--iterations 2")
            .finish()
            .expect_clean();
        let expected = all_ended(2, "play", ending, error_code);
        assert_eq!(endings(&ran), expected, "{path}\n{ran}");
    }
    let ran = watch(&peer.url("/empty.flv")).finish().expect_clean();
    assert_eq!(told(&ran, "video"), ["0"], "{ran}");
}

#[test]
fn over_tls_from_a_real_server() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = Nginx::start() else { return };
    nginx.put("clip.flv", &std::fs::read(video).unwrap());
    let authority = lt_tests::TempDir::new();
    let file = authority.write("authority.pem", nginx.authority.pem());
    for url in [nginx.url("/clip.flv"), nginx.tls_url("/clip.flv")] {
        let ran = watch(&url)
            .argument("--ca-cert")
            .argument(&file)
            .finish()
            .expect_clean();
        // As fast as it comes: media runs ahead of the clock.
        assert_eq!(told(&ran, "video"), ["100"], "{ran}");
        assert_eq!(endings(&ran), all_ended(1, "play", "by-peer", ""), "{ran}");
    }
}
