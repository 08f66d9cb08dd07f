//! URLs of sockets beside those of pages.

use crate::http::resolve;

/// The `ws` or `wss` URL of a reference beside a page's URL: [`http::resolve`](crate::http::resolve) with the scheme changed.
///
/// ```
/// use lt_sdk::websocket::url;
///
/// assert_eq!(url("http://127.0.0.1:8080/shop/?page=2", "/room/7"), "ws://127.0.0.1:8080/room/7");
/// assert_eq!(url("https://chat.test", "room/7"), "wss://chat.test/room/7");
/// ```
#[must_use]
pub fn url(base: &str, reference: &str) -> String {
    let url = resolve(base, reference);
    let Some((scheme, behind)) = url.split_once("://") else {
        return url;
    };
    let scheme = if scheme.eq_ignore_ascii_case("http") {
        "ws"
    } else if scheme.eq_ignore_ascii_case("https") {
        "wss"
    } else {
        return url;
    };
    [scheme, "://", behind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_change_and_the_rest_is_resolved() {
        assert_eq!(url("http://a:80/b/c?d", "e"), "ws://a:80/b/e");
        assert_eq!(url("HTTPS://a/", "/e/?f=1"), "wss://a/e/?f=1");
        assert_eq!(url("ws://a/b", "/c"), "ws://a/c");
        assert_eq!(url("http://a/", "wss://b/c"), "wss://b/c");
        assert_eq!(url("http://a/", "//b/c"), "ws://b/c");
        assert_eq!(url("http://a/b", ""), "ws://a/b");
        assert_eq!(url("mailto:a", ""), "mailto:a");
    }
}
