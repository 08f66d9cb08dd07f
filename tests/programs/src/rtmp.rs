//! What guests that speak RTMP share.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Close, Connection, Error, Happening, Playback, Player, Request, TagKind};

/// Where the server is, and which stream is meant.
#[derive(Settings)]
pub struct Server {
    /// The application: rtmp://host:port/app
    pub url: String,
    /// Name of the stream
    #[setting(default = "stream")]
    pub stream: String,
    /// Who connects
    user: Option<String>,
    /// Their password
    #[setting(secret)]
    password: Option<String>,
    /// Take any certificate
    #[setting(default = false)]
    insecure: bool,
    /// Time for connecting, and for what is to start
    #[setting(default = "20s")]
    pub timeout: Duration,
    /// Size of the chunks that are sent
    chunk_bytes: Option<u32>,
}

impl Server {
    /// A connection to be.
    pub fn request(&self) -> Request {
        self.request_to(&self.url)
    }

    /// The same to another place.
    pub fn request_to(&self, url: &str) -> Request {
        let mut request = Connection::to(url).timeout(self.timeout).name("guest");
        if let Some(user) = &self.user {
            request = request.credentials(user, self.password.as_deref().unwrap_or_default());
        }
        if self.insecure {
            request = request.insecure(true);
        }
        if let Some(bytes) = self.chunk_bytes {
            request = request.chunk_bytes(bytes);
        }
        request
    }

    /// Connect.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn connect(&self) -> lt_sdk::rtmp::Result<Connection> {
        self.request().connect()
    }
}

/// The name of an error's case in the contract.
#[must_use]
pub fn case(error: &Error) -> &'static str {
    match error {
        Error::InvalidRequest(_) => "invalid-request",
        Error::Network(_) => "network",
        Error::Handshake(_) => "handshake",
        Error::Refused(_) => "refused",
        Error::Authentication(_) => "authentication",
        Error::Protocol(_) => "protocol",
        Error::Asset(_) => "asset",
        Error::HttpStatus(_) => "http-status",
        Error::Closed(_) => "closed",
        Error::Timeout => "timeout",
        Error::Stopping => "stopping",
        Error::TooLarge(_) => "too-large",
        Error::TooMany(_) => "too-many",
        _ => "other",
    }
}

/// Whether it failed in this way.
#[must_use]
pub fn is_case<T>(result: &lt_sdk::rtmp::Result<T>, name: &str) -> bool {
    matches!(result, Err(error) if case(error) == name)
}

/// Say why something failed, for the test to read.
pub fn tell_error(error: &Error) {
    let code = error.code().unwrap_or("-");
    log::info!("case={} code={code} error={error}", case(error));
}

/// Say how a stream or a connection ended, for the test to read.
pub fn tell_close(close: &Close) {
    let code = if close.code.is_empty() {
        "-"
    } else {
        &close.code
    };
    log::info!(
        "ending={} end_code={code} reason={:?}",
        close.ending,
        close.reason
    );
}

/// Say what happened, for the test to read.
pub fn tell_event(what: &Happening) {
    match what {
        Happening::Status(status) => log::info!("event={}", status.code),
        Happening::FirstFrame => log::info!("event=first-frame"),
        Happening::Metadata(fields) => {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            log::info!("event=metadata fields={}", names.join(","));
        }
        Happening::Stalled => log::info!("event=stalled"),
        Happening::Resumed(gap) => log::info!("event=resumed gap_ms={}", gap.as_millis()),
        Happening::Lagged => log::info!("event=lagged"),
        Happening::CaughtUp => log::info!("event=caught-up"),
        Happening::Discontinuity(jump) => log::info!("event=discontinuity jump_ms={jump}"),
        Happening::Ended(close) => {
            log::info!("event=ended");
            tell_close(close);
        }
    }
}

/// Say how a player stands, for the test to read.
pub fn tell_playback(playback: &Playback) {
    log::info!(
        "video={} audio={} key_frames={} bytes={} media_ms={} elapsed_ms={} lag_ms={} stalls={} stall_ms={} discontinuities={} codecs={} dropped={}",
        playback.video_frames,
        playback.audio_frames,
        playback.key_frames,
        playback.bytes,
        playback.media_time.as_millis(),
        playback.elapsed.as_millis(),
        playback.lag.as_millis(),
        playback.stalls,
        playback.stall_time.as_millis(),
        playback.discontinuities,
        playback.codecs.join(","),
        playback.dropped,
    );
}

/// Tell of all events until it ends, or until this time is over. Returns how it ended, if it did.
///
/// # Errors
/// Those of waiting but the end and the time.
pub fn tell_events(player: &Player, time: Duration) -> Result<Option<Close>, Error> {
    let end = timing::now() + time;
    loop {
        let left = end.duration_since(timing::now());
        match player.next_event(left) {
            Ok(event) => {
                tell_event(&event.what);
                if let Happening::Ended(close) = event.what {
                    return Ok(Some(close));
                }
            }
            Err(Error::Closed(close)) => return Ok(Some(close)),
            Err(Error::Timeout) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// A tag of an FLV file.
pub struct Tag {
    /// What it holds.
    pub kind: TagKind,
    /// Milliseconds.
    pub timestamp_ms: u32,
    /// What it carries.
    pub data: Vec<u8>,
}

impl Tag {
    /// Whether it is an AVC or AAC sequence header.
    #[must_use]
    pub fn is_codec_header(&self) -> bool {
        let first = self.data.first().copied().unwrap_or_default();
        let is_zero = self.data.get(1) == Some(&0);
        match self.kind {
            TagKind::Video => first & 0x0f == 7 && is_zero,
            TagKind::Audio => first >> 4 == 10 && is_zero,
            TagKind::Data => false,
        }
    }
}

/// The tags of an FLV file (FLV specification 10.1, annex E.4).
#[must_use]
pub fn tags(file: &[u8]) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = file.get(13..).unwrap_or_default();
    while let Some((head, behind)) = rest.split_at_checked(11) {
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let Some((data, behind)) = behind.split_at_checked(size) else {
            break;
        };
        tags.push(Tag {
            kind: match head[0] & 0x1f {
                8 => TagKind::Audio,
                9 => TagKind::Video,
                _ => TagKind::Data,
            },
            timestamp_ms: u32::from_be_bytes([head[7], head[4], head[5], head[6]]),
            data: data.to_vec(),
        });
        rest = behind.get(4..).unwrap_or_default();
    }
    tags
}
