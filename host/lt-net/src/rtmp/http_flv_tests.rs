use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::*;
use crate::dial::{Network, NetworkOptions, Route};
use crate::http::ClientConfig;
use crate::peer::{Peer, local, local_paused, read_head};
use crate::rtmp::{Asset, Counted, Event, Happening, PlayOptions, Status};
use crate::tls::TlsSettings;
use crate::websocket::{InboxOptions, Overflow};

#[path = "http_flv_known_tests.rs"]
mod known;

/// What was told, in words.
#[derive(Debug, Default)]
struct Log {
    said: RefCell<Vec<String>>,
    bytes: Cell<(u64, u64)>,
    received: Cell<Counted>,
}

impl Log {
    fn say(&self, text: impl Into<String>) {
        self.said.borrow_mut().push(text.into());
    }
}

impl Observer for Rc<Log> {
    fn bytes(&self, sent: u64, received: u64) {
        let before = self.bytes.get();
        self.bytes.set((before.0 + sent, before.1 + received));
    }

    fn error(&self, _: &Status) {
        self.say("error");
    }

    fn ended(&self, close: &Close, lasted: Duration) {
        self.say(format!(
            "connection {} {}",
            close.ending.as_str(),
            lasted.as_millis()
        ));
    }
}

impl StreamObserver for Log {
    fn started(&self, _: Duration, failed: Option<&RtmpError>) {
        self.say(format!("started {}", failed.is_none()));
    }

    fn first_byte(&self, _: Duration) {}

    fn first_frame(&self, _: Duration) {
        self.say("first frame");
    }

    fn first_key_frame(&self, _: Duration) {}

    fn received(&self, counted: Counted) {
        let before = self.received.get();
        self.received.set(Counted {
            audio: before.audio + counted.audio,
            video: before.video + counted.video,
            data: before.data + counted.data,
            bytes: before.bytes + counted.bytes,
        });
    }

    fn sent(&self, _: Counted) {}

    fn paced(&self, _: Duration) {}

    fn second(&self, _: Duration, _: u64) {}

    fn stalled(&self) {
        self.say("stalled");
    }

    fn resumed(&self, gap: Duration, lag: Duration) {
        self.say(format!("resumed {} {}", gap.as_millis(), lag.as_millis()));
    }

    fn end_to_end(&self, took: Duration) {
        self.say(format!("end to end {}", took.as_millis()));
    }

    fn discontinuity(&self, _: i64) {
        self.say("discontinuity");
    }

    fn dropped(&self, frames: u64) {
        self.say(format!("dropped {frames}"));
    }

    fn error(&self, _: &Status) {}

    fn ended(&self, close: &Close, _: Duration) {
        self.say(format!("stream {}", close.ending.as_str()));
    }
}

fn client_on(options: NetworkOptions) -> HttpClient {
    let network = Network::new(options);
    let profile = network.tls_profile(&TlsSettings::default()).unwrap();
    let config = ClientConfig::new(Rc::new(Route::direct(profile)));
    HttpClient::new(network, Rc::new(config))
}

fn client() -> HttpClient {
    client_on(NetworkOptions::default())
}

fn ask(peer: &Peer, path: &str) -> FlvRequest {
    FlvRequest {
        url: format!("http://{}{path}", peer.address),
        headers: vec![("x-own".to_owned(), b"1".to_vec())],
        options: PlayOptions {
            timeout: Duration::from_secs(30),
            stall_after: Duration::from_millis(500),
            lag_after: Duration::from_secs(3),
            silence_max: None,
            frames: None,
            payload: false,
        },
    }
}

/// A player and its pump under way.
struct Playing {
    player: Rc<Player>,
    log: Rc<Log>,
    pump: JoinHandle<()>,
}

impl Playing {
    async fn open(client: &HttpClient, request: FlvRequest) -> Result<Self, RtmpError> {
        let log = Rc::new(Log::default());
        let (_, opened) = client.open_flv(request, log.clone()).await;
        let OpenedFlv { player, pump } = opened?;
        let pump = spawn_local(pump.run(log.clone()));
        Ok(Self { player, log, pump })
    }

    async fn ended(self) -> (Close, Rc<Log>) {
        let close = poll_fn(|cx| self.player.poll_stopped(cx)).await;
        self.pump.await.unwrap();
        (close, self.log)
    }
}

/// The kernel's stamps of arrival are of a clock that no test stops: in milliseconds, how much earlier than the test's it may have them for
/// want of a core.
const HELD_UP_MAX: u64 = 200;

