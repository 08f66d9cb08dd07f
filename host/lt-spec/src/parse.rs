//! Texts into values: lengths of time, sizes, ranges, addresses. Errors say what is wrong; the caller knows the field.

mod load;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::limits::{
    DURATION_TYPED_MAX, USER_ID_MAX, USER_MEMORY_BYTES_GRANT_MAX, USER_MEMORY_BYTES_MIN,
    WASM_PAGE_BYTES,
};
use crate::spec::SocketAddrOrIp;

pub use self::load::{budget, count, is_kebab, percent, positive_rate, rate};

/// Why a text is not the value it should be: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl Fault {
    /// A fault with its remedy.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// Units of time and their nanoseconds, longer names first where one is the beginning of another. Those of Go, which k6
/// takes, and k6's day.
const TIME_UNITS: [(&str, f64); 9] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
];

/// A length of time as k6 takes it: `30s`, `1m30s`, `500ms`, `1.5h`. Only zero needs no unit.
///
/// # Errors
/// If it has no unit, an unknown one, is negative or over ten years.
pub fn duration(text: &str) -> Result<Duration, Fault> {
    let remedy = "write a number with its unit, such as 500ms, 30s, 1m30s or 2h";
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(Fault::new("is empty", remedy));
    }
    if rest.starts_with('-') {
        return Err(Fault::new("is negative", remedy));
    }
    if rest.parse::<f64>().is_ok() {
        return Err(Fault::new(
            "has no unit",
            format!("write {rest}s for seconds, or {rest}ms"),
        ));
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let number_len = rest
            .find(|char: char| !char.is_ascii_digit() && char != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_len);
        let Ok(number) = number.parse::<f64>() else {
            return Err(Fault::new(
                format!("has no number before {after:?}"),
                remedy,
            ));
        };
        let unit_len = after
            .find(|char: char| char.is_ascii_digit() || char == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        if unit.is_empty() {
            return Err(Fault::new(format!("has no unit after {number}"), remedy));
        }
        let Some((_, unit_nanos)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(Fault::new(
                format!("has the unknown unit {unit:?}"),
                "use one of ns, us, ms, s, m, h, d",
            ));
        };
        nanos += number * unit_nanos;
        rest = after;
    }
    Duration::try_from_secs_f64(nanos / 1e9)
        .ok()
        .filter(|length| *length <= DURATION_TYPED_MAX)
        .ok_or_else(|| Fault::new("is longer than ten years", "write a shorter time"))
}

/// A length of time that is not zero.
///
/// # Errors
/// Those of [`duration`], and zero.
pub fn positive_duration(text: &str) -> Result<Duration, Fault> {
    let length = duration(text)?;
    if length.is_zero() {
        return Err(Fault::new(
            "is zero",
            "write a time above zero, such as 30s",
        ));
    }
    Ok(length)
}

/// A size in bytes: `16MiB`, `64KiB`, `1GB`, `65536`.
///
/// # Errors
/// If it is not a whole number with one of these units, or too large for 64 bits.
pub fn bytes(text: &str) -> Result<u64, Fault> {
    let fault = |message: String| Fault::new(message, "write a size such as 16MiB, 64KiB or 1GiB");
    let text = text.trim();
    let number_len = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "K" | "k" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        other => return Err(fault(format!("has the unknown unit {other:?}"))),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| fault("is not a whole number with a unit".to_owned()))?;
    number
        .checked_mul(factor)
        .ok_or_else(|| fault("is too large".to_owned()))
}

/// The most linear memory of one user, in bytes: a size, rounded up to whole pages of 64 KiB, since memory grows by pages.
///
/// # Errors
/// If it is no size, or one that no user can have.
pub fn memory_limit(text: &str) -> Result<usize, Fault> {
    let bytes = usize::try_from(bytes(text)?).ok();
    bytes
        .filter(|bytes| (USER_MEMORY_BYTES_MIN..=USER_MEMORY_BYTES_GRANT_MAX).contains(bytes))
        .map(|bytes| bytes.next_multiple_of(WASM_PAGE_BYTES))
        .ok_or_else(|| Fault::new("is not from 2MiB to 4GiB", "16MiB hold any usual scenario"))
}

/// A whole number.
///
/// # Errors
/// If it is not one, is negative, or does not fit into 64 bits.
pub fn whole(text: &str) -> Result<u64, Fault> {
    text.trim().parse().map_err(|_| {
        Fault::new(
            "is not a whole number",
            "write digits only, without sign, point or unit",
        )
    })
}

