//! From our types to the contract's.

use lt_net::NetError;
use lt_net::rtmp::{
    BroadcastStatistics, Close, Connected, Ending, Event, Frame, FrameKind, Happening,
    PlaybackStatistics, RtmpError, Status,
};

use super::values;
use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::ErrorCode;
use crate::interfaces::timing::{nanos, to_guest};

impl From<Status> for wit::Status {
    fn from(status: Status) -> Self {
        Self {
            code: status.code,
            level: status.level,
            description: status.description,
        }
    }
}

impl From<Close> for wit::Close {
    fn from(close: Close) -> Self {
        Self {
            ending: match close.ending {
                Ending::ByUs => wit::Ending::ByUs,
                Ending::ByPeer => wit::Ending::ByPeer,
                Ending::Refused => wit::Ending::Refused,
                Ending::Disconnected => wit::Ending::Disconnected,
                Ending::Reset => wit::Ending::Reset,
                Ending::ProtocolError => wit::Ending::ProtocolError,
                Ending::Silence => wit::Ending::Silence,
                Ending::Unsent => wit::Ending::Unsent,
                Ending::InboxOverflow => wit::Ending::InboxOverflow,
                Ending::Failed => wit::Ending::Failed,
            },
            code: close.code,
            reason: close.reason,
        }
    }
}

impl From<Close> for ErrorCode {
    fn from(close: Close) -> Self {
        Self::Closed(close.into())
    }
}

impl From<RtmpError> for ErrorCode {
    fn from(error: RtmpError) -> Self {
        match error {
            RtmpError::Net(NetError::InvalidRequest(text)) => Self::InvalidRequest(text),
            // The time for all of connecting is over.
            RtmpError::Net(NetError::Timeout) | RtmpError::Timeout => Self::Timeout,
            RtmpError::Net(NetError::Other(text)) => Self::Other(text),
            RtmpError::Net(error) => Self::Network(error.into()),
            RtmpError::Handshake(text) => Self::Handshake(text),
            RtmpError::Refused(status) => Self::Refused(status.into()),
            RtmpError::Authentication(text) => Self::Authentication(text),
            RtmpError::Protocol(text) => Self::Protocol(text),
            RtmpError::Asset(text) => Self::Asset(text),
            RtmpError::HttpStatus(status) => Self::HttpStatus(status),
            RtmpError::Closed(close) => close.into(),
            RtmpError::TooLarge(bytes) => Self::TooLarge(bytes),
            RtmpError::TooMany(text) => Self::TooMany(text),
        }
    }
}

impl From<&Connected> for wit::Connected {
    fn from(found: &Connected) -> Self {
        let timings = &found.timings;
        Self {
            status: found.status.clone().into(),
            server_version: found.server_version.clone(),
            remote_address: found.remote.to_string(),
            tls_version: found.tls_version.to_owned(),
            timings: wit::Timings {
                resolving: nanos(timings.resolving),
                connecting: nanos(timings.connecting),
                tls_handshaking: nanos(timings.tls),
                handshaking: nanos(timings.handshaking),
                commanding: nanos(timings.commanding),
                total: nanos(timings.total),
            },
        }
    }
}

impl From<Frame> for wit::Frame {
    fn from(frame: Frame) -> Self {
        let head = frame.head;
        Self {
            kind: match head.kind {
                FrameKind::Audio => wit::TagKind::Audio,
                FrameKind::Video => wit::TagKind::Video,
                FrameKind::Data => wit::TagKind::Data,
            },
            timestamp: head.timestamp,
            size: head.size,
            key_frame: head.key_frame,
            codec_header: head.codec_header,
            codec: head.codec.name().into_owned(),
            arrived: to_guest(frame.arrived),
            data: frame.data.into_vec(),
        }
    }
}

/// What the guest gives.
pub(super) fn kind(kind: wit::TagKind) -> FrameKind {
    match kind {
        wit::TagKind::Audio => FrameKind::Audio,
        wit::TagKind::Video => FrameKind::Video,
        wit::TagKind::Data => FrameKind::Data,
    }
}

impl From<Event> for wit::Event {
    fn from(event: Event) -> Self {
        Self {
            at: to_guest(event.at),
            what: match event.what {
                Happening::Status(status) => wit::Happening::Status(status.into()),
                Happening::FirstFrame => wit::Happening::FirstFrame,
                Happening::Metadata(fields) => {
                    let fields = fields.into_iter();
                    let fields = fields.map(|(name, value)| (name, values::to_guest(value)));
                    wit::Happening::Metadata(fields.collect())
                }
                Happening::Stalled => wit::Happening::Stalled,
                Happening::Resumed(gap) => wit::Happening::Resumed(nanos(gap)),
                Happening::Lagged => wit::Happening::Lagged,
                Happening::CaughtUp => wit::Happening::CaughtUp,
                Happening::Discontinuity(by) => wit::Happening::Discontinuity(by),
                Happening::Ended(close) => wit::Happening::Ended(close.into()),
            },
        }
    }
}

impl From<PlaybackStatistics> for wit::Playback {
    fn from(found: PlaybackStatistics) -> Self {
        Self {
            bytes: found.bytes,
            video_frames: found.video_frames,
            key_frames: found.key_frames,
            audio_frames: found.audio_frames,
            media_time: nanos(found.media_time),
            elapsed: nanos(found.elapsed),
            lag: nanos(found.lag),
            lagged: found.lagged,
            stalled: found.stalled,
            stalls: found.stalls,
            stall_time: nanos(found.stall_time),
            discontinuities: found.discontinuities,
            bitrate: found.bitrate,
            first_byte: found.first_byte.map(nanos),
            first_frame: found.first_frame.map(nanos),
            first_key_frame: found.first_key_frame.map(nanos),
            end_to_end: found.end_to_end.map(nanos),
            codecs: found
                .codecs
                .into_iter()
                .map(|codec| codec.name().into_owned())
                .collect(),
            waiting: u32::try_from(found.waiting).unwrap_or(u32::MAX),
            dropped: found.dropped,
        }
    }
}

impl From<BroadcastStatistics> for wit::Broadcast {
    fn from(found: BroadcastStatistics) -> Self {
        Self {
            bytes: found.bytes,
            frames: found.frames,
            media_time: nanos(found.media_time),
            elapsed: nanos(found.elapsed),
            rounds: found.rounds,
            late: nanos(found.late),
            unsent_bytes: found.unsent_bytes as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are read out of the contract itself, so that neither can drift.
    #[test]
    fn numbers_of_endings_are_those_of_the_contract() {
        let contract = include_str!("../../../../../wit/rtmp.wit");
        let wanted = crate::sockets::session::endings_of(contract);
        let endings = [
            Ending::ByUs,
            Ending::ByPeer,
            Ending::Refused,
            Ending::Disconnected,
            Ending::Reset,
            Ending::ProtocolError,
            Ending::Silence,
            Ending::Unsent,
            Ending::InboxOverflow,
            Ending::Failed,
        ];
        let number = |ending: Ending| (!ending.is_clean()).then(|| ending.code());
        let got = endings.map(|ending| (ending.as_str(), number(ending)));
        assert_eq!(got.as_slice(), wanted);
    }
}
