//! Who is told what happens on a connection and to its streams.

use std::time::Duration;

use super::{Close, RtmpError, Status};

/// Frames and bytes since the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Frames of audio, sequence headers included.
    pub audio: u64,
    /// Frames of video, sequence headers included.
    pub video: u64,
    /// Data messages.
    pub data: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// Told of what happens on a connection, as it happens, by its pump.
pub trait Observer {
    /// Bytes went over it since the last call, TLS included.
    fn bytes(&self, sent: u64, received: u64);
    /// The server said an error that is no stream's.
    fn error(&self, status: &Status);
    /// It has ended, so long after it was opened. The last call.
    fn ended(&self, close: &Close, lasted: Duration);
}

/// Told of what happens to one stream. Called by the pump of its connection, once a wake at most for what is counted.
pub trait StreamObserver {
    /// The server said yes, or why there is no stream; so long after the command.
    fn started(&self, took: Duration, failed: Option<&RtmpError>);
    /// The first byte of media came, so long after the command.
    fn first_byte(&self, took: Duration);
    /// The first whole frame came.
    fn first_frame(&self, took: Duration);
    /// The first whole key frame came.
    fn first_key_frame(&self, took: Duration);
    /// Frames came.
    fn received(&self, counted: Counted);
    /// Frames were handed to the kernel.
    fn sent(&self, counted: Counted);
    /// A frame of an asset was handed to the kernel so late.
    fn paced(&self, late: Duration);
    /// A second of playing is over: how far it lags, and the bits that came in it.
    fn second(&self, lag: Duration, bits: u64);
    /// A stall began.
    fn stalled(&self);
    /// It ended: since the last media before it, and how far the stream lagged at its end, before what came then.
    fn resumed(&self, gap: Duration, lag: Duration);
    /// A stamp said how long it took.
    fn end_to_end(&self, took: Duration);
    /// Time stamps jumped.
    fn discontinuity(&self, milliseconds: i64);
    /// Frames were lost because the inbox was full.
    fn dropped(&self, frames: u64);
    /// The server said an error.
    fn error(&self, status: &Status);
    /// A stream that had started has ended, so long after. The last call.
    fn ended(&self, close: &Close, lasted: Duration);
}
