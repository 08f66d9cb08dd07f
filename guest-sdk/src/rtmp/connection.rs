//! A connection.

use super::value::to_host;
use super::{Close, Result, Status, Value};
use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::{Duration, nanos};

/// Where the time of connecting went. A phase that did not happen is zero.
///
/// ```no_run
/// # fn look(connection: &lt_sdk::rtmp::Connection) {
/// lt_sdk::check!("open within 100 ms", connection.connected().timings.total.as_millis() < 100);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Resolving the name.
    pub resolving: Duration,
    /// TCP handshake, and the proxy's CONNECT if any.
    pub connecting: Duration,
    /// TLS handshake.
    pub tls_handshaking: Duration,
    /// From C0 to S2 (section 5.2): `rtmp_handshake`.
    pub handshaking: Duration,
    /// From the connect command to its answer, with all attempts that authentication takes.
    pub commanding: Duration,
    /// From the call to the open connection: `rtmp_connecting`.
    pub total: Duration,
}

/// What connecting came to.
///
/// ```no_run
/// # fn look(connection: &lt_sdk::rtmp::Connection) {
/// lt_sdk::log::info!("connected to {}", connection.connected().server_version);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The answer: `NetConnection.Connect.Success`.
    pub status: Status,
    /// What the server calls itself (`fmsVer`); empty if it does not say.
    pub server_version: String,
    /// The address and port that answered.
    pub remote_address: String,
    /// `tls1.2`, `tls1.3`; empty without TLS.
    pub tls_version: String,
    /// Where the time went.
    pub timings: Timings,
}

/// A connection to an application of a server. It lives until it is closed or dropped, also across iterations, and ends what is published or
/// played over it.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::rtmp::{self, Connection, Player};
///
/// struct Fan {
///     player: Player,
///     connection: Connection,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Fan {
///     fn join(_user: &User) -> Result<Self> {
///         let connection = rtmp::connect("rtmp://127.0.0.1:1935/live")?;
///         Ok(Self { player: connection.play("stream").start()?, connection })
///     }
///
///     fn iterate(&mut self) -> Result<()> {
///         self.player.watch(Duration::from_secs(10))?;
///         check!("healthy", self.player.is_healthy());
///         Ok(())
///     }
///
///     fn leave(self) -> Result<()> {
///         self.player.stop();
///         self.connection.close();
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Connection(host::Connection);

impl Connection {
    pub(super) const fn from_host(connection: host::Connection) -> Self {
        Self(connection)
    }

    pub(super) const fn host(&self) -> &host::Connection {
        &self.0
    }

    /// What connecting came to.
    ///
    /// ```no_run
    /// # fn look(connection: &lt_sdk::rtmp::Connection) {
    /// let address = connection.connected().remote_address;
    /// # }
    /// ```
    #[must_use]
    pub fn connected(&self) -> Connected {
        let connected = self.0.connected();
        let timings = connected.timings;
        Connected {
            status: Status::from_host(connected.status),
            server_version: connected.server_version,
            remote_address: connected.remote_address,
            tls_version: connected.tls_version,
            timings: Timings {
                resolving: Duration::from_nanos(timings.resolving),
                connecting: Duration::from_nanos(timings.connecting),
                tls_handshaking: Duration::from_nanos(timings.tls_handshaking),
                handshaking: Duration::from_nanos(timings.handshaking),
                commanding: Duration::from_nanos(timings.commanding),
                total: Duration::from_nanos(timings.total),
            },
        }
    }

    /// Send a command and wait for its answer, 30 s at most: `FCSubscribe`, or one of the application's own. The answer's values are returned.
    ///
    /// # Errors
    /// [`Error::Refused`](super::Error::Refused) if the answer is an error; if it does not come in time, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let answer = connection.call("getStreamLength", ["stream".into()])?;
    /// let seconds = answer.first().and_then(|value| value.as_f64());
    /// # Ok(())
    /// # }
    /// ```
    pub fn call(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Value>> {
        self.ask(command, arguments, None)
    }

    /// Send a command, and wait at most this long for its answer.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// connection.call_timeout("FCSubscribe", ["stream".into()], Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_timeout(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = Value>,
        timeout: Duration,
    ) -> Result<Vec<Value>> {
        self.ask(command, arguments, Some(nanos(timeout)))
    }

    fn ask(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = Value>,
        timeout: Option<u64>,
    ) -> Result<Vec<Value>> {
        let answer = self.0.call(command, &to_host(arguments), timeout)?;
        Ok(answer.into_iter().map(Into::into).collect())
    }

    /// How the connection ended, if it has.
    ///
    /// ```no_run
    /// # fn look(connection: &lt_sdk::rtmp::Connection) {
    /// let open = connection.closed().is_none();
    /// # }
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.0.closed().map(Close::from_host)
    }

    /// End it and all its streams. What is to be sent goes first, for 2 s at most. On a connection that has ended it says how.
    ///
    /// ```no_run
    /// # fn leave(connection: &lt_sdk::rtmp::Connection) {
    /// let close = connection.close();
    /// lt_sdk::check!("nothing broke", close.is_orderly());
    /// # }
    /// ```
    pub fn close(&self) -> Close {
        Close::from_host(self.0.close())
    }
}
