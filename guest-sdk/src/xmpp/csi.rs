//! Client state indication (XEP-0352): whether somebody looks at the client. These are sent as they are, and not answered.

use super::Element;

const CSI: &str = "urn:xmpp:csi:0";

/// Somebody looks at the client (XEP-0352, section 4.2).
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// session.send(&lt_sdk::xmpp::csi::active())?;
/// # Ok(())
/// # }
/// ```
pub fn active() -> Element {
    Element::new("active").namespace(CSI)
}

/// Nobody looks at the client: the server may hold back what can wait.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// session.send(&lt_sdk::xmpp::csi::inactive())?;
/// # Ok(())
/// # }
/// ```
pub fn inactive() -> Element {
    Element::new("inactive").namespace(CSI)
}

#[cfg(test)]
mod tests {
    use super::super::oracle::parse;

    #[test]
    fn the_oracle_reads_them() {
        let _: xmpp_parsers::csi::Active = parse(&super::active());
        let _: xmpp_parsers::csi::Inactive = parse(&super::inactive());
    }
}
