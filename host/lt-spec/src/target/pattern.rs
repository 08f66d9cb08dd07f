//! One pattern, read from its text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::LOOPBACK;
use crate::Problem;

/// Bytes of a name (RFC 1035, section 2.3.4, without the dot of the root).
const NAME_BYTES_MAX: usize = 253;
/// Bytes of one of its labels.
const LABEL_BYTES_MAX: usize = 63;
/// What a pattern may be, for messages.
const FORMS: &str = "write api.example.com, *.example.com, 192.0.2.7, 10.0.0.0/8, fd00::/8, loopback or any, each with a port \
                     or a range of ports if wished: api.example.com:443, [fd00::/8]:8000-8999";

/// One pattern of `--allow-target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPattern {
    text: String,
    what: What,
    ports: RangeInclusive<u16>,
}

/// What a pattern covers, on its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Everything.
    Any,
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// This name.
    Name(String),
    /// All names below this one, but not itself.
    Below(String),
    /// These addresses.
    Network(Network),
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    fn contains(self, ip: IpAddr) -> bool {
        match (self.first, ip) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => {
                (first.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(ip)) => {
                (first.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl TargetPattern {
    pub(super) fn loopback() -> Self {
        Self {
            text: LOOPBACK.to_owned(),
            what: What::Loopback,
            ports: 0..=u16::MAX,
        }
    }

    /// Read one pattern; `field` is what it was given as.
    ///
    /// # Errors
    /// What is wrong with it, and how it is to be written.
    pub fn parse(field: &str, text: &str) -> Result<Self, Problem> {
        let read = || {
            let (host, ports) = split(text)?;
            let ports = ports.map_or(Ok(0..=u16::MAX), read_ports)?;
            Ok((read_host(host)?, ports))
        };
        match read() {
            Ok((what, ports)) => Ok(Self {
                text: text.to_owned(),
                what,
                ports,
            }),
            Err(Fault(message, remedy)) => Err(Problem::new(field, text, message, remedy)),
        }
    }

    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn what(&self) -> &What {
        &self.what
    }

    pub(super) fn has_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Whether this is a name pattern that covers a name, written in lower case without the root's dot.
    pub(super) fn covers_name(&self, name: &str) -> bool {
        match &self.what {
            What::Name(wanted) => name == wanted,
            What::Below(parent) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            _ => false,
        }
    }

    /// Whether this is an address pattern that covers an address in its canonical form.
    pub(super) fn covers_address(&self, ip: IpAddr) -> bool {
        match &self.what {
            What::Any => true,
            What::Loopback => ip.is_loopback(),
            What::Network(network) => network.contains(ip),
            What::Name(_) | What::Below(_) => false,
        }
    }
}

/// What is wrong, and what to do about it.
struct Fault(String, String);

fn fault<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(message.into(), FORMS.to_owned()))
}

/// Host and ports of a pattern.
fn split(text: &str) -> Result<(&str, Option<&str>), Fault> {
    if text.is_empty() {
        return fault("is empty");
    }
    if text.contains("://") || text.contains('@') {
        return fault("is a URL, not a host");
    }
    if let Some(rest) = text.strip_prefix('[') {
        // The length of a network may stand within the brackets or behind them; it belongs to the address either way.
        let Some((inner, after)) = rest.split_once(']') else {
            return fault("has no `]`");
        };
        return match after {
            "" => Ok((inner, None)),
            _ if after.starts_with(':') => Ok((inner, after.get(1..))),
            _ => fault("has something other than a port behind `]`"),
        };
    }
    match text.split_once(':') {
        // More than one colon: an IPv6 address, which has a port only behind brackets.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, ports)) => Ok((host, Some(ports))),
        None => Ok((text, None)),
    }
}

fn read_ports(text: &str) -> Result<RangeInclusive<u16>, Fault> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => fault(format!("`{text}` is not a port from 1 to 65535")),
    };
    let Some((first, last)) = text.split_once('-') else {
        let only = port(text)?;
        return Ok(only..=only);
    };
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return fault("its last port is below its first");
    }
    Ok(first..=last)
}

fn read_host(text: &str) -> Result<What, Fault> {
    if let Some((address, bits)) = text.split_once('/') {
        return read_network(address, bits).map(What::Network);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        let first = ip.to_canonical();
        let bits = if first.is_ipv4() { 32 } else { 128 };
        return Ok(What::Network(Network { first, bits }));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    match name.as_str() {
        "any" => Ok(What::Any),
        LOOPBACK => Ok(What::Loopback),
        "*" => Err(Fault(
            "covers no name".to_owned(),
            "write any to allow everything, or *.example.com".to_owned(),
        )),
        _ => match name.strip_prefix("*.") {
            Some(parent) => read_name(parent).map(What::Below),
            None => read_name(&name).map(What::Name),
        },
    }
}

fn read_network(address: &str, bits: &str) -> Result<Network, Fault> {
    let Ok(ip) = address.parse::<IpAddr>() else {
        return fault(format!("`{address}` is not an address"));
    };
    let most: u8 = if ip.is_ipv4() { 32 } else { 128 };
    let length = bits.parse::<u8>().ok().filter(|length| *length <= most);
    let Some(bits) = length else {
        return fault(format!("`/{bits}` is not a length from 0 to {most}"));
    };
    if ip.to_canonical() != ip {
        return Err(Fault(
            "is a network of IPv4 addresses in IPv6 clothes".to_owned(),
            "write the IPv4 network, such as 10.0.0.0/8: mapped addresses are compared as IPv4"
                .to_owned(),
        ));
    }
    let first = match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(u32::from(32 - bits)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    };
    if first != ip {
        return Err(Fault(
            format!("is not where a network of {bits} bits begins"),
            format!("write {first}/{bits}, or the address alone"),
        ));
    }
    Ok(Network { first, bits })
}

/// A name in the form in which it is compared: as in a URL, so in ASCII.
fn read_name(name: &str) -> Result<String, Fault> {
    if !name.is_ascii() {
        return Err(Fault(
            "has letters beyond ASCII".to_owned(),
            "write the name as name servers know it, such as xn--bcher-kva.example".to_owned(),
        ));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return fault("is neither a name nor an address");
    }
    // `0x7f.1`, `2130706433`: URLs take such spellings for addresses (WHATWG URL, "ends in a number"), so no name is meant.
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number {
        return fault("is an address in a spelling of its own");
    }
    Ok(name.to_owned())
}
