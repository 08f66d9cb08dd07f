//! Parts of JIDs (RFC 7622).

/// A JID without its resource.
///
/// ```
/// assert_eq!(lt_sdk::xmpp::bare("bob@localhost/phone"), "bob@localhost");
/// assert_eq!(lt_sdk::xmpp::bare("bob@localhost"), "bob@localhost");
/// ```
#[must_use]
pub fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}

/// A JID's resource: in a room, somebody's nick.
///
/// ```
/// assert_eq!(lt_sdk::xmpp::resource("lobby@muc.localhost/bob"), Some("bob"));
/// assert_eq!(lt_sdk::xmpp::resource("lobby@muc.localhost"), None);
/// ```
#[must_use]
pub fn resource(jid: &str) -> Option<&str> {
    jid.split_once('/').map(|(_, resource)| resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_may_contain_slashes() {
        assert_eq!(bare("a@b/c/d"), "a@b");
        assert_eq!(resource("a@b/c/d"), Some("c/d"));
        assert_eq!(resource("b/"), Some(""));
    }
}
