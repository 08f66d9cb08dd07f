//! The archive (XEP-0313): what was said before, page by page (XEP-0059).
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::xmpp::{Session, mam};
//!
//! # fn iterate(session: &Session) -> Result<()> {
//! // The newest five messages with Bob, and those before them.
//! let newest = session.archive(mam::query().with("bob@localhost").max(5).newest())?;
//! if let (false, Some(first)) = (newest.complete, &newest.first) {
//!     let before = session.archive(mam::query().with("bob@localhost").max(5).before(first))?;
//!     log::info!("{:?}", before.messages.iter().filter_map(mam::Archived::body).collect::<Vec<_>>());
//! }
//! # Ok(())
//! # }
//! ```

use super::carbons::{FORWARD, forwarded};
use super::queries::addressed;
use super::stanza::DELAY;
use super::{Element, Error, Filter, Form, Result, Session, Stanza};
use crate::timing::Duration;

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// A question to the archive: everything, as many messages at a time as the server thinks best, the oldest first.
///
/// ```
/// let query = lt_sdk::xmpp::mam::query().with("bob@localhost").max(10);
/// ```
pub fn query() -> Query {
    Query::default()
}

/// A question to the archive (XEP-0313, section 4); made by [`query`].
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// let page = session.archive(lt_sdk::xmpp::mam::query().in_room("lobby@muc.localhost").max(20).newest())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is to be asked"]
pub struct Query {
    archive: Option<String>,
    id: Option<String>,
    node: Option<String>,
    fields: Vec<(&'static str, String)>,
    max: Option<u32>,
    place: Option<(&'static str, String)>,
    flip: bool,
}

impl Query {
    /// Only what was said with this JID (XEP-0313, section 4.1.1).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().with("bob@localhost");
    /// ```
    pub fn with(mut self, jid: impl Into<String>) -> Self {
        self.fields.push(("with", jid.into()));
        self
    }

    /// Only what was said since this time (XEP-0313, section 4.1.2): [`date_time`](super::date_time) writes one.
    ///
    /// ```no_run
    /// use lt_sdk::timing::{Duration, wall_clock};
    /// use lt_sdk::xmpp::{date_time, mam};
    ///
    /// let last_hour = mam::query().start(date_time(wall_clock() - Duration::from_secs(3_600)));
    /// ```
    pub fn start(mut self, since: impl Into<String>) -> Self {
        self.fields.push(("start", since.into()));
        self
    }

    /// Only what was said until this time (XEP-0313, section 4.1.2).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().end("2026-01-01T00:00:00Z");
    /// ```
    pub fn end(mut self, until: impl Into<String>) -> Self {
        self.fields.push(("end", until.into()));
        self
    }

    /// Only what a search for this text finds: a field that some servers have.
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().field("{urn:xmpp:fulltext:0}fulltext", "lunch");
    /// ```
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// At most this many messages (XEP-0059, section 2.1).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().max(5);
    /// ```
    pub const fn max(mut self, messages: u32) -> Self {
        self.max = Some(messages);
        self
    }

    /// The page before this message's id (XEP-0059, section 2.3); an empty one asks for the newest page.
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().before("28482-98726-73623");
    /// ```
    pub fn before(mut self, id: impl Into<String>) -> Self {
        self.place = Some(("before", id.into()));
        self
    }

    /// The newest page (XEP-0059, section 2.5).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().max(5).newest();
    /// ```
    pub fn newest(self) -> Self {
        self.before("")
    }

    /// The page after this message's id (XEP-0059, section 2.2).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().after("28482-98726-73623");
    /// ```
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.place = Some(("after", id.into()));
        self
    }

    /// The page that begins with the message of this number (XEP-0059, section 2.6); not all servers count.
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().at_index(100).max(5);
    /// ```
    pub fn at_index(mut self, index: u64) -> Self {
        self.place = Some(("index", index.to_string()));
        self
    }

    /// The newest of the page first (XEP-0313, section 4.3).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().newest().flip();
    /// ```
    pub const fn flip(mut self) -> Self {
        self.flip = true;
        self
    }

    /// A room's archive instead of one's own (XEP-0313, section 5.1.2).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().in_room("lobby@muc.localhost");
    /// ```
    pub fn in_room(mut self, room: impl Into<String>) -> Self {
        self.archive = Some(room.into());
        self
    }

    /// The archive of a service's node (XEP-0313, section 5.1.1).
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().in_node("pubsub.localhost", "news");
    /// ```
    pub fn in_node(mut self, service: impl Into<String>, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self.in_room(service)
    }

    /// Tell its results from others by this id, which they carry. [`Session::archive`] sets one.
    ///
    /// ```
    /// let query = lt_sdk::xmpp::mam::query().query_id("q1");
    /// ```
    pub fn query_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The request.
    ///
    /// ```
    /// let request = lt_sdk::xmpp::mam::query().to_iq();
    /// assert_eq!(request.to_string(), "<iq type='set'><query xmlns='urn:xmpp:mam:2'/></iq>");
    /// ```
    pub fn to_iq(&self) -> Element {
        let mut query = Element::new("query")
            .namespace(MAM)
            .attribute_some("queryid", self.id.as_deref())
            .attribute_some("node", self.node.as_deref());
        if !self.fields.is_empty() {
            let fields = self.fields.iter();
            let fields = fields.map(|(name, value)| (*name, value.as_str()));
            query = query.child(Form::with(MAM, fields).submit());
        }
        if self.max.is_some() || self.place.is_some() {
            let max = self
                .max
                .map(|max| Element::new("max").text(max.to_string()));
            let place = self.place.iter();
            let place = place.map(|(name, value)| Element::new(*name).text(value.as_str()));
            let set = Element::new("set").namespace(RSM);
            query = query.child(set.with_children(max).with_children(place));
        }
        if self.flip {
            query = query.child(Element::new("flip-page"));
        }
        addressed(
            super::set(query),
            self.archive.as_deref().unwrap_or_default(),
        )
    }
}

/// A message of the archive.
///
/// ```no_run
/// # fn look(archived: &lt_sdk::xmpp::mam::Archived) {
/// lt_sdk::log::info!("{}: {:?} said {:?}", archived.stamp, archived.message.attr("from"), archived.body());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archived {
    /// Its id in the archive, for [`Query::before`] and [`Query::after`].
    pub id: String,
    /// The query that it answers; empty if that had no id.
    pub query_id: String,
    /// When it was said (XEP-0082); empty if that was not said.
    pub stamp: String,
    /// The message.
    pub message: Element,
}