const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

/// A tag with the size behind it; a key frame of video, or audio.
fn tag(kind: u8, timestamp: u32) -> Vec<u8> {
    let payload: &[u8] = match kind {
        9 => &[0x17, 1, 0, 0, 0, 1, 2, 3],
        _ => &[0xaf, 1, 0x21, 0x10],
    };
    let [high, low @ ..] = timestamp.to_be_bytes();
    let length = u8::try_from(payload.len()).unwrap();
    let mut tag = vec![kind, 0, 0, length];
    tag.extend(low);
    tag.extend([high, 0, 0, 0]);
    tag.extend(payload);
    tag.extend((11 + u32::from(length)).to_be_bytes());
    tag
}

/// Video and audio of 25 frames a second.
fn frames(count: u32) -> Vec<u8> {
    let frame = |index: u32| [tag(9, index * 40), tag(8, index * 40)].concat();
    (0..count).flat_map(frame).collect()
}

/// A server that answers each connection's first request with this, and then does what it is told.
async fn serve<F: Future<Output = ()> + 'static>(
    head: &'static str,
    then: impl Fn(TcpStream) -> F + Clone + 'static,
) -> Peer {
    Peer::start(move |_, mut stream| {
        let then = then.clone();
        async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            then(stream).await;
        }
    })
    .await
}

async fn say(mut stream: TcpStream, bytes: Vec<u8>) {
    let _ = stream.write_all(&bytes).await;
}

const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\n\r\n";

#[test]
fn a_stream_is_played_to_its_end() {
    let body = [HEADER, &frames(50)].concat();
    let chunked: Vec<u8> = body
        .chunks(7)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let length: &'static str = length.leak();
    for (head, bytes) in [
        (ENDLESS, body.clone()),
        (length, body),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            chunked,
        ),
    ] {
        local(async {
            let peer = serve(head, move |stream| say(stream, bytes.clone())).await;
            let playing = Playing::open(&client(), ask(&peer, "/live/s.flv")).await;
            let playing = playing.unwrap();
            let player = playing.player.clone();
            let (close, log) = playing.ended().await;
            assert_eq!(close.ending, Ending::ByPeer);
            let statistics = player.statistics();
            assert_eq!(statistics.media_time, Duration::from_millis(49 * 40));
            assert_eq!((statistics.video_frames, statistics.audio_frames), (50, 50));
            assert_eq!((statistics.key_frames, statistics.bytes), (50, 50 * 12));
            let received = log.received.get();
            assert_eq!(
                (received.video, received.audio, received.bytes),
                (50, 50, 600)
            );
            let said = log.said.borrow().join(", ");
            assert!(
                said.starts_with("started true, first frame, stream by-peer, connection by-peer"),
                "{said}"
            );
            assert!(player.pause(true).is_err());
        });
    }
}

#[test]
fn the_request_is_a_user_s_own() {
    local(async {
        let goal = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap().to_lowercase();
            for field in [
                "get /live/s.flv?t=1 http/1.1\r\n",
                "x-own: 1",
                "cookie: seen=1",
                "connection: close",
            ] {
                assert!(head.contains(field), "{field}: {head}");
            }
            say(stream, [ENDLESS.as_bytes(), HEADER, &frames(1)].concat()).await;
        })
        .await;
        let to = goal.address;
        let peer = Peer::start(move |_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            let moved = format!(
                "HTTP/1.1 302 X\r\nlocation: http://{to}/live/s.flv?t=1\r\n\
                 set-cookie: seen=1\r\ncontent-length: 0\r\n\r\n"
            );
            say(stream, moved.into_bytes()).await;
        })
        .await;
        let client = client();
        let log = Rc::new(Log::default());
        let (attempt, opened) = client.open_flv(ask(&peer, "/old"), log.clone()).await;
        assert_eq!(attempt.status, Some(200));
        assert!(attempt.bytes_sent > 0 && attempt.total >= attempt.timings.duration());
        let OpenedFlv { player, pump } = opened.unwrap();
        pump.run(log.clone()).await;
        assert_eq!(player.closed().unwrap().ending, Ending::ByPeer);
        // What came in the attempt is not counted again.
        assert_eq!(log.bytes.get().0, 0);
    });
}

