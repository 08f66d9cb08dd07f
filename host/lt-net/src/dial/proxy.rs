//! HTTP proxies: absolute-form for `http`, CONNECT for `https` and for all WebSockets (RFC 9110, sections 7.1 and 9.3.6;
//! RFC 6455, section 4.1).

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Target;
use super::tcp::Wire;
use crate::error::NetError;
use crate::http::{Scheme, Url};

/// Most bytes of a proxy's answer to CONNECT: a status line and a few fields.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 << 10;
/// Most fields in it.
const CONNECT_FIELDS_MAX: usize = 64;

/// An HTTP proxy. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Proxy {
    url: Url,
}

impl Proxy {
    /// Parse `http://[user:password@]host:port`; an empty text means none.
    ///
    /// # Errors
    /// `invalid-request`, naming the setting.
    pub fn parse(text: &str) -> Result<Option<Self>, NetError> {
        if text.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(text)
            .map_err(|error| NetError::InvalidRequest(format!("proxy: {error}")))?;
        if url.scheme() != Scheme::Http {
            return Err(NetError::InvalidRequest(
                "proxy: only `http://` proxies are known".to_owned(),
            ));
        }
        Ok(Some(Self { url }))
    }

    /// Where it is.
    pub(super) fn target(&self) -> Target<'_> {
        Target::of(&self.url)
    }

    /// Value of `proxy-authorization`.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.url.authorization()
    }

    /// Ask the proxy for a tunnel to a host, written as in a URL.
    pub(crate) async fn tunnel(
        &self,
        wire: &mut Wire,
        host: &str,
        port: u16,
    ) -> Result<(), NetError> {
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n");
        if let Some(authorization) = self.authorization() {
            request.push_str(&format!("proxy-authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        wire.write_all(request.as_bytes())
            .await
            .map_err(|_| NetError::Proxy(None))?;
        let mut answer = Vec::new();
        loop {
            let read = wire
                .read_buf(&mut answer)
                .await
                .map_err(|_| NetError::Proxy(None))?;
            match answer_status(&answer)? {
                Some(200..=299) => return Ok(()),
                Some(status) => return Err(NetError::Proxy(Some(status))),
                None if read == 0 || answer.len() > CONNECT_ANSWER_BYTES_MAX => {
                    return Err(NetError::Proxy(None));
                }
                None => {}
            }
        }
    }
}

/// The status, once the head is complete. Nothing may follow a success: in TLS the client speaks first, and so it does before
/// an upgrade.
fn answer_status(answer: &[u8]) -> Result<Option<u16>, NetError> {
    let mut fields = [httparse::EMPTY_HEADER; CONNECT_FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => match head.code {
            Some(200..=299) if length < answer.len() => Err(NetError::Proxy(None)),
            status => Ok(status),
        },
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(NetError::Proxy(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_parsed_or_refused_by_name() {
        assert!(Proxy::parse("").unwrap().is_none());
        let proxy = Proxy::parse("http://me:pw@proxy:3128").unwrap().unwrap();
        assert_eq!(
            (
                proxy.target().host,
                proxy.target().port,
                proxy.authorization()
            ),
            ("proxy", 3128, Some("Basic bWU6cHc="))
        );
        for bad in ["https://proxy:1", "proxy:3128", "socks5://h:1"] {
            let error = Proxy::parse(bad).unwrap_err();
            assert!(error.to_string().contains("proxy"), "{error}");
        }
    }

    #[test]
    fn an_answer_is_read_however_it_is_split() {
        let answer = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";
        for end in 0..answer.len() {
            assert_eq!(answer_status(&answer[..end]), Ok(None));
        }
        assert_eq!(answer_status(answer), Ok(Some(200)));
        assert_eq!(answer_status(b"HTTP/1.1 407 No\r\n\r\nbody"), Ok(Some(407)));
        assert_eq!(
            answer_status(b"HTTP/1.1 200 OK\r\n\r\nX"),
            Err(NetError::Proxy(None))
        );
        assert_eq!(answer_status(b"SSH-2.0-x\r\n"), Err(NetError::Proxy(None)));
    }
}