impl Archived {
    /// Its text.
    ///
    /// ```no_run
    /// # fn look(archived: &lt_sdk::xmpp::mam::Archived) -> bool {
    /// archived.body().as_deref() == Some("hello")
    /// # }
    /// ```
    #[must_use]
    pub fn body(&self) -> Option<String> {
        self.message.value("body")
    }
}

/// A page of the archive.
///
/// ```no_run
/// # fn look(page: &lt_sdk::xmpp::mam::Page) {
/// lt_sdk::log::info!("{} of {:?} messages", page.messages.len(), page.count);
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Its messages, in the order in which they came.
    pub messages: Vec<Archived>,
    /// Whether there are no more in this direction.
    pub complete: bool,
    /// Id of its first message.
    pub first: Option<String>,
    /// Id of its last message.
    pub last: Option<String>,
    /// Number of its first message among all that fit, from 0; not all servers count.
    pub first_index: Option<u64>,
    /// How many messages fit; not all servers count.
    pub count: Option<u64>,
}

/// Which stanzas are results of the archive: an intake must let them in.
///
/// ```
/// use lt_sdk::xmpp::{Account, Filter, mam};
///
/// let account = Account::new("user_1@localhost", "password_1").intake([Filter::chat(), mam::results()]);
/// ```
pub fn results() -> Filter {
    Filter::message().payload("result", MAM)
}

/// The message of the archive in a result; `None` if this is none.
///
/// ```no_run
/// # fn look(stanza: &lt_sdk::xmpp::Stanza) {
/// if let Some(archived) = lt_sdk::xmpp::mam::read_result(stanza) {
///     lt_sdk::log::info!("{:?}", archived.body());
/// }
/// # }
/// ```
#[must_use]
pub fn read_result(stanza: &Stanza) -> Option<Archived> {
    let result = stanza.payload("result", MAM).ok()?;
    let text = |name| result.attr(name).unwrap_or_default().to_owned();
    let delay = result.first("forwarded", FORWARD)?.first("delay", DELAY);
    let stamp = delay.and_then(|delay| delay.attr("stamp"));
    Some(Archived {
        id: text("id"),
        query_id: text("queryid"),
        stamp: stamp.unwrap_or_default().to_owned(),
        message: forwarded(&result)?,
    })
}

/// The page that an answer describes, without its messages: those came before it, each by itself.
///
/// # Errors
/// If it is no answer of an archive.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::mam;
///
/// let page = mam::read_page(&session.request(&mam::query().max(0).to_iq())?)?;
/// lt_sdk::log::info!("{:?} messages", page.count);
/// # Ok(())
/// # }
/// ```
pub fn read_page(answer: &Stanza) -> Result<Page> {
    let fin = answer.payload("fin", MAM)?;
    let set = fin.first("set", RSM);
    let value = |path: &str| set?.value(path);
    let number = |path| value(path)?.parse().ok();
    Ok(Page {
        messages: Vec::new(),
        complete: matches!(fin.attr("complete"), Some("true" | "1")),
        first: value("first"),
        last: value("last"),
        first_index: number("first@index"),
        count: number("count"),
    })
}

