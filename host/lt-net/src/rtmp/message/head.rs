//! What is known of a frame by its first bytes: FLV specification 10.1, E.4.2.1 and E.4.3.1, and Enhanced RTMP version 2.

use std::borrow::Cow;
use std::hash::Hasher as _;

use rustc_hash::FxHasher;

use crate::rtmp::{Codec, FrameHead, FrameKind};

/// So many bytes of a frame are looked at: the headers, and enough of what is coded to tell frames apart.
pub(crate) const LOOKED_AT_BYTES_MAX: usize = 64;

/// Codecs of video whose second byte says whether it is a sequence header: AVC (E.4.3.1), and HEVC and AV1 as some servers
/// and players number them beside the specification.
const VIDEO_WITH_PACKET_TYPE: [u8; 3] = [7, 12, 13];
/// `SoundFormat` of AAC.
const AAC: u8 = 10;
/// `SoundFormat` that says that an Enhanced RTMP header follows.
const AUDIO_EX_HEADER: u8 = 9;
/// Frame types of video (E.4.3.1): key frame, key frame made by a server, and a command to players.
const KEY_FRAME: u8 = 1;
const GENERATED_KEY_FRAME: u8 = 4;
const VIDEO_COMMAND: u8 = 5;
/// Enhanced RTMP's packet types: coded frames of audio; those of video, without and with a composition time of zero.
const CODED_FRAMES: u8 = 1;
const CODED_FRAMES_X: u8 = 3;
/// Several tracks in one message; their own packet type follows.
const AUDIO_MULTITRACK: u8 = 5;
const VIDEO_MULTITRACK: u8 = 6;
/// Something more is said before the packet type follows.
const MOD_EX: u8 = 7;
/// Of video: metadata (colours) about what follows.
const VIDEO_METADATA: u8 = 4;

/// What is known of a frame. Only the first [`LOOKED_AT_BYTES_MAX`] bytes are looked at.
pub(crate) fn head_of(kind: FrameKind, timestamp: u32, size: u32, first_bytes: &[u8]) -> FrameHead {
    let bytes = first_bytes
        .get(..LOOKED_AT_BYTES_MAX)
        .unwrap_or(first_bytes);
    let look = match kind {
        FrameKind::Audio => Look::audio(bytes),
        FrameKind::Video => Look::video(bytes),
        FrameKind::Data => Look {
            is_frame: true,
            ..Look::NOTHING
        },
    };
    FrameHead {
        kind,
        timestamp,
        size,
        key_frame: look.is_key && look.is_frame,
        codec_header: !look.is_frame,
        codec: look.codec,
        fingerprint: fingerprint(size, bytes),
    }
}

fn fingerprint(size: u32, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(size);
    hasher.write(bytes);
    hasher.finish()
}

/// What the headers say.
struct Look {
    codec: Codec,
    is_key: bool,
    /// Whether there is a coded frame.
    is_frame: bool,
}

impl Look {
    /// An empty message, as servers send them.
    const NOTHING: Self = Self {
        codec: Codec::None,
        is_key: false,
        is_frame: false,
    };

    fn audio(bytes: &[u8]) -> Self {
        let Some((first, rest)) = bytes.split_first() else {
            return Self::NOTHING;
        };
        let format = first >> 4;
        if format == AUDIO_EX_HEADER {
            let (packet_type, codec) = enhanced(first & 0x0f, rest, AUDIO_MULTITRACK);
            return Self {
                codec,
                is_key: false,
                is_frame: packet_type == CODED_FRAMES,
            };
        }
        Self {
            codec: Codec::Audio(format),
            is_key: false,
            // Zero is the sequence header (E.4.2.1).
            is_frame: format != AAC || rest.first().is_some_and(|packet_type| *packet_type != 0),
        }
    }

    fn video(bytes: &[u8]) -> Self {
        let Some((first, rest)) = bytes.split_first() else {
            return Self::NOTHING;
        };
        let frame_type = first >> 4 & 0x07;
        let is_key = matches!(frame_type, KEY_FRAME | GENERATED_KEY_FRAME);
        if first & 0x80 != 0 {
            return Self::enhanced_video(first & 0x0f, frame_type, rest);
        }
        let codec = first & 0x0f;
        // One is coded frames, zero the sequence header, two the end of the sequence.
        let is_coded = !VIDEO_WITH_PACKET_TYPE.contains(&codec) || rest.first() == Some(&1);
        Self {
            codec: Codec::Video(codec),
            is_key,
            is_frame: is_coded && frame_type != VIDEO_COMMAND,
        }
    }

    fn enhanced_video(packet_type: u8, frame_type: u8, rest: &[u8]) -> Self {
        if frame_type == VIDEO_COMMAND && packet_type != VIDEO_METADATA {
            // A command to players, of one byte: there is no FourCC.
            return Self::NOTHING;
        }
        let (packet_type, codec) = enhanced(packet_type, rest, VIDEO_MULTITRACK);
        Self {
            codec,
            is_key: matches!(frame_type, KEY_FRAME | GENERATED_KEY_FRAME),
            is_frame: matches!(packet_type, CODED_FRAMES | CODED_FRAMES_X),
        }
    }
}

/// Packet type and codec behind an Enhanced RTMP header's first byte: what modifies it is skipped, of several tracks the first
/// counts. A header that is cut off has no codec.
fn enhanced(mut packet_type: u8, mut rest: &[u8], multitrack: u8) -> (u8, Codec) {
    while packet_type == MOD_EX {
        let Some(next) = skip_mod_ex(&mut rest) else {
            return (packet_type, Codec::None);
        };
        packet_type = next;
    }
    if packet_type == multitrack {
        let Some((tracks, behind)) = rest.split_first() else {
            return (packet_type, Codec::None);
        };
        // How the tracks are put there stands in the upper half; in all ways a FourCC follows.
        packet_type = tracks & 0x0f;
        rest = behind;
    }
    let codec = rest
        .first_chunk()
        .map_or(Codec::None, |name| Codec::FourCc(*name));
    (packet_type, codec)
}

/// `ModEx`: its size (less one, in one byte or, if that is not enough, in two more), its data, and a byte with its type and the
/// packet type that follows.
fn skip_mod_ex(rest: &mut &[u8]) -> Option<u8> {
    let (size, behind) = rest.split_first()?;
    let (size, behind) = if *size == u8::MAX {
        let (size, behind) = behind.split_first_chunk()?;
        (usize::from(u16::from_be_bytes(*size)) + 1, behind)
    } else {
        (usize::from(*size) + 1, behind)
    };
    let (types, behind) = behind.get(size..)?.split_first()?;
    *rest = behind;
    Some(types & 0x0f)
}

impl Codec {
    /// Its name: FLV's codecs as they are commonly called, else the FourCC. Empty for none.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        let known = match self {
            Self::None => "",
            Self::Video(number) => match number {
                2 => "h263",
                3 => "screen",
                4 => "vp6",
                5 => "vp6a",
                6 => "screen2",
                7 => "avc",
                12 => "hevc",
                13 => "av1",
                _ => return Cow::Owned(format!("video-{number}")),
            },
            Self::Audio(number) => match number {
                0 | 3 => "pcm",
                1 => "adpcm",
                2 | 14 => "mp3",
                4..=6 => "nellymoser",
                7 => "g711-a",
                8 => "g711-mu",
                AAC => "aac",
                11 => "speex",
                _ => return Cow::Owned(format!("audio-{number}")),
            },
            Self::FourCc(name) => return Cow::Owned(name.escape_ascii().to_string()),
        };
        Cow::Borrowed(known)
    }
}
