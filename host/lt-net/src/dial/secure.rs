//! TLS over a connection.

use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::host::Host;
use super::tcp::{Stream, Wire};
use super::{Dialed, Target};
use crate::error::NetError;
use crate::http::VersionChoice;
use crate::tls::binding::{ChannelBinding, bindings_of};
use crate::tls::{Protocols, TlsInfo, TlsProfile};

/// TLS for HTTP: what is spoken follows from ALPN.
pub(super) async fn secure(
    profile: &TlsProfile,
    wire: Wire,
    target: Target<'_>,
    choice: VersionChoice,
) -> Result<Dialed, NetError> {
    let stream = handshake(profile, wire, target.host, target.ip, choice.into()).await?;
    let session = stream.get_ref().1;
    let tls = Some(crate::tls::info_of(session));
    let http2 = session.alpn_protocol() == Some(b"h2");
    if choice == VersionChoice::Http2 && !http2 {
        return Err(NetError::Protocol(
            "the server does not speak HTTP/2".to_owned(),
        ));
    }
    Ok(Dialed {
        stream: Stream::Tls(Box::new(stream)),
        tls,
        http2,
    })
}

/// TLS for XMPP, with what a login may be bound with, the best first. `alpn` offers `xmpp-client`, for TLS from the first byte; StartTLS
/// offers nothing. The server's name is the domain of the JID, whatever host it was that answered (RFC 6120, section 13.7.2.1).
///
/// What was read before and not understood yet must be nothing: whoever sits between could have put it there.
pub(crate) async fn start_tls(
    profile: &TlsProfile,
    wire: Wire,
    server_name: &str,
    alpn: bool,
) -> Result<(Stream, TlsInfo, Vec<ChannelBinding>), NetError> {
    let protocols = if alpn {
        Protocols::XmppClient
    } else {
        Protocols::None
    };
    let host = Host::parse(server_name)?;
    let stream = handshake(profile, wire, &host.name, host.ip, protocols).await?;
    let session = stream.get_ref().1;
    let (info, bindings) = (crate::tls::info_of(session), bindings_of(session));
    Ok((Stream::Tls(Box::new(stream)), info, bindings))
}

/// TLS for a protocol that has no name in ALPN and is known by its port: RTMP.
pub(crate) async fn start_tls_without_alpn(
    profile: &TlsProfile,
    wire: Wire,
    server_name: &str,
) -> Result<(Stream, TlsInfo), NetError> {
    let host = Host::parse(server_name)?;
    let stream = handshake(profile, wire, &host.name, host.ip, Protocols::None).await?;
    let info = crate::tls::info_of(stream.get_ref().1);
    Ok((Stream::Tls(Box::new(stream)), info))
}

async fn handshake(
    profile: &TlsProfile,
    wire: Wire,
    host: &str,
    ip: Option<std::net::IpAddr>,
    protocols: Protocols,
) -> Result<TlsStream<Wire>, NetError> {
    let config = profile.config(protocols)?;
    let name = match ip {
        Some(ip) => ServerName::IpAddress(ip.into()),
        None => ServerName::try_from(host.to_owned())
            .map_err(|_| NetError::InvalidRequest(format!("`{host}` cannot be named in TLS")))?,
    };
    let connected = TlsConnector::from(config).connect(name, wire).await;
    connected.map_err(|error| match NetError::from_io(&error) {
        NetError::Other(text) => NetError::Tls(text),
        // A server that dislikes the handshake often just hangs up; said as TLS, since TCP was fine.
        NetError::ConnectionClosed => {
            NetError::Tls("the server closed the connection during the handshake".to_owned())
        }
        other => other,
    })
}

#[cfg(test)]
#[path = "secure_tests.rs"]
mod tests;