/// Ids of the first and the last user: `A..B`, both included.
///
/// # Errors
/// If there is no `..`, an end is not a whole number from 1 to 2⁵³−1, or the last comes before the first.
pub fn user_range(text: &str) -> Result<(u64, u64), Fault> {
    let remedy = "write FIRST..LAST with both ids included, such as 1..100";
    let Some((first, last)) = text.split_once("..") else {
        return Err(Fault::new("has no '..'", remedy));
    };
    // Rust writes an included end as `..=`; here the end always is.
    let last = last.strip_prefix('=').unwrap_or(last);
    let (Ok(first), Ok(last)) = (whole(first), whole(last)) else {
        return Err(Fault::new("has an end that is not a whole number", remedy));
    };
    if first == 0 {
        return Err(Fault::new("begins with 0", "user ids are counted from 1"));
    }
    if last < first {
        return Err(Fault::new(
            "ends before it begins",
            format!("write {last}..{first}"),
        ));
    }
    if last > USER_ID_MAX {
        return Err(Fault::new(
            format!("has ids above {USER_ID_MAX}"),
            "use smaller ids",
        ));
    }
    Ok((first, last))
}

/// `NAME=VALUE`; the value may be empty and may hold further equals signs.
///
/// # Errors
/// If there is no `=` or no name.
pub fn pair(text: &str) -> Result<(&str, &str), Fault> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value)),
        Some(_) => Err(Fault::new("has no name before '='", "write NAME=VALUE")),
        None => Err(Fault::new("has no '='", "write NAME=VALUE")),
    }
}

/// A host override, `HOST[:PORT]=IP[:PORT]`: the name in lower case, and the address to use instead of resolving it.
///
/// # Errors
/// If either side is not of that form.
pub fn host_override(text: &str) -> Result<(String, SocketAddrOrIp), Fault> {
    let remedy = "write HOST[:PORT]=IP[:PORT], such as shop.test=127.0.0.1:8080";
    let (host, address) = pair(text).map_err(|fault| Fault::new(fault.message, remedy))?;
    let valid = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || "-._".contains(char))
    };
    let name_ok = match host.split_once(':') {
        Some((name, port)) => valid(name) && port.parse::<u16>().is_ok_and(|port| port > 0),
        None => valid(host),
    };
    if !name_ok {
        return Err(Fault::new(
            format!("{host:?} is not a host name with an optional port"),
            remedy,
        ));
    }
    Ok((
        host.to_ascii_lowercase(),
        socket_or_ip(address.trim(), remedy)?,
    ))
}

fn socket_or_ip(text: &str, remedy: &str) -> Result<SocketAddrOrIp, Fault> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddrOrIp::Ip(ip));
    }
    text.parse::<SocketAddr>()
        .map(SocketAddrOrIp::Socket)
        .map_err(|_| {
            Fault::new(
                format!("{text:?} is not an IP address with an optional port"),
                remedy,
            )
        })
}

/// A proxy, `http://[USER:PASSWORD@]HOST:PORT`, as it was given without a slash at the end.
///
/// # Errors
/// If it is not of that form.
pub fn proxy(text: &str) -> Result<String, Fault> {
    let remedy = "write http://[USER:PASSWORD@]HOST:PORT";
    let text = text.trim();
    let Some(authority) = text.strip_prefix("http://") else {
        return Err(Fault::new("does not begin with http://", remedy));
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let target = authority
        .rsplit_once('@')
        .map_or(authority, |(_, target)| target);
    let Some((host, port)) = target.rsplit_once(':') else {
        return Err(Fault::new("has no port", remedy));
    };
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(Fault::new("has no port from 1 to 65535", remedy));
    }
    let host_ok = !host.is_empty()
        && host
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "-._:[]".contains(char));
    if !host_ok {
        return Err(Fault::new("has no valid host name", remedy));
    }
    Ok(format!("http://{authority}"))
}

/// A proxy's URL with its password replaced, for messages.
#[must_use]
pub fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://***@{after}")
        }
        None => url.to_owned(),
    }
}

/// Local addresses, separated by commas.
///
/// # Errors
/// If one is not an IP address; ranges and networks, which k6 takes, are named as such.
pub fn addresses(text: &str) -> Result<Vec<IpAddr>, Fault> {
    let remedy = "list single IP addresses, separated by commas: 10.0.0.2,10.0.0.3";
    let mut list = Vec::new();
    for part in text.split(',').map(str::trim) {
        if part.contains('/') || (part.contains('-') && !part.contains(char::is_alphabetic)) {
            return Err(Fault::new(
                format!("{part:?} is a network or a range, which is not supported"),
                remedy,
            ));
        }
        let address = part
            .parse()
            .map_err(|_| Fault::new(format!("{part:?} is not an IP address"), remedy))?;
        list.push(address);
    }
    Ok(list)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
