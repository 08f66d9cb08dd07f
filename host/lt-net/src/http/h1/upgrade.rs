//! A request that asks for another protocol on its connection (RFC 9110, section 7.8).

use std::future::poll_fn;

use tokio::io::AsyncWriteExt as _;

use super::receive::{Kept, Receiver, Start};
use super::render::render_head;
use super::{READ_BUFFER_BYTES, poll_read_beyond};
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::Exchange;
use crate::http::progress::Progress;
use crate::timings::Phase;

/// Most bytes that are read of the body of an answer that is no upgrade: a page that says why. The connection is not used
/// again, so that nothing has to be read to its end.
pub(crate) const REFUSAL_BODY_BYTES_MAX: usize = 64 << 10;

/// What a server answered to an upgrade.
pub(crate) struct Reply {
    /// Status and fields.
    pub(crate) start: Start,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
    /// Bytes behind the answer: after 101, the first of the other protocol.
    pub(crate) rest: Vec<u8>,
}

/// Send a request without a body on a connection of its own, and read what is answered. A body that breaks off is kept as far
/// as it came: its head has said what there is to say.
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
        Kept::new(true, REFUSAL_BODY_BYTES_MAX + READ_BUFFER_BYTES),
    );
    let mut rest = Vec::new();
    let mut beyond = |bytes: &[u8]| rest.extend_from_slice(bytes);
    let mut failed = None;
    while failed.is_none()
        && !receiver.is_done()
        && receiver.body.length < REFUSAL_BODY_BYTES_MAX as u64
    {
        let read = poll_fn(|cx| {
            poll_read_beyond(
                stream,
                &mut receiver,
                progress,
                Phase::Waiting,
                &mut beyond,
                cx,
            )
        });
        failed = read.await.err();
    }
    let Some(start) = receiver.take_start() else {
        return Err(failed.unwrap_or(NetError::ConnectionClosed));
    };
    let mut body = receiver.body.bytes;
    body.truncate(REFUSAL_BODY_BYTES_MAX);
    Ok(Reply { start, body, rest })
}