/// How long a page is awaited.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

impl Session {
    /// Ask the archive for a page and wait for it, 60 s at most: feeds `xmpp_request_duration` with the archive's namespace. The messages go through the
    /// inbox, so it must have room for a page, and the [intake](super::Account::intake) must let [`results`] in.
    ///
    /// # Errors
    /// If the archive refuses, does not answer in time, or the session has ended.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let page = session.archive(lt_sdk::xmpp::mam::query().with("bob@localhost").max(5).newest())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn archive(&self, query: Query) -> Result<Page> {
        self.archive_timeout(query, PAGE_TIMEOUT)
    }

    /// Ask the archive for a page and wait for it at most this long.
    ///
    /// # Errors
    /// Those of [`archive`](Self::archive).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, xmpp::mam};
    /// let page = session.archive_timeout(mam::query().max(5).newest(), Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn archive_timeout(&self, mut query: Query, timeout: Duration) -> Result<Page> {
        let id = query.id.get_or_insert_with(super::new_id).clone();
        let answer = self.request_timeout(&query.to_iq(), timeout);
        // Whatever became of it: nobody else wants what came.
        let wanted = results().contains(id.as_str()).into();
        let mut messages = Vec::new();
        let gathered = loop {
            match self.look(&wanted) {
                Ok(Some(stanza)) => messages.extend(read_result(&stanza)),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let mut page = read_page(&answer?)?;
        match gathered {
            // The answer is there, so all of the page is.
            Ok(()) | Err(Error::Closed(_)) => {
                page.messages = messages;
                Ok(page)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::mam as oracle;

    #[test]
    fn the_oracle_reads_questions() {
        let built = query()
            .with("bob@b")
            .start("2026-01-01T00:00:00Z")
            .end("2026-01-02T00:00:00Z")
            .max(5)
            .after("x")
            .in_node("service", "node")
            .query_id("q")
            .flip();
        let iq = built.to_iq();
        assert_eq!(iq.attr("to"), Some("service"));
        let read: oracle::Query = payload(&iq, 0);
        assert_eq!(read.queryid.unwrap().0, "q");
        assert_eq!(read.node.unwrap().0, "node");
        let form = read.form.unwrap();
        assert_eq!(form.form_type().unwrap(), MAM);
        assert_eq!(form.fields.len(), 4);
        let set = read.set.unwrap();
        assert_eq!((set.max, set.after.as_deref()), (Some(5), Some("x")));
        assert!(read.flip_page);
    }

    #[test]
    fn the_oracle_reads_where_a_page_lies() {
        let set = |built: Query| {
            let read: oracle::Query = payload(&built.to_iq(), 0);
            read.set.unwrap()
        };
        assert_eq!(set(query().newest()).before.as_deref(), Some(""));
        assert_eq!(set(query().before("y")).before.as_deref(), Some("y"));
        assert_eq!(set(query().at_index(7)).index, Some(7));
        let read: oracle::Query = payload(&query().to_iq(), 0);
        assert!(read.set.is_none() && read.form.is_none() && read.queryid.is_none());
    }

    #[test]
    fn results_are_read() {
        let result = stanza(
            "<message to='a@b/c'><result xmlns='urn:xmpp:mam:2' queryid='q' id='28482'><forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/><message xmlns='jabber:client' from='d@e'><body>hello</body></message>\
             </forwarded></result></message>",
        );
        let archived = read_result(&result).unwrap();
        assert_eq!(
            (archived.id.as_str(), archived.query_id.as_str()),
            ("28482", "q")
        );
        assert_eq!(archived.stamp, "2010-07-10T23:08:25Z");
        assert_eq!(archived.body().as_deref(), Some("hello"));
        assert_eq!(archived.message.attr("from"), Some("d@e"));
        assert!(read_result(&stanza("<message><body>a</body></message>")).is_none());
    }

    #[test]
    fn pages_are_read() {
        let answer = stanza(
            "<iq type='result'><fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'>\
             <first index='3'>28482</first><last>09af3</last><count>20</count></set></fin></iq>",
        );
        let page = read_page(&answer).unwrap();
        assert!(page.complete && page.messages.is_empty());
        assert_eq!(
            (page.first.as_deref(), page.last.as_deref()),
            (Some("28482"), Some("09af3"))
        );
        assert_eq!((page.first_index, page.count), (Some(3), Some(20)));
        let empty = read_page(&stanza("<iq><fin xmlns='urn:xmpp:mam:2'/></iq>")).unwrap();
        assert_eq!(empty, Page::default());
        assert!(read_page(&stanza("<iq/>")).is_err());
    }
}
