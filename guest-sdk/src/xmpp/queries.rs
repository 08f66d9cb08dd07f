//! Small questions: ping (XEP-0199), version (XEP-0092), time (XEP-0202), last activity (XEP-0012).

use super::{Element, Error, Result, Stanza};
use crate::timing::Duration;

const VERSION: &str = "jabber:iq:version";
const LAST: &str = "jabber:iq:last";

/// Whom it asks: an empty JID is the own account's server.
pub(super) fn addressed(iq: Element, to: &str) -> Element {
    iq.attribute_some("to", Some(to).filter(|to| !to.is_empty()))
}

fn question(to: &str, name: &'static str, namespace: &'static str) -> Element {
    let payload = Element::new(name).namespace(namespace);
    addressed(super::get(payload), to)
}

/// Ask whether somebody is there (XEP-0199, section 4); with an empty JID the own server.
///
/// ```
/// let request = lt_sdk::xmpp::ping("localhost");
/// assert_eq!(request.to_string(), "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
/// ```
pub fn ping(to: &str) -> Element {
    question(to, "ping", "urn:xmpp:ping")
}

/// Ask for the software (XEP-0092, section 4).
///
/// ```
/// let request = lt_sdk::xmpp::version("localhost");
/// assert!(request.to_string().contains("<query xmlns='jabber:iq:version'/>"));
/// ```
pub fn version(to: &str) -> Element {
    question(to, "query", VERSION)
}

/// Ask for the time (XEP-0202, section 3).
///
/// ```
/// let request = lt_sdk::xmpp::time("localhost");
/// assert!(request.to_string().contains("<time xmlns='urn:xmpp:time'/>"));
/// ```
pub fn time(to: &str) -> Element {
    question(to, "time", "urn:xmpp:time")
}

/// Ask how long somebody was idle, or away, or a server up (XEP-0012).
///
/// ```
/// let request = lt_sdk::xmpp::last("localhost");
/// assert!(request.to_string().contains("<query xmlns='jabber:iq:last'/>"));
/// ```
pub fn last(to: &str) -> Element {
    question(to, "query", LAST)
}

/// A software.
///
/// ```no_run
/// # fn look(version: &lt_sdk::xmpp::Version) {
/// lt_sdk::log::info!("{} {}", version.name, version.version);
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it runs on; empty if that was not said.
    pub os: String,
}

/// The software in an answer to [`version`].
///
/// # Errors
/// If there is none in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp;
///
/// let server = xmpp::read_version(&session.request(&xmpp::version("localhost"))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_version(answer: &Stanza) -> Result<Version> {
    let query = answer.payload("query", VERSION)?;
    let text = |name| query.value(name).unwrap_or_default();
    Ok(Version {
        name: text("name"),
        version: text("version"),
        os: text("os"),
    })
}

/// The time in an answer to [`last`].
///
/// # Errors
/// If there is none in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp;
///
/// let uptime = xmpp::read_last(&session.request(&xmpp::last("localhost"))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_last(answer: &Stanza) -> Result<Duration> {
    let query = answer.payload("query", LAST)?;
    let seconds = query.attr("seconds").and_then(|text| text.parse().ok());
    let seconds = seconds.ok_or(Error::Xml("there are no seconds"))?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let _: xmpp_parsers::ping::Ping = payload(&ping("a"), 0);
        let _: xmpp_parsers::version::VersionQuery = payload(&version("a"), 0);
        let _: xmpp_parsers::time::TimeQuery = payload(&time("a"), 0);
        assert_eq!(
            last("a@b/c").to_xml(),
            "<iq type='get' to='a@b/c'><query xmlns='jabber:iq:last'/></iq>"
        );
        assert_eq!(ping("").attr("to"), None);
    }

    #[test]
    fn answers_are_read() {
        let answer = stanza(
            "<iq type='result'><query xmlns='jabber:iq:version'><name>Prosody</name><version>0.12</version></query></iq>",
        );
        let version = read_version(&answer).unwrap();
        assert_eq!(
            (version.name.as_str(), version.version.as_str()),
            ("Prosody", "0.12")
        );
        assert_eq!(version.os, "");
        let answer = stanza("<iq type='result'><query xmlns='jabber:iq:last' seconds='903'/></iq>");
        assert_eq!(read_last(&answer).unwrap(), Duration::from_secs(903));
        assert!(
            read_last(&stanza(
                "<iq><query xmlns='jabber:iq:last' seconds='x'/></iq>"
            ))
            .is_err()
        );
    }
}
