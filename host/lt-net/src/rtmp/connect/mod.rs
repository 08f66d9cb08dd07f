//! Connecting: from a URL to a server that said yes. One attempt, each part of it timed; who asks for a proof, or sends this side elsewhere,
//! is answered on a connection of its own.

mod command;
mod line;
mod steps;

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use self::steps::Connecting;
use super::chunk::encode::Encoder;
use super::connection::{Connection, Opened};
use super::message::Reader;
use super::stamps::Stamps;
use super::{Attempt, ConnectRequest, Connected, RtmpError};
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::HttpClient;

/// A connection whose server said yes.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) stream: Stream,
    pub(crate) reader: Reader,
    pub(crate) encoder: Encoder,
    /// What was read and not looked at yet.
    pub(crate) rest: Vec<u8>,
    pub(crate) connected: Connected,
    /// After how many bytes the peer wants an acknowledgement; zero if it has not said.
    pub(crate) window: u32,
    /// How many it has been acknowledged.
    pub(crate) acknowledged: u64,
    /// As the server was given it, without a proof: nobody but tests asks.
    #[cfg(test)]
    pub(crate) tc_url: String,
    /// See `tc_url`.
    #[cfg(test)]
    pub(crate) app: String,
    /// Number of the next command.
    pub(crate) next_transaction: f64,
    /// What publishers of the process sent.
    pub(crate) stamps: Arc<Stamps>,
}

impl Established {
    /// What connecting came to, for whoever keeps it apart.
    pub(crate) fn take_connected(&mut self) -> Connected {
        self.connected.clone()
    }
}

impl HttpClient {
    /// Connect to an RTMP server, over a connection of its own: one attempt. The user's TLS (unless the request says otherwise), proxy (as a
    /// tunnel), local address and filter of targets hold. Time runs from when the future is first polled.
    ///
    /// A server that wants a proof of who connects is given it (`authmod=adobe`, `authmod=llnw`), and one that answers with another URL
    /// (`ex.redirect`) is left for that; each on a new connection, within the same time.
    ///
    /// Beside the result comes what is known of the attempt, whatever came of it. Dropping the future gives up.
    ///
    /// # Errors
    /// Any of `connection.connect` in `wit/rtmp.wit`; `InvalidRequest` that names a field before anything was attempted.
    pub fn connect_rtmp(
        &self,
        request: ConnectRequest,
    ) -> impl Future<Output = (Attempt, Result<Opened, RtmpError>)> + '_ {
        // Boxed: whoever holds it is most of the time not connecting, and the future of a user is as large as its largest part.
        Box::pin(async move {
            let mut attempt = Attempt::default();
            let established = self.establish_rtmp(request, &mut attempt).await;
            (attempt, established.map(Connection::open))
        })
    }

    async fn establish_rtmp(
        &self,
        request: ConnectRequest,
        attempt: &mut Attempt,
    ) -> Result<Established, RtmpError> {
        let started = Instant::now();
        let deadline = started + request.timeout;
        let route = self.config().route.clone();
        let mut connecting = Connecting::new(self.network(), &route, request)?;
        let outcome = timeout_at(deadline, connecting.run()).await;
        *attempt = connecting.attempt(started.elapsed());
        let mut established = outcome.unwrap_or(Err(NetError::Timeout.into()))?;
        established.connected.timings = attempt.timings;
        Ok(established)
    }
}

#[cfg(test)]
mod tests;
