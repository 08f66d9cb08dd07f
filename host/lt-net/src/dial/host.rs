//! A host outside of a URL, read as URLs' hosts are.

use std::net::{IpAddr, Ipv6Addr};

use crate::error::NetError;

/// A host by name or address, written as in a URL: lower case, names by IDNA, IPv6 addresses in brackets. So overrides and the filter of
/// targets see the same text, whatever was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// As in a URL.
    pub(crate) name: String,
    /// The address, if it is one.
    pub(crate) ip: Option<IpAddr>,
}

impl Host {
    /// Read a host: brackets around an IPv6 address and the dot of the root may be there or not.
    pub(crate) fn parse(text: &str) -> Result<Self, NetError> {
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(Self::of(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        match url::Host::parse(name) {
            Ok(url::Host::Domain(name)) if !name.is_empty() => Ok(Self { name, ip: None }),
            Ok(url::Host::Ipv4(ip)) => Ok(Self::of(ip.into())),
            Ok(url::Host::Ipv6(ip)) => Ok(Self::of(ip.into())),
            _ => Err(NetError::InvalidRequest(format!("`{text}` is no host"))),
        }
    }

    fn of(ip: IpAddr) -> Self {
        let name = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { name, ip: Some(ip) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_as_in_urls() {
        for (text, name, ip) in [
            ("Example.ORG", "example.org", None),
            ("example.org.", "example.org", None),
            ("bücher.example", "xn--bcher-kva.example", None),
            ("127.0.0.1", "127.0.0.1", Some("127.0.0.1")),
            // Other spellings of an address are the address, as in a URL: no filter takes them for a name.
            ("0x7f.1", "127.0.0.1", Some("127.0.0.1")),
            ("::1", "[::1]", Some("::1")),
            ("[::1]", "[::1]", Some("::1")),
        ] {
            let host = Host::parse(text).unwrap();
            let ip = ip.map(|ip| ip.parse().unwrap());
            assert_eq!((host.name.as_str(), host.ip), (name, ip), "{text}");
            let url = crate::http::Url::parse(&format!("http://{name}/")).unwrap();
            assert_eq!((url.host(), url.ip()), (name, ip), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "a b",
            "user@host",
            "host:5222",
            "a/b",
            "[::1",
            "[::1]:5222",
        ] {
            let error = Host::parse(text).unwrap_err();
            assert_eq!(error.kind(), "invalid-request", "{text}");
        }
    }
}
