//! How streams stand.

use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::Duration;

/// How a player stands.
///
/// ```no_run
/// # fn look(player: &lt_sdk::rtmp::Player) {
/// let playback = player.statistics();
/// lt_sdk::log::info!("{:?} of media, {:?} behind, {} bit/s", playback.media_time, playback.lag, playback.bitrate);
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Playback {
    /// Bytes of audio, video and data.
    pub bytes: u64,
    /// Frames of video, sequence headers left out.
    pub video_frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Frames of audio, sequence headers left out.
    pub audio_frames: u64,
    /// Media received, by its time stamps, jumps left out.
    pub media_time: Duration,
    /// Since the first media, without pauses.
    pub elapsed: Duration,
    /// How far media time is behind elapsed time; zero if it is ahead. `rtmp_lag`.
    pub lag: Duration,
    /// Whether that is more than [`lag_after`](super::Play::lag_after) says.
    pub lagged: bool,
    /// Whether no media came for as long as [`stall_after`](super::Play::stall_after) says.
    pub stalled: bool,
    /// Stalls that began.
    pub stalls: u32,
    /// How long they took together.
    pub stall_time: Duration,
    /// Jumps of the time stamps: back by more than 100 ms, or ahead by more than a second.
    pub discontinuities: u32,
    /// Bits of media a second, over the last whole second.
    pub bitrate: u64,
    /// From the play command to its first media byte.
    pub first_byte: Option<Duration>,
    /// From the play command to its first whole frame, sequence headers left out: `rtmp_first_frame`.
    pub first_frame: Option<Duration>,
    /// From the play command to the first whole key frame.
    pub first_key_frame: Option<Duration>,
    /// What the last stamp said: from the publisher's sending to this player's receipt. `rtmp_end_to_end_lag`.
    pub end_to_end: Option<Duration>,
    /// Codecs seen: `avc`, `aac`.
    pub codecs: Vec<String>,
    /// Frames waiting in the inbox.
    pub waiting: u32,
    /// Frames dropped because the inbox was full.
    pub dropped: u64,
}

impl Playback {
    pub(super) fn from_host(playback: host::Playback) -> Self {
        Self {
            bytes: playback.bytes,
            video_frames: playback.video_frames,
            key_frames: playback.key_frames,
            audio_frames: playback.audio_frames,
            media_time: Duration::from_nanos(playback.media_time),
            elapsed: Duration::from_nanos(playback.elapsed),
            lag: Duration::from_nanos(playback.lag),
            lagged: playback.lagged,
            stalled: playback.stalled,
            stalls: playback.stalls,
            stall_time: Duration::from_nanos(playback.stall_time),
            discontinuities: playback.discontinuities,
            bitrate: playback.bitrate,
            first_byte: playback.first_byte.map(Duration::from_nanos),
            first_frame: playback.first_frame.map(Duration::from_nanos),
            first_key_frame: playback.first_key_frame.map(Duration::from_nanos),
            end_to_end: playback.end_to_end.map(Duration::from_nanos),
            codecs: playback.codecs,
            waiting: playback.waiting,
            dropped: playback.dropped,
        }
    }

    /// Whether media came, and is neither late nor missing now: a frame was seen, and it is neither lagged nor stalled.
    ///
    /// ```
    /// assert!(!lt_sdk::rtmp::Playback::default().is_flowing());
    /// ```
    #[must_use]
    pub const fn is_flowing(&self) -> bool {
        self.first_frame.is_some() && !self.lagged && !self.stalled
    }
}

/// How a publisher stands.
///
/// ```no_run
/// # fn look(publisher: &lt_sdk::rtmp::Publisher) {
/// let broadcast = publisher.statistics();
/// lt_sdk::log::info!("{} rounds, {} frames, the last {:?} late", broadcast.rounds, broadcast.frames, broadcast.late);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broadcast {
    /// Bytes of audio, video and data handed to the kernel.
    pub bytes: u64,
    /// Frames of video and audio, and data messages, handed to the kernel.
    pub frames: u64,
    /// Time stamp of the last, from where publishing began.
    pub media_time: Duration,
    /// Since publishing began.
    pub elapsed: Duration,
    /// Rounds of the asset that were completed.
    pub rounds: u32,
    /// How late the last frame was handed to the kernel.
    pub late: Duration,
    /// Bytes that are to be sent and are not with the kernel yet.
    pub unsent_bytes: u64,
}

impl Broadcast {
    pub(super) const fn from_host(broadcast: host::Broadcast) -> Self {
        Self {
            bytes: broadcast.bytes,
            frames: broadcast.frames,
            media_time: Duration::from_nanos(broadcast.media_time),
            elapsed: Duration::from_nanos(broadcast.elapsed),
            rounds: broadcast.rounds,
            late: Duration::from_nanos(broadcast.late),
            unsent_bytes: broadcast.unsent_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_flows_from_the_first_frame_while_it_is_neither_late_nor_missing() {
        let mut playback = Playback::default();
        assert!(!playback.is_flowing());
        playback.first_frame = Some(Duration::ZERO);
        assert!(playback.is_flowing());
        playback.stalled = true;
        assert!(!playback.is_flowing());
        playback.stalled = false;
        playback.lagged = true;
        assert!(!playback.is_flowing());
    }
}
