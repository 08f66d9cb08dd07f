//! Addresses behind their spellings: the one that the kernel will speak to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services of clouds beside those that are link-local: AWS over IPv6, Alibaba, Oracle. Whoever asks them is taken for the machine.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// The address as it is compared: an IPv6-mapped one (`::ffff:127.0.0.1`) is the IPv4 address, and the unspecified one is this machine, for
/// that is where the kernel connects to.
pub(super) fn canonical(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

/// Everything that an address stands for: itself, and the IPv4 address that a translator or a tunnel would make of it. All must be allowed.
pub(super) fn faces(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let ip = canonical(ip);
    let inner = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => embedded(ip).map(|inner| canonical(IpAddr::V4(inner))),
    };
    [Some(ip), inner].into_iter().flatten()
}

/// The IPv4 address within an IPv6 one: IPv4-compatible (RFC 4291, 2.5.5.1), 6to4 (RFC 3056), NAT64 (RFC 6052, RFC 8215), ISATAP
/// (RFC 5214), and the client's of Teredo (RFC 4380).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let at = |index: usize| {
        let [a, b] = segments.get(index)?.to_be_bytes();
        let [c, d] = segments.get(index + 1)?.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // `::1` is no IPv4 address.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => at(6),
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => at(6),
        [0x2002, ..] => at(1),
        [0x2001, 0, ..] => at(6).map(|inverted| Ipv4Addr::from_bits(!inverted.to_bits())),
        _ => None,
    }
}

/// Whether an address is one that no name may lead to unless an address pattern allows it: this machine, its link, a cloud's metadata, and what is
/// no single peer at all.
#[must_use]
pub fn is_special(ip: IpAddr) -> bool {
    let ip = canonical(ip);
    let ranged = match ip {
        IpAddr::V4(ip) => {
            // 0.0.0.0/8 is "this network" (RFC 1122, 3.2.1.3).
            ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || matches!(ip.octets(), [0, ..])
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast(),
    };
    ranged || METADATA.contains(&ip)
}
