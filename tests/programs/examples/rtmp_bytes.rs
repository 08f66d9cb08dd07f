//! Plays a stream and compares each frame, byte for byte, with the asset `video`, which somebody publishes again and again.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Inbox, TagKind};
use lt_test_programs::rtmp::{Server, Tag, tags};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Frames to compare
    #[setting(default = 200)]
    frames: usize,
}

struct Guest(Options);

/// Where a run of frames of one kind begins in the asset: all places that are as good so far.
struct Run<'a> {
    sent: Vec<&'a Tag>,
    /// Where the next frame may be; `None` before the first.
    next: Option<Vec<usize>>,
    compared: usize,
}

impl<'a> Run<'a> {
    fn new(all: &'a [Tag], kind: TagKind) -> Self {
        let sent = all
            .iter()
            .filter(|tag| tag.kind == kind && !tag.is_codec_header() && tag.data.len() > 5);
        Self {
            sent: sent.collect(),
            next: None,
            compared: 0,
        }
    }

    /// Whether this frame is the next.
    fn goes_on_with(&mut self, data: &[u8]) -> bool {
        let places = self
            .next
            .take()
            .unwrap_or_else(|| (0..self.sent.len()).collect());
        let next: Vec<usize> = places
            .into_iter()
            .filter(|&place| self.sent.get(place).is_some_and(|tag| tag.data == data))
            .map(|place| (place + 1) % self.sent.len())
            .collect();
        let found = !next.is_empty();
        self.next = Some(next);
        self.compared += usize::from(found);
        found
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let file = data::asset("video")?.read_all()?;
        let all = tags(&file);
        let (mut video, mut audio) = (
            Run::new(&all, TagKind::Video),
            Run::new(&all, TagKind::Audio),
        );
        let connection = self.0.server.connect()?;
        let player = connection
            .play(&self.0.server.stream)
            .frames(Inbox::new())
            .payload(true)
            .start()?;
        let mut headers = 0;
        while video.compared + audio.compared < self.0.frames {
            let frame = player.receive(Duration::from_secs(20))?;
            ensure!(frame.data.len() == frame.size as usize, "a part of a frame");
            if frame.codec_header {
                // Those of the asset, and no others; the empty ones some servers send aside.
                let is_known = frame.data.len() < 6
                    || all
                        .iter()
                        .any(|tag| tag.kind == frame.kind && tag.data == frame.data);
                ensure!(is_known, "a strange header: {:02x?}", frame.data);
                headers += 1;
                continue;
            }
            let is_next = match frame.kind {
                TagKind::Video => video.goes_on_with(&frame.data),
                TagKind::Audio => audio.goes_on_with(&frame.data),
                TagKind::Data => true,
            };
            ensure!(
                is_next,
                "after {} and {} frames, {:?} at {} ms of {} bytes is not what comes next",
                video.compared,
                audio.compared,
                frame.kind,
                frame.timestamp_ms,
                frame.size
            );
        }
        check!("video came", video.compared > 0);
        check!("audio came", audio.compared > 0);
        check!("headers came", headers >= 2);
        log::info!("compared={}", video.compared + audio.compared);
        Ok(())
    }
}
