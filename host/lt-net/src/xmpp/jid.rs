//! Addresses (RFC 7622), compared as they are normalised.

use std::borrow::Cow;

/// Read and normalise an address.
///
/// # Errors
/// It is none, and why.
pub(crate) fn parse(text: &str) -> Result<::jid::Jid, String> {
    ::jid::Jid::new(text).map_err(|error| format!("{text:?} is no JID: {error}"))
}

/// An address as it is compared. What is none is compared as written.
pub(crate) fn normalise(text: &str) -> Cow<'_, str> {
    if is_normal(text) {
        return Cow::Borrowed(text);
    }
    match ::jid::Jid::new(text) {
        Ok(jid) => Cow::Owned(jid.into_inner()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// Whether normalising would change nothing, told by a glance: nearly all that servers send. A domain of ASCII may be the
/// encoding of another (RFC 5890).
fn is_normal(text: &str) -> bool {
    let (bare, resource) = split(text);
    bare.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"@-._".contains(&byte))
        && !bare.ends_with('.')
        && memchr::memmem::find(bare.as_bytes(), b"xn--").is_none()
        && resource.is_none_or(|resource| resource.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (text, None),
    }
}

/// Without the resource.
pub(crate) fn bare(text: &str) -> &str {
    split(text).0
}

/// The resource.
pub(crate) fn resource(text: &str) -> Option<&str> {
    split(text).1
}

/// The domain.
pub(crate) fn domain(text: &str) -> &str {
    let bare = bare(text);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

/// Whether two addresses are the same.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a == b || normalise(a) == normalise(b)
}

/// Whether an answer from there answers a request that was sent to `request_to`, by whom `own` is the full JID (RFC 6120, sections
/// 8.1.2.1 and 8.2.3). A request to nobody is answered by the server for the account: from the account, from its
/// domain, or from nobody; so is one to the account itself.
pub(crate) fn answers(request_to: Option<&str>, own: &str, from: Option<&str>) -> bool {
    let is_for_account =
        |from: &str| is_same(from, bare(own)) || is_same(from, own) || is_same(from, domain(own));
    match (request_to, from) {
        (None, None) => true,
        (None, Some(from)) => is_for_account(from),
        // Without `from` it can only come from the own server.
        (Some(to), None) => is_for_account(to),
        (Some(to), Some(from)) => is_same(to, from),
    }
}
