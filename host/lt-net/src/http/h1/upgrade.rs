//! A request with a connection of its own: one that asks for another protocol on it (RFC 9110, section 7.8), or whose answer goes on and on.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};

use super::receive::{Flow, Kept, Receiver, Start};
use super::render::render_head;
use super::{READ_BUFFER_BYTES, poll_read_beyond};
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::Exchange;
use crate::http::progress::Progress;
use crate::timings::Phase;
use crate::websocket::REFUSAL_BYTES_MAX;

/// How long the body of an answer that is no upgrade may take once its head is there, which has said what there is to say: a page
/// comes in one piece with it, and a server that keeps the connection open would else hold its user up to the deadline.
pub(crate) const REFUSAL_BODY_WAIT: Duration = Duration::from_secs(1);

/// What a server answered.
pub(crate) struct Reply {
    /// Status and fields.
    pub(crate) start: Start,
    /// Bytes behind the answer: after 101, the first of the other protocol.
    pub(crate) rest: Vec<u8>,
    /// What came of the body so far.
    receiver: Receiver,
    /// Why no more can come of it.
    spoiled: Option<NetError>,
}

/// Send a request without a body on a connection of its own, and read the head of what is answered.
pub(crate) async fn upgrade(
    stream: &mut Stream,
    request: &Exchange<'_>,
    progress: &Progress,
) -> Result<Reply, NetError> {
    progress.clock.enter(Phase::Sending);
    let mut head = Vec::new();
    // No proxy is named here: there is a tunnel through it.
    render_head(request, None, &mut head);
    let sent = async {
        stream.write_all(&head).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| NetError::from_io(&error))?;
    progress.clock.enter(Phase::Waiting);
    // Room for one read beyond what is wanted: a body over the cap of a `Kept` would be dropped.
    let mut receiver = Receiver::new(
        false,
        Kept::new(true, REFUSAL_BYTES_MAX + READ_BUFFER_BYTES),
    );
    let mut rest = Vec::new();
    loop {
        let read = read(stream, &mut receiver, progress, Phase::Waiting, &mut rest).await;
        // What spoils the body spoils no head that came before it.
        match (receiver.take_start(), read) {
            (Some(start), read) => {
                return Ok(Reply {
                    start,
                    rest,
                    spoiled: read.err(),
                    receiver,
                });
            }
            (None, Err(error)) => return Err(error),
            (None, Ok(())) => {}
        }
    }
}

impl Reply {
    /// What came of the body so far, and what hands on the rest, or why there is none.
    pub(crate) fn into_flow(self) -> (Vec<u8>, Result<Flow, NetError>) {
        let (came, flow) = self.receiver.into_flow();
        (came, self.spoiled.map_or(Ok(flow), Err))
    }

    /// The beginning of the body: what comes of it within [`REFUSAL_BODY_WAIT`] and before the deadline.
    pub(crate) async fn body(
        mut self,
        stream: &mut Stream,
        deadline: Instant,
        progress: &Progress,
    ) -> Vec<u8> {
        let (receiver, rest) = (&mut self.receiver, &mut self.rest);
        let reading = async {
            let mut ended = self.spoiled.is_some() || receiver.is_done();
            while !ended && receiver.body.length < REFUSAL_BYTES_MAX as u64 {
                let read = read(stream, receiver, progress, Phase::Receiving, rest).await;
                ended = read.is_err() || receiver.is_done();
            }
        };
        // A body that breaks off is kept as far as it came.
        let _broke_off =
            timeout_at(deadline.min(Instant::now() + REFUSAL_BODY_WAIT), reading).await;
        let mut body = self.receiver.body.bytes;
        body.truncate(REFUSAL_BYTES_MAX);
        body
    }
}

/// Read once. What lies behind the answer is added to `rest`.
async fn read(
    stream: &mut Stream,
    receiver: &mut Receiver,
    progress: &Progress,
    before: Phase,
    rest: &mut Vec<u8>,
) -> Result<(), NetError> {
    let mut beyond = |bytes: &[u8]| rest.extend_from_slice(bytes);
    poll_fn(|cx| poll_read_beyond(stream, receiver, progress, before, &mut beyond, cx)).await
}