#[test]
fn what_is_no_200_is_no_stream() {
    local(async {
        for (head, status) in [
            ("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", 404),
            ("HTTP/1.1 503 No\r\n\r\n", 503),
            ("HTTP/1.1 204 No\r\n\r\n", 204),
            ("HTTP/1.1 302 No\r\n\r\n", 302),
        ] {
            let peer = serve(head, |stream| say(stream, Vec::new())).await;
            let error = Playing::open(&client(), ask(&peer, "/")).await.err();
            assert_eq!(error, Some(RtmpError::HttpStatus(status)));
        }
        let peer = serve("HTTP/1.1 302 X\r\nlocation: /\r\n\r\n", |stream| {
            say(stream, Vec::new())
        })
        .await;
        let error = Playing::open(&client(), ask(&peer, "/")).await.err();
        assert_eq!(error, Some(NetError::TooManyRedirects.into()));
        let mut wrong = ask(&peer, "/");
        wrong.url = "rtmp://h/".to_owned();
        let error = Playing::open(&client(), wrong).await.err();
        assert!(
            matches!(error, Some(RtmpError::Net(NetError::InvalidRequest(_)))),
            "{error:?}"
        );
    });
}

#[test]
fn a_server_that_says_nothing_is_waited_for_so_long() {
    local_paused(async {
        let peer = serve("", |mut stream| async move {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let begun = Instant::now();
        let error = Playing::open(&client(), ask(&peer, "/")).await.err();
        assert_eq!(error, Some(NetError::Timeout.into()));
        assert_eq!(begun.elapsed().as_secs(), 30);
    });
}

/// How a stream ends, by what came and how it broke off.
#[test]
fn each_end_has_its_name() {
    let cut = [HEADER, &frames(3), &tag(9, 200)[..9]].concat();
    let cases: [(&str, Vec<u8>, Ending); 7] = [
        (
            ENDLESS,
            b"<html>no such stream</html>".to_vec(),
            Ending::ProtocolError,
        ),
        (
            ENDLESS,
            b"FLV\x02\x05\0\0\0\x09\0\0\0\0".to_vec(),
            Ending::ProtocolError,
        ),
        (ENDLESS, cut, Ending::Disconnected),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n",
            [HEADER, &frames(3)].concat(),
            Ending::Disconnected,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"xyz\r\n".to_vec(),
            Ending::ProtocolError,
        ),
        (ENDLESS, HEADER.to_vec(), Ending::ByPeer),
        (ENDLESS, Vec::new(), Ending::Disconnected),
    ];
    for (head, bytes, ending) in cases {
        local(async {
            let shown = bytes.escape_ascii().to_string();
            let peer = serve(head, move |stream| say(stream, bytes.clone())).await;
            let playing = Playing::open(&client(), ask(&peer, "/")).await.unwrap();
            let (close, log) = playing.ended().await;
            assert_eq!(close.ending, ending, "{shown}: {close:?}");
            let says_so = close.reason.contains("the body has no FLV in it");
            assert_eq!(says_so, shown.is_empty(), "{shown}: {close:?}");
            let said = log.said.borrow();
            let ends = said
                .iter()
                .filter(|said| said.starts_with("stream ") || said.starts_with("connection "));
            assert_eq!(ends.count(), 2);
        });
    }
}

#[test]
fn a_stream_that_is_reset_says_so() {
    local(async {
        let peer = serve(ENDLESS, |stream| async move {
            stream.set_zero_linger().unwrap();
        })
        .await;
        let playing = Playing::open(&client(), ask(&peer, "/")).await;
        // The reset may come before the head was read.
        if let Ok(playing) = playing {
            let (close, _) = playing.ended().await;
            assert_eq!(close.ending, Ending::Reset);
        }
    });
}

#[test]
fn a_stall_is_told_and_its_lag_is_its_length() {
    local_paused(async {
        let peer = serve(ENDLESS, |mut stream| async move {
            stream.write_all(HEADER).await.unwrap();
            for index in 0..100 {
                if index == 50 {
                    sleep(Duration::from_secs(10)).await;
                }
                stream.write_all(&tag(9, index * 40)).await.unwrap();
                sleep(Duration::from_millis(40)).await;
            }
        })
        .await;
        let playing = Playing::open(&client(), ask(&peer, "/live/s.flv"))
            .await
            .unwrap();
        let player = playing.player.clone();
        let (close, log) = playing.ended().await;
        assert_eq!(close.ending, Ending::ByPeer);
        let said = log.said.borrow();
        assert_eq!(said[2], "stalled");
        let lag: u64 = said[3].rsplit(' ').next().unwrap().parse().unwrap();
        assert!(
            (10_040 - HELD_UP_MAX..=10_040 + HELD_UP_MAX).contains(&lag),
            "{said:?}"
        );
        let statistics = player.statistics();
        assert!(
            statistics.lagged && statistics.stalls == 1,
            "{statistics:?}"
        );
        let events: Vec<_> = std::iter::from_fn(|| player.try_event())
            .map(|Event { what, .. }| what)
            .collect();
        assert_eq!(
            events[..3],
            [Happening::FirstFrame, Happening::Stalled, Happening::Lagged]
        );
    });
}

#[test]
fn silence_ends_it_if_it_is_bounded() {
    local_paused(async {
        let peer = serve(ENDLESS, |mut stream| async move {
            stream
                .write_all(&[HEADER, &frames(5)].concat())
                .await
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let mut request = ask(&peer, "/");
        request.options.silence_max = Some(Duration::from_secs(7));
        let begun = Instant::now();
        let (close, _) = Playing::open(&client(), request)
            .await
            .unwrap()
            .ended()
            .await;
        assert_eq!(
            (close.ending, begun.elapsed().as_secs()),
            (Ending::Silence, 7)
        );
    });
}

#[test]
fn the_user_stops_it() {
    local(async {
        let peer = serve(ENDLESS, |mut stream| async move {
            stream
                .write_all(&[HEADER, &frames(5)].concat())
                .await
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        for abandons in [false, true] {
            let playing = Playing::open(&client(), ask(&peer, "/")).await.unwrap();
            let player = playing.player.clone();
            poll_fn(|cx| player.poll_media(Duration::from_millis(160), cx)).await;
            if abandons {
                player.abandon();
            } else {
                player.begin_stop();
            }
            assert_eq!(playing.ended().await.0.ending, Ending::ByUs);
        }
        // And so does whoever drops the pump.
        let playing = Playing::open(&client(), ask(&peer, "/")).await.unwrap();
        playing.pump.abort();
        let close = poll_fn(|cx| playing.player.poll_stopped(cx)).await;
        assert_eq!(close.ending, Ending::Failed);
    });
}

#[test]
fn frames_wait_for_room_and_none_is_lost() {
    local(async {
        let peer = serve(ENDLESS, |stream| {
            say(stream, [HEADER, &frames(500)].concat())
        })
        .await;
        let mut request = ask(&peer, "/");
        request.options.payload = true;
        request.options.frames = Some(InboxOptions {
            messages_max: 3,
            bytes_max: 1000,
            overflow: Overflow::Pause,
        });
        let playing = Playing::open(&client(), request).await.unwrap();
        let player = playing.player.clone();
        let mut came = Vec::new();
        while came.len() < 1000 {
            poll_fn(|cx| player.poll_receive(cx)).await;
            while let Some(frame) = player.try_receive() {
                came.push((frame.head.timestamp, frame.data.len()));
            }
        }
        let sent = (0..500).flat_map(|index| [(index * 40, 8), (index * 40, 4)]);
        assert!(came.into_iter().eq(sent));
        assert_eq!(playing.ended().await.0.ending, Ending::ByPeer);
    });
}

#[test]
fn an_inbox_that_may_not_overflow_ends_it() {
    local(async {
        let peer = serve(ENDLESS, |stream| {
            say(stream, [HEADER, &frames(500)].concat())
        })
        .await;
        let mut request = ask(&peer, "/");
        request.options.frames = Some(InboxOptions {
            messages_max: 3,
            bytes_max: 1000,
            overflow: Overflow::Close,
        });
        let playing = Playing::open(&client(), request).await.unwrap();
        assert_eq!(playing.ended().await.0.ending, Ending::InboxOverflow);
    });
}

#[test]
fn a_large_frame_over_a_slow_line_is_no_silence() {
    local_paused(async {
        let peer = serve(ENDLESS, |mut stream| async move {
            let mut frame = tag(9, 0);
            frame[1..4].copy_from_slice(&[0, 0x40, 0]);
            let bytes = [HEADER, &frame[..11], &[0x17, 1], &[0; 0x3ffe], &[0; 4]].concat();
            for part in bytes.chunks(1000) {
                stream.write_all(part).await.unwrap();
                sleep(Duration::from_millis(500)).await;
            }
        })
        .await;
        let mut request = ask(&peer, "/");
        request.options.silence_max = Some(Duration::from_secs(2));
        let playing = Playing::open(&client(), request).await.unwrap();
        let player = playing.player.clone();
        assert_eq!(playing.ended().await.0.ending, Ending::ByPeer);
        assert_eq!(player.statistics().video_frames, 1);
    });
}
